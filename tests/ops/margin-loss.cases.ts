/** Rows of the losses over probabilities, margins and distances. */
import {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  hingeLoss,
  klDiv,
  marginRankingLoss,
  multiMarginLoss,
  type Signs,
  softMarginLoss,
  type Tensor,
  tripletMarginLoss,
} from '../../src/index.js';
import type { CaseTable, InputSpec, OpCase } from './case.js';

type T = Tensor<'float32'>;
type L = Tensor<'int64'>;

type Names =
  | 'binaryCrossEntropy'
  | 'klDiv'
  | 'hingeLoss'
  | 'hingeEmbeddingLoss'
  | 'softMarginLoss'
  | 'marginRankingLoss'
  | 'multiMarginLoss'
  | 'cosineEmbeddingLoss'
  | 'tripletMarginLoss';

const scores: InputSpec = { shape: [2, 3], values: [-1.7, 0.3, 1.6, 0.4, -0.2, 2.1] };
const others: InputSpec = { shape: [2, 3], values: [0.9, 0.5, -1.2, 1.3, 0.1, -0.6] };
const sides: InputSpec = { shape: [2, 3], values: [1, -1, 1, -1, 1, 1], dtype: 'int32' };
const shares: InputSpec = { shape: [2, 3], range: [0.05, 0.95] };
const edges: InputSpec = { shape: [4], values: [0, 1, 0, 1] };
const labels: InputSpec = { shape: [4], values: [0, 4, 2, 2], dtype: 'int64' };

/** The reductions of a loss of scores and sides. */
const sided = (run: (x: T, y: Signs, reduction: 'mean' | 'sum' | 'none') => Tensor, torch: (tail: string) => string) =>
  (['mean', 'sum', 'none'] as const).map(
    (reduction): OpCase => ({
      label: reduction,
      inputs: [scores, sides],
      run: (x: T, y: Signs) => run(x, y, reduction),
      torch: torch(reduction),
    }),
  );

