/** How `fit` updates: gradients of several batches, moving averages of weights, L-BFGS; each resumed bit for bit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSafetensors } from '../../src/io/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { manualSeed } from '../../src/random.js';
import {
  accuracy,
  type Callback,
  type EpochReport,
  type FitOptions,
  fit,
  type WatchReport,
} from '../../src/train/index.js';
import { clouds, type SmallBatch, smallData, smallModel } from './small.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-updates-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function numbersOf(model: nn.Module): Promise<number[]> {
  const all: number[] = [];
  for (const variable of Object.values(model.stateDict())) all.push(...[...(await variable.data())].map(Number));
  return all;
}

const timeless = (list: readonly EpochReport[]) => list.map(({ seconds: _, ...rest }) => rest);

/** The same training whole, and aborted at step `at` and resumed; expects the same bits and reports. */
async function expectResumable(
  run: (options: Partial<FitOptions<SmallBatch>>) => ReturnType<typeof start>,
  at: number,
) {
  const whole = run({});
  const { history } = await whole.done;
  const controller = new AbortController();
  const stop: Callback = {
    onStep: ({ globalStep }) => globalStep === at && controller.abort(new Error('enough')),
  } as Callback;
  await expect(run({ folder, signal: controller.signal, callbacks: [stop] }).done).rejects.toThrow('enough');
  const resumed = run({ folder, resume: true });
  const { history: again } = await resumed.done;
  expect(await numbersOf(resumed.model)).toEqual(await numbersOf(whole.model));
  expect(timeless(again)).toEqual(timeless(history));
}

function start(model: nn.Module, options: FitOptions<SmallBatch>) {
  return { model, done: fit(model, smallData(), { progress: 'none', metrics: { accuracy: accuracy() }, ...options }) };
}

describe('accumulate', () => {
  const run = (options: Partial<FitOptions<SmallBatch>>) => {
    const model = smallModel();
    const optimizer = optim.adamW(model.parameters(), { lr: 0.02 });
    return start(model, { epochs: 3, optimizer, accumulate: 3, clipNorm: 1, ...options });
  };

  it('makes one update of several batches, as one large batch would', async () => {
    manualSeed(0);
    const models = [0, 1].map(() => nn.sequential(nn.linear(2, 8), nn.tanh(), nn.linear(8, 3)));
    models[1].loadStateDict(models[0].stateDict());
    const rates: number[] = [];
    for (const [i, model] of models.entries()) {
      const optimizer = optim.sgd(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const stepSchedule = optim.exponentialLR(optimizer, { gamma: 0.9 });
      const train = clouds(120).batch(i === 0 ? 60 : 20);
      const options = { epochs: 2, optimizer, stepSchedule, progress: 'none' as const };
      await fit(model, { train }, { ...options, ...(i === 1 && { accumulate: 3 }) });
      rates.push(optimizer.lr);
    }
    expect(rates[1]).toBe(rates[0]);
    const [large, small] = [await numbersOf(models[0]), await numbersOf(models[1])];
    small.forEach((value, i) => {
      expect(value).toBeCloseTo(large[i], 5);
    });
  });

  it('resumes within the batches of one update', () => expectResumable(run, 13));

  it('refuses what makes no sense', async () => {
    expect(() => run({ accumulate: 0 })).toThrow(/accumulate must be a whole number/);
    await expect(run({ accumulate: 25 }).done).rejects.toThrow(/accumulate 25 is more than the 24 batches/);
    await run({ folder }).done;
    await expect(run({ folder, resume: true, accumulate: 2 }).done).rejects.toThrow(/accumulate 3, here it is 2/);
  });
});

describe('average', () => {
  const run = (options: Partial<FitOptions<SmallBatch>>) => {
    const model = smallModel();
    const optimizer = optim.adamW(model.parameters(), { lr: 0.02 });
    const average = optim.ema(model.parameters(), { decay: 0.9 });
    return { average, ...start(model, { epochs: 3, optimizer, average, ...options }) };
  };

  it('is what validation measures and what is saved as best; the model keeps its weights', async () => {
    const plain = (() => {
      const model = smallModel();
      return start(model, { epochs: 3, optimizer: optim.adamW(model.parameters(), { lr: 0.02 }) });
    })();
    const { history: without } = await plain.done;
    const { model, average, done } = run({ folder, checkpoints: { keepBest: 3 } });
    const { history, best } = await done;
    expect(await numbersOf(model)).toEqual(await numbersOf(plain.model));
    expect(history.map(({ train }) => train.loss)).toEqual(without.map(({ train }) => train.loss));
    expect(history[0].validation?.loss).not.toBe(without[0].validation?.loss);
    const saved = await loadSafetensors(best as string);
    const file = join(folder, 'checkpoints', 'best-epoch-0003.safetensors');
    const last = await loadSafetensors(file);
    expect(await last['0.weight'].toArray()).toEqual(await average.stateDict()['0'].toArray());
    expect(Object.keys(saved).sort()).toEqual(Object.keys(model.stateDict()).sort());
  });

  it('resumes bit for bit', () => expectResumable(run, 11));

  it('is asked for when the checkpoint has one', async () => {
    await run({ folder }).done;
    await expect(run({ folder, resume: true, average: undefined }).done).rejects.toThrow(
      /with an average of weights true, here it is false/,
    );
  });
});

describe('L-BFGS', () => {
  const run = (options: Partial<FitOptions<SmallBatch>>) => {
    manualSeed(0);
    const model = nn.sequential(nn.linear(2, 8), nn.tanh(), nn.linear(8, 3));
    const optimizer = optim.lbfgs(model.parameters(), { maxIter: 4, lineSearchFn: 'strong_wolfe' });
    const data = { train: clouds(120).batch(120), validation: clouds(60, 2).batch(60) };
    return { model, done: fit(model, data, { epochs: 8, optimizer, progress: 'none', ...options }) };
  };

  it('trains on full batches, and reports', async () => {
    const reports: WatchReport[] = [];
    const { history } = await run({ watch: 1, callbacks: [{ onWatch: (report) => void reports.push(report) }] }).done;
    const losses = history.map(({ train }) => train.loss);
    expect(losses[7]).toBeLessThan(losses[0] / 3);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(Object.keys(reports[0].gradientNorms)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  });

  it('resumes bit for bit', () => expectResumable(run as never, 5));

  it('says what does not go with it', () => {
    for (const option of ['clipNorm', 'clipValue', 'accumulate'] as const)
      expect(() => run({ [option]: 1 })).toThrow(new RegExp(`${option} does not go with lbfgs, whose line search`));
  });
});
