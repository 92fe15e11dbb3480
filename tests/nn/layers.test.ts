/** Every layer: the shape it gives, the state it has, the values it starts with, and what it refuses. */
import { describe, expect, it } from 'vitest';
import { grad, manualSeed, nn, randn, sum, type Tensor, tensor } from '../../src/index.js';

type Shape = readonly number[];

/** Layer, input shape, output shape, shapes of the state. */
const layers: Record<string, [() => nn.Module, Shape, Shape, Record<string, Shape>]> = {
  linear: [() => nn.linear(3, 5), [2, 7, 3], [2, 7, 5], { weight: [5, 3], bias: [5] }],
  'linear without bias': [() => nn.linear(3, 5, { bias: false }), [2, 3], [2, 5], { weight: [5, 3] }],
  conv1d: [() => nn.conv1d(2, 4, 3, { stride: 2 }), [1, 2, 9], [1, 4, 4], { weight: [4, 2, 3], bias: [4] }],
  conv2d: [
    () => nn.conv2d(4, 6, [3, 5], { padding: [1, 2], groups: 2 }),
    [2, 4, 8, 8],
    [2, 6, 8, 8],
    { weight: [6, 2, 3, 5], bias: [6] },
  ],
  conv3d: [() => nn.conv3d(1, 2, 2), [1, 1, 3, 3, 3], [1, 2, 2, 2, 2], { weight: [2, 1, 2, 2, 2], bias: [2] }],
  convTranspose1d: [
    () => nn.convTranspose1d(2, 3, 2, { stride: 2 }),
    [1, 2, 4],
    [1, 3, 8],
    { weight: [2, 3, 2], bias: [3] },
  ],
  convTranspose2d: [
    () => nn.convTranspose2d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    [1, 4, 5, 5],
    [1, 2, 10, 10],
    { weight: [4, 1, 3, 3], bias: [2] },
  ],
  batchNorm1d: [
    () => nn.batchNorm1d(3),
    [4, 3],
    [4, 3],
    { weight: [3], bias: [3], running_mean: [3], running_var: [3], num_batches_tracked: [] },
  ],
  'batchNorm2d without state': [
    () => nn.batchNorm2d(3, { affine: false, trackRunningStats: false }),
    [2, 3, 4, 4],
    [2, 3, 4, 4],
    {},
  ],
  batchNorm3d: [
    () => nn.batchNorm3d(2, { trackRunningStats: false }),
    [2, 2, 2, 2, 2],
    [2, 2, 2, 2, 2],
    { weight: [2], bias: [2] },
  ],
  layerNorm: [() => nn.layerNorm([3, 4]), [2, 3, 4], [2, 3, 4], { weight: [3, 4], bias: [3, 4] }],
  groupNorm: [() => nn.groupNorm(2, 4), [2, 4, 3], [2, 4, 3], { weight: [4], bias: [4] }],
  localResponseNorm: [() => nn.localResponseNorm(5), [1, 8, 3, 3], [1, 8, 3, 3], {}],
  prelu: [() => nn.prelu(3), [2, 3, 4], [2, 3, 4], { weight: [3] }],
  dropout: [() => nn.dropout(0.3), [5], [5], {}],
  flatten: [() => nn.flatten(), [2, 3, 4], [2, 12], {}],
  identity: [() => nn.identity(), [2, 3], [2, 3], {}],
  maxPool1d: [() => nn.maxPool1d(2), [1, 2, 8], [1, 2, 4], {}],
  maxPool2d: [() => nn.maxPool2d(3, { stride: 2, padding: 1 }), [1, 2, 8, 8], [1, 2, 4, 4], {}],
  maxPool3d: [() => nn.maxPool3d(2), [1, 1, 4, 4, 4], [1, 1, 2, 2, 2], {}],
  avgPool1d: [() => nn.avgPool1d(2), [1, 2, 8], [1, 2, 4], {}],
  avgPool2d: [() => nn.avgPool2d(2), [1, 2, 8, 8], [1, 2, 4, 4], {}],
  avgPool3d: [() => nn.avgPool3d(2), [1, 1, 4, 4, 4], [1, 1, 2, 2, 2], {}],
  adaptiveAvgPool2d: [() => nn.adaptiveAvgPool2d([2, 3]), [1, 2, 7, 7], [1, 2, 2, 3], {}],
  adaptiveMaxPool2d: [() => nn.adaptiveMaxPool2d(2), [1, 2, 7, 7], [1, 2, 2, 2], {}],
  globalAvgPool2d: [() => nn.globalAvgPool2d(), [1, 2, 7, 7], [1, 2, 1, 1], {}],
  ...Object.fromEntries(
    Object.entries({
      relu: nn.relu,
      relu6: nn.relu6,
      tanh: nn.tanh,
      sigmoid: nn.sigmoid,
      silu: nn.silu,
      selu: nn.selu,
      mish: nn.mish,
      hardSigmoid: nn.hardSigmoid,
      hardSwish: nn.hardSwish,
      hardTanh: nn.hardTanh,
      logSigmoid: nn.logSigmoid,
      gelu: nn.gelu,
      elu: nn.elu,
      celu: nn.celu,
      leakyRelu: nn.leakyRelu,
      softplus: nn.softplus,
      softmax: nn.softmax,
      logSoftmax: nn.logSoftmax,
    }).map(([name, make]) => [name, [() => make(), [2, 3], [2, 3], {}]]),
  ),
};

