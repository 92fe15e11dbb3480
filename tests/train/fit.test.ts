import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { loadSafetensorsMetadata } from '../../src/io/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { defaultGenerator } from '../../src/random.js';
import {
  accuracy,
  type Callback,
  confusionMatrix,
  type FitOptions,
  findLearningRate,
  fit,
  type MetricsLine,
  progressCallback,
  readMetrics,
  type WatchReport,
} from '../../src/train/index.js';
import { clouds, type SmallBatch, smallData, smallModel } from './small.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-fit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function weightsOf(model: nn.Module): Promise<string> {
  const parts: string[] = [];
  for (const [name, variable] of Object.entries(model.stateDict()))
    parts.push(`${name}:${Buffer.from(new Uint8Array((await variable.data()).slice().buffer)).toString('base64')}`);
  return parts.join('\n');
}

/** A training with everything that a checkpoint has to carry. */
function setUp(options: Partial<FitOptions<SmallBatch>> = {}) {
  const model = smallModel();
  const optimizer = optim.adamW(model.parameters(), { lr: 0.02 });
  const decay = { count: 0 };
  const stepSchedule = {
    step() {
      decay.count++;
      optimizer.lr = 0.02 / (1 + decay.count / 10);
    },
    stateDict: () => ({ ...decay, none: Number.POSITIVE_INFINITY }),
    loadStateDict: (state: typeof decay) => void Object.assign(decay, { count: state.count }),
  };
  const all: FitOptions<SmallBatch> = {
    epochs: 4,
    optimizer,
    stepSchedule,
    metrics: { accuracy: accuracy(), confusion: confusionMatrix() },
    progress: 'none',
    ...options,
  };
  return { model, optimizer, run: () => fit(model, smallData(), all) };
}

