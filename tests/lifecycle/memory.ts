/**
 * Resident memory over many LeNet steps, without any clean-up call: `memory.ts [steps] [batch]`. Exits with 1 when it
 * grows by 2 % or more after the first tenth (at least 600 steps: until then the JavaScript engine still grows its heap).
 */
import { lenetRun } from './lenet-steps.js';

const steps = Number(process.argv[2] ?? 10_000);
const batch = Number(process.argv[3] ?? 4);
const { step } = await lenetRun(batch);

const settled = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage.rss();
};

const warmUp = Math.max(steps / 10, 600);
for (let i = 0; i < warmUp; i++) await step();
const before = settled();
for (let i = warmUp; i < steps; i++) await step();
const after = settled();
const growth = after / before - 1;
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(`resident ${mib(before)} -> ${mib(after)}, grew by ${(growth * 100).toFixed(2)} % over ${steps} steps`);
process.exitCode = growth < 0.02 ? 0 : 1;
