/**
 * From "compute these nodes" to elements: gathers pending assignments, picks the backend, caches programs, and hands
 * results back to the nodes. `compile.ts` is the other way in.
 */
import type { TypedArray } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { type Assignment, collect, type Graph, signature } from '../graph/graph.js';
import { sourceOf } from '../graph/leaves.js';
import type { Node } from '../graph/node.js';
import { ambientTrace } from '../graph/trace.js';
import { type RunOptions, setReader, type Tensor } from '../tensor.js';
import { StateSource, type Variable } from '../variable.js';
import { isAnomalyMode } from './anomaly.js';
import { LruCache } from './cache.js';
import { execute } from './js/executor.js';
import { type Compiled, compileGraph, runCompiled } from './native.js';

/** Which executor computes. */
export type Backend = 'native' | 'javascript';

const backends: readonly Backend[] = ['native', 'javascript'];
let backend: Backend = checkBackend(process.env.BRAWN_BACKEND ?? 'native', 'BRAWN_BACKEND');

function checkBackend(name: string, where: string): Backend {
  if ((backends as readonly string[]).includes(name)) return name as Backend;
  throw new ArgumentError(`${where}: unknown backend ${JSON.stringify(name)}; use ${backends.join(' or ')}`);
}

/**
 * Chooses the executor: `native` (the addon, the default) or `javascript` (plain loops, hundreds of times slower; for
 * checking results and for platforms without the addon). `BRAWN_BACKEND` sets it at start.
 */
export function setBackend(name: Backend): void {
  backend = checkBackend(name, 'setBackend');
}

export const getBackend = (): Backend => backend;

/** Programs of graphs that are evaluated outside of `compile`, by signature. */
const programs = new LruCache<string, Compiled>(256);

/** A graph ready to run any number of times. */
export class Executable {
  #compiled: Compiled | undefined;

  constructor(
    readonly graph: Graph,
    readonly variables: readonly Variable[],
  ) {}

  /** The program, planned at the first call. */
  compiled(): Compiled {
    this.#compiled ??= compileGraph(this.graph);
    return this.#compiled;
  }

  /** @internal Shares a program with an equal graph. */
  adopt(compiled: Compiled): void {
    this.#compiled = compiled;
  }

  /** Runs with the leaves' present elements; submits before it returns, so later runs see this one's assignments. */
  run(signal?: AbortSignal): Promise<TypedArray[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (backend === 'javascript') return this.#runJavaScript();
    const running = runCompiled(this.compiled(), this.graph, signal);
    for (const variable of this.variables) variable.overwritten();
    return running;
  }

  async #runJavaScript(): Promise<TypedArray[]> {
    const { outputs, assigned } = execute(this.graph);
    this.variables.forEach((variable, i) => {
      (variable.storage as Float64Array).set(assigned[i] as Float64Array);
      variable.overwritten();
    });
    return outputs;
  }
}

/** The variables that the graph reads or writes and that have no elements yet. */
function uninitialized(graph: Graph): Variable[] {
  return graph.leaves.flatMap((leaf) =>
    leaf.source instanceof StateSource && leaf.source.variable.pendingInit ? [leaf.source.variable] : [],
  );
}

/** Gives variables their first elements, all in one run. */
export async function initialize(graph: Graph, signal?: AbortSignal): Promise<void> {
  const variables = uninitialized(graph);
  if (variables.length === 0) return;
  const nodes = variables.map((variable) => variable.pendingInit as Node);
  const arrays = await runNodes(nodes, [], signal);
  variables.forEach((variable, i) => {
    if (variable.pendingInit) variable.initialize(arrays[i].slice());
  });
}

async function runNodes(
  nodes: readonly Node[],
  pending: readonly [Variable, Node][],
  signal?: AbortSignal,
): Promise<TypedArray[]> {
  const assigns: Assignment[] = pending.map(([variable, value]) => ({ state: variable.leaf, value }));
  const graph = collect(nodes, assigns);
  if (uninitialized(graph).length > 0) await initialize(graph, signal);
  for (const leaf of graph.nodes) sourceOf(leaf)?.check?.();
  const executable = new Executable(
    graph,
    pending.map(([variable]) => variable),
  );
  if (backend === 'native') {
    const key = `${isAnomalyMode() ? 'anomaly ' : ''}${signature(graph)}`;
    const known = programs.get(key);
    if (known) executable.adopt(known);
    else programs.set(key, executable.compiled());
  }
  return executable.run(signal);
}

/** Computes nodes and carries out what assignments are pending. Results are kept on the nodes. */
export async function evaluateNodes(nodes: readonly Node[], options: RunOptions = {}): Promise<TypedArray[]> {
  if (options.signal?.aborted) throw options.signal.reason;
  const pending = ambientTrace().takeAssigned();
  const open = [...new Set(nodes.filter((node) => !node.storage))];
  if (open.length > 0 || pending.length > 0) {
    const arrays = await runNodes(open, pending, options.signal);
    open.forEach((node, i) => {
      // A variable's elements change later, so its leaf never keeps them.
      if (!node.source) node.settle(arrays[i]);
    });
    const byNode = new Map(open.map((node, i) => [node, arrays[i]]));
    return nodes.map((node) => byNode.get(node) ?? (node.storage as TypedArray));
  }
  return nodes.map((node) => node.storage as TypedArray);
}

/** Computes several tensors in one program; afterwards reading them costs nothing. */
export async function evaluate(tensors: readonly Tensor[], options?: RunOptions): Promise<void> {
  await evaluateNodes(
    tensors.map((tensor) => tensor.node),
    options,
  );
}

setReader(evaluateNodes);
