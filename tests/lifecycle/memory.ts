/**
 * Resident memory over many LeNet steps, without any clean-up call: `memory.ts [steps] [batch]`. Exits with 1 when it
 * grows by 1 % or more in each quarter of the steps after the first 600: allocators take and return memory in jumps, but
 * what leaks grows steadily. The JavaScript engine's heap, which grows and shrinks as it likes, does not count.
 */
import { lenetRun } from './lenet-steps.js';

const steps = Number(process.argv[2] ?? 10_000);
const batch = Number(process.argv[3] ?? 4);
const { step } = await lenetRun(batch);

const warmUp = 600;
const quarters = 4;

const settled = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
};

const run = async (count: number) => {
  for (let i = 0; i < count; i++) await step();
  return settled();
};

const marks = [await run(warmUp)];
for (let i = 0; i < quarters; i++) marks.push(await run((steps - warmUp) / quarters));
const growth = marks.slice(1).map((mark, i) => mark / marks[i] - 1);
const mib = marks.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`);
const percent = growth.map((part) => `${(part * 100).toFixed(2)} %`);
console.log(`resident ${mib.join(' -> ')}, grew by ${percent.join(', ')} over ${steps} steps`);
process.exitCode = Math.min(...growth) < 0.01 ? 0 : 1;
