/**
 * Every network of the registry against PyTorch's: names, shapes and counts, first values, then outputs and all gradients on
 * the same weights, training, saving and loading. The largest only run with ZOO=all (`npm run soak:zoo`).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  compile,
  getNumerics,
  grad,
  manualSeed,
  mul,
  setNumerics,
  std,
  sum,
  type Tensor,
  tensor,
} from '../../src/index.js';
import {
  create,
  type GoogLeNetOutput,
  googlenet,
  highwayCifar,
  info,
  list,
  type ModelName,
  squeezenet,
} from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { fillWeights, fixed } from './fixed.js';

type F = Tensor<'float32'>;

interface Golden {
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly entries: number;
  readonly state: string;
  readonly deviations: readonly number[];
  readonly always: boolean;
  readonly shape: readonly number[];
  /** Seed of the image. */
  readonly image: number;
  readonly outputs: readonly (readonly number[])[];
  /** Norm, and the elements at one and two thirds. */
  readonly gradients: readonly (readonly [number, number, number])[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/zoo.json', import.meta.url), 'utf8')) as Record<
  ModelName,
  Golden
>;
const names = list();
const run = names.filter((name) => golden[name].always || process.env.ZOO === 'all');
/** Those whose weights are quickly drawn and written. */
const small = run.filter((name) => golden[name].parameters < 15e6 || process.env.ZOO === 'all');
const numerics = getNumerics();
afterEach(() => setNumerics(numerics));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-zoo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Output = F | GoogLeNetOutput;

const listed = (output: Output): F[] => ('aux1' in output ? [output.logits, output.aux1, output.aux2] : [output]);

/** Outputs, and the gradients of the outputs times fixed numbers. */
function passOf(model: nn.Module<Output>) {
  return compile((image: F) => {
    const outputs = listed(model.forward(image));
    const losses = outputs.map((output, i) => sum(mul(output, fixed(output.shape, 1001 + i))) as F);
    const loss = losses.reduce((total, each) => add(total, each) as F);
    return { outputs, gradients: grad(loss, model.parameters()) as F[] };
  });
}

const normOf = (data: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i] * data[i];
  return Math.sqrt(total);
};

async function comparePass(model: nn.Module<Output>, wanted: Golden, onOutputs: number, onGradients: number) {
  const { outputs, gradients } = await passOf(model)(fixed(wanted.shape, wanted.image));
  expect(outputs.length).toBe(wanted.outputs.length);
  for (const [i, output] of outputs.entries()) {
    const data = await output.data();
    const step = Math.max(1, Math.floor(data.length / 10));
    const largest = Math.max(...wanted.outputs[i].map(Math.abs));
    for (const [j, value] of wanted.outputs[i].entries())
      expect(Math.abs(data[j * step] - value) / largest).toBeLessThan(onOutputs);
  }
  for (const [i, [name]] of model.namedParameters().entries()) {
    const data = await gradients[i].data();
    const [norm, ...picks] = wanted.gradients[i];
    expect(Math.abs(normOf(data) / norm - 1), name).toBeLessThan(onGradients);
    const third = Math.floor(data.length / 3);
    for (const [j, value] of picks.entries())
      expect(Math.abs(data[third * (j + 1)] - value) / norm, name).toBeLessThan(onGradients);
  }
}

describe('agrees with PyTorch on the same weights', () => {
  it.each(run)('%s', async (name) => {
    const model: nn.Module<Output> = create(name, { dropout: 0 });
    await fillWeights(model);
    // Batch norm of few images would decide ReLUs near zero by rounding.
    for (const [, module] of model.namedModules())
      if (module instanceof nn.BatchNorm2d || module instanceof nn.Dropout) module.eval();
    setNumerics('strict');
    await comparePass(model, golden[name], 1e-4, 1e-3);
    setNumerics('fast');
    await comparePass(model, golden[name], 1e-3, 1e-2);
  });
});

