/** Samples and what travels with them: where a sample stands, what was left out, and how samples become a batch. */
import { type DType, newArray, type TypedArray } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { dataNode } from '../graph/leaves.js';
import { stack } from '../ops/index.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';

/** One sample, or one batch of samples: tensors by name. */
export type Sample = Readonly<Record<string, Tensor>>;

/** Which visit of which sample this is. Random changes keyed by it do not depend on the order of completion. */
export interface Visit {
  readonly epoch: number;
  /** Number of the sample in its source. */
  readonly index: number;
  /** How often the sample has come before in this epoch; above 0 only with `repeat` and `weighted`. */
  readonly draw: number;
}

/** Something that could not be read and was left out. */
export interface Skipped {
  /** A file, a line of a file, or the number of a sample. */
  readonly what: string;
  readonly error: Error;
}

/** Whether a damaged sample ends the iteration, or is left out and reported. */
export type OnError = 'throw' | 'skip';

/** What was left out, each thing once. */
export class SkipLog {
  readonly #entries = new Map<string, Skipped>();
  readonly #listeners: ((skipped: Skipped) => void)[] = [];

  add(what: string, error: unknown): void {
    if (this.#entries.has(what)) return;
    const entry = { what, error: error instanceof Error ? error : new Error(String(error)) };
    this.#entries.set(what, entry);
    for (const listener of this.#listeners) listener(entry);
  }

  listen(listener: ((skipped: Skipped) => void) | undefined): void {
    if (listener) this.#listeners.push(listener);
  }

  get entries(): readonly Skipped[] {
    return [...this.#entries.values()];
  }
}

export function checkCount(value: unknown, least: number, where: string, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw new ArgumentError(`${where}: ${name} must be an integer of at least ${least}, got ${String(value)}`);
}

export function checkOnError(value: unknown, where: string): asserts value is OnError {
  if (value !== 'throw' && value !== 'skip')
    throw new ArgumentError(`${where}: onError must be 'throw' or 'skip', got ${JSON.stringify(value)}`);
}

function stackColumn(name: string, tensors: readonly Tensor[]): Tensor {
  const { shape, dtype } = tensors[0];
  for (const [i, tensor] of tensors.entries()) {
    if (!(tensor instanceof Tensor)) throw new ArgumentError(`batch: sample ${i} of the batch has no tensor ${name}`);
    if (showShape(tensor.shape) !== showShape(shape))
      throw new ShapeError(
        `batch: ${name} of sample ${i} of the batch is ${showShape(tensor.shape)} but that of the first is ${showShape(shape)}`,
      );
    if (tensor.dtype !== dtype)
      throw new DTypeError(`batch: ${name} of sample ${i} is ${tensor.dtype} but that of the first is ${dtype}`);
  }
  const arrays = tensors.map((tensor) => tensor.node.storage);
  if (arrays.includes(undefined)) return stack(tensors);
  const size = sizeOf(shape);
  const out = newArray(dtype, tensors.length * size);
  for (const [i, array] of arrays.entries()) (out as Float32Array).set(array as Float32Array, i * size);
  return hostTensor(out, [tensors.length, ...shape], dtype);
}

/** A tensor over elements that exist; nothing is copied. */
export function hostTensor(array: TypedArray, shape: Shape, dtype: DType): Tensor {
  return new Tensor(dataNode(array, Object.freeze([...shape]), dtype));
}

/** One batch from samples of equal shapes and dtypes. */
export function stackSamples<T extends Sample>(samples: readonly T[]): T {
  const [first] = samples;
  return Object.fromEntries(
    Object.keys(first).map((name) => [
      name,
      stackColumn(
        name,
        samples.map((sample) => sample[name]),
      ),
    ]),
  ) as unknown as T;
}
