/**
 * Reductions over axes, and the sum. The node ops drop the reduced axes; `keepDims` is a reshape. Kernels see the input
 * as [outer, reduce, inner]; axes that do not stand together are reduced group by group. Neighbours: `reduce-extrema.ts`,
 * `reduce-moments.ts`, `scan.ts`.
 */
import { type DType, type FloatDType, isFloat, shortOf } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { type Attrs, defineOp, type GradientContext, type KernelOp, type TensorType } from '../graph/node.js';
import { contiguousView, permuteView, reshapeView } from '../graph/view.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { normalizeAxes, type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { cast } from './cast.js';
import { fill, forEachPosition } from './slice.js';
import { reshapeOp } from './view.js';

export type ReduceAttrs = { axes: readonly number[] };

interface ReduceDefinition<A extends ReduceAttrs> {
  readonly name: string;
  /** Whether reducing group after group gives the same as reducing at once. */
  readonly associative: boolean;
  /** One output element from the reduced elements in row-major order. */
  readonly scalar: (values: readonly number[], attrs: A) => number;
  /** The result of reducing nothing; absent: that is an error. */
  readonly identity?: number;
  readonly result?: DType;
  readonly params?: (attrs: A) => Record<string, number>;
  readonly gradient?: (g: Tensor, context: GradientContext<A>) => readonly (Tensor | undefined)[];
  readonly sumsColumns?: KernelOp<A>['sumsColumns'];
}

/** Defines a reduction whose kernels are `reduce_<name>_<dtype>`. */
export function defineReduce<A extends ReduceAttrs & Attrs>(definition: ReduceDefinition<A>): KernelOp<A> {
  const { name, associative, scalar, identity, result, params, gradient, sumsColumns } = definition;
  return defineOp<A, KernelOp<A>>({
    name,
    kind: 'kernel',
    type([x], { axes }) {
      const shape = x.shape.filter((_, i) => !axes.includes(i));
      if (identity === undefined && sizeOf(x.shape) === 0 && sizeOf(shape) > 0)
        throw new ShapeError(
          `${name}: cannot reduce axes of size 0 (input ${showShape(x.shape)}): the result is not defined`,
        );
      return { shape, dtype: result ?? x.dtype };
    },
    gradient,
    sumsColumns,
    flops: ([x]) => sizeOf(x.shape),
    lower(context) {
      // The output is not empty here, so an empty input means that nothing is reduced.
      if (sizeOf(context.node.inputs[0].shape) === 0) return fill(context, context.out(), identity as number);
      const kernel = `reduce_${name}_${shortOf(context.node.inputs[0].dtype)}`;
      lowerReduce(context, kernel, context.attrs.axes, associative, params?.(context.attrs) ?? {});
    },
    reference([x], out, attrs) {
      const { axes } = attrs;
      const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
      const view = permuteView(contiguousView(x.shape), [...kept, ...axes]);
      const count = sizeOf(axes.map((axis) => x.shape[axis]));
      if (count === 0) out.values.fill(identity as number);
      const values = new Array<number>(count);
      forEachPosition(view, (position, i) => {
        values[i % count] = x.values[position];
        if (i % count === count - 1) out.values[Math.floor(i / count)] = scalar(values, attrs);
      });
    },
    sink: sinkReduce,
  });
}

/** @internal How a permutation passes through a reduction over `attrs.axes`; its result has the axes that are left. */
export function sinkReduce<A extends ReduceAttrs>(
  attrs: A,
  perm: readonly number[],
  [x]: readonly TensorType[],
): { attrs: A; axes: number[] } {
  const axes = attrs.axes.map((axis) => perm[axis]).sort((a, b) => a - b);
  const keptBefore = perm.filter((_, i) => !attrs.axes.includes(i));
  const keptSorted = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  return { attrs: { ...attrs, axes }, axes: keptBefore.map((axis) => keptSorted.indexOf(axis)) };
}

/** @internal The input with its reduced axes next to each other, and sizes before, of and behind them. */
export function reducedAtOnce(context: LowerContext<ReduceAttrs & Attrs>, axes: readonly number[]) {
  const x = context.input(0);
  const isRun = groupsOf(axes).length === 1;
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const together = context.materialize(isRun ? x : { ...x, ...permuteView(x, [...kept, ...axes]) });
  const first = isRun ? axes[0] : kept.length;
  const last = first + axes.length;
  const [outer, reduce, inner] = [
    together.shape.slice(0, first),
    together.shape.slice(first, last),
    together.shape.slice(last),
  ].map(sizeOf);
  return { x: together, sizes: { outer, reduce, inner } };
}

