/** Arithmetic and activations, element by element, with NumPy broadcasting. */
import type { DType } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { broadcastShapes } from '../shape.js';
import { align, apply, checkTensor, expandTo } from './apply.js';
import { cast } from './cast.js';
import { defineElementwise, numeric } from './elementwise-core.js';

const addOp = defineElementwise({ name: 'add', scalar: (a, b) => a + b, accepts: numeric, gradient: (g) => [g, g] });
const mulOp = defineElementwise({
  name: 'mul',
  scalar: (a, b) => a * b,
  accepts: numeric,
  gradient: (g, { inputs: [a, b], needs }) => [needs[0] ? mul(g, b) : undefined, needs[1] ? mul(g, a) : undefined],
});
const reluOp = defineElementwise({
  name: 'relu',
  scalar: (a) => (a < 0 ? 0 : a),
  accepts: numeric,
  gradient: (g, { output }) => [where(greater(output, 0), g, 0)],
});
const whereOp = defineElementwise({
  name: 'where',
  scalar: (a, b, c) => (a ? b : c),
  gradient: (g, { inputs: [c] }) => [undefined, where(c as Tensor<'bool'>, g, 0), where(c as Tensor<'bool'>, 0, g)],
});
const gtOp = defineElementwise({ name: 'gt', scalar: (a, b) => Number(a > b), result: 'bool' });

/** a + b. */
export function add<D extends DType>(a: Tensor<D>, b: Tensor<D> | number): Tensor<D> {
  return apply<D>(addOp, align('add', [a, b], cast));
}

/** a * b. */
export function mul<D extends DType>(a: Tensor<D>, b: Tensor<D> | number): Tensor<D> {
  return apply<D>(mulOp, align('mul', [a, b], cast));
}

/** a > b, as bool. */
export function greater(a: Tensor, b: Tensor | number): Tensor<'bool'> {
  return apply<'bool'>(gtOp, align('greater', [a, b], cast));
}

/** max(x, 0). */
export function relu<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkTensor(x, 'relu');
  return apply<D>(reluOp, [x]);
}

/** Elements of `a` where `condition` holds, else of `b`. */
export function where<D extends DType>(condition: Tensor<'bool'>, a: Tensor<D> | number, b: Tensor<D> | number): Tensor<D> {
  checkTensor(condition, 'where', 'condition');
  const [x, y] = align('where', [a, b], cast);
  const shape = broadcastShapes([condition.shape, x.shape, y.shape], 'where');
  return apply<D>(
    whereOp,
    [condition, x, y].map((t) => expandTo(t, shape)),
  );
}
