/**
 * Four worker threads with one model of the built package in the folder that is given, `shared` or each with its own
 * weights; prints what memory the workers took and whether all gave the same result.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const folder = isMainThread ? process.argv[2] : workerData.folder;
const { manualSeed, nn } = await import(`${folder}/index.js`);
const { create } = await import(`${folder}/models/index.js`);
const options = { shape: [3, 64, 64], batch: [1] };

manualSeed(7);
const run = await nn.compileModel(create('resnet34'), { ...options, shared: workerData?.shared });
const result = await (await run(new Float32Array(3 * 64 * 64).fill(0.5))).data();

if (isMainThread) {
  const shared = process.argv[3] === 'shared' ? await run.share() : undefined;
  const before = process.memoryUsage.rss();
  const workers = Array.from({ length: 4 }, () => {
    return new Worker(fileURLToPath(import.meta.url), { workerData: { folder, shared } });
  });
  const replies = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  const grown = process.memoryUsage.rss() - before;
  const { weightBytes, preparedBytes } = run.info;
  const isSame = replies.every((reply) => reply.result.every((value, i) => value === result[i]));
  console.log(JSON.stringify({ grown, weightBytes, preparedBytes, isSame, prepared: replies.map((r) => r.prepared) }));
  await Promise.all(workers.map((worker) => worker.terminate()));
} else {
  const [{ prepareMilliseconds }] = run.info.programs;
  parentPort.postMessage({ result, prepared: prepareMilliseconds });
  // The memory is counted while all workers are alive.
  setInterval(() => undefined, 1000);
}
