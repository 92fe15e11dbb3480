/**
 * Models made ready to serve: a module in evaluation whose weights will not change any more becomes a function with one
 * program per shape of its inputs. `shared-model.ts` hands weights to worker threads.
 */
import { bytesOf, type TypedArray } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import type { Numerics } from '../graph/node.js';
import { zeros } from '../ops/index.js';
import type { CompiledFunction } from '../runtime/compile.js';
import type { Explanation } from '../runtime/explain.js';
import { checkNumerics } from '../runtime/numerics.js';
import { PreparedStore } from '../runtime/prepared.js';
import type { Profile } from '../runtime/profile.js';
import { settleVariables } from '../runtime/run.js';
import { checkCacheSize, type ProgramFacts, Tracer } from '../runtime/tracer.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { type RunOptions, type Tensor, tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import { Module } from './module.js';
import { type SharedModel, shareVariables, takeShared } from './shared-model.js';

/** Options of `compileModel`. */
export interface CompileModelOptions {
  /** Shape of one input without its batch dimension: [3, 224, 224]. Needed with `batch`, and to take typed arrays. */
  readonly shape?: Shape;
  /** Batch sizes to plan before the promise resolves, for float32 inputs; others are planned when they first come. */
  readonly batch?: readonly number[];
  /** Programs kept, one per shape of the inputs, least recently used first out; 8 unless told. */
  readonly cacheSize?: number;
  /** How this model may round, as `setNumerics` describes; what that says at the first run of each shape unless told. */
  readonly numerics?: Numerics;
  /** Weights, and what was made of them, of the same model in another thread: what its `share()` gave. */
  readonly shared?: SharedModel;
}

/** What a compiled model holds and what it took to make it. Bytes and milliseconds. */
export interface CompiledModelInfo {
  /** From the call of `compileModel` until it was ready. */
  readonly loadMilliseconds: number;
  /** The model's parameters and buffers. */
  readonly weightBytes: number;
  /** Folded and transformed weights beside them. */
  readonly preparedBytes: number;
  /** The programs held now, most recently used first. */
  readonly programs: readonly ProgramFacts[];
}

/** An input of a compiled model: a tensor, or elements in row-major order, read in place. */
export type ModelInput<T extends Tensor = Tensor> = T | TypedArray;

type ModelInputs<Inputs extends readonly Tensor[]> = { [I in keyof Inputs]: ModelInput<Inputs[I]> };

/** A model ready to serve. Calls overlap with each other and with the event loop. */
export interface CompiledModel<Inputs extends readonly Tensor[], Result>
  extends CompiledFunction<ModelInputs<Inputs>, Result> {
  /** What it holds now, and what it took. */
  readonly info: CompiledModelInfo;
  /**
   * The error of the results for these inputs against the model in double precision, relative to their norm. `explain`
   * shows it from then on. Computed in plain JavaScript: some seconds per GFLOP, during which the event loop is held, so
   * take small inputs.
   */
  measureError(...inputs: ModelInputs<Inputs>): Promise<number>;
  /**
   * Moves the weights into memory that threads share and gives all that another thread needs for `compileModel(model, {
   * shared })`, by `workerData` or `postMessage`: no thread then has a copy. Do not train the model meanwhile.
   */
  share(): Promise<SharedModel>;
}

/**
 * A function that runs a model in evaluation, for inference. The weights are taken as they are when a program is first
 * run: batch norm is folded into them and what convolutions make of them is computed once; for later weights compile
 * again. Calls overlap with each other and with the event loop. Results differ from `model.forward` in their last bits,
 * unless `numerics` is `strict`.
 *
 * Inputs are tensors or, where `shape` is given, typed arrays of one or more samples. Arrays, and tensors made by
 * `tensor(array, { copy: false })`, are read in place: leave them as they are until the promise resolves.
 * @throws ArgumentError for what is no module, for batch sizes below 1, and for `batch` without `shape`; a call throws a
 * ShapeError for an array that holds no whole number of samples, and a StateError when weights that are read where they
 * lie have changed.
 */
