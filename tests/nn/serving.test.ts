/** A compiled model as a service uses it: typed arrays in and out, one copy of everything, bounds on what is kept. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  add,
  compile,
  evaluate,
  manualSeed,
  mul,
  randn,
  setNumerics,
  type Tensor,
  tensor,
  Variable,
  zeros,
} from '../../src/index.js';
import * as nn from '../../src/nn/index.js';
import { addon } from '../../src/runtime/addon.js';
import { distance } from '../distance.js';

type F = Tensor<'float32'>;

beforeEach(() => manualSeed(0));
afterEach(() => {
  setNumerics('fast');
  vi.restoreAllMocks();
});

const shape = [16, 12, 12];
/** A run that can be aborted is always handed to other threads, whatever it takes, so that its bindings can be seen. */
const queued = { signal: new AbortController().signal };

const network = () =>
  nn.sequential(
    nn.conv2d(16, 16, 3, { padding: 1, bias: false }),
    nn.batchNorm2d(16),
    nn.relu(),
    nn.flatten(),
    nn.linear(16 * 144, 5),
  );

const elements = (count: number, seed = 1) =>
  Float32Array.from({ length: count * 16 * 144 }, (_, i) => Math.sin(i * seed + seed));

const plain = (model: nn.Module, x: F) => model.inEvaluation(() => model.forward(x)).data();

it('numerics are those of the model, whatever the process is set to', async () => {
  const model = network();
  const [fast, strict] = await Promise.all(
    (['fast', 'strict'] as const).map((numerics) => nn.compileModel(model, { numerics })),
  );
  const x = randn([8, ...shape]) as F;
  await x.data();
  const usesWinograd = (run: typeof fast) => run.explain(x).kernels.some(({ kernel }) => kernel.startsWith('winograd'));
  expect([usesWinograd(fast), usesWinograd(strict)]).toEqual([true, false]);
  setNumerics('strict');
  expect(usesWinograd(fast)).toBe(true);
  expect(await (await strict(x)).data()).toEqual(await plain(model, x));
  expect(distance(await (await fast(x)).data(), await plain(model, x))).toBeLessThan(1e-5);
});

describe('typed arrays', () => {
  it('are read in place, and so are tensors that wrap them; results are read without a copy', async () => {
    const run = await nn.compileModel(network(), { shape, batch: [2] });
    const given = elements(2);
    const calls = vi.spyOn(addon(), 'run');
    const y = await run.run(queued, given);
    const wrapped = await run.run(queued, tensor(given, { shape: [2, ...shape], copy: false }));
    const copied = await run.run(queued, tensor(given, { shape: [2, ...shape] }));
    expect(calls.mock.calls.map(([, bindings]) => bindings.includes(given))).toEqual([true, true, false]);
    const own = await y.data({ copy: false });
    expect(calls.mock.calls[0][1]).toContain(own);
    expect(await y.data({ copy: false })).toBe(own);
    expect(await y.data()).not.toBe(own);
    expect([await wrapped.data(), await copied.data()]).toEqual([own, own]);
  });

  it('in shared memory are read in place as well', async () => {
    const model = network();
    const run = await nn.compileModel(model, { shape });
    const shared = new Float32Array(new SharedArrayBuffer(4 * 16 * 144));
    shared.set(elements(1));
    const x = tensor(elements(1), { shape: [1, ...shape] });
    expect(distance(await (await run(shared)).data(), await plain(model, x))).toBeLessThan(1e-5);
  });

  it('that do not fit are refused', async () => {
    const run = await nn.compileModel(network(), { shape });
    expect(() => run(new Float32Array(16 * 144 + 1))).toThrow(
      'compiled Sequential: 2305 elements are no whole number of samples [16,12,12]',
    );
    const bare = await nn.compileModel(network());
    expect(() => bare(elements(1))).toThrow(/a typed array needs the option shape/);
    expect(() => tensor(new Float64Array(2), { dtype: 'float32', copy: false })).toThrow(
      'tensor: copy: false needs elements of float32, but the array has float64',
    );
    expect(() => tensor([1, 2], { copy: false })).toThrow(/needs a typed array/);
  });
});

