/** Rows of arithmetic. Functions of one number, comparisons and activations are next door. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import { type CaseTable, gradientOf, type InputSpec, type OpCase } from './case.js';
import { edges, mixedEdges, one } from './inputs.js';

type T = Tensor<'float32'>;
type Binary = (a: T, b: T | number) => Tensor;

const positive = (...shape: number[]): InputSpec => ({ shape, range: [0.5, 3] });

/** Rows that every operation of two operands has: `torch` is an expression in a and b. */
function binaryRows(
  run: Binary,
  torch: string,
  a: InputSpec = { shape: [3, 4] },
  b: InputSpec = positive(3, 4),
): OpCase[] {
  const reshaped = (spec: InputSpec, shape: number[]): InputSpec => ({ ...spec, shape });
  const whole = torch.startsWith('torch.pow') ? ([0, 4] as const) : ([1, 9] as const);
  return [
    { label: 'same shape', inputs: [a, b], run, torch, second: true },
    { label: 'broadcast', inputs: [reshaped(a, [3, 1, 4]), reshaped(b, [2, 1])], run, torch, second: true },
    { label: 'scalar operand', inputs: [reshaped(a, []), reshaped(b, [2, 3])], run, torch },
    { label: 'number', inputs: [a], run: (x: T) => run(x, 2.5), torch: torch.replace(/\bb\b/g, '2.5'), second: true },
    { label: 'odd size', inputs: [reshaped(a, [7, 37]), reshaped(b, [7, 37])], run, torch, gradient: false },
    { label: 'edge values', inputs: [edges, mixedEdges], run, torch, gradient: false },
    { label: 'empty', inputs: [reshaped(a, [0, 3]), reshaped(b, [1, 3])], run, torch, gradient: false },
    {
      label: 'int32 and int64',
      inputs: [
        { shape: [4, 5], dtype: 'int32', range: [-20, 20] },
        { shape: [5], dtype: 'int64', range: whole },
      ],
      run,
      torch,
    },
    {
      label: 'uint8 and float',
      inputs: [{ shape: [6], dtype: 'uint8', range: whole }, reshaped(b, [6])],
      run,
      torch,
      gradient: false,
    },
  ];
}

type ArithmeticNames =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'floorDivide'
  | 'remainder'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'clamp';

const powers: OpCase[] = [0, 1, 2, 3, 0.5, -0.5, -1, -2, 4, 2.5].map((exponent) => ({
  label: `to the ${exponent}`,
  inputs: [positive(3, 3)],
  run: (a: T) => ops.pow(a, exponent),
  torch: `a ** ${exponent}`,
  second: true,
}));

const ties: InputSpec[] = [
  { shape: [4], values: [1, 2, 3, 4] },
  { shape: [4], values: [1, 3, 3, 1] },
];
const gradOf = (f: (a: T, b: T) => Tensor, index: 0 | 1) => (a: T, b: T) => ops.grad(ops.sum(f(a, b)), [a, b])[index];

