/** The op that lets values through and gradients not. */
import type { DType } from '../dtype.js';
import { defineOp, type ViewOp } from '../graph/node.js';
import { apply, checkTensor } from '../ops/apply.js';
import type { Tensor } from '../tensor.js';

const stopGradientOp = defineOp<Record<string, never>, ViewOp<Record<string, never>>>({
  name: 'stopGradient',
  kind: 'view',
  type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  view: (input) => input,
  gradient: () => [undefined],
});

/** The same values, as a constant to `grad` (PyTorch's `detach`). */
export function stopGradient<D extends DType>(input: Tensor<D>): Tensor<D> {
  checkTensor(input, 'stopGradient');
  return apply<D>(stopGradientOp, [input]);
}
