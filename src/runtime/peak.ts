/** What the compute threads can do at most, measured: multiply-adds in registers, without memory. */
import { NativeError } from '../errors.js';
import { emit } from '../plan/emit.js';
import type { Buffer, Operand, Step } from '../plan/ir.js';
import { addon, type NativeProgram } from './addon.js';

const kTasks = 64;
const kRounds = 10_000;

/** The kernel that does nothing but multiply-adds. */
function multiplyAdds(): NativeProgram {
  const buffer: Buffer = { id: 0, bytes: kTasks * 8, place: { kind: 'output', index: 0 } };
  const flops: Operand = { buffer, dtype: 'float64', shape: [kTasks], strides: [1], offset: 0 };
  const step: Step = {
    kernel: 'peak_fma_f32',
    reads: {},
    writes: { flops },
    params: { tasks: kTasks, rounds: kRounds },
    label: 'peak',
    flops: 0,
    inPlace: [],
  };
  const native = addon();
  const list = { steps: [step], commitStart: 1, buffers: [buffer], outputBytes: [buffer.bytes] };
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
  const program = multiplyAdds();
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
