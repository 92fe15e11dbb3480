/** `compile(fn)`: one native program for forward, backward and updates per signature of the arguments; see `tracer.ts`. */
import { ArgumentError } from '../errors.js';
import type { Numerics } from '../graph/node.js';
import type { RunOptions } from '../tensor.js';
import type { Explanation } from './explain.js';
import { checkNumerics } from './numerics.js';
import type { Profile } from './profile.js';
import { checkCacheSize, Tracer } from './tracer.js';

/** Options of `compile`. */
export interface CompileOptions {
  /** Shown in messages; the function's own name otherwise. */
  readonly name?: string;
  /** Programs kept, one per signature of the arguments and mode of the modules; 32 unless told. */
  readonly cacheSize?: number;
  /**
   * Takes the values of variables, and the modes of modules, as they are at the first call for each signature, for
   * good; `fn` may assign to no variable. What depends on weights alone is then computed once; a call is a StateError when
   * others have changed.
   */
  readonly frozen?: boolean;
  /** How the function's programs may round; as `setNumerics` says at the first call for each signature unless told. */
  readonly numerics?: Numerics;
  /**
   * Bytes that the program's intermediate values may take (`explain().arenaBytes`). Where they take more, some of what the
   * forward pass made is computed again in the backward pass instead of kept: less memory for more time.
   */
  readonly memoryBudget?: number;
}

/** A traced function. Tensors in its result are computed when the promise resolves. */
export interface CompiledFunction<Args extends readonly unknown[], Result> {
  (...args: Args): Promise<Result>;
  /** The same with run options, such as an AbortSignal. */
  run(options: RunOptions, ...args: Args): Promise<Result>;
  /**
   * The same before it returns: the JavaScript thread works on the program as well and HOLDS THE EVENT LOOP meanwhile, so
   * this is for scripts and worker threads. Needs arguments that have been computed.
   * @throws StateError when an argument, or a variable's first value, has not been computed.
   */
  runSync(...args: Args): Result;
  /** What the program for these arguments does: kernels, shapes, flops, bytes, arena and peak memory. Does not run it. */
  explain(...args: Args): Explanation;
  /**
   * Runs once as a call does, updates and all, and describes the program with the time of each kernel, its rate, and the
   * share of what the machine can do. A first run also has memory to get: call the function before.
   * @throws StateError under the JavaScript executor.
   */
  profile(...args: Args): Promise<Profile>;
  /** Programs held now. */
  readonly programs: number;
}

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
 * MemoryError when a program does not fit into `memoryBudget`; StateError when it is called while another function is traced, or needs a value that has been overwritten.
 */
export function compile<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
  options: CompileOptions = {},
): CompiledFunction<Args, Result> {
  if (typeof fn !== 'function') throw new ArgumentError(`compile: needs a function, got ${typeof fn}`);
  const { name = fn.name || 'compiled function', cacheSize = 32, frozen = false, numerics, memoryBudget } = options;
  checkCacheSize(cacheSize, 'compile');
  if (memoryBudget !== undefined) {
    if (!(memoryBudget > 0))
      throw new ArgumentError(`compile: memoryBudget must be a positive number of bytes, got ${memoryBudget}`);
    if (frozen)
      throw new ArgumentError('compile: memoryBudget is for functions that compute gradients; leave out frozen');
  }
  if (numerics !== undefined) checkNumerics(numerics, name);
  const tracer = new Tracer(fn as never, { name, cacheSize, frozen, numerics, memoryBudget });
  const run = (runOptions: RunOptions, args: Args) => {
    tracer.refuseInside();
    return tracer.run(runOptions, args) as Promise<Result>;
  };
  const call = (...args: Args) => run({}, args);
  return Object.defineProperty(
    Object.assign(call, {
      run: (runOptions: RunOptions, ...args: Args) => run(runOptions ?? {}, args),
      runSync: (...args: Args) => {
        tracer.refuseInside();
        return tracer.runSync(args) as Result;
      },
      explain: (...args: Args) => tracer.explain(args),
      profile: (...args: Args) => tracer.profile(args),
    }),
    'programs',
    { get: () => tracer.programs.length },
  ) as CompiledFunction<Args, Result>;
}
