/** Sorting. One primitive finds the order; values are gathered by it, so gradients flow to where they came from. */
import { type DType, shortOf } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { defineOp, type KernelOp } from '../graph/node.js';
import { normalizeAxis, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { gather } from './index-ops.js';
import { withShape } from './shape-ops.js';

type SortAttrs = { axis: number; descending: boolean; k: number };

/** -1, 0 or 1; NaN is greater than everything. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
}

/** The positions of the first `k` elements in order along an axis; equal elements keep their order. */
const sortIndexOp = defineOp<SortAttrs, KernelOp<SortAttrs>>({
  name: 'sortIndex',
  kind: 'kernel',
  type: ([x], { axis, k }) => ({ shape: x.shape.map((dim, i) => (i === axis ? k : dim)), dtype: 'int64' }),
  lower(context) {
    const { axis, descending, k } = context.attrs;
    const x = context.contiguous(0);
    const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
    const params = { outer, axis: x.shape[axis], inner, descending: Number(descending), k };
    context.emit(`sort_index_${shortOf(x.dtype)}`, { x }, { index: context.out() }, params);
  },
  reference([x], out, { axis, descending, k }) {
    const inner = sizeOf(x.shape.slice(axis + 1));
    const size = x.shape[axis];
    const sign = descending ? -1 : 1;
    for (let line = 0; line < out.values.length / k; line++) {
      const [o, i] = [Math.floor(line / inner), line % inner];
      const value = (a: number) => x.values[(o * size + a) * inner + i];
      const order = Array.from({ length: size }, (_, a) => a);
      order.sort((a, b) => sign * compare(value(a), value(b)) || a - b);
      for (let r = 0; r < k; r++) out.values[(o * k + r) * inner + i] = order[r];
    }
  },
});

/** Elements in order, and where they stood. */
export interface Sorted<D extends DType> {
  readonly values: Tensor<D>;
  readonly indices: Tensor<'int64'>;
}

/** Options of `sort` and `argSort`. */
export interface SortOptions {
  /** From the greatest to the least. */
  readonly descending?: boolean;
}

function order<D extends DType>(input: Tensor<D>, axis: number, descending: boolean, k: number): Sorted<D> {
  const x = input.dtype === 'bool' ? cast(input, 'uint8') : input;
  const indices = apply<'int64'>(sortIndexOp, [x], { axis, descending, k });
  return { values: gather(input, axis, indices), indices };
}

/** A scalar is sorted as one element. */
function sorted<D extends DType>(input: Tensor<D>, axis: number, options: SortOptions, where: string): Sorted<D> {
  checkTensor(input, where);
  const x = input.rank === 0 ? withShape(input, [1]) : input;
  const at = normalizeAxis(axis, x.rank, where);
  const { values, indices } = order(x, at, options.descending ?? false, x.shape[at]);
  return { values: withShape(values, input.shape), indices: withShape(indices, input.shape) };
}

/**
 * Sorts along an axis (the last unless told); equal elements keep their order, NaN counts as the greatest.
 * @returns The sorted values and their positions in the input.
 */
export function sort<D extends DType>(input: Tensor<D>, axis = -1, options: SortOptions = {}): Sorted<D> {
  return sorted(input, axis, options, 'sort');
}

/** The positions that sort the input along an axis; see `sort`. */
export function argSort(input: Tensor, axis = -1, options: SortOptions = {}): Tensor<'int64'> {
  return sorted(input, axis, options, 'argSort').indices;
}

/** Options of `topK`. */
export interface TopKOptions {
  /** The last axis unless told. */
  readonly axis?: number;
  /** True (default): the greatest elements, greatest first; false: the least, least first. */
  readonly largest?: boolean;
}

/**
 * The `k` greatest (or least) elements along an axis, in order, and their positions. Of equal elements the first come
 * first; NaN counts as the greatest.
 * @throws ArgumentError when the axis has fewer than `k` elements.
 */
export function topK<D extends DType>(input: Tensor<D>, k: number, options: TopKOptions = {}): Sorted<D> {
  checkTensor(input, 'topK');
  const at = normalizeAxis(options.axis ?? -1, input.rank, 'topK');
  if (!Number.isInteger(k) || k < 0 || k > input.shape[at])
    throw new ArgumentError(
      `topK: k is ${k}, but axis ${at} of ${showShape(input.shape)} has ${input.shape[at]} elements`,
    );
  return order(input, at, options.largest ?? true, k);
}
