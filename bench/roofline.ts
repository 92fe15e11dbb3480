/**
 * What the machine can do, measured: multiply-adds in registers on all compute threads, and reading memory far larger
 * than the caches; and what the threads cost and bring. `leastSeconds` is what a program would take if each of its
 * kernels were held back by nothing but the nearer of the two limits.
 */
import { compile, type Explanation, getThreads, matmul, randn, setThreads, sum, type Tensor } from '../src/index.js';
import { measureDispatch, measurePeak } from '../src/runtime/peak.js';
import { measure } from './measure.js';

export interface Machine {
  /** Floating-point operations a second, float32. */
  readonly flops: number;
  /** Bytes a second, read from memory. */
  readonly bandwidth: number;
  /** Seconds to hand a kernel to all threads while they are busy with a program, and to have it back. */
  readonly dispatch: number;
  /** How many times as fast as on one thread a product of large matrices is. */
  readonly scaling: number;
}

const kSeconds = 0.3;

/** The least seconds of a product of matrices on so many threads, in turn. */
async function productSeconds(threads: readonly number[]): Promise<number[]> {
  const a = randn([512, 512]);
  await a.data();
  const product = compile((x: Tensor<'float32'>) => matmul(x, x));
  const least = threads.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 2; round++)
    for (const [i, count] of threads.entries()) {
      setThreads(count);
      least[i] = Math.min(least[i], (await measure({ run: () => product(a) }, kSeconds)).least);
    }
  return least;
}

/** Measures the limits with the compute threads there are now; takes some two seconds. */
export async function measureMachine(): Promise<Machine> {
  const threads = getThreads();
  const flops = await measurePeak(1e3 * kSeconds);
  const dispatch = measureDispatch(1e3 * kSeconds);
  const [alone, together] = await productSeconds([1, threads]);
  const x = randn([1 << 25]);
  await x.data();
  const read = compile((a: Tensor<'float32'>) => sum(a));
  const reading = await measure({ run: () => read(x) }, kSeconds);
  return { flops, bandwidth: (4 * x.size) / reading.least, dispatch, scaling: alone / together };
}

/** The sum over kernels of the time that the nearer limit allows. */
export function leastSeconds({ kernels }: Explanation, { flops, bandwidth }: Machine): number {
  return kernels.reduce((total, call) => total + Math.max(call.flops / flops, call.bytes / bandwidth), 0);
}

export const showMachine = ({ flops, bandwidth, dispatch, scaling }: Machine, threads: number): string =>
  `${threads} threads: multiply-adds ${(flops / 1e9).toFixed(1)} GFLOP/s, memory ${(bandwidth / 1e9).toFixed(1)} GB/s; ` +
  `a kernel is handed to them in ${(dispatch * 1e6).toFixed(2)} us, large products are ${scaling.toFixed(2)} times as fast as on one`;
