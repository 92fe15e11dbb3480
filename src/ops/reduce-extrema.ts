/** Largest and smallest elements and their positions, and the logical reductions any and all. */
import type { DType } from '../dtype.js';
import type { GradientContext, KernelOp } from '../graph/node.js';
import { normalizeAxes, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { div, mul } from './elementwise.js';
import {
  type Axes,
  defineReduce,
  keepAxes,
  type ReduceAttrs,
  type ReduceOptions,
  reduceWith,
  spread,
  sum,
} from './reduce.js';
import { reshapeOp } from './view.js';

/** Elements that share the extremum share its gradient evenly. */
function extremumGradient(g: Tensor, { inputs: [x], output, attrs: { axes } }: GradientContext<ReduceAttrs>): Tensor[] {
  const isExtremum = cast(equal(x, spread(output, x.shape, axes)), x.dtype);
  const share = div(keepAxes(g, x.shape, axes), sum(isExtremum, axes, { keepDims: true }));
  return [mul(isExtremum, share)];
}

const maxOp = defineReduce({
  name: 'max',
  associative: true,
  scalar: (values) => values.reduce((a, b) => Math.max(a, b)),
  gradient: extremumGradient,
});
const minOp = defineReduce({
  name: 'min',
  associative: true,
  scalar: (values) => values.reduce((a, b) => Math.min(a, b)),
  gradient: extremumGradient,
});

function extremum<D extends DType>(
  op: KernelOp<ReduceAttrs>,
  input: Tensor<D>,
  axes: Axes,
  options?: ReduceOptions,
): Tensor<D> {
  checkTensor(input, op.name);
  const list = normalizeAxes(axes, input.rank, op.name);
  if (input.dtype !== 'bool') return reduceWith<D>(op, input, list, options);
  return cast(reduceWith(op, cast(input, 'uint8'), list, options), 'bool') as Tensor as Tensor<D>;
}

/**
 * Largest element over `axes` (all when undefined); NaN when there is one. Equal largest elements share the gradient.
 * @throws ShapeError when nothing is reduced; ArgumentError for bad axes.
 */
export function max<D extends DType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D> {
  return extremum(maxOp, input, axes, options);
}

/**
 * Smallest element over `axes` (all when undefined); NaN when there is one. Equal smallest elements share the gradient.
 * @throws ShapeError when nothing is reduced; ArgumentError for bad axes.
 */
export function min<D extends DType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D> {
  return extremum(minOp, input, axes, options);
}

/** Position of the first element that is NaN or before which all others lose. */
function positionOf(values: readonly number[], wins: (a: number, b: number) => boolean): number {
  let best = 0;
  for (let i = 1; i < values.length && !Number.isNaN(values[best]); i++)
    if (Number.isNaN(values[i]) || wins(values[i], values[best])) best = i;
  return best;
}

const argMaxOp = defineReduce({
  name: 'argMax',
  associative: false,
  result: 'int32',
  scalar: (values) => positionOf(values, (a, b) => a > b),
});
const argMinOp = defineReduce({
  name: 'argMin',
  associative: false,
  result: 'int32',
  scalar: (values) => positionOf(values, (a, b) => a < b),
});

function position(
  op: KernelOp<ReduceAttrs>,
  input: Tensor,
  axis: number | undefined,
  options?: ReduceOptions,
): Tensor<'int32'> {
  checkTensor(input, op.name);
  const x = input.dtype === 'bool' ? cast(input, 'uint8') : input;
  if (axis !== undefined && x.rank > 0) return reduceWith(op, x, [normalizeAxis(axis, x.rank, op.name)], options);
  const flat = reduceWith<'int32'>(op, apply(reshapeOp, [x], { shape: [x.size] }), [0], undefined);
  return options?.keepDims ? apply(reshapeOp, [flat], { shape: x.shape.map(() => 1) }) : flat;
}

/**
 * Position of the largest element along `axis` (in the flattened tensor when undefined); the first of equals, NaN wins.
 * @throws ShapeError when nothing is compared; ArgumentError for a bad axis.
 */
export function argMax(input: Tensor, axis?: number, options?: ReduceOptions): Tensor<'int32'> {
  return position(argMaxOp, input, axis, options);
}

/**
 * Position of the smallest element along `axis` (in the flattened tensor when undefined); the first of equals, NaN wins.
 * @throws ShapeError when nothing is compared; ArgumentError for a bad axis.
 */
export function argMin(input: Tensor, axis?: number, options?: ReduceOptions): Tensor<'int32'> {
  return position(argMinOp, input, axis, options);
}

const anyOp = defineReduce({
  name: 'any',
  associative: true,
  identity: 0,
  scalar: (values) => Number(values.some(Boolean)),
});
const allOp = defineReduce({
  name: 'all',
  associative: true,
  identity: 1,
  scalar: (values) => Number(values.every(Boolean)),
});

/** Whether any element over `axes` (all when undefined) is not zero; false for none. */
export function any(input: Tensor, axes?: Axes, options?: ReduceOptions): Tensor<'bool'> {
  checkTensor(input, 'any');
  return reduceWith(anyOp, cast(input, 'bool'), normalizeAxes(axes, input.rank, 'any'), options);
}

/** Whether all elements over `axes` (all when undefined) are not zero; true for none. */
export function all(input: Tensor, axes?: Axes, options?: ReduceOptions): Tensor<'bool'> {
  checkTensor(input, 'all');
  return reduceWith(allOp, cast(input, 'bool'), normalizeAxes(axes, input.rank, 'all'), options);
}
