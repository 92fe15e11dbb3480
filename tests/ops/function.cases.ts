/** Rows of the functions of one number. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import { type CaseTable, gradientOf, type InputSpec, type OpCase } from './case.js';
import { edges, one } from './inputs.js';

type T = Tensor<'float32'>;
type Unary = (a: T) => Tensor;

/** Rows that every function of one float has. */
function floatRows(run: Unary, torch: string, range: readonly [number, number] = [-2, 2]): OpCase[] {
  return [
    { label: 'matrix', inputs: [{ shape: [3, 5], range }], run, torch, second: true },
    { label: 'odd size', inputs: [{ shape: [3, 5, 19], range }], run, torch, gradient: false },
    { label: 'scalar', inputs: [{ shape: [], range }], run, torch },
    { label: 'edge values', inputs: [edges], run, torch, gradient: false },
    { label: 'empty', inputs: one(0, 2), run, torch, gradient: false },
    {
      label: 'whole numbers',
      inputs: [{ shape: [7], dtype: 'int32', range: [Math.ceil(range[0]), Math.floor(range[1])] }],
      run,
      torch,
    },
  ];
}

/** Rows of functions that keep whole numbers whole. */
const numericRows = (run: Unary, torch: string): OpCase[] => [
  { label: 'matrix', inputs: one(3, 5), run, torch, second: true },
  { label: 'odd size', inputs: one(3, 5, 19), run, torch, gradient: false },
  { label: 'edge values', inputs: [edges], run, torch, gradient: false },
  { label: 'int32', inputs: [{ shape: [9], dtype: 'int32', range: [-9, 9] }], run, torch },
  { label: 'int64', inputs: [{ shape: [9], dtype: 'int64', range: [-9, 9] }], run, torch },
];

type FunctionNames =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'square'
  | 'reciprocal'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'log2'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'round'
  | 'floor'
  | 'ceil'
  | 'trunc';

const halves: InputSpec = { shape: [9], values: [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609, -1e10] };

const roundingRows = (run: Unary, torch: string): OpCase[] => [
  ...numericRows(run, torch),
  { label: 'halves', inputs: [halves], run, torch, gradient: false },
];

export const functionCases: CaseTable<FunctionNames> = {
  neg: numericRows(ops.neg, '-a'),
  abs: [
    ...numericRows(ops.abs, 'a.abs()'),
    {
      label: 'gradient at 0',
      inputs: [{ shape: [3], values: [-1, 0, 2] }],
      run: (a: T) => ops.grad(ops.sum(ops.abs(a)), [a])[0],
      torch: gradientOf('a.abs()'),
      gradient: false,
    },
  ],
  sign: numericRows(ops.sign, 'a.sign()'),
  square: numericRows(ops.square, 'a.square()'),
  reciprocal: floatRows(ops.reciprocal, 'a.reciprocal()', [0.5, 3]),
  exp: floatRows(ops.exp, 'a.exp()'),
  expm1: [
    ...floatRows(ops.expm1, 'a.expm1()'),
    {
      label: 'near 0',
      inputs: [{ shape: [5], range: [-1e-6, 1e-6] }],
      run: (a: T) => ops.mul(ops.expm1(a), 1e6),
      torch: 'a.expm1() * 1e6',
      gradient: false,
    },
  ],
  log: floatRows(ops.log, 'a.log()', [0.5, 3]),
  log1p: [
    ...floatRows(ops.log1p, 'a.log1p()', [-0.5, 3]),
    {
      label: 'near 0',
      inputs: [{ shape: [5], range: [-1e-6, 1e-6] }],
      run: (a: T) => ops.mul(ops.log1p(a), 1e6),
      torch: 'a.log1p() * 1e6',
      gradient: false,
    },
  ],
  log2: floatRows(ops.log2, 'a.log2()', [0.5, 3]),
  sqrt: floatRows(ops.sqrt, 'a.sqrt()', [0.5, 3]),
  rsqrt: floatRows(ops.rsqrt, 'a.rsqrt()', [0.5, 3]),
  sin: [
    ...floatRows(ops.sin, 'a.sin()'),
    {
      label: 'large arguments',
      inputs: [{ shape: [9], range: [-1e5, 1e5] }],
      run: (a: T) => ops.sin(a),
      torch: 'a.sin()',
      gradient: false,
    },
  ],
  cos: [
    ...floatRows(ops.cos, 'a.cos()'),
    {
      label: 'large arguments',
      inputs: [{ shape: [9], range: [-1e5, 1e5] }],
      run: (a: T) => ops.cos(a),
      torch: 'a.cos()',
      gradient: false,
    },
  ],
  tan: floatRows(ops.tan, 'a.tan()', [-1.2, 1.2]),
  tanh: [
    ...floatRows(ops.tanh, 'a.tanh()'),
    { label: 'saturates', inputs: [{ shape: [9], range: [-30, 30] }], run: (a: T) => ops.tanh(a), torch: 'a.tanh()' },
  ],
  sigmoid: [
    ...floatRows(ops.sigmoid, 'a.sigmoid()'),
    {
      label: 'saturates',
      inputs: [{ shape: [9], range: [-120, 120] }],
      run: (a: T) => ops.sigmoid(a),
      torch: 'a.sigmoid()',
    },
  ],
  erf: [
    ...floatRows(ops.erf, 'torch.erf(a)'),
    {
      label: 'tails',
      inputs: [{ shape: [23], range: [-7, 7] }],
      run: (a: T) => ops.erf(a),
      torch: 'torch.erf(a)',
      gradient: false,
    },
  ],
  round: roundingRows(ops.round, 'a.round()'),
  floor: roundingRows(ops.floor, 'a.floor()'),
  ceil: roundingRows(ops.ceil, 'a.ceil()'),
  trunc: roundingRows(ops.trunc, 'a.trunc()'),
};
