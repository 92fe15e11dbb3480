/**
 * Matrix products. One primitive, batched; the public functions broadcast and reshape around it. Neighbour: `einsum.ts`
 * lowers its equations to these.
 */
import { type DType, shortOf } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { type Attrs, defineOp, type KernelOp, type TensorType } from '../graph/node.js';
import { contiguousView, reshapeView } from '../graph/view.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { broadcastShapes, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { cast } from './cast.js';
import { add, mul } from './elementwise.js';
import { sum } from './reduce.js';
import { transpose, unsqueeze, withShape } from './shape-ops.js';

/** dtypes that products exist for. */
export const productDTypes: readonly DType[] = ['float32', 'float64', 'int32', 'int64'];

const columnsOf = (operand: TensorType): number => operand.shape[operand.shape.length - 1];

/**
 * [batch..., m, k] x [batch..., k, n] -> [batch..., m, n]; both batches are equal here. A matrix on the right without
 * batches serves all of them, which then are just more rows.
 */
const matmulOp: KernelOp = defineOp<Attrs, KernelOp>({
  name: 'matmul',
  kind: 'kernel',
  contraction: true,
  matrix(shape, [, b]) {
    const [rows, columns] = shape.slice(-2);
    const batch = sizeOf(shape.slice(0, -2));
    return b.shape.length > 2 ? [batch, rows, columns] : [1, batch * rows, columns];
  },
  type: ([a, b]: readonly TensorType[]) => ({ shape: [...a.shape.slice(0, -1), columnsOf(b)], dtype: a.dtype }),
  gradient(g, { inputs: [a, b], needs }) {
    const [rows, gradient] = b.rank === 2 ? [asRows(a), asRows(g)] : [a, g];
    return [needs[0] ? product(g, transpose(b)) : undefined, needs[1] ? product(transpose(rows), gradient) : undefined];
  },
  flops: ([a], out) => 2 * sizeOf(out.shape) * columnsOf(a),
  lower(context) {
    const b = context.input(1);
    const a = rowsOf(context, context.input(0), b.shape.length);
    const rank = a.shape.length;
    const last = (strides: readonly number[]) => strides.slice(rank - 2);
    const batch = (strides: readonly number[]) => strides.slice(0, rank - 2);
    const [m, k, n] = [a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]];
    const params = {
      batch: sizeOf(batch(a.shape)),
      m,
      n,
      k,
      a_strides: last(a.strides),
      b_strides: last(b.strides),
      batch_dims: batch(a.shape),
      a_batch: batch(a.strides),
      b_batch: batch(b.strides),
    };
    context.emitContraction(`gemm_${shortOf(a.dtype)}`, { a, b }, params);
  },
  reference([a, b], out) {
    const [k, n] = b.shape.slice(-2);
    const m = b.shape.length === 2 ? out.values.length / n : a.shape[a.shape.length - 2];
    for (let i = 0; i < out.values.length; i++) {
      const batch = Math.floor(i / (m * n));
      const row = Math.floor(i / n) % m;
      const column = i % n;
      let total = 0;
      for (let p = 0; p < k; p++) total += a.values[(batch * m + row) * k + p] * b.values[(batch * k + p) * n + column];
      out.values[i] = total;
    }
  },
});

/** The left operand in `rank` dimensions; copied only when leading ones must merge but do not walk memory evenly. */
function rowsOf(context: LowerContext, operand: Operand, rank: number): Operand {
  if (operand.shape.length === rank) return operand;
  const columns = columnsOf(operand);
  const shape = [sizeOf(operand.shape) / columns, columns];
  const view = reshapeView(operand, shape);
  return view ? { ...operand, ...view } : { ...context.materialize(operand), ...contiguousView(shape) };
}

/** All leading dimensions as one. */
function asRows<D extends DType>(x: Tensor<D>): Tensor<D> {
  return withShape(x, [sizeOf(x.shape.slice(0, -1)), columnsOf(x)]);
}

