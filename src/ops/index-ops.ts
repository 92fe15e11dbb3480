/**
 * Reading and adding at positions that an index tensor gives. Four primitives, two and two each other's gradients:
 * gather and scatterAdd, indexSelect and indexAdd. Positions are checked while running.
 */
import { bytesOf, type DType, shortOf } from '../dtype.js';
import { ArgumentError, DTypeError, IndexError, ShapeError } from '../errors.js';
import { constantOf } from '../graph/constants.js';
import { defineOp, type KernelOp, type ReferenceArray } from '../graph/node.js';
import type { LowerContext } from '../plan/lower-context.js';
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkDTypeOf, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { arange, zerosLike } from './create.js';
import { add } from './elementwise.js';
import { unsqueeze, withShape } from './shape-ops.js';
import { part, placeOp } from './slice.js';

type AxisAttrs = { axis: number };

/** Index dtypes. */
type Positions = Tensor<'int32' | 'int64'>;

const indexDTypes: readonly DType[] = ['int32', 'int64'];

/** A shape seen as [outer, axis, inner]. */
function aroundAxis(shape: Shape, axis: number): { outer: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), inner: sizeOf(shape.slice(axis + 1)) };
}

/** The parameters of the index kernels: `count` positions in an axis of the given size. */
function params(shape: Shape, axis: number, count: number, countName: string, index: DType): Record<string, number> {
  return { ...aroundAxis(shape, axis), axis_x: shape[axis], [countName]: count, index_bytes: bytesOf(index) };
}

/** @internal A position of a reference run, or the error that the native kernels report. */
export function position(index: ReferenceArray, i: number, size: number, name: string): number {
  const at = index.values[i];
  if (at >= 0 && at < size) return at;
  throw new IndexError(`${name}: index ${at} is out of range for a dimension of size ${size}`);
}

/** Input 0 as the start of an addition; none when it is all zeros. */
function base(context: LowerContext<AxisAttrs>) {
  return Object.is(constantOf(context.node.inputs[0]), 0) ? undefined : context.contiguous(0);
}

/** x and index agree in all dimensions but `axis`. */
const gatherOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'gather',
  kind: 'kernel',
  type: ([x, index]) => ({ shape: index.shape, dtype: x.dtype }),
  gradient: (g, { inputs: [x, index], attrs }) => [addedAt(scatterAddOp, zerosLike(x), index, g, attrs)],
  lower(context) {
    const { axis } = context.attrs;
    const [x, index] = [context.contiguous(0), context.contiguous(1)];
    const all = params(x.shape, axis, index.shape[axis], 'axis_index', index.dtype);
    context.emit(`index_gather_s${bytesOf(x.dtype)}`, { x, index }, { y: context.out() }, all);
  },
  reference([x, index], out, { axis }) {
    const { inner } = aroundAxis(x.shape, axis);
    const [size, count] = [x.shape[axis], index.shape[axis]];
    for (let i = 0; i < out.values.length; i++) {
      const plane = Math.floor(i / (count * inner)) * size;
      out.values[i] = x.values[(plane + position(index, i, size, 'gather')) * inner + (i % inner)];
    }
  },
});

/** Inputs base, index, src; index and src have one shape, and agree with base in all dimensions but `axis`. */
const scatterAddOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'scatterAdd',
  kind: 'kernel',
  type: ([x]) => x,
  gradient: (g, { inputs: [, index], attrs, needs }) => [
    g,
    undefined,
    needs[2] ? apply(gatherOp, [g, index], attrs) : undefined,
  ],
  lower(context) {
    const { axis } = context.attrs;
    const { shape, dtype } = context.output;
    const [index, src] = [context.contiguous(1), context.contiguous(2)];
    const all = params(shape, axis, index.shape[axis], 'axis_index', index.dtype);
    context.emit(`index_scatterAdd_${shortOf(dtype)}`, { base: base(context), src, index }, { y: context.out() }, all);
  },
  reference([x, index, src], out, { axis }) {
    const { inner } = aroundAxis(x.shape, axis);
    const [size, count] = [x.shape[axis], index.shape[axis]];
    out.values.set(x.values);
    for (let i = 0; i < src.values.length; i++) {
      const plane = Math.floor(i / (count * inner)) * size;
      out.values[(plane + position(index, i, size, 'scatterAdd')) * inner + (i % inner)] += src.values[i];
    }
  },
});

