/** Programs that cannot fit are refused before they run, with both numbers; loops without `compile` keep no memory. */
import { afterEach, describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';
import { runModule } from './child.js';

afterEach(() => b.setBackend('native'));

const refused: readonly (readonly [name: string, call: () => Promise<unknown>])[] = [
  ['a result', () => b.zeros([1e6, 1e6]).data()],
  ['an intermediate value', () => b.sum(b.exp(b.randn([1e6, 1e6]))).item()],
  ['random numbers', () => b.randn([1e6, 1e6]).data()],
  ['a matrix', () => b.eye(1e6).data()],
  ['a variable', () => new b.Variable(b.zeros([1e12])).data()],
  ['a compiled function', () => b.compile((x: b.Tensor<'float32'>) => b.expand(x, [1e6, 1e6]))(b.tensor(1))],
  ['more than can be counted in bytes', () => b.zeros([Number.MAX_SAFE_INTEGER]).data()],
];

describe.each(['native', 'javascript'] as const)('too large for memory, %s', (backend) => {
  for (const [name, call] of refused)
    it(name, async () => {
      b.setBackend(backend);
      const start = performance.now();
      const error = await call().then(
        () => expect.fail('it ran'),
        (reason: unknown) => reason,
      );
      expect(performance.now() - start).toBeLessThan(5000);
      expect(error).toBeInstanceOf(b.MemoryError);
      const { code, message, requiredBytes, availableBytes } = error as b.MemoryError;
      expect(code).toBe('ERR_BRAWN_MEMORY');
      expect(requiredBytes).toBeGreaterThan(availableBytes);
      expect(message).toContain(`${(requiredBytes / 2 ** 20).toFixed(1)} MiB`);
      expect(message).toContain(`${(availableBytes / 2 ** 20).toFixed(1)} MiB`);
      expect(await b.tensor([1, 2]).add(1).toArray()).toEqual([2, 3]);
    });
});

it('an update that was refused for lack of memory leaves the variable as it was', async () => {
  const v = new b.Variable(b.tensor(1), { name: 'v' });
  const step = b.compile((x: b.Tensor<'float32'>) => v.assign(b.sum(b.exp(b.expand(b.add(x, v), [1e6, 1e6])))));
  await expect(step(b.tensor(1))).rejects.toMatchObject({ code: 'ERR_BRAWN_MEMORY' });
  const y = b.add(v, 1);
  v.assign(b.sum(b.exp(b.randn([1e6, 1e6]))));
  await expect(b.evaluate([])).rejects.toMatchObject({ code: 'ERR_BRAWN_MEMORY' });
  expect([await v.item(), await y.item()]).toEqual([1, 2]);
});

/** Prints the growth of heap and resident memory, and of time: the best of the late rounds by the worst of the early. */
const measure = (setUp: string, body: string, count: number) => `
import * as b from './src/index.js';
${setUp}
const round = async () => {
  const start = performance.now();
  for (let i = 0; i < ${count / 5}; i++) { ${body} }
  gc(); gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { time: performance.now() - start, own: heapUsed + external, rss };
};
await round();
const rounds = [await round(), await round(), await round(), await round()];
const [a, , , d] = rounds;
const [t0, t1, t2, t3] = rounds.map(({ time }) => time);
console.log(JSON.stringify({ own: d.own - a.own, rss: d.rss - a.rss, time: Math.min(t2, t3) / Math.max(t0, t1) }));
`;

const loops: readonly (readonly [name: string, setUp: string, body: string, count: number])[] = [
  ['x = x.mul(0.9), read each time', 'let x = b.ones([1000]);', 'x = x.mul(0.9); await x.data();', 20_000],
  [
    'training without compile',
    `const model = b.nn.sequential(b.nn.linear(8, 16), b.nn.relu(), b.nn.linear(16, 1));
const optimizer = b.optim.adam(model.parameters());
const [x, y] = [b.randn([16, 8]), b.randn([16, 1])];
await b.evaluate([x, y]);`,
    'const loss = b.mseLoss(model.forward(x), y); optimizer.minimize(loss); await loss.item();',
    2000,
  ],
  [
    'a new constant, and so a new program, each time',
    'let x = b.ones([10]); let k = 1;',
    'x = x.mul(1 + (k++ % 5000) / 1e5); await x.data();',
    4000,
  ],
  [
    'updates that fail',
    'const v = new b.Variable(b.ones([10])); const far = b.tensor(new Int32Array(10).fill(99));',
    'v.assign(v.add(b.gather(b.ones([10]), 0, far))); await v.data().catch(() => 0);',
    4000,
  ],
];

describe('loops keep no memory and do not slow down', () => {
  for (const [name, setUp, body, count] of loops)
    it(name, () => {
      const { status, stdout, stderr } = runModule(measure(setUp, body, count));
      expect([status, stderr]).toEqual([0, '']);
      const { own, rss, time } = JSON.parse(stdout) as Record<'own' | 'rss' | 'time', number>;
      expect(own).toBeLessThan(2 ** 20);
      expect(rss).toBeLessThan(2 ** 25);
      expect(time).toBeLessThan(2);
    });
});
