/** `profile`: one run of a compiled function, with the time and rate of each kernel. */
import { afterEach, expect, it } from 'vitest';
import { compile, matmul, randn, relu, setBackend, square, sum, type Tensor, Variable } from '../../src/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { manualSeed } from '../../src/random.js';

type F = Tensor<'float32'>;

afterEach(() => setBackend('native'));

it('gives time, rate and share of the peak of each kernel', async () => {
  const fn = compile((a: F, b: F) => sum(relu(matmul(a, b))));
  const [a, b] = [randn([300, 200]), randn([200, 100])];
  const start = performance.now();
  const profile = await fn.profile(a, b);
  const wall = 1e3 * (performance.now() - start);
  expect(profile.kernels.map(({ kernel }) => kernel)).toEqual(fn.explain(a, b).kernels.map(({ kernel }) => kernel));
  expect(profile.microseconds).toBeGreaterThan(0);
  expect(profile.microseconds).toBeLessThan(wall);
  const [product] = profile.kernels;
  expect(product.kernel).toBe('gemm_f32');
  expect(product.flops).toBeGreaterThanOrEqual(2 * 300 * 200 * 100);
  expect(product.gflops).toBeCloseTo(product.flops / product.microseconds / 1e3, 6);
  expect(product.share).toBeCloseTo(product.gflops / profile.peakGflops, 6);
  // No kernel is faster than multiply-adds in registers; other work on the machine may have disturbed the peak.
  expect(product.share).toBeLessThan(2);
  expect(String(profile)).toMatch(/kernel .* us +time +GFLOP\/s +peak +GB\/s +shapes\ngemm_f32 .* %/);
  expect(String(profile)).toMatch(/2 kernels in [\d.]+ ms: [\d.]+ GFLOP\/s, [\d.]+ % of [\d.]+; [\d.]+ GB\/s$/);
});

it('is a call: a training step updates once', async () => {
  const make = () => {
    manualSeed(1);
    const weight = new Variable(randn([4, 4]), { name: 'weight' });
    return { weight, step: compile((x: F) => weight.assign(matmul(x, weight) as F)) };
  };
  const [profiled, called] = [make(), make()];
  const x = randn([4, 4]);
  await profiled.step.profile(x);
  await called.step(x);
  expect(await profiled.weight.data()).toEqual(await called.weight.data());
  expect(profiled.step.programs).toBe(1);

  const layer = nn.linear(8, 8);
  const optimizer = optim.sgd(layer.parameters(), { lr: 0.1 });
  const train = compile((input: F) => {
    const loss = sum(square(layer.forward(input)));
    optimizer.minimize(loss);
    return loss;
  });
  const before = await layer.weight.data();
  const { kernels } = await train.profile(randn([8, 8]));
  expect(kernels.some(({ kernel }) => kernel.startsWith('elementwise'))).toBe(true);
  expect(await layer.weight.data()).not.toEqual(before);
});

it('works for compiled models, and says what it needs', async () => {
  const model = await nn.compileModel(nn.sequential(nn.linear(16, 4), nn.relu()), { shape: [16] });
  const { kernels } = await model.profile(new Float32Array(32));
  expect(kernels.at(-1)?.shapes.at(-1)).toBe('[2,4]');
  setBackend('javascript');
  const fn = compile((a: F) => relu(a), { name: 'activation' });
  await expect(fn.profile(randn([3]))).rejects.toThrow(
    "activation: profile measures native programs; setBackend('native') before it",
  );
});
