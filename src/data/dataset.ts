/**
 * Data sets: samples by number, in some order, one by one or in batches. Everything is lazy: a data set is opened when
 * it is first iterated, and each iteration is one epoch.
 */
import { ArgumentError } from '../errors.js';
import { stack } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { checkSeed, Rng } from './rng.js';

/** One sample, or one batch of samples: tensors by name. */
export type Sample = Readonly<Record<string, Tensor>>;

/** Samples by number: what a data set is made of. */
export interface Source<T extends Sample> {
  readonly length: number;
  /** Sample number `index`. */
  get(index: number): T | Promise<T>;
  /** Several samples with a leading batch dimension; stacked from `get` when absent. */
  batch?(indices: Int32Array): T | Promise<T>;
}

/** The numbers of the samples of one epoch, in order. */
type Order = (length: number, epoch: number) => Int32Array;

const inOrder: Order = (length) => Int32Array.from({ length }, (_, i) => i);

function checkCount(value: unknown, least: number, where: string, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw new ArgumentError(`${where}: ${name} must be an integer of at least ${least}, got ${String(value)}`);
}

async function stacked<T extends Sample>(source: Source<T>, indices: Int32Array): Promise<T> {
  const samples = await Promise.all(Array.from(indices, (index) => source.get(index)));
  const names = Object.keys(samples[0]);
  return Object.fromEntries(names.map((name) => [name, stack(samples.map((sample) => sample[name]))])) as unknown as T;
}

/** Options of `Dataset.shuffle`. */
export interface ShuffleOptions {
  /** Equal seeds give equal orders; 0 unless told. */
  readonly seed?: number;
}

/** Options of `Dataset.batch`. */
export interface BatchOptions {
  /** Leave out a last batch with fewer samples. */
  readonly dropLast?: boolean;
}

/**
 * Samples in some order. `for await` over it is one epoch; a shuffled data set has another order in each epoch. The
 * methods give new data sets and cost nothing.
 */
export class Dataset<T extends Sample = Sample> implements AsyncIterable<T> {
  readonly #open: () => Promise<Source<T>>;
  readonly #order: Order;
  #epoch = 0;

  /** @param open Gives the samples; called once, when they are first needed. */
  constructor(open: () => Source<T> | Promise<Source<T>>, order: Order = inOrder) {
    let opened: Promise<Source<T>> | undefined;
    this.#open = () => {
      opened ??= Promise.resolve().then(open);
      // A failed download may be tried again.
      opened.catch(() => {
        opened = undefined;
      });
      return opened;
    };
    this.#order = order;
  }

  /** Number of samples in an epoch. */
  async length(): Promise<number> {
    const { length } = await this.#open();
    return this.#order(length, 0).length;
  }

  /** Each sample changed by `fn`. */
  map<U extends Sample>(fn: (sample: T) => U | Promise<U>): Dataset<U> {
    return new Dataset<U>(async () => {
      const source = await this.#open();
      return { length: source.length, get: async (index) => fn(await source.get(index)) };
    }, this.#order);
  }

  /** The samples in an order that depends on the seed and on how often the data set has been iterated. */
  shuffle({ seed = 0 }: ShuffleOptions = {}): Dataset<T> {
    checkSeed(seed, 'shuffle');
    return new Dataset(this.#open, (length, epoch) => {
      const indices = this.#order(length, epoch).slice();
      new Rng(seed, epoch).shuffle(indices);
      return indices;
    });
  }

  /** The first `count` samples, or all when there are fewer. */
  take(count: number): Dataset<T> {
    checkCount(count, 0, 'take', 'count');
    return new Dataset(this.#open, (length, epoch) => this.#order(length, epoch).subarray(0, count));
  }

  /** All but the first `count` samples. */
  skip(count: number): Dataset<T> {
    checkCount(count, 0, 'skip', 'count');
    return new Dataset(this.#open, (length, epoch) => this.#order(length, epoch).subarray(count));
  }

  /** `size` samples at a time, with a leading batch dimension; the last batch may have fewer. */
  batch(size: number, options: BatchOptions = {}): Batches<T> {
    checkCount(size, 1, 'batch', 'size');
    return new Batches(
      async () => {
        const source = await this.#open();
        const indices = this.#order(source.length, this.#epoch++);
        return { source, indices };
      },
      size,
      options.dropLast ?? false,
    );
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const source = await this.#open();
    for (const index of this.#order(source.length, this.#epoch++)) yield await source.get(index);
  }
}

/** A data set in batches. Each `for await` is one epoch. */
export class Batches<T extends Sample = Sample> implements AsyncIterable<T> {
  readonly #begin: () => Promise<{ source: Source<T>; indices: Int32Array }>;

  /** @internal Use `Dataset.batch`. */
  constructor(
    begin: () => Promise<{ source: Source<T>; indices: Int32Array }>,
    /** Samples in a batch. */
    readonly size: number,
    readonly dropLast: boolean,
  ) {
    this.#begin = begin;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const { source, indices } = await this.#begin();
    const end = this.dropLast ? indices.length - (indices.length % this.size) : indices.length;
    for (let at = 0; at < end; at += this.size) {
      const some = indices.subarray(at, Math.min(at + this.size, end));
      yield await (source.batch ? source.batch(some) : stacked(source, some));
    }
  }
}
