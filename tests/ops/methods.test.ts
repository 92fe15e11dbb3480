/** Methods are the ops of their name, with the types that promotion gives them; and what elementwise ops refuse. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { FloatDType, Tensor } from '../../src/index.js';
import * as b from '../../src/index.js';

const f32 = b.tensor([
  [1.5, -2],
  [0.25, 4],
]);
const f64 = b.cast(f32, 'float64');
const i32 = b.tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { dtype: 'int32' },
);
const i64 = b.cast(i32, 'int64');
const bool = b.tensor(
  [
    [1, 0],
    [0, 1],
  ],
  { dtype: 'bool' },
);

describe('methods', () => {
  it('call the op of their name on the tensor', async () => {
    expect(await f32.add(1).mul(2).toArray()).toEqual([
      [5, -2],
      [2.5, 10],
    ]);
    expect(await f32.max(0, { keepDims: true }).toArray()).toEqual([[1.5, 4]]);
    expect(await f32.transpose().matmul(f32).toArray()).toEqual(await b.matmul(b.transpose(f32), f32).toArray());
    expect(await f32.where(bool, 0).toArray()).toEqual([
      [1.5, 0],
      [0, 4],
    ]);
    expect(await f32.sort(1).values.toArray()).toEqual([
      [-2, 1.5],
      [0.25, 4],
    ]);
    expect(await f32.isNaN().any().item()).toBe(false);
  });

  it('work on parameters', async () => {
    const weight = new b.Parameter(f32);
    expect(await weight.square().sum().item()).toBeCloseTo(1.5 ** 2 + 4 + 0.0625 + 16);
  });

  it('are not enumerable', () => {
    expect(Object.keys(Object.getPrototypeOf(f32))).toEqual([]);
  });
});

describe('types', () => {
  it('say the dtype that promotion gives', () => {
    const dtypes = (list: readonly Tensor[]) => list.map(({ dtype }) => dtype);
    const mixed = b.add(f32, f64);
    expectTypeOf(mixed).toEqualTypeOf<Tensor<'float64'>>();
    const whole = b.mul(i32, i64);
    expectTypeOf(whole).toEqualTypeOf<Tensor<'int64'>>();
    const scaled = b.mul(i32, 0.5);
    expectTypeOf(scaled).toEqualTypeOf<Tensor<'float32'>>();
    const counted = b.add(bool, 1);
    expectTypeOf(counted).toEqualTypeOf<Tensor<'int64'>>();
    const quotient = i32.div(i64);
    expectTypeOf(quotient).toEqualTypeOf<Tensor<'float32'>>();
    const root = i32.sqrt();
    expectTypeOf(root).toEqualTypeOf<Tensor<'float32'>>();
    const total = bool.sum();
    expectTypeOf(total).toEqualTypeOf<Tensor<'int64'>>();
    const best = f32.argMax(1);
    expectTypeOf(best).toEqualTypeOf<Tensor<'int32'>>();
    const method = i32.add(1).mul(f32);
    expectTypeOf(method).toEqualTypeOf<Tensor<'float32'>>();
    expect(dtypes([mixed, whole, scaled, counted, quotient, root, total, best, method])).toEqual([
      'float64',
      'int64',
      'float32',
      'int64',
      'float32',
      'float32',
      'int64',
      'int32',
      'float32',
    ]);
  });

  it('let generic code keep its dtype', () => {
    const twice = <D extends FloatDType>(x: Tensor<D>): Tensor<D> => b.mul(b.add(x, x), 0.5);
    expectTypeOf(twice(f64)).toEqualTypeOf<Tensor<'float64'>>();
    expectTypeOf<Tensor<'float32'>>().toExtend<Tensor>();
  });
});

describe('refusals', () => {
  const shape = 'ERR_BRAWN_SHAPE';
  const argument = 'ERR_BRAWN_ARGUMENT';
  const dtype = 'ERR_BRAWN_DTYPE';
  const rows: readonly (readonly [call: () => unknown, code: string, message: RegExp])[] = [
    [() => b.add(f32, b.zeros([3])), shape, /^add: shapes \[2,2\] and \[3\] do not broadcast/],
    [() => b.add(1, 2), argument, /^add: at least one operand must be a tensor/],
    [() => b.add(f32, '1' as never), argument, /^add: operand 1 must be a tensor, got the string 1/],
    [() => b.add(bool, bool), dtype, /^add: accepts float32, .* got bool; cast the input first/],
    [() => b.neg(bool), dtype, /^neg: accepts/],
    [() => b.exp(3 as never), argument, /^exp: input must be a tensor, got the number 3/],
    [() => b.pow(i32, -1), argument, /^pow: whole numbers have no power -1/],
    [() => b.clamp(f32), argument, /^clamp: needs min, max or both/],
    [() => b.where(f32 as never, f32, 0), dtype, /^where: condition must be bool, got float32/],
    [() => b.cast(f32, 'float16' as never), dtype, /^cast: unknown dtype "float16"/],
    [() => b.gelu(f32, { approximate: 'sigmoid' as never }), argument, /^gelu: approximate must be/],
    [() => b.gelu(i32 as never), dtype, /^gelu: input must be float32 or float64, got int32/],
    [() => b.prelu(f32, b.zeros([3])), shape, /^prelu: weight must be \[1\] or \[2\] for input \[2,2\], got \[3\]/],
    [() => b.hardTanh(f32, 1, 1), argument, /^hardTanh: min 1 must be below max 1/],
    [() => b.mean(i32 as never), dtype, /^mean: input must be float32 or float64, got int32/],
    [() => b.max(b.zeros([0, 2]), 0), shape, /^max: cannot reduce axes of size 0 \(input \[0,2\]\)/],
    [() => b.argMax(b.zeros([0])), shape, /^argMax: cannot reduce axes of size 0/],
    [() => b.sum(f32, 2), argument, /^sum: axis 2 is out of bounds for rank 2/],
    [() => b.sum(f32, [0, -2]), argument, /^sum: axes \[0,-2\] name one axis twice/],
    [() => b.norm(f32, 0, { p: 0 }), argument, /^norm: p must be above 0, got 0/],
    [() => b.cumSum(f32, 2), argument, /^cumSum: axis 2 is out of bounds/],
    [() => b.zeros([-1]), shape, /^zeros: shape \[-1\] has dimension -1/],
    [() => b.full([1], Number.NaN, { dtype: 'int32' }), argument, /^full: NaN is no value of int32/],
    [() => b.arange(0, 1, 0), argument, /^arange: step must not be 0/],
    [() => b.arange(0, 5, -1), argument, /^arange: step -1 leads away from 5 when starting at 0/],
    [() => b.arange(3, { dtype: 'bool' }), dtype, /^arange: bool holds no numbers/],
    [() => b.linspace(0, 1, -1), argument, /^linspace: steps must be a non-negative integer, got -1/],
    [() => b.uniform([2], { low: 1, high: 0 }), argument, /^uniform: low 1 must not be above high 0/],
    [() => b.uniform([2], { high: 1 / 0 }), argument, /^uniform: 0 to Infinity is no finite range/],
    [() => b.full([2], 256, { dtype: 'uint8' }), argument, /^full: 256 is no value of uint8/],
    [() => b.tensor([1, 3e9], { dtype: 'int32' }), argument, /^tensor: 3000000000 is no value of int32/],
    [() => b.tensor([Number.NaN], { dtype: 'int32' }), argument, /^tensor: NaN is no value of int32/],
    [() => b.tensor([2n ** 63n]), argument, /^tensor: 9223372036854775808 is no value of int64/],
    [() => b.less(b.zeros([2], { dtype: 'int32' }), 2 ** 31), argument, /^less: 2147483648 is no value of int32/],
    [() => b.clamp(b.zeros([2], { dtype: 'int64' }), 0, 2 ** 63), argument, /^clamp: \d+ is no value of int64/],
    [
      () => b.pad(b.zeros([2], { dtype: 'uint8' }), [[1, 1]], { value: 300 }),
      argument,
      /^pad: 300 is no value of uint8/,
    ],
    [() => b.uniform([2], { dtype: 'int32' as never }), dtype, /^uniform: dtype must be float32 or float64/],
    [() => b.normal([2], { std: -1 }), argument, /^normal: std must not be negative, got -1/],
    [() => b.randInt(3, 3, [1]), argument, /^randInt: needs integers low < high, got 3 and 3/],
    [() => b.randPerm(1.5), argument, /^randPerm: n must be a non-negative integer, got 1.5/],
    [() => b.rand([2], { generator: {} as never }), argument, /^rand: generator must be a Generator/],
  ];
  it.each(rows.map(([call, code, message]) => ({ message, code, call })))('$message', ({ call, code, message }) => {
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
