/** Rows of the activations. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import { type CaseTable, gradientOf, type InputSpec, type OpCase } from './case.js';

type T = Tensor<'float32'>;

type Names =
  | 'relu'
  | 'relu6'
  | 'hardTanh'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'leakyRelu'
  | 'prelu'
  | 'elu'
  | 'celu'
  | 'selu'
  | 'gelu'
  | 'silu'
  | 'softplus'
  | 'logSigmoid'
  | 'mish'
  | 'glu';

/** Far from kinks at 0, +-1, +-3 and 6. */
const smooth: InputSpec = {
  shape: [3, 4],
  values: [-4.5, -3.4, -2.2, -1.7, -0.6, -0.3, 0.2, 0.55, 1.4, 2.3, 4.1, 7.2],
};
const kinks: InputSpec = { shape: [7], values: [-3, -1, 0, 1, 3, 6, 8] };
const extremes: InputSpec = {
  shape: [9],
  values: [-100, -50, -21, 21, 50, 100, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
};

function rows(run: (a: T) => Tensor, torch: string): OpCase[] {
  return [
    { label: 'matrix', inputs: [smooth], run, torch, second: true },
    { label: 'odd size', inputs: [{ shape: [5, 3, 7], range: [-4, 4] }], run, torch, gradient: false },
    { label: 'extremes', inputs: [extremes], run, torch, gradient: false },
    {
      label: 'gradient at extremes',
      inputs: [{ ...extremes, shape: [6], values: extremes.values?.slice(0, 6) }],
      run: (a: T) => ops.grad(ops.sum(run(a)), [a])[0],
      torch: gradientOf(torch),
      gradient: false,
    },
    { label: 'empty', inputs: [{ shape: [2, 0] }], run, torch, gradient: false },
  ];
}

/** The same, and the gradients where the function has kinks. */
const kinkedRows = (run: (a: T) => Tensor, torch: string): OpCase[] => [
  ...rows(run, torch),
  {
    label: 'gradient at kinks',
    inputs: [kinks],
    run: (a: T) => ops.grad(ops.sum(run(a)), [a])[0],
    torch: gradientOf(torch),
    gradient: false,
  },
];

export const activationCases: CaseTable<Names> = {
  relu: [
    ...kinkedRows(ops.relu, 'F.relu(a)'),
    {
      label: 'int32',
      inputs: [{ shape: [9], dtype: 'int32', range: [-5, 5] }],
      run: (a: T) => ops.relu(a),
      torch: 'F.relu(a)',
    },
  ],
  relu6: kinkedRows(ops.relu6, 'F.relu6(a)'),
  hardTanh: [
    ...kinkedRows((a) => ops.hardTanh(a), 'F.hardtanh(a)'),
    { label: 'bounds', inputs: [smooth], run: (a: T) => ops.hardTanh(a, -2, 3), torch: 'F.hardtanh(a, -2, 3)' },
  ],
  hardSigmoid: kinkedRows(ops.hardSigmoid, 'F.hardsigmoid(a)'),
  hardSwish: kinkedRows(ops.hardSwish, 'F.hardswish(a)'),
  leakyRelu: [
    ...kinkedRows((a) => ops.leakyRelu(a), 'F.leaky_relu(a)'),
    { label: 'slope', inputs: [smooth], run: (a: T) => ops.leakyRelu(a, 0.3), torch: 'F.leaky_relu(a, 0.3)' },
  ],
  prelu: [
    {
      label: 'one weight',
      inputs: [{ shape: [2, 3, 2], range: [-2, -0.1] }, { shape: [1] }],
      run: (a: T, w: T) => ops.prelu(a, w),
      torch: 'F.prelu(a, b)',
      second: true,
    },
    {
      label: 'weight per channel',
      inputs: [{ shape: [2, 3, 2, 2], range: [-3, 2.9] }, { shape: [3] }],
      run: (a: T, w: T) => ops.prelu(a, w),
      torch: 'F.prelu(a, b)',
    },
    {
      label: 'vector',
      inputs: [{ shape: [5] }, { shape: [1] }],
      run: (a: T, w: T) => ops.prelu(a, w),
      torch: 'F.prelu(a, b)',
    },
  ],
  elu: [
    ...kinkedRows((a) => ops.elu(a), 'F.elu(a)'),
    { label: 'alpha', inputs: [smooth], run: (a: T) => ops.elu(a, 0.4), torch: 'F.elu(a, 0.4)', second: true },
  ],
  celu: [
    ...rows((a) => ops.celu(a), 'F.celu(a)'),
    { label: 'alpha', inputs: [smooth], run: (a: T) => ops.celu(a, 2.5), torch: 'F.celu(a, 2.5)', second: true },
  ],
  selu: kinkedRows(ops.selu, 'F.selu(a)'),
  gelu: [
    ...rows((a) => ops.gelu(a), 'F.gelu(a)').filter(({ label }) => label !== 'extremes'),
    {
      label: 'tanh',
      inputs: [smooth],
      run: (a: T) => ops.gelu(a, { approximate: 'tanh' }),
      torch: "F.gelu(a, approximate='tanh')",
      second: true,
    },
    {
      label: 'tail of tanh',
      inputs: [{ shape: [3], values: [-3, -4, -5] }],
      run: (a: T) => ops.div(ops.gelu(a, { approximate: 'tanh' }), a),
      torch: "(F.gelu(a.double(), approximate='tanh') / a).float()",
      gradient: false,
      tolerance: 1e-9,
    },
  ],
  silu: rows(ops.silu, 'F.silu(a)').filter(({ label }) => label !== 'extremes'),
  softplus: [
    ...rows((a) => ops.softplus(a), 'F.softplus(a)'),
    {
      label: 'beta and threshold',
      inputs: [smooth],
      run: (a: T) => ops.softplus(a, { beta: 2, threshold: 5 }),
      torch: 'F.softplus(a, 2, 5)',
      gradTolerance: 1e-4,
    },
  ],
  logSigmoid: rows(ops.logSigmoid, 'F.logsigmoid(a)'),
  mish: rows(ops.mish, 'F.mish(a)').filter(({ label }) => label !== 'extremes'),
  glu: [
    {
      label: 'last axis',
      inputs: [{ shape: [3, 4] }],
      run: (a: T) => ops.glu(a),
      torch: 'F.glu(a)',
      second: true,
    },
    { label: 'first axis', inputs: [{ shape: [4, 3] }], run: (a: T) => ops.glu(a, 0), torch: 'F.glu(a, 0)' },
    { label: 'channels', inputs: [{ shape: [2, 6, 3] }], run: (a: T) => ops.glu(a, -2), torch: 'F.glu(a, 1)' },
  ],
};