export async function compileModel<Result, Inputs extends Tensor[]>(
  model: Module<Result, Inputs>,
  options: CompileModelOptions = {},
): Promise<CompiledModel<Inputs, Result>> {
  const start = performance.now();
  const { shape, batch = [], cacheSize = 8, numerics, shared } = options;
  check(model, options);
  const name = `compiled ${model.constructor.name}`;
  const variables = model.stateDict();
  const names = new Map(Object.entries(variables).map(([path, variable]) => [variable, path]));
  if (shared) takeShared(variables, shared);
  await settleVariables([...names.keys()]);
  const store = new PreparedStore(names, shared?.prepared);
  const forward = (...inputs: Inputs) => model.inEvaluation(() => model.forward(...inputs));
  const most = Math.max(cacheSize, batch.length);
  const tracer = new Tracer(forward as never, { name, cacheSize: most, frozen: true, numerics, store });
  const wrapped = (inputs: readonly ModelInput[]) => inputs.map((input) => wrap(input, shape, name));
  const run = (runOptions: RunOptions, inputs: readonly ModelInput[]) => {
    tracer.refuseInside();
    return tracer.run(runOptions, wrapped(inputs)) as Promise<Result>;
  };
  const call = (...inputs: ModelInputs<Inputs>) => run({}, inputs);
  for (const size of batch) await run({}, [zeros([size, ...(shape as Shape)])]);
  const loadMilliseconds = performance.now() - start;
  const methods = {
    run: (runOptions: RunOptions, ...inputs: ModelInputs<Inputs>) => run(runOptions ?? {}, inputs),
    runSync: (...inputs: ModelInputs<Inputs>): Result => {
      tracer.refuseInside();
      return tracer.runSync(wrapped(inputs)) as Result;
    },
    explain: (...inputs: ModelInputs<Inputs>): Explanation => tracer.explain(wrapped(inputs)),
    profile: (...inputs: ModelInputs<Inputs>): Promise<Profile> => tracer.profile(wrapped(inputs)),
    measureError: (...inputs: ModelInputs<Inputs>): Promise<number> => tracer.measureError(wrapped(inputs)),
    share: async (): Promise<SharedModel> => ({
      weights: await shareVariables(variables),
      prepared: store.arrays(),
    }),
  };
  return Object.defineProperties(Object.assign(call, methods), {
    programs: { get: () => tracer.programs.length },
    info: {
      get: (): CompiledModelInfo => ({
        loadMilliseconds,
        weightBytes: bytesOfAll(names.keys()),
        preparedBytes: store.bytes,
        programs: tracer.facts(),
      }),
    },
  }) as CompiledModel<Inputs, Result>;
}

function check(model: unknown, { shape, batch = [], cacheSize = 8, numerics }: CompileModelOptions): void {
  if (!(model instanceof Module)) throw new ArgumentError(`compileModel: needs a module, got ${typeof model}`);
  if (batch.length > 0 && !shape)
    throw new ArgumentError('compileModel: batch needs shape, the shape of one input without its batch dimension');
  for (const size of batch)
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ArgumentError(`compileModel: batch sizes must be whole numbers of at least 1, got ${size}`);
  checkCacheSize(cacheSize, 'compileModel');
  if (numerics !== undefined) checkNumerics(numerics, 'compileModel');
}

/** The tensor of an input; elements stay where they are. */
function wrap(input: ModelInput, shape: Shape | undefined, name: string): Tensor {
  if (!ArrayBuffer.isView(input)) return input;
  if (!shape)
    throw new ArgumentError(
      `${name}: a typed array needs the option shape of compileModel; or pass tensor(array, ...)`,
    );
  const one = sizeOf(shape);
  const count = input.length / one;
  if (!Number.isSafeInteger(count) || count < 1)
    throw new ShapeError(`${name}: ${input.length} elements are no whole number of samples ${showShape(shape)}`);
  return tensor(input, { shape: [count, ...shape], copy: false });
}

function bytesOfAll(variables: Iterable<Variable>): number {
  let bytes = 0;
  for (const { size, dtype } of variables) bytes += size * bytesOf(dtype);
  return bytes;
}
