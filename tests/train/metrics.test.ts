/** Metrics against numbers worked out by hand, over two batches; schedules that follow a metric; the bar. */
import { expect, it } from 'vitest';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { tensor } from '../../src/tensor.js';
import {
  accuracy,
  confusionMatrix,
  f1,
  fit,
  type Metric,
  perplexity,
  precision,
  progressCallback,
  recall,
  topKAccuracy,
} from '../../src/train/index.js';
import { addTo } from '../../src/train/metrics.js';
import { smallData, smallModel } from './small.js';

const batches = [
  {
    scores: [
      [3, 1, 2],
      [1, 4, 2],
      [0, 1, 5],
    ],
    labels: [0, 1, 0],
  },
  {
    scores: [
      [2, 3, 1],
      [1, 0, 7],
    ],
    labels: [0, 2],
  },
];

async function measure<Value>(metric: Metric & { value: (...args: never[]) => Value }): Promise<Value> {
  const totals: Record<string, Float64Array> = {};
  let samples = 0;
  for (const { scores, labels } of batches) {
    await addTo(totals, metric.sums(tensor(scores), tensor(labels, { dtype: 'int32' })));
    samples += labels.length;
  }
  return (metric.value as unknown as (totals: unknown, samples: number) => Value)(totals, samples);
}

it('counts classes', async () => {
  // True classes 0 1 0 0 2, predicted 0 1 2 1 2.
  expect(await measure(confusionMatrix())).toEqual([
    [1, 1, 1],
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(await measure(accuracy())).toBeCloseTo(3 / 5, 12);
  expect(await measure(topKAccuracy(1))).toBeCloseTo(3 / 5, 12);
  expect(await measure(topKAccuracy(2))).toBeCloseTo(4 / 5, 12);
  expect(await measure(topKAccuracy(3))).toBe(1);
  expect(await measure(precision())).toBeCloseTo((1 + 1 / 2 + 1 / 2) / 3, 12);
  expect(await measure(recall())).toBeCloseTo((1 / 3 + 1 + 1) / 3, 12);
  expect(await measure(f1())).toBeCloseTo((1 / 2 + 2 / 3 + 2 / 3) / 3, 12);
  for (const metric of [precision('micro'), recall('micro'), f1('micro')])
    expect(await measure(metric)).toBeCloseTo(3 / 5, 12);
});

it('measures perplexity over all samples', async () => {
  let [nats, count] = [0, 0];
  for (const { scores, labels } of batches)
    for (const [i, row] of scores.entries()) {
      nats += Math.log(row.reduce((total, value) => total + Math.exp(value), 0)) - row[labels[i]];
      count++;
    }
  expect(await measure(perplexity())).toBeCloseTo(Math.exp(nats / count), 4);
});

it('refuses what makes no sense', () => {
  expect(() => topKAccuracy(0)).toThrow(/at least 1/);
  expect(() => f1('weighted' as never)).toThrow(/'macro' or 'micro'/);
  expect(() => accuracy().sums(tensor([1, 2]), tensor([0]))).toThrow(/\[N, classes\]/);
});

it('fit moves schedules on, those that follow a number with the monitored one', async () => {
  const model = smallModel();
  const optimizer = optim.sgd(model.parameters(), { lr: 1e-3 });
  const schedule = optim.reduceLROnPlateau(optimizer, { patience: 0, threshold: 10, thresholdMode: 'abs' });
  const { history } = await fit(model, smallData(), { epochs: 3, optimizer, schedule, progress: 'none' });
  expect(history.map(({ lr }) => lr)).toEqual([1e-3, 1e-3, 1e-4].map((lr) => expect.closeTo(lr, 12)));
  const perStep = optim.exponentialLR(optimizer, { gamma: 0.5 });
  const again = await fit(model, smallData(), { epochs: 1, optimizer, stepSchedule: perStep, progress: 'none' });
  expect(again.history).toHaveLength(1);
  expect(perStep.lastEpoch).toBe(8);
  const wrong = { epochs: 1, optimizer, stepSchedule: schedule as never, progress: 'none' } as const;
  expect(() => fit(model, smallData(), wrong)).toThrow(/per epoch/);
});

it('draws a bar on terminals', async () => {
  let text = '';
  const out = {
    isTTY: true,
    columns: 200,
    write: (part: string) => {
      text += part;
      return true;
    },
    on: () => out,
    once: () => out,
    removeListener: () => out,
  };
  const model = nn.sequential(nn.linear(2, 3));
  const optimizer = optim.sgd(model.parameters(), { lr: 0.1 });
  const callbacks = [progressCallback('auto', out)];
  await fit(model, smallData(), {
    epochs: 1,
    optimizer,
    callbacks,
    progress: 'none',
    metrics: { accuracy: accuracy() },
  });
  expect(text).toMatch(/epoch 1 .*8\/8 .*loss [\d.]+, accuracy [\d.]+ .*items\/s, 0 s left/);
});
