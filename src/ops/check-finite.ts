/** A test for NaN and infinities that costs one look at the values, for what must not go wrong unseen. */
import { type FloatDType, shortOf } from '../dtype.js';
import { AnomalyError } from '../errors.js';
import { defineOp, type KernelOp } from '../graph/node.js';
import { showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';

const checkFiniteOp = defineOp<Record<string, never>, KernelOp<Record<string, never>>>({
  name: 'checkFinite',
  kind: 'kernel',
  type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  gradient: (g) => [g],
  lower(context) {
    const x = context.contiguous(0);
    context.emit(`check_finite_${shortOf(x.dtype)}`, { x }, {}, { n: sizeOf(x.shape) });
    context.copy(x, context.out());
  },
  reference([x], out) {
    const at = x.values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new AnomalyError(`checkFinite: made NaN or Inf at flat position ${at} of its result ${showShape(x.shape)}`);
    out.values.set(x.values);
  },
});

/**
 * The input itself. A run that meets NaN or infinity in it fails with an AnomalyError, and has then changed no variable:
 * a compiled step that returns `checkFinite(loss)` cannot spoil the weights. Anomaly mode tells where they came from.
 * @throws DTypeError unless the input is float.
 */
export function checkFinite<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  checkTensor(input, 'checkFinite');
  checkFloat(input, 'checkFinite');
  return apply<D>(checkFiniteOp, [input]);
}
