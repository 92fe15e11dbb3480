/** Models made ready to serve: `compile` for a module in evaluation whose weights will not change any more. */
import { ArgumentError } from '../errors.js';
import { zeros } from '../ops/index.js';
import { type CompiledFunction, compile } from '../runtime/compile.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** Options of `compileModel`. */
export interface CompileModelOptions {
  /** Shape of one input without its batch dimension, float32: [3, 224, 224]. Needed with `batch`. */
  readonly shape?: Shape;
  /** Batch sizes to plan before the promise resolves; others are planned when they first come. */
  readonly batch?: readonly number[];
  /** Programs kept, one per shape of the inputs; 8 unless told. */
  readonly cacheSize?: number;
}

/**
 * A function that runs a model in evaluation, for inference. The weights are taken as they are when a program is first
 * run: batch norm is folded into them and what convolutions make of them is computed once, so later changes of the
 * model do not show. Calls overlap with each other and with the event loop. Results differ from `model.forward` in
 * their last bits.
 * @throws ArgumentError for what is no module, for batch sizes below 1, and for `batch` without `shape`.
 */
export async function compileModel<Result, Inputs extends Tensor[]>(
  model: Module<Result, Inputs>,
  { shape, batch = [], cacheSize = 8 }: CompileModelOptions = {},
): Promise<CompiledFunction<Inputs, Result>> {
  if (!(model instanceof Module)) throw new ArgumentError(`compileModel: needs a module, got ${typeof model}`);
  if (batch.length > 0 && !shape)
    throw new ArgumentError('compileModel: batch needs shape, the shape of one input without its batch dimension');
  for (const size of batch)
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ArgumentError(`compileModel: batch sizes must be whole numbers of at least 1, got ${size}`);
  const name = `compiled ${model.constructor.name}`;
  const run = compile((...inputs: Inputs) => model.inEvaluation(() => model.forward(...inputs)), {
    name,
    cacheSize: Math.max(cacheSize, batch.length),
    frozen: true,
  });
  for (const size of batch) await run(...([zeros([size, ...(shape as Shape)])] as unknown as Inputs));
  return run;
}
