/** Same seed, same bits, whatever the thread count. */
import { afterAll, expect, it } from 'vitest';
import { getThreads, setThreads } from '../../src/index.js';
import { lenetRun, weightsOf } from './lenet-steps.js';

const threads = getThreads();
afterAll(() => setThreads(threads));

it('100 LeNet steps give bitwise equal weights with 1, 2 and 4 threads', async () => {
  const results: Buffer[] = [];
  for (const count of [1, 2, 4]) {
    setThreads(count);
    const { model, step } = await lenetRun(16);
    const first = await step();
    for (let i = 1; i < 99; i++) await step();
    expect(await step()).toBeLessThan(first);
    results.push(await weightsOf(model));
  }
  expect(results[1].equals(results[0])).toBe(true);
  expect(results[2].equals(results[0])).toBe(true);
});
