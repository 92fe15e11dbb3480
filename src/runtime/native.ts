/**
 * Runs planned programs on the addon's threads: plans are cached by graph signature, checked against the memory there
 * is, and run with whatever their leaves are bound to at that moment.
 */
import { constants } from 'node:buffer';
import { newArray, sharedMemory, showMiB, type TypedArray } from '../dtype.js';
import { AnomalyError, type BrawnError, IndexError, MemoryError, NativeError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { bytesIn } from '../graph/node.js';
import { emitPlan, type Plan, plan } from '../plan/plan.js';
import { estimateMicroseconds } from '../plan/work.js';
import { showShape, sizeOf } from '../shape.js';
import { addon, here, type NativeFailure, type NativeProgram, type NativeResult } from './addon.js';
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
  /** The elements of the graph's leaves. */
  readonly inputs: readonly TypedArray[];
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

/** The outputs of a run: there already when it was so short that it ran within the call. */
export type Running = TypedArray[] | Promise<TypedArray[]>;

/** Runs a compiled graph. Throws where the run failed within the call. */
export function runCompiled(compiled: Compiled, graph: Graph, binding: Binding, signal?: AbortSignal): Running {
  const outputs = newOutputs(graph, binding);
  const bindings = [...binding.inputs, ...outputs];
  const profile = debugPlan() || binding.onTimes !== undefined;
  const place = signal ? undefined : placeOf(compiled.microseconds);
  const result = place !== undefined && compiled.program(place, profile, ...bindings);
  if (result) return settle(compiled, outputs, binding, result);
  return new Promise((resolve, reject) => {
    let unwatch: (() => void) | undefined;
    const job = addon().run(compiled.program, bindings, profile, (result) => {
      unwatch?.();
      if (result !== true && result.failure?.kind === 'abort') return reject(signal?.reason);
      try {
        resolve(settle(compiled, outputs, binding, result));
      } catch (error) {
        reject(error);
      }
    });
    unwatch = signal && abortWith(signal, job);
  });
}

/** As `runCompiled`, over when it returns; the JavaScript thread takes part in the work. */
export function runCompiledSync(compiled: Compiled, graph: Graph, binding: Binding): TypedArray[] {
  const outputs = newOutputs(graph, binding);
  const bindings = [...binding.inputs, ...outputs];
  const result = compiled.program(here.wait, debugPlan(), ...bindings) as NativeResult;
  return settle(compiled, outputs, binding, result);
}

/** The outputs of a run that is over. @throws when it failed. */
function settle({ plan }: Compiled, outputs: TypedArray[], { onTimes }: Binding, result: NativeResult): TypedArray[] {
  if (result === true) return outputs;
  const { failure, times } = result;
  if (failure) throw errorOf(failure, plan);
  if (debugPlan()) reportTimes(plan, times);
  if (times) onTimes?.(times);
  return outputs;
}

/** New arrays for the outputs. */
function newOutputs({ outputs }: Graph, { isShared }: Binding): TypedArray[] {
  const allocate = isShared ? sharedMemory : resultMemory;
  return outputs.map((node) => newArray(node.dtype, sizeOf(node.shape), node.scope ?? node.op.name, allocate));
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

/** Who runs a program of so many microseconds within the call; undefined when it goes to other threads. */
function placeOf(microseconds: number) {
  if (microseconds > kTogetherMicroseconds || !isTurnYoung()) return undefined;
  return microseconds < kAloneMicroseconds ? here.alone : here.together;
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
