/**
 * Arithmetic, element by element, with NumPy broadcasting and PyTorch's promotion. Neighbours: `elementwise-math.ts`
 * (transcendental functions), `activation.ts`, `compare.ts`, `logic.ts`.
 */
import { type Beside, type DType, type FloatDType, isFloat, isInt } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { constantOf } from '../graph/constants.js';
import { present, Tensor } from '../tensor.js';
import { align, apply, checkTensor, constant } from './apply.js';
import { cast } from './cast.js';
import { equal, greaterEqual, less, lessEqual, notEqual, where } from './compare.js';
import { defineElementwise, numeric } from './elementwise-core.js';
import {
  type Arithmetic,
  arithmetic,
  type Division,
  floatFunction,
  numericArithmetic,
  numericFunction,
  toFloat,
  zeroGradient,
} from './elementwise-functions.js';
import { floor, isInf, log, round, rsqrt, sqrt } from './elementwise-math.js';
import { logicalAnd } from './logic.js';
import { powerOf, remainderOf } from './scalar-math.js';

/** The product as the dtype holds it: 32-bit products need more digits than a double has. */
const product = (a: number, b: number, to: DType): number => (to === 'int32' ? Math.imul(a, b) : a * b);

/** a + b. */
export const add = numericArithmetic({ name: 'add', cheap: true, scalar: (a, b) => a + b, gradient: (g) => [g, g] });

/** a - b. */
export const sub = numericArithmetic({
  name: 'sub',
  cheap: true,
  scalar: (a, b) => a - b,
  gradient: (g, { needs }) => [g, needs[1] ? neg(g) : undefined],
});

/** a * b. */
export const mul = numericArithmetic({
  name: 'mul',
  cheap: true,
  scalar: (a, b, _, to) => product(a, b, to),
  gradient: (g, { inputs: [a, b], needs }) => [needs[0] ? mul(g, b) : undefined, needs[1] ? mul(g, a) : undefined],
});

const divOp = defineElementwise({
  name: 'div',
  accepts: numeric,
  scalar: (a, b) => a / b,
  gradient: (g, { inputs: [, b], output, needs }) => [
    needs[0] ? div(g, b) : undefined,
    needs[1] ? neg(mul(g, div(output, b))) : undefined,
  ],
});

/** a / b. Whole numbers are divided as float32; see `floorDivide`. */
export const div = ((a: Tensor | number, b: Tensor | number) =>
  apply(
    divOp,
    align('div', [a, b], (t, dtype) => cast(t, isFloat(dtype) ? dtype : 'float32')).map(toFloat),
  )) as Division;

const remainderOp = defineElementwise({
  name: 'remainder',
  kernel: 'mod',
  accepts: numeric,
  scalar: remainderOf,
  gradient: (g, { inputs: [a, b], needs }) => [g, needs[1] ? neg(mul(g, floor(div(a, b)))) : undefined],
});

/** What is left of `a` after division by `b`, with the sign of `b` (Python's `%`). Whole numbers modulo 0 give 0. */
export const remainder = arithmetic(remainderOp);

/** The largest whole number not above a / b, in the operands' dtype. Whole numbers divided by 0 give 0. */
export const floorDivide = ((a: Tensor | number, b: Tensor | number) => {
  const [x, y] = align('floorDivide', [a, b], cast);
  const rest = apply(remainderOp, [x, y]);
  if (!isFloat(x.dtype)) {
    // Division truncates: one less where it rounded up.
    const roundedUp = logicalAnd(notEqual(rest, 0), notEqual(less(x, 0), less(y, 0)));
    return sub(apply(divOp, [x, y]), cast(roundedUp, x.dtype));
  }
  const quotient = apply(divOp, [sub(x, rest), y]);
  // The rest is infinite where the divisor is and has the other sign than x.
  return where(equal(y, 0), div(x, y), where(isInf(rest), -1, round(quotient)));
}) as Arithmetic;

/** -x. */
export const neg = numericFunction({ name: 'neg', cheap: true, scalar: (a) => -a, gradient: (g) => [neg(g)] });

/** |x|; its gradient at 0 is 0. */
export const abs = numericFunction({
  name: 'abs',
  scalar: Math.abs,
  gradient: (g, { inputs: [x] }) => [mul(g, sign(x))],
});

/** -1, 0 or 1; 0 for NaN, as in PyTorch. */
export const sign = numericFunction({
  name: 'sign',
  scalar: (a) => Number(a > 0) - Number(a < 0),
  gradient: (g) => [zeroGradient(g)],
});

/** x^2. */
export const square = numericFunction({
  name: 'square',
  scalar: (a, _b, _c, to) => product(a, a, to),
  gradient: (g, { inputs: [x] }) => [mul(g, mul(x, 2))],
});

