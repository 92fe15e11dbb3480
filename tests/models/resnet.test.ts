/** ResNet-18 against PyTorch's on the same weights: names, counts, outputs in both modes, loss and all gradients. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evaluate, grad, setNumerics, type Tensor, tensor } from '../../src/index.js';
import { resnet18, resnetCifar } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { fillWeights, fixed } from './fixed.js';

interface Pass {
  readonly output: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, { norm: number; picks: readonly (readonly [number, number])[] }>>;
}

interface Golden {
  readonly state: readonly string[];
  readonly parameters: number;
  readonly training: Pass;
  readonly evaluation: Pass;
}

const golden = JSON.parse(readFileSync(new URL('../golden/models.json', import.meta.url), 'utf8')) as Record<
  string,
  Golden
>;

const cases: Record<string, { make: () => nn.Module; shape: readonly number[] }> = {
  'resnet18 cifar': { make: () => resnet18(10, { stem: 'cifar' }), shape: [4, 3, 32, 32] },
  resnet18: { make: () => resnet18(), shape: [2, 3, 64, 64] },
};

/** Largest difference, as a share of the largest wanted number. */
function difference(got: ArrayLike<number>, wanted: readonly number[]): number {
  expect(got.length).toBe(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((value, i) => Math.abs(value - got[i]))) / largest;
}

async function comparePass(model: nn.Module, shape: readonly number[], wanted: Pass, tolerance: number): Promise<void> {
  const parameters = model.namedParameters();
  const labels = tensor(Int32Array.from({ length: shape[0] }, (_, i) => i % 10));
  const output = model.forward(fixed(shape, 1000));
  const loss = nn.crossEntropy(output, labels);
  const gradients = grad(loss, model.parameters()) as Tensor<'float32'>[];
  await evaluate([output, loss, ...gradients]);
  expect(difference(await output.data(), wanted.output)).toBeLessThan(1e-4);
  expect(Math.abs((await loss.item()) / wanted.loss - 1)).toBeLessThan(1e-4);
  for (const [i, [key]] of parameters.entries()) {
    const data = await gradients[i].data();
    const norm = Math.sqrt(data.reduce((total, value) => total + value * value, 0));
    const { norm: wantedNorm, picks } = wanted.gradients[key];
    expect(Math.abs(norm / wantedNorm - 1), key).toBeLessThan(tolerance);
    for (const [at, value] of picks)
      expect(Math.abs(data[at] - value) / wantedNorm, `${key}[${at}]`).toBeLessThan(tolerance);
  }
}

describe('agrees with PyTorch', () => {
  for (const [name, { make, shape }] of Object.entries(cases))
    it(name, async () => {
      const { state, parameters, training, evaluation } = golden[name];
      const model = make();
      await fillWeights(model);
      expect(Object.keys(model.stateDict())).toEqual(state);
      expect(model.parameters().reduce((total, { size }) => total + size, 0)).toBe(parameters);
      setNumerics('strict');
      // Batch statistics of so few images make ReLUs near zero decide either way: PyTorch's own float32 is off by 4e-3.
      await comparePass(model, shape, training, 1e-2);
      // With the running statistics that this step has left.
      await comparePass(model.eval(), shape, evaluation, 1e-4);
      // Winograd's rounding, too, decides ReLUs near zero another way.
      setNumerics('fast');
      await comparePass(model, shape, evaluation, 1e-2);
    });
});

it('refuses stems and depths that there are not', () => {
  expect(() => resnet18(10, { stem: 'mnist' as never })).toThrow(/^resnet18: stem must be 'imagenet' or 'cifar'/);
  expect(() => resnetCifar(19)).toThrow(/^resnetCifar: depth must be 6 n \+ 2/);
});
