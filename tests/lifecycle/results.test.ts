/** The arrays of results: memory of their own, whose every element the program has written, and that is used again. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import * as b from '../../src/index.js';

/** Elements of a result of more than 4 MiB, which lies on huge pages, and of one of more than 64 KiB. */
const lengths = [1_500_001, 20_000];

it.each(lengths)(
  'a result of %i elements is written wholly, however often its memory is used again',
  async (length) => {
    const fill = b.compile((x: b.Tensor<'float32'>) => b.add(b.expand(x, [length]), 1));
    for (let i = 0; i < 12; i++) {
      const result = await (await fill(b.tensor([i]))).data();
      expect(result.length).toBe(length);
      expect(result.every((element) => element === i + 1)).toBe(true);
    }
  },
);

it.each(lengths)('a result of %i elements has a buffer of its own that can be transferred', async (length) => {
  const result = await b.add(b.ones([length]), 1).data();
  expect([result.byteOffset, result.buffer.byteLength]).toEqual([0, 4 * length]);
  const moved = structuredClone(result, { transfer: [result.buffer as ArrayBuffer] });
  expect(moved[length - 1]).toBe(2);
  expect(result.length).toBe(0);
});

it('memory that the run of a terminated worker still writes is not given to other results', async () => {
  const [length] = lengths;
  const fill = b.compile((x: b.Tensor<'float32'>) => b.add(b.expand(x, [length]), 1));
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(fileURLToPath(new URL('worker-results.mjs', import.meta.url)));
    await once(worker, 'message');
    await new Promise((resolve) => setTimeout(resolve, 50 + 3 * i));
    const ended = worker.terminate();
    const results = await Promise.all(Array.from({ length: 8 }, (_, k) => fill(b.tensor([k]))));
    await ended;
    for (const [k, result] of results.entries()) {
      const elements = await result.data({ copy: false });
      expect(elements.every((element) => element === k + 1)).toBe(true);
    }
  }
});

/** A result of 8 MiB. */
const large = () => {
  const fill = b.compile((x: b.Tensor<'float32'>) => b.add(b.expand(x, [2 ** 21]), 1));
  return async () => (await fill(b.tensor([1]))).data({ copy: false });
};

it('results that die young do not pile up', async () => {
  const call = large();
  let most = 0;
  const before = process.memoryUsage().external;
  for (let i = 0; i < 100; i++) {
    await call();
    most = Math.max(most, process.memoryUsage().external - before);
  }
  // 800 MiB go by; V8 scavenges from 32 MiB of young buffers on.
  expect(most / 2 ** 20).toBeLessThan(160);
});

it('results that were held for a while give their memory back', async () => {
  const call = large();
  const held: unknown[] = [];
  const grown: number[] = [];
  for (let i = 0; i < 400; i++) {
    held[i % 6] = await call();
    if (i % 100 === 99) grown.push(process.memoryUsage.rss() / 2 ** 20);
  }
  // 3.1 GiB went by; at most 256 MiB, what V8 lets grow before it collects, and idle memory stay.
  expect((grown[3] ?? 0) - (grown[1] ?? 0)).toBeLessThan(256);
});
