/**
 * What one row of an op's table is. The same rows drive the forward check against the JavaScript executor, the
 * finite-difference gradient check, the comparison with PyTorch's golden numbers, and the runs under every
 * instruction set. Rows live in `<family>.cases.ts`; `all.cases.ts` gathers them and fails to compile when an op has none.
 */

import { bytesOf, newArray } from '../../src/dtype.js';
import { type DType, type Tensor, type TypedArray, tensor } from '../../src/index.js';

/** Values of one input, made from the row alone. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** float32 unless told; float rows also run in float64. */
  readonly dtype?: DType;
  /** Uniform range; [-2, 2] for floats, [0, 9] for whole numbers unless told. */
  readonly range?: readonly [number, number];
  /** Exact values instead. */
  readonly values?: readonly number[];
  /** No two values closer than this, so that maxima and sorting have no ties within a finite difference. */
  readonly distinct?: boolean;
}

export interface OpCase {
  /** Tells rows of one op apart; unique per op. */
  readonly label: string;
  readonly inputs: readonly InputSpec[];
  readonly run: (...inputs: Tensor<never>[]) => Tensor;
  /** The same in PyTorch: a Python expression over the inputs a, b, c, d with `torch`, `F` and `recurrent`. */
  readonly torch?: string;
  /** False: no gradient is checked. By default it is for rows whose inputs and output are floats. */
  readonly gradient?: boolean;
  /** Also check second derivatives (float64 finite differences of the gradient). */
  readonly second?: boolean;
  /** Relative to the largest reference element; 1e-5 unless told. */
  readonly tolerance?: number;
  /** For gradients against finite differences; 1e-5 unless told. */
  readonly gradTolerance?: number;
}

export type CaseTable<Names extends string> = { readonly [Name in Names]: readonly OpCase[] };

/** PyTorch's gradient of the sum of an expression with respect to one of the variables in it, as an expression. */
export const gradientOf = (torch: string, variable = 'a'): string =>
  `(${variable}.requires_grad_(), torch.autograd.grad((${torch}).sum(), ${variable})[0])[1]`;

/** A small linear congruential generator: the inputs of a row depend on nothing but the row. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield (state >>> 8) / 2 ** 24;
  }
}

export function inputValues(spec: InputSpec, index: number, dtype: DType = spec.dtype ?? 'float32'): number[] {
  const size = spec.shape.reduce((a, b) => a * b, 1);
  if (spec.values) return [...spec.values];
  const whole = dtype !== 'float32' && dtype !== 'float64';
  const [low, high] = spec.range ?? (whole ? (dtype === 'bool' ? [0, 1] : [0, 9]) : [-2, 2]);
  const next = numbers(17 + 101 * index + size);
  const values = Array.from({ length: size }, () => {
    const u = next.next().value;
    return whole ? Math.floor(low + u * (high - low + 1)) : Math.fround(low + u * (high - low));
  });
  if (!spec.distinct) return values;
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value || a.i - b.i);
  order.forEach(({ i }, rank) => {
    values[i] = whole ? rank : Math.fround(low + ((rank + 0.5) * (high - low)) / size);
  });
  return values;
}

/** The inputs of a row as tensors; float inputs in `float` when given. */
export function makeInputs(row: OpCase, float?: 'float32' | 'float64'): Tensor[] {
  return row.inputs.map((spec, index) => {
    const own = spec.dtype ?? 'float32';
    const dtype = float && (own === 'float32' || own === 'float64') ? float : own;
    const values = inputValues(spec, index);
    const array: TypedArray = newArray(dtype, values.length);
    for (const [i, value] of values.entries()) array[i] = dtype === 'int64' ? BigInt(value) : value;
    if (array.byteLength !== values.length * bytesOf(dtype)) throw new Error('array of the wrong size');
    return tensor(array as Float32Array, { shape: spec.shape, dtype: dtype as never });
  });
}

export const isFloatCase = (row: OpCase): boolean =>
  row.inputs.some(({ dtype = 'float32' }) => dtype === 'float32' || dtype === 'float64');
