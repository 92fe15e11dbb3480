/** Activations: mostly compositions, which fuse into one pass. Formulas and edge cases are PyTorch's. */
import type { FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { normalizeAxis, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { align, apply, checkFloat, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { greater, greaterEqual, less, lessEqual, where } from './compare.js';
import { abs, add, clamp, div, minimum, mul, neg, square, sub } from './elementwise.js';
import { defineElementwise, floats } from './elementwise-core.js';
import { numericFunction } from './elementwise-functions.js';
import { erf, exp, expm1, log1p, sigmoid, tanh } from './elementwise-math.js';
import { logicalOr } from './logic.js';
import { narrow } from './slicing.js';
import { reshapeOp } from './view.js';

function checkInput(input: Tensor, where: string): void {
  checkTensor(input, where);
  checkFloat(input, where);
}

/** max(x, 0); the gradient at 0 is 0. */
export const relu = numericFunction({
  name: 'relu',
  scalar: (a) => Math.max(a, 0),
  gradient: (g, { output }) => [where(lessEqual(output, 0), 0, g)],
});

const hardTanhOp = defineElementwise({
  name: 'hardTanh',
  kernel: 'clamp',
  accepts: floats,
  scalar: (a, low, high) => Math.min(Math.max(a, low), high),
  gradient: (g, { inputs: [x, low, high] }) => [
    where(logicalOr(lessEqual(x, low), greaterEqual(x, high)), 0, g),
    undefined,
    undefined,
  ],
});

/** min(max(x, min), max), -1 and 1 unless told; the gradient at and outside of the bounds is 0. */
export function hardTanh<D extends FloatDType>(input: Tensor<D>, min = -1, max = 1): Tensor<D> {
  checkInput(input, 'hardTanh');
  if (!(min < max)) throw new ArgumentError(`hardTanh: min ${min} must be below max ${max}`);
  return apply<D>(hardTanhOp, align('hardTanh', [input, min, max], cast));
}

/** min(max(x, 0), 6). */
export function relu6<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'relu6');
  return hardTanh(input, 0, 6);
}

/** relu6(x + 3) / 6. */
export function hardSigmoid<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'hardSigmoid');
  return div(hardTanh(add(input, 3), 0, 6), 6);
}

/** x relu6(x + 3) / 6 (Howard et al., "Searching for MobileNetV3", 2019); its gradient at -3 is -1/2, at 3 it is 3/2. */
export function hardSwish<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'hardSwish');
  const bent = mul(input, div(add(input, 3), 6));
  return where(less(input, -3), mul(input, 0), where(lessEqual(input, 3), bent, input));
}

/** x above 0, `slope` * x (0.01 unless told) below. */
export function leakyRelu<D extends FloatDType>(input: Tensor<D>, slope = 0.01): Tensor<D> {
  checkInput(input, 'leakyRelu');
  return where(greater(input, 0), input, mul(input, slope));
}

/**
 * x above 0, weight * x below, with a learned weight: one for all, or one per channel (dimension 1).
 * @throws ShapeError when the weight has neither one element nor as many as there are channels.
 */
export function prelu<D extends FloatDType>(input: Tensor<D>, weight: Tensor<D>): Tensor<D> {
  checkInput(input, 'prelu');
  checkTensor(weight, 'prelu', 'weight');
  const channels = input.rank < 2 ? 1 : input.shape[1];
  if (weight.rank > 1 || (weight.size !== 1 && weight.size !== channels))
    throw new ShapeError(
      `prelu: weight must be [1] or [${channels}] for input ${showShape(input.shape)}, got ${showShape(weight.shape)}`,
    );
  const shape = input.shape.map((_, axis) => (axis === 1 && input.rank > 1 ? weight.size : 1));
  const slope =
    weight.size === 1 ? apply<D>(reshapeOp, [weight], { shape: [] }) : apply<D>(reshapeOp, [weight], { shape });
  return where(greater(input, 0), input, mul(input, slope));
}

