/** Winograd convolutions: where plans choose them, and how far their results are from exact ones. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  compile,
  conv2d,
  explain,
  getThreads,
  grad,
  mul,
  setNumerics,
  setThreads,
  sum,
  type Tensor,
  tensor,
  Variable,
} from '../../src/index.js';
import { distance } from '../distance.js';

afterEach(() => setNumerics('fast'));

type Case = readonly [
  batch: number,
  input: number,
  size: readonly [number, number],
  output: number,
  padding: number,
  kernel?: number,
];

function random(seed: number, dtype: 'float32' | 'float64', ...shape: number[]): Tensor<'float32'> {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  };
  const values = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next);
  // float64 travels under the type of float32: both go through the same functions.
  return tensor(dtype === 'float64' ? values : Float32Array.from(values), { shape }) as Tensor<'float32'>;
}

/** The convolution and its two gradients, of one loss that sees every output. */
const gradients = compile((x: Tensor<'float32'>, w: Tensor<'float32'>, g: Tensor<'float32'>) => {
  const padding = (g.shape[2] - x.shape[2] + w.shape[2] - 1) / 2;
  const y = conv2d(x, w, undefined, { padding });
  return [y, ...grad(sum(mul(y, g)), [x, w])];
});

const operands = ([n, c, [h, w], o, p, k = 3]: Case, dtype: 'float32' | 'float64') =>
  [
    random(1, dtype, n, c, h, w),
    random(2, dtype, o, c, k, k),
    random(3, dtype, n, o, h + 2 * p - k + 1, w + 2 * p - k + 1),
  ] as const;

async function results(item: Case, dtype: 'float32' | 'float64'): Promise<ArrayLike<number>[]> {
  const tensors = await gradients(...operands(item, dtype));
  return Promise.all(tensors.map(async (t) => (await t.data()) as ArrayLike<number>));
}

const kernels = (item: Case): string[] =>
  gradients.explain(...operands(item, 'float32')).kernels.map(({ kernel }) => kernel);

const cases: Record<string, Case> = {
  'whole tiles': [2, 32, [16, 16], 32, 1],
  'cut tiles': [1, 48, [17, 19], 40, 1],
  'no padding': [2, 33, [18, 14], 35, 0],
  'full padding': [1, 64, [13, 15], 32, 2],
  'several parts of the batch': [6, 64, [56, 56], 64, 1],
  'more panels than tiles': [1, 96, [12, 15], 200, 1],
  '5x5': [2, 32, [16, 16], 32, 2, 5],
  '5x5, cut tiles': [1, 48, [17, 19], 40, 2, 5],
  '5x5, no padding': [2, 33, [18, 14], 35, 0, 5],
  '5x5, full padding': [1, 64, [13, 15], 32, 4, 5],
  '5x5, several parts of the batch': [6, 64, [54, 54], 64, 2, 5],
};

describe('against float64', () => {
  for (const [name, item] of Object.entries(cases))
    it(name, async () => {
      expect(kernels(item).filter((kernel) => kernel.startsWith('winograd')).length).toBeGreaterThanOrEqual(2);
      const exact = await results(item, 'float64');
      const fast = await results(item, 'float32');
      setNumerics('strict');
      expect(kernels(item).some((kernel) => kernel.startsWith('winograd'))).toBe(false);
      const strict = await results(item, 'float32');
      exact.forEach((values, i) => {
        expect(distance(fast[i], values)).toBeLessThan(1e-5);
        expect(distance(fast[i], values)).toBeGreaterThan(0);
        expect(distance(strict[i], values)).toBeLessThan(2e-6);
      });
    });
});

it('gives the same bits for any number of threads', async () => {
  const before = getThreads();
  const runs: ArrayLike<number>[][] = [];
  for (const threads of [1, 2, 4]) {
    setThreads(threads);
    runs.push([...(await results(cases['whole tiles'], 'float32')), ...(await results(cases['5x5'], 'float32'))]);
  }
  setThreads(before);
  const isSame = (run: ArrayLike<number>[]) => run.every((values, i) => distance(values, runs[0][i]) === 0);
  expect(runs.map(isSame)).toEqual([true, true, true]);
});

describe('the choice', () => {
  const chosen = (n: number, c: number, size: number, o: number, options = {}, kernel = 3): string => {
    const y = conv2d(random(1, 'float32', n, c, size, size), random(2, 'float32', o, c, kernel, kernel), undefined, {
      padding: 1,
      ...options,
    } as never);
    return explain(y).kernels.filter(({ kernel: k }) => /conv|winograd(._5x5|.)_f32/.test(k))[0].kernel;
  };
  it('is Winograd for large maps, with small tiles where maps are small', () => {
    expect(chosen(1, 64, 56, 64)).toBe('winograd4_f32');
    expect(chosen(1, 256, 14, 256)).toMatch(/winograd/);
    expect(chosen(1, 64, 27, 192, { padding: 2 }, 5)).toBe('winograd4_5x5_f32');
    expect(chosen(1, 16, 28, 32, { padding: 2 }, 5)).toBe('winograd4_5x5_f32');
  });
  it('is direct where weights outweigh pixels, and for few channels', () => {
    expect(chosen(1, 512, 7, 512)).toBe('conv_planes_forward_f32');
    expect(chosen(1, 3, 224, 64)).toBe('conv_planes_forward_f32');
    expect(chosen(1, 16, 8, 16)).toBe('conv_planes_forward_f32');
    expect(chosen(1, 48, 7, 128, { padding: 2 }, 5)).toBe('conv_planes_forward_f32');
    expect(chosen(8, 1, 28, 32, { padding: 2 }, 5)).toBe('conv_planes_forward_f32');
  });
  it('is Winograd for more layers where the weights are transformed beforehand', () => {
    const w = new Variable(random(2, 'float32', 512, 512, 3, 3));
    const run = compile((x: Tensor<'float32'>) => conv2d(x, w, undefined, { padding: 1 }), { frozen: true });
    const kernels = run.explain(random(1, 'float32', 1, 512, 7, 7)).kernels.map(({ kernel }) => kernel);
    expect(kernels).toContain('winograd2_f32');
    expect(kernels).not.toContain('winograd2_weights_f32');
  });
  it('is direct for other kernels, strides, dilations and groups', () => {
    expect(chosen(1, 64, 56, 64, { stride: 2 })).toBe('conv_planes_forward_f32');
    expect(chosen(1, 64, 56, 64, { dilation: 2 })).toBe('conv_planes_forward_f32');
    expect(chosen(1, 64, 56, 64, {}, 4)).toBe('conv_planes_forward_f32');
    expect(chosen(1, 64, 56, 64, { padding: 3 }, 7)).toBe('conv_planes_forward_f32');
  });
});

it('unknown numerics are refused', () => {
  expect(() => setNumerics('exact' as never)).toThrow('setNumerics: unknown numerics "exact"; use fast or strict');
});
