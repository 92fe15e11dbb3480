/** Choosing samples: splits, stratified splits, weights, repetition, joining, and samples that are left out. */
import { describe, expect, it } from 'vitest';
import { Dataset, fromArrays } from '../../src/data/index.js';
import { type Tensor, tensor } from '../../src/index.js';

type Numbers = { readonly n: Tensor<'int32'>; readonly label: Tensor<'int32'> };

const numbers = (count: number, classOf = (n: number) => n % 3): Dataset<Numbers> =>
  fromArrays({
    n: { data: Int32Array.from({ length: count }, (_, i) => i) },
    label: { data: Int32Array.from({ length: count }, (_, i) => classOf(i)) },
  });

async function list(data: AsyncIterable<{ readonly n: Tensor }>): Promise<number[]> {
  const out: number[] = [];
  for await (const { n } of data) out.push(...Array.from(await n.data(), Number));
  return out;
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('split', () => {
  it('gives disjoint parts that stay the same in every epoch', async () => {
    const [train, valid, test] = numbers(21).shuffle({ seed: 9 }).split([0.6, 0.2, 0.2], { seed: 1 });
    const parts = [await list(train), await list(valid), await list(test)];
    expect(parts.map((part) => part.length)).toEqual([13, 4, 4]);
    expect(sorted(parts.flat())).toEqual(range(0, 21));
    expect(await list(train)).toEqual(parts[0]);
    expect(sorted(await list(train.shuffle().batch(5)))).toEqual(sorted(parts[0]));
    const [other] = numbers(21).split([0.6], { seed: 2 });
    expect(sorted(await list(other))).not.toEqual(sorted(parts[0]));
    const [first, rest] = numbers(10).split([0.3, 0.7], { shuffle: false });
    expect([await list(first), await list(rest)]).toEqual([range(0, 3), range(3, 10)]);
    for (const bad of [[], [0.5, 0.6], [0, 1], [-0.5], [Number.NaN]])
      expect(() => numbers(5).split(bad)).toThrow(/split: fractions must be positive/);
  });

  it('stratified, each part has each class in proportion', async () => {
    const classOf = (n: number) => (n < 40 ? 0 : n < 90 ? 1 : 2);
    for (const by of ['label' as const, async ({ label }: Numbers) => Number(await label.item())]) {
      const parts = numbers(100, classOf).stratifiedSplit([0.7, 0.3], by, { seed: 4 });
      const [train, test] = [await list(parts[0]), await list(parts[1])];
      const counts = (part: number[]) => [0, 1, 2].map((kind) => part.filter((n) => classOf(n) === kind).length);
      expect([counts(train), counts(test)]).toEqual([
        [28, 35, 7],
        [12, 15, 3],
      ]);
      expect(sorted([...train, ...test])).toEqual(range(0, 100));
      expect(train.slice(0, 28).every((n) => classOf(n) === 0)).toBe(false);
    }
    const missing = numbers(4)
      .map(({ n }) => ({ n }))
      .stratifiedSplit([1], 'kind' as never);
    await expect(missing[0].length()).rejects.toThrow(/samples have no kind/);
    expect(() => numbers(4).stratifiedSplit([2], 'label')).toThrow(/stratifiedSplit: fractions/);
  });
});

describe('weighted', () => {
  it('draws in proportion, by seed and epoch', async () => {
    const made = () => numbers(4).weighted([1, 0, 3, 4], { count: 8000, seed: 6 });
    const data = made();
    const [first, second] = [await list(data.batch(1000)), await list(data.batch(1000))];
    const counts = range(0, 4).map((n) => first.filter((other) => other === n).length);
    expect(counts[1]).toBe(0);
    for (const [n, share] of [1000, 0, 3000, 4000].entries()) expect(Math.abs(counts[n] - share)).toBeLessThan(150);
    expect(second).not.toEqual(first);
    expect(await list(made().batch(1000))).toEqual(first);
  });

  it('without replacement every sample comes once at most', async () => {
    const data = numbers(6).weighted([1, 1, 0, 100, 1, 1], { count: 3, replacement: false });
    let withThree = 0;
    for (let epoch = 0; epoch < 50; epoch++) {
      const drawn = await list(data);
      expect(new Set(drawn).size).toBe(3);
      expect(drawn).not.toContain(2);
      if (drawn[0] === 3) withThree++;
    }
    expect(withThree).toBeGreaterThan(40);
    expect(await list(numbers(3).weighted([1, 0, 1], { replacement: false }))).toHaveLength(2);
  });

  it('refuses what are no weights', async () => {
    for (const [bad, message] of [
      [[0, 0], /at least one weight/],
      [[1, -1], /weight 1 must be finite and not negative/],
      [[Number.NaN], /weight 0/],
    ] as const)
      expect(() => numbers(2).weighted(bad)).toThrow(message);
    await expect(numbers(3).weighted([1, 2]).length()).rejects.toThrow(/2 weights for 3 samples/);
  });
});

describe('joining', () => {
  it('repeats, in a new order each time', async () => {
    const data = numbers(5).shuffle({ seed: 2 }).repeat(2);
    expect(await data.length()).toBe(10);
    const drawn = await list(data);
    expect([sorted(drawn.slice(0, 5)), sorted(drawn.slice(5))]).toEqual([range(0, 5), range(0, 5)]);
    expect(drawn.slice(0, 5)).not.toEqual(drawn.slice(5));
    expect(await list(numbers(2).repeat(3).batch(4))).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it('concatenates and zips, and can then be shuffled', async () => {
    const both = numbers(3).concat(numbers(6).skip(4));
    expect(await list(both)).toEqual([0, 1, 2, 4, 5]);
    expect(sorted(await list(both.shuffle().batch(2)))).toEqual([0, 1, 2, 4, 5]);
    const pairs = numbers(4).zip(
      numbers(9)
        .skip(5)
        .map(({ n }) => ({ other: n })),
    );
    const seen: unknown[] = [];
    for await (const { n, other } of pairs.batch(4)) seen.push(await n.toArray(), await other.toArray());
    expect(seen).toEqual([
      [0, 1, 2, 3],
      [5, 6, 7, 8],
    ]);
  });

  it('leaves out what a filter or a failure leaves out', async () => {
    const even = numbers(10).filter(async ({ n }) => Number(await n.item()) % 2 === 0);
    expect(await list(even)).toEqual([0, 2, 4, 6, 8]);
    expect(await list(even.batch(4))).toEqual([0, 2, 4, 6, 8]);
    const source = {
      length: 8,
      get: async (index: number) => {
        if (index % 3 === 1) throw new Error(`no ${index}`);
        return { n: tensor(index) };
      },
    };
    const broken = new Dataset(() => source);
    await expect(list(broken)).rejects.toThrow('no 1');
    const told: string[] = [];
    const skipping = broken.onError('skip', ({ what }) => told.push(what));
    for (const _ of [1, 2]) expect(await list(skipping.shuffle({ seed: 1 }).batch(3).prefetch(2))).toHaveLength(5);
    expect(sorted(told.map((what) => Number(what.slice(7))))).toEqual([1, 4, 7]);
    expect(skipping.take(3).skipped).toHaveLength(3);
    const none = numbers(4).filter(() => false);
    expect(await list(none.batch(2))).toEqual([]);
    expect(() => broken.onError('warn' as never)).toThrow(/onError/);
  });

  it('samples that do not fit together make no batch', async () => {
    const uneven = new Dataset(() => ({
      length: 2,
      get: (i: number) => (i === 0 ? { n: tensor(1) } : { n: tensor([1]) }),
    }));
    await expect(list(uneven.batch(2))).rejects.toThrow(
      /batch: n of sample 1 of the batch is \[1\] but that of the first is \[\]/,
    );
    const missing = new Dataset<{ n: Tensor }>(() => ({
      length: 2,
      get: (i) => (i === 0 ? { n: tensor(1) } : ({} as never)),
    }));
    await expect(list(missing.batch(2))).rejects.toThrow(/sample 1 of the batch has no tensor n/);
  });
});