/** x above 0, alpha (e^x - 1) below (Clevert et al., "Fast and Accurate Deep Network Learning by ELUs", 2015). */
export function elu<D extends FloatDType>(input: Tensor<D>, alpha = 1): Tensor<D> {
  checkInput(input, 'elu');
  // Clamped, so that the branch not taken has no infinite gradient.
  return where(greater(input, 0), input, mul(expm1(clamp(input, undefined, 0)), alpha));
}

/** x above 0, alpha (e^(x/alpha) - 1) below (Barron, "Continuously Differentiable Exponential Linear Units", 2017). */
export function celu<D extends FloatDType>(input: Tensor<D>, alpha = 1): Tensor<D> {
  checkInput(input, 'celu');
  if (alpha === 0) throw new ArgumentError('celu: alpha must not be 0');
  return where(greater(input, 0), input, mul(expm1(div(clamp(input, undefined, 0), alpha)), alpha));
}

const kSeluAlpha = 1.6732632423543772;
const kSeluScale = 1.0507009873554805;

/** Scaled ELU with the self-normalizing constants (Klambauer et al., "Self-Normalizing Neural Networks", 2017). */
export function selu<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'selu');
  return mul(elu(input, kSeluAlpha), kSeluScale);
}

/** Options of `gelu`. */
export interface GeluOptions {
  /** `tanh` takes the approximation of the paper's section 2 instead of the error function. */
  readonly approximate?: 'none' | 'tanh';
}

/** x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016). */
export function gelu<D extends FloatDType>(input: Tensor<D>, { approximate = 'none' }: GeluOptions = {}): Tensor<D> {
  checkInput(input, 'gelu');
  if (approximate === 'none') return mul(mul(input, 0.5), add(erf(mul(input, Math.SQRT1_2)), 1));
  if (approximate !== 'tanh')
    throw new ArgumentError(`gelu: approximate must be 'none' or 'tanh', got ${JSON.stringify(approximate)}`);
  // (1 + tanh(u)) / 2 = sigmoid(2 u), which loses no digits where tanh is near -1.
  const twice = mul(add(input, mul(mul(square(input), input), 0.044715)), 2 * Math.sqrt(2 / Math.PI));
  return mul(input, sigmoid(twice));
}

/** x * sigmoid(x), also called swish. */
export function silu<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'silu');
  return mul(input, sigmoid(input));
}

/** Options of `softplus`. */
export interface SoftplusOptions {
  /** Sharpness; 1 unless told. */
  readonly beta?: number;
  /** From beta * x = threshold on the result is x itself; 20 unless told. */
  readonly threshold?: number;
}

/** log(1 + e^(beta x)) / beta, a smooth max(x, 0). */
export function softplus<D extends FloatDType>(
  input: Tensor<D>,
  { beta = 1, threshold = 20 }: SoftplusOptions = {},
): Tensor<D> {
  checkInput(input, 'softplus');
  if (beta === 0) throw new ArgumentError('softplus: beta must not be 0');
  const scaled = mul(input, beta);
  // Clamped, so that the branch not taken has no infinite gradient.
  return where(greater(scaled, threshold), input, div(log1p(exp(clamp(scaled, undefined, threshold))), beta));
}

/** log(sigmoid(x)), without overflow. */
export function logSigmoid<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'logSigmoid');
  return sub(minimum(input, 0), log1p(exp(neg(abs(input)))));
}

/** x * tanh(softplus(x)) (Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019). */
export function mish<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkInput(input, 'mish');
  return mul(input, tanh(softplus(input)));
}

/**
 * a * sigmoid(b), a and b being the halves of the input along `axis`, the last unless told (Dauphin et al., "Language
 * Modeling with Gated Convolutional Networks", 2017). @throws ShapeError unless the axis has an even size.
 */
export function glu<D extends FloatDType>(input: Tensor<D>, axis = -1): Tensor<D> {
  checkInput(input, 'glu');
  const at = normalizeAxis(axis, input.rank, 'glu');
  const size = input.shape[at];
  if (size % 2 !== 0) throw new ShapeError(`glu: dim ${at} of input ${showShape(input.shape)} must be even`);
  return mul(narrow(input, at, 0, size / 2), sigmoid(narrow(input, at, size / 2, size / 2)));
}
