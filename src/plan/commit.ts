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
  const direct = live.filter((assign) => writesDirectly(assign, live, tail));
  const byBuffer = new Map(direct.map(({ state, value }) => [value.buffer, state.buffer]));
  const head = steps.filter((step) => !tail.has(step));
  const end = steps.filter((step) => tail.has(step)).map((step) => redirect(step, byBuffer));
  const rest = live.filter((assign) => !direct.includes(assign));
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
    const isLast = outputs.every(
      (buffer) => buffer.place.kind === 'arena' && (readers.get(buffer) ?? []).every((reader) => tail.has(reader)),
    );
    if (step.kernel === 'elementwise' && isLast && outputs.some((buffer) => values.has(buffer))) tail.add(step);
  }
  return tail;
}

function writesDirectly(assign: Assign, assigns: readonly Assign[], tail: ReadonlySet<Step>): boolean {
  const { state, value } = assign;
  if (value.buffer.place.kind !== 'arena' || !isWhole(value) || value.buffer.bytes !== state.buffer.bytes) return false;
  if (assigns.some((other) => other !== assign && other.value.buffer === value.buffer)) return false;
  let writer: Step | undefined;
  for (const step of tail) {
    if (touches(operandsOf(step.writes), value.buffer).length > 0) writer = step;
  }
  if (!writer) return false;
  const own = touches(operandsOf(writer.reads), state.buffer);
  if (!own.every((operand) => isWhole(operand) && operand.dtype === value.dtype)) return false;
  // Steps of the tail run in their order; none after the writer may read the old value.
  const order = [...tail].reverse();
  return order
    .slice(order.indexOf(writer) + 1)
    .every((step) => touches(operandsOf(step.reads), state.buffer).length === 0);
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
