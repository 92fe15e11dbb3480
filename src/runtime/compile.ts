/**
 * `compile(fn)`: traces a function once per signature of its arguments into one program (forward, backward, updates),
 * and from then on only binds inputs and runs.
 */

import type { TypedArray } from '../dtype.js';
import { ArgumentError, StateError } from '../errors.js';
import { collect } from '../graph/graph.js';
import { dataNode, leafNode } from '../graph/leaves.js';
import type { Node, Numerics } from '../graph/node.js';
import { ambientTrace, currentTrace, PlaceholderSource, Trace, withTrace } from '../graph/trace.js';
import { type Frozen, freezeGraph, type PreparedSource } from '../plan/plan.js';
import { type RunOptions, Tensor } from '../tensor.js';
import { type Explanation, explainPlan } from './explain.js';
import { checkNumerics, planKey, planOptions } from './numerics.js';
import { Executable, type ExecutableParts, evaluateNodes, getBackend } from './run.js';
import { flatten, mapTensors } from './tree.js';

/** Options of `compile`. */
export interface CompileOptions {
  /** Shown in messages; the function's own name otherwise. */
  readonly name?: string;
  /** Programs kept, one per signature of the arguments and mode of the modules; 32 unless told. */
  readonly cacheSize?: number;
  /**
   * Takes the values of variables, and the modes of modules, as they are at the first call for each signature, for
   * good; `fn` may assign to no variable. What depends on weights alone is then computed once.
   */
  readonly frozen?: boolean;
  /** How the function's programs may round; as `setNumerics` says at the first call for each signature unless told. */
  readonly numerics?: Numerics;
}

/** A traced function. Tensors in its result are computed when the promise resolves. */
export interface CompiledFunction<Args extends readonly unknown[], Result> {
  (...args: Args): Promise<Result>;
  /** The same with run options, such as an AbortSignal. */
  run(options: RunOptions, ...args: Args): Promise<Result>;
  /** What the program for these arguments does: kernels, shapes, flops, bytes, arena and peak memory. Does not run it. */
  explain(...args: Args): Explanation;
  /** Programs held now. */
  readonly programs: number;
}

interface Traced {
  readonly key: string;
  readonly trace: Trace;
  readonly executable: Executable;
  /** Computes what is frozen, once; until then it has not been called for. */
  readonly preparation?: Preparation;
  readonly placeholders: readonly PlaceholderSource[];
  readonly outputs: readonly Tensor[];
  readonly result: unknown;
}

class Tracer {
  /** Most recently used first. */
  readonly programs: Traced[] = [];

  constructor(
    readonly fn: (...args: never[]) => unknown,
    readonly name: string,
    readonly cacheSize: number,
    readonly frozen: boolean,
    readonly numerics?: Numerics,
  ) {}

  /** The traced function for arguments of this signature, as the host facts it depends on are now. */
  traced(args: readonly unknown[], signature: string): Traced {
    const key = `${this.frozen ? getBackend() : ''} ${planKey(this.numerics)}${signature}`;
    const at = this.programs.findIndex((known) => known.key === key && (this.frozen || known.trace.holds));
    const found = at < 0 ? this.#trace(args, key) : this.programs.splice(at, 1)[0];
    this.programs.unshift(found);
    if (this.programs.length > this.cacheSize) this.programs.pop();
    return found;
  }

