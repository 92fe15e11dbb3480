/** Means, variances, log-sum-exp and norms. */
import type { DType, FloatDType, FloatOf } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { normalizeAxes, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFloat, checkTensor } from './apply.js';
import { equal, where } from './compare.js';
import { abs, div, mul, pow, square, sub } from './elementwise.js';
import { toFloat } from './elementwise-functions.js';
import { exp, sqrt } from './elementwise-math.js';
import { type Axes, defineReduce, type ReduceAttrs, type ReduceOptions, reduceWith, spread, sum } from './reduce.js';
import { max } from './reduce-extrema.js';

/** Number of elements that are reduced together. */
const countOf = (input: Tensor, axes: readonly number[]): number => sizeOf(axes.map((axis) => input.shape[axis]));

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