describe('starts with values of the right size, trains, is saved and loaded', () => {
  it.each(small)('%s', async (name) => {
    manualSeed(0);
    const { deviations, shape } = golden[name];
    const model: nn.Module<Output> = create(name);
    for (const [i, [path, parameter]] of model.namedParameters().entries()) {
      if (deviations[i] === 0 || parameter.size > 1000) {
        const got = await std(parameter as F, undefined, { correction: 0 }).item();
        expect(Math.abs(got - deviations[i]), path).toBeLessThanOrEqual(0.1 * deviations[i]);
      }
    }

    const { outputs, gradients } = await passOf(model)(fixed(shape, 1000));
    for (const output of outputs) expect(output.shape).toEqual([shape[0], outputs[0].shape[1]]);
    for (const [i, [path]] of model.namedParameters().entries()) {
      const norm = normOf(await gradients[i].data());
      expect(norm > 0 && Number.isFinite(norm), path).toBe(true);
    }

    const file = join(folder, `${name}.safetensors`);
    await model.save(file);
    const other: nn.Module<Output> = create(name);
    await other.load(file);
    await rm(file);
    const [first, second] = [model, other].map((each) => listed(each.eval().forward(fixed(shape, 1000)))[0]);
    expect(await second.data()).toEqual(await first.data());
  });
});

it('has the CIFAR stem that was counted', () => {
  const model = create('resnet18', { classes: 10, stem: 'cifar' });
  expect(model.parameters().reduce((total, { size }) => total + size, 0)).toBe(11_173_962);
});

it('refuses what there is not', () => {
  expect(() => create('resnet-19')).toThrow(
    /^create: there is no network "resnet-19"; the nearest names are resnet18, resnet34, resnet50, models.list\(\) gives all/,
  );
  expect(() => create('MobileNet')).toThrow(/nearest names are mobilenet_v2/);
  expect(() => info('toString' as never)).toThrow(/^info: there is no network "toString"/);
  expect(() => squeezenet(10, { version: '2.0' as never })).toThrow(/^squeezenet: version must be '1.0' or '1.1'/);
  expect(() => highwayCifar(10, { depth: 12 as never })).toThrow(/^highwayCifar: depth must be 11 or 19, got 12/);
  expect(() => create('mobilenet_v2', { widthMult: -1 })).toThrow(/^mobilenetV2: widthMult must be a positive number/);
});

it("GoogLeNet's loss takes both auxiliary classifiers in at 0.3", async () => {
  const model = googlenet(4);
  const labels = tensor([0, 3], { dtype: 'int32' });
  const [logits, aux1, aux2] = [1, 2, 3].map((seed) => fixed([2, 4], seed));
  const [a, b, c] = await Promise.all([logits, aux1, aux2].map((each) => model.loss(each, labels).item()));
  expect(await model.loss({ logits, aux1, aux2 }, labels).item()).toBeCloseTo(a + 0.3 * (b + c), 5);
  expect('aux1' in model.forward(fixed([2, 3, 32, 32], 4))).toBe(true);
  expect('aux1' in model.eval().forward(fixed([2, 3, 32, 32], 4))).toBe(false);
  expect('aux1' in googlenet(4, { auxLogits: false }).forward(fixed([2, 3, 32, 32], 4))).toBe(false);
});

describe('is described as it is', () => {
  it.each(names)('%s', (name) => {
    const { parameters, multiplyAdds, entries, state } = golden[name];
    const model = create(name);
    const listing = Object.entries(model.stateDict()).map(([key, { shape }]) => `${key} [${shape.join(',')}]\n`);
    expect(listing.length).toBe(entries);
    expect(createHash('sha256').update(listing.join('')).digest('hex')).toBe(state);
    expect(model.parameters().reduce((total, { size }) => total + size, 0)).toBe(parameters);
    expect(info(name)).toMatchObject({ name, parameters, multiplyAdds });
  });
});

it('gives the head as many classes as are asked for', () => {
  for (const name of names) {
    const last = create(name, { classes: 7 }).parameters().at(-1);
    expect(last?.shape, name).toEqual([7]);
  }
});