describe('layers', () => {
  for (const [name, [make, input, output, state]] of Object.entries(layers))
    it(`${name}: shapes and state`, async () => {
      const layer = make();
      const y = layer.forward(randn(input));
      expect(y.shape).toEqual(output);
      const values = (await y.data()) as Float32Array;
      expect(values.every(Number.isFinite)).toBe(true);
      const shapes = Object.fromEntries(Object.entries(layer.stateDict()).map(([key, { shape }]) => [key, shape]));
      expect(shapes).toEqual(state);
      expect(String(layer)).toMatch(/^[A-Z]\w+\(.*\)$/s);
    });

  it('embedding: rows, with no gradient for the padding row', async () => {
    const layer = nn.embedding(4, 3, { paddingIndex: -1 });
    const index = tensor([[0, 3]], { dtype: 'int32' });
    const [[, padding]] = (await layer.forward(index).toArray()) as number[][][];
    expect(padding).toEqual([0, 0, 0]);
    const [g] = grad(sum(layer.forward(index)), [layer.weight]);
    expect(await g.toArray()).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(layer.forward(tensor([1], { dtype: 'int64' })).shape).toEqual([1, 3]);
  });

  it('options reach the functions', async () => {
    const x = tensor([-2, 0.5, 9]);
    const of = async (layer: nn.Module) => [...((await layer.forward(x).data()) as Float32Array)];
    expect(await of(nn.leakyRelu(0.5))).toEqual([-1, 0.5, 9]);
    expect(await of(nn.hardTanh(-1, 4))).toEqual([-1, 0.5, 4]);
    expect((await of(nn.elu(2)))[0]).toBeCloseTo(2 * Math.expm1(-2), 5);
    expect(await of(nn.prelu(1, 0.5))).toEqual([-1, 0.5, 9]);
    expect(await of(nn.functionLayer('Twice', (t: Tensor<'float32'>, by: number) => t.mul(by))(2))).toEqual([
      -4, 1, 18,
    ]);
  });

  it('refuse sizes that make no sense', () => {
    const bad: [() => unknown, RegExp][] = [
      [() => nn.linear(0, 2), /^linear: inFeatures must be a positive integer, got 0/],
      [() => nn.conv2d(3, 4, 0), /^conv2d: kernelSize/],
      [() => nn.conv2d(3, 4, [3]), /^conv2d: kernelSize must be a number or 2 numbers/],
      [() => nn.conv2d(3, 4, 3, { groups: 2 }), /^conv2d: 2 groups must divide inChannels 3/],
      [() => nn.groupNorm(2, 3), /^groupNorm: 2 groups do not divide 3/],
      [() => nn.dropout(1.5), /^dropout: p must lie between 0 and 1/],
      [() => nn.embedding(3, 2, { paddingIndex: 3 }), /^embedding: paddingIndex 3/],
      [() => nn.batchNorm2d(3).forward(randn([2, 3])), /^batchNorm2d: input must have rank 4, got \[2,3\]/],
      [() => nn.conv2d(3, 4, 3).forward(randn([1, 4, 8, 8])), /^conv2d: .*3 .*4/],
      [() => nn.init.fans([3]), /^fans: a weight needs at least two dimensions/],
    ];
    for (const [call, message] of bad) expect(call).toThrow(message);
  });
});

describe('first values', () => {
  const spread = async (x: Tensor) => {
    const values = [...((await x.data()) as Float32Array)];
    const mean = values.reduce((a, b) => a + b) / values.length;
    const largest = Math.max(...values.map(Math.abs));
    return { mean, largest, deviation: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
  };

  it("are PyTorch's: uniform within 1 / sqrt(fanIn)", async () => {
    manualSeed(1);
    const cases: [nn.Module, number][] = [
      [nn.linear(64, 200), 64],
      [nn.conv2d(8, 64, 5), 200],
      [nn.conv2d(8, 64, 5, { groups: 2 }), 100],
      [nn.convTranspose2d(16, 32, 3), 32 * 9],
    ];
    for (const [layer, fanIn] of cases) {
      const { weight, bias } = layer.stateDict();
      const bound = 1 / Math.sqrt(fanIn);
      const { mean, largest, deviation } = await spread(weight);
      expect(largest).toBeLessThanOrEqual(Math.fround(bound));
      expect(largest).toBeGreaterThan(0.98 * bound);
      expect(Math.abs(mean)).toBeLessThan(0.05 * bound);
      expect(deviation / bound).toBeCloseTo(1 / Math.sqrt(3), 1);
      expect((await spread(bias)).largest).toBeLessThanOrEqual(Math.fround(bound));
    }
    expect((await spread(nn.embedding(100, 50).weight)).deviation).toBeCloseTo(1, 1);
  });

  it('initialisers have the variance of their papers', async () => {
    manualSeed(2);
    const shape = [50, 20, 3, 3];
    const [fanIn, fanOut] = [180, 450];
    const cases: [Tensor, number][] = [
      [nn.init.kaimingUniform(shape), 2 / fanIn],
      [nn.init.kaimingNormal(shape, { mode: 'out' }), 2 / fanOut],
      [nn.init.kaimingNormal(shape, { slope: 1 }), 1 / fanIn],
      [nn.init.xavierUniform(shape, 2), 8 / (fanIn + fanOut)],
      [nn.init.xavierNormal(shape), 2 / (fanIn + fanOut)],
    ];
    for (const [x, variance] of cases) expect((await spread(x)).deviation / Math.sqrt(variance)).toBeCloseTo(1, 1);
  });
});
