/** What may and may not be done in and around compiled functions: arguments, results, reads while tracing, nesting. */
import { afterEach, describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

type T = b.Tensor<'float32'>;

const t = (...values: number[]) => b.tensor(values);
const state = 'ERR_BRAWN_STATE';
const argument = 'ERR_BRAWN_ARGUMENT';
const refusal = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });

afterEach(() => b.setBackend('native'));

describe('while a function is traced', () => {
  const reads: readonly (readonly [name: string, read: (x: T) => unknown])[] = [
    ['data', (x) => x.data()],
    ['item', (x) => b.sum(x).item()],
    ['toArray', (x) => x.toArray()],
    ['print', (x) => x.print()],
    ['evaluate', (x) => b.evaluate([x])],
    ['data of what is known', () => captured.data()],
  ];
  const captured = t(1);
  for (const [name, read] of reads)
    it(`${name} is refused`, async () => {
      const traced = b.compile(
        (x: T) => {
          read(x);
          return x;
        },
        { name: 'step' },
      );
      const method = name.split(' ')[0];
      await expect(traced(t(1, 2))).rejects.toMatchObject(
        refusal(state, new RegExp(`^step: ${method}\\(\\) is called while the function is traced`)),
      );
    });

  it('an asynchronous function is refused, with one error', async () => {
    const traced = b.compile(
      async (x: T) => {
        await x.data();
        return x;
      },
      { name: 'step' },
    );
    await expect(traced(t(1))).rejects.toMatchObject(refusal(argument, /^step: compile needs a synchronous function/));
  });

  it('no compiled function can be called, traced before or not', async () => {
    const inner = b.compile((x: T) => b.mul(x, 2), { name: 'inner' });
    const outer = b.compile((x: T) => inner(x), { name: 'outer' });
    const message = /^inner: a compiled function is called while another \(outer\) is traced/;
    await expect(outer(t(1))).rejects.toMatchObject(refusal(state, message));
    await inner(t(1));
    await expect(outer(t(1))).rejects.toMatchObject(refusal(state, message));
  });

  it('an error of the function is passed on, and the next call is as if nothing had been', async () => {
    const v = new b.Variable(t(1), { name: 'v' });
    let fails = true;
    const step = b.compile((x: T) => {
      v.assign(x);
      if (fails) throw new RangeError('mine');
      return v;
    });
    await expect(step(t(5))).rejects.toThrow(new RangeError('mine'));
    expect(await v.toArray()).toEqual([1]);
    fails = false;
    expect(await (await step(t(5))).toArray()).toEqual([5]);
  });

  it('what leaks out of the trace cannot be read', async () => {
    const v = new b.Variable(t(1), { name: 'v' });
    const leaks: b.Tensor[] = [];
    const step = b.compile(
      (x: T) => {
        leaks.push(b.mul(x, 2), b.mul(v, 2));
        return x;
      },
      { name: 'step' },
    );
    await step(t(1));
    await expect(leaks[0].data()).rejects.toMatchObject(refusal(state, /^step: argument 0 has a value only in runs/));
    await expect(leaks[1].data()).rejects.toMatchObject(refusal(state, /variable v while a function was traced/));
  });
});

describe('arguments', () => {
  const double = b.compile((x: T) => b.mul(x, 2), { name: 'double' });

  for (const [what, value] of Object.entries({ function: () => 1, object: new Map(), symbol: Symbol('s') }))
    it(`of type ${what} are refused`, async () => {
      await expect(double(value as never)).rejects.toMatchObject(
        refusal(argument, new RegExp(`^double: .* got ${what}`)),
      );
    });

  it('may be lazy, variables, the same twice, and in trees', async () => {
    expect(await (await double(b.add(t(1, 2), 1))).toArray()).toEqual([4, 6]);
    expect(await await double(new b.Variable(t(3)))).toBeInstanceOf(b.Tensor);
    const sum = b.compile((x: T, y: T) => b.add(x, y));
    const x = t(1, 2);
    expect(await (await sum(x, x)).toArray()).toEqual([2, 4]);
    const tree = b.compile((all: { a: T[]; k: number }) => b.mul(b.add(all.a[0], all.a[1]), all.k));
    expect(await (await tree({ a: [x, x], k: 3 })).toArray()).toEqual([6, 12]);
    expect(await (await tree({ a: [x, x], k: 4 })).toArray()).toEqual([8, 16]);
    expect(tree.programs).toBe(2);
  });

  it('of many shapes keep no more programs than cacheSize, and all are right', async () => {
    const sum = b.compile((x: T) => b.sum(x), { cacheSize: 4 });
    for (let round = 0; round < 2; round++)
      for (let n = 1; n <= 20; n++) expect(await (await sum(b.ones([n]))).item()).toBe(n);
    expect(sum.programs).toBe(4);
  });

  it('cacheSize must be a whole number of at least 1', () => {
    for (const cacheSize of [0, -1, 1.5, Number.NaN])
      expect(() => b.compile((x: T) => x, { cacheSize })).toThrow(/^compile: cacheSize must be a whole number/);
    expect(() => b.compile(3 as never)).toThrow(/^compile: needs a function, got number/);
  });
});