describe('runSync', () => {
  it('gives what run gives before it returns', async () => {
    const run = await nn.compileModel(network(), { shape });
    const y = run.runSync(elements(3)) as F;
    expect(await y.data()).toEqual(await (await run(elements(3))).data());
  });

  it('needs values', async () => {
    const run = await nn.compileModel(network(), { shape, batch: [1] });
    const lazy = add(randn([1, ...shape]), 1) as F;
    expect(() => run.runSync(lazy)).toThrow(/argument 0 of runSync has not been computed; await evaluate/);
    await lazy.data();
    expect(run.runSync(lazy).shape).toEqual([1, 5]);
    const fresh = new Variable(zeros([2]), { name: 'fresh' });
    const double = compile(() => add(fresh, fresh), { name: 'double' });
    expect(() => double.runSync()).toThrow(
      'double: variable fresh is still being prepared; await a call before runSync',
    );
    await fresh.data();
    fresh.assign(tensor([1, 2]));
    expect(() => double.runSync()).toThrow(/assignments are pending before runSync/);
    await evaluate([]);
    expect(await double.runSync().toArray()).toEqual([2, 4]);
  });
});

it('weights that have changed are refused, not mixed with older ones', async () => {
  const model = network();
  const run = await nn.compileModel(model, { shape, batch: [1] });
  const before = await (await run(elements(1))).data();
  const weight = model.parameters().at(-2) as nn.Linear['weight'];
  weight.assign(mul(weight, 2));
  await weight.data();
  expect(() => run.runSync(elements(1))).toThrow(/variable 4.weight has been overwritten since the first run/);
  await expect(run(elements(1))).rejects.toThrow(/compile again/);
  const again = await nn.compileModel(model, { shape });
  expect(distance(await (await again(elements(1))).data(), before)).toBeGreaterThan(0.1);
});

describe('memory', () => {
  it('programs of several batch sizes have one copy of what is prepared', async () => {
    const model = network();
    const one = await nn.compileModel(model, { shape, batch: [8] });
    const three = await nn.compileModel(model, { shape, batch: [8, 9, 10] });
    expect(three.info.programs.length).toBe(3);
    expect(three.info.preparedBytes).toBe(one.info.preparedBytes);
    expect(one.info.weightBytes).toBe(4 * (16 * 16 * 9 + 4 * 16 + 16 * 144 * 5 + 5) + 8);
  });

  it('programs are kept up to a bound', async () => {
    const run = await nn.compileModel(network(), { shape, cacheSize: 2 });
    for (const count of [1, 2, 3]) await run(elements(count));
    expect(run.info.programs.map(({ shapes }) => shapes[0][0])).toEqual([3, 2]);
    expect(run.programs).toBe(2);
  });

  it('what it took is reported', async () => {
    const run = await nn.compileModel(network(), { shape, batch: [1] });
    const [program] = run.info.programs;
    expect(run.info.loadMilliseconds).toBeGreaterThan(program.planMilliseconds);
    expect(program.planMilliseconds).toBeGreaterThan(0);
    expect(program.prepareMilliseconds).toBeGreaterThan(0);
    expect(program.arenaBytes).toBe(run.explain(elements(1)).arenaBytes);
  });

  it('another model takes shared weights and what was made of them', async () => {
    const model = network();
    const run = await nn.compileModel(model, { shape, batch: [8] });
    const shared = structuredClone(await run.share());
    const other = network();
    const again = await nn.compileModel(other, { shape, shared, batch: [8] });
    const calls = vi.spyOn(addon(), 'run');
    const mine = await run.run(queued, elements(8));
    expect(await (await again.run(queued, elements(8))).data()).toEqual(await mine.data());
    const buffers = calls.mock.calls.map(([, bindings]) =>
      bindings.filter(({ buffer }) => buffer instanceof SharedArrayBuffer).map((array) => array.byteLength),
    );
    expect(calls.mock.calls.length).toBe(2);
    expect(buffers[0]).toEqual(buffers[1]);
    expect(buffers[0].length).toBeGreaterThan(2);
    expect(again.info.programs[0].prepareMilliseconds).toBe(0);
    // The same memory: what changes in one shows in the other.
    (shared.weights['4.bias'].elements as Float32Array)[0] = 100;
    expect((await (await run(elements(1))).data())[0]).toBeGreaterThan(90);
    await expect(nn.compileModel(other, { shared })).rejects.toThrow(/has a value already/);
  });
});
