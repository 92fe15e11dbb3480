/** Many calls of one model at once: right results, a free event loop, bounded memory, and no loss of throughput. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { manualSeed, nn, setThreads } from '../../src/index.js';
import { distance } from '../distance.js';

const shape = [16, 32, 32];
const kCalls = 64;

const network = () =>
  nn.sequential(
    nn.conv2d(16, 64, 3, { padding: 1, bias: false }),
    nn.batchNorm2d(64),
    nn.relu(),
    nn.conv2d(64, 64, 3, { padding: 1 }),
    nn.relu(),
    nn.globalAvgPool2d(),
    nn.flatten(),
    nn.linear(64, 10),
  );

const image = (seed: number) => Float32Array.from({ length: 16 * 32 * 32 }, (_, i) => Math.sin(i * (seed + 1)));

/** 99 % of the event loop's delays are shorter than this many milliseconds. */
async function delayDuring(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return delay.percentile(99) / 1e6;
}

it('64 calls of one model give what each gives alone, and leave the event loop alone', async () => {
  manualSeed(0);
  const run = await nn.compileModel(network(), { shape, batch: [1] });
  const images = Array.from({ length: kCalls }, (_, i) => image(i));
  const expected: Float32Array[] = [];
  for (const x of images) expected.push(await (await run(x)).data());
  const all = () => Promise.all(images.map(async (x) => (await run(x)).data()));
  await all();
  // What others on this machine take from the loop is not ours to answer for.
  const idle = await delayDuring(() => sleep(300));
  const before = process.memoryUsage.rss();
  let results: Float32Array[] = [];
  const busy = await delayDuring(async () => {
    for (let round = 0; round < 5; round++) results = await all();
  });
  for (const [i, result] of results.entries()) expect(result).toEqual(expected[i]);
  expect(distance(results[0], results[1])).toBeGreaterThan(0);
  // One arena for each call that really runs at the same time, not for each that waits.
  const arenas = run.info.programs[0].arenaBytes * kCalls;
  expect(process.memoryUsage.rss() - before).toBeLessThan(arenas / 2);
  console.log(`64 calls at once: event loop p99 ${busy.toFixed(1)} ms, idle ${idle.toFixed(1)} ms`);
  expect(busy - idle).toBeLessThan(10);
});

it('calls at once share the threads and take no longer than one after the other', async () => {
  setThreads(2);
  const run = await nn.compileModel(network(), { shape, batch: [1] });
  const images = Array.from({ length: 16 }, (_, i) => image(i));
  const time = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const ratios: number[] = [];
  for (let round = 0; round < 9; round++) {
    const together = await time(() => Promise.all(images.map((x) => run(x))));
    const alone = await time(async () => {
      for (const x of images) await run(x);
    });
    ratios.push(together / alone);
  }
  ratios.sort((a, b) => a - b);
  console.log(`16 calls at once take ${ratios[4].toFixed(2)} of the time of 16 in turn`);
  expect(ratios[4]).toBeLessThan(1.25);
});
