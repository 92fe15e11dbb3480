/**
 * Joining tensors along an axis, and repeating one. `concat` is a primitive that copies each input into its part of
 * the result; the rest is composed of it and of views.
 */
import { type DType, promote } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { defineOp, type KernelOp, type TensorType } from '../graph/node.js';
import { contiguousView, type View } from '../graph/view.js';
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { cast } from './cast.js';
import { unsqueeze, withShape } from './shape-ops.js';
import { copyInto, forEachPosition, part, sliceView } from './slice.js';

type AxisAttrs = { axis: number };

/** Where input number `i` starts along the axis. */
const startOf = (inputs: readonly TensorType[], i: number, axis: number): number =>
  inputs.slice(0, i).reduce((sum, input) => sum + input.shape[axis], 0);

/** The part of `whole` that is input number `i`. */
function partOf(whole: View, inputs: readonly TensorType[], { axis }: AxisAttrs, i: number): View {
  const { shape } = inputs[i];
  const start = startOf(inputs, i, axis);
  const starts = shape.map((_, d) => (d === axis ? start : 0));
  return sliceView(whole, { starts, sizes: shape, steps: shape.map(() => 1) });
}

const concatOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'concat',
  kind: 'kernel',
  type(inputs, { axis }) {
    const total = inputs.reduce((sum, { shape }) => sum + shape[axis], 0);
    return { shape: inputs[0].shape.map((dim, i) => (i === axis ? total : dim)), dtype: inputs[0].dtype };
  },
  gradient: (g, { inputs, attrs: { axis }, needs }) =>
    inputs.map(({ shape }, i) => (needs[i] ? part(g, axis, startOf(inputs, i, axis), shape[axis]) : undefined)),
  lower(context) {
    const { inputs } = context.node;
    const out = context.out();
    inputs.forEach((node, i) => {
      const [input, place] = [context.input(i), { ...out, ...partOf(out, inputs, context.attrs, i) }];
      const isThere = input.buffer === place.buffer;
      if (sizeOf(node.shape) > 0 && !isThere) copyInto(context, input, place);
    });
  },
  part: partOf,
  reference(inputs, out, attrs) {
    inputs.forEach((input, i) => {
      forEachPosition(partOf(contiguousView(out.shape), inputs, attrs, i), (at, from) => {
        out.values[at] = input.values[from];
      });
    });
  },
  sink: ({ axis }, axes) => ({ attrs: { axis: axes[axis] }, axes }),
});

/** Tensors checked and brought to one dtype. */
function unified<D extends DType>(inputs: readonly Tensor<D>[], where: string): Tensor<D>[] {
  if (!Array.isArray(inputs) || inputs.length === 0) throw new ArgumentError(`${where}: needs an array of tensors`);
  for (const [i, input] of inputs.entries()) checkTensor(input, where, `input ${i}`);
  const dtype = inputs.map((input) => input.dtype).reduce((a, b) => promote(a, b) as D);
  return inputs.map((input) => cast(input, dtype));
}

/**
 * Joins tensors along an axis that they have (`torch.cat`). Mixed dtypes are promoted.
 * @throws ShapeError when other dimensions differ; ArgumentError for an empty list.
 */
export function concat<D extends DType>(inputs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  const list = unified(inputs, 'concat');
  const at = normalizeAxis(axis, list[0].rank, 'concat');
  const others = (shape: Shape) => shape.filter((_, i) => i !== at);
  for (const [i, { shape }] of list.entries())
    if (shape.length !== list[0].rank || !sameShape(others(shape), others(list[0].shape)))
      throw new ShapeError(
        `concat: input ${i} is ${showShape(shape)} but input 0 is ${showShape(list[0].shape)}; only axis ${at} may differ`,
      );
  return list.length === 1 ? list[0] : apply<D>(concatOp, list, { axis: at });
}

/**
 * Joins tensors of one shape along a new axis, which becomes number `axis` of the result.
 * @throws ShapeError when shapes differ; ArgumentError for an empty list.
 */
export function stack<D extends DType>(inputs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  const list = unified(inputs, 'stack');
  const at = normalizeAxis(axis, list[0].rank + 1, 'stack');
  for (const [i, { shape }] of list.entries())
    if (!sameShape(shape, list[0].shape))
      throw new ShapeError(
        `stack: input ${i} is ${showShape(shape)} but input 0 is ${showShape(list[0].shape)}; all must have one shape`,
      );
  return concat(
    list.map((input) => unsqueeze(input, at)),
    at,
  );
}

/**
 * Repeats the whole tensor `counts[i]` times along axis i. Fewer counts than axes repeat the last axes; more counts add
 * axes in front (`torch.tile`).
 */
export function tile<D extends DType>(input: Tensor<D>, counts: readonly number[]): Tensor<D> {
  checkTensor(input, 'tile');
  if (counts.some((count) => !Number.isInteger(count) || count < 0))
    throw new ArgumentError(`tile: counts [${counts.join(',')}] must be non-negative integers`);
  const rank = Math.max(counts.length, input.rank);
  const lead = (list: readonly number[]) => [...new Array<number>(rank - list.length).fill(1), ...list];
  const [dims, times] = [lead(input.shape), lead(counts)];
  const apart = withShape(
    input,
    dims.flatMap((dim) => [1, dim]),
  );
  const repeated = expandTo(
    apart,
    dims.flatMap((dim, i) => [times[i], dim]),
  );
  return withShape(
    repeated,
    dims.map((dim, i) => dim * times[i]),
  );
}
