/** Rows of comparisons, logic, choices and casts. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import type { CaseTable, OpCase } from './case.js';
import { edges, mixedEdges, one } from './inputs.js';

type T = Tensor<'float32'>;
type Binary = (a: T, b: T | number) => Tensor;
type Unary = (a: T) => Tensor;

type CompareNames =
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'isNaN'
  | 'isFinite'
  | 'isInf'
  | 'checkFinite'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor'
  | 'logicalNot'
  | 'where'
  | 'cast';

const compareRows = (run: Binary, torch: string): OpCase[] => [
  { label: 'edge values', inputs: [edges, mixedEdges], run, torch, gradient: false },
  {
    label: 'broadcast',
    inputs: [
      { shape: [3, 1, 4], dtype: 'int32' },
      { shape: [2, 1], dtype: 'int64' },
    ],
    run,
    torch,
  },
  {
    label: 'number',
    inputs: [{ shape: [40], dtype: 'uint8' }],
    run: (a: T) => run(a, 4),
    torch: torch.replace(/\bb\b/, '4'),
  },
  {
    label: 'number modulo 256',
    inputs: [{ shape: [3], dtype: 'uint8', values: [0, 253, 254] }],
    run: (a: T) => run(a, -3),
    torch: torch.replace(/\bb\b/, '-3'),
  },
  {
    label: 'booleans',
    inputs: [
      { shape: [4], dtype: 'bool', values: [0, 0, 1, 1] },
      { shape: [4], dtype: 'bool', values: [0, 1, 0, 1] },
    ],
    run,
    torch,
  },
];

const testRows = (run: Unary, torch: string): OpCase[] => [
  { label: 'edge values', inputs: [edges], run, torch, gradient: false },
  { label: 'whole numbers', inputs: [{ shape: [3, 2], dtype: 'int32' }], run, torch },
];

const logicRows = (run: (a: T, b: T) => Tensor, torch: string): OpCase[] => [
  {
    label: 'booleans',
    inputs: [
      { shape: [4, 1], dtype: 'bool', values: [0, 0, 1, 1] },
      { shape: [2], dtype: 'bool', values: [0, 1] },
    ],
    run,
    torch,
  },
  { label: 'numbers', inputs: [edges, { shape: [10], dtype: 'int32', range: [0, 2] }], run, torch, gradient: false },
];

const dtypes = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as const;
const inRange: Record<(typeof dtypes)[number], readonly [number, number]> = {
  float32: [0.1, 120.9],
  float64: [0.1, 120.9],
  int32: [0, 120],
  int64: [0, 120],
  uint8: [0, 120],
  bool: [0, 1],
};

export const compareCases: CaseTable<CompareNames> = {
  equal: compareRows(ops.equal, 'a == b'),
  notEqual: compareRows(ops.notEqual, 'a != b'),
  less: compareRows(ops.less, 'a < b'),
  lessEqual: compareRows(ops.lessEqual, 'a <= b'),
  greater: compareRows(ops.greater, 'a > b'),
  greaterEqual: compareRows(ops.greaterEqual, 'a >= b'),
  isNaN: testRows(ops.isNaN, 'a.isnan()'),
  isFinite: testRows(ops.isFinite, 'a.isfinite()'),
  isInf: testRows(ops.isInf, 'a.isinf()'),
  checkFinite: [
    { label: 'matrix', inputs: [{ shape: [3, 5] }], run: ops.checkFinite, torch: 'a * 1', second: true },
    { label: 'scalar', inputs: [{ shape: [] }], run: ops.checkFinite, torch: 'a * 1' },
    {
      label: 'of a view',
      inputs: [{ shape: [3, 5] }],
      run: (a: T) => ops.checkFinite(ops.transpose(a, 0, 1)),
      torch: 'a.t()',
    },
    { label: 'empty', inputs: [{ shape: [0, 2] }], run: ops.checkFinite, torch: 'a * 1', gradient: false },
  ],
  logicalAnd: logicRows(ops.logicalAnd, 'torch.logical_and(a, b)'),
  logicalOr: logicRows(ops.logicalOr, 'torch.logical_or(a, b)'),
  logicalXor: logicRows(ops.logicalXor, 'torch.logical_xor(a, b)'),
  logicalNot: testRows(ops.logicalNot, 'torch.logical_not(a)'),
  where: [
    {
      label: 'broadcast',
      inputs: [{ shape: [3, 1], dtype: 'bool' }, { shape: [3, 4] }, { shape: [4] }],
      run: (c: Tensor<'bool'>, a: T, b: T) => ops.where(c, a, b),
      torch: 'torch.where(a, b, c)',
      second: true,
    },
    {
      label: 'numbers',
      inputs: [{ shape: [5], dtype: 'bool' }, { shape: [5] }],
      run: (c: Tensor<'bool'>, a: T) => ops.add(ops.where(c, a, 2), ops.where(c, -1.5, a)),
      torch: 'torch.where(a, b, 2) + torch.where(a, -1.5, b)',
    },
    {
      label: 'mixed dtypes',
      inputs: [{ shape: [5], dtype: 'bool' }, { shape: [5], dtype: 'int32' }, { shape: [5] }],
      run: (c: Tensor<'bool'>, a: T, b: T) => ops.where(c, a, b),
      torch: 'torch.where(a, b, c)',
      gradient: false,
    },
    ...(['int64', 'uint8', 'bool'] as const).map((dtype) => ({
      label: dtype,
      inputs: [
        { shape: [33], dtype: 'bool' as const },
        { shape: [33], dtype },
        { shape: [33], dtype },
      ],
      run: (c: Tensor<'bool'>, a: T, b: T) => ops.where(c, a, b),
      torch: 'torch.where(a, b, c)',
    })),
  ],
  cast: [
    ...dtypes.flatMap((from) =>
      dtypes.map((to) => ({
        label: `${from} to ${to}`,
        inputs: [{ shape: [35], dtype: from, range: inRange[from] }],
        run: (a: T) => ops.cast(a, to),
        torch: `a.to(torch.${to})`,
        gradient: false,
      })),
    ),
    { label: 'saturates int32', inputs: [edges], run: (a: T) => ops.cast(a, 'int32'), gradient: false },
    { label: 'saturates uint8', inputs: [edges], run: (a: T) => ops.cast(a, 'uint8'), gradient: false },
    {
      label: 'edge values to bool',
      inputs: [edges],
      run: (a: T) => ops.cast(a, 'bool'),
      torch: 'a.to(torch.bool)',
      gradient: false,
    },
    {
      label: 'negative to uint8 wraps',
      inputs: [{ shape: [3], dtype: 'int32', values: [-1, 256, -300] }],
      run: (a: T) => ops.cast(a, 'uint8'),
      torch: 'a.to(torch.uint8)',
    },
    {
      label: 'gradient',
      inputs: one(4),
      run: (a: T) => ops.square(ops.cast(a, 'float64')),
      torch: 'a.to(torch.float64).square()',
      second: true,
    },
  ],
};
