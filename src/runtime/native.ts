/**
 * Runs planned programs on the addon's threads: plans are cached by graph signature, checked against the memory there
 * is, and run with whatever their leaves are bound to at that moment.
 */
import { constants } from 'node:buffer';
import { newArray, sharedMemory, showMiB, type TypedArray } from '../dtype.js';
import { AnomalyError, type BrawnError, IndexError, MemoryError, NativeError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { sourceOf } from '../graph/leaves.js';
import { bytesIn, type LeafSource } from '../graph/node.js';
import { emitPlan, type Plan, plan } from '../plan/plan.js';
import { estimateMicroseconds } from '../plan/work.js';
import { showShape, sizeOf } from '../shape.js';
import { addon, type NativeFailure, type NativeProgram } from './addon.js';
import { debugPlan } from './debug.js';
import { planOptions } from './numerics.js';

/** A graph planned and handed to the addon. */
export interface Compiled {
  readonly plan: Plan;
  readonly program: NativeProgram;
  /** Bytes that a run takes beside its inputs: arena, scratch and outputs. */
  readonly runBytes: number;
  /** About how long a run takes on one thread, rather too long. */
  readonly microseconds: number;
}

/** Plans `graph` and checks that a run would fit in memory. */
export function compileGraph(graph: Graph, options = planOptions()): Compiled {
  const native = addon();
  const planned = plan(graph, options);
  const outputBytes = planned.list.outputBytes.reduce((a, b) => a + b, 0);
  const least = planned.arenaBytes + outputBytes;
  // The addon answers -1 where the platform does not tell.
  const free = native.freeMemory();
  const available = free < 0 ? Number.POSITIVE_INFINITY : free;
  if (least > available) refuse(least, available);
  const program = native.createProgram(emitPlan(planned, native.table));
  const runBytes = least + program.scratchBytes;
  if (runBytes > available) refuse(runBytes, available);
  const microseconds = estimateMicroseconds(planned.list, (kernel) => native.table.kernel(kernel).isa);
  return { plan: planned, program, runBytes, microseconds };
}

function refuse(required: number, available: number): never {
  throw new MemoryError(
    `the program needs ${showMiB(required)} (arena, scratch and outputs) but ${showMiB(available)} are available; use a smaller batch or shapes`,
    required,
    available,
  );
}

/** Where a run reads and writes. */
export interface Binding {
  /** The elements of a leaf. */
  readonly read: (source: LeafSource) => TypedArray;
  /** Told the nanoseconds of each kernel. */
  readonly onTimes?: (times: Float64Array) => void;
  /** Whether outputs are to lie in memory that worker threads can share. */
  readonly isShared?: boolean;
}

/** Filling less than this with zeros costs nothing. */
const kFilledBytes = 2 ** 16;
/** From here on fresh memory costs more than to keep account of memory that is used again. */
const kPooledBytes = 2 ** 18;

/** Memory for a result, which the program writes wholly: not filled with zeros first, which would hold the event loop. */
function resultMemory(bytes: number): ArrayBufferLike {
  if (bytes < kFilledBytes || bytes > constants.MAX_LENGTH) return new ArrayBuffer(bytes);
  const pooled = bytes < kPooledBytes ? undefined : addon().allocateResult(bytes);
  return pooled ?? Buffer.allocUnsafeSlow(bytes).buffer;
}

/** Runs a compiled graph. */
export function runCompiled(
  compiled: Compiled,
  graph: Graph,
  binding: Binding,
  signal?: AbortSignal,
): Promise<TypedArray[]> {
  const native = addon();
  const { bindings, outputs } = bind(graph, binding);
  const prints = debugPlan();
  const profile = prints || binding.onTimes !== undefined;
  const here = signal ? 0 : placeOf(compiled.microseconds);
  return new Promise((resolve, reject) => {
    let unwatch: (() => void) | undefined;
    const job = native.run(compiled.program, bindings, profile, here, (failure, times) => {
      unwatch?.();
      if (failure) reject(failure.kind === 'abort' ? signal?.reason : errorOf(failure, compiled.plan));
      else {
        if (prints) reportTimes(compiled.plan, times);
        if (times) binding.onTimes?.(times);
        resolve(outputs);
      }
    });
    unwatch = signal && abortWith(signal, job);
  });
}

/** As `runCompiled`, over when it returns; the JavaScript thread takes part in the work. */
export function runCompiledSync(compiled: Compiled, graph: Graph, binding: Binding): TypedArray[] {
  const { bindings, outputs } = bind(graph, binding);
  const profile = debugPlan();
  const [failure, times] = addon().runSync(compiled.program, bindings, profile);
  if (failure) throw errorOf(failure, compiled.plan);
  if (profile) reportTimes(compiled.plan, times);
  return outputs;
}

/** The elements of the leaves, in place, and new arrays for the outputs. */
function bind(graph: Graph, { read, isShared }: Binding) {
  const inputs = graph.leaves.map((leaf) => read(sourceOf(leaf) as LeafSource));
  const allocate = isShared ? sharedMemory : resultMemory;
  const outputs = graph.outputs.map((node) =>
    newArray(node.dtype, sizeOf(node.shape), node.scope ?? node.op.name, allocate),
  );
  return { bindings: [...inputs, ...outputs], outputs };
}

/** Programs run on the JavaScript thread alone when they take less than this: waking another thread takes longer. */
const kAloneMicroseconds = 20;
/**
 * And together with the pool when they take less than this. Handing a program over and its result back costs some 30
 * microseconds; as estimates are high, so many hold the event loop for 0.3 ms on two threads.
 */
const kTogetherMicroseconds = 1500;
/** After so much of one turn of the event loop no further program runs on its thread: a loop of awaits must not starve it. */
const kTurnMilliseconds = 1;

const nextTurn = setImmediate;
let turnStart: number | undefined;

/** Where a program of so many microseconds runs; see `run` of the addon. */
function placeOf(microseconds: number): 0 | 1 | 2 {
  if (microseconds > kTogetherMicroseconds || !isTurnYoung()) return 0;
  return microseconds < kAloneMicroseconds ? 1 : 2;
}

/** Whether the event loop has had a turn lately. The first call of a turn starts the clock. */
function isTurnYoung(): boolean {
  if (turnStart !== undefined) return performance.now() - turnStart < kTurnMilliseconds;
  turnStart = performance.now();
  nextTurn(() => {
    turnStart = undefined;
  });
  return true;
}

const watched = new WeakMap<AbortSignal, Set<number>>();

/** Aborts the job when the signal says so; one listener serves all jobs of a signal. Gives what ends the watch. */
function abortWith(signal: AbortSignal, job: number): () => void {
  let jobs = watched.get(signal);
  if (!jobs) {
    const all = new Set<number>();
    const stop = () => {
      for (const each of all) addon().abort(each);
    };
    signal.addEventListener('abort', stop, { once: true });
    watched.set(signal, (jobs = all));
  }
  jobs.add(job);
  return () => jobs.delete(job);
}

function reportTimes({ list }: Plan, times?: Float64Array): void {
  list.steps.forEach((step, i) => {
    const us = times ? (times[i] / 1e3).toFixed(1).padStart(10) : '';
    const rate = times && step.flops > 0 ? `${(step.flops / times[i]).toFixed(1)} GFLOP/s` : '';
    console.error(`${us} us  ${step.kernel.padEnd(24)} ${step.label.slice(0, 60).padEnd(60)} ${rate}`);
  });
}

/** The error of a fault found while running, in the words of the op that met it. */
function errorOf(failure: NativeFailure, { list }: Plan): BrawnError {
  const step = list.steps[failure.instruction];
  const where = step?.scope ?? step?.label ?? 'program';
  const part = step?.scope ? `, part of ${step.scope}` : '';
  const by = step?.scope ? ` (found by ${step.label})` : '';
  const site = step?.site ? `\n    created ${step.site}` : '';
  if (failure.kind === 'memory') return new MemoryError(failure.message, failure.value, addon().freeMemory());
  switch (failure.fault) {
    case 'indexOutOfRange':
      return new IndexError(
        `${where}: index ${failure.value} is out of range for a dimension of size ${failure.limit}${by}; use 0..${failure.limit - 1}${site}`,
      );
    case 'notFinite': {
      const made = Object.values(step.reads)[0];
      const shape = made && !Array.isArray(made) ? showShape((made as { shape: readonly number[] }).shape) : '';
      return new AnomalyError(
        `${step.label}: made NaN or Inf at flat position ${failure.value} of its result ${shape}${part}${site}`,
      );
    }
    case undefined:
      return new NativeError(failure.message);
    default:
      return new NativeError(`${where}: ${failure.fault} (value ${failure.value}, limit ${failure.limit})${site}`);
  }
}

/** Bytes of the leaves of a graph. */
export function leafBytes(graph: Graph): number {
  return graph.leaves.reduce((sum, leaf) => sum + bytesIn(leaf), 0);
}
