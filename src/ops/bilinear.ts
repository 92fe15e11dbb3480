/** The bilinear form. */
import type { FloatDType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { add, mul } from './elementwise.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { unsqueeze, withAxes, withShape } from './shape-ops.js';

/**
 * y[..., o] = a W[o] b + bias[o]: a [..., I], b [..., J], weight [O, I, J], bias [O] or none give [..., O] (as
 * `torch.nn.functional.bilinear`). @throws ShapeError, DTypeError when the arguments do not fit.
 */
export function bilinear<D extends FloatDType>(
  a: Tensor<D>,
  b: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
): Tensor<D> {
  for (const [name, x] of Object.entries({ a, b, weight, ...(bias ? { bias } : {}) })) {
    checkTensor(x, 'bilinear', name);
    checkFloat(x, 'bilinear', name);
    checkDTypeOf(x, [a.dtype], 'bilinear', name);
  }
  if (weight.rank !== 3) throw new ShapeError(`bilinear: weight must be [O, I, J], got ${showShape(weight.shape)}`);
  const [outputs, left, right] = weight.shape;
  const outer = a.shape.slice(0, -1);
  if (!sameShape(a.shape, [...outer, left]) || !sameShape(b.shape, [...outer, right]))
    throw new ShapeError(
      `bilinear: weight ${showShape(weight.shape)} takes [..., ${left}] and [..., ${right}], got ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  if (bias && !sameShape(bias.shape, [outputs]))
    throw new ShapeError(`bilinear: bias must be [${outputs}], got ${showShape(bias.shape)}`);
  const count = sizeOf(outer);
  const rows = matmul(withShape(a, [count, left]), withShape(withAxes(weight, [1, 0, 2]), [left, outputs * right]));
  const products = mul(withShape(rows, [count, outputs, right]), unsqueeze(withShape(b, [count, right]), 1));
  const result = withShape(sum(products, -1) as Tensor<D>, [...outer, outputs]);
  return bias ? (add(result, bias) as Tensor<D>) : result;
}
