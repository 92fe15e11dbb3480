/**
 * Traces functions and runs their programs: what `compile` and `compileModel` have in common. A function is traced once
 * per signature of its arguments; from then on a call only binds inputs and runs.
 */
import type { TypedArray } from '../dtype.js';
import { ArgumentError, StateError } from '../errors.js';
import { collect } from '../graph/graph.js';
import { dataNode, leafNode } from '../graph/leaves.js';
import type { Node, Numerics } from '../graph/node.js';
import { ambientTrace, currentTrace, PlaceholderSource, Trace, withTrace } from '../graph/trace.js';
import { freezeGraph } from '../plan/plan.js';
import type { Shape } from '../shape.js';
import { type RunOptions, Tensor } from '../tensor.js';
import { StateSource, type Variable, type Version } from '../variable.js';
import { type Explanation, explainPlan } from './explain.js';
import { execute } from './js/executor.js';
import { planKey, planOptions } from './numerics.js';
import { Preparation, PreparedStore } from './prepared.js';
import { type Profile, profileOf } from './profile.js';
import { Executable, evaluateNodes, getBackend } from './run.js';
import { flatten, mapTensors } from './tree.js';

interface Traced {
  readonly key: string;
  /** Of the arguments. */
  readonly shapes: readonly Shape[];
  readonly trace: Trace;
  readonly executable: Executable;
  /** Computes what is frozen, once; until then it has not been called for. */
  readonly preparation?: Preparation;
  /** Variables that a frozen function reads where they lie, as they were at its first run. */
  weights?: readonly (readonly [Variable, Version])[];
  /** Of the whole result, where it has been measured. */
  measuredError?: number;
  /** Tracing and, of frozen functions, planning. */
  milliseconds: number;
  readonly placeholders: readonly PlaceholderSource[];
  readonly outputs: readonly Tensor[];
  readonly result: unknown;
}

/** What is known of a program. */
export interface ProgramFacts {
  /** Shapes of the arguments. */
  readonly shapes: readonly Shape[];
  /** Tracing and planning. */
  readonly planMilliseconds: number;
  /** Computing what depends on weights alone and no other program had computed. */
  readonly prepareMilliseconds: number;
  /** Memory for intermediate values, of each run that is under way. */
  readonly arenaBytes: number;
}

/** How a function is traced. */
export interface TracerOptions {
  /** For messages. */
  readonly name: string;
  /** Programs kept. */
  readonly cacheSize: number;
  /** Whether variables have their present values for good. */
  readonly frozen: boolean;
  /** As is set at the first call for each signature unless told. */
  readonly numerics?: Numerics;
  /** Bytes that intermediate values may take. */
  readonly memoryBudget?: number;
  /** Where frozen values are kept that several programs need. */
  readonly store?: PreparedStore;
}

/** @throws ArgumentError for what is no number of programs to keep. */
export function checkCacheSize(cacheSize: number, where: string): void {
  if (!Number.isSafeInteger(cacheSize) || cacheSize < 1)
    throw new ArgumentError(`${where}: cacheSize must be a whole number of at least 1, got ${cacheSize}`);
}

export class Tracer {
  /** Most recently used first. */
  readonly programs: Traced[] = [];

  readonly name: string;
  readonly #fn: (...args: never[]) => unknown;
  readonly #cacheSize: number;
  readonly #frozen: boolean;
  readonly #numerics: Numerics | undefined;
  readonly #memoryBudget: number | undefined;
  readonly #store: PreparedStore;

  constructor(fn: (...args: never[]) => unknown, options: TracerOptions) {
    this.#fn = fn;
    this.name = options.name;
    this.#cacheSize = options.cacheSize;
    this.#frozen = options.frozen;
    this.#numerics = options.numerics;
    this.#memoryBudget = options.memoryBudget;
    this.#store = options.store ?? new PreparedStore();
  }

