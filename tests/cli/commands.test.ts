/** What the commands do, in this process; `tests/trouble/cli.test.ts` runs the whole program. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { explainRecipe } from '../../src/cli/explain.js';
import { checkOptimizer, makeOptimizer, optimizerNames } from '../../src/cli/optimizers.js';
import { predictRecipe } from '../../src/cli/predict.js';
import { findRecipe, imageRecipe, noRecipe } from '../../src/cli/recipe.js';
import { imageRecipes } from '../../src/cli/recipes.js';
import type { TrainEvent } from '../../src/cli/report.js';
import { closest } from '../../src/cli/suggest.js';
import { type TrainOptions, trainRecipe } from '../../src/cli/train.js';
import * as nn from '../../src/nn/index.js';
import { zeros } from '../../src/ops/index.js';

const file = fileURLToPath(new URL('tiny-recipe.ts', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-commands-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const found = async () => imageRecipe(await findRecipe(file), 'test');

async function train(out: string, options: Partial<TrainOptions> = {}, onEvent?: (event: TrainEvent) => void) {
  const events: TrainEvent[] = [];
  const report = (event: TrainEvent) => {
    events.push(event);
    onEvent?.(event);
  };
  const accuracy = await trainRecipe(await found(), { out: join(folder, out), ...options }, { report });
  return { accuracy, events };
}

describe('train', () => {
  it('takes a recipe from a file, and leaves model, picture and run folder', async () => {
    const run = join(folder, 'run');
    const { accuracy, events } = await train('out', { run, optimizer: 'lion', lr: 1e-3 });
    expect(accuracy).toBeGreaterThan(0.9);
    const told = events.filter(({ event }) => event !== 'step').map(({ event }) => event);
    const files = ['file', 'file', 'file', 'file'];
    expect(told).toEqual(['start', 'epoch', 'epoch', 'epoch', 'classes', ...files, 'verified', 'done']);
    expect((await readdir(run)).sort()).toEqual([
      'checkpoints',
      'config.json',
      'curves.png',
      'curves.svg',
      'metrics.ndjson',
    ]);
    const svg = await readFile(join(run, 'curves.svg'), 'utf8');
    for (const text of ['<svg', '>loss<', '>accuracy<', '>validation<', '>learning rate<'])
      expect(svg.includes(text), text).toBe(true);
    expect(PNG.sync.read(await readFile(join(run, 'curves.png'))).width).toBeGreaterThan(400);
    const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ recipe: 'tiny-recipe', optimizer: 'lion', lr: 1e-3, epochs: 3, seed: 0 });
  });

  it('goes on with a run folder to the same bits', async () => {
    await train('whole', { seed: 3 });
    const controller = new AbortController();
    const run = join(folder, 'run');
    let steps = 0;
    const stop = ({ event }: TrainEvent) => {
      if (event === 'step' && ++steps === 14) controller.abort(new Error('interrupted'));
    };
    await expect(train('part', { seed: 3, run, signal: controller.signal }, stop)).rejects.toThrow('interrupted');
    await expect(train('part', { resume: run, lr: 1 })).rejects.toThrow(/was started with lr 0.01/);
    await train('part', { resume: run });
    const weights = (name: string) => readFile(join(folder, name, 'tiny-recipe.safetensors'));
    expect(await weights('part')).toEqual(await weights('whole'));
    await expect(train('part', { run })).rejects.toThrow(/holds a training already/);
    await expect(train('part', { resume: folder })).rejects.toThrow(/config.json does not exist/);
  });
});

describe('predict and explain', () => {
  it('classifies PNG files and the held-out images', async () => {
    await train('out');
    const png = new PNG({ width: 16, height: 16 });
    for (let i = 0; i < 256; i++) {
      const [row, column] = [i >> 5, (i & 15) >> 1];
      const isEdge = row === 0 || column === 0 || row === 7 || column === 7;
      png.data.set([isEdge ? 200 : 20, isEdge ? 200 : 20, isEdge ? 200 : 20, 255], 4 * i);
    }
    const image = join(folder, 'square.png');
    await writeFile(image, PNG.sync.write(png));
    const printed: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((text) => void printed.push(String(text)));
    const options = { weights: join(folder, 'out', 'tiny-recipe.safetensors'), seed: 0, top: 2 };
    const recipe = await found();
    await predictRecipe(recipe, [image], { ...options, json: true });
    const { classes } = JSON.parse(printed[0]) as { classes: { label: string; probability: number }[] };
    expect(classes[0].label).toBe('square');
    expect(classes[0].probability + classes[1].probability).toBeCloseTo(1);
    await predictRecipe(recipe, [image], options);
    expect(printed[1]).toMatch(/square.png: square [\d.]+ %, cross [\d.]+ %$/);
    await predictRecipe(recipe, [], options);
    expect(printed[2]).toMatch(/square {2,}30 .*\n.*cross[\s\S]*accuracy [\d.]+ % of 60 images$/);
    const digits = imageRecipe(await findRecipe('digits'), 'test');
    const none = { ...options, weights: join(folder, 'none.safetensors') };
    await expect(predictRecipe(digits, [], none)).rejects.toThrow(/does not exist; run brawn train digits first/);
    await nn.linear(1, 1).save(none.weights, { recipe: 'mnist' });
    await expect(predictRecipe(digits, [], none)).rejects.toThrow(
      /is a model of mnist, not of digits; use brawn predict/,
    );
    await writeFile(image, 'no image');
    await expect(predictRecipe(recipe, [image], options)).rejects.toThrow(/square.png is no PNG image/);
  });

  it('explains the training step and the prediction', async () => {
    const { recipe } = await found();
    const step = explainRecipe(recipe, { batchSize: 4 });
    const prediction = explainRecipe(recipe, { predict: true });
    expect(step.flops).toBeGreaterThan(0);
    expect(prediction.kernels.length).toBeLessThan(step.kernels.length);
  });
});

describe('recipes and optimizers by name', () => {
  it('suggests what was meant', async () => {
    expect(noRecipe('mnits')).toMatch(/Did you mean mnist\?$/);
    expect(noRecipe('mnist')).toBeUndefined();
    expect(noRecipe('zebra')).not.toMatch(/Did you mean/);
    expect(closest('ADAMW', optimizerNames)).toBe('adamw');
    expect(() => checkOptimizer('rmsporp')).toThrow(/did you mean rmsprop\?/);
    expect(() => checkOptimizer('lbfgs')).toThrow(/use fit of brawn\/train with optim.lbfgs/);
    await expect(findRecipe(join(folder, 'none.js'))).rejects.toThrow(/does not exist/);
    const empty = join(folder, 'empty.mjs');
    await writeFile(empty, 'export const nothing = 1;');
    await expect(findRecipe(empty)).rejects.toThrow(/exports no recipe/);
    const partial = join(folder, 'partial.mjs');
    await writeFile(partial, 'export const recipe = { epochs: 0, batchSize: 2, classes: [], model() {} };');
    await expect(findRecipe(partial)).rejects.toThrow(/lacks a sensible epochs, lr, classes, image, data/);
  });

  it('has recipes whose networks fit their images and classes', () => {
    for (const [name, { model, image, classes }] of Object.entries(imageRecipes))
      expect(model().forward(zeros([2, ...image])).shape, name).toEqual([2, classes.length]);
  });

  it('reads CIFAR-10 files of any name, and says what to get when there are none', async () => {
    const record = (label: number) => Buffer.concat([Buffer.from([label]), Buffer.alloc(3072, 128)]);
    await writeFile(join(folder, 'train_some.bin'), Buffer.concat([record(1), record(2), record(9)]));
    await writeFile(join(folder, 'test_few.bin'), record(4));
    const data = await imageRecipes.cifar10.data({ dir: folder, seed: 0 });
    expect([await data.train.length(), await data.test.length()]).toEqual([3, 1]);
    const none = await imageRecipes.cifar10.data({ dir: join(folder, 'none'), seed: 0 });
    await expect(none.train.length()).rejects.toThrow(/data_batch_1.bin.*download https:/);
  });

  it('makes each optimizer', () => {
    for (const name of optimizerNames)
      expect(makeOptimizer(name, nn.linear(2, 2).parameters(), 0.5).lr, name).toBe(0.5);
  });
});
