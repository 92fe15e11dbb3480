/** Variables and runs that are under way at the same time: order, staleness, aborts, and failures that change nothing. */
import { afterEach, describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

type T = b.Tensor<'float32'>;

const t = (...values: number[]) => b.tensor(values);
const stale = {
  code: 'ERR_BRAWN_STATE',
  message: expect.stringMatching(/variable w is needed now, but .* overwritten/),
};
const fault = () => b.gather(t(0), 0, b.tensor([9], { dtype: 'int32' }));
const executors = ['native', 'javascript'] as const;

afterEach(() => b.setBackend('native'));

/** A program that takes a while. */
function products(x: T, count: number): T {
  let y = x;
  for (let i = 0; i < count; i++) y = b.mul(b.matmul(y, x), 1e-3);
  return y;
}

async function square(size: number): Promise<T> {
  const x = b.randn([size, size]);
  await x.data();
  return x;
}

describe.each(executors)('overwritten variables, %s', (backend) => {
  const variable = () => {
    b.setBackend(backend);
    return new b.Variable(t(1, 1), { name: 'w' });
  };

  it('a tensor stands for the value at its time: reading it later is refused', async () => {
    const w = variable();
    const y = b.mul(w, 2);
    w.assign(t(5, 5));
    await b.evaluate([]);
    expect(await w.toArray()).toEqual([5, 5]);
    await expect(y.data()).rejects.toMatchObject(stale);
    expect(await b.mul(w, 2).toArray()).toEqual([10, 10]);
  });

  it('what has been read before stays readable', async () => {
    const w = variable();
    const y = b.mul(w, 2);
    await b.evaluate([y]);
    w.assign(t(5, 5));
    await b.evaluate([]);
    expect(await y.toArray()).toEqual([2, 2]);
  });

  it('a read that is refused costs no pending assignment', async () => {
    const w = variable();
    const y = b.mul(w, 2);
    w.assign(t(5, 5));
    await b.evaluate([]);
    w.assign(b.add(w, 1));
    await expect(y.data()).rejects.toMatchObject(stale);
    expect(await w.toArray()).toEqual([6, 6]);
  });

  it('assignments of one run see the values before it, swaps included', async () => {
    const [v, w] = [variable(), variable()];
    w.assign(t(2, 2));
    await b.evaluate([]);
    const [from, to] = [b.reshape(v, [2]), b.reshape(w, [2])];
    v.assign(to);
    w.assign(from);
    expect([await v.toArray(), await w.toArray()]).toEqual([
      [2, 2],
      [1, 1],
    ]);
  });

  it('ops that have nothing to do give the value at their time, not the variable', async () => {
    const unchanged: readonly ((x: T) => b.Tensor)[] = [
      (x) => b.reshape(x, [2]),
      (x) => b.permute(x, [0]),
      (x) => b.expand(x, [2]),
      (x) => b.cast(x, 'float32'),
      (x) => b.slice(x, []),
      (x) => b.narrow(x, 0, 0, 2),
      (x) => b.dropout(x, { p: 0 }),
      (x) => b.roll(x, 2, 0),
      (x) => b.tile(x, [1]),
      (x) => b.pow(x, 1),
      (x) => b.split(x, 2)[0],
      (x) => b.chunk(x, 1)[0],
      (x) => b.flip(x, []),
      (x) => b.concat([x]),
      (x) => b.einsum('i->i', x),
      (x) => b.stopGradient(x),
    ];
    for (const op of unchanged) {
      const w = variable();
      const before = op(w as T);
      w.assign(t(5, 5));
      expect(await before.toArray(), String(op)).toEqual([1, 1]);
      expect(await w.toArray()).toEqual([5, 5]);
    }
    const [w, n] = [variable(), new b.Variable(b.ones([2], { dtype: 'int32' }))];
    const floor = b.floor(n);
    n.assign(b.zeros([2], { dtype: 'int32' }));
    expect(await floor.toArray()).toEqual([1, 1]);
    const step = b.compile(() => {
      const before = b.reshape(w, [2]);
      w.assign(b.add(w, 1));
      return before;
    });
    expect(await (await step()).toArray()).toEqual([1, 1]);
  });

  it('a read right after an assignment waits for it, whatever else is under way', async () => {
    const w = variable();
    w.assign(b.add(w, 1));
    const other = b.add(t(3), 1).data();
    const first = w.toArray();
    w.assign(b.mul(w, 10));
    expect(await w.toArray()).toEqual([20, 20]);
    expect(await first).toEqual([2, 2]);
    await other;
  });

  it('a run that fails changes nothing, and makes nothing stale', async () => {
    const w = variable();
    await b.evaluate([w]);
    const before = b.add(w, 1);
    w.assign(b.add(w, fault()));
    const failing = b.evaluate([]);
    const between = b.add(w, 2);
    await expect(failing).rejects.toMatchObject({ code: 'ERR_BRAWN_INDEX' });
    expect(await before.toArray()).toEqual([2, 2]);
    expect(await between.toArray()).toEqual([3, 3]);
    expect(await w.toArray()).toEqual([1, 1]);
  });

  it('refuses values that do not fit', () => {
    const w = variable();
    expect(() => w.assign(t(1))).toThrow(/^assign: variable w has shape \[2\] but the value has \[1\]/);
    expect(() => w.assign(b.zeros([2], { dtype: 'int32' }) as never)).toThrow(/^assign: variable w is float32 but/);
    expect(() => w.assign(3 as never)).toThrow(/^assign: variable w takes a tensor, got number/);
    expect(() => new b.Variable(3 as never)).toThrow(/^variable: the first value must be a tensor, got number/);
  });
});

it('1000 runs of one function at once, with ready and with lazy arguments, under one signal', async () => {
  const f = b.compile((x: T) => b.sum(b.mul(x, 2)));
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => f.run({ signal }, i % 3 ? t(i, i) : b.add(t(i, i), 0))),
  );
  const values = await Promise.all(results.map((result) => result.item()));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warn);
  expect(values).toEqual(values.map((_, i) => 4 * i));
  expect(warnings).toEqual([]);
});

