/** Dropout: random zeros while training. */
import type { FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import type { Generator } from '../random.js';
import { type Shape, showShape } from '../shape.js';
import { present, type Tensor } from '../tensor.js';
import { checkFloat, checkTensor } from './apply.js';
import { greaterEqual, where } from './compare.js';
import { add, mul } from './elementwise.js';
import { uniform } from './random.js';

/** Options of dropout. */
export interface DropoutOptions {
  /** Probability of a zero; 0.5 unless told. */
  readonly p?: number;
  /** Outside of training the input is given back; true unless told. */
  readonly training?: boolean;
  /** Source of randomness; the default generator unless told. */
  readonly generator?: Generator;
}

/** Zeroes where a mask of `maskShape` says so, and scales up the rest. */
function drop<D extends FloatDType>(
  op: string,
  input: Tensor<D>,
  maskShape: Shape,
  options: DropoutOptions,
): Tensor<D> {
  const { p = 0.5, training = true, generator } = options;
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`${op}: p must lie between 0 and 1, got ${p}`);
  if (!training || p === 0) return present(input);
  if (p === 1) return mul(input, 0) as Tensor<D>;
  const keep = greaterEqual(uniform(maskShape, { generator }), p);
  return where(keep, mul(input, 1 / (1 - p)) as Tensor<D>, 0) as Tensor<D>;
}

/**
 * Zeroes each element with probability `p` and divides the rest by 1 - p, so that the expectation stays (Srivastava et
 * al. 2014; as `torch.nn.functional.dropout`). Drawn anew in every run of a compiled function.
 * @throws ArgumentError unless 0 <= p <= 1; DTypeError unless the input is float.
 */
export function dropout<D extends FloatDType>(input: Tensor<D>, options: DropoutOptions = {}): Tensor<D> {
  checkTensor(input, 'dropout');
  checkFloat(input, 'dropout');
  return drop('dropout', input, input.shape, options);
}

/**
 * `dropout` of whole channels: [N, C, ...] loses each [n, c] with probability `p` (Tompson et al. 2015).
 * @throws ArgumentError unless 0 <= p <= 1; ShapeError for fewer than two dimensions; DTypeError unless the input is float.
 */
export function dropout2d<D extends FloatDType>(input: Tensor<D>, options: DropoutOptions = {}): Tensor<D> {
  checkTensor(input, 'dropout2d');
  checkFloat(input, 'dropout2d');
  if (input.rank < 2) throw new ShapeError(`dropout2d: input must be [N, C, ...], got ${showShape(input.shape)}`);
  return drop(
    'dropout2d',
    input,
    input.shape.map((dim, i) => (i < 2 ? dim : 1)),
    options,
  );
}

/** Where the scaled exponential linear unit goes for large negative numbers. */
const kSaturation = -1.7580993408473766;

/**
 * Dropout that keeps mean 0 and variance 1, to go with `selu`: with probability `p` an element becomes -1.7581, then all
 * are scaled and shifted (Klambauer et al., "Self-Normalizing Neural Networks", 2017; as
 * `torch.nn.functional.alpha_dropout`).
 * @throws ArgumentError unless 0 <= p <= 1; DTypeError unless the input is float.
 */
export function alphaDropout<D extends FloatDType>(input: Tensor<D>, options: DropoutOptions = {}): Tensor<D> {
  checkTensor(input, 'alphaDropout');
  checkFloat(input, 'alphaDropout');
  const { p = 0.5, training = true, generator } = options;
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`alphaDropout: p must lie between 0 and 1, got ${p}`);
  if (!training || p === 0) return input;
  if (p === 1) return mul(input, 0) as Tensor<D>;
  const scale = ((1 - p) * (1 + p * kSaturation ** 2)) ** -0.5;
  const keep = greaterEqual(uniform(input.shape, { generator }), p);
  return add(mul(where(keep, input, kSaturation), scale), -scale * kSaturation * p) as Tensor<D>;
}
