/** Models made ready to serve: folded, prepared once, and independent of what becomes of the model. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compile,
  conv1d,
  conv2d,
  conv3d,
  manualSeed,
  mul,
  randn,
  relu6,
  setBackend,
  setNumerics,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import { resnet18 } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { distance } from '../distance.js';

type F = Tensor<'float32'>;

/** Fixed numbers, the same for every call. */
const w = (...shape: number[]): F =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 7.3)),
    { shape },
  );

beforeEach(() => manualSeed(0));
afterEach(() => {
  setBackend('native');
  setNumerics('fast');
});

/** Convolutions and a product, each followed by batch norm whose statistics and weights are not the first ones. */
async function trained(): Promise<nn.Module> {
  const model = nn.sequential(
    nn.conv2d(16, 24, 3, { padding: 1, bias: false }),
    nn.batchNorm2d(24),
    nn.relu(),
    nn.conv2d(24, 24, 3, { padding: 1, groups: 24 }),
    nn.batchNorm2d(24),
    nn.conv2d(24, 8, 1),
    nn.batchNorm2d(8),
    nn.dropout(0.5),
    nn.flatten(),
    nn.linear(8 * 24 * 24, 6),
    nn.batchNorm1d(6),
  );
  const step = compile((x: F) => model.forward(x));
  for (let i = 0; i < 3; i++) await step(randn([4, 16, 24, 24]) as F);
  for (const [name, parameter] of model.namedParameters())
    if (name.endsWith('weight')) parameter.assign(mul(parameter as F, 1.5));
  return model;
}

const plain = (model: nn.Module, x: F) => model.inEvaluation(() => model.forward(x)).data();

