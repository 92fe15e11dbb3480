/**
 * What the machine can do, measured: multiply-adds in registers on all compute threads, and reading memory far larger
 * than the caches. `leastSeconds` is what a program would take if each of its kernels were held back by nothing but the
 * nearer of the two limits.
 */
import { compile, type Explanation, randn, sum, type Tensor } from '../src/index.js';
import { measurePeak } from '../src/runtime/peak.js';
import { measure } from './measure.js';

export interface Machine {
  /** Floating-point operations a second, float32. */
  readonly flops: number;
  /** Bytes a second, read from memory. */
  readonly bandwidth: number;
}

/** Measures the limits with the compute threads there are now; takes about a second. */
export async function measureMachine(): Promise<Machine> {
  const flops = await measurePeak(300);
  const x = randn([1 << 25]);
  await x.data();
  const read = compile((a: Tensor<'float32'>) => sum(a));
  const reading = await measure({ run: () => read(x) }, 0.3);
  return { flops, bandwidth: (4 * x.size) / reading.least };
}

/** The sum over kernels of the time that the nearer limit allows. */
export function leastSeconds({ kernels }: Explanation, { flops, bandwidth }: Machine): number {
  return kernels.reduce((total, call) => total + Math.max(call.flops / flops, call.bytes / bandwidth), 0);
}

export const showMachine = ({ flops, bandwidth }: Machine, threads: number): string =>
  `${threads} threads: multiply-adds ${(flops / 1e9).toFixed(1)} GFLOP/s, memory ${(bandwidth / 1e9).toFixed(1)} GB/s`;