/** index is one-dimensional. The name is what errors found while running start with. */
const defineSelect = (name: string): KernelOp<AxisAttrs> =>
  defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
    name,
    kind: 'kernel',
    type: ([x, index], { axis }) => ({
      shape: x.shape.map((dim, i) => (i === axis ? index.shape[0] : dim)),
      dtype: x.dtype,
    }),
    gradient: (g, { inputs: [x, index], attrs }) => [addedAt(indexAddOp, zerosLike(x), index, g, attrs)],
    lower(context) {
      const [x, index] = [context.contiguous(0), context.contiguous(1)];
      const all = params(x.shape, context.attrs.axis, index.shape[0], 'count', index.dtype);
      context.emit(`index_select_s${bytesOf(x.dtype)}`, { x, index }, { y: context.out() }, all);
    },
    reference([x, index], out, { axis }) {
      const { inner } = aroundAxis(x.shape, axis);
      const [size, count] = [x.shape[axis], index.shape[0]];
      for (let i = 0; i < out.values.length; i++) {
        const row = Math.floor(i / inner);
        const at = position(index, row % count, size, name);
        out.values[i] = x.values[(Math.floor(row / count) * size + at) * inner + (i % inner)];
      }
    },
    sink: ({ axis }, axes) => ({ attrs: { axis: axes[axis] }, axes }),
  });

const indexSelectOp = defineSelect('indexSelect');
const embeddingOp = defineSelect('embedding');

/** Inputs base, index (one-dimensional), src. */
const indexAddOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'indexAdd',
  kind: 'kernel',
  type: ([x]) => x,
  gradient: (g, { inputs: [, index], attrs, needs }) => [
    g,
    undefined,
    needs[2] ? apply(indexSelectOp, [g, index], attrs) : undefined,
  ],
  lower(context) {
    const { shape, dtype } = context.output;
    const [index, src] = [context.contiguous(1), context.contiguous(2)];
    const all = params(shape, context.attrs.axis, index.shape[0], 'count', index.dtype);
    context.emit(`index_selectAdd_${shortOf(dtype)}`, { base: base(context), src, index }, { y: context.out() }, all);
  },
  reference([x, index, src], out, { axis }) {
    const { inner } = aroundAxis(x.shape, axis);
    const [size, count] = [x.shape[axis], index.shape[0]];
    out.values.set(x.values);
    for (let i = 0; i < src.values.length; i++) {
      const row = Math.floor(i / inner);
      const at = position(index, row % count, size, 'indexAdd');
      out.values[(Math.floor(row / count) * size + at) * inner + (i % inner)] += src.values[i];
    }
  },
});

/** An addition; with no positions there is nothing to add. */
function addedAt<D extends DType>(
  op: KernelOp<AxisAttrs>,
  start: Tensor<D>,
  index: Tensor,
  src: Tensor<D>,
  attrs: AxisAttrs,
): Tensor<D> {
  return index.size === 0 ? start : apply<D>(op, [start, index, src], attrs);
}

const addDTypes: readonly DType[] = ['float32', 'float64', 'int32', 'int64'];

/** What the public functions have in common: tensors, index dtype, axis. */
function check(input: Tensor, axis: number, index: Tensor, where: string, src?: Tensor): number {
  checkTensor(input, where);
  checkTensor(index, where, 'index');
  checkDTypeOf(index, indexDTypes, where, 'index');
  if (src !== undefined) {
    checkTensor(src, where, 'src');
    checkDTypeOf(input, addDTypes, where);
    if (src.dtype !== input.dtype)
      throw new DTypeError(`${where}: input is ${input.dtype} but src is ${src.dtype}; cast one of them`);
  }
  const at = normalizeAxis(axis, input.rank, where);
  if (input.shape[at] === 0 && index.size > 0)
    throw new IndexError(`${where}: every index is out of range, as axis ${at} of ${showShape(input.shape)} is empty`);
  return at;
}

/** Throws unless `index` has the rank of `of` and is nowhere larger, except along `axis`. */
function checkWithin(index: Tensor, of: Tensor, axis: number | undefined, where: string, name: string): void {
  if (index.rank !== of.rank || index.shape.some((dim, i) => i !== axis && dim > of.shape[i]))
    throw new ShapeError(
      `${where}: index ${showShape(index.shape)} does not fit ${name} ${showShape(of.shape)}: same rank, and no dimension ` +
        `larger${axis === undefined ? '' : ` except axis ${axis}`}`,
    );
}

/** The first elements along every axis but `axis`, as many as `shape` has. */
function cropped<D extends DType>(x: Tensor<D>, shape: Shape, axis?: number): Tensor<D> {
  return shape.reduce((cut, dim, i) => (i === axis ? cut : part(cut, i, 0, dim)), x);
}

/**
 * Elements at positions along `axis`: with axis 0, `out[i][j] = input[index[i][j]][j]` (`torch.gather`). `index` (int32
 * or int64) has the input's rank; its other dimensions may be smaller.
 * @throws ShapeError, DTypeError; IndexError while running when a position lies outside of the axis.
 */