describe('compileModel', () => {
  it('gives what the model gives in evaluation, and leaves its mode alone', async () => {
    const model = await trained();
    const run = await nn.compileModel(model);
    const x = randn([3, 16, 24, 24]) as F;
    const result = await (await run(x)).data();
    expect(model.training).toBe(true);
    expect(distance(result, await plain(model, x))).toBeLessThan(1e-5);
  });

  it('folds batch norm and computes once what depends on weights alone', async () => {
    const model = await trained();
    const run = await nn.compileModel(model, { batch: [2], shape: [16, 24, 24] });
    const ops = run.explain(zeros([2, 16, 24, 24]) as F).kernels.map((kernel) => kernel.ops);
    expect(ops.filter((op) => op !== 'copy')).toEqual([
      'winograd+add+relu',
      'convPacked+add',
      'convPacked+add',
      'matmul+add',
    ]);
  });

  it('computes bias and activation in the kernel before them where nothing is folded', async () => {
    const model = nn.sequential(nn.conv2d(3, 8, 3), nn.relu(), nn.maxPool2d(2), nn.conv2d(8, 4, 1), nn.relu());
    const run = await nn.compileModel(model);
    const ops = run.explain(zeros([1, 3, 10, 10]) as F).kernels.map((kernel) => kernel.ops);
    expect(ops.filter((op) => op !== 'copy')).toEqual(['convPacked+add+relu', 'maxPool', 'convPacked+add+relu']);
  });

  it.each([
    [
      'groups and strides',
      [2, 48, 9, 8],
      (x: F) => conv2d(x, w(80, 24, 3, 3), w(80), { groups: 2, stride: 2, padding: 1 }),
    ],
    ['unpacked, few channels per group', [1, 8, 5, 5], (x: F) => conv2d(x, w(8, 2, 3, 3), null, { groups: 4 })],
    [
      'unpacked, depthwise with multiplier',
      [2, 6, 7, 7],
      (x: F) => conv2d(x, w(12, 1, 3, 3), w(12), { groups: 6, dilation: 2 }),
    ],
    [
      'depthwise',
      [2, 20, 7, 9],
      (x: F) => relu6(conv2d(x, w(20, 1, 5, 5), w(20), { groups: 20, padding: 2, stride: 2 })),
    ],
    ['deep, with a residual', [1, 300, 6, 6], (x: F) => conv2d(x, w(300, 300, 1, 1), w(300)).add(x)],
    ['one dimension', [3, 5, 40], (x: F) => conv1d(x, w(33, 5, 4), w(33), { stride: 3 })],
    ['three dimensions', [1, 3, 5, 6, 7], (x: F) => conv3d(x, w(7, 3, 2, 3, 2), w(7), { padding: 1 })],
  ] as const)('convolutions of frozen weights: %s', async (name, shape, f) => {
    const frozen = compile(f, { frozen: true });
    const x = randn([...shape]) as F;
    const isPacked = frozen.explain(x).kernels.some(({ ops }) => /^(conv(Packed|Planes)|depthwisePlanes)/.test(ops));
    expect(isPacked).toBe(!name.startsWith('unpacked'));
    const strict = await f(x).data();
    expect(distance(await (await frozen(x)).data(), strict)).toBeLessThan(2e-6);
  });

  it('keeps the weights it was made with', async () => {
    const model = await trained();
    const run = await nn.compileModel(model, { batch: [1, 2], shape: [16, 24, 24] });
    expect(run.programs).toBe(2);
    const x = randn([2, 16, 24, 24]) as F;
    const before = await (await run(x)).data();
    for (const parameter of model.parameters()) parameter.assign(mul(parameter as F, 2));
    await model.parameters()[0].data();
    expect(distance(await (await run(x)).data(), before)).toBe(0);
    expect(run.programs).toBe(2);
    const again = await nn.compileModel(model);
    expect(distance(await (await again(x)).data(), before)).toBeGreaterThan(0.1);
  });

  it('is as exact as direct convolutions are: a whole ResNet-18', async () => {
    const model = resnet18(10, { stem: 'cifar' });
    const step = compile((x: F) => model.forward(x));
    await step(randn([4, 3, 32, 32]) as F);
    const x = randn([2, 3, 32, 32]) as F;
    setNumerics('strict');
    const exact = await plain(model, x);
    setNumerics('fast');
    const run = await nn.compileModel(model);
    expect(distance(await (await run(x)).data(), exact)).toBeLessThan(1e-4);
  });

  it('answers many calls at once', async () => {
    const model = await trained();
    const run = await nn.compileModel(model);
    const inputs = Array.from({ length: 64 }, () => randn([1, 16, 24, 24]) as F);
    const results = await Promise.all(inputs.map(async (x) => (await run(x)).data()));
    for (const at of [0, 17, 63]) expect(distance(results[at], await plain(model, inputs[at]))).toBeLessThan(1e-5);
  });

  it('runs on the JavaScript executor', async () => {
    const model = nn.sequential(nn.conv2d(2, 3, 3), nn.batchNorm2d(3), nn.relu());
    const x = randn([1, 2, 6, 6]) as F;
    const native = await (await (await nn.compileModel(model))(x)).data();
    setBackend('javascript');
    expect(distance(await (await (await nn.compileModel(model))(x)).data(), native)).toBeLessThan(1e-6);
  });

  it('says what is wrong', async () => {
    await expect(nn.compileModel({} as never)).rejects.toThrow('compileModel: needs a module, got object');
    const model = nn.linear(2, 2);
    await expect(nn.compileModel(model, { batch: [1] })).rejects.toThrow(/batch needs shape/);
    await expect(nn.compileModel(model, { batch: [0], shape: [2] })).rejects.toThrow(
      /whole numbers of at least 1, got 0/,
    );
  });
});

describe('compile with frozen', () => {
  it('refuses functions that assign', async () => {
    const norm = nn.batchNorm1d(3);
    const run = compile((x: F) => norm.forward(x), { name: 'normalise', frozen: true });
    await expect(run(randn([4, 3]) as F)).rejects.toThrow(/^normalise: a frozen function assigns to/);
  });

  it('folds nothing under strict numerics', async () => {
    setNumerics('strict');
    const model = nn.sequential(nn.conv2d(4, 4, 1, { bias: false }), nn.batchNorm2d(4)).eval();
    const run = compile((x: F) => model.forward(x), { frozen: true });
    const x = randn([2, 4, 5, 5]) as F;
    expect(distance(await (await run(x)).data(), await model.forward(x).data())).toBe(0);
  });

  it('keeps values that others scale: two readers of one product', async () => {
    const layer = nn.conv2d(3, 4, 1);
    const run = compile((x: F) => [mul(layer.forward(x), 2), mul(layer.forward(x), 3)], { frozen: true });
    const x = randn([1, 3, 4, 4]) as F;
    const [two, three] = await Promise.all((await run(x)).map((y) => y.data()));
    expect(
      distance(
        three,
        two.map((v) => v * 1.5),
      ),
    ).toBeLessThan(1e-6);
  });
});
