/** First values: bounds, deviations, orthogonality, gains; all from the generator that is given. */
import { describe, expect, it } from 'vitest';
import { Generator, nn, type Tensor } from '../../src/index.js';

const { init } = nn;
const shape = [64, 32, 3, 3];
const [fanIn, fanOut] = [32 * 9, 64 * 9];

const valuesOf = async (x: Tensor) => [...((await x.data()) as Float32Array)];

function spread(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { mean, deviation, largest: Math.max(...values.map(Math.abs)) };
}

/** By name: a draw of `shape`, its deviation, and its bound where there is one. */
const draws: Record<string, [(generator: Generator) => Tensor, deviation: number, bound?: number]> = {
  uniform: [(generator) => init.uniform(shape, { low: -3, high: 3, generator }), Math.sqrt(3), 3],
  normal: [(generator) => init.normal(shape, { std: 0.5, generator }), 0.5],
  // The deviation of a standard normal number cut to [-1, 1].
  truncNormal: [(generator) => init.truncNormal(shape, { low: -1, high: 1, generator }), 0.53956, 1],
  'truncNormal, wide': [(generator) => init.truncNormal(shape, { std: 0.02, generator }), 0.02],
  xavierUniform: [
    (generator) => init.xavierUniform(shape, { gain: 2, generator }),
    2 * Math.sqrt(2 / (fanIn + fanOut)),
    2 * Math.sqrt(6 / (fanIn + fanOut)),
  ],
  xavierNormal: [(generator) => init.xavierNormal(shape, { generator }), Math.sqrt(2 / (fanIn + fanOut))],
  kaimingUniform: [
    (generator) => init.kaimingUniform(shape, { generator }),
    Math.sqrt(2 / fanIn),
    Math.sqrt(6 / fanIn),
  ],
  'kaimingNormal, out': [(generator) => init.kaimingNormal(shape, { mode: 'out', generator }), Math.sqrt(2 / fanOut)],
  'kaimingNormal, tanh': [
    (generator) => init.kaimingNormal(shape, { nonlinearity: 'tanh', generator }),
    5 / 3 / Math.sqrt(fanIn),
  ],
  lecunUniform: [(generator) => init.lecunUniform(shape, { generator }), Math.sqrt(1 / fanIn), Math.sqrt(3 / fanIn)],
  lecunNormal: [(generator) => init.lecunNormal(shape, { generator }), Math.sqrt(1 / fanIn)],
};

describe('draws', () => {
  for (const [name, [draw, deviation, bound]] of Object.entries(draws))
    it(`${name}: mean, deviation, bound, seed`, async () => {
      const values = await valuesOf(draw(new Generator(7)));
      const found = spread(values);
      expect(Math.abs(found.mean)).toBeLessThan(0.03 * deviation);
      expect(found.deviation / deviation).toBeCloseTo(1, 1);
      if (bound !== undefined) {
        expect(found.largest).toBeLessThanOrEqual(Math.fround(bound));
        expect(found.largest).toBeGreaterThan(0.99 * bound);
      }
      expect(await valuesOf(draw(new Generator(7)))).toEqual(values);
      expect(await valuesOf(draw(new Generator(8)))).not.toEqual(values);
    });

  it('truncNormal has the distribution of the normal one within its bounds', async () => {
    const generator = new Generator(1);
    const values = await valuesOf(init.truncNormal([20000], { mean: 1, std: 2, low: 0, high: 9, generator }));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(9);
    // P(X < x) of N(1, 2) cut to [0, 9]; Phi(-0.5) = 0.308538, Phi(0) = 0.5, Phi(1) = 0.841345, Phi(2) = 0.977250.
    const inside = 0.999968 - 0.308538;
    for (const [x, phi] of [
      [1, 0.5],
      [3, 0.841345],
      [5, 0.97725],
    ])
      expect(values.filter((value) => value < x).length / values.length).toBeCloseTo((phi - 0.308538) / inside, 1.7);
  });
});

