/** Comparisons and choices, element by element, with NumPy broadcasting. */
import { type DType, type FloatDType, isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { broadcastShapes } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { align, apply, checkTensor, constant, expandTo } from './apply.js';
import { cast } from './cast.js';
import { defineElementwise } from './elementwise-core.js';
import type { ResultOf } from './elementwise-functions.js';

type Comparison = (a: Tensor | number, b: Tensor | number) => Tensor<'bool'>;

function comparison(name: string, kernel: string, holds: (a: number, b: number) => boolean): Comparison {
  const op = defineElementwise({ name, kernel, scalar: (a, b) => Number(holds(a, b)), result: 'bool' });
  return (a, b) => apply<'bool'>(op, align(name, [a, b], cast));
}

/** a == b. NaN equals nothing. */
export const equal = comparison('equal', 'eq', (a, b) => a === b);
/** a != b. */
export const notEqual = comparison('notEqual', 'ne', (a, b) => a !== b);
/** a < b. */
export const less = comparison('less', 'lt', (a, b) => a < b);
/** a <= b. */
export const lessEqual = comparison('lessEqual', 'le', (a, b) => a <= b);
/** a > b. */
export const greater = comparison('greater', 'gt', (a, b) => a > b);
/** a >= b. */
export const greaterEqual = comparison('greaterEqual', 'ge', (a, b) => a >= b);

const isNaNOp = defineElementwise({ name: 'isNaN', scalar: (a) => Number(Number.isNaN(a)), result: 'bool' });
const isFiniteOp = defineElementwise({ name: 'isFinite', scalar: (a) => Number(Number.isFinite(a)), result: 'bool' });

/** `op` on floats; whole numbers all give `otherwise`. */
function floatTest(op: typeof isNaNOp, input: Tensor, otherwise: number): Tensor<'bool'> {
  checkTensor(input, op.name);
  return isFloat(input.dtype) ? apply<'bool'>(op, [input]) : expandTo(constant(otherwise, 'bool'), input.shape);
}

/** Whether elements are NaN. */
function testNaN(input: Tensor): Tensor<'bool'> {
  return floatTest(isNaNOp, input, 0);
}

/** Whether elements are neither NaN nor infinite. */
function testFinite(input: Tensor): Tensor<'bool'> {
  return floatTest(isFiniteOp, input, 1);
}

export { testFinite as isFinite, testNaN as isNaN };

const whereOp = defineElementwise({
  name: 'where',
  scalar: (a, b, c) => (a ? b : c),
  gradient: (g, { inputs: [condition], needs }) => [
    undefined,
    needs[1] ? where(condition as Tensor<'bool'>, g, 0) : undefined,
    needs[2] ? where(condition as Tensor<'bool'>, 0, g) : undefined,
  ],
});

/**
 * Elements of `a` where `condition` holds, else of `b`; all three broadcast. At least one of `a` and `b` is a tensor.
 * @throws DTypeError unless the condition is bool; ShapeError when the shapes do not broadcast.
 */
export function where<D extends FloatDType>(
  condition: Tensor<'bool'>,
  a: Tensor<D>,
  b: Tensor<NoInfer<D>> | number,
): Tensor<D>;
export function where<D extends FloatDType>(condition: Tensor<'bool'>, a: number, b: Tensor<D>): Tensor<D>;
export function where<D extends DType>(condition: Tensor<'bool'>, a: Tensor<D>, b: Tensor<NoInfer<D>>): Tensor<D>;
export function where<A extends Tensor | number, B extends Tensor | number>(
  condition: Tensor<'bool'>,
  a: A,
  b: B,
): Tensor<ResultOf<A, B>>;
export function where(condition: Tensor<'bool'>, a: Tensor | number, b: Tensor | number): Tensor {
  checkTensor(condition, 'where', 'condition');
  if (condition.dtype !== 'bool')
    throw new DTypeError(
      `where: condition must be bool, got ${condition.dtype}; compare it first, e.g. notEqual(condition, 0)`,
    );
  const [x, y] = align('where', [a, b], cast);
  const shape = broadcastShapes([condition.shape, x.shape, y.shape], 'where');
  return apply(
    whereOp,
    [condition, x, y].map((t) => expandTo(t, shape)),
  );
}