describe.each(['native', 'javascript'] as const)('results, %s', (backend) => {
  const x = t(1, 2);
  const results = async (fn: (x: T) => unknown): Promise<unknown> => {
    b.setBackend(backend);
    const show = async (value: unknown): Promise<unknown> => {
      if (value instanceof b.Tensor) return value.toArray();
      if (Array.isArray(value)) return Promise.all(value.map(show));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        await Promise.all(Object.entries(value).map(async ([key, inner]) => [key, await show(inner)] as const)),
      );
    };
    return show(await b.compile(fn)(x));
  };

  it('the input itself', async () => expect(await results((a) => a)).toEqual([1, 2]));
  it('a view of the input', async () => expect(await results((a) => b.flip(a, [0]))).toEqual([2, 1]));
  it('a variable', async () => {
    const v = new b.Variable(t(7));
    expect(await results(() => v)).toEqual([7]);
    expect(
      await results((a) => {
        v.assign(b.sum(a, 0, { keepDims: true }));
        return [v, b.mul(v, 2)];
      }),
    ).toEqual([[3], [6]]);
  });
  it('one tensor twice', async () =>
    expect(
      await results((a) => {
        const y = b.mul(a, 2);
        return [y, y, a, a];
      }),
    ).toEqual([
      [2, 4],
      [2, 4],
      [1, 2],
      [1, 2],
    ]));
  it('a constant', async () => expect(await results(() => b.ones([2]))).toEqual([1, 1]));
  it('what was captured', async () =>
    expect(await results(() => [x, b.add(x, 1)])).toEqual([
      [1, 2],
      [2, 3],
    ]));
  it('nothing', async () => expect(await results(() => undefined)).toBeUndefined());
  it('numbers and trees', async () =>
    expect(await results((a) => ({ n: 3, list: ['q', null, { deep: b.add(a, 1) }] }))).toEqual({
      n: 3,
      list: ['q', null, { deep: [2, 3] }],
    }));
  it('changing one result changes no other', async () => {
    b.setBackend(backend);
    const [first, second] = await b.compile((a: T) => [a, a] as const)(x);
    (await first.data())[0] = 99;
    expect(await second.toArray()).toEqual([1, 2]);
    expect(await first.toArray()).toEqual([1, 2]);
    expect(await x.toArray()).toEqual([1, 2]);
  });
});

describe('captured lazy tensors', () => {
  it('are computed with the function, also when they are read in between', async () => {
    const lazy = b.mul(t(1, 2), 3);
    const v = new b.Variable(t(1, 1));
    const step = b.compile((x: T) => b.add(b.add(x, lazy), v));
    const running = step(t(1, 1));
    await lazy.data();
    expect(await (await running).toArray()).toEqual([5, 8]);
    expect(await (await step(t(0, 0))).toArray()).toEqual([4, 7]);
  });

  it('that were computed from a variable are refused once it has been overwritten', async () => {
    const w = new b.Variable(t(2), { name: 'w' });
    const y = b.mul(w, 2);
    const step = b.compile((x: T) => b.add(x, y));
    expect(await (await step(t(1))).toArray()).toEqual([5]);
    w.assign(t(100));
    await b.evaluate([]);
    await expect(step(t(1))).rejects.toMatchObject(
      refusal(state, /variable w is needed now, but .* overwritten since/),
    );
  });
});