/** 1 / x. */
export const reciprocal = floatFunction({
  name: 'reciprocal',
  scalar: (a) => 1 / a,
  gradient: (g, { output }) => [neg(mul(g, square(output)))],
});

/** Where `a` and `b` are equal both get half of the gradient. */
const halfAtTies = (a: Tensor, b: Tensor, g: Tensor, loses: Tensor<'bool'>): Tensor =>
  where(loses, 0, where(equal(a, b), mul(g, 0.5), g));

/** The larger of a and b; NaN when either is NaN. */
export const maximum = numericArithmetic({
  name: 'maximum',
  scalar: (a, b) => Math.max(a, b),
  gradient: (g, { inputs: [a, b], needs }) => [
    needs[0] ? halfAtTies(a, b, g, less(a, b)) : undefined,
    needs[1] ? halfAtTies(a, b, g, less(b, a)) : undefined,
  ],
});

/** The smaller of a and b; NaN when either is NaN. */
export const minimum = numericArithmetic({
  name: 'minimum',
  scalar: (a, b) => Math.min(a, b),
  gradient: (g, { inputs: [a, b], needs }) => [
    needs[0] ? halfAtTies(a, b, g, less(b, a)) : undefined,
    needs[1] ? halfAtTies(a, b, g, less(a, b)) : undefined,
  ],
});

const clampOp = defineElementwise({
  name: 'clamp',
  accepts: numeric,
  scalar: (a, low, high) => Math.min(Math.max(a, low), high),
  gradient: (g, { inputs: [x, low, high] }) => [
    where(logicalAnd(greaterEqual(x, low), lessEqual(x, high)), g, 0),
    undefined,
    undefined,
  ],
});

/**
 * x, but no less than `min` and no more than `max`; either may be undefined. The gradient passes where
 * min <= x <= max. When min > max the result is max.
 */
export function clamp<D extends FloatDType>(input: Tensor<D>, min?: number, max?: number): Tensor<D>;
export function clamp<D extends DType, L extends number, H extends number>(
  input: Tensor<D>,
  min?: L,
  max?: H,
): Tensor<Beside<D, L | H>>;
export function clamp(input: Tensor, min?: number, max?: number): Tensor {
  checkTensor(input, 'clamp');
  if (min === undefined && max === undefined) throw new ArgumentError('clamp: needs min, max or both');
  const bounds = [min, max].filter((bound) => bound !== undefined);
  const [x] = align('clamp', [input, ...bounds], cast);
  if (isFloat(x.dtype))
    return apply(clampOp, align('clamp', [x, min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY], cast));
  const above = min === undefined ? x : maximum(x, constant(min, x.dtype));
  return max === undefined ? above : minimum(above, constant(max, x.dtype));
}

const powOp = defineElementwise({
  name: 'pow',
  accepts: numeric,
  scalar: powerOf,
  gradient: (g, { inputs: [a, b], output, needs }) => [
    needs[0] ? powGradient(g, a, b) : undefined,
    needs[1] ? mul(g, where(logicalAnd(equal(a, 0), greaterEqual(b, 0)), 0, mul(output, log(a)))) : undefined,
  ],
});

/** g * b * a^(b - 1); a power of 0 is constant, also at a = 0. */
function powGradient(g: Tensor, a: Tensor, b: Tensor): Tensor {
  const exponent = constantOf(b.node);
  if (exponent === 0) return zeroGradient(g);
  if (exponent !== undefined) return mul(mul(g, exponent), pow(a, exponent - 1));
  return where(equal(b, 0), 0, mul(g, mul(b, pow(a, sub(b, 1)))));
}

/** Cheaper spellings of common powers of floats. */
const commonPowers = new Map<number, (x: Tensor) => Tensor>([
  [1, present],
  [2, (x) => square(x)],
  [3, (x) => mul(square(x), x)],
  [0.5, (x) => sqrt(x)],
  [-0.5, (x) => rsqrt(x)],
  [-1, (x) => reciprocal(x)],
  [-2, (x) => square(reciprocal(x))],
]);

/**
 * a^b. Gradients are 0 where b = 0 (for a) and where a = 0 and b >= 0 (for b), as in PyTorch.
 * @throws ArgumentError for whole numbers to a negative whole power.
 */
export const pow = ((a: Tensor | number, b: Tensor | number) => {
  if (typeof b === 'number' && a instanceof Tensor) {
    if (isFloat(a.dtype)) {
      const common = commonPowers.get(b);
      if (common) return common(a);
    } else if (isInt(a.dtype) && Number.isInteger(b) && b < 0)
      throw new ArgumentError(`pow: whole numbers have no power ${b}; cast the ${a.dtype} base to float32`);
  }
  return apply(powOp, align('pow', [a, b], cast));
}) as Arithmetic;
