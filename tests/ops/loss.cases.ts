/** Rows of the losses. */
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
  type Tensor,
} from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
type L = Tensor<'int64'>;
const scores = (...shape: number[]): InputSpec => ({ shape });
const labels = (shape: number[], ...values: number[]): InputSpec => ({ shape, values, dtype: 'int64' });
const shares = (...shape: number[]): InputSpec => ({ shape, range: [0, 1] });
const pair: readonly InputSpec[] = [
  { shape: [3, 4], distinct: true },
  { shape: [3, 4], range: [-1.9, 1.7] },
];

export const lossCases: CaseTable<
  'crossEntropy' | 'nllLoss' | 'mseLoss' | 'l1Loss' | 'smoothL1Loss' | 'huberLoss' | 'binaryCrossEntropyWithLogits'
> = {
  crossEntropy: [
    {
      label: 'mean',
      inputs: [scores(4, 5), labels([4], 0, 4, 2, 2)],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
      second: true,
    },
    {
      label: 'int32 labels',
      inputs: [scores(3, 4), { shape: [3], values: [3, 0, 1], dtype: 'int32' }],
      run: (x: T, y: Tensor<'int32'>) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b.long())',
    },
    {
      label: 'more classes than a vector has lanes',
      inputs: [scores(3, 37), labels([3], 36, 0, 20)],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
      second: true,
    },
    {
      label: 'neighbouring lines',
      inputs: [scores(2, 4, 19), labels([2, 19], ...Array.from({ length: 38 }, (_, i) => i % 4))],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
      second: true,
    },
    {
      label: 'sum',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 2)],
      run: (x: T, y: L) => crossEntropy(x, y, { reduction: 'sum' }),
      torch: "F.cross_entropy(a, b, reduction='sum')",
    },
    {
      label: 'none',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 2)],
      run: (x: T, y: L) => crossEntropy(x, y, { reduction: 'none' }),
      torch: "F.cross_entropy(a, b, reduction='none')",
    },
    {
      label: 'ignored by default',
      inputs: [scores(4, 3), labels([4], 0, -100, 2, -100)],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
    },
    {
      label: 'ignoreIndex',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 1)],
      run: (x: T, y: L) => crossEntropy(x, y, { ignoreIndex: 1 }),
      torch: 'F.cross_entropy(a, b, ignore_index=1)',
      second: true,
    },
    {
      label: 'ignored, none',
      inputs: [scores(3, 3), labels([3], 0, -100, 2)],
      run: (x: T, y: L) => crossEntropy(x, y, { reduction: 'none' }),
      torch: "F.cross_entropy(a, b, reduction='none')",
    },
    {
      label: 'all ignored',
      inputs: [scores(2, 3), labels([2], 1, 1)],
      run: (x: T, y: L) => crossEntropy(x, y, { ignoreIndex: 1 }),
      torch: 'F.cross_entropy(a, b, ignore_index=1)',
      gradient: false,
    },
    {
      label: 'weights',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 2), shares(3)],
      run: (x: T, y: L, weight: T) => crossEntropy(x, y, { weight }),
      torch: '-(c[b] * F.log_softmax(a, 1)[torch.arange(4), b]).sum() / c[b].sum()',
    },
    {
      label: 'smoothing',
      inputs: [scores(4, 3), labels([4], 0, 1, -100, 2)],
      run: (x: T, y: L) => crossEntropy(x, y, { labelSmoothing: 0.1 }),
      torch: 'F.cross_entropy(a, b, label_smoothing=0.1)',
      second: true,
    },
    {
      label: 'smoothing and weights',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 2), shares(3)],
      run: (x: T, y: L, weight: T) => crossEntropy(x, y, { weight, labelSmoothing: 0.2, ignoreIndex: 0 }),
      torch: 'F.cross_entropy(a, b, weight=c, label_smoothing=0.2, ignore_index=0)',
      gradient: false,
    },
    {
      label: 'images',
      inputs: [scores(2, 3, 2, 2), labels([2, 2, 2], 0, 1, 2, 2, 1, 0, 0, 2)],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
    },
    {
      label: 'images, none',
      inputs: [scores(2, 3, 2), labels([2, 2], 0, 1, 2, 2)],
      run: (x: T, y: L) => crossEntropy(x, y, { reduction: 'none' }),
      torch: "F.cross_entropy(a, b, reduction='none')",
    },
    {
      label: 'unbatched',
      inputs: [scores(5), labels([], 3)],
      run: (x: T, y: L) => crossEntropy(x, y, { reduction: 'none' }),
      torch: "F.cross_entropy(a, b, reduction='none')",
    },
    {
      label: 'probabilities',
      inputs: [scores(4, 3), shares(4, 3)],
      run: (x: T, y: T) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
      second: true,
    },
    {
      label: 'probabilities, smoothing and weights',
      inputs: [scores(4, 3), shares(4, 3), shares(3)],
      run: (x: T, y: T, weight: T) => crossEntropy(x, y, { weight, labelSmoothing: 0.1 }),
      torch: 'F.cross_entropy(a, b, weight=c, label_smoothing=0.1)',
    },
    {
      label: 'probabilities of images',
      inputs: [scores(2, 3, 2), shares(2, 3, 2)],
      run: (x: T, y: T) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
    },
    {
      label: 'large scores',
      inputs: [{ shape: [3, 4], range: [-300, 300] }, labels([3], 0, 1, 3)],
      run: (x: T, y: L) => crossEntropy(x, y),
      torch: 'F.cross_entropy(a, b)',
      gradient: false,
    },
  ],
  nllLoss: [
    {
      label: 'mean',
      inputs: [scores(4, 3), labels([4], 0, 1, 2, 2)],
      run: (x: T, y: L) => nllLoss(x, y),
      torch: 'F.nll_loss(a, b)',
      second: true,
    },
    {
      label: 'weights, ignored',
      inputs: [scores(4, 3), labels([4], 0, 1, -1, 2), shares(3)],
      run: (x: T, y: L, weight: T) => nllLoss(x, y, { weight, ignoreIndex: -1 }),
      torch: 'F.nll_loss(a, b, weight=c, ignore_index=-1)',
      gradient: false,
    },
    {
      label: 'none',
      inputs: [scores(2, 3, 2), labels([2, 2], 0, 1, 2, 2)],
      run: (x: T, y: L) => nllLoss(x, y, { reduction: 'none' }),
      torch: "F.nll_loss(a, b, reduction='none')",
    },
  ],
  mseLoss: [
    { label: 'mean', inputs: pair, run: (x: T, y: T) => mseLoss(x, y), torch: 'F.mse_loss(a, b)', second: true },
    {
      label: 'sum',
      inputs: pair,
      run: (x: T, y: T) => mseLoss(x, y, { reduction: 'sum' }),
      torch: "F.mse_loss(a, b, reduction='sum')",
    },
    {
      label: 'none',
      inputs: pair,
      run: (x: T, y: T) => mseLoss(x, y, { reduction: 'none' }),
      torch: "F.mse_loss(a, b, reduction='none')",
    },
  ],
  l1Loss: [
    { label: 'mean', inputs: pair, run: (x: T, y: T) => l1Loss(x, y), torch: 'F.l1_loss(a, b)' },
    {
      label: 'none',
      inputs: pair,
      run: (x: T, y: T) => l1Loss(x, y, { reduction: 'none' }),
      torch: "F.l1_loss(a, b, reduction='none')",
    },
  ],
  smoothL1Loss: [
    {
      label: 'mean',
      inputs: pair,
      run: (x: T, y: T) => smoothL1Loss(x, y),
      torch: 'F.smooth_l1_loss(a, b)',
      second: true,
    },
    {
      label: 'beta',
      inputs: pair,
      run: (x: T, y: T) => smoothL1Loss(x, y, { beta: 0.5, reduction: 'sum' }),
      torch: "F.smooth_l1_loss(a, b, beta=0.5, reduction='sum')",
    },
  ],
  huberLoss: [
    { label: 'mean', inputs: pair, run: (x: T, y: T) => huberLoss(x, y), torch: 'F.huber_loss(a, b)' },
    {
      label: 'delta',
      inputs: pair,
      run: (x: T, y: T) => huberLoss(x, y, { delta: 2, reduction: 'none' }),
      torch: "F.huber_loss(a, b, delta=2.0, reduction='none')",
    },
  ],
  binaryCrossEntropyWithLogits: [
    {
      label: 'mean',
      inputs: [scores(3, 4), shares(3, 4)],
      run: (x: T, y: T) => binaryCrossEntropyWithLogits(x, y),
      torch: 'F.binary_cross_entropy_with_logits(a, b)',
      second: true,
    },
    {
      label: 'weights',
      inputs: [scores(3, 4), shares(3, 4), shares(4), shares(4)],
      run: (x: T, y: T, weight: T, posWeight: T) =>
        binaryCrossEntropyWithLogits(x, y, { weight, posWeight, reduction: 'sum' }),
      torch: '-(c * (d * b * F.logsigmoid(a) + (1 - b) * F.logsigmoid(-a))).sum()',
    },
    {
      label: 'large scores',
      inputs: [{ shape: [2, 4], range: [-300, 300] }, shares(2, 4)],
      run: (x: T, y: T) => binaryCrossEntropyWithLogits(x, y),
      torch: 'F.binary_cross_entropy_with_logits(a, b)',
      gradient: false,
    },
  ],
};
