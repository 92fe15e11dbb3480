/**
 * Memory planning: every intermediate value gets an offset in one arena such that values alive at the same time do
 * not overlap. Largest first into the lowest gap (the greedy-by-size rule of Pisarchyk and Lee, "Efficient Memory
 * Management for Deep Neural Net Inference", 2020); elementwise results take the place of an input that dies.
 */
import { type Buffer, operandsOf, type StepList } from './ir.js';

/** Cache lines, and the widest vectors, start at multiples of this. */
const kAlign = 64;

interface Interval {
  bytes: number;
  first: number;
  last: number;
  readonly members: Buffer[];
  offset: number;
}

const roundUp = (bytes: number): number => Math.ceil(bytes / kAlign) * kAlign;

function intervals(list: StepList): Interval[] {
  const of = new Map<Buffer, Interval>();
  list.steps.forEach((step, index) => {
    for (const { buffer } of [...operandsOf(step.reads), ...operandsOf(step.writes)]) {
      if (buffer.place.kind !== 'arena') continue;
      const known = of.get(buffer);
      if (known) known.last = index;
      else of.set(buffer, { bytes: roundUp(buffer.bytes), first: index, last: index, members: [buffer], offset: -1 });
    }
  });
  list.steps.forEach((step, index) => {
    for (const { output, input } of step.inPlace) {
      const from = of.get(input);
      const to = of.get(output);
      if (!from || !to || from === to || from.last !== index || to.first !== index || from.bytes !== to.bytes) continue;
      from.last = to.last;
      from.members.push(...to.members);
      for (const member of to.members) of.set(member, from);
    }
  });
  return [...new Set(of.values())];
}

/** Places every arena buffer of the list; returns the arena's size in bytes. */
export function planMemory(list: StepList): number {
  const all = intervals(list).sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  const placed: Interval[] = [];
  let arena = 0;
  for (const interval of all) {
    let offset = 0;
    for (const other of placed) {
      if (other.last < interval.first || other.first > interval.last) continue;
      if (offset + interval.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    interval.offset = offset;
    for (const member of interval.members) member.place = { kind: 'arena', offset };
    // Kept sorted by offset: the scan above looks for the lowest gap.
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, interval);
    arena = Math.max(arena, offset + interval.bytes);
  }
  return arena;
}
