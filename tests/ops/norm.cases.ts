/** Rows of normalisation, softmax and dropout. */
import {
  alphaDropout,
  batchNorm,
  dropout,
  dropout2d,
  Generator,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  logSoftmax,
  softmax,
  type Tensor,
} from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
const shapes = (...list: number[][]): InputSpec[] => list.map((shape) => ({ shape }));
const positive: readonly [number, number] = [0.5, 2];
const infinities = [
  1,
  Number.NEGATIVE_INFINITY,
  2,
  Number.NEGATIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1,
  Number.NaN,
  2,
];

export const normCases: CaseTable<
  | 'softmax'
  | 'logSoftmax'
  | 'batchNorm'
  | 'layerNorm'
  | 'groupNorm'
  | 'instanceNorm'
  | 'localResponseNorm'
  | 'dropout'
  | 'alphaDropout'
  | 'dropout2d'
> = {
  softmax: [
    { label: 'last axis', inputs: shapes([3, 5]), run: (x: T) => softmax(x), torch: 'F.softmax(a, -1)', second: true },
    {
      label: 'middle axis',
      inputs: shapes([2, 4, 3]),
      run: (x: T) => softmax(x, 1),
      torch: 'F.softmax(a, 1)',
      second: true,
    },
    { label: 'first axis', inputs: shapes([4, 3]), run: (x: T) => softmax(x, -2), torch: 'F.softmax(a, 0)' },
    { label: 'one element', inputs: shapes([3, 1]), run: (x: T) => softmax(x), torch: 'F.softmax(a, -1)' },
    { label: 'scalar', inputs: shapes([]), run: (x: T) => softmax(x), torch: 'F.softmax(a, -1)' },
    {
      label: 'large scores',
      inputs: [{ shape: [2, 5], range: [-500, 500] }],
      run: (x: T) => softmax(x),
      torch: 'F.softmax(a, -1)',
      gradient: false,
    },
    {
      label: 'infinities',
      inputs: [{ shape: [3, 3], values: infinities }],
      run: (x: T) => softmax(x),
      torch: 'F.softmax(a, -1)',
      gradient: false,
    },
    {
      label: 'long rows',
      inputs: shapes([3, 1003]),
      run: (x: T) => softmax(x),
      torch: 'F.softmax(a, -1)',
      gradient: false,
    },
    {
      label: 'long middle axis',
      inputs: shapes([2, 67, 37]),
      run: (x: T) => softmax(x, 1),
      torch: 'F.softmax(a, 1)',
      gradient: false,
    },
    { label: 'empty', inputs: shapes([0, 3]), run: (x: T) => softmax(x), torch: 'F.softmax(a, -1)', gradient: false },
  ],
  logSoftmax: [
    { label: 'scalar', inputs: shapes([]), run: (x: T) => logSoftmax(x, 0), torch: 'F.log_softmax(a, 0)' },
    {
      label: 'last axis',
      inputs: shapes([3, 5]),
      run: (x: T) => logSoftmax(x),
      torch: 'F.log_softmax(a, -1)',
      second: true,
    },
    {
      label: 'middle axis',
      inputs: shapes([2, 4, 3]),
      run: (x: T) => logSoftmax(x, -2),
      torch: 'F.log_softmax(a, 1)',
      second: true,
    },
    {
      label: 'large scores',
      inputs: [{ shape: [2, 5], range: [-500, 500] }],
      run: (x: T) => logSoftmax(x),
      torch: 'F.log_softmax(a, -1)',
      gradient: false,
    },
    {
      label: 'infinities',
      inputs: [{ shape: [3, 3], values: infinities }],
      run: (x: T) => logSoftmax(x),
      torch: 'F.log_softmax(a, -1)',
      gradient: false,
    },
    {
      label: 'long rows',
      inputs: shapes([3, 1003]),
      run: (x: T) => logSoftmax(x),
      torch: 'F.log_softmax(a, -1)',
      gradient: false,
    },
  ],
  batchNorm: [
    {
      label: 'training',
      inputs: shapes([3, 2, 2, 3], [2], [2]),
      run: (x: T, weight: T, bias: T) => batchNorm(x, { weight, bias, training: true }),
      torch: 'F.batch_norm(a, None, None, b, c, training=True)',
      second: true,
      gradTolerance: 1e-4,
    },
    {
      label: 'training, no weights',
      inputs: shapes([4, 3]),
      run: (x: T) => batchNorm(x, { training: true }),
      torch: 'F.batch_norm(a, None, None, training=True)',
      second: true,
      gradTolerance: 1e-4,
    },
    {
      label: 'training, large mean',
      inputs: [{ shape: [4, 2, 5], range: [100, 101] }],
      run: (x: T) => batchNorm(x, { training: true }),
      torch: 'F.batch_norm(a, None, None, training=True)',
      tolerance: 1e-4,
      gradient: false,
    },
    {
      label: 'evaluation',
      inputs: [{ shape: [2, 3, 4] }, { shape: [3] }, { shape: [3], range: positive }, { shape: [3] }],
      run: (x: T, runningMean: T, runningVar: T, weight: T) => batchNorm(x, { runningMean, runningVar, weight }),
      torch: '(a - b[:, None]) / (c[:, None] + 1e-5).sqrt() * d[:, None]',
      second: true,
    },
    {
      label: 'evaluation, eps',
      inputs: [{ shape: [2, 2, 2, 2] }, { shape: [2] }, { shape: [2], range: positive }],
      run: (x: T, runningMean: T, runningVar: T) => batchNorm(x, { runningMean, runningVar, eps: 0.1 }),
      torch: 'F.batch_norm(a, b, c, eps=0.1)',
      gradient: false,
    },
  ],
  layerNorm: [
    {
      label: 'last axis',
      inputs: shapes([3, 5], [5], [5]),
      run: (x: T, w: T, b: T) => layerNorm(x, 5, w, b),
      torch: 'F.layer_norm(a, (5,), b, c)',
      second: true,
      gradTolerance: 1e-4,
    },
    {
      label: 'two axes',
      inputs: shapes([2, 3, 4], [3, 4]),
      run: (x: T, w: T) => layerNorm(x, [3, 4], w),
      torch: 'F.layer_norm(a, (3, 4), b)',
      gradTolerance: 1e-4,
    },
    {
      label: 'no weights',
      inputs: shapes([2, 2, 5]),
      run: (x: T) => layerNorm(x, [5], null, null, 0.01),
      torch: 'F.layer_norm(a, (5,), eps=0.01)',
    },
  ],
  groupNorm: [
    {
      label: 'images',
      inputs: shapes([2, 4, 2, 3], [4], [4]),
      run: (x: T, w: T, b: T) => groupNorm(x, 2, w, b),
      torch: 'F.group_norm(a, 2, b, c)',
      second: true,
      gradTolerance: 1e-4,
    },
    { label: 'one group', inputs: shapes([2, 3, 4]), run: (x: T) => groupNorm(x, 1), torch: 'F.group_norm(a, 1)' },
  ],
  instanceNorm: [
    {
      label: 'images',
      inputs: shapes([2, 3, 2, 3], [3], [3]),
      run: (x: T, w: T, b: T) => instanceNorm(x, w, b),
      torch: 'F.instance_norm(a, weight=b, bias=c)',
      second: true,
      gradTolerance: 1e-4,
    },
    { label: 'no weights', inputs: shapes([1, 2, 5]), run: (x: T) => instanceNorm(x), torch: 'F.instance_norm(a)' },
  ],
  localResponseNorm: [
    {
      label: 'odd window',
      inputs: shapes([2, 5, 2, 2]),
      run: (x: T) => localResponseNorm(x, 3, { alpha: 0.5, beta: 0.6, k: 2 }),
      torch: 'F.local_response_norm(a, 3, 0.5, 0.6, 2.0)',
      second: true,
    },
    {
      label: 'even window',
      inputs: shapes([1, 6, 3]),
      run: (x: T) => localResponseNorm(x, 4),
      torch: 'F.local_response_norm(a, 4)',
    },
  ],
  dropout: [
    {
      label: 'evaluation',
      inputs: shapes([3, 4]),
      run: (x: T) => dropout(x, { training: false }),
      torch: 'F.dropout(a, training=False)',
    },
    { label: 'everything', inputs: shapes([3, 4]), run: (x: T) => dropout(x, { p: 1 }), torch: 'F.dropout(a, 1.0)' },
    { label: 'some', inputs: shapes([3, 7]), run: (x: T) => dropout(x, { p: 0.3, generator: new Generator(5) }) },
  ],
  dropout2d: [
    {
      label: 'evaluation',
      inputs: shapes([2, 3, 4]),
      run: (x: T) => dropout2d(x, { training: false }),
      torch: 'F.dropout2d(a, training=False)',
    },
    { label: 'some', inputs: shapes([3, 5, 2, 1]), run: (x: T) => dropout2d(x, { generator: new Generator(5) }) },
  ],
  alphaDropout: [
    {
      label: 'evaluation',
      inputs: shapes([3, 4]),
      run: (x: T) => alphaDropout(x, { training: false }),
      torch: 'F.alpha_dropout(a, training=False)',
    },
    {
      label: 'everything',
      inputs: shapes([3, 4]),
      run: (x: T) => alphaDropout(x, { p: 1 }),
      torch: 'F.alpha_dropout(a, 1.0, training=True)',
    },
    { label: 'some', inputs: shapes([3, 7]), run: (x: T) => alphaDropout(x, { p: 0.3, generator: new Generator(5) }) },
  ],
};