describe('fit', () => {
  it('learns, measures, and gives the history', async () => {
    const { run, model } = setUp({ epochs: 8 });
    const { history, reason } = await run();
    expect(reason).toBe('epochs');
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const last = history[7];
    expect(last.validation?.accuracy).toBeGreaterThan(0.8);
    expect(last.train.loss).toBeLessThan(history[0].train.loss);
    const confusion = last.validation?.confusion as number[][] | undefined;
    expect(confusion?.flat().reduce((a, b) => a + b)).toBe(60);
    expect(last.samples).toBe(120);
    expect(model.training).toBe(true);
  });

  it('resumes bit for bit, from the middle of an epoch', async () => {
    const whole = setUp();
    const { history } = await whole.run();
    const wanted = await weightsOf(whole.model);
    const generator = defaultGenerator.getState();

    const controller = new AbortController();
    const first = setUp({
      folder,
      signal: controller.signal,
      callbacks: [
        { onStep: ({ globalStep }) => globalStep === 19 && controller.abort(new Error('enough')) } as Callback,
      ],
    });
    await expect(first.run()).rejects.toThrow('enough');
    const second = setUp({ folder, resume: true });
    const resumed = await second.run();
    expect(await weightsOf(second.model)).toBe(wanted);
    expect(defaultGenerator.getState()).toEqual(generator);
    const timeless = (list: typeof history) => list.map(({ seconds: _, ...rest }) => rest);
    expect(timeless(resumed.history)).toEqual(timeless(history));

    // Finished: nothing more happens, and more epochs go on.
    const third = setUp({ folder, resume: folder });
    await third.run();
    expect(await weightsOf(third.model)).toBe(wanted);
    const fourth = setUp({ folder, resume: true, epochs: 5 });
    expect((await fourth.run()).history).toHaveLength(5);
  });

  it('writes the folder: config, metrics line by line, the last and the best checkpoints', async () => {
    const { run } = setUp({
      folder,
      config: { lr: 0.02 },
      checkpoints: { keepBest: 2, everySteps: 3 },
      logEvery: 4,
      watch: 8,
      monitor: 'validation.accuracy',
    });
    const { best, history } = await run();
    expect(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))).toEqual({ lr: 0.02 });
    const files = (await readdir(join(folder, 'checkpoints'))).sort();
    expect(files).toHaveLength(3);
    expect(files).toContain('last.safetensors');
    const scores = history.map(({ validation }) => validation?.accuracy as number);
    const bestEpoch = scores.indexOf(Math.max(...scores)) + 1;
    expect(await loadSafetensorsMetadata(best as string)).toEqual({
      epoch: String(bestEpoch),
      monitor: 'validation.accuracy',
      value: String(Math.max(...scores)),
    });
    await smallModel(3).load(best as string);
    const lines = await readMetrics(folder);
    const of = (kind: MetricsLine['kind']) => lines.filter((line) => line.kind === kind).map((line) => line.globalStep);
    expect(of('step')).toEqual([4, 8, 12, 16, 20, 24, 28, 32]);
    expect(of('epoch')).toEqual([8, 16, 24, 32]);
    expect(of('watch')).toEqual([8, 16, 24, 32]);

    // Half a line, as a killed process may leave it.
    await writeFile(join(folder, 'metrics.ndjson'), '{"kind":"step","glob', { flag: 'a' });
    expect(await readMetrics(folder)).toHaveLength(lines.length);
    await setUp({ folder, resume: true, monitor: 'validation.accuracy' }).run();
    expect(await readMetrics(folder)).toEqual(lines);
  });

  it('stops early and restores the best weights', async () => {
    const states: string[] = [];
    const { run, model } = setUp({
      epochs: 50,
      stepSchedule: undefined,
      earlyStopping: { patience: 2 },
      callbacks: [{ onEpochEnd: async () => void states.push(await weightsOf(model)) }],
    });
    const { reason, restored, history } = await run();
    expect(reason).toBe('early stopping');
    expect(history).toHaveLength((restored as number) + 2);
    expect(await weightsOf(model)).toBe(states[(restored as number) - 1]);
  });

  it('keeps early stopping over a resume', async () => {
    const options = { epochs: 50, earlyStopping: { patience: 2 }, stepSchedule: undefined };
    const whole = setUp(options);
    const { restored } = await whole.run();
    const stop: Callback = {
      onEpochEnd: ({ epoch }, context) => void (epoch === (restored as number) && context.stop()),
    };
    const first = setUp({ ...options, folder, callbacks: [stop] });
    expect((await first.run()).reason).toBe('stopped');
    const second = setUp({ ...options, folder, resume: true });
    expect((await second.run()).restored).toBe(restored);
    expect(await weightsOf(second.model)).toBe(await weightsOf(whole.model));
  });

  it('calls callbacks in order', async () => {
    const calls: string[] = [];
    const note = (name: string) => () => void calls.push(name);
    const callback: Callback = {
      onTrainStart: note('start'),
      onEpochStart: note('epoch'),
      onStep: note('step'),
      onEpochEnd: note('end of epoch'),
      onTrainEnd: note('end'),
    };
    await setUp({ epochs: 2, callbacks: [callback] }).run();
    const epoch = ['epoch', ...Array<string>(8).fill('step'), 'end of epoch'];
    expect(calls).toEqual(['start', ...epoch, ...epoch, 'end']);
  });

  it('reports norms of gradients and dead units', async () => {
    const model = nn.sequential(nn.linear(2, 4), nn.relu(), nn.linear(4, 3));
    model.loadStateDict({
      ...model.stateDict(),
      '0.bias': (await import('../../src/tensor.js')).tensor([9, 9, 9, -99]),
    });
    const reports: WatchReport[] = [];
    await fit(
      model,
      { train: clouds(32).batch(32) },
      {
        epochs: 1,
        optimizer: optim.sgd(model.parameters(), { lr: 0 }),
        watch: 1,
        clipNorm: 1e-3,
        clipValue: 10,
        progress: 'none',
        callbacks: [{ onWatch: (report) => void reports.push(report) }],
      },
    );
    expect(Object.keys(reports[0].gradientNorms)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(reports[0].gradientNorms['2.weight']).toBeGreaterThan(1e-3);
    expect(reports[0].relus['1'].zeros).toBeCloseTo(0.25);
    expect(reports[0].relus['1'].dead).toBeCloseTo(0.25);
  });

  it('refuses what makes no sense', async () => {
    const { run } = setUp({ folder });
    await run();
    await expect(setUp({ folder }).run()).rejects.toThrow(/holds a training already/);
    const other = nn.sequential(nn.linear(2, 5), nn.linear(5, 3));
    const resume = (model: nn.Module, optimizer: optim.Optimizer) =>
      fit(model, smallData(), { epochs: 1, optimizer, progress: 'none', resume: folder });
    await expect(resume(other, optim.adamW(other.parameters()))).rejects.toThrow(ArgumentError);
    const same = smallModel();
    await expect(resume(same, optim.sgd(same.parameters()))).rejects.toThrow(
      /with the optimizer adamW, here it is sgd/,
    );
    await expect(resume(same, optim.adamW(same.parameters()))).rejects.toThrow(/other schedules/);
    await expect(setUp({ resume: join(folder, 'nowhere') }).run()).rejects.toThrow(/no checkpoint/);
    expect(() => setUp({ epochs: 0 }).run()).toThrow(/epochs/);
    expect(() => setUp({ monitor: 'validation.f1' }).run()).toThrow(/validation.accuracy/);
    expect(() => setUp({ resume: true }).run()).toThrow(/folder/);
    const empty = { train: clouds(3).take(0).batch(2) };
    await expect(fit(same, empty, { epochs: 1, optimizer: optim.sgd(same.parameters()) })).rejects.toThrow(/empty/);
  });

  it('shows lines where there is no terminal, and JSON for machines', async () => {
    const written: string[] = [];
    const out = { write: (text: string) => written.push(text) };
    await setUp({ epochs: 1, callbacks: [progressCallback('auto', out)] }).run();
    expect(written[0]).toMatch(/^131 parameters, 1 epochs, \d+ threads\n$/);
    expect(written[1]).toMatch(/^epoch 1: loss [\d.]+, accuracy [\d.]+; validation: loss [\d.]+, accuracy [\d.]+ \(/);
    written.length = 0;
    await setUp({ epochs: 1, callbacks: [progressCallback('json', out)] }).run();
    expect(written.map((line) => JSON.parse(line).event)).toEqual(['start', 'epoch', 'end']);
  });
});

describe('findLearningRate', () => {
  it('finds a rate in range and leaves everything as it was', async () => {
    const { model, optimizer } = setUp();
    const before = await weightsOf(model);
    const generator = defaultGenerator.getState();
    const { suggestion, curve } = await findLearningRate(model, smallData().train, {
      optimizer,
      steps: 40,
      from: 1e-4,
      to: 100,
    });
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThan(100);
    expect(curve.length).toBeGreaterThan(10);
    expect(await weightsOf(model)).toBe(before);
    expect(defaultGenerator.getState()).toEqual(generator);
    expect(optimizer.lr).toBe(0.02);
  });
});
