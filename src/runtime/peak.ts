/**
 * What the compute threads can do at most, measured: multiply-adds in registers, without memory; and what calling them
 * costs.
 */
import { NativeError } from '../errors.js';
import { emit } from '../plan/emit.js';
import type { Buffer, Operand, Step } from '../plan/ir.js';
import { addon, here, type NativeProgram } from './addon.js';

const kTasks = 64;
const kRounds = 10_000;

/** `calls` of the kernel that does nothing but multiply-adds, `rounds` of them in each task. */
function multiplyAdds(tasks: number, rounds: number, calls: number): NativeProgram {
  const buffer: Buffer = { id: 0, bytes: tasks * 8, place: { kind: 'output', index: 0 } };
  const flops: Operand = { buffer, dtype: 'float64', shape: [tasks], strides: [1], offset: 0 };
  const step: Step = {
    kernel: 'peak_fma_f32',
    reads: {},
    writes: { flops },
    params: { tasks, rounds },
    label: 'peak',
    flops: 0,
    inPlace: [],
  };
  const native = addon();
  const steps = Array.from({ length: calls }, () => step);
  const list = { steps, commitStart: calls, buffers: [buffer], outputBytes: [buffer.bytes] };
  return native.createProgram(emit(list, [], 0, native.table));
}

function run(program: NativeProgram, done: Float64Array): Promise<void> {
  return new Promise((resolve, reject) => {
    addon().run(program, [done], false, (result) =>
      result === true ? resolve() : reject(new NativeError(result.failure?.message ?? 'measurePeak: failed')),
    );
  });
}

/** Float32 operations a second on all compute threads: the best of runs that take `milliseconds` together. */
export async function measurePeak(milliseconds: number): Promise<number> {
  const program = multiplyAdds(kTasks, kRounds, 1);
  const done = new Float64Array(kTasks);
  const end = performance.now() + milliseconds;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 || performance.now() < end; i++) {
    const start = performance.now();
    await run(program, done);
    least = Math.min(least, performance.now() - start);
  }
  return (1e3 * done.reduce((a, b) => a + b, 0)) / least;
}

// Short runs: on a machine that others use too, some of them have all threads to themselves.
const kCalls = 40;
const kShortRounds = 1000;

/**
 * Seconds that it takes to hand a kernel to all compute threads in the middle of a program, and to have it back: what a
 * call of a microsecond or two with a task for each thread takes longer than one task alone. Holds the event loop.
 */
export function measureDispatch(milliseconds: number): number {
  const threads = addon().getThreads();
  const done = new Float64Array(threads);
  const least = [threads, 1].map((tasks) => {
    const program = multiplyAdds(tasks, kShortRounds, kCalls);
    const end = performance.now() + milliseconds / 2;
    let seconds = Number.POSITIVE_INFINITY;
    for (let start = performance.now(); start < end; start = performance.now()) {
      program(here.wait, false, done);
      seconds = Math.min(seconds, (performance.now() - start) / 1e3);
    }
    return seconds;
  });
  return Math.max(0, least[0] - least[1]) / kCalls;
}
