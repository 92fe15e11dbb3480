/** What the losses over margins, GLU, bilinear and alpha dropout refuse; the statistics of alpha dropout. */
import { expect, it } from 'vitest';
import * as b from '../../src/index.js';

const x = b.zeros([2, 3]);
const y = b.ones([2, 3]);

it('arguments that do not fit are refused', () => {
  const bad: [() => unknown, RegExp][] = [
    [() => b.glu(x), /^glu: dim 1 of input \[2,3\] must be even/],
    [() => b.bilinear(x, x, b.zeros([3, 3])), /^bilinear: weight must be \[O, I, J\], got \[3,3\]/],
    [() => b.bilinear(x, x, b.zeros([4, 3, 2])), /^bilinear: weight \[4,3,2\] takes \[..., 3\] and \[..., 2\]/],
    [() => b.bilinear(x, x, b.zeros([4, 3, 3]), b.zeros([3])), /^bilinear: bias must be \[4\], got \[3\]/],
    [() => b.alphaDropout(x, { p: -1 }), /^alphaDropout: p must lie between 0 and 1/],
    [() => b.binaryCrossEntropy(x, b.ones([3])), /^binaryCrossEntropy: input \[2,3\] and target \[3\]/],
    [() => b.klDiv(x, y, { reduction: 'batchmean' as never }), /^klDiv: unknown reduction "batchmean"/],
    [() => b.klDiv(b.tensor(1), b.tensor(1), { reduction: 'batchMean' }), /^klDiv: batchMean needs a batch/],
    [() => b.hingeLoss(x, b.ones([2])), /^hingeLoss: target must be \[2,3\], got \[2\]/],
    [() => b.hingeEmbeddingLoss(x, b.greater(x, 0) as never), /^hingeEmbeddingLoss: target must be float32 or/],
    [() => b.marginRankingLoss(x, b.ones([2]), y), /^marginRankingLoss: input/],
    [() => b.multiMarginLoss(b.zeros([2, 3, 4]), b.zeros([2, 4], { dtype: 'int64' })), /^multiMarginLoss: input must/],
    [() => b.multiMarginLoss(x, b.zeros([2], { dtype: 'int64' }), { p: 3 as never }), /^multiMarginLoss: p must be/],
    [() => b.cosineEmbeddingLoss(x, x, b.ones([3])), /^cosineEmbeddingLoss: target must be \[2\], got \[3\]/],
    [() => b.cosineEmbeddingLoss(b.tensor(1), b.tensor(1), b.tensor(1)), /^cosineEmbeddingLoss: vectors must be/],
    [() => b.tripletMarginLoss(x, y, y, { p: 0 }), /^tripletMarginLoss: p must be above 0/],
  ];
  for (const [call, message] of bad) expect(call).toThrow(message);
});

it('alpha dropout keeps mean and deviation', async () => {
  const generator = new b.Generator(3);
  const dropped = b.alphaDropout(b.randn([200, 500], { generator }), { p: 0.3, generator });
  expect(await b.mean(dropped).item()).toBeCloseTo(0, 1);
  expect(await b.std(dropped).item()).toBeCloseTo(1, 1);
});

it('probabilities of exactly 0 and 1 have finite losses and gradients', async () => {
  const p = b.tensor([0, 1, 0.5], { requiresGrad: true });
  const loss = b.binaryCrossEntropy(p, b.tensor([1, 0, 1]), { reduction: 'sum' });
  expect(await loss.item()).toBeCloseTo(200 + Math.log(2), 4);
  expect(await b.grad(loss, [p])[0].toArray()).toEqual([0, -0, -2]);
});
