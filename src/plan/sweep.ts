/**
 * Sweeps: elementwise steps of the commit that run the same code become one step over all their operands. The updates
 * of a model's parameters are such steps, and each by itself is too short to be worth waking a thread. Only the commit
 * is rewritten: what its steps read has to stay until the end of the program anyway.
 */
import {
  type Buffer,
  type ElementwiseCode,
  isWhole,
  type Operand,
  operandsOf,
  type Step,
  type StepList,
} from './ir.js';

const asList = (value: Step['params'][string]): readonly number[] => value as readonly number[];

/** Steps with equal keys run the same code over elements of the same sizes. Undefined for what joins no sweep. */
function keyOf(step: Step): string | undefined {
  const { code, params } = step;
  if (step.kernel !== 'elementwise' || !code) return undefined;
  // The elementwise kernel has its own way to transpose.
  if (code.instructions.length === 0 && !operandsOf(step.reads).every(isPlain)) return undefined;
  return [codeText(code), asList(params.in_sizes), asList(params.out_sizes)].join('; ');
}

const isPlain = (operand: Operand): boolean => isWhole(operand) || operand.strides.every((stride) => stride === 0);

function codeText({ instructions, constants, outRegisters, registers }: ElementwiseCode): string {
  const values = constants.map(({ value, dtype }) => `${dtype} ${Object.is(value, -0) ? '-0' : value}`);
  const text = instructions.map(({ op, dst, args }) => `${op} ${dst} ${args}`);
  return [text.join(), values.join(), outRegisters.join(), registers].join('; ');
}

/** For each step, how many others it has to wait for, and which ones wait for it. */
function dependencies(steps: readonly Step[]): { blockers: number[]; dependents: number[][] } {
  const writer = new Map<Buffer, number>();
  const readers = new Map<Buffer, number[]>();
  const dependents: number[][] = steps.map(() => []);
  const blockers = steps.map((step, at) => {
    const needs = new Set<number>();
    const written = new Set(operandsOf(step.writes).map(({ buffer }) => buffer));
    const read = new Set(operandsOf(step.reads).map(({ buffer }) => buffer));
    for (const buffer of [...read, ...written]) {
      const last = writer.get(buffer);
      if (last !== undefined) needs.add(last);
    }
    for (const buffer of written) {
      for (const reader of readers.get(buffer) ?? []) needs.add(reader);
      writer.set(buffer, at);
      readers.delete(buffer);
    }
    for (const buffer of read) readers.set(buffer, [...(readers.get(buffer) ?? []), at]);
    for (const need of needs) dependents[need].push(at);
    return needs.size;
  });
  return { blockers, dependents };
}

/** One step that does what `steps` do, none of which depends on another. */
function join(steps: readonly Step[]): Step {
  const [first] = steps;
  if (steps.length === 1) return first;
  const all = (name: string) => steps.flatMap((step) => asList(step.params[name]));
  const readers = new Map<Buffer, number>();
  for (const step of steps)
    for (const buffer of new Set(operandsOf(step.reads).map((operand) => operand.buffer)))
      readers.set(buffer, (readers.get(buffer) ?? 0) + 1);
  return {
    ...first,
    kernel: 'elementwise_sweep',
    reads: { in: steps.flatMap(({ reads }) => operandsOf(reads)) },
    writes: { out: steps.flatMap(({ writes }) => operandsOf(writes)) },
    params: {
      counts: steps.map(({ params }) => params.n as number),
      ranks: steps.map(({ params }) => asList(params.dims).length),
      dims: all('dims'),
      strides: all('strides'),
      in_sizes: first.params.in_sizes,
      out_sizes: first.params.out_sizes,
    },
    label: `${steps.length} x ${first.label}`,
    flops: steps.reduce((sum, { flops }) => sum + flops, 0),
    // What several of them read is still needed when the first of them is done.
    inPlace: steps.flatMap(({ inPlace }) => inPlace.filter(({ input }) => readers.get(input) === 1)),
    parts: steps,
  };
}

/**
 * The list with a single step for each group of equal elementwise steps in its commit. Steps change places only where
 * none of them reads or overwrites what the other one makes, so that all values stay the same, bit for bit.
 */
export function sweep(list: StepList): StepList {
  const steps = list.steps.slice(list.commitStart);
  const keys = steps.map((step, at) => keyOf(step) ?? `step ${at}`);
  const { blockers, dependents } = dependencies(steps);
  const left = new Map<string, number>();
  for (const key of keys) left.set(key, (left.get(key) ?? 0) + 1);
  const open = new Set(steps.keys());
  const joined: Step[] = [];
  while (open.size > 0) {
    const ready = [...open].filter((at) => blockers[at] === 0);
    const isComplete = (key: string) => ready.filter((at) => keys[at] === key).length === left.get(key);
    const key = keys[ready.find((at) => isComplete(keys[at])) ?? ready[0]];
    const group = ready.filter((at) => keys[at] === key);
    joined.push(join(group.map((at) => steps[at])));
    left.set(key, (left.get(key) as number) - group.length);
    for (const at of group) {
      open.delete(at);
      for (const dependent of dependents[at]) blockers[dependent]--;
    }
  }
  return { ...list, steps: [...list.steps.slice(0, list.commitStart), ...joined] };
}
