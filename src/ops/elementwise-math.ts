/** Roots, exponentials, logarithms, trigonometry and rounding, element by element. Whole numbers are taken as float32. */
import type { DType, FloatDType, FloatOf } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { checkTensor } from './apply.js';
import { equal } from './compare.js';
import { abs, add, div, mul, neg, square, sub } from './elementwise.js';
import { floatFunction, roundingFunction, toFloat } from './elementwise-functions.js';
import { erfOf, roundEven } from './scalar-math.js';

/** e^x. */
export const exp = floatFunction({ name: 'exp', scalar: Math.exp, gradient: (g, { output }) => [mul(g, output)] });

/** e^x - 1, exact near 0. */
export const expm1 = floatFunction({
  name: 'expm1',
  scalar: Math.expm1,
  gradient: (g, { output }) => [mul(g, add(output, 1))],
});

/** Natural logarithm; -Infinity at 0, NaN below. */
export const log = floatFunction({ name: 'log', scalar: Math.log, gradient: (g, { inputs: [x] }) => [div(g, x)] });

/** log(1 + x), exact near 0. */
export const log1p = floatFunction({
  name: 'log1p',
  scalar: Math.log1p,
  gradient: (g, { inputs: [x] }) => [div(g, add(x, 1))],
});

/** Square root; NaN below 0. */
export const sqrt = floatFunction({
  name: 'sqrt',
  scalar: Math.sqrt,
  gradient: (g, { output }) => [div(g, mul(output, 2))],
});

/** 1 / sqrt(x). */
export const rsqrt = floatFunction({
  name: 'rsqrt',
  scalar: (a) => 1 / Math.sqrt(a),
  gradient: (g, { output }) => [mul(mul(g, -0.5), mul(square(output), output))],
});

/** Sine of radians. */
export const sin = floatFunction({
  name: 'sin',
  scalar: Math.sin,
  gradient: (g, { inputs: [x] }) => [mul(g, cos(x))],
});

/** Cosine of radians. */
export const cos = floatFunction({
  name: 'cos',
  scalar: Math.cos,
  gradient: (g, { inputs: [x] }) => [neg(mul(g, sin(x)))],
});

/** Hyperbolic tangent. */
export const tanh = floatFunction({
  name: 'tanh',
  scalar: Math.tanh,
  gradient: (g, { output }) => [mul(g, sub(1, square(output)))],
});

/** 1 / (1 + e^-x). */
export const sigmoid = floatFunction({
  name: 'sigmoid',
  scalar: (a) => 1 / (1 + Math.exp(-a)),
  gradient: (g, { output }) => [mul(g, mul(output, sub(1, output)))],
});

/** The error function 2/sqrt(pi) * integral of e^(-t^2) from 0 to x. */
export const erf = floatFunction({
  name: 'erf',
  scalar: erfOf,
  gradient: (g, { inputs: [x] }) => [mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))],
});

/** Nearest whole number, halves to even; the gradient is 0. */
export const round = roundingFunction({ name: 'round', scalar: roundEven });
/** Largest whole number not above x; the gradient is 0. */
export const floor = roundingFunction({ name: 'floor', scalar: Math.floor });
/** Smallest whole number not below x; the gradient is 0. */
export const ceil = roundingFunction({ name: 'ceil', scalar: Math.ceil });
/** x without its fraction; the gradient is 0. */
export const trunc = roundingFunction({ name: 'trunc', scalar: Math.trunc });

/** Logarithm to base 2. */
export function log2<D extends FloatDType>(input: Tensor<D>): Tensor<D>;
export function log2<D extends DType>(input: Tensor<D>): Tensor<FloatOf<D>>;
export function log2(input: Tensor): Tensor {
  checkTensor(input, 'log2');
  return mul(log(input), Math.LOG2E);
}

/** Tangent of radians. */
export function tan<D extends FloatDType>(input: Tensor<D>): Tensor<D>;
export function tan<D extends DType>(input: Tensor<D>): Tensor<FloatOf<D>>;
export function tan(input: Tensor): Tensor {
  checkTensor(input, 'tan');
  const x = toFloat(input);
  return div(sin(x), cos(x));
}

/** Whether elements are infinite. */
export function isInf(input: Tensor): Tensor<'bool'> {
  checkTensor(input, 'isInf');
  return equal(abs(toFloat(input)), Number.POSITIVE_INFINITY);
}
