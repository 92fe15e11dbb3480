/** How ops are put on tensors: the bridge from checked arguments to graph nodes. */
import { checkValue, type DType, isFloat, promote } from '../dtype.js';
import { ArgumentError, DTypeError } from '../errors.js';
import { constantNode } from '../graph/leaves.js';
import { type Attrs, makeNode, type OpDef } from '../graph/node.js';
import { broadcastShapes, type Shape, sameShape } from '../shape.js';
import { present, Tensor } from '../tensor.js';
import { expandOp } from './view.js';

/** A tensor of `op` on `inputs`. */
export function apply<D extends DType>(
  op: { readonly name: string },
  inputs: readonly Tensor[],
  attrs: Attrs = {},
): Tensor<D> {
  return new Tensor<D>(
    makeNode(
      op as OpDef,
      inputs.map((input) => input.node),
      attrs,
    ),
  );
}

/** Throws unless `value` is a tensor. */
export function checkTensor(value: unknown, where: string, name = 'input'): asserts value is Tensor {
  if (!(value instanceof Tensor))
    throw new ArgumentError(`${where}: ${name} must be a tensor, got ${describe(value)}; wrap it in tensor()`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value)
    ? 'an array'
    : typeof value === 'object'
      ? `a ${value.constructor?.name ?? 'object'}`
      : `the ${typeof value} ${String(value)}`;
}

/** Throws unless the tensor's dtype is one of `allowed`. */
export function checkDTypeOf(input: Tensor, allowed: readonly DType[], where: string, name = 'input'): void {
  if (!allowed.includes(input.dtype))
    throw new DTypeError(
      `${where}: ${name} must be ${allowed.join(' or ')}, got ${input.dtype}; use ${name}.cast('${allowed[0]}')`,
    );
}

export function checkFloat(input: Tensor, where: string, name = 'input'): void {
  checkDTypeOf(input, ['float32', 'float64'], where, name);
}

/** How a number is held by a dtype: rounded, without its fraction, modulo 256, or as 0 or 1. */
const held: { readonly [D in DType]: (value: number) => number } = {
  float32: Math.fround,
  float64: (value) => value,
  int64: (value) => Math.trunc(value) + 0,
  int32: (value) => value | 0,
  uint8: (value) => value & 255,
  bool: (value) => Number(value !== 0),
};

/** The scalar constant `value` as a tensor. */
export function constant<D extends DType>(value: number, dtype: D): Tensor<D> {
  return new Tensor<D>(constantNode(held[dtype](value), dtype));
}

/** Broadcasts to `shape` without copying (NumPy's rule). */
export function expandTo<D extends DType>(input: Tensor<D>, shape: Shape): Tensor<D> {
  return sameShape(input.shape, shape) ? present(input) : apply<D>(expandOp, [input], { shape });
}

/**
 * The dtype in which a JavaScript number takes part beside a tensor of `dtype`: a fraction beside whole numbers makes
 * float32, a number beside booleans int64 (or float32), as in PyTorch.
 */
export function dtypeBeside(value: number | boolean, dtype: DType): DType {
  if (isFloat(dtype) || typeof value === 'boolean') return dtype;
  if (!Number.isInteger(value)) return 'float32';
  return dtype === 'bool' ? 'int64' : dtype;
}

/** Brings operands to one dtype and one shape; numbers become constants. */
export function align(
  where: string,
  operands: readonly (Tensor | number | boolean)[],
  cast: (t: Tensor, dtype: DType) => Tensor,
): Tensor[] {
  const tensors = operands.filter((operand): operand is Tensor => operand instanceof Tensor);
  for (const [i, operand] of operands.entries())
    if (typeof operand !== 'number' && typeof operand !== 'boolean') checkTensor(operand, where, `operand ${i}`);
  if (tensors.length === 0) throw new ArgumentError(`${where}: at least one operand must be a tensor`);
  let dtype = tensors.map((t) => t.dtype).reduce(promote);
  for (const operand of operands) if (!(operand instanceof Tensor)) dtype = promote(dtype, dtypeBeside(operand, dtype));
  const shape = broadcastShapes(
    tensors.map((t) => t.shape),
    where,
  );
  return operands.map((operand) => {
    if (!(operand instanceof Tensor)) checkValue(Number(operand), dtype, where);
    const t = operand instanceof Tensor ? cast(operand, dtype) : constant(Number(operand), dtype);
    return expandTo(t, shape);
  });
}
