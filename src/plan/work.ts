/** How much work the steps of a plan are, for explain() and for the choice of the thread that runs a program. */
import { bytesOf } from '../dtype.js';
import { sizeOf } from '../shape.js';
import { operandsOf, type Step, type StepList } from './ir.js';

/** Bytes that a step reads and writes at least. */
export function distinctBytes(step: Step): number {
  const seen = new Set<string>();
  let bytes = 0;
  for (const operand of [...operandsOf(step.reads), ...operandsOf(step.writes)]) {
    const key = `${operand.buffer.id} ${operand.offset} ${operand.shape}`;
    if (seen.has(key)) continue;
    seen.add(key);
    // Broadcast dimensions are read once.
    bytes += sizeOf(operand.shape.filter((_, i) => operand.strides[i] !== 0)) * bytesOf(operand.dtype);
  }
  return bytes;
}

// Nanoseconds on one slow core: the call of a kernel, a byte of a kernel that counts its operations, and a byte of one
// that does not (sorting, random numbers).
const kStep = 200;
const kByte = 0.1;
const kUncountedByte = 4;
// An operation of a kernel that counts them, by instruction set: a third of what products of matrices reach.
const kFlop: Readonly<Record<string, number>> = { ref: 0.25, neon: 0.08, avx2: 0.03, avx512: 0.025 };
// An elementwise operation on one element; in double precision most mathematics is the C library's.
const kElement = 1;
const kElementDouble = 10;

function nanoseconds(step: Step, isa: string): number {
  const elements = operandsOf(step.writes).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const doubles = step.code?.instructions.filter(({ op }) => op.includes('f64')).length ?? 0;
  const singles = (step.code?.instructions.length ?? 0) - doubles;
  const isCounted = step.flops > 0 || step.code !== undefined;
  return (
    kStep +
    step.flops * (kFlop[isa] ?? kFlop.ref) +
    distinctBytes(step) * (isCounted ? kByte : kUncountedByte) +
    elements * (singles * kElement + doubles * kElementDouble)
  );
}

/**
 * Microseconds that the list takes on one thread, rather too many than too few. `isaOf` tells a kernel's instruction set;
 * without it the slowest is taken.
 */
export function estimateMicroseconds(list: StepList, isaOf: (kernel: string) => string = () => 'ref'): number {
  return list.steps.reduce((sum, step) => sum + nanoseconds(step, isaOf(step.kernel)), 0) / 1e3;
}
