/**
 * Taking parts of a tensor: all are views, and their gradients put the parts back in place. Neighbours: `slice.ts` has
 * the primitives, `index-ops.ts` takes parts at positions that a tensor gives.
 */
import type { DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { normalizeAxes, normalizeAxis, showShape } from '../shape.js';
import { present, type Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { concat } from './join.js';
import { withShape } from './shape-ops.js';
import { part, sliceOp } from './slice.js';

/** Start, end (not included) and step along one axis, as in NumPy; null or absent: from one end to the other. */
export type SliceRange = readonly [start?: number | null, end?: number | null, step?: number | null] | null;

/**
 * The elements within a range along each axis; axes without a range are kept whole. Ranges follow NumPy: negative
 * positions count from the end, positions beyond the ends are cut, negative steps walk backwards.
 * `slice(x, [[1, 3], null, [null, null, -1]])` is NumPy's `x[1:3, :, ::-1]`.
 * @throws ArgumentError for more ranges than axes, a step of 0, or positions that are no integers.
 */
export function slice<D extends DType>(input: Tensor<D>, ranges: readonly SliceRange[]): Tensor<D> {
  checkTensor(input, 'slice');
  if (!Array.isArray(ranges)) throw new ArgumentError('slice: ranges must be an array with one range or null per axis');
  if (ranges.length > input.rank)
    throw new ArgumentError(
      `slice: ${ranges.length} ranges for ${showShape(input.shape)}, which has ${input.rank} axes`,
    );
  const parts = input.shape.map((dim, axis) => resolve(ranges[axis] ?? null, dim, axis));
  return apply<D>(sliceOp, [input], {
    starts: parts.map(({ start }) => start),
    sizes: parts.map(({ size }) => size),
    steps: parts.map(({ step }) => step),
  });
}

/** Python's `slice.indices`. */
function resolve(range: SliceRange, dim: number, axis: number): { start: number; size: number; step: number } {
  const [from, to, by] = range ?? [];
  for (const value of [from, to, by])
    if (value !== undefined && value !== null && !Number.isInteger(value))
      throw new ArgumentError(`slice: range [${String(range)}] of axis ${axis} must hold integers or null`);
  const step = by ?? 1;
  if (step === 0) throw new ArgumentError(`slice: the step of axis ${axis} is 0`);
  const [lower, upper] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clip = (at: number) => (at < 0 ? Math.max(at + dim, lower) : Math.min(at, upper));
  const start = from === undefined || from === null ? (step > 0 ? lower : upper) : clip(from);
  const end = to === undefined || to === null ? (step > 0 ? upper : lower) : clip(to);
  const size = Math.max(0, Math.ceil((end - start) / step));
  return { start: size > 0 ? start : 0, size, step };
}

/**
 * `length` elements from `start` on along `axis`. A negative start counts from the end.
 * @throws ArgumentError when the part does not lie within the axis.
 */
export function narrow<D extends DType>(input: Tensor<D>, axis: number, start: number, length: number): Tensor<D> {
  checkTensor(input, 'narrow');
  const at = normalizeAxis(axis, input.rank, 'narrow');
  const dim = input.shape[at];
  const first = start < 0 ? start + dim : start;
  if (!Number.isInteger(first) || !Number.isInteger(length) || first < 0 || length < 0 || first + length > dim)
    throw new ArgumentError(
      `narrow: start ${start} and length ${length} leave axis ${at} of ${showShape(input.shape)}`,
    );
  return part(input, at, first, length);
}

/**
 * The slice at `index` along `axis`, which is dropped. A negative index counts from the end.
 * @throws ArgumentError when the index is out of range.
 */
export function select<D extends DType>(input: Tensor<D>, axis: number, index: number): Tensor<D> {
  checkTensor(input, 'select');
  const at = normalizeAxis(axis, input.rank, 'select');
  const dim = input.shape[at];
  if (!Number.isInteger(index) || index < -dim || index >= dim)
    throw new ArgumentError(`select: index ${index} is out of range for axis ${at} of ${showShape(input.shape)}`);
  const taken = part(input, at, index < 0 ? index + dim : index, 1);
  return withShape(
    taken,
    input.shape.filter((_, i) => i !== at),
  );
}

/** The elements in reverse order along `axes` (all of them unless told). */
export function flip<D extends DType>(input: Tensor<D>, axes?: number | readonly number[]): Tensor<D> {
  checkTensor(input, 'flip');
  const list = normalizeAxes(axes, input.rank, 'flip');
  return slice(
    input,
    input.shape.map((_, i) => (list.includes(i) ? [null, null, -1] : null)),
  );
}

/**
 * Cuts `axis` into parts: of `sizes` elements each (the last may be smaller), or of the listed sizes.
 * @throws ShapeError when listed sizes do not add up to the dimension.
 */
export function split<D extends DType>(input: Tensor<D>, sizes: number | readonly number[], axis = 0): Tensor<D>[] {
  checkTensor(input, 'split');
  const at = normalizeAxis(axis, input.rank, 'split');
  const dim = input.shape[at];
  const list = typeof sizes === 'number' ? evenSizes(sizes, dim) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0) || list.reduce((a, b) => a + b, 0) !== dim)
    throw new ShapeError(
      `split: sizes [${list.join(',')}] do not add up to ${dim}, axis ${at} of ${showShape(input.shape)}`,
    );
  let start = 0;
  return list.map((size) => {
    start += size;
    return part(input, at, start - size, size);
  });
}

