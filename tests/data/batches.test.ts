/** Batches: positions that can be saved and restored, and working ahead. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Batches, type BatchPosition, Dataset, fromArrays, type Sample } from '../../src/data/index.js';
import { type Tensor, tensor } from '../../src/index.js';

type Numbers = { readonly n: Tensor };

const numbers = (count: number) =>
  fromArrays({ n: { data: Int32Array.from({ length: count }, (_, i) => i) } }) as unknown as Dataset<Numbers>;
const listOf = async ({ n }: Numbers): Promise<number[]> => [...(await n.data())].map(Number);

async function all(batches: AsyncIterable<Numbers>): Promise<number[][]> {
  const out: number[][] = [];
  for await (const batch of batches) out.push(await listOf(batch));
  return out;
}

describe('positions', () => {
  const made = () => numbers(11).shuffle({ seed: 3 }).batch(4);

  it('a restored position gives what would have come next, in every later epoch too', async () => {
    const whole = made();
    const log: { readonly batch: number[]; readonly after: BatchPosition }[] = [];
    for (let epoch = 0; epoch < 3; epoch++)
      for await (const batch of whole) log.push({ batch: await listOf(batch), after: whole.state() });
    expect(log.map(({ after }) => [after.epoch, after.step])).toEqual(
      [0, 1, 2].flatMap((epoch) => [1, 2, 3].map((step) => [epoch, step])),
    );
    expect(whole.state()).toEqual({ epoch: 3, step: 0 });
    for (const [i, { after }] of log.entries()) {
      const again = made().prefetch(i % 3);
      again.restore(after);
      expect(again.state()).toEqual(after);
      const rest: number[][] = [];
      while (again.state().epoch < 3) rest.push(...(await all(again)));
      expect(rest).toEqual(log.slice(i + 1).map(({ batch }) => batch));
    }
  });

  it('from reads any epoch from any step and leaves the position alone', async () => {
    const batches = made();
    const [first, second] = [await all(batches), await all(batches)];
    expect(await all(batches.from(1, 2))).toEqual(second.slice(2));
    expect(await all(batches.from(0))).toEqual(first);
    expect(await all(batches.from(0, 3))).toEqual([]);
    expect(batches.state()).toEqual({ epoch: 2, step: 0 });
    expect(await batches.steps()).toBe(3);
    expect(await numbers(11).batch(4, { dropLast: true }).steps()).toBe(2);
  });

  it('a loop that is left early ends its epoch and says where it was', async () => {
    const batches = made();
    for await (const _ of batches) break;
    expect(batches.state()).toEqual({ epoch: 0, step: 1 });
    expect(await all(batches)).toEqual(await all(made().from(1)));
  });

  it('refuses what is no position', () => {
    for (const bad of [{ epoch: -1, step: 0 }, { epoch: 0, step: 0.5 }, undefined])
      expect(() => made().restore(bad as BatchPosition)).toThrow(/restore: (epoch|step) must be/);
    expect(() => made().from(Number.NaN)).toThrow(/from: epoch/);
    expect(() => made().prefetch(-1)).toThrow(/prefetch: count/);
  });
});

describe('working ahead', () => {
  function watched(length: number, failAt = -1) {
    const state = { begun: 0 };
    const get = async (index: number): Promise<Sample> => {
      state.begun++;
      await turn();
      if (index === failAt) throw new Error(`no sample ${index}`);
      return { n: tensor(index) };
    };
    return { state, data: new Dataset(() => ({ length, get })) as unknown as Dataset<Numbers> };
  }

  it('prefetches so many batches, and no more after a loop that is left early', async () => {
    const { state, data } = watched(100);
    const batches = data.batch(2).prefetch(3) as Batches<Numbers>;
    let seen = 0;
    for await (const _ of batches) {
      for (let i = 0; i < 10; i++) await turn();
      expect(state.begun).toBe(2 * (seen + 4));
      if (++seen === 3) break;
    }
    const { begun } = state;
    for (let i = 0; i < 20; i++) await turn();
    expect(state.begun).toBe(begun);
    expect(batches.state()).toEqual({ epoch: 0, step: 3 });
  });

  it('prefetches samples of a loop without batches', async () => {
    const { state, data } = watched(50);
    for await (const _ of data.prefetch(4)) {
      for (let i = 0; i < 10; i++) await turn();
      expect(state.begun).toBe(5);
      break;
    }
    for (let i = 0; i < 10; i++) await turn();
    expect(state.begun).toBe(5);
    expect(await all(numbers(5).prefetch(2).batch(3))).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  it('a failure comes at its place, and only there', async () => {
    const { data } = watched(20, 7);
    const got: number[][] = [];
    const loop = async () => {
      for await (const batch of data.batch(3).prefetch(4)) got.push(await listOf(batch));
    };
    await expect(loop()).rejects.toThrow('no sample 7');
    expect(got).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    // Left before the failure: nobody is told, nothing is unhandled.
    for await (const _ of data.batch(3).prefetch(4)) break;
    for (let i = 0; i < 20; i++) await turn();
  });

  it('map runs as many at once as it may, in any order, and gives them in order', async () => {
    let [now, most] = [0, 0];
    const slow = numbers(24).map(
      async (sample) => {
        most = Math.max(most, ++now);
        const [n] = await listOf(sample);
        for (let i = 0; i < (n * 7) % 5; i++) await turn();
        now--;
        return sample;
      },
      { concurrency: 4 },
    );
    const expected = Array.from({ length: 24 }, (_, i) => i);
    expect((await all(slow)).flat()).toEqual(expected);
    expect((await all(slow.batch(5).prefetch(2))).flat()).toEqual(expected);
    expect(most).toBe(4);
  });
});
