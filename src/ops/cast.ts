/** Conversion between dtypes. */
import { checkDType, type DType, isFloat, rangeOf, shortOf } from '../dtype.js';
import { present, type Tensor } from '../tensor.js';
import { apply, checkTensor } from './apply.js';
import { defineElementwise } from './elementwise-core.js';

type CastAttrs = { dtype: string };

/** Floats saturate in whole-number dtypes; whole numbers wrap around, which the rounding to `to` does. */
function convert(value: number, to: DType, from: DType): number {
  const range = isFloat(from) ? rangeOf(to) : undefined;
  return range ? Math.min(Math.max(value, range[0]), range[1]) : value;
}

export const castOp = defineElementwise<CastAttrs>({
  name: 'cast',
  scalar: (a, _b, _c, to, from) => convert(a, to, from),
  result: (_, { dtype }) => dtype as DType,
  vm: ([from], to) => `cast_${shortOf(from)}_${shortOf(to)}`,
  gradient: (g, { inputs: [x] }) => [isFloat(x.dtype) ? cast(g, x.dtype) : undefined],
});

/**
 * The elements converted to `dtype`. Floats lose their fraction (towards zero) and saturate in whole-number dtypes,
 * NaN becomes 0; whole numbers wrap around; anything but 0 is true.
 */
export function cast<D extends DType>(input: Tensor, dtype: D): Tensor<D> {
  checkTensor(input, 'cast');
  checkDType(dtype, 'cast');
  return input.dtype === dtype ? present(input as Tensor<D>) : apply<D>(castOp, [input], { dtype });
}