export function gather<D extends DType>(input: Tensor<D>, axis: number, index: Positions): Tensor<D> {
  const at = check(input, axis, index, 'gather');
  checkWithin(index, input, at, 'gather', 'input');
  return apply<D>(gatherOp, [cropped(input, index.shape, at), index], { axis: at });
}

/**
 * The input plus `src` at positions along `axis`: with axis 0, `out[index[i][j]][j] += src[i][j]`
 * (`torch.scatter_add`). Additions to one place happen in the order of the positions.
 * @throws ShapeError, DTypeError; IndexError while running when a position lies outside of the axis.
 */
export function scatterAdd<D extends DType>(
  input: Tensor<D>,
  axis: number,
  index: Positions,
  src: Tensor<D>,
): Tensor<D> {
  const at = check(input, axis, index, 'scatterAdd', src);
  checkWithin(index, input, at, 'scatterAdd', 'input');
  checkWithin(index, src, undefined, 'scatterAdd', 'src');
  const region = cropped(input, index.shape, at);
  const from = cropped(src, index.shape);
  if (sameShape(region.shape, input.shape)) return addedAt(scatterAddOp, input, index, from, { axis: at });
  const added = addedAt(scatterAddOp, zerosLike(region), index, from, { axis: at });
  const zeros = input.shape.map(() => 0);
  const steps = input.shape.map(() => 1);
  return add(input, apply<D>(placeOp, [added], { shape: input.shape, starts: zeros, steps, value: 0 }));
}

/**
 * The slices of the input at positions along `axis`, in the order of `index` (int32 or int64, one-dimensional):
 * `torch.index_select`.
 * @throws ShapeError, DTypeError; IndexError while running when a position lies outside of the axis.
 */
export function indexSelect<D extends DType>(input: Tensor<D>, axis: number, index: Positions): Tensor<D> {
  const at = check(input, axis, index, 'indexSelect');
  return apply<D>(indexSelectOp, [input, asList(index, 'indexSelect')], { axis: at });
}

/**
 * The input with the slices of `src` added at positions along `axis` (`torch.index_add`): slice i of `src` goes to
 * position `index[i]`. Additions to one place happen in the order of the positions.
 * @throws ShapeError, DTypeError; IndexError while running when a position lies outside of the axis.
 */
export function indexAdd<D extends DType>(input: Tensor<D>, axis: number, index: Positions, src: Tensor<D>): Tensor<D> {
  const at = check(input, axis, index, 'indexAdd', src);
  const list = asList(index, 'indexAdd');
  const wanted = input.shape.map((dim, i) => (i === at ? list.shape[0] : dim));
  if (!sameShape(src.shape, wanted))
    throw new ShapeError(
      `indexAdd: src must be ${showShape(wanted)} for ${list.shape[0]} positions, got ${showShape(src.shape)}`,
    );
  return addedAt(indexAddOp, input, list, src, { axis: at });
}

function asList(index: Positions, where: string): Positions {
  if (index.rank > 1) throw new ShapeError(`${where}: index must be one-dimensional, got ${showShape(index.shape)}`);
  return withShape(index, [index.size]);
}

/**
 * Rows of `weight` [count, features] for every element of `index`: [...index, features]
 * (`torch.nn.functional.embedding`).
 * @throws ShapeError, DTypeError; IndexError while running when an index is no row.
 */
export function embedding<D extends DType>(weight: Tensor<D>, index: Positions): Tensor<D> {
  checkTensor(weight, 'embedding', 'weight');
  check(weight, 0, index, 'embedding');
  if (weight.rank !== 2)
    throw new ShapeError(`embedding: weight must be [count, features], got ${showShape(weight.shape)}`);
  const rows = apply<D>(embeddingOp, [weight, withShape(index, [index.size])], { axis: 0 });
  return withShape(rows, [...index.shape, weight.shape[1]]);
}

/** Options of `oneHot`. */
export interface OneHotOptions<D extends DType> {
  /** int64 unless told, as in PyTorch. */
  readonly dtype?: D;
}

/**
 * A new last axis of size `classes` with 1 at the position that `index` gives and 0 elsewhere
 * (`torch.nn.functional.one_hot`). An index outside of the classes gives zeros.
 */
export function oneHot<D extends DType = 'int64'>(
  index: Positions,
  classes: number,
  options: OneHotOptions<D> = {},
): Tensor<D> {
  checkTensor(index, 'oneHot', 'index');
  checkDTypeOf(index, indexDTypes, 'oneHot', 'index');
  if (!Number.isInteger(classes) || classes < 1)
    throw new ArgumentError(`oneHot: classes must be a positive integer, got ${String(classes)}`);
  const numbers = arange(classes, { dtype: index.dtype });
  return cast(equal(unsqueeze(index, -1), numbers), options.dtype ?? ('int64' as D));
}
