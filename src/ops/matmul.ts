/** Matrix products. One primitive, batched; the public functions broadcast and reshape around it. */
import { type DType, isFloat, shortOf } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { type Attrs, defineOp, type KernelOp, type TensorType } from '../graph/node.js';
import { broadcastShapes, type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { permuteOp, reshapeOp } from './view.js';

/** [batch..., m, k] x [batch..., k, n] -> [batch..., m, n]; both batches are equal here. */
export const matmulOp: KernelOp = defineOp<Attrs, KernelOp>({
  name: 'matmul',
  kind: 'kernel',
  contraction: true,
  type([a, b]: readonly TensorType[]): TensorType {
    const rank = a.shape.length;
    return { shape: [...a.shape.slice(0, -1), b.shape[rank - 1]], dtype: a.dtype };
  },
  gradient: (g, { inputs: [a, b], needs }) => [
    needs[0] ? apply(matmulOp, [g, transposeLast(b)]) : undefined,
    needs[1] ? apply(matmulOp, [transposeLast(a), g]) : undefined,
  ],
  flops: ([a], out) => 2 * sizeOf(out.shape) * a.shape[a.shape.length - 1],
  lower(context) {
    const [a, b] = [context.input(0), context.input(1)];
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
    const rank = a.shape.length;
    const [m, k, n] = [a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]];
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

/** Swaps the last two axes. */
function transposeLast<D extends DType>(x: Tensor<D>): Tensor<D> {
  const axes = x.shape.map((_, i) => i);
  axes.push(...axes.splice(-2).reverse());
  return apply<D>(permuteOp, [x], { axes });
}

/**
 * Matrix product as NumPy and PyTorch define it: 1-D operands are vectors, leading dimensions are batches that
 * broadcast. [..., m, k] x [..., k, n] -> [..., m, n].
 * @throws ShapeError when the inner dimensions differ or a scalar is given; DTypeError for mixed or bool dtypes.
 */
export function matmul<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D> {
  checkTensor(a, 'matmul', 'a');
  checkTensor(b, 'matmul', 'b');
  if (a.dtype !== b.dtype) throw new DTypeError(`matmul: a is ${a.dtype} but b is ${b.dtype}; cast one of them`);
  if (!isFloat(a.dtype) && a.dtype !== 'int32' && a.dtype !== 'int64')
    throw new DTypeError(`matmul: accepts float32, float64, int32 and int64, got ${a.dtype}; cast the operands`);
  if (a.rank === 0 || b.rank === 0) throw new ShapeError(`matmul: operands need at least one dimension, got ${showShape(a.shape)} and ${showShape(b.shape)}`);
  const left = a.rank === 1 ? reshape(a, [1, a.shape[0]]) : a;
  const right = b.rank === 1 ? reshape(b, [b.shape[0], 1]) : b;
  const [m, k] = left.shape.slice(-2);
  const [k2, n] = right.shape.slice(-2);
  if (k !== k2)
    throw new ShapeError(`matmul: inner dimensions differ: a ${showShape(a.shape)} has ${k}, b ${showShape(b.shape)} has ${k2}`);
  const product = batched(left, right, m, k, n);
  const shape = [...product.shape.slice(0, -2), ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])];
  return reshape(product, shape);
}

function batched<D extends DType>(a: Tensor<D>, b: Tensor<D>, m: number, k: number, n: number): Tensor<D> {
  // A batch on the left alone is just more rows.
  if (b.rank === 2 && a.rank > 2) {
    const rows = sizeOf(a.shape.slice(0, -1));
    return reshape(apply<D>(matmulOp, [reshape(a, [rows, k]), b]), [...a.shape.slice(0, -1), n]);
  }
  const batch = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)], 'matmul');
  return apply<D>(matmulOp, [expandTo(a, [...batch, m, k]), expandTo(b, [...batch, k, n])]);
}

function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  return shape.length === x.rank && shape.every((dim, i) => dim === x.shape[i]) ? x : apply<D>(reshapeOp, [x], { shape });
}
