/** Runs are asynchronous: the event loop stays free, an idle process is idle, and a run can be stopped. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { add, compile, matmul, mul, randn, type Tensor, Variable, zeros } from '../../src/index.js';

type T = Tensor<'float32'>;

/** A program of many large products. */
const long = (steps: number) =>
  compile((x: T) => {
    let y = x;
    for (let i = 0; i < steps; i++) y = mul(matmul(y, x), 1e-3);
    return y;
  });

async function square(size: number): Promise<T> {
  const x = randn([size, size]);
  await x.data();
  return x;
}

it('a 1 ms timer keeps firing while a program of about a second runs', async () => {
  const x = await square(1024);
  const probe = long(4);
  await probe(x);
  const start = performance.now();
  await probe(x);
  const steps = Math.ceil((1000 / (performance.now() - start)) * 4);
  const program = long(steps);
  program.explain(x);
  await sleep(20);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  delay.enable();
  const from = performance.now();
  await program(x);
  const took = performance.now() - from;
  delay.disable();
  clearInterval(timer);
  expect(took).toBeGreaterThan(300);
  expect(ticks).toBeGreaterThan(took / 10);
  expect(delay.percentile(99) / 1e6).toBeLessThan(10);
});

it('an idle process uses no CPU', async () => {
  await long(2)(await square(256));
  await sleep(50);
  const before = process.cpuUsage();
  await sleep(1000);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e3).toBeLessThan(100);
});

it('AbortSignal stops a run between kernels, with the reason', async () => {
  const x = await square(1024);
  const program = long(200);
  program.explain(x);
  const controller = new AbortController();
  const running = program.run({ signal: controller.signal }, x);
  await sleep(30);
  const start = performance.now();
  controller.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(performance.now() - start).toBeLessThan(1000);
  await expect(program.run({ signal: AbortSignal.abort() }, x)).rejects.toThrow();
});

it('an aborted step has changed no variable', async () => {
  const x = await square(1024);
  const state = new Variable(zeros([1024, 1024]), { name: 'state' });
  const count = new Variable(zeros([]), { name: 'count' });
  const step = compile((a: T) => {
    let y = a;
    for (let i = 0; i < 100; i++) y = mul(matmul(y, a), 1e-3);
    state.assign(y);
    count.assign(add(count, 1));
  });
  step.explain(x);
  const controller = new AbortController();
  const running = step.run({ signal: controller.signal }, x);
  setTimeout(() => controller.abort(), 20);
  await expect(running).rejects.toThrow();
  expect(await count.item()).toBe(0);
  expect((await state.data()).every((value) => value === 0)).toBe(true);
});
