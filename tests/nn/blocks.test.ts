/** Highway and residual blocks, bilinear layers, dropout layers, weight normalisation. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, evaluate, grad, manualSeed, nn, optim, randn, sum, type Tensor, tensor } from '../../src/index.js';

type T = Tensor<'float32'>;
const valuesOf = async (x: Tensor) => [...((await x.data()) as Float32Array)];
const close = (actual: readonly number[], expected: readonly number[], digits = 5): void => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], digits);
  });
};
const shapesOf = (module: nn.Module) =>
  Object.fromEntries(Object.entries(module.stateDict()).map(([name, { shape }]) => [name, shape]));

describe('highway layers', () => {
  it('mix transform and input by the gate', async () => {
    manualSeed(1);
    const layer = nn.highway(3, { activation: nn.tanh(), gateBias: -1 });
    expect(shapesOf(layer)).toEqual({
      'transform.weight': [3, 3],
      'transform.bias': [3],
      'gate.weight': [3, 3],
      'gate.bias': [3],
    });
    expect(await layer.gate.bias?.toArray()).toEqual([-1, -1, -1]);
    const x = randn([4, 3]);
    const [xs, hs, gs] = await Promise.all(
      [x, layer.transform.forward(x), layer.gate.forward(x)].map((value) => valuesOf(value)),
    );
    const expected = xs.map((value, i) => {
      const t = 1 / (1 + Math.exp(-gs[i]));
      return t * Math.tanh(hs[i]) + (1 - t) * value;
    });
    close(await valuesOf(layer.forward(x)), expected);
  });

  it('carry their input through while the gates are closed, also the convolutional ones', async () => {
    const x = randn([2, 4, 5, 5]);
    const deep = nn.sequential(...Array.from({ length: 5 }, () => nn.highwayConv2d(4, 3, { gateBias: -30 })));
    close(await valuesOf(deep.forward(x)), await valuesOf(x));
    expect(nn.highwayConv2d(4, 5).forward(x).shape).toEqual([2, 4, 5, 5]);
  });

  it('let gradients reach the first of thirty layers', async () => {
    manualSeed(2);
    const through = async (layer: () => nn.Module) => {
      const model = nn.sequential(...Array.from({ length: 30 }, layer));
      const x = tensor((await valuesOf(randn([8, 10]))) as number[], { requiresGrad: true }).reshape([8, 10]) as T;
      return Math.hypot(...(await valuesOf(grad(sum(model.forward(x).square()), [x])[0])));
    };
    const plain = await through(() => nn.sequential(nn.linear(10, 10), nn.sigmoid()));
    const gated = await through(() => nn.highway(10, { activation: nn.sigmoid() }));
    expect(plain).toBeLessThan(1e-6);
    expect(gated).toBeGreaterThan(1e-2);
  });

  it('refuse what makes no sense', () => {
    expect(() => nn.highway(0)).toThrow(/^highway: features must be a positive integer/);
    expect(() => nn.highway(2, { activation: 'relu' as never })).toThrow(/^highway: activation must be a module/);
    expect(() => nn.highwayConv2d(2, 4)).toThrow(/^highwayConv2d: kernelSize must be odd/);
  });
});

describe('residual blocks', () => {
  it('add body and shortcut, then activate', async () => {
    const x = tensor([[-3, 1]]);
    const doubled = nn.functionLayer('Double', (t: T) => t.mul(2));
    expect(await nn.residual(doubled()).forward(x).toArray()).toEqual([[-9, 3]]);
    expect(await nn.residual(doubled(), { activation: nn.relu() }).forward(x).toArray()).toEqual([[0, 3]]);
    const wide = nn.residual(nn.linear(2, 5), { shortcut: nn.linear(2, 5, { bias: false }) });
    expect(wide.forward(x).shape).toEqual([1, 5]);
    expect(Object.keys(wide.stateDict())).toEqual(['body.weight', 'body.bias', 'shortcut.weight']);
    expect(() => nn.residual(nn.linear(2, 5)).forward(x)).toThrow(/^residual: the body gives \[1,5\] but the shortcut/);
    expect(() => nn.residual(undefined as never)).toThrow(/^residual: body must be a module/);
  });
});

it('bilinear layers have state and bounds as in PyTorch', async () => {
  manualSeed(3);
  const layer = nn.bilinear(16, 5, 3);
  expect(shapesOf(layer)).toEqual({ weight: [3, 16, 5], bias: [3] });
  const values = (await valuesOf(layer.weight)).map(Math.abs);
  expect(Math.max(...values)).toBeLessThanOrEqual(0.25);
  expect(Math.max(...values)).toBeGreaterThan(0.24);
  expect(layer.forward(randn([2, 16]), randn([2, 5])).shape).toEqual([2, 3]);
  expect(String(layer)).toBe('Bilinear(16, 5, 3)');
  expect(nn.bilinear(2, 2, 2, { bias: false }).bias).toBeUndefined();
});

it('dropout layers drop in training alone; glu halves', async () => {
  const x = randn([6, 4, 3]);
  for (const layer of [nn.dropout2d(0.5), nn.alphaDropout(0.5)]) {
    expect(await valuesOf(layer.forward(x))).not.toEqual(await valuesOf(x));
    expect(await valuesOf(layer.eval().forward(x))).toEqual(await valuesOf(x));
    expect(String(layer)).toMatch(/\(p: 0.5\)$/);
  }
  expect(() => nn.dropout2d(2)).toThrow(/^dropout2d: p/);
  expect(() => nn.alphaDropout(-1)).toThrow(/^alphaDropout: p/);
  expect(nn.glu(1).forward(x).shape).toEqual([6, 2, 3]);
});

describe('weight normalisation', () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/weight-norm.json', import.meta.url), 'utf8')) as Record<
    string,
    { names: string[]; g: number[]; first: number[]; y: number[]; gradients: Record<string, number[]> }
  >;
  const fixed = (shape: readonly number[]): T => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i + 0.7)),
      { shape },
    );
  };
  type Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d;
  const cases: Record<string, [() => Layer, readonly number[], nn.WeightNormOptions?]> = {
    linear: [() => nn.linear(3, 2), [4, 3]],
    'linear, all': [() => nn.linear(3, 2), [4, 3], { axis: null }],
    conv2d: [() => nn.conv2d(2, 3, 2), [1, 2, 3, 3]],
    'convTranspose2d, axis 1': [() => nn.convTranspose2d(2, 3, 2), [1, 2, 2, 2], { axis: 1 }],
  };

  for (const [name, [make, shape, options]] of Object.entries(cases))
    it(`${name}: values, state and gradients as in PyTorch`, async () => {
      const expected = golden[name];
      const layer = make();
      layer.weight.assign(fixed(layer.weight.shape));
      layer.bias?.assign(fixed(layer.bias.shape));
      expect(nn.weightNorm(layer, options)).toBe(layer);
      const x = fixed(shape);
      close(await valuesOf(layer.forward(x)), expected.first);
      const state = layer.stateDict();
      expect(Object.keys(state)).toEqual(expected.names);
      expect(state.weight_g.shape).toEqual(expected.g);
      state.weight_g.assign((state.weight_g as Tensor<'float32'>).mul(1.5) as Tensor);
      state.weight_v.assign((state.weight_v as Tensor<'float32'>).add(0.25) as Tensor);
      const y = layer.forward(x);
      close(await valuesOf(y), expected.y);
      const parameters = layer.parameters();
      const gradients = grad(sum(layer.forward(x).square()), parameters);
      for (const [i, gradient] of gradients.entries())
        close(await valuesOf(gradient), expected.gradients[expected.names[i]], 4);
    });

  it('leaves the function as it was, loads a state before the first use, and trains', async () => {
    manualSeed(5);
    const [a, b] = [nn.linear(3, 2), nn.linear(3, 2)];
    b.loadStateDict(a.stateDict());
    const x = randn([4, 3]);
    const before = await valuesOf(a.forward(x));
    nn.weightNorm(a);
    close(await valuesOf(a.forward(x)), before, 6);
    const fresh = nn.weightNorm(nn.linear(3, 2));
    fresh.loadStateDict(a.stateDict());
    await evaluate([]);
    close(await valuesOf(fresh.forward(x)), before, 6);

    const optimizer = optim.sgd(fresh.parameters(), { lr: 0.1 });
    const step = compile((input: T) => {
      const loss = sum(fresh.forward(input).square()) as T;
      optimizer.minimize(loss);
      return loss;
    });
    const first = await (await step(x)).item();
    for (let i = 0; i < 10; i++) await step(x);
    expect(await (await step(x)).item()).toBeLessThan(first);
  });

  it('refuses what is no parameter', () => {
    expect(() => nn.weightNorm(nn.relu())).toThrow(/^weightNorm: weight of FunctionLayer is no parameter/);
    expect(() => nn.weightNorm(nn.weightNorm(nn.linear(2, 2)))).toThrow(
      /^weightNorm: weight of Linear is no parameter/,
    );
    expect(() => nn.weightNorm(nn.linear(2, 2), { axis: 2 })).toThrow(/^weightNorm/);
  });
});
