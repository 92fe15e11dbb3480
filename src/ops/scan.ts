/** Running sums and products along an axis, and the product reduction, whose gradient is made of them. */
import { type DType, type FloatDType, shortOf } from '../dtype.js';
import { defineOp, type GradientContext, type KernelOp } from '../graph/node.js';
import { normalizeAxes, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { present, type Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { add, mul } from './elementwise.js';
import {
  type Axes,
  defineReduce,
  type ReduceOptions,
  reduceWith,
  type SumDType,
  spread,
  toSummable,
} from './reduce.js';
import { placeOp, sliceOp } from './slice.js';
import { permuteOp, reshapeOp } from './view.js';

type ScanAttrs = { axis: number; reverse: boolean };

interface ScanDefinition {
  readonly name: string;
  /** Name in the kernels `scan_<kernel>_<dtype>`. */
  readonly kernel: string;
  readonly scalar: (a: number, b: number) => number;
  readonly gradient: (g: Tensor, context: GradientContext<ScanAttrs>) => readonly (Tensor | undefined)[];
}

function outerAxisInner(shape: Shape, axis: number): { outer: number; axis: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), axis: shape[axis], inner: sizeOf(shape.slice(axis + 1)) };
}

function defineScan({ name, kernel, scalar, gradient }: ScanDefinition): KernelOp<ScanAttrs> {
  return defineOp<ScanAttrs, KernelOp<ScanAttrs>>({
    name,
    kind: 'kernel',
    type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
    gradient,
    flops: ([x]) => sizeOf(x.shape),
    lower(context) {
      const { axis, reverse } = context.attrs;
      const x = context.contiguous(0);
      const params = { ...outerAxisInner(x.shape, axis), reverse: Number(reverse) };
      context.emit(`scan_${kernel}_${shortOf(x.dtype)}`, { x }, { y: context.out() }, params);
    },
    reference([x], out, { axis, reverse }) {
      const { axis: length, inner } = outerAxisInner(x.shape, axis);
      for (let i = 0; i < x.values.length; i++) {
        // The elements in the order of the scan, so that the one before is done already.
        const at = reverse ? x.values.length - 1 - i : i;
        const position = Math.floor(at / inner) % length;
        const isFirst = position === (reverse ? length - 1 : 0);
        const before = isFirst ? undefined : out.values[at + (reverse ? inner : -inner)];
        out.values[at] = before === undefined ? x.values[at] : scalar(before, x.values[at]);
      }
    },
    sink: (attrs, axes) => ({ attrs: { ...attrs, axis: axes[attrs.axis] }, axes }),
  });
}

const cumSumOp: KernelOp<ScanAttrs> = defineScan({
  name: 'cumSum',
  kernel: 'sum',
  scalar: (a, b) => a + b,
  gradient: (g, { attrs: { axis, reverse } }) => [apply(cumSumOp, [g], { axis, reverse: !reverse })],
});

/**
 * `x` moved by `distance` along an axis: towards its end when `reverse`, else towards its start. The places that
 * become free hold `value`.
 */
function shift(x: Tensor, axis: number, distance: number, reverse: boolean, value: number): Tensor {
  const along = (n: number, other: number) => x.shape.map((_, i) => (i === axis ? n : other));
  const sizes = x.shape.map((dim, i) => (i === axis ? dim - distance : dim));
  const steps = x.shape.map(() => 1);
  const kept = apply(sliceOp, [x], { starts: along(reverse ? 0 : distance, 0), sizes, steps });
  return apply(placeOp, [kept], { shape: x.shape, starts: along(reverse ? distance : 0, 0), steps, value });
}

/**
 * s[k] = b[k] + a[k] s[k+1] along an axis (k-1 when `reverse`), by doubling: after each round an element has taken in
 * twice as many neighbours (Hillis and Steele, "Data Parallel Algorithms", 1986). Never divides, so zeros are fine.
 */
function recurrence(a: Tensor, b: Tensor, axis: number, reverse: boolean): Tensor {
  let [factor, total] = [a, b];
  for (let distance = 1; distance < a.shape[axis]; distance *= 2) {
    total = add(total, mul(factor, shift(total, axis, distance, reverse, 0)));
    factor = mul(factor, shift(factor, axis, distance, reverse, 0));
  }
  return total;
}

/** Products of all elements before each one (behind it when `reverse`). */
function productsBefore(x: Tensor, axis: number, reverse: boolean): Tensor {
  return x.size === 0 ? x : shift(apply(cumProdOp, [x], { axis, reverse }), axis, 1, !reverse, 1);
}

const cumProdOp: KernelOp<ScanAttrs> = defineScan({
  name: 'cumProd',
  kernel: 'prod',
  scalar: (a, b) => a * b,
  gradient(g, { inputs: [x], attrs: { axis, reverse } }) {
    if (x.size === 0) return [g];
    // d out[i] / d x[k] = product before k times product of (k, i], summed over i >= k by the recurrence.
    const next = shift(x, axis, 1, reverse, 0);
    return [mul(productsBefore(x, axis, reverse), recurrence(next, g, axis, reverse))];
  },
});

function scan(op: KernelOp<ScanAttrs>, input: Tensor, axis: number): Tensor {
  checkTensor(input, op.name);
  const x = toSummable(present(input));
  const at = normalizeAxis(axis, Math.max(1, input.rank), op.name);
  return input.rank === 0 ? x : apply(op, [x], { axis: at, reverse: false });
}

/** Running sums along `axis`. Whole numbers and booleans are summed as int64. */
export function cumSum<D extends FloatDType>(input: Tensor<D>, axis: number): Tensor<D>;
export function cumSum<D extends DType>(input: Tensor<D>, axis: number): Tensor<SumDType<D>>;
export function cumSum(input: Tensor, axis: number): Tensor {
  return scan(cumSumOp, input, axis);
}

/** Running products along `axis`. Whole numbers and booleans are multiplied as int64. */
export function cumProd<D extends FloatDType>(input: Tensor<D>, axis: number): Tensor<D>;
export function cumProd<D extends DType>(input: Tensor<D>, axis: number): Tensor<SumDType<D>>;
export function cumProd(input: Tensor, axis: number): Tensor {
  return scan(cumProdOp, input, axis);
}

const prodOp = defineReduce({
  name: 'prod',
  associative: true,
  identity: 1,
  scalar: (values) => values.reduce((a, b) => a * b, 1),
  gradient: (g, { inputs: [x], attrs: { axes } }) => [mul(spread(g, x.shape, axes), productsOfOthers(x, axes))],
});

/** For each element the product of all others that are reduced with it. */
function productsOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const order = [...kept, ...axes];
  const lines = apply(permuteOp, [x], { axes: order });
  const flat = apply(reshapeOp, [lines], {
    shape: [...kept.map((axis) => x.shape[axis]), sizeOf(axes.map((axis) => x.shape[axis]))],
  });
  const others = mul(productsBefore(flat, kept.length, false), productsBefore(flat, kept.length, true));
  const back = x.shape.map((_, i) => order.indexOf(i));
  return apply(permuteOp, [apply(reshapeOp, [others], { shape: lines.shape })], { axes: back });
}

/**
 * Product over `axes` (all when undefined). Whole numbers and booleans are multiplied as int64. An empty product is 1.
 * @throws ArgumentError when an axis is out of bounds or named twice.
 */
export function prod<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D>;
export function prod<D extends DType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<SumDType<D>>;
export function prod(input: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  checkTensor(input, 'prod');
  return reduceWith(prodOp, toSummable(input), normalizeAxes(axes, input.rank, 'prod'), options);
}
