/** What a program did in one run: its explanation, with the time of each kernel beside what the machine can do. */
import { addon } from './addon.js';
import { callTable, type Explanation, type KernelCall } from './explain.js';
import { measurePeak } from './peak.js';

/** A kernel call that was run. */
export interface ProfiledCall extends KernelCall {
  readonly microseconds: number;
  /** Billions of floating-point operations a second. */
  readonly gflops: number;
  /**
   * Share of the float32 operations that all compute threads can do in that time. Above 1 where fewer are done than are
   * counted: Winograd's kernels count those of the direct convolution.
   */
  readonly share: number;
}

/** An explanation with what one run took. */
export interface Profile extends Explanation {
  readonly kernels: readonly ProfiledCall[];
  /** Of all kernels together. */
  readonly microseconds: number;
  /** What all compute threads can do: float32 multiply-adds in registers, measured; billions of operations a second. */
  readonly peakGflops: number;
}

const kPeakMilliseconds = 50;
/** By instruction set and threads. */
const peaks = new Map<string, number>();

async function peakGflops(): Promise<number> {
  const key = `${addon().cpu().isa} ${addon().getThreads()}`;
  const known = peaks.get(key) ?? (await measurePeak(kPeakMilliseconds)) / 1e9;
  peaks.set(key, known);
  return known;
}

/** @param nanoseconds Of each kernel. */
export async function profileOf(explanation: Explanation, nanoseconds: Float64Array): Promise<Profile> {
  const peak = await peakGflops();
  const kernels = explanation.kernels.map((call, i): ProfiledCall => {
    // The clock may not have moved.
    const gflops = call.flops / Math.max(nanoseconds[i], 1);
    return { ...call, microseconds: nanoseconds[i] / 1e3, gflops, share: gflops / peak };
  });
  const microseconds = nanoseconds.reduce((a, b) => a + b, 0) / 1e3;
  const profile = { ...explanation, kernels, microseconds, peakGflops: peak };
  return Object.defineProperty(profile, 'toString', { value: () => show(profile) });
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function show({ kernels, microseconds, flops, bytes, peakGflops }: Profile): string {
  const counted = (show: (call: ProfiledCall) => string) => (call: ProfiledCall) => (call.flops > 0 ? show(call) : '');
  const bandwidth = (moved: number, time: number) => (moved / Math.max(1e3 * time, 1)).toFixed(1);
  const lines = callTable(kernels, {
    us: (call) => call.microseconds.toFixed(1),
    time: (call) => percent(call.microseconds / microseconds),
    'GFLOP/s': counted((call) => call.gflops.toFixed(1)),
    peak: counted((call) => percent(call.share)),
    'GB/s': (call) => bandwidth(call.bytes, call.microseconds),
  });
  const rate = flops / (1e3 * microseconds);
  const reached = `${rate.toFixed(1)} GFLOP/s, ${percent(rate / peakGflops)} of ${peakGflops.toFixed(1)}`;
  const time = `${kernels.length} kernels in ${(microseconds / 1e3).toFixed(3)} ms`;
  return [...lines, '', `${time}: ${reached}; ${bandwidth(bytes, microseconds)} GB/s`].join('\n');
}