describe.each(executors)('order of the calls, %s', (backend) => {
  it('holds when some arguments have to be computed first', async () => {
    b.setBackend(backend);
    const v = new b.Variable(t(0));
    const push = b.compile((x: T) => {
      v.assign(b.add(b.mul(v, 2), x));
      return v;
    });
    const one = () => b.sum(b.full([64, 64], 1 / 4096), [0, 1]);
    const runs = Array.from({ length: 12 }, (_, i) => push(i % 3 ? t(1) : b.reshape(one(), [1])));
    const last = v.toArray();
    const values = await Promise.all((await Promise.all(runs)).map((value) => value.toArray()));
    expect(values).toEqual(values.map((_, i) => [2 ** (i + 1) - 1]));
    expect(await last).toEqual([2 ** 12 - 1]);
  });

  it('holds for assignments that come after a call', async () => {
    b.setBackend(backend);
    const v = new b.Variable(t(3));
    const addTo = b.compile((x: T) => b.add(v, x));
    const running = addTo(b.add(t(1), 1));
    v.assign(t(100));
    expect(await v.toArray()).toEqual([100]);
    expect(await (await running).toArray()).toEqual([5]);
  });

  it('holds for what the host supplies: learning rates and random numbers are those of the call', async () => {
    b.setBackend(backend);
    const w = new b.Parameter(t(0), { name: 'w' });
    const optimizer = b.optim.sgd([w], { lr: 1 });
    const noise = b.compile((x: T) => {
      optimizer.minimize(b.sum(b.mul(w, x)));
      return b.add(b.rand([1]), b.mul(x, 0));
    });
    const draws = async (lazy: boolean) => {
      b.manualSeed(7);
      optimizer.lr = 1;
      const first = noise(lazy ? b.mul(t(1), 1) : t(1));
      optimizer.lr = 100;
      const between = b.rand([1]);
      return [await (await first).item(), await between.item(), await w.item()];
    };
    const ready = await draws(false);
    expect(ready[2]).toBe(-1);
    w.assign(t(0));
    await b.evaluate([]);
    expect(await draws(true)).toEqual(ready);
  });

  it('holds for two models that share parameters', async () => {
    b.setBackend(backend);
    const w = new b.Parameter(t(1), { name: 'w' });
    const optimizer = b.optim.sgd([w], { lr: 1 });
    const toward = (factor: number) =>
      b.compile((x: T) => optimizer.minimize(b.sum(b.mul(b.sub(b.mul(w, factor), w), x))));
    const [up, down] = [toward(3), toward(2)];
    await Promise.all([up(t(1)), down(t(1)), up(b.mul(t(1), 2)), down(t(3))]);
    // Each step subtracts (factor - 1) x.
    expect(await w.toArray()).toEqual([1 - 2 - 1 - 4 - 3]);
  });
});

