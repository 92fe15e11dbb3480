/** Means, variances, log-sum-exp and norms. */
import { type DType, type FloatDType, type FloatOf, shortOf } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { defineOp, type KernelOp } from '../graph/node.js';
import { contiguousView, permuteView } from '../graph/view.js';
import type { Operand } from '../plan/ir.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';
import { equal, where } from './compare.js';
import { abs, add, div, mul, pow, square, sub } from './elementwise.js';
import { toFloat } from './elementwise-functions.js';
import { exp, sqrt } from './elementwise-math.js';
import {
  type Axes,
  defineReduce,
  type ReduceAttrs,
  type ReduceOptions,
  reducedAtOnce,
  reduceWith,
  sinkReduce,
  spread,
  sum,
} from './reduce.js';
import { max } from './reduce-extrema.js';
import { fill, forEachPosition, part, sliceView } from './slice.js';
import { reshapeOp } from './view.js';

/** Number of elements that are reduced together. */
const countOf = (input: { readonly shape: Shape }, axes: readonly number[]): number =>
  sizeOf(axes.map((axis) => input.shape[axis]));

/**
 * Mean over `axes` (all when undefined); NaN for none.
 * @throws DTypeError unless the input is float; ArgumentError for bad axes.
 */
export function mean<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D> {
  checkTensor(input, 'mean');
  checkFloat(input, 'mean');
  const list = normalizeAxes(axes, input.rank, 'mean');
  return div(sum(input, list, options), countOf(input, list));
}

type VarianceAttrs = ReduceAttrs & { correction: number };

const varOp = defineReduce<VarianceAttrs>({
  name: 'var',
  associative: false,
  identity: Number.NaN,
  params: ({ correction }) => ({ correction }),
  scalar(values, { correction }) {
    const center = values.reduce((a, b) => a + b, 0) / values.length;
    return values.reduce((a, b) => a + (b - center) ** 2, 0) / Math.max(0, values.length - correction);
  },
  gradient(g, { inputs: [x], attrs: { axes, correction } }) {
    const input = x as Tensor<FloatDType>;
    const scale = 2 / (countOf(x, axes) - correction);
    return [mul(spread(g, x.shape, axes), mul(sub(input, mean(input, axes, { keepDims: true })), scale))];
  },
});

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** What is taken off the number of elements in the divisor; 1 (Bessel's correction) unless told. */
  readonly correction?: number;
}

/**
 * Variance over `axes` (all when undefined): squared deviation over count - correction. NaN when that is 0.
 * @throws DTypeError unless the input is float; ArgumentError for bad axes.
 */
export function variance<D extends FloatDType>(
  input: Tensor<D>,
  axes?: Axes,
  options: VarianceOptions = {},
): Tensor<D> {
  return varianceOf('variance', input, axes, options);
}

function varianceOf<D extends FloatDType>(
  where: string,
  input: Tensor<D>,
  axes: Axes,
  options: VarianceOptions,
): Tensor<D> {
  checkTensor(input, where);
  checkFloat(input, where);
  const { correction = 1 } = options;
  return reduceWith<D>(varOp, input, normalizeAxes(axes, input.rank, where), options, { correction });
}

/** Means and variances (divided by the count) in one pass: [2, ...axes that are left]. */
const momentsOp: KernelOp<ReduceAttrs> = defineOp<ReduceAttrs, KernelOp<ReduceAttrs>>({
  name: 'moments',
  kind: 'kernel',
  type: ([x], { axes }) => ({ shape: [2, ...x.shape.filter((_, i) => !axes.includes(i))], dtype: x.dtype }),
  gradient(g, { inputs: [x], output, attrs: { axes } }) {
    const [input, moments] = [x as Tensor<FloatDType>, output as Tensor<FloatDType>];
    const [toMean, toVariance] = halves(g as Tensor<FloatDType>);
    const deviation = sub(input, spread(halves(moments)[0], x.shape, axes));
    const [shift, scale] = [div(toMean, countOf(x, axes)), mul(toVariance, 2 / countOf(x, axes))];
    return [add(spread(shift, x.shape, axes), mul(deviation, spread(scale, x.shape, axes)))];
  },
  flops: ([x]) => 4 * sizeOf(x.shape),
  lower(context) {
    const out = context.out();
    if (sizeOf(context.node.inputs[0].shape) === 0) return fill(context, out, Number.NaN);
    const { x, sizes } = reducedAtOnce(context, context.attrs.axes);
    const row = (start: number): Operand => {
      const [starts, rest] = [out.shape.map((_, i) => (i === 0 ? start : 0)), out.shape.slice(1)];
      return { ...out, ...sliceView(out, { starts, sizes: [1, ...rest], steps: out.shape.map(() => 1) }) };
    };
    const params = { ...sizes, correction: 0 };
    context.emit(`reduce_moments_${shortOf(x.dtype)}`, { x }, { mean: row(0), var: row(1) }, params);
  },
  reference([x], out, { axes }) {
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const count = countOf(x, axes);
    const lines = Array.from({ length: sizeOf(out.shape) / 2 }, (): number[] => []);
    forEachPosition(permuteView(contiguousView(x.shape), [...kept, ...axes]), (position, i) => {
      lines[Math.floor(i / count)].push(x.values[position]);
    });
    for (const [i, line] of lines.entries()) {
      const center = line.reduce((a, b) => a + b, 0) / count;
      out.values[i] = center;
      out.values[lines.length + i] = line.reduce((a, b) => a + (b - center) ** 2, 0) / count;
    }
  },
  sink(attrs, axes, inputs) {
    const moved = sinkReduce(attrs, axes, inputs);
    return { attrs: moved.attrs, axes: [0, ...moved.axes.map((axis) => axis + 1)] };
  },
});

