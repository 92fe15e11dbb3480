/** Rows of reductions and scans. */
import type { Axes, ReduceOptions, Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import { type CaseTable, gradientOf, type InputSpec, type OpCase } from './case.js';

type T = Tensor<'float32'>;
type Reduction = (a: T, axes?: Axes, options?: ReduceOptions) => Tensor;

type Names =
  | 'sum'
  | 'prod'
  | 'mean'
  | 'variance'
  | 'std'
  | 'norm'
  | 'logSumExp'
  | 'max'
  | 'min'
  | 'argMax'
  | 'argMin'
  | 'any'
  | 'all'
  | 'cumSum'
  | 'cumProd';

const nan: InputSpec = { shape: [2, 3], values: [1, Number.NaN, 2, 3, Number.POSITIVE_INFINITY, 4] };
const infinities: InputSpec = {
  shape: [3, 2],
  values: [
    Number.NEGATIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2,
  ],
};

/** `torch` gets the axes ("dim") and the keepdim argument as Python text. */
function reduceRows(
  run: Reduction,
  torch: (dims: string, keep: string) => string,
  spec: Partial<InputSpec> = {},
): OpCase[] {
  const of = (...shape: number[]): InputSpec[] => [{ ...spec, shape }];
  const small = spec.dtype === undefined;
  return [
    { label: 'all', inputs: of(3, 4), run: (a: T) => run(a), torch: torch('(0, 1)', 'False'), second: small },
    { label: 'last axis', inputs: of(3, 5), run: (a: T) => run(a, -1), torch: torch('(-1,)', 'False'), second: small },
    { label: 'first axis', inputs: of(4, 3), run: (a: T) => run(a, 0), torch: torch('(0,)', 'False') },
    {
      label: 'middle axis, kept',
      inputs: of(2, 4, 3),
      run: (a: T) => run(a, 1, { keepDims: true }),
      torch: torch('(1,)', 'True'),
    },
    { label: 'axes apart', inputs: of(2, 3, 4), run: (a: T) => run(a, [-1, 0]), torch: torch('(-1, 0)', 'False') },
    {
      label: 'axes apart, kept',
      inputs: of(2, 3, 4),
      run: (a: T) => run(a, [0, 2], { keepDims: true }),
      torch: torch('(0, 2)', 'True'),
    },
    {
      label: 'of a transpose',
      inputs: of(4, 3, 2),
      run: (a: T) => run(ops.permute(a, [2, 0, 1]), [0, 2]),
      torch: torch('(0, 2)', 'False').replace(/\ba\b/, 'a.permute(2, 0, 1)'),
    },
    {
      label: 'empty result',
      inputs: of(0, 3),
      run: (a: T) => run(a, 1),
      torch: torch('(1,)', 'False'),
      gradient: false,
    },
    {
      label: 'long rows',
      inputs: of(5, 1037),
      run: (a: T) => run(a, 1),
      torch: torch('(1,)', 'False'),
      gradient: false,
    },
    {
      label: 'long columns',
      inputs: of(1037, 5),
      run: (a: T) => run(a, 0),
      torch: torch('(0,)', 'False'),
      gradient: false,
    },
  ];
}

const emptyRow = (run: Reduction, torch: string): OpCase => ({
  label: 'of nothing',
  inputs: [{ shape: [0, 3] }],
  run: (a: T) => run(a, 0),
  torch,
  gradient: false,
});

const scalarRow = (run: Reduction, torch: string): OpCase => ({
  label: 'scalar',
  inputs: [{ shape: [] }],
  run: (a: T) => run(a),
  torch,
});

const intRow = (run: Reduction, torch: string, dtype: 'int32' | 'int64' | 'uint8' | 'bool'): OpCase => ({
  label: dtype,
  inputs: [{ shape: [3, 7], dtype, range: dtype === 'bool' ? [0, 1] : [0, 9] }],
  run: (a: T) => run(a, 1),
  torch,
});

const extremumRows = (run: Reduction, name: 'amax' | 'amin'): OpCase[] => [
  ...reduceRows(run, (dims, keep) => `torch.${name}(a, dim=${dims}, keepdim=${keep})`, { distinct: true }),
  { label: 'NaN', inputs: [nan], run: (a: T) => run(a, 1), torch: `a.${name}(1)`, gradient: false },
  {
    label: 'gradient of ties',
    inputs: [{ shape: [2, 4], values: [1, 3, 3, 0, 5, 5, 5, 5] }],
    run: (a: T) => ops.grad(ops.sum(run(a, 1)), [a])[0],
    torch: gradientOf(`a.${name}(1)`),
    gradient: false,
  },
  ...(['int32', 'int64', 'uint8', 'bool'] as const).map((dtype) => intRow(run, `a.${name}(1)`, dtype)),
  scalarRow(run, `a.${name}()`),
];

const positionRows = (run: (a: T, axis?: number, options?: ReduceOptions) => Tensor, name: string): OpCase[] => {
  const to = (expression: string) => `${expression}.to(torch.int32)`;
  const rows: OpCase[] = [
    { label: 'flattened', inputs: [{ shape: [4, 5] }], run: (a: T) => run(a), torch: to(`a.${name}()`) },
    { label: 'last axis', inputs: [{ shape: [4, 35] }], run: (a: T) => run(a, -1), torch: to(`a.${name}(-1)`) },
    { label: 'first axis', inputs: [{ shape: [35, 4] }], run: (a: T) => run(a, 0), torch: to(`a.${name}(0)`) },
    {
      label: 'kept',
      inputs: [{ shape: [2, 6, 3] }],
      run: (a: T) => run(a, 1, { keepDims: true }),
      torch: to(`a.${name}(1, keepdim=True)`),
    },
    {
      label: 'first of equals',
      inputs: [{ shape: [6], values: [1, 3, 0, 3, 0, 3] }],
      run: (a: T) => run(a, 0),
      torch: to(`a.${name}(0)`),
    },
    { label: 'NaN', inputs: [nan], run: (a: T) => run(a, 1), torch: to(`a.${name}(1)`) },
    {
      label: 'int64',
      inputs: [{ shape: [3, 9], dtype: 'int64' }],
      run: (a: T) => run(a, 1),
      torch: to(`a.${name}(1)`),
    },
    {
      label: 'of a transpose',
      inputs: [{ shape: [4, 5, 3] }],
      run: (a: T) => run(ops.permute(a, [2, 0, 1]), 1),
      torch: to(`a.permute(2, 0, 1).${name}(1)`),
    },
    { label: 'scalar', inputs: [{ shape: [] }], run: (a: T) => run(a), torch: to(`a.${name}()`) },
  ];
  return rows.map((row) => ({ ...row, gradient: false }));
};

const logicRows = (run: Reduction, name: string): OpCase[] => [
  ...(['bool', 'int32'] as const).map((dtype) => ({
    label: dtype,
    inputs: [{ shape: [9, 2], dtype, range: [0, 1] as const }],
    run: (a: T) => run(a, 1),
    torch: `a.${name}(1)`,
  })),
  {
    label: 'floats',
    inputs: [{ shape: [2, 2], values: [0, 0, Number.NaN, 1] }],
    run: (a: T) => run(a, [1]),
    torch: `a.${name}(1)`,
    gradient: false,
  },
  {
    label: 'axes, kept',
    inputs: [{ shape: [2, 3, 2], dtype: 'bool' }],
    run: (a: T) => run(a, [0, 2], { keepDims: true }),
    torch: `a.${name}(0, keepdim=True).${name}(2, keepdim=True)`,
  },
  { label: 'all of it', inputs: [{ shape: [40], dtype: 'bool' }], run: (a: T) => run(a), torch: `a.${name}()` },
  { label: 'of nothing', inputs: [{ shape: [0, 2], dtype: 'bool' }], run: (a: T) => run(a, 0), torch: `a.${name}(0)` },
];

const zeros: InputSpec = { shape: [4, 3], values: [1, 2, 3, 0, 2, 3, 0, 0, 4, 0, 0, 0] };

const scanRows = (run: (a: T, axis: number) => Tensor, name: string): OpCase[] => [
  { label: 'vector', inputs: [{ shape: [7] }], run: (a: T) => run(a, 0), torch: `a.${name}(0)`, second: true },
  { label: 'last axis', inputs: [{ shape: [3, 5] }], run: (a: T) => run(a, -1), torch: `a.${name}(-1)`, second: true },
  { label: 'first axis', inputs: [{ shape: [5, 3] }], run: (a: T) => run(a, 0), torch: `a.${name}(0)` },
  { label: 'middle axis', inputs: [{ shape: [2, 5, 3] }], run: (a: T) => run(a, 1), torch: `a.${name}(1)` },
  { label: 'size 1', inputs: [{ shape: [3, 1] }], run: (a: T) => run(a, 1), torch: `a.${name}(1)`, second: true },
  {
    label: 'long',
    inputs: [{ shape: [3, 517], range: [0.9, 1.1] }],
    run: (a: T) => run(a, 1),
    torch: `a.${name}(1)`,
    gradient: false,
  },
  {
    label: 'int32',
    inputs: [{ shape: [2, 6], dtype: 'int32', range: [-3, 3] }],
    run: (a: T) => run(a, 1),
    torch: `a.${name}(1)`,
  },
  { label: 'bool', inputs: [{ shape: [6], dtype: 'bool' }], run: (a: T) => run(a, 0), torch: `a.${name}(0)` },
  { label: 'empty', inputs: [{ shape: [0, 3] }], run: (a: T) => run(a, 0), torch: `a.${name}(0)`, gradient: false },
  { label: 'scalar', inputs: [{ shape: [] }], run: (a: T) => run(a, 0), torch: `a.${name}(0)` },
  {
    label: 'of a transpose',
    inputs: [{ shape: [4, 3] }],
    run: (a: T) => run(ops.transpose(a), 0),
    torch: `a.T.${name}(0)`,
  },
];

export const reduceCases: CaseTable<Names> = {
  sum: [
    ...reduceRows(ops.sum, (dims, keep) => `a.sum(dim=${dims}, keepdim=${keep})`),
    ...(['int32', 'int64', 'uint8', 'bool'] as const).map((dtype) => intRow(ops.sum, 'a.sum(1)', dtype)),
    emptyRow(ops.sum, 'a.sum(0)'),
    scalarRow(ops.sum, 'a.sum()'),
    { label: 'large', inputs: [{ shape: [64, 1001] }], run: (a: T) => ops.sum(a), torch: 'a.sum()', gradient: false },
  ],
  prod: [
    ...reduceRows(ops.prod, () => '', { range: [0.5, 1.5] }).map(({ torch, ...row }) => row),
    { label: 'one axis', inputs: [{ shape: [3, 4] }], run: (a: T) => ops.prod(a, 1), torch: 'a.prod(1)', second: true },
    { label: 'with zeros', inputs: [zeros], run: (a: T) => ops.prod(a, 1), torch: 'a.prod(1)', second: true },
    {
      label: 'with zeros, other axis',
      inputs: [zeros],
      run: (a: T) => ops.prod(a, 0, { keepDims: true }),
      torch: 'a.prod(0, keepdim=True)',
      second: true,
    },
    ...(['int32', 'int64', 'bool'] as const).map((dtype) => intRow(ops.prod, 'a.prod(1)', dtype)),
    emptyRow(ops.prod, 'a.prod(0)'),
    scalarRow(ops.prod, 'a.prod()'),
  ],
  mean: [
    ...reduceRows(ops.mean, (dims, keep) => `a.mean(dim=${dims}, keepdim=${keep})`),
    emptyRow(ops.mean, 'a.mean(0)'),
    scalarRow(ops.mean, 'a.mean()'),
  ],
  variance: [
    ...reduceRows(ops.variance, (dims, keep) => `a.var(dim=${dims}, keepdim=${keep})`),
    {
      label: 'no correction',
      inputs: [{ shape: [3, 4] }],
      run: (a: T) => ops.variance(a, 1, { correction: 0 }),
      torch: 'a.var(1, correction=0)',
      second: true,
    },
    {
      label: 'far from 0',
      inputs: [{ shape: [3, 400], range: [1000, 1001] }],
      run: (a: T) => ops.variance(a, 1),
      torch: 'a.var(1)',
      gradient: false,
    },
    {
      label: 'of one',
      inputs: [{ shape: [3, 1] }],
      run: (a: T) => ops.variance(a, 1),
      torch: 'a.var(1)',
      gradient: false,
    },
    {
      label: 'correction above the count',
      inputs: [{ shape: [2, 3] }],
      run: (a: T) => ops.variance(a, 1, { correction: 5 }),
      torch: 'a.var(1, correction=5)',
      gradient: false,
    },
    {
      label: 'gradient with a correction above the count',
      inputs: [{ shape: [2, 3] }],
      run: (a: T) => ops.grad(ops.sum(ops.variance(a, 1, { correction: 5 })), [a])[0],
      torch: gradientOf('a.var(1, correction=5)'),
      gradient: false,
    },
    emptyRow(ops.variance, 'a.var(0)'),
  ],
  std: [
    ...reduceRows(ops.std, (dims, keep) => `a.std(dim=${dims}, keepdim=${keep})`),
    {
      label: 'no correction',
      inputs: [{ shape: [3, 4] }],
      run: (a: T) => ops.std(a, 1, { correction: 0 }),
      torch: 'a.std(1, correction=0)',
    },
    {
      label: 'gradient at 0',
      inputs: [{ shape: [2, 3], values: [1, 1, 1, 1, 2, 3] }],
      run: (a: T) => ops.grad(ops.sum(ops.std(a, 1)), [a])[0],
      torch: gradientOf('a.std(1)'),
      gradient: false,
    },
  ],
  norm: [
    ...reduceRows(ops.norm, (dims, keep) => `torch.linalg.vector_norm(a, dim=${dims}, keepdim=${keep})`),
    ...[0.5, 1.5, 3].map((p) => ({
      label: `gradient at 0, p = ${p}`,
      inputs: [{ shape: [3, 2], values: [0, 0, 3, -4, 0, 2] }],
      run: (a: T) => ops.grad(ops.sum(ops.norm(a, 1, { p })), [a])[0],
      torch: gradientOf(`torch.linalg.vector_norm(a, ${p}, dim=1)`),
      gradient: false,
    })),
    ...[1, 3, Number.POSITIVE_INFINITY].map((p) => ({
      label: `p = ${p}`,
      inputs: [{ shape: [3, 4], distinct: true, range: [-3, 2.9] as const }],
      run: (a: T) => ops.norm(a, 1, { p }),
      torch: `torch.linalg.vector_norm(a, ${p === Number.POSITIVE_INFINITY ? "float('inf')" : p}, dim=1)`,
    })),
    {
      label: 'gradient at 0',
      inputs: [{ shape: [2, 2], values: [0, 0, 3, 4] }],
      run: (a: T) => ops.grad(ops.sum(ops.norm(a, 1)), [a])[0],
      torch: gradientOf('torch.linalg.vector_norm(a, dim=1)'),
      gradient: false,
    },
    scalarRow(ops.norm, 'torch.linalg.vector_norm(a)'),
  ],
  logSumExp: [
    ...reduceRows(ops.logSumExp, (dims, keep) => `torch.logsumexp(a, dim=${dims}, keepdim=${keep})`),
    {
      label: 'infinities',
      inputs: [infinities],
      run: (a: T) => ops.logSumExp(a, 1),
      torch: 'a.logsumexp(1)',
      gradient: false,
    },
    {
      label: 'large values',
      inputs: [{ shape: [3, 4], range: [80, 300] }],
      run: (a: T) => ops.logSumExp(a, 1),
      torch: 'a.logsumexp(1)',
    },
    {
      label: 'int32',
      inputs: [{ shape: [3, 4], dtype: 'int32' }],
      run: (a: T) => ops.logSumExp(a, 1),
      torch: 'a.float().logsumexp(1)',
    },
    emptyRow(ops.logSumExp, 'a.logsumexp(0)'),
  ],
  max: extremumRows(ops.max, 'amax'),
  min: extremumRows(ops.min, 'amin'),
  argMax: positionRows(ops.argMax, 'argmax'),
  argMin: positionRows(ops.argMin, 'argmin'),
  any: logicRows(ops.any, 'any'),
  all: logicRows(ops.all, 'all'),
  cumSum: scanRows(ops.cumSum, 'cumsum'),
  cumProd: [
    ...scanRows(ops.cumProd, 'cumprod'),
    { label: 'with zeros', inputs: [zeros], run: (a: T) => ops.cumProd(a, 1), torch: 'a.cumprod(1)', second: true },
    {
      label: 'with zeros, first axis',
      inputs: [zeros],
      run: (a: T) => ops.cumProd(a, 0),
      torch: 'a.cumprod(0)',
      second: true,
    },
  ],
};