function evenSizes(size: number, dim: number): number[] {
  if (!Number.isInteger(size) || size < 1) throw new ArgumentError(`split: size ${size} must be a positive integer`);
  const count = Math.max(1, Math.ceil(dim / size));
  return Array.from({ length: count }, (_, i) => Math.min(size, dim - i * size));
}

/** Cuts `axis` into at most `count` parts of equal size; the last may be smaller (as `torch.chunk`). */
export function chunk<D extends DType>(input: Tensor<D>, count: number, axis = 0): Tensor<D>[] {
  checkTensor(input, 'chunk');
  if (!Number.isInteger(count) || count < 1)
    throw new ArgumentError(`chunk: count ${count} must be a positive integer`);
  const at = normalizeAxis(axis, input.rank, 'chunk');
  const dim = input.shape[at];
  if (dim === 0) return Array.from({ length: count }, () => present(input));
  return split(input, Math.ceil(dim / count), at);
}

/**
 * Moves elements along axes by `shifts` places; those that leave at one end come in at the other. Without `axes` the
 * tensor is rolled as if it were flat.
 */
export function roll<D extends DType>(
  input: Tensor<D>,
  shifts: number | readonly number[],
  axes?: number | readonly number[],
): Tensor<D> {
  checkTensor(input, 'roll');
  const by = [shifts].flat();
  if (by.some((shift) => !Number.isInteger(shift))) throw new ArgumentError(`roll: shifts [${by}] must be integers`);
  if (axes === undefined) {
    if (by.length !== 1) throw new ArgumentError('roll: several shifts need as many axes');
    return withShape(rollAxis(withShape(input, [input.size]), by[0], 0), input.shape);
  }
  const along = [axes].flat().map((axis) => normalizeAxis(axis, input.rank, 'roll'));
  if (along.length !== by.length) throw new ArgumentError(`roll: ${by.length} shifts for ${along.length} axes`);
  return along.reduce((rolled, axis, i) => rollAxis(rolled, by[i], axis), present(input));
}

function rollAxis<D extends DType>(input: Tensor<D>, shift: number, axis: number): Tensor<D> {
  const dim = input.shape[axis];
  const at = dim === 0 ? 0 : ((shift % dim) + dim) % dim;
  if (at === 0) return input;
  return concat([part(input, axis, dim - at, at), part(input, axis, 0, dim - at)], axis);
}