describe('aborts', () => {
  it('of queued runs take out these and no others', async () => {
    const x = await square(400);
    const total = new b.Variable(t(0));
    const step = b.compile((a: T, d: T) => {
      total.assign(b.add(b.add(total, d), b.mul(b.sum(products(a, 10)), 0)));
    });
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const runs = controllers.map(({ signal }, i) => step.run({ signal }, x, t(10 ** i)));
    controllers[2].abort(new Error('two'));
    controllers[4].abort(new Error('four'));
    const outcomes = (await Promise.allSettled(runs)).map((outcome) =>
      outcome.status === 'rejected' ? outcome.reason.message : 'done',
    );
    expect(outcomes).toEqual(['done', 'done', 'two', 'done', 'four', 'done']);
    expect(await total.toArray()).toEqual([101011]);
  });

  it('of a run make nothing stale', async () => {
    const x = await square(700);
    const w = new b.Variable(t(5), { name: 'w' });
    await b.evaluate([w]);
    const before = b.add(w, 1);
    const step = b.compile((a: T) => w.assign(b.reshape(b.sum(products(a, 60)), [1])));
    step.explain(x);
    const controller = new AbortController();
    const running = step.run({ signal: controller.signal }, x);
    const after = b.add(w, 2);
    controller.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect([await before.item(), await after.item(), await w.item()]).toEqual([6, 7, 5]);
  });

  it('before the start reject with the reason, and leave assignments pending', async () => {
    const w = new b.Variable(t(1), { name: 'w' });
    w.assign(t(2));
    const signal = AbortSignal.abort(new Error('early'));
    await expect(b.add(w, 1).data({ signal })).rejects.toThrow('early');
    await expect(b.compile((x: T) => x).run({ signal }, t(1))).rejects.toThrow('early');
    expect(await w.item()).toBe(2);
  });

  it('while arguments are computed stop the run too', async () => {
    const x = await square(500);
    const v = new b.Variable(t(0));
    const step = b.compile((a: T) => v.assign(b.reshape(b.sum(a), [1])));
    const controller = new AbortController();
    const running = step.run({ signal: controller.signal }, products(x, 100));
    setTimeout(() => controller.abort(), 10);
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(await v.item()).toBe(0);
  });
});

it('arguments that fail fail the run, and runs that were called later go on', async () => {
  const v = new b.Variable(t(0));
  const step = b.compile((x: T) => {
    v.assign(b.add(v, x));
  });
  const runs = [step(t(1)), step(fault()), step(b.add(t(1), 1))];
  const outcomes = (await Promise.allSettled(runs)).map(({ status }) => status);
  expect(outcomes).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await v.item()).toBe(3);
});