describe('orthogonal', () => {
  const cases: [number[], number][] = [
    [[5, 5], 1],
    [[3, 8], 1],
    [[9, 4], 2],
    [[6, 2, 2, 2], 0.5],
  ];
  for (const [size, gain] of cases)
    it(`[${size}] with gain ${gain}`, async () => {
      const draw = (seed: number) => init.orthogonal(size, { gain, generator: new Generator(seed) });
      const values = await valuesOf(draw(3));
      const [rows, columns] = [size[0], values.length / size[0]];
      const count = Math.min(rows, columns);
      const at = (i: number, j: number) => (rows <= columns ? values[i * columns + j] : values[j * columns + i]);
      for (let i = 0; i < count; i++)
        for (let j = 0; j < count; j++) {
          let product = 0;
          for (let k = 0; k < Math.max(rows, columns); k++) product += at(i, k) * at(j, k);
          expect(product).toBeCloseTo(i === j ? gain * gain : 0, 5);
        }
      expect(await valuesOf(draw(3))).toEqual(values);
      expect(await valuesOf(draw(4))).not.toEqual(values);
    });

  it('serves as the first value of a parameter', async () => {
    const layer = nn.linear(4, 4);
    layer.weight.assign(init.orthogonal(layer.weight.shape));
    const [first] = (await layer.weight.toArray()) as number[][];
    expect(Math.hypot(...first)).toBeCloseTo(1, 5);
  });
});

describe('fixed values', () => {
  it('constants and the identity', async () => {
    expect(await init.zeros([2]).toArray()).toEqual([0, 0]);
    expect(await init.ones([2]).toArray()).toEqual([1, 1]);
    expect(await init.constant([2], 0.5).toArray()).toEqual([0.5, 0.5]);
    expect(await init.eye([2, 3]).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
  });

  it('dirac makes a convolution the identity, in groups too', async () => {
    const x = init.normal([2, 4, 5, 5]);
    const plain = nn.conv2d(4, 4, 3, { padding: 1, bias: false });
    plain.weight.assign(init.dirac(plain.weight.shape));
    expect(await valuesOf(plain.forward(x))).toEqual(await valuesOf(x));
    const grouped = nn.conv2d(4, 4, 3, { padding: 1, bias: false, groups: 2 });
    grouped.weight.assign(init.dirac(grouped.weight.shape, 2));
    expect(await valuesOf(grouped.forward(x))).toEqual(await valuesOf(x));
  });

  it('gains', () => {
    expect(init.calculateGain('tanh')).toBe(5 / 3);
    expect(init.calculateGain('relu')).toBe(Math.SQRT2);
    expect(init.calculateGain('leakyRelu', 0.2)).toBeCloseTo(Math.sqrt(2 / 1.04), 12);
    expect(init.calculateGain('selu')).toBe(0.75);
    expect(init.calculateGain('sigmoid')).toBe(1);
  });

  it('what makes no sense is refused', () => {
    const bad: [() => unknown, RegExp][] = [
      [() => init.calculateGain('swish' as never), /^calculateGain: unknown nonlinearity "swish"/],
      [() => init.kaimingNormal([2, 2], { mode: 'fan_in' as never }), /^kaiming: mode must be 'in' or 'out'/],
      [() => init.truncNormal([2], { low: 1, high: 1 }), /^truncNormal: low 1 must be below high 1/],
      [() => init.truncNormal([2], { std: 0 }), /^truncNormal: std/],
      [() => init.truncNormal([2], { mean: 9 }), /^truncNormal: mean 9 is more than 4 deviations away/],
      [() => init.orthogonal([3]), /^orthogonal: a weight needs at least two dimensions/],
      [() => init.eye([3]), /^eye: needs a matrix/],
      [() => init.dirac([3, 3]), /^dirac: needs the weight/],
      [() => init.dirac([3, 3, 3], 2), /^dirac: 2 groups do not divide 3 outputs/],
    ];
    for (const [call, message] of bad) expect(call).toThrow(message);
  });
});
