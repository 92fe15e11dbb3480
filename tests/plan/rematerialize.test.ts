/** Training steps under a memory budget: less memory, the same bits. */
import { expect, it } from 'vitest';
import {
  compile,
  conv2d,
  grad,
  MemoryError,
  manualSeed,
  randn,
  relu,
  sum,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { create, type ModelName } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';

const kSteps = 2;

/** Arena of a training step and the weights after two of them. */
async function train(name: ModelName, shape: readonly number[], memoryBudget?: number) {
  manualSeed(0);
  const model = create(name, { classes: 10 }) as nn.Module;
  const optimizer = optim.sgd(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const step = compile(
    (x: Tensor<'float32'>, y: Tensor<'int32'>) => {
      const loss = nn.crossEntropy(model.forward(x) as Tensor<'float32'>, y);
      optimizer.minimize(loss);
      return loss;
    },
    { memoryBudget },
  );
  const x = randn([...shape]);
  await x.data();
  const y = tensor(Int32Array.from({ length: shape[0] }, (_, i) => i % 10));
  const { arenaBytes, kernels, passes } = step.explain(x, y);
  for (let i = 0; i < kSteps; i++) await step(x, y);
  const weights = await Promise.all(model.parameters().map((parameter) => parameter.data()));
  return { arenaBytes, kernels: kernels.length, passes, weights };
}

const networks = [
  ['resnet20', [8, 3, 32, 32], 0.7],
  ['mobilenet_v2', [2, 3, 64, 64], 0.7],
  ['lenet', [64, 1, 28, 28], 0.85],
] as const;

it.each(networks)('%s keeps to the budget and learns the same weights', async (name, shape, share) => {
  const plain = await train(name, shape);
  const budget = Math.round(plain.arenaBytes * share);
  const tight = await train(name, shape, budget);
  expect(tight.arenaBytes).toBeLessThanOrEqual(budget);
  expect(tight.weights).toEqual(plain.weights);
  expect(tight.passes).toHaveProperty('rematerialize');
});

it('a plan within the budget stays as it is', async () => {
  const [name, shape] = networks[2];
  const { arenaBytes, kernels } = await train(name, shape);
  expect(await train(name, shape, arenaBytes)).toMatchObject({ arenaBytes, kernels });
});

it('a chain of convolutions without normalisation is made again in stretches', () => {
  const weights = Array.from({ length: 12 }, () => randn([8, 8, 3, 3]));
  const gradients = (x: Tensor<'float32'>) => {
    let y = x;
    for (const w of weights) y = relu(conv2d(y, w, undefined, { padding: 1 }));
    return grad(sum(y), weights);
  };
  const x = randn([4, 8, 40, 40]);
  const { arenaBytes, flops } = compile(gradients).explain(x);
  const tight = compile(gradients, { memoryBudget: arenaBytes * 0.7 }).explain(x);
  expect(tight.arenaBytes).toBeLessThanOrEqual(arenaBytes * 0.7);
  expect(tight.flops).toBeGreaterThan(flops);
  expect(tight.flops).toBeLessThan(flops * 1.34);
});

it('says what is needed when the budget is too small', () => {
  const w = randn([64, 64]);
  const step = compile((x: Tensor<'float32'>) => grad(sum(relu(x.matmul(w))), [w]), { memoryBudget: 64 });
  expect(() => step.explain(randn([64, 64]))).toThrow(MemoryError);
  expect(() => step.explain(randn([64, 64]))).toThrow(/memoryBudget is .* but intermediate values need/);
});

it('refuses what is no budget', () => {
  expect(() => compile(() => randn([1]), { memoryBudget: 0 })).toThrow(/memoryBudget must be a positive number/);
  expect(() => compile(() => randn([1]), { memoryBudget: 1e6, frozen: true })).toThrow(/leave out frozen/);
});
