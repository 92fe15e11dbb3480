/**
 * Ops that only change how elements are seen: other shapes, other orders of axes, broadcasting. All are views and cost
 * nothing. Neighbours: `view.ts` has the primitives, `slicing.ts` takes parts.
 */
import type { DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { checkShape, normalizeAxes, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { present, type Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { expandOp, permuteOp, reshapeOp } from './view.js';

/** @internal Reshape to a checked shape; the tensor itself when it has that shape. */
export function withShape<D extends DType>(input: Tensor<D>, shape: Shape): Tensor<D> {
  return sameShape(input.shape, shape) ? present(input) : apply<D>(reshapeOp, [input], { shape });
}

/** @internal Permute by checked axes; the tensor itself when they are in order. */
export function withAxes<D extends DType>(input: Tensor<D>, axes: readonly number[]): Tensor<D> {
  return axes.every((axis, i) => axis === i) ? present(input) : apply<D>(permuteOp, [input], { axes });
}

/**
 * The same elements in row-major order under another shape. One dimension may be -1: it is whatever is left.
 * @throws ShapeError when the elements do not fill the shape.
 */
export function reshape<D extends DType>(input: Tensor<D>, shape: readonly number[]): Tensor<D> {
  checkTensor(input, 'reshape');
  return withShape(input, inferred(input.shape, shape));
}

function inferred(from: Shape, to: readonly number[]): Shape {
  const open = Array.isArray(to) ? to.filter((dim) => dim === -1).length : 0;
  if (open > 1) throw new ShapeError(`reshape: shape ${showShape(to)} has more than one -1`);
  if (open === 0) return checkShape(to, 'reshape');
  const known = checkShape(
    to.filter((dim) => dim !== -1),
    'reshape',
  );
  const [have, unit] = [sizeOf(from), sizeOf(known)];
  if (unit === 0) throw new ShapeError(`reshape: -1 in ${showShape(to)} can be anything, as another dimension is 0`);
  if (have % unit !== 0)
    throw new ShapeError(
      `reshape: ${showShape(from)} has ${have} elements, which ${showShape(to)} cannot divide evenly`,
    );
  return to.map((dim) => (dim === -1 ? have / unit : dim));
}

/** Merges the axes from `startAxis` to `endAxis` (both included) into one. A scalar becomes `[1]`. */
export function flatten<D extends DType>(input: Tensor<D>, startAxis = 0, endAxis = -1): Tensor<D> {
  checkTensor(input, 'flatten');
  if (input.rank === 0) return withShape(input, [1]);
  const [first, last] = [startAxis, endAxis].map((axis) => normalizeAxis(axis, input.rank, 'flatten'));
  if (first > last)
    throw new ArgumentError(
      `flatten: startAxis ${startAxis} comes after endAxis ${endAxis} in ${showShape(input.shape)}`,
    );
  const { shape } = input;
  const merged = sizeOf(shape.slice(first, last + 1));
  return withShape(input, [...shape.slice(0, first), merged, ...shape.slice(last + 1)]);
}

/** Drops axes of size 1: all of them, or those of `axes` that have size 1 (others stay, as in PyTorch). */
export function squeeze<D extends DType>(input: Tensor<D>, axes?: number | readonly number[]): Tensor<D> {
  checkTensor(input, 'squeeze');
  const list = normalizeAxes(axes, input.rank, 'squeeze');
  return withShape(
    input,
    input.shape.filter((dim, i) => dim !== 1 || !list.includes(i)),
  );
}

/** Inserts an axis of size 1 that becomes number `axis` of the result. */
export function unsqueeze<D extends DType>(input: Tensor<D>, axis: number): Tensor<D> {
  checkTensor(input, 'unsqueeze');
  const at = normalizeAxis(axis, input.rank + 1, 'unsqueeze');
  return withShape(input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)]);
}

/** Axis i of the result is axis `axes[i]` of the input. Every axis must be named once. */
export function permute<D extends DType>(input: Tensor<D>, axes: readonly number[]): Tensor<D> {
  checkTensor(input, 'permute');
  const list = axes.map((axis) => normalizeAxis(axis, input.rank, 'permute'));
  if (list.length !== input.rank || new Set(list).size !== list.length)
    throw new ArgumentError(`permute: axes [${axes.join(',')}] must name each of the ${input.rank} axes once`);
  return withAxes(input, list);
}

/** Swaps two axes; the last two unless told. */
export function transpose<D extends DType>(input: Tensor<D>, axis0 = -2, axis1 = -1): Tensor<D> {
  checkTensor(input, 'transpose');
  const [a, b] = [axis0, axis1].map((axis) => normalizeAxis(axis, input.rank, 'transpose'));
  return withAxes(
    input,
    input.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/**
 * Repeats axes of size 1, and new leading axes, up to `shape`; -1 keeps a dimension. Nothing is copied.
 * @throws ShapeError when a dimension is neither 1 nor the wanted one.
 */
export function expand<D extends DType>(input: Tensor<D>, shape: readonly number[]): Tensor<D> {
  checkTensor(input, 'expand');
  const lead = shape.length - input.rank;
  const wanted = shape.map((dim, i) => (dim === -1 && i >= lead ? input.shape[i - lead] : dim));
  checkShape(wanted, 'expand');
  return sameShape(input.shape, wanted) ? present(input) : apply<D>(expandOp, [input], { shape: wanted });
}
