/** Random numbers: known answers, distributions, seeds and states, and what happens in compiled functions. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  bernoulli,
  compile,
  evaluate,
  full,
  Generator,
  getThreads,
  manualSeed,
  normal,
  rand,
  randInt,
  randn,
  randPerm,
  setBackend,
  setThreads,
  type Tensor,
  uniform,
  Variable,
  zeros,
} from '../src/index.js';
import { philox } from '../src/ops/philox.js';

afterEach(() => setBackend('native'));

const numbers = async (tensor: Tensor): Promise<number[]> => Array.from((await tensor.data()) as Float32Array, Number);

/** Mean, variance and the third and fourth standardized moments. */
function moments(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const central = (k: number) => values.reduce((a, b) => a + (b - mean) ** k, 0) / values.length;
  const variance = central(2);
  return [mean, variance, central(3) / variance ** 1.5, central(4) / variance ** 2];
}

describe('philox', () => {
  const all = 0xffffffff;
  // Known answers of philox4x32-10 published with Random123.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [all, all, all, all],
      [all, all],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('counter %j under key %j', (counter, key, words) => {
    expect(philox(counter, key)).toEqual(words);
  });
});

describe('distributions', () => {
  it('uniform fills [0, 1) evenly', async () => {
    const values = await numbers(uniform([100_000], { generator: new Generator(1) }));
    const [mean, variance, skew, kurtosis] = moments(values);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(mean).toBeCloseTo(0.5, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
    expect(skew).toBeCloseTo(0, 1);
    expect(kurtosis).toBeCloseTo(1.8, 1);
    const bins = new Array<number>(16).fill(0);
    for (const value of values) bins[Math.floor(value * 16)]++;
    const expected = values.length / 16;
    const chiSquared = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // The 99.9 % point for 15 degrees of freedom.
    expect(chiSquared).toBeLessThan(37.7);
  });

  it('uniform never reaches its upper bound, also where rounding would', async () => {
    for (const [low, high] of [
      [1, 2],
      [-2, -1],
      [1000, 1001],
    ]) {
      const values = await numbers(
        uniform([2 ** 16], { low, high: low + (high - low) * 2 ** -12, generator: new Generator(11) }),
      );
      expect(values.every((value) => value >= low && value < low + (high - low) * 2 ** -12)).toBe(true);
      expect(new Set(values).size).toBeGreaterThan(1);
    }
  });

  it.each(['float32', 'float64'] as const)('normal has the moments of its mean and std in %s', async (dtype) => {
    const values = await numbers(normal([100_001], { generator: new Generator(2), mean: 3, std: 2, dtype }));
    const [mean, variance, skew, kurtosis] = moments(values);
    expect(mean).toBeCloseTo(3, 1);
    expect(variance / 4).toBeCloseTo(1, 1);
    expect(skew).toBeCloseTo(0, 1);
    expect(kurtosis).toBeCloseTo(3, 0);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('bernoulli hits with its probability', async () => {
    const [mean] = moments(await numbers(bernoulli(full([100_000], 0.3), { generator: new Generator(3) })));
    expect(mean).toBeCloseTo(0.3, 2);
  });

  it('randInt takes every value of its range and no other', async () => {
    const values = await numbers(randInt(-2, 3, [10_000], { generator: new Generator(4) }));
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('randPerm is a permutation, and each place is as likely', async () => {
    const n = 5;
    const generator = new Generator(5);
    const perms = Array.from({ length: 2000 }, () => randPerm(n, { generator, dtype: 'int32' }));
    await evaluate(perms);
    const firsts = new Array<number>(n).fill(0);
    for (const perm of perms) {
      const values = await numbers(perm);
      expect([...values].sort()).toEqual([0, 1, 2, 3, 4]);
      firsts[values[0]]++;
    }
    for (const count of firsts) expect(Math.abs(count - 400)).toBeLessThan(100);
  });
});

describe('generators', () => {
  it('equal seeds give equal numbers, whatever the executor', async () => {
    const draw = async () => {
      const generator = new Generator(7);
      return [await numbers(rand([5], { generator })), await numbers(randPerm(9, { generator }))];
    };
    const native = await draw();
    expect(await draw()).toEqual(native);
    setBackend('javascript');
    expect(await draw()).toEqual(native);
  });

  it('numbers do not depend on the number of threads', async () => {
    const before = getThreads();
    const draw = () => numbers(randn([200_000], { generator: new Generator(8) }));
    setThreads(1);
    const one = await draw();
    setThreads(2);
    const two = await draw();
    setThreads(before);
    expect(two).toEqual(one);
  });

  it('successive calls differ, and a state can be come back to', async () => {
    const generator = new Generator(9);
    const first = await numbers(rand([4], { generator }));
    const state = generator.getState();
    const second = await numbers(rand([4], { generator }));
    expect(second).not.toEqual(first);
    generator.setState(state);
    expect(await numbers(rand([4], { generator }))).toEqual(second);
    generator.manualSeed(9);
    expect(await numbers(rand([4], { generator }))).toEqual(first);
  });

  it('a tensor keeps its numbers however often it is read', async () => {
    const x = rand([4]);
    const twice = x.mul(2);
    const values = await numbers(x);
    expect(await numbers(twice)).toEqual(values.map((value) => Math.fround(value * 2)));
    expect(await numbers(x)).toEqual(values);
  });

  it('manualSeed starts the default generator over', async () => {
    manualSeed(3);
    const first = await numbers(rand([4]));
    manualSeed(3);
    expect(await numbers(rand([4]))).toEqual(first);
  });

  it('seeds that are no whole numbers are refused', () => {
    expect(() => new Generator(-1)).toThrow(/^generator: seed must be an integer from 0/);
    expect(() => manualSeed(0.5)).toThrow(/^generator: seed must be/);
    expect(() => new Generator(1).setState({ seed: 1, counter: 2 ** 60 })).toThrow(/counter must be/);
  });
});

describe('compiled functions', () => {
  it('draw anew in every run, differently in every call, and alike for one seed', async () => {
    const step = compile(() => [uniform([6]), uniform([6]), normal([6])], { name: 'step' });
    const draw = async (): Promise<number[][]> => Promise.all((await step()).map(numbers));
    manualSeed(11);
    const runs = [await draw(), await draw()];
    const distinct = new Set(runs.flat().map(String));
    expect(distinct.size).toBe(6);
    manualSeed(11);
    expect([await draw(), await draw()]).toEqual(runs);
    expect(step.programs).toBe(1);
  });

  it('take one number of the counter per run', async () => {
    const generator = new Generator(1);
    const step = compile(() => uniform([2], { generator }).add(uniform([2], { generator })));
    await step();
    await step();
    expect(generator.getState()).toEqual({ seed: 1, counter: 2 });
  });

  it('keep two generators apart', async () => {
    const [a, b] = [new Generator(1), new Generator(2)];
    const step = compile(() => [uniform([3], { generator: a }), uniform([3], { generator: b })]);
    const [x, y] = await step();
    expect(await numbers(x)).not.toEqual(await numbers(y));
    expect([a.getState().counter, b.getState().counter]).toEqual([1, 1]);
  });

  it('initialize variables from random ops once', async () => {
    const weight = new Variable(normal([3], { generator: new Generator(6) }));
    const read = compile((x: Tensor<'float32'>) => x.add(weight));
    const first = await numbers(await read(zeros([3])));
    expect(await numbers(await read(zeros([3])))).toEqual(first);
    expect(await numbers(weight)).toEqual(first);
  });
});