function lowerReduce(
  context: LowerContext<ReduceAttrs & Attrs>,
  kernel: string,
  axes: readonly number[],
  associative: boolean,
  params: Record<string, number>,
): void {
  const groups = groupsOf(axes);
  if (groups.length === 1 || !associative) {
    const { x, sizes } = reducedAtOnce(context, axes);
    context.emit(kernel, { x }, { y: context.out() }, { ...sizes, ...params });
    return;
  }
  let x = context.materialize(context.input(0));
  // From the last group to the first, so that earlier axis numbers stay valid.
  for (const [i, { first, last }] of groups.reverse().entries()) {
    const shape = [...x.shape.slice(0, first), ...x.shape.slice(last + 1)];
    const y: Operand = i === groups.length - 1 ? context.out() : context.temporary(shape, context.output.dtype);
    const [outer, reduce, inner] = [
      x.shape.slice(0, first),
      x.shape.slice(first, last + 1),
      x.shape.slice(last + 1),
    ].map(sizeOf);
    context.emit(kernel, { x }, { y }, { outer, reduce, inner, ...params });
    x = { ...y, ...(reshapeView(y, shape) as Operand) };
  }
}

/** Runs of neighbouring axes. */
function groupsOf(axes: readonly number[]): { first: number; last: number }[] {
  const groups: { first: number; last: number }[] = [];
  for (const axis of axes) {
    const group = groups.at(-1);
    if (group && group.last === axis - 1) group.last = axis;
    else groups.push({ first: axis, last: axis });
  }
  return groups;
}

/** The gradient of a reduction, spread over the elements that were reduced. */
export const spread = <D extends DType>(g: Tensor<D>, shape: Shape, axes: readonly number[]): Tensor<D> =>
  expandTo(keepAxes(g, shape, axes), shape);

const sumOp = defineReduce({
  name: 'sum',
  associative: true,
  identity: 0,
  scalar: (values) => values.reduce((a, b) => a + b, 0),
  gradient: (g, { inputs: [x], attrs: { axes } }) => [spread(g, x.shape, axes)],
  sumsColumns: ({ shape }, { axes }) => axes.length < shape.length && axes.every((axis, i) => axis === i),
});

/** Which axes, and whether they stay as size 1. */
export interface ReduceOptions {
  readonly keepDims?: boolean;
}

/** Axes as PyTorch takes them: one, several, or (undefined) all. Negative ones count from the end. */
export type Axes = number | readonly number[] | undefined;

/** Puts reduced axes back with size 1. */
export function keepAxes<D extends DType>(reduced: Tensor<D>, shape: Shape, axes: readonly number[]): Tensor<D> {
  return apply<D>(reshapeOp, [reduced], { shape: shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) });
}

/** Sums out what broadcasting to the present shape had repeated: the gradient of `expand`. */
export function sumTo<D extends DType>(g: Tensor<D>, shape: Shape): Tensor<D> {
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, i) => (i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : []));
  const summed = axes.length > 0 ? apply<D>(sumOp, [g], { axes }) : g;
  return apply<D>(reshapeOp, [summed], { shape });
}

/**
 * @internal The reduction `op` over normalized axes, with `keepDims`. Over no axis (scalars) every element is reduced
 * alone, so that all reductions keep their meaning.
 */
export function reduceWith<D extends DType>(
  op: { readonly name: string },
  input: Tensor,
  axes: readonly number[],
  options: ReduceOptions | undefined,
  attrs: Attrs = {},
): Tensor<D> {
  if (axes.length === 0) {
    const alone = apply(reshapeOp, [input], { shape: [...input.shape, 1] });
    return apply<D>(op, [alone], { axes: [input.rank], ...attrs });
  }
  const reduced = apply<D>(op, [input], { axes, ...attrs });
  return options?.keepDims ? keepAxes(reduced, input.shape, axes) : reduced;
}

type SumTable = { [D in DType]: D extends FloatDType ? D : 'int64' };
/** The dtype sums of a dtype come in: whole numbers and booleans add up in int64. */
export type SumDType<D extends DType> = SumTable[D];

/** Whole numbers and booleans as int64, floats as they are. */
export const toSummable = (input: Tensor): Tensor => (isFloat(input.dtype) ? input : cast(input, 'int64'));

/**
 * Sum over `axes` (all when undefined). Whole numbers and booleans are summed as int64. An empty sum is 0.
 * @throws ArgumentError when an axis is out of bounds or named twice.
 */
export function sum<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D>;
export function sum<D extends DType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<SumDType<D>>;
export function sum(input: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  checkTensor(input, 'sum');
  return reduceWith(sumOp, toSummable(input), normalizeAxes(axes, input.rank, 'sum'), options);
}
