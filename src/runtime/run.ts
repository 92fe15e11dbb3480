/**
 * From "compute these nodes" to elements: gathers pending assignments, picks the backend, caches programs, and hands
 * results back to the nodes. `compile.ts` is the other way in.
 */
import type { TypedArray } from '../dtype.js';
import { ArgumentError, StateError } from '../errors.js';
import { type Assignment, collect, type Graph, signature } from '../graph/graph.js';
import { sourceOf } from '../graph/leaves.js';
import type { LeafSource, Node } from '../graph/node.js';
import { ambientTrace, refuseWhileTracing } from '../graph/trace.js';
import type { PlanOptions } from '../plan/plan.js';
import { type RunOptions, setReader, Tensor } from '../tensor.js';
import { StateSource, type Variable } from '../variable.js';
import { isAnomalyMode } from './anomaly.js';
import { LruCache } from './cache.js';
import { execute } from './js/executor.js';
import { type Compiled, compileGraph, type Running, runCompiled, runCompiledSync } from './native.js';
import { planKey } from './numerics.js';
import { oneOf } from './setting.js';

/** Which executor computes. */
export type Backend = 'native' | 'javascript';

const backends: readonly Backend[] = ['native', 'javascript'];
let backend: Backend | undefined;

/**
 * Chooses the executor: `native` (the addon, the default) or `javascript` (plain loops, hundreds of times slower; for
 * checking results and for platforms without the addon). `BRAWN_BACKEND` sets it at start.
 */
export function setBackend(name: Backend): void {
  backend = oneOf(backends, name, 'setBackend', 'backend');
}

/** The executor in use. @throws ArgumentError when `BRAWN_BACKEND` names none. */
export function getBackend(): Backend {
  backend ??= oneOf(backends, process.env.BRAWN_BACKEND || 'native', 'BRAWN_BACKEND', 'backend');
  return backend;
}

/** Programs of graphs that are evaluated outside of `compile`, by signature. */
const programs = new LruCache<string, Compiled>(256);

/** Settles when all calls so far that had to wait are submitted; undefined when there are none. */
let queue: Promise<void> | undefined;

/** Submits in the order of the calls: at once where nothing is to be waited for, by this call or an earlier one. */
function inOrder(prepare: (() => Promise<void>) | undefined, submit: () => Running): Running {
  if (!queue && !prepare) return submit();
  const before = queue;
  const submitted = (async () => {
    await before;
    await prepare?.();
    // In an object, so that the next in the queue does not wait for the run itself.
    return { running: submit() };
  })();
  const leave = () => {
    if (queue === place) queue = undefined;
  };
  const place: Promise<void> = submitted.then(leave, leave);
  queue = place;
  return submitted.then(({ running }) => running);
}

/** What an executable is made of beside its graph. */
export interface ExecutableParts {
  /** What the graph's assignments replace, in their order. */
  readonly variables?: readonly Variable[];
  /** Programs that equal graphs share. */
  readonly shared?: LruCache<string, Compiled>;
  /** Whether the graph may read variables as they are when it runs, and not only as they were at some time. */
  readonly readsPresent?: boolean;
  /** How it is planned; as is set when that happens unless told. */
  readonly options?: PlanOptions;
  /** Whether results are to lie in memory that worker threads can share. */
  readonly isShared?: boolean;
}

/** A graph ready to run any number of times. */
export class Executable {
  readonly variables: readonly Variable[];
  readonly #shared: LruCache<string, Compiled> | undefined;
  readonly #dated: readonly StateSource[];
  readonly #options: PlanOptions | undefined;
  readonly #isShared: boolean;
  #graph: Graph;
  /** Of the graph's leaves. */
  #sources: readonly LeafSource[];
  #compiled: Compiled | undefined;

