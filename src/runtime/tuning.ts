/**
 * Measured tuning: where an op can be computed in several ways (`plan/choose.ts`), each is run on this machine when a plan
 * first meets the op with these shapes, and the times are kept in a file. Later plans, also of other processes, read them.
 * Off unless `BRAWN_TUNE` or `setTuning` names the file.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { bytesOf, newArray, type TypedArray } from '../dtype.js';
import { FileError, FileFormatError, NativeError } from '../errors.js';
import { collect, rebuild } from '../graph/graph.js';
import { leafNode } from '../graph/leaves.js';
import type { Node, Way } from '../graph/node.js';
import type { Measure, Measured } from '../plan/choose.js';
import { freeze, PreparedSource } from '../plan/freeze.js';
import { emitPlan, plan } from '../plan/plan.js';
import { showShape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { addon, here, type NativeProgram } from './addon.js';

/** `undefined`: not asked yet; `''`: off. */
let path: string | undefined;

/** Measurements by what was measured: machine, threads, op, shapes, attributes. */
type Measurements = Record<string, Measured>;
let known: Measurements | undefined;

const kFormat = 'brawn tuning';
const kVersion = 1;

/**
 * Measures, when a plan is made, the ways to compute each convolution for which there are several, and takes the fastest
 * from then on. Times are kept in the file at `file`, which is made if it is missing; equal shapes are never measured
 * twice on one machine with one number of threads. Planning takes longer then, and holds the event loop. What numerics
 * forbid is not measured. `undefined` switches it off; `BRAWN_TUNE` sets it at start. Applies to programs compiled from
 * now on.
 */
export function setTuning(file: string | undefined): void {
  path = file ?? '';
  known = undefined;
}

/** The file of measured times; undefined where tuning is off. */
export function getTuning(): string | undefined {
  path ??= process.env.BRAWN_TUNE ?? '';
  return path || undefined;
}

/** How plans made now measure, if they do. @throws FileFormatError where the file is something else; FileError. */
export function measureForPlans(): Measure | undefined {
  const file = getTuning();
  if (file === undefined) return undefined;
  return (node, ways, isFrozen) => {
    known ??= read(file);
    const key = keyOf(node, isFrozen);
    const found = known[key];
    if (found && ways.every(({ name }) => found.milliseconds[name] > 0)) return found;
    const measured = measure(node, ways, isFrozen);
    known = { ...read(file), [key]: measured };
    write(file, known);
    return measured;
  };
}

function keyOf({ op, inputs, dtype, attrs }: Node, isFrozen: (i: number) => boolean): string {
  const { model = 'unknown', isa, arch } = addon().cpu();
  const operands = inputs.map(({ shape }, i) => `${showShape(shape)}${isFrozen(i) ? ' frozen' : ''}`);
  const machine = `${model} ${arch} ${isa}, ${addon().getThreads()} threads`;
  return `${machine}: ${op.name} ${operands.join(' ')} ${dtype} ${JSON.stringify(attrs)}`;
}

function read(file: string): Measurements {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new FileError(`tuning: ${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const refuse = (what: string, cause?: unknown): never => {
    throw new FileFormatError(
      `tuning: ${file} ${what}; delete it to have it made anew, or name another file with BRAWN_TUNE or setTuning`,
      { cause },
    );
  };
  let content: { format?: unknown; version?: unknown; measurements?: unknown };
  try {
    content = JSON.parse(text);
  } catch (error) {
    return refuse('is no JSON', error);
  }
  if (content?.format !== kFormat) return refuse('is no file of measured times');
  if (content.version !== kVersion) return refuse(`has version ${content.version}, this package reads ${kVersion}`);
  const { measurements } = content;
  if (typeof measurements !== 'object' || measurements === null || !Object.values(measurements).every(isMeasured))
    return refuse('is damaged');
  return measurements as Measurements;
}

function isMeasured(entry: unknown): entry is Measured {
  const { milliseconds } = (entry ?? {}) as { milliseconds?: unknown };
  if (typeof milliseconds !== 'object' || milliseconds === null) return false;
  return Object.values(milliseconds).every((time) => typeof time === 'number' && time > 0);
}

/** The file takes the place of the old one only when it is written. */
function write(file: string, measurements: Measurements): void {
  const temporary = `${file}.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify({ format: kFormat, version: kVersion, measurements }, undefined, 1)}\n`);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new FileError(`tuning: ${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** A way as a program of its own, with what it reads and writes. */
interface Candidate {
  readonly name: string;
  readonly program: NativeProgram;
  readonly bindings: readonly TypedArray[];
  least: number;
}

const kLeastRounds = 3;
const kMilliseconds = 60;

/** The least time of each way, which are run in turn. */
function measure(node: Node, ways: readonly Way[], isFrozen: (i: number) => boolean): Measured {
  const candidates = ways.map((way) => candidate(node, way, isFrozen));
  for (const each of candidates) run(each);
  const start = performance.now();
  for (let round = 0; round < kLeastRounds || performance.now() - start < kMilliseconds; round++)
    for (const each of candidates) each.least = Math.min(each.least, run(each));
  return { milliseconds: Object.fromEntries(candidates.map(({ name, least }) => [name, least])) };
}

function candidate(node: Node, way: Way, isFrozen: (i: number) => boolean): Candidate {
  const leaves = node.inputs.map(({ shape, dtype }, i) => {
    const source = { kind: isFrozen(i) ? 'data' : 'input', read: () => newArray(dtype, 0) } as const;
    return new Tensor(leafNode(shape, dtype, Object.assign(source, { identity: source })));
  });
  const result =
    way.build?.(leaves)?.node ??
    rebuild(
      node,
      leaves.map((leaf) => leaf.node),
    );
  // What is computed once does not count.
  const { graph } = freeze(collect([result]), () => new PreparedSource(''));
  const planned = plan(graph, { done: { stages: [], choices: [] } });
  const native = addon();
  const program = native.createProgram(emitPlan(planned, native.table));
  const values = [...graph.leaves, ...graph.outputs].map(({ shape, dtype }) => filled(shape, dtype));
  return { name: way.name, program, bindings: values, least: Number.POSITIVE_INFINITY };
}

/** Numbers of usual size: zeros or denormal ones would take other times. */
function filled(shape: readonly number[], dtype: Node['dtype']): TypedArray {
  const size = sizeOf(shape);
  const array = newArray(dtype, size, 'tuning');
  if (bytesOf(dtype) < 4 || array instanceof BigInt64Array) return array;
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    array[i] = state / 2 ** 31 - 1;
  }
  return array;
}

/** Milliseconds of one run. */
function run({ program, bindings }: Candidate): number {
  const start = performance.now();
  const result = program(here.wait, false, ...bindings);
  if (typeof result === 'object') throw new NativeError(`tuning: ${result.failure?.message}`);
  return Math.max(performance.now() - start, 1e-6);
}
