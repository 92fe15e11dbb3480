/** Data sets over arrays: orders, batches, and what is refused. */
import { describe, expect, it } from 'vitest';
import { Batches, Dataset, fromArrays, type Sample } from '../../src/data/index.js';
import { Rng } from '../../src/data/rng.js';
import { mul, type Tensor, tensor } from '../../src/index.js';

const ten = () =>
  fromArrays({
    x: { data: Float32Array.from({ length: 20 }, (_, i) => i), shape: [10, 2] },
    n: { data: Int32Array.from({ length: 10 }, (_, i) => i) },
  });

async function numbers(samples: AsyncIterable<{ readonly n: Tensor }>): Promise<number[]> {
  const out: number[] = [];
  for await (const { n } of samples) out.push(...[...(await n.data())].map(Number));
  return out;
}

const sorted = (list: number[]) => [...list].sort((a, b) => a - b);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('Dataset', () => {
  it('gives samples one by one and in batches', async () => {
    const shapes: unknown[] = [];
    for await (const { x, n } of ten().take(1)) shapes.push(x.shape, x.dtype, n.shape, n.dtype, await x.toArray());
    expect(shapes).toEqual([[2], 'float32', [], 'int32', [0, 1]]);
    const batches = [];
    for await (const { x, n } of ten().batch(4)) batches.push([x.shape, await n.toArray()]);
    expect(batches).toEqual([
      [
        [4, 2],
        [0, 1, 2, 3],
      ],
      [
        [4, 2],
        [4, 5, 6, 7],
      ],
      [
        [2, 2],
        [8, 9],
      ],
    ]);
    expect(await numbers(ten().batch(4, { dropLast: true }))).toEqual(range(0, 8));
    expect(await numbers(ten().take(0).batch(4))).toEqual([]);
  });

  it('shuffles by seed and epoch, always every sample once', async () => {
    const [a, b, c] = [ten().shuffle({ seed: 1 }), ten().shuffle({ seed: 1 }), ten().shuffle({ seed: 2 })];
    const [first, second] = [await numbers(a.batch(3)), await numbers(a.batch(3))];
    expect(sorted(first)).toEqual(range(0, 10));
    expect(sorted(second)).toEqual(range(0, 10));
    expect(second).not.toEqual(first);
    expect([await numbers(b), await numbers(b)]).toEqual([first, second]);
    expect(await numbers(c)).not.toEqual(first);
  });

  it('one batched object gives one epoch after the other', async () => {
    const batches = ten().shuffle({ seed: 1 }).batch(5);
    const alone = ten().shuffle({ seed: 1 });
    for (let epoch = 0; epoch < 3; epoch++) expect(await numbers(batches)).toEqual(await numbers(alone));
  });

  it('takes, skips and maps in the order they are written', async () => {
    expect(await numbers(ten().skip(2).take(3))).toEqual([2, 3, 4]);
    expect(await numbers(ten().take(3).skip(2))).toEqual([2]);
    expect(await ten().skip(4).length()).toBe(6);
    const doubled = ten().map(({ n }) => ({ n: tensor(Int32Array.of(2 * Number((n as Tensor).node.storage?.[0]))) }));
    expect(await numbers(doubled.skip(8))).toEqual([16, 18]);
    const shuffledFirst = await numbers(ten().shuffle({ seed: 5 }).take(4));
    expect(shuffledFirst).toEqual((await numbers(ten().shuffle({ seed: 5 }))).slice(0, 4));
  });

  it('stacks samples that have no batch of their own', async () => {
    const source = { length: 3, get: (i: number) => ({ n: tensor([i, i + 1]) }) };
    const mapped = new Dataset(() => source).map(({ n }) => ({ n: mul(n, 10) }));
    const shapes = [];
    for await (const { n } of mapped.batch(2)) shapes.push(n.shape);
    expect(shapes).toEqual([
      [2, 2],
      [1, 2],
    ]);
    expect(await numbers(mapped.batch(2))).toEqual([0, 10, 10, 20, 20, 30]);
  });

  it('opens once, but again after a failure', async () => {
    let opened = 0;
    const dataset = new Dataset<Sample>(() => {
      if (opened++ === 0) throw new Error('first time');
      return { length: 1, get: () => ({ n: tensor(1) }) };
    });
    await expect(dataset.length()).rejects.toThrow('first time');
    expect(await dataset.length()).toBe(1);
    await numbers(dataset.batch(1) as AsyncIterable<{ n: Tensor }>);
    expect(opened).toBe(2);
  });

  it('looks bytes up as floats', async () => {
    const lookup = Float32Array.from({ length: 256 }, (_, i) => -i);
    const bytes = fromArrays({ n: { data: Uint8Array.of(0, 1, 255), lookup } });
    expect(await numbers(bytes.batch(3))).toEqual([-0, -1, -255]);
  });

  it('refuses what does not fit', () => {
    const data = Float32Array.of(1, 2, 3);
    const bad: [() => unknown, string, RegExp][] = [
      [() => fromArrays({}), 'ERR_BRAWN_ARGUMENT', /at least one column/],
      [() => fromArrays({ a: { data: [1] as never } }), 'ERR_BRAWN_ARGUMENT', /typed array/],
      [() => fromArrays({ a: { data, shape: [2, 2] } }), 'ERR_BRAWN_SHAPE', /needs 4 elements, got 3/],
      [() => fromArrays({ a: { data, shape: [] } }), 'ERR_BRAWN_SHAPE', /first dimension/],
      [() => fromArrays({ a: { data }, b: { data: new Int32Array(2) } }), 'ERR_BRAWN_SHAPE', /2 samples .* have 3/],
      [() => fromArrays({ a: { data, dtype: 'int32' } }), 'ERR_BRAWN_ARGUMENT', /does not hold int32/],
      [() => fromArrays({ a: { data, lookup: new Float32Array(256) } }), 'ERR_BRAWN_ARGUMENT', /Uint8Array/],
      [() => ten().batch(0), 'ERR_BRAWN_ARGUMENT', /batch: size/],
      [() => ten().take(1.5), 'ERR_BRAWN_ARGUMENT', /take: count/],
      [() => ten().skip(-1), 'ERR_BRAWN_ARGUMENT', /skip: count/],
      [() => ten().shuffle({ seed: 0.5 }), 'ERR_BRAWN_ARGUMENT', /shuffle: seed/],
    ];
    for (const [call, code, message] of bad)
      expect(call).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(ten().batch(2)).toBeInstanceOf(Batches);
  });
});

describe('Rng', () => {
  it('has the moments it should have', () => {
    const rng = new Rng(7);
    const draw = (next: () => number) => {
      const values = Array.from({ length: 20_000 }, next);
      const mean = values.reduce((a, b) => a + b) / values.length;
      return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length];
    };
    const [mean, variance] = draw(() => rng.normal());
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    const [middle, spread] = draw(() => rng.uniform());
    expect(Math.abs(middle - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(spread - 1 / 12)).toBeLessThan(0.003);
  });

  it('orders every permutation of three about equally often', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const items = Int32Array.of(0, 1, 2);
      new Rng(seed, 1).shuffle(items);
      counts.set(items.join(), (counts.get(items.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});