export const elementwiseCases: CaseTable<ArithmeticNames> = {
  add: [
    ...binaryRows(ops.add, 'a + b'),
    { label: 'number first', inputs: one(4), run: (a: T) => ops.add(1.5, a), torch: '1.5 + a' },
    { label: 'with itself', inputs: one(4), run: (a: T) => ops.add(a, a), torch: 'a + a', second: true },
    {
      label: 'fraction beside integers',
      inputs: [{ shape: [4], dtype: 'int64' }],
      run: (a: T) => ops.add(a, 0.5),
      torch: 'a + 0.5',
    },
    {
      label: 'integer beside booleans',
      inputs: [{ shape: [4], dtype: 'bool' }],
      run: (a: T) => ops.add(a, 2),
      torch: 'a + 2',
    },
    {
      label: 'int32 wraps around',
      inputs: [{ shape: [2], dtype: 'int32', values: [2147483647, -2147483648] }],
      run: (a: T) => ops.add(a, ops.full([2], 5, { dtype: 'int32' })),
      torch: 'a + torch.full([2], 5, dtype=torch.int32)',
    },
  ],
  sub: [
    ...binaryRows(ops.sub, 'a - b'),
    { label: 'number first', inputs: one(4), run: (a: T) => ops.sub(1, a), torch: '1 - a', second: true },
  ],
  mul: [
    ...binaryRows(ops.mul, 'a * b'),
    { label: 'with itself', inputs: one(4), run: (a: T) => ops.mul(a, a), torch: 'a * a', second: true },
    {
      label: 'int32 wraps around',
      inputs: [{ shape: [3], dtype: 'int32', values: [2147483647, 123456789, -65537] }],
      run: (a: T) => ops.mul(a, a),
      torch: 'a * a',
    },
  ],
  div: [
    ...binaryRows(ops.div, 'a / b'),
    { label: 'number first', inputs: [positive(4)], run: (a: T) => ops.div(1, a), torch: '1 / a', second: true },
  ],
  floorDivide: [
    ...binaryRows(ops.floorDivide, 'torch.floor_divide(a, b)', { shape: [3, 4], range: [-9.5, 9.5] }, positive(3, 4))
      .filter(({ label }) => label !== 'edge values')
      .map((row) => ({ ...row, second: false, gradient: false })),
    {
      label: 'signs',
      inputs: [
        { shape: [8], values: [7, -7, 7, -7, 6, -6, 0.3, 1] },
        { shape: [8], values: [2, 2, -2, -2, 3, 3, 0.1, 0] },
      ],
      run: (a: T, b: T) => ops.floorDivide(a, b),
      torch: 'torch.floor_divide(a, b)',
      gradient: false,
    },
    {
      label: 'infinities',
      inputs: [
        {
          shape: [8],
          values: [1, 1, -1, -1, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
        },
        {
          shape: [8],
          values: [1 / 0, -1 / 0, 1 / 0, -1 / 0, -1 / 0, 2, 1 / 0, 0],
        },
      ],
      run: (a: T, b: T) => ops.floorDivide(a, b),
      torch: 'torch.floor_divide(a, b)',
      gradient: false,
    },
    {
      label: 'large integers',
      inputs: [
        { shape: [4], dtype: 'int32', values: [-2147483647, 2147483647, -2147483648, -2147483648] },
        { shape: [4], dtype: 'int32', values: [10, -10, 3, -2147483648] },
      ],
      run: (a: T, b: T) => ops.floorDivide(a, b),
      torch: 'torch.floor_divide(a, b)',
    },
    {
      label: 'signs of integers',
      inputs: [
        { shape: [6], dtype: 'int32', values: [7, -7, 7, -7, 6, -6] },
        { shape: [6], dtype: 'int32', values: [2, 2, -2, -2, 3, -3] },
      ],
      run: (a: T, b: T) => ops.floorDivide(a, b),
      torch: 'torch.floor_divide(a, b)',
    },
  ],
  remainder: [
    ...binaryRows(ops.remainder, 'torch.remainder(a, b)', { shape: [3, 4], range: [0.1, 0.4] }, positive(3, 4)).filter(
      ({ label }) => label !== 'edge values',
    ),
    {
      label: 'signs',
      inputs: [
        { shape: [6], values: [7, -7, 7, -7, 6, -6.5] },
        { shape: [6], values: [2, 2, -2, -2, 3, 4] },
      ],
      run: (a: T, b: T) => ops.remainder(a, b),
      torch: 'torch.remainder(a, b)',
      gradient: false,
    },
    {
      label: 'gradient of the divisor',
      inputs: [
        { shape: [3], values: [7.5, -7.5, 9.5] },
        { shape: [3], values: [2, 2, -3] },
      ],
      run: (a: T, b: T) => ops.remainder(a, b),
      torch: 'torch.remainder(a, b)',
    },
    {
      label: 'signs of integers',
      inputs: [
        { shape: [6], dtype: 'int64', values: [7, -7, 7, -7, 6, -6] },
        { shape: [6], dtype: 'int64', values: [2, 2, -2, -2, 3, -3] },
      ],
      run: (a: T, b: T) => ops.remainder(a, b),
      torch: 'torch.remainder(a, b)',
    },
  ],
  pow: [
    ...binaryRows(ops.pow, 'torch.pow(a, b)', positive(3, 4), { shape: [3, 4], range: [-2, 2] }),
    ...powers,
    {
      label: 'negative base',
      inputs: [{ shape: [4], values: [-2, -1.5, 0, 3] }],
      run: (a: T) => ops.pow(a, 3),
      torch: 'a ** 3',
    },
    {
      label: 'gradient of a pole',
      inputs: [{ shape: [2], values: [0, 2] }],
      run: (a: T) => ops.grad(ops.sum(ops.pow(a, -2)), [a])[0],
      torch: gradientOf('a ** -2'),
      gradient: false,
    },
    { label: 'number to a tensor', inputs: one(5), run: (a: T) => ops.pow(2, a), torch: '2 ** a', second: true },
    {
      label: 'gradient of powers of 0',
      inputs: [
        { shape: [4], values: [0, 0, 0, 2] },
        { shape: [4], values: [0, 1, 2, 0] },
      ],
      run: gradOf((a, b) => ops.pow(a, b), 0),
      torch: gradientOf('torch.pow(a, b)'),
      gradient: false,
    },
    {
      label: 'gradient of the exponent at 0',
      inputs: [
        { shape: [4], values: [0, 0, 0, 2] },
        { shape: [4], values: [0, 1, 2, 0] },
      ],
      run: gradOf((a, b) => ops.pow(a, b), 1),
      torch: gradientOf('torch.pow(a, b)', 'b'),
      gradient: false,
    },
    {
      label: 'int32 squared',
      inputs: [{ shape: [6], dtype: 'int32', range: [-9, 9] }],
      run: (a: T) => ops.pow(a, 2),
      torch: 'a ** 2',
    },
  ],
  maximum: [
    ...binaryRows(ops.maximum, 'torch.maximum(a, b)').filter(({ label }) => label !== 'number'),
    { label: 'number', inputs: one(3, 4), run: (a: T) => ops.maximum(a, 0.25), torch: 'a.clamp(min=0.25)' },
    {
      label: 'gradient of ties',
      inputs: ties,
      run: gradOf((a, b) => ops.maximum(a, b), 0),
      torch: gradientOf('torch.maximum(a, b)'),
      gradient: false,
    },
  ],
  minimum: [
    ...binaryRows(ops.minimum, 'torch.minimum(a, b)').filter(({ label }) => label !== 'number'),
    { label: 'number', inputs: one(3, 4), run: (a: T) => ops.minimum(a, 0.25), torch: 'a.clamp(max=0.25)' },
    {
      label: 'gradient of ties',
      inputs: ties,
      run: gradOf((a, b) => ops.minimum(a, b), 1),
      torch: gradientOf('torch.minimum(a, b)', 'b'),
      gradient: false,
    },
  ],
  clamp: [
    {
      label: 'both',
      inputs: one(4, 5),
      run: (a: T) => ops.clamp(a, -0.55, 1.1),
      torch: 'a.clamp(-0.55, 1.1)',
      second: true,
    },
    { label: 'min', inputs: one(4, 5), run: (a: T) => ops.clamp(a, 0.33), torch: 'a.clamp(min=0.33)' },
    { label: 'max', inputs: one(4, 5), run: (a: T) => ops.clamp(a, undefined, 0.33), torch: 'a.clamp(max=0.33)' },
    {
      label: 'min above max',
      inputs: one(5),
      run: (a: T) => ops.clamp(a, 1, -1),
      torch: 'a.clamp(1, -1)',
      gradient: false,
    },
    {
      label: 'edge values',
      inputs: [edges],
      run: (a: T) => ops.clamp(a, -1, 1),
      torch: 'a.clamp(-1, 1)',
      gradient: false,
    },
    {
      label: 'gradient at the bounds',
      inputs: [{ shape: [5], values: [-2, -1, 0, 1, 2] }],
      run: (a: T) => ops.grad(ops.sum(ops.clamp(a, -1, 1)), [a])[0],
      torch: gradientOf('a.clamp(-1, 1)'),
      gradient: false,
    },
    {
      label: 'int32',
      inputs: [{ shape: [9], dtype: 'int32', range: [-9, 9] }],
      run: (a: T) => ops.clamp(a, -3, 4),
      torch: 'a.clamp(-3, 4)',
    },
    {
      label: 'int64, one bound',
      inputs: [{ shape: [9], dtype: 'int64', range: [-9, 9] }],
      run: (a: T) => ops.clamp(a, 2),
      torch: 'a.clamp(min=2)',
    },
    {
      label: 'int32 with fractions',
      inputs: [{ shape: [9], dtype: 'int32' }],
      run: (a: T) => ops.clamp(a, 1.5),
      torch: 'a.clamp(min=1.5)',
    },
  ],
};