export const marginLossCases: CaseTable<Names> = {
  binaryCrossEntropy: [
    {
      label: 'mean',
      inputs: [shares, { shape: [2, 3], range: [0, 1] }],
      run: (x: T, y: T) => binaryCrossEntropy(x, y),
      torch: '-(b * torch.log(a) + (1 - b) * torch.log(1 - a)).mean()',
      second: true,
    },
    {
      label: 'as in PyTorch',
      inputs: [shares, { shape: [2, 3], range: [0, 1] }],
      run: (x: T, y: T) => binaryCrossEntropy(x, y),
      torch: 'F.binary_cross_entropy(a, b.detach())',
      gradient: false,
    },
    {
      label: 'weights, none',
      inputs: [shares, { shape: [2, 3], range: [0, 1] }, { shape: [3], range: [0, 1] }],
      run: (x: T, y: T, weight: T) => binaryCrossEntropy(x, y, { weight, reduction: 'none' }),
      torch: "F.binary_cross_entropy(a, b, weight=c, reduction='none')",
      gradient: false,
    },
    {
      label: 'certain and wrong',
      inputs: [edges, { shape: [4], values: [0, 1, 1, 0] }],
      run: (x: T, y: T) => binaryCrossEntropy(x, y, { reduction: 'none' }),
      torch: "F.binary_cross_entropy(a, b, reduction='none')",
      gradient: false,
    },
  ],
  klDiv: [
    {
      label: 'mean',
      inputs: [scores, shares],
      run: (x: T, y: T) => klDiv(x, y),
      torch: 'F.kl_div(a, b)',
      second: true,
    },
    {
      label: 'batchMean',
      inputs: [scores, shares],
      run: (x: T, y: T) => klDiv(x, y, { reduction: 'batchMean' }),
      torch: "F.kl_div(a, b, reduction='batchmean')",
    },
    {
      label: 'log target, sum',
      inputs: [scores, others],
      run: (x: T, y: T) => klDiv(x, y, { logTarget: true, reduction: 'sum' }),
      torch: "F.kl_div(a, b, reduction='sum', log_target=True)",
      second: true,
    },
    {
      label: 'log target, batchMean',
      inputs: [scores, others],
      run: (x: T, y: T) => klDiv(x, y, { logTarget: true, reduction: 'batchMean' }),
      torch: "F.kl_div(a, b, reduction='batchmean', log_target=True)",
    },
    {
      label: 'zeros, none',
      inputs: [{ shape: [4], range: [-2, 0] }, edges],
      run: (x: T, y: T) => klDiv(x, y, { reduction: 'none' }),
      torch: "F.kl_div(a, b, reduction='none')",
      gradient: false,
    },
  ],
  hingeLoss: [
    ...sided(
      (x, y, reduction) => hingeLoss(x, y, { reduction }),
      (reduction) => `torch.clamp(1 - b * a, min=0)${reduction === 'none' ? '' : `.${reduction}()`}`,
    ),
    {
      label: 'margin',
      inputs: [scores, sides],
      run: (x: T, y: Signs) => hingeLoss(x, y, { margin: 0.5 }),
      torch: 'torch.clamp(0.5 - b * a, min=0).mean()',
    },
  ],
  hingeEmbeddingLoss: [
    ...sided(
      (x, y, reduction) => hingeEmbeddingLoss(x, y, { reduction }),
      (reduction) => `F.hinge_embedding_loss(a, b, reduction='${reduction}')`,
    ),
    {
      label: 'margin',
      inputs: [scores, sides],
      run: (x: T, y: Signs) => hingeEmbeddingLoss(x, y, { margin: 2.5 }),
      torch: 'F.hinge_embedding_loss(a, b, margin=2.5)',
    },
  ],
  softMarginLoss: [
    ...sided(
      (x, y, reduction) => softMarginLoss(x, y, { reduction }),
      (reduction) => `F.soft_margin_loss(a, b, reduction='${reduction}')`,
    ),
    {
      label: 'far out',
      inputs: [
        { shape: [3], values: [-80, 80, 10] },
        { shape: [3], values: [1, 1, -1], dtype: 'int32' },
      ],
      run: (x: T, y: Signs) => softMarginLoss(x, y, { reduction: 'none' }),
      torch: "F.soft_margin_loss(a, b, reduction='none')",
      gradient: false,
    },
  ],
  marginRankingLoss: [
    {
      label: 'mean',
      inputs: [scores, others, sides],
      run: (a: T, b: T, y: Signs) => marginRankingLoss(a, b, y),
      torch: 'F.margin_ranking_loss(a, b, c)',
    },
    {
      label: 'margin, none',
      inputs: [scores, others, sides],
      run: (a: T, b: T, y: Signs) => marginRankingLoss(a, b, y, { margin: 0.7, reduction: 'none' }),
      torch: "F.margin_ranking_loss(a, b, c, margin=0.7, reduction='none')",
    },
  ],
  multiMarginLoss: [
    {
      label: 'mean',
      inputs: [{ shape: [4, 5] }, labels],
      run: (x: T, y: L) => multiMarginLoss(x, y),
      torch: 'F.multi_margin_loss(a, b)',
    },
    {
      label: 'squares, margin, none',
      inputs: [{ shape: [4, 5], distinct: true }, labels],
      run: (x: T, y: L) => multiMarginLoss(x, y, { p: 2, margin: 0.57, reduction: 'none' }),
      torch: "F.multi_margin_loss(a, b, p=2, margin=0.57, reduction='none')",
    },
    {
      label: 'weights, sum',
      inputs: [{ shape: [4, 5], distinct: true }, labels, { shape: [5], range: [0.1, 1] }],
      run: (x: T, y: L, weight: T) => multiMarginLoss(x, y, { weight, reduction: 'sum' }),
      torch: "F.multi_margin_loss(a, b, weight=c.detach(), reduction='sum')",
      gradient: false,
    },
    {
      label: 'unbatched',
      inputs: [
        { shape: [5], distinct: true },
        { shape: [], values: [3], dtype: 'int64' },
      ],
      run: (x: T, y: L) => multiMarginLoss(x, y, { reduction: 'none' }),
      torch: "F.multi_margin_loss(a, b, reduction='none')",
    },
  ],
  cosineEmbeddingLoss: [
    {
      label: 'mean',
      inputs: [
        { shape: [4, 3] },
        { shape: [4, 3], range: [-1.9, 1.8] },
        { shape: [4], values: [1, -1, 1, -1], dtype: 'int32' },
      ],
      run: (a: T, b: T, y: Signs) => cosineEmbeddingLoss(a, b, y),
      torch: 'F.cosine_embedding_loss(a, b, c)',
    },
    {
      label: 'margin, none',
      inputs: [
        scores,
        { ...scores, values: [-1.2, 0.1, 2, 1.4, 0.3, -0.6] },
        { shape: [2], values: [-1, 1], dtype: 'int32' },
      ],
      run: (a: T, b: T, y: Signs) => cosineEmbeddingLoss(a, b, y, { margin: 0.2, reduction: 'none' }),
      torch: "F.cosine_embedding_loss(a, b, c, margin=0.2, reduction='none')",
      second: true,
    },
    {
      label: 'one pair',
      inputs: [{ shape: [5] }, { shape: [5], range: [-1, 2] }, { shape: [], values: [1], dtype: 'int32' }],
      run: (a: T, b: T, y: Signs) => cosineEmbeddingLoss(a, b, y),
      torch: 'F.cosine_embedding_loss(a, b, c)',
    },
  ],
  tripletMarginLoss: [
    {
      label: 'mean',
      inputs: [scores, others, { shape: [2, 3], range: [-1, 2] }],
      run: (a: T, p: T, n: T) => tripletMarginLoss(a, p, n),
      torch: 'F.triplet_margin_loss(a, b, c)',
      second: true,
    },
    {
      label: 'swap, margin, none',
      inputs: [scores, others, { shape: [2, 3], range: [-1, 2] }],
      run: (a: T, p: T, n: T) => tripletMarginLoss(a, p, n, { swap: true, margin: 2, reduction: 'none' }),
      torch: "F.triplet_margin_loss(a, b, c, swap=True, margin=2.0, reduction='none')",
    },
    {
      label: 'p, sum',
      inputs: [scores, others, { shape: [2, 3], range: [-1, 2] }],
      run: (a: T, p: T, n: T) => tripletMarginLoss(a, p, n, { p: 3, eps: 1e-3, reduction: 'sum' }),
      torch: "F.triplet_margin_loss(a, b, c, p=3.0, eps=1e-3, reduction='sum')",
    },
    {
      label: 'gradient where vectors are equal',
      inputs: [scores, scores, others],
      run: (a: T, p: T, n: T) => tripletMarginLoss(a, p, n, { margin: 3 }),
      torch: 'F.triplet_margin_loss(a, b, c, margin=3.0)',
      gradient: false,
    },
  ],
};
