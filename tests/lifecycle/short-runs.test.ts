/** Programs so short that waking a thread would take longer run on the JavaScript thread, within the call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collect } from '../../src/graph/graph.js';
import * as b from '../../src/index.js';
import * as nn from '../../src/nn/index.js';
import { plan } from '../../src/plan/plan.js';
import { estimateMicroseconds } from '../../src/plan/work.js';

type T = b.Tensor<'float32'>;

/** A new turn of the event loop: its first short program always runs within the call. */
const newTurn = () => sleep(5);

async function square(size: number): Promise<T> {
  const x = b.randn([size, size]);
  await x.data();
  return x;
}

/** A program that takes some milliseconds and then sets `state` to 1 everywhere. */
const slowly = (state: b.Variable) =>
  b.compile((x: T) => {
    let y = x;
    for (let i = 0; i < 20; i++) y = b.mul(b.matmul(y, x), 1e-3);
    state.assign(b.add(b.mul(b.sum(y), 0), b.onesLike(state)));
  });

async function counter(): Promise<b.Variable> {
  const state = new b.Variable(b.zeros([2]), { name: 'state' });
  await state.data();
  return state;
}

it('a short program is over when the call returns', async () => {
  const state = await counter();
  const step = b.compile(() => state.assign(b.add(state, 1)));
  await newTurn();
  const running = step();
  expect(Array.from(state.storage as Float32Array)).toEqual([1, 1]);
  await running;
  expect(await state.toArray()).toEqual([1, 1]);
});

it('a long one is not', async () => {
  const [state, x] = [await counter(), await square(512)];
  await newTurn();
  const running = slowly(state)(x);
  expect(Array.from(state.storage as Float32Array)).toEqual([0, 0]);
  await running;
  expect(await state.toArray()).toEqual([1, 1]);
});

it('waits for a long program that writes what it touches', async () => {
  const [state, x] = [await counter(), await square(512)];
  const slow = slowly(state);
  const step = b.compile(() => {
    state.assign(b.mul(b.add(state, 1), 2));
    return b.sum(state);
  });
  slow.explain(x);
  step.explain();
  await newTurn();
  const first = slow(x);
  const results = [step(), step()];
  expect(Array.from(state.storage as Float32Array)).toEqual([0, 0]);
  await first;
  expect(await Promise.all(results.map(async (result) => (await result).item()))).toEqual([8, 20]);
});

it('does not wait for one that it has nothing in common with', async () => {
  const [state, other, x] = [await counter(), await counter(), await square(512)];
  const step = b.compile(() => state.assign(b.add(state, 1)));
  await newTurn();
  const running = slowly(other)(x);
  void step();
  expect(Array.from(state.storage as Float32Array)).toEqual([1, 1]);
  expect(Array.from(other.storage as Float32Array)).toEqual([0, 0]);
  await running;
});

it('a loop of awaited short programs leaves the event loop its turns', async () => {
  const state = await counter();
  const step = b.compile(() => state.assign(b.add(state, 1)));
  await step();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  let runs = 0;
  for (const end = performance.now() + 300; performance.now() < end; runs++) await step();
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(20);
  expect(await state.toArray()).toEqual([runs + 1, runs + 1]);
});

it('many calls at once take effect in their order', async () => {
  const state = await counter();
  const step = b.compile((x: T) => {
    state.assign(b.add(b.mul(state, 0.5), x));
    return b.sum(state);
  });
  const inputs = Array.from({ length: 2000 }, (_, i) => b.tensor(i % 7));
  const results = await Promise.all(inputs.map(async (x) => (await step(x)).item()));
  let value = 0;
  const expected = inputs.map((_, i) => 2 * (value = Math.fround(Math.fround(value * 0.5) + (i % 7))));
  expect(results).toEqual(expected);
});

it('a fault is the same error and changes nothing', async () => {
  const state = await counter();
  const step = b.compile((at: b.Tensor<'int32'>) => {
    state.assign(b.gather(b.add(state, 1), 0, at));
  });
  const at = b.tensor([0, 9], { dtype: 'int32' });
  await at.data();
  await newTurn();
  await expect(step(at)).rejects.toMatchObject({
    code: 'ERR_BRAWN_INDEX',
    message: expect.stringContaining('index 9 is out of range for a dimension of size 2'),
  });
  expect(await state.toArray()).toEqual([0, 0]);
  await step(b.tensor([1, 0], { dtype: 'int32' }));
  expect(await state.toArray()).toEqual([1, 1]);
});

it('has the bits of a run on the other threads', async () => {
  const model = nn.sequential(nn.linear(4, 33), nn.tanh(), nn.linear(33, 3), nn.softmax(-1));
  const run = b.compile((x: T) => model.forward(x) as T);
  const x = b.randn([3, 4]);
  await Promise.all([x.data(), run(x)]);
  // With a signal a run can be stopped, so it never takes place within the call.
  const elsewhere = await (await run.run({ signal: new AbortController().signal }, x)).data();
  await newTurn();
  expect(await (await run(x)).data()).toEqual(elsewhere);
});

describe('the estimate', () => {
  const estimate = (y: b.Tensor) => estimateMicroseconds(plan(collect([y.node])).list);
  const data = (...shape: number[]) => b.tensor(new Float32Array(shape.reduce((x, y) => x * y, 1)), { shape });
  const big = data(1000, 1000);

  it('is a few microseconds for a handful of numbers', () => {
    expect(estimate(b.tanh(b.add(data(8), 1)))).toBeLessThan(2);
    expect(estimate(b.matmul(data(1, 64), data(64, 64)))).toBeLessThan(10);
  });

  it('is less where a kernel has wide vectors', () => {
    const { list } = plan(collect([b.matmul(data(64, 64), data(64, 64)).node]));
    expect(estimateMicroseconds(list, () => 'avx512')).toBeLessThan(20);
    expect(estimateMicroseconds(list, () => 'ref')).toBeGreaterThan(100);
    expect(estimateMicroseconds(list)).toBe(estimateMicroseconds(list, () => 'ref'));
  });

  it.each<[string, () => b.Tensor]>([
    ['matrix product', () => b.matmul(data(128, 128), data(128, 128))],
    ['convolution', () => b.conv2d(data(1, 8, 32, 32), data(8, 8, 3, 3))],
    ['elementwise chain', () => b.tanh(b.mul(data(200, 200), 2))],
    ['vector of doubles', () => b.exp(b.tensor(new Float64Array(4000)))],
    ['reduction', () => b.sum(big)],
    ['copy', () => b.concat([big, big])],
    ['sort', () => b.sort(data(4000)).values],
    ['running sum', () => b.cumSum(big, 0)],
    ['random tensor', () => b.randn([4000])],
    ['softmax', () => b.softmax(big, 1)],
    ['table of rows', () => b.indexSelect(big, 0, b.tensor(new Int32Array(500)))],
  ])('is far above that for a big %s', (_, make) => {
    expect(estimate(make())).toBeGreaterThan(40);
  });
});