/** The primitive, except that a sum over nothing is 0. */
function product<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D> {
  if (columnsOf(a) > 0) return apply<D>(matmulOp, [a, b]);
  // As a sum, so that it depends on both operands.
  return cast(sum(mul(unsqueeze(a, -1), unsqueeze(b, -3)), -2), a.dtype);
}

/**
 * Matrix product as NumPy and PyTorch define it: 1-D operands are vectors, leading dimensions are batches that
 * broadcast. [..., m, k] x [..., k, n] -> [..., m, n].
 * @throws ShapeError when the inner dimensions differ or a scalar is given; DTypeError for mixed or bool dtypes.
 */
export function matmul<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D> {
  checkTensor(a, 'matmul', 'a');
  checkTensor(b, 'matmul', 'b');
  checkProduct(a, b, 'matmul', ['a', 'b']);
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError(
      `matmul: operands need at least one dimension, got ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  const left = a.rank === 1 ? withShape(a, [1, a.shape[0]]) : a;
  const right = b.rank === 1 ? withShape(b, [b.shape[0], 1]) : b;
  const [m, k] = left.shape.slice(-2);
  const [k2, n] = right.shape.slice(-2);
  if (k !== k2)
    throw new ShapeError(
      `matmul: inner dimensions differ: a ${showShape(a.shape)} has ${k}, b ${showShape(b.shape)} has ${k2}`,
    );
  const result = batched(left, right, m, k, n);
  const ends = [...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])];
  return withShape(result, [...result.shape.slice(0, -2), ...ends]);
}

function batched<D extends DType>(a: Tensor<D>, b: Tensor<D>, m: number, k: number, n: number): Tensor<D> {
  if (b.rank === 2) return product(a, b);
  const batch = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)], 'matmul');
  return product(expandTo(a, [...batch, m, k]), expandTo(b, [...batch, k, n]));
}

/** Throws unless two operands have one dtype that products exist for. */
function checkProduct(a: Tensor, b: Tensor, where: string, names: readonly [string, string]): void {
  if (a.dtype !== b.dtype)
    throw new DTypeError(`${where}: ${names[0]} is ${a.dtype} but ${names[1]} is ${b.dtype}; cast one of them`);
  if (!productDTypes.includes(a.dtype))
    throw new DTypeError(`${where}: accepts ${productDTypes.join(', ')}, got ${a.dtype}; cast the operands`);
}

/**
 * The fully connected layer: x weight^T + bias for x [..., in], weight [out, in] and bias [out]
 * (`torch.nn.functional.linear`).
 * @throws ShapeError when sizes do not agree; DTypeError for mixed dtypes.
 */
export function linear<D extends DType>(x: Tensor<D>, weight: Tensor<D>, bias?: Tensor<D>): Tensor<D> {
  checkTensor(x, 'linear', 'x');
  checkTensor(weight, 'linear', 'weight');
  checkProduct(x, weight, 'linear', ['x', 'weight']);
  if (weight.rank !== 2) throw new ShapeError(`linear: weight must be [out, in], got ${showShape(weight.shape)}`);
  const [outputs, inputs] = weight.shape;
  if (x.rank === 0 || columnsOf(x) !== inputs)
    throw new ShapeError(
      `linear: weight ${showShape(weight.shape)} expects ${inputs} features (last dim of x) but x is ${showShape(x.shape)}`,
    );
  const y = matmul(x, transpose(weight));
  if (bias === undefined) return y;
  checkTensor(bias, 'linear', 'bias');
  if (bias.dtype !== x.dtype)
    throw new DTypeError(`linear: x is ${x.dtype} but bias is ${bias.dtype}; cast one of them`);
  if (bias.rank !== 1 || bias.shape[0] !== outputs)
    throw new ShapeError(
      `linear: bias must be [${outputs}] for weight ${showShape(weight.shape)}, got ${showShape(bias.shape)}`,
    );
  return add(y, bias) as Tensor<D>;
}