/** x[0] and x[1]. */
function halves<D extends FloatDType>(x: Tensor<D>): [Tensor<D>, Tensor<D>] {
  const half = (i: number) => apply<D>(reshapeOp, [part(x, 0, i, 1)], { shape: x.shape.slice(1) });
  return [half(0), half(1)];
}

/** @internal Mean and variance (divided by the count) over `axes`, checked and sorted, in one pass. */
export const momentsOf = <D extends FloatDType>(x: Tensor<D>, axes: readonly number[]): [Tensor<D>, Tensor<D>] =>
  halves(apply<D>(momentsOp, [x], { axes }));

/** Square root whose gradient at 0 is 0, as norms and deviations need it. */
const rootOf = <D extends FloatDType>(squared: Tensor<D>): Tensor<D> => flatAtZero(squared, (x) => sqrt(x));

/** A function that is 0 at 0, with the gradient 0 there. */
function flatAtZero<D extends FloatDType>(x: Tensor<D>, f: (x: Tensor<D>) => Tensor<D>): Tensor<D> {
  const isZero = equal(x, 0);
  return where(isZero, 0, f(where(isZero, 1, x)));
}

/**
 * Standard deviation over `axes`: the square root of `variance`. Its gradient is 0 where it is 0.
 * @throws DTypeError unless the input is float; ArgumentError for bad axes.
 */
export function std<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options: VarianceOptions = {}): Tensor<D> {
  return rootOf(varianceOf('std', input, axes, options));
}

const logSumExpOp = defineReduce({
  name: 'logSumExp',
  associative: true,
  identity: Number.NEGATIVE_INFINITY,
  scalar(values) {
    const top = values.reduce((a, b) => Math.max(a, b));
    if (!Number.isFinite(top)) return top;
    return top + Math.log(values.reduce((a, b) => a + Math.exp(b - top), 0));
  },
  gradient(g, { inputs: [x], output, attrs: { axes } }) {
    // Where all elements are -Infinity the difference is kept from being NaN.
    const finite = where(equal(output, Number.NEGATIVE_INFINITY), 0, output);
    return [mul(spread(g, x.shape, axes), exp(sub(x, spread(finite, x.shape, axes))))];
  },
});

/** log(sum(e^x)) over `axes` (all when undefined), without overflow; -Infinity for none. Whole numbers give float32. */
export function logSumExp<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<D>;
export function logSumExp<D extends DType>(input: Tensor<D>, axes?: Axes, options?: ReduceOptions): Tensor<FloatOf<D>>;
export function logSumExp(input: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  checkTensor(input, 'logSumExp');
  return reduceWith(logSumExpOp, toFloat(input), normalizeAxes(axes, input.rank, 'logSumExp'), options);
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** The exponent, above 0; 2 (Euclidean) unless told. Infinity gives the largest magnitude. */
  readonly p?: number;
}

/**
 * Vector norm over `axes` (all when undefined): sum(|x|^p)^(1/p). Gradients at 0 are 0.
 * @throws DTypeError unless the input is float; ArgumentError for bad axes or p.
 */
export function norm<D extends FloatDType>(input: Tensor<D>, axes?: Axes, options: NormOptions = {}): Tensor<D> {
  checkTensor(input, 'norm');
  checkFloat(input, 'norm');
  const { p = 2 } = options;
  if (!(p > 0)) throw new ArgumentError(`norm: p must be above 0, got ${p}`);
  const list = normalizeAxes(axes, input.rank, 'norm');
  const total = (x: Tensor<D>) => sum(x, list, options);
  if (p === 2) return rootOf(total(square(input)));
  if (p === 1) return total(abs(input));
  if (p === Number.POSITIVE_INFINITY) return max(abs(input), list, options);
  const magnitude = abs(input);
  const powers = total(p < 1 ? flatAtZero(magnitude, (x) => pow(x, p)) : pow(magnitude, p));
  return flatAtZero(powers, (x) => pow(x, 1 / p));
}