  constructor(
    graph: Graph,
    { variables = [], shared, readsPresent = false, options, isShared = false }: ExecutableParts,
  ) {
    this.variables = variables;
    this.#shared = shared;
    this.#options = options;
    this.#isShared = isShared;
    this.#graph = graph;
    this.#sources = sourcesOf(graph);
    this.#dated = graph.nodes.flatMap(({ source }) =>
      source instanceof StateSource && !(readsPresent && source.version === undefined) ? [source] : [],
    );
  }

  get graph(): Graph {
    return this.#graph;
  }

  /** Throws a StateError when a tensor of the graph was computed from a variable that has been overwritten since. */
  check(): void {
    for (const source of this.#dated) source.check();
  }

  /** The program, planned at the first call. */
  compiled(): Compiled {
    if (this.#compiled) return this.#compiled;
    // Nodes that have been computed since the graph was collected are leaves by now.
    this.#graph = collect(this.#graph.outputs, this.#graph.assigns);
    this.#sources = sourcesOf(this.#graph);
    const shared = this.#shared;
    const key = shared ? `${planKey()}${signature(this.#graph)}` : '';
    this.#compiled = shared?.get(key) ?? compileGraph(this.#graph, this.#options);
    shared?.set(key, this.#compiled);
    return this.#compiled;
  }

  /**
   * Runs, in the order of the calls. From this call on, whoever reads a variable that the graph assigns to sees the new
   * value; if the run fails, all variables are as they were.
   * @param after Waited for before the run is submitted.
   * @param using Binds placeholders around the submission.
   * @param onTimes Told the nanoseconds of each kernel, by the native executor.
   * @returns The outputs where the run is over by now; then a failure is thrown.
   */
  run(
    signal?: AbortSignal,
    after?: Promise<unknown>,
    using = (submit: () => Running) => submit(),
    onTimes?: (times: Float64Array) => void,
  ): Running {
    after?.catch(() => undefined);
    this.check();
    const hosts = readHosts(this.#sources);
    const undo = this.variables.map((variable) => variable.overwritten());
    const missing = uninitialized(this.#sources);
    for (const variable of missing) variable.claimFirst();
    const isReady = !after && missing.length === 0;
    const prepare = isReady
      ? undefined
      : async () => {
          await after;
          await initialize(this.#graph, signal);
        };
    try {
      const running = inOrder(prepare, () => using(() => this.submit(signal, hosts, onTimes)));
      if (!(running instanceof Promise) || undo.length === 0) return running;
      return running.catch((error) => takeBack(undo, error));
    } catch (error) {
      return takeBack(undo, error);
    }
  }

  /**
   * As `run`, over when it returns.
   * @throws StateError when variables have no value yet, or a call before this one still waits for its arguments.
   */
  runSync(where: string, using = (submit: () => TypedArray[]) => submit()): TypedArray[] {
    this.check();
    const missing = uninitialized(this.#sources);
    if (queue || missing.length > 0)
      throw new StateError(
        `${where}: ${queue ? 'an earlier call' : missing[0].label} is still being prepared; await a call before runSync`,
      );
    const hosts = readHosts(this.#sources);
    const undo = this.variables.map((variable) => variable.overwritten());
    try {
      return using(() => this.#runNow(hosts));
    } catch (error) {
      return takeBack(undo, error);
    }
  }

  /** Runs with the leaves' present elements, after all that has been submitted so far. */
  submit(signal?: AbortSignal, hosts = readHosts(this.#sources), onTimes?: (times: Float64Array) => void): Running {
    signal?.throwIfAborted();
    if (getBackend() === 'javascript') return this.#runNow(hosts);
    const compiled = this.compiled();
    return runCompiled(
      compiled,
      this.#graph,
      { inputs: this.#inputs(hosts), isShared: this.#isShared, onTimes },
      signal,
    );
  }

  #inputs(hosts: Hosts): TypedArray[] {
    return this.#sources.map((source) => hosts?.get(source.identity) ?? source.read());
  }

  #runNow(hosts: Hosts): TypedArray[] {
    if (getBackend() === 'native') {
      const compiled = this.compiled();
      return runCompiledSync(compiled, this.#graph, { inputs: this.#inputs(hosts), isShared: this.#isShared });
    }
    const read = (source: LeafSource) => hosts?.get(source.identity) ?? source.read();
    const { outputs, assigned } = execute(this.#graph, read, { anomaly: isAnomalyMode() });
    this.variables.forEach((variable, i) => {
      (variable.storage as Float64Array).set(assigned[i] as Float64Array);
    });
    return outputs;
  }
}

/** Throws `error` after what a run that failed was to change has been given back. */
function takeBack(undo: readonly (() => void)[], error: unknown): never {
  for (const each of undo) each();
  throw error;
}

const sourcesOf = ({ leaves }: Graph): LeafSource[] => leaves.map((leaf) => sourceOf(leaf) as LeafSource);

/** What the host supplied for a run, if anything. */
type Hosts = ReadonlyMap<object, TypedArray> | undefined;

/** What the host supplies, as it is now: learning rates and random counters are those of the call. */
function readHosts(sources: readonly LeafSource[]): Hosts {
  let hosts: Map<object, TypedArray> | undefined;
  for (const source of sources)
    if (source.kind === 'host') {
      hosts ??= new Map();
      hosts.set(source.identity, source.read());
    }
  return hosts;
}

/** The variables among the leaves of a graph that have no elements yet. */
function uninitialized(sources: readonly LeafSource[]): Variable[] {
  const variables: Variable[] = [];
  for (const source of sources)
    if (source instanceof StateSource && source.variable.pendingInit) variables.push(source.variable);
  return variables;
}

/** Gives variables their first elements, all in one run. */
async function initialize(graph: Graph, signal?: AbortSignal): Promise<void> {
  const variables = uninitialized(sourcesOf(graph));
  if (variables.length === 0) return;
  const first = new Executable(collect(variables.map((variable) => variable.pendingInit as Node)), {
    shared: programs,
    readsPresent: true,
  });
  first.check();
  await initialize(first.graph, signal);
  const arrays = await first.submit(signal);
  variables.forEach((variable, i) => {
    variable.initialize(arrays[i]);
  });
}

/** Gives the variables the values that they have by now: first ones, and assignments that are pending. */
export async function settleVariables(variables: readonly Variable[]): Promise<void> {
  await evaluateNodes([]);
  await initialize(collect(variables.map(({ leaf }) => leaf)));
}

/** The run of `nodes` together with the assignments that are pending, which are taken. */
function claim(nodes: readonly Node[]): Executable {
  const alone = new Executable(collect(nodes), { shared: programs });
  // Before anything is taken: a read that cannot be must not cost an update.
  alone.check();
  const pending = ambientTrace().takeAssigned();
  if (pending.length === 0) return alone;
  const assigns: Assignment[] = pending.map(([variable, value]) => ({ state: variable.leaf, value }));
  return new Executable(collect(nodes, assigns), {
    variables: pending.map(([variable]) => variable),
    shared: programs,
  });
}

/**
 * Computes nodes and carries out what assignments are pending: all of that or, when it fails, nothing of it. Results
 * are kept on the nodes.
 */
export async function evaluateNodes(nodes: readonly Node[], { signal }: RunOptions = {}): Promise<TypedArray[]> {
  signal?.throwIfAborted();
  const open = [...new Set(nodes.filter((node) => !node.storage))];
  const byNode = new Map<Node, TypedArray>();
  if (open.length > 0 || ambientTrace().assigned.size > 0) {
    const arrays = await claim(open).run(signal);
    open.forEach((node, i) => {
      byNode.set(node, arrays[i]);
      // A variable's elements change later, so its leaf never keeps them.
      if (!node.source) node.settle(arrays[i]);
    });
  }
  return nodes.map((node) => byNode.get(node) ?? (node.storage as TypedArray));
}

/**
 * Computes several tensors in one program; afterwards reading them costs nothing. Also carries out the assignments to
 * variables that are pending.
 */
export function evaluate(tensors: readonly Tensor[], options?: RunOptions): Promise<void> {
  refuseWhileTracing('evaluate()');
  if (!Array.isArray(tensors)) throw new ArgumentError('evaluate: takes an array of tensors');
  const nodes = tensors.map((tensor, i) => {
    if (!(tensor instanceof Tensor)) throw new ArgumentError(`evaluate: element ${i} is no tensor`);
    return tensor.node;
  });
  return evaluateNodes(nodes, options).then(() => undefined);
}

setReader(evaluateNodes);
