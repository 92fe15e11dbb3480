/** A process that maps in worker threads; prints what came out. */
import { createHash } from 'node:crypto';
import { isMainThread } from 'node:worker_threads';
import {
  augment,
  augmentInWorkers,
  colorJitter,
  fromArrays,
  type HostSample,
  inWorkers,
} from '../../src/data/index.js';

/** Runs in the threads. */
export function map(sample: HostSample, { index }: { readonly index: number }, data: { readonly fail: number }) {
  if (index === data.fail) throw new Error(`no sample ${index}`);
  if (index === 3) return undefined;
  return { n: { data: Int32Array.of(Number(sample.n.data[0]) * 10), shape: [], dtype: 'int32' } };
}

const numbers = fromArrays({ n: { data: Int32Array.from({ length: 8 }, (_, i) => i) } });

async function main(): Promise<void> {
  const mapped = inWorkers(import.meta.url, { workers: 2, data: { fail: 5 } });
  const good: number[] = [];
  const data = numbers.map(mapped, { concurrency: 4 }).onError('skip');
  for await (const { n } of data) good.push(Number(await n.item()));
  console.log(good.join(' '), '|', data.skipped.map(({ what, error }) => `${what}: ${error.message}`).join());

  const images = fromArrays({
    image: { data: Float32Array.from({ length: 8 * 3 * 36 }, (_, i) => (i % 97) / 97), shape: [8, 3, 6, 6] },
  });
  const list = [colorJitter({ hue: 0.3, contrast: 0.5 })];
  const hashes: string[] = [];
  const threads = augmentInWorkers(list, { seed: 4, workers: 2 });
  for (const fn of [augment(list, { seed: 4 }), threads]) {
    const hash = createHash('sha256');
    for await (const { image } of images
      .map(fn as never, { concurrency: 3 })
      .batch(3)
      .from(2))
      hash.update((await image.data()) as Float32Array);
    hashes.push(hash.digest('hex'));
  }
  console.log(hashes[0] === hashes[1]);
  await threads.close();
  const missing = numbers.map(inWorkers(new URL('./no-such-file.js', import.meta.url), { workers: 1 }));
  await missing.length();
  const loop = async () => {
    for await (const _ of missing) break;
  };
  await loop().catch((error: Error) => console.log(/no-such-file/.test(error.message)));
}

// The threads import this file too.
if (isMainThread) await main();
