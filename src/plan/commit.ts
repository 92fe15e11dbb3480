/**
 * Commit: assignments to variables go to the end of the program, so that an aborted run has either changed all
 * variables or none. An elementwise step that computes a variable's new value writes it straight over the old one
 * when nothing else still needs that; otherwise the value is copied at the very end. With `inPlace` false all values
 * are copied: anomaly mode looks at every value before any variable changes.
 */
import { sizeOf } from '../shape.js';
import { type Buffer, isWhole, type Operand, operandsOf, type Step } from './ir.js';

interface Assign {
  readonly state: Operand;
  readonly value: Operand;
}

interface Copier {
  copyStep(from: Operand, to: Operand): Step;
  allocate(shape: Operand['shape'], dtype: Operand['dtype']): Operand;
}

const touches = (operands: readonly Operand[], buffer: Buffer): Operand[] =>
  operands.filter((operand) => operand.buffer === buffer);

export function commit(
  steps: readonly Step[],
  assigns: readonly Assign[],
  copier: Copier,
  inPlace: boolean,
): { steps: Step[]; commitStart: number } {
  const live = assigns.filter(({ state }) => sizeOf(state.shape) > 0);
  const tail = inPlace ? findTail(steps, live) : new Set<Step>();
  const isDirect = directWrites(live, tail);
  const direct = live.filter(isDirect);
  const byBuffer = new Map(direct.map(({ state, value }) => [value.buffer, state.buffer]));
  const head = steps.filter((step) => !tail.has(step));
  const end = steps.filter((step) => tail.has(step)).map((step) => redirect(step, byBuffer));
  const rest = live.filter((assign) => !byBuffer.has(assign.value.buffer));
  const assigned = new Set(live.map(({ state }) => state.buffer));
  const saves: Step[] = [];
  const copies = rest.map(({ state, value }) => {
    let from = value;
    // The value is a view of a variable that is itself about to change (a swap): save it first.
    if (assigned.has(value.buffer)) {
      from = copier.allocate(value.shape, value.dtype);
      saves.push(copier.copyStep(value, from));
    }
    return copier.copyStep(from, state);
  });
  return { steps: [...head, ...saves, ...end, ...copies], commitStart: head.length + saves.length };
}

/** Elementwise steps all of whose results go into variables or into other such steps: they can run last. */
function findTail(steps: readonly Step[], assigns: readonly Assign[]): Set<Step> {
  const values = new Set(assigns.map(({ value }) => value.buffer));
  const tail = new Set<Step>();
  const readers = new Map<Buffer, Step[]>();
  for (const step of steps)
    for (const { buffer } of operandsOf(step.reads)) {
      const list = readers.get(buffer);
      if (list) list.push(step);
      else readers.set(buffer, [step]);
    }
  for (const step of [...steps].reverse()) {
    const outputs = operandsOf(step.writes).map(({ buffer }) => buffer);
    const isWholly = operandsOf(step.writes).every(isWhole);
    const isLast = outputs.every(
      (buffer) => buffer.place.kind === 'arena' && (readers.get(buffer) ?? []).every((reader) => tail.has(reader)),
    );
    if (step.kernel === 'elementwise' && isWholly && isLast && outputs.some((buffer) => values.has(buffer)))
      tail.add(step);
  }
  return tail;
}

/** Tells of an assignment whether the step of the tail that computes its value can write it over the old one. */
function directWrites(assigns: readonly Assign[], tail: ReadonlySet<Step>): (assign: Assign) => boolean {
  // Steps of the tail were found last first; they run in their order.
  const order = [...tail].reverse();
  const firstWriter = new Map<Buffer, number>();
  const lastReader = new Map<Buffer, number>();
  order.forEach((step, at) => {
    for (const { buffer } of operandsOf(step.writes)) if (!firstWriter.has(buffer)) firstWriter.set(buffer, at);
    for (const { buffer } of operandsOf(step.reads)) lastReader.set(buffer, at);
  });
  const uses = new Map<Buffer, number>();
  for (const { value } of assigns) uses.set(value.buffer, (uses.get(value.buffer) ?? 0) + 1);
  return ({ state, value }) => {
    const at = firstWriter.get(value.buffer);
    if (at === undefined || value.buffer.place.kind !== 'arena') return false;
    if (!isWhole(value) || value.buffer.bytes !== state.buffer.bytes || uses.get(value.buffer) !== 1) return false;
    // None after the writer may read the old value, and the writer itself only where it then writes.
    if ((lastReader.get(state.buffer) ?? at) > at) return false;
    const own = touches(operandsOf(order[at].reads), state.buffer);
    return own.every((operand) => isWhole(operand) && operand.dtype === value.dtype);
  };
}

/** The step with operands in `byBuffer` moved into the variables' own memory. */
function redirect(step: Step, byBuffer: ReadonlyMap<Buffer, Buffer>): Step {
  const move = (operand: Operand): Operand => ({ ...operand, buffer: byBuffer.get(operand.buffer) ?? operand.buffer });
  const moveAll = <T extends Step['reads']>(group: T): T =>
    Object.fromEntries(
      Object.entries(group).map(([name, operand]) => [
        name,
        operand === undefined ? undefined : Array.isArray(operand) ? operand.map(move) : move(operand as Operand),
      ]),
    ) as T;
  const inPlace = step.inPlace.filter(({ output }) => !byBuffer.has(output));
  return { ...step, reads: moveAll(step.reads), writes: moveAll(step.writes) as Step['writes'], inPlace };
}
