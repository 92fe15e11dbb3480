/** Invariants of a placed plan, checked in tests after every planning. */
import { bytesOf } from '../dtype.js';
import { InternalError } from '../errors.js';
import { bytesIn } from '../graph/node.js';
import { showShape, sizeOf } from '../shape.js';
import { type Buffer, isWhole, type Operand, operandsOf, type StepList } from './ir.js';

/**
 * Throws when operands leave their buffers, reads come before writes, parts of a buffer overlap, or live buffers overlap
 * in the arena.
 */
export function verifyPlan(list: StepList, arenaBytes: number): void {
  const written = new Map<Buffer, Operand[]>();
  const range = new Map<Buffer, [number, number]>();
  list.steps.forEach((step, index) => {
    for (const operand of [...operandsOf(step.reads), ...operandsOf(step.writes)]) {
      const { buffer } = operand;
      if (sizeOf(operand.shape) > 0) {
        let low = operand.offset;
        let high = operand.offset;
        operand.shape.forEach((dim, i) => {
          const reach = (dim - 1) * operand.strides[i];
          if (reach < 0) low += reach;
          else high += reach;
        });
        if (low < 0 || (high + 1) * bytesOf(operand.dtype) > buffer.bytes)
          throw new InternalError(`plan: step ${index} (${step.label}) reaches outside of buffer ${buffer.id}`);
      }
      if (buffer.place.kind === 'arena') range.set(buffer, [range.get(buffer)?.[0] ?? index, index]);
    }
    for (const operand of operandsOf(step.reads))
      if (operand.buffer.place.kind !== 'leaf' && !isWritten(operand, written.get(operand.buffer) ?? []))
        throw new InternalError(
          `plan: step ${index} (${step.label}) reads buffer ${operand.buffer.id} before it is written`,
        );
    for (const operand of operandsOf(step.writes)) {
      const { buffer } = operand;
      const before = written.get(buffer) ?? [];
      const other = before.find((part) => overlap(part, operand));
      if (other)
        throw new InternalError(`plan: step ${index} (${step.label}) writes a part of buffer ${buffer.id} twice`);
      written.set(buffer, [...before, operand]);
      if (buffer.place.kind === 'leaf' && index < list.commitStart)
        throw new InternalError(`plan: step ${index} (${step.label}) writes a variable before the commit`);
    }
  });
  verifyArena(list, range, arenaBytes);
}

const isPart = (operand: Operand): boolean => sizeOf(operand.shape) > 0 && !isWhole(operand);

/** Whether enough has been written for `operand`: what is read as a whole, all parts of it. */
function isWritten(operand: Operand, writes: readonly Operand[]): boolean {
  if (writes.length === 0 || isPart(operand) || !writes.every(isPart)) return writes.length > 0;
  const bytes = writes.reduce((sum, part) => sum + bytesIn(part), 0);
  return bytes >= operand.buffer.bytes;
}

/** The coordinates of a part's first element, from the outermost stride on, and what they leave of its offset. */
function cornerOf({ strides, offset }: Operand, order: readonly number[]): number[] {
  let rest = offset;
  const corner = order.map((axis) => {
    const at = strides[axis] > 0 ? Math.floor(rest / strides[axis]) : 0;
    rest -= at * strides[axis];
    return at;
  });
  return [...corner, rest];
}

/** Whether two parts that walk a buffer alike have elements in common. */
function overlap(a: Operand, b: Operand): boolean {
  if (!isPart(a) || !isPart(b) || showShape(a.strides) !== showShape(b.strides)) return false;
  const order = [...a.strides.keys()].sort((i, j) => a.strides[j] - a.strides[i]);
  const [cornerA, cornerB] = [cornerOf(a, order), cornerOf(b, order)];
  const meets = order.every(
    (axis, i) => cornerA[i] < cornerB[i] + b.shape[axis] && cornerB[i] < cornerA[i] + a.shape[axis],
  );
  return meets && cornerA[order.length] === cornerB[order.length];
}

function verifyArena(list: StepList, range: ReadonlyMap<Buffer, [number, number]>, arenaBytes: number): void {
  const shared = new Set(
    list.steps.flatMap((step) => step.inPlace.map(({ output, input }) => `${output.id} ${input.id}`)),
  );
  const all = [...range.keys()];
  for (const [i, a] of all.entries()) {
    if (a.place.kind !== 'arena') continue;
    if (a.place.offset < 0 || a.place.offset + a.bytes > arenaBytes)
      throw new InternalError(`plan: buffer ${a.id} lies outside of the arena`);
    for (const b of all.slice(0, i)) {
      if (b.place.kind !== 'arena') continue;
      const [ra, rb] = [range.get(a) as [number, number], range.get(b) as [number, number]];
      if (ra[0] > rb[1] || rb[0] > ra[1]) continue;
      const apart = a.place.offset + a.bytes <= b.place.offset || b.place.offset + b.bytes <= a.place.offset;
      const handedOver = shared.has(`${a.id} ${b.id}`) || shared.has(`${b.id} ${a.id}`);
      if (!apart && !handedOver)
        throw new InternalError(`plan: buffers ${a.id} and ${b.id} overlap while both are alive`);
    }
  }
}
