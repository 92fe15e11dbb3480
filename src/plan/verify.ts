/** Invariants of a placed plan, checked in tests after every planning. */
import { bytesOf } from '../dtype.js';
import { InternalError } from '../errors.js';
import { sizeOf } from '../shape.js';
import { type Buffer, operandsOf, type StepList } from './ir.js';

/** Throws when operands leave their buffers, reads come before writes, or live buffers overlap in the arena. */
export function verifyPlan(list: StepList, arenaBytes: number): void {
  const written = new Set<Buffer>();
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
    for (const { buffer } of operandsOf(step.reads))
      if (buffer.place.kind !== 'leaf' && !written.has(buffer))
        throw new InternalError(`plan: step ${index} (${step.label}) reads buffer ${buffer.id} before it is written`);
    for (const { buffer } of operandsOf(step.writes)) {
      written.add(buffer);
      if (buffer.place.kind === 'leaf' && index < list.commitStart)
        throw new InternalError(`plan: step ${index} (${step.label}) writes a variable before the commit`);
    }
  });
  verifyArena(list, range, arenaBytes);
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
