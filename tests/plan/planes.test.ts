/** Channels-first convolutions: where plans choose them, and that they compute what channels-last ones do. */
import { describe, expect, it } from 'vitest';
import {
  add,
  compile,
  conv2d,
  explain,
  getThreads,
  grad,
  relu,
  setThreads,
  type Tensor,
  tensor,
  transpose,
} from '../../src/index.js';
import { distance } from '../distance.js';

type Float = Tensor<'float32'>;
type Case = readonly [
  batch: number,
  input: number,
  size: readonly [number, number],
  output: number,
  kernel: number,
  options: { stride?: number; padding?: number; dilation?: number; groups?: number },
];

function random(seed: number, dtype: 'float32' | 'float64', ...shape: number[]): Float {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  };
  const values = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next);
  // float64 travels under the type of float32: both go through the same functions.
  return tensor(dtype === 'float64' ? values : Float32Array.from(values), { shape }) as Float;
}

const cases: Record<string, Case> = {
  pointwise: [3, 24, [9, 8], 40, 1, {}],
  'pointwise, more inputs than outputs': [2, 96, [14, 14], 20, 1, {}],
  'pointwise with stride': [2, 16, [15, 16], 32, 1, { stride: 2 }],
  '5x5': [2, 12, [28, 28], 32, 5, { padding: 2 }],
  'first layer': [2, 3, [64, 60], 24, 7, { stride: 2, padding: 3 }],
  'one channel': [4, 1, [28, 27], 32, 5, { padding: 2 }],
  'far apart': [1, 3, [63, 61], 20, 11, { stride: 4, padding: 2 }],
  depthwise: [2, 10, [21, 37], 10, 3, { padding: 1, groups: 10 }],
  'depthwise with stride': [1, 6, [15, 46], 6, 3, { padding: 1, stride: 2, groups: 6 }],
  'depthwise 5x5, narrow': [3, 4, [14, 11], 4, 5, { padding: 2, groups: 4 }],
  'depthwise 7x7': [1, 5, [40, 56], 5, 7, { padding: 3, groups: 5 }],
  'depthwise, dilated': [1, 5, [20, 24], 5, 3, { padding: 1, dilation: 2, groups: 5 }],
  dilated: [1, 8, [20, 24], 12, 3, { dilation: 2, padding: 2 }],
};

/** The convolution with its bias, and all gradients. */
const stepOf = ([, , , , , options]: Case) =>
  compile((x: Float, w: Float, b: Float, g: Float) => {
    const y = conv2d(x, w, b, options);
    return [y, ...grad(y, [x, w, b], { gradOutput: g })];
  });

const steps = new Map(Object.values(cases).map((item) => [item, stepOf(item)]));

function operands([n, c, [h, w], o, k, options]: Case, dtype: 'float32' | 'float64') {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [oh, ow] = [h, w].map((dim) => Math.floor((dim + 2 * padding - dilation * (k - 1) - 1) / stride) + 1);
  return [
    random(1, dtype, n, c, h, w),
    random(2, dtype, o, c / groups, k, k),
    random(3, dtype, o),
    random(4, dtype, n, o, oh, ow),
  ] as const;
}

async function results(item: Case, dtype: 'float32' | 'float64'): Promise<ArrayLike<number>[]> {
  const tensors = (await steps.get(item)?.(...operands(item, dtype))) ?? [];
  return Promise.all(tensors.map(async (t) => (await t.data()) as ArrayLike<number>));
}

describe('against float64', () => {
  for (const [name, item] of Object.entries(cases))
    it(name, async () => {
      const ops = steps
        .get(item)
        ?.explain(...operands(item, 'float32'))
        .kernels.map(({ ops: label }) => label);
      expect(ops?.filter((label) => /^(conv|depthwise)Planes/.test(label)).length).toBeGreaterThanOrEqual(2);
      const exact = await results(item, 'float64');
      const single = await results(item, 'float32');
      for (const [i, values] of exact.entries()) expect(distance(single[i], values)).toBeLessThan(2e-6);
    });
});

it('gives the same bits for any number of threads', async () => {
  const before = getThreads();
  const runs: ArrayLike<number>[][] = [];
  for (const threads of [1, 2, 4]) {
    setThreads(threads);
    runs.push([...(await results(cases['first layer'], 'float32')), ...(await results(cases.depthwise, 'float32'))]);
  }
  setThreads(before);
  const isSame = (run: ArrayLike<number>[]) => run.every((values, i) => distance(values, runs[0][i]) === 0);
  expect(runs.map(isSame)).toEqual([true, true, true]);
});

describe('the choice', () => {
  const data = (...shape: number[]) => random(1, 'float32', ...shape);
  const [x, pointwise, wide] = [data(2, 8, 16, 16), data(8, 8, 1, 1), data(8, 8, 5, 5)];
  const labels = (y: Tensor): string[] => explain(y).kernels.map(({ ops }) => ops);
  const conv = (a: Tensor, w: Tensor) => conv2d(a as Float, w as Float);

  it('copies nothing around a single convolution', () => {
    expect(labels(conv(x, pointwise))).toEqual(['convPlanes']);
    expect(labels(relu(conv(x, wide)))).toEqual(['convPlanes+relu']);
  });
  it('is channels-last between convolutions', () => {
    expect(labels(conv(conv(x, pointwise), wide)).filter((label) => label.startsWith('conv'))).toEqual([
      'conv',
      'conv',
    ]);
  });
  it('is channels-last where something else reads the result so', () => {
    const y = conv(x, pointwise);
    expect(labels(add(conv(y, wide), conv(y, wide).mul(2) as Float)).join()).not.toContain('convPlanes');
  });
  it('is channels-last for planes of few pixels, and for groups', () => {
    expect(labels(conv(data(64, 512, 2, 2), data(512, 512, 1, 1))).join()).not.toContain('convPlanes');
    expect(labels(conv2d(x, data(8, 4, 1, 1), undefined, { groups: 2 })).join()).not.toContain('convPlanes');
  });
  it('copies nothing around a single depthwise convolution either', () => {
    const depthwise = (groups: number) => conv2d(x, data(groups, 1, 3, 3), undefined, { groups, padding: 1 });
    expect(labels(relu(depthwise(8)))).toEqual(['depthwisePlanes+relu']);
  });
  it('leaves depthwise convolutions of narrow planes and with several results per channel channels-last', () => {
    const narrow = conv2d(data(2, 8, 64, 2), data(8, 1, 5, 5), undefined, { groups: 8, padding: 2 });
    const several = conv2d(x, data(16, 1, 3, 3), undefined, { groups: 8 });
    for (const y of [narrow, several]) expect(labels(y).join()).not.toContain('Planes');
  });
  it('reads weights however they lie', () => {
    expect(labels(conv(x, transpose(pointwise, 0, 1)))).toEqual(['convPlanes']);
  });
});
