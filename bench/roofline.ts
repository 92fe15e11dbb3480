/**
 * What the machine can do, measured: multiply-adds in registers on all compute threads, and reading memory far larger
 * than the caches. `leastSeconds` is what a program would take if each of its kernels were held back by nothing but the
 * nearer of the two limits.
 */
import type { TypedArray } from '../src/dtype.js';
import { compile, type Explanation, randn, sum, type Tensor } from '../src/index.js';
import { emit } from '../src/plan/emit.js';
import type { Buffer, Operand, Step } from '../src/plan/ir.js';
import { addon } from '../src/runtime/addon.js';
import { measure } from './measure.js';

export interface Machine {
  /** Floating-point operations a second, float32. */
  readonly flops: number;
  /** Bytes a second, read from memory. */
  readonly bandwidth: number;
}

const kPeakTasks = 64;
const kPeakRounds = 10_000;

/** Runs the kernel that does nothing but multiply-adds; gives the operations it did. */
async function multiplyAdd(): Promise<number> {
  const buffer: Buffer = { id: 0, bytes: kPeakTasks * 8, place: { kind: 'output', index: 0 } };
  const flops: Operand = { buffer, dtype: 'float64', shape: [kPeakTasks], strides: [1], offset: 0 };
  const step: Step = {
    kernel: 'peak_fma_f32',
    reads: {},
    writes: { flops },
    params: { tasks: kPeakTasks, rounds: kPeakRounds },
    label: 'peak',
    flops: 0,
    inPlace: [],
  };
  const list = { steps: [step], commitStart: 1, buffers: [buffer], outputBytes: [buffer.bytes] };
  const native = addon();
  const program = native.createProgram(emit(list, [], 0, native.table));
  const done = new Float64Array(kPeakTasks);
  await new Promise<void>((resolve, reject) => {
    native.run(program, [done as TypedArray], false, false, (failure) =>
      failure ? reject(new Error(failure.message)) : resolve(),
    );
  });
  return done.reduce((a, b) => a + b, 0);
}

/** Measures the limits with the compute threads there are now; takes about a second. */
export async function measureMachine(): Promise<Machine> {
  const work = await multiplyAdd();
  const peak = await measure({ run: multiplyAdd }, 0.3);
  const x = randn([1 << 25]);
  await x.data();
  const read = compile((a: Tensor<'float32'>) => sum(a));
  const reading = await measure({ run: () => read(x) }, 0.3);
  return { flops: work / peak.least, bandwidth: (4 * x.size) / reading.least };
}

/** The sum over kernels of the time that the nearer limit allows. */
export function leastSeconds({ kernels }: Explanation, { flops, bandwidth }: Machine): number {
  return kernels.reduce((total, call) => total + Math.max(call.flops / flops, call.bytes / bandwidth), 0);
}

export const showMachine = ({ flops, bandwidth }: Machine, threads: number): string =>
  `${threads} threads: multiply-adds ${(flops / 1e9).toFixed(1)} GFLOP/s, memory ${(bandwidth / 1e9).toFixed(1)} GB/s`;