  #trace(args: readonly unknown[], key: string): Traced {
    const placeholders: PlaceholderSource[] = [];
    const symbolic = mapTensors(args, (tensor) => {
      const source = new PlaceholderSource(placeholders.length, this.name);
      placeholders.push(source);
      return new Tensor(leafNode(tensor.shape, tensor.dtype, source));
    }) as never[];
    const trace = new Trace(this.name);
    const outputs: Tensor[] = [];
    const { result, assigns, variables } = withTrace(trace, () => {
      const returned = this.fn(...symbolic);
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
    const traced = { key, trace, placeholders, outputs, result };
    // Other algorithms are native alone.
    const options = planOptions(getBackend() === 'native' ? this.numerics : 'strict');
    if (!this.frozen)
      return { ...traced, executable: new Executable(graph, { variables, readsPresent: true, options }) };
    if (variables.length > 0)
      throw new StateError(
        `${this.name}: a frozen function assigns to ${variables[0].label}; compile it without frozen`,
      );
    const { done, ...parts } = freezeGraph(graph, options);
    const planned = { readsPresent: true, options: { ...options, done } };
    return {
      ...traced,
      executable: new Executable(parts.graph, planned),
      preparation: new Preparation(parts, planned),
    };
  }

  async run({ signal }: RunOptions, args: readonly unknown[]): Promise<unknown> {
    const { tensors, key } = flatten(args, this.name);
    signal?.throwIfAborted();
    const { executable, preparation, placeholders, outputs, result } = this.traced(args, key);
    const nodes = tensors.map((tensor) => tensor.node);
    const isReady = ambientTrace().assigned.size === 0 && nodes.every((node) => node.storage);
    let arrays = nodes.map((node) => node.storage as TypedArray);
    const arriving = isReady ? undefined : evaluateNodes(nodes, { signal }).then((all) => (arrays = all));
    const prepared = preparation?.pending();
    const after = prepared && arriving ? Promise.all([prepared, arriving]) : (prepared ?? arriving);
    const results = await executable.run(signal, after, (submit) => {
      placeholders.forEach((placeholder, i) => {
        placeholder.bound = arrays[i];
      });
      const running = submit();
      for (const placeholder of placeholders) placeholder.bound = undefined;
      return running;
    });
    return mapTensors(result, (tensor) => wrap(tensor.node, results[outputs.indexOf(tensor)]));
  }

  explain(args: readonly unknown[]): Explanation {
    const { executable } = this.traced(args, flatten(args, this.name).key);
    return explainPlan(executable.compiled(), executable.graph);
  }
}

/** The part of a frozen function that runs once. */
class Preparation {
  readonly #sources: readonly PreparedSource[];
  #executable: Executable | undefined;
  #running: Promise<void> | undefined;

  constructor({ preparation, sources }: Frozen, parts: ExecutableParts) {
    this.#sources = sources;
    if (sources.length > 0) this.#executable = new Executable(preparation, parts);
  }

  /** What to wait for before a run, if anything. A preparation that fails is tried again by the next run. */
  pending(): Promise<void> | undefined {
    const executable = this.#executable;
    if (!executable) return undefined;
    this.#running ??= executable.run().then(
      (arrays) => {
        this.#sources.forEach((source, i) => {
          source.elements = arrays[i];
        });
        this.#executable = undefined;
      },
      (error) => {
        this.#running = undefined;
        throw error;
      },
    );
    return this.#running;
  }
}

const wrap = (node: Node, array: TypedArray): Tensor => new Tensor(dataNode(array, node.shape, node.dtype));

/**
 * Compiles `fn` into one native program per signature (shapes and dtypes of its tensors, and every number, string and
 * boolean among its arguments). `fn` runs once per signature, to be traced: it must be synchronous, and what changes
 * from call to call must be a tensor argument, a variable, or a random op. Assignments to variables in it (optimizer
 * updates, running statistics) are part of the program and carried out wholly or not at all. When a module that it
 * uses changes between training and evaluation, or a parameter is frozen, `fn` is traced again.
 *
 * Calls take effect in their order, whether they are awaited or not.
 *
 * @throws ArgumentError when `fn` is asynchronous or an argument is not a tensor, a plain value or a tree of these;
 * StateError when it is called while another function is traced, or needs a value that has been overwritten.
 */
export function compile<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
  options: CompileOptions = {},
): CompiledFunction<Args, Result> {
  if (typeof fn !== 'function') throw new ArgumentError(`compile: needs a function, got ${typeof fn}`);
  const { name = fn.name || 'compiled function', cacheSize = 32, frozen = false, numerics } = options;
  if (!Number.isSafeInteger(cacheSize) || cacheSize < 1)
    throw new ArgumentError(`compile: cacheSize must be a whole number of at least 1, got ${cacheSize}`);
  if (numerics !== undefined) checkNumerics(numerics, name);
  const tracer = new Tracer(fn as never, name, cacheSize, frozen, numerics);
  const run = (runOptions: RunOptions, args: Args) => {
    const outer = currentTrace();
    if (outer.isCompiling)
      throw new StateError(
        `${name}: a compiled function is called while another (${outer.name}) is traced; call the plain function there`,
      );
    return tracer.run(runOptions, args) as Promise<Result>;
  };
  const call = (...args: Args) => run({}, args);
  return Object.defineProperty(
    Object.assign(call, {
      run: (runOptions: RunOptions, ...args: Args) => run(runOptions ?? {}, args),
      explain: (...args: Args) => tracer.explain(args),
    }),
    'programs',
    { get: () => tracer.programs.length },
  ) as CompiledFunction<Args, Result>;
}