  /** The traced function for arguments of this signature, as the host facts it depends on are now. */
  traced(args: readonly unknown[], signature: string): Traced {
    const key = `${this.#frozen ? getBackend() : ''} ${planKey(this.#numerics)}${signature}`;
    const at = this.programs.findIndex((known) => known.key === key && (this.#frozen || known.trace.holds));
    if (at === 0) return this.programs[0];
    const found = at < 0 ? this.#trace(args, key) : this.programs.splice(at, 1)[0];
    this.programs.unshift(found);
    if (this.programs.length > this.#cacheSize) this.programs.pop();
    return found;
  }

  #trace(args: readonly unknown[], key: string): Traced {
    const start = performance.now();
    const placeholders: PlaceholderSource[] = [];
    const shapes: Shape[] = [];
    const symbolic = mapTensors(args, (tensor) => {
      const source = new PlaceholderSource(placeholders.length, this.name);
      placeholders.push(source);
      shapes.push(tensor.shape);
      return new Tensor(leafNode(tensor.shape, tensor.dtype, source));
    }) as never[];
    const trace = new Trace(this.name);
    const outputs: Tensor[] = [];
    const { result, assigns, variables } = withTrace(trace, () => {
      const returned = this.#fn(...symbolic);
      if (returned instanceof Promise) {
        // Whatever becomes of it: the error below says it all.
        returned.catch(() => undefined);
        throw new ArgumentError(
          `${this.name}: compile needs a synchronous function; await the result of the compiled function instead`,
        );
      }
      // Variables are read here: inside the trace they stand for their new values.
      const result = mapTensors(returned, (tensor) => {
        const fixed = new Tensor(tensor.node);
        outputs.push(fixed);
        return fixed;
      });
      const assigned = trace.takeAssigned();
      const assigns = assigned.map(([variable, value]) => ({ state: variable.leaf, value }));
      return { result, assigns, variables: assigned.map(([variable]) => variable) };
    });
    const graph = collect(
      outputs.map((tensor) => tensor.node),
      assigns,
    );
    const traced = { key, shapes, trace, placeholders, outputs, result, milliseconds: 0 };
    if (this.#frozen && variables.length > 0)
      throw new StateError(
        `${this.name}: a frozen function assigns to ${variables[0].label}; compile it without frozen`,
      );
    const options = planOptions(this.#numerics, this.#memoryBudget);
    // The JavaScript executor has no plan, so nothing to fold or to prepare for.
    if (!this.#frozen || getBackend() === 'javascript')
      return { ...traced, executable: new Executable(graph, { variables, readsPresent: true, options }) };
    const { done, values, graph: rest } = freezeGraph(graph, options, (node) => this.#store.sourceOf(node));
    const planned = { readsPresent: true, options: { ...options, done } };
    const executable = new Executable(rest, planned);
    const preparation = new Preparation(values, planned);
    return { ...traced, executable, preparation, milliseconds: performance.now() - start };
  }

  /** @param onTimes Told the nanoseconds of each kernel, by the native executor. */
  async run(
    { signal }: RunOptions,
    args: readonly unknown[],
    onTimes?: (times: Float64Array) => void,
  ): Promise<unknown> {
    const { tensors, key } = flatten(args, this.name);
    signal?.throwIfAborted();
    const traced = this.traced(args, key);
    const { executable, preparation, placeholders, outputs, result } = traced;
    const nodes = tensors.map((tensor) => tensor.node);
    const isReady = ambientTrace().assigned.size === 0 && nodes.every((node) => node.storage);
    let arrays = nodes.map((node) => node.storage as TypedArray);
    const arriving = isReady ? undefined : evaluateNodes(nodes, { signal }).then((all) => (arrays = all));
    this.#checkWeights(traced);
    const prepared = preparation?.pending();
    prepared?.catch(() => undefined);
    // After that: the program is planned while other threads prepare the weights.
    if (this.#frozen) plan(traced);
    const after = prepared && arriving ? Promise.all([prepared, arriving]) : (prepared ?? arriving);
    const running = executable.run(signal, after, (submit) => bound(placeholders, arrays, submit), onTimes);
    const results = running instanceof Promise ? await running : running;
    return mapTensors(result, (tensor) => wrap(tensor.node, results[outputs.indexOf(tensor)]));
  }

  runSync(args: readonly unknown[]): unknown {
    const { tensors, key } = flatten(args, this.name);
    const traced = this.traced(args, key);
    const { executable, preparation, placeholders, outputs, result } = traced;
    const arrays = tensors.map(({ node }, i) => {
      if (node.storage) return node.storage;
      throw new StateError(`${this.name}: argument ${i} of runSync has not been computed; await evaluate([x]) first`);
    });
    if (ambientTrace().assigned.size > 0)
      throw new StateError(`${this.name}: assignments are pending before runSync; await evaluate([]) first`);
    this.#checkWeights(traced);
    preparation?.runSync(this.name);
    if (this.#frozen) plan(traced);
    const results = executable.runSync(this.name, (submit) => bound(placeholders, arrays, submit));
    return mapTensors(result, (tensor) => wrap(tensor.node, results[outputs.indexOf(tensor)]));
  }

  /** Throws when a variable that a frozen function reads where it lies has changed since the first run. */
  #checkWeights(traced: Traced): void {
    if (!this.#frozen) return;
    traced.weights ??= traced.executable.graph.leaves.flatMap(({ source }) =>
      source instanceof StateSource ? [[source.variable, source.variable.version] as const] : [],
    );
    for (const [variable, version] of traced.weights)
      if (!variable.isAt(version))
        throw new StateError(
          `${this.name}: ${variable.label} has been overwritten since the first run; compile again for the new weights`,
        );
  }

  /** What is known of the programs held now, most recently used first. */
  facts(): ProgramFacts[] {
    return this.programs.map((traced) => ({
      shapes: traced.shapes,
      planMilliseconds: traced.milliseconds,
      prepareMilliseconds: traced.preparation?.milliseconds ?? 0,
      arenaBytes: getBackend() === 'native' ? traced.executable.compiled().plan.arenaBytes : 0,
    }));
  }

  /** Throws while another function is traced: a compiled one has no values to work on then. */
  refuseInside(): void {
    const outer = currentTrace();
    if (outer.isCompiling)
      throw new StateError(
        `${this.name}: a compiled function is called while another (${outer.name}) is traced; call the plain function there`,
      );
  }

  /** Runs as a call does, and describes the program with the times of that run. */
  async profile(args: readonly unknown[]): Promise<Profile> {
    if (getBackend() !== 'native')
      throw new StateError(`${this.name}: profile measures native programs; setBackend('native') before it`);
    this.refuseInside();
    const explanation = this.explain(args);
    let times: Float64Array = new Float64Array(0);
    await this.run({}, args, (all) => {
      times = all;
    });
    return profileOf(explanation, times);
  }

  explain(args: readonly unknown[]): Explanation {
    const { executable, measuredError } = this.traced(args, flatten(args, this.name).key);
    return explainPlan(executable.compiled(), executable.graph, measuredError);
  }

  /**
   * The largest error of a result for these arguments, relative to its norm, against the function in double precision on
   * the JavaScript executor. Takes a second per GFLOP or two and holds the event loop.
   */
  async measureError(args: readonly unknown[]): Promise<number> {
    this.refuseInside();
    const nodes: Node[] = [];
    const gather = (tensor: Tensor) => nodes.push(tensor.node);
    mapTensors(this.#fn(...(args as never[])), gather);
    const graph = collect(nodes);
    const exact = execute(graph, undefined, { isExact: true }).outputs;
    const results: TypedArray[] = [];
    mapTensors(await this.run({}, args), ({ node }) => results.push(node.storage as TypedArray));
    const errors = results.map((result, i) => relativeError(result, exact[i]));
    const error = Math.max(0, ...errors);
    this.traced(args, flatten(args, this.name).key).measuredError = error;
    return error;
  }
}

/** Plans the program where that has not been done. */
function plan(traced: Traced): void {
  if (getBackend() === 'javascript') return;
  const start = performance.now();
  traced.executable.compiled();
  traced.milliseconds += performance.now() - start;
}

/** What `submit` gives while the placeholders stand for `arrays`. */
function bound<T>(placeholders: readonly PlaceholderSource[], arrays: readonly TypedArray[], submit: () => T): T {
  placeholders.forEach((placeholder, i) => {
    placeholder.bound = arrays[i];
  });
  try {
    return submit();
  } finally {
    for (const placeholder of placeholders) placeholder.bound = undefined;
  }
}

const wrap = (node: Node, array: TypedArray): Tensor => new Tensor(dataNode(array, node.shape, node.dtype));

/** The norm of the difference over the norm of what is expected. */
function relativeError(actual: TypedArray, expected: TypedArray): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (Number(actual[i]) - Number(expected[i])) ** 2;
    norm += Number(expected[i]) ** 2;
  }
  return norm === 0 ? Math.sqrt(error) : Math.sqrt(error / norm);
}
