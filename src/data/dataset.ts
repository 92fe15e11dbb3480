/**
 * Data sets: samples by number, in some order, one by one or in batches. Everything is lazy: a data set is opened when
 * it is first iterated, and each iteration is one epoch. Data without numbers is a `Stream`.
 */
import { inOrder, Limiter } from './ahead.js';
import { Batches, type EpochCounter, numbered } from './batches.js';
import { checkSeed, Rng } from './rng.js';
import {
  checkCount,
  checkOnError,
  type OnError,
  type Sample,
  SkipLog,
  type Skipped,
  stackSamples,
  type Visit,
} from './sample.js';
import {
  classesOf,
  partsOf,
  type SplitOptions,
  stratifiedParts,
  type WeightedOptions,
  weightedOrder,
} from './split.js';

/** Samples by number: what a data set is made of. */
export interface Source<T extends Sample> {
  readonly length: number;
  /** Sample number `index`; undefined leaves it out. */
  get(index: number, visit: Visit): T | undefined | Promise<T | undefined>;
  /** Several samples with a leading batch dimension; made from `get` when absent. */
  batch?(indices: Int32Array): T | Promise<T>;
  /** The numbers of a column by sample, where they are at hand without reading samples. */
  column?(name: string): ArrayLike<number | bigint> | undefined;
  /** How many samples to begin before they are asked for; 0 unless told. */
  readonly ahead?: number;
}

/** An opened data set: its samples, and the numbers of those of an epoch in order. */
interface Opened<T extends Sample> {
  readonly source: Source<T>;
  readonly order: (epoch: number) => Int32Array;
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

/** Options of `map`. */
export interface MapOptions {
  /** How many calls may be under way at once; 1 unless told. */
  readonly concurrency?: number;
}

/** The samples of one epoch by their place in it. */
class Walk<T extends Sample> {
  readonly indices: Int32Array;
  #draws: Int32Array | undefined | null = null;

  constructor(
    readonly source: Source<T>,
    order: (epoch: number) => Int32Array,
    readonly epoch: number,
  ) {
    this.indices = order(epoch);
  }

  async get(at: number): Promise<T | undefined> {
    const index = this.indices[at];
    if (this.#draws === null) this.#draws = drawsOf(this.indices, this.source.length);
    return this.source.get(index, { epoch: this.epoch, index, draw: this.#draws?.[at] ?? 0 });
  }

  async batch(from: number, to: number): Promise<T | undefined> {
    if (this.source.batch) return this.source.batch(this.indices.subarray(from, to));
    const samples = await Promise.all(Array.from({ length: to - from }, (_, i) => this.get(from + i)));
    const kept = samples.filter((sample) => sample !== undefined);
    return kept.length > 0 ? stackSamples(kept) : undefined;
  }
}

/** For each place, how often its number came before; undefined when no number comes twice. */
function drawsOf(indices: Int32Array, length: number): Int32Array | undefined {
  const seen = new Int32Array(length);
  let repeats = false;
  const draws = indices.map((index) => {
    if (seen[index] > 0) repeats = true;
    return seen[index]++;
  });
  return repeats ? draws : undefined;
}

/** Remembers the result for the last epoch asked for. */
function lastEpoch<R>(make: (epoch: number) => R): (epoch: number) => R {
  let held: { readonly epoch: number; readonly result: R } | undefined;
  return (epoch) => {
    if (held?.epoch !== epoch) held = { epoch, result: make(epoch) };
    return held.result;
  };
}

const inTurn = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);

/** `open`, called once; called again after it failed, since a failed download may be tried again. */
function once<R>(open: () => R | Promise<R>): () => Promise<R> {
  let opened: Promise<R> | undefined;
  return () => {
    opened ??= Promise.resolve().then(open);
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
}

/**
 * Samples in some order. `for await` over it is one epoch; a shuffled data set has another order in each epoch. The
 * methods give new data sets and cost nothing.
 */
export class Dataset<T extends Sample = Sample> implements AsyncIterable<T> {
  #open: () => Promise<Opened<T>>;
  readonly #epochs: EpochCounter = { next: 0 };
  #logs: readonly SkipLog[];

  /**
   * @param open Gives the samples; called once, when they are first needed.
   * @param log Where the source writes down what it leaves out.
   */
  constructor(open: () => Source<T> | Promise<Source<T>>, log?: SkipLog) {
    this.#open = once(async () => {
      const source = await open();
      const order = inTurn(source.length);
      return { source, order: () => order };
    });
    this.#logs = log ? [log] : [];
  }

  static #derived<U extends Sample>(logs: readonly SkipLog[], open: () => Promise<Opened<U>>): Dataset<U> {
    const dataset = new Dataset<U>(() => ({ length: 0, get: () => undefined }));
    dataset.#open = once(open);
    dataset.#logs = logs;
    return dataset;
  }

  #reordered(change: (order: (epoch: number) => Int32Array, source: Source<T>) => (epoch: number) => Int32Array) {
    return Dataset.#derived<T>(this.#logs, async () => {
      const { source, order } = await this.#open();
      return { source, order: change(order, source) };
    });
  }

  /** Number of samples in an epoch, with those that may be left out. */
  async length(): Promise<number> {
    return (await this.#open()).order(0).length;
  }

  /** What has been left out so far, each thing once; see `onError`. */
  get skipped(): readonly Skipped[] {
    return this.#logs.flatMap((log) => log.entries);
  }

  /**
   * What a sample that cannot be read (by the source or a `map` before this) does: `'throw'` ends the iteration with
   * its error, `'skip'` leaves the sample out, lists it in `skipped` and tells `onSkip`. A batch that lost samples is
   * smaller.
   */
  onError(what: OnError, onSkip?: (skipped: Skipped) => void): Dataset<T> {
    checkOnError(what, 'onError');
    if (what === 'throw') return Dataset.#derived(this.#logs, () => this.#open());
    const log = new SkipLog();
    log.listen(onSkip);
    return Dataset.#derived([...this.#logs, log], async () => {
      const { source, order } = await this.#open();
      const get = async (index: number, visit: Visit): Promise<T | undefined> => {
        try {
          return await source.get(index, visit);
        } catch (error) {
          log.add(`sample ${index}`, error);
          return undefined;
        }
      };
      const column = (name: string) => source.column?.(name);
      return { source: { length: source.length, ahead: source.ahead, get, column }, order };
    });
  }

  /**
   * Each sample changed by `fn`; a sample for which it gives undefined is left out. `visit` says which visit of which
   * sample it is: random changes keyed by it do not depend on `concurrency`.
   */
  map<U extends Sample>(
    fn: (sample: T, visit: Visit) => U | undefined | Promise<U | undefined>,
    { concurrency = 1 }: MapOptions = {},
  ): Dataset<U> {
    checkCount(concurrency, 1, 'map', 'concurrency');
    return Dataset.#derived<U>(this.#logs, async () => {
      const { source, order } = await this.#open();
      const limiter = new Limiter(concurrency);
      const get = async (index: number, visit: Visit): Promise<U | undefined> => {
        const sample = await source.get(index, visit);
        return sample && limiter.run(() => fn(sample, visit));
      };
      return { source: { length: source.length, ahead: Math.max(source.ahead ?? 0, concurrency - 1), get }, order };
    });
  }

  /** The samples for which `fn` gives true. They are still counted by `length`, and batches may be smaller. */
  filter(fn: (sample: T, visit: Visit) => boolean | Promise<boolean>): Dataset<T> {
    return this.map(async (sample, visit) => ((await fn(sample, visit)) ? sample : undefined));
  }

  /** The samples in an order that depends on the seed and on how often the data set has been iterated. */
  shuffle({ seed = 0 }: ShuffleOptions = {}): Dataset<T> {
    checkSeed(seed, 'shuffle');
    return this.#reordered((order) => (epoch) => {
      const indices = order(epoch).slice();
      new Rng(seed, epoch).shuffle(indices);
      return indices;
    });
  }

  /** The first `count` samples, or all when there are fewer. */
  take(count: number): Dataset<T> {
    checkCount(count, 0, 'take', 'count');
    return this.#reordered((order) => (epoch) => order(epoch).subarray(0, count));
  }

  /** All but the first `count` samples. */
  skip(count: number): Dataset<T> {
    checkCount(count, 0, 'skip', 'count');
    return this.#reordered((order) => (epoch) => order(epoch).subarray(count));
  }

  /** An epoch of `count` epochs of these samples; a shuffle before it orders each anew. */
  repeat(count: number): Dataset<T> {
    checkCount(count, 1, 'repeat', 'count');
    return this.#reordered((order) => (epoch) => {
      const parts = Array.from({ length: count }, (_, i) => order(epoch * count + i));
      const out = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        out.set(part, at);
        at += part.length;
      }
      return out;
    });
  }

  /**
   * Parts of the samples, such as `split([0.8, 0.2])`: disjoint, drawn at random by `seed`, and the same in every epoch.
   * @throws ArgumentError when the fractions are not positive or add up to more than 1.
   */
  split(fractions: readonly number[], options: SplitOptions = {}): Dataset<T>[] {
    const parts = partsOf(fractions, options, 'split');
    return fractions.map((_, part) =>
      this.#reordered((order) => {
        const chosen = parts(order(0))[part];
        return () => chosen;
      }),
    );
  }

  /**
   * As `split`, with each class in each part in the same proportion (up to one sample).
   * @param by Column with the class of a sample as a whole number, or a function that gives it. All samples are read
   * once, when the first part is opened.
   */
  stratifiedSplit(
    fractions: readonly number[],
    by: (keyof T & string) | ((sample: T) => number | Promise<number>),
    options: SplitOptions = {},
  ): Dataset<T>[] {
    partsOf(fractions, options, 'stratifiedSplit');
    const parts = once(async () => {
      const { source, order } = await this.#open();
      return stratifiedParts(order(0), await classesOf(source, order(0), by), fractions, options);
    });
    return fractions.map((_, part) =>
      Dataset.#derived<T>(this.#logs, async () => {
        const { source } = await this.#open();
        const chosen = (await parts())[part];
        return { source, order: () => chosen };
      }),
    );
  }

  /**
   * Samples drawn by weight, with replacement: each epoch has `count` draws. Weights belong to the samples in the order
   * of the first epoch and need not add up to anything.
   */
  weighted(weights: ArrayLike<number>, options: WeightedOptions = {}): Dataset<T> {
    const draw = weightedOrder(weights, options);
    return this.#reordered((order) => {
      const first = order(0);
      return (epoch) => draw(first, epoch);
    });
  }

  /** These samples, then those of `others`. */
  concat(...others: readonly Dataset<T>[]): Dataset<T> {
    const all = [this, ...others];
    const logs = [...new Set(all.flatMap((dataset) => dataset.#logs))];
    return Dataset.#derived<T>(logs, async () => {
      const opened = await Promise.all(all.map((dataset) => dataset.#open()));
      const walks = lastEpoch((epoch) => opened.map(({ source, order }) => new Walk(source, order, epoch)));
      const length = walks(0).reduce((sum, { indices }) => sum + indices.length, 0);
      const get = async (index: number, { epoch }: Visit): Promise<T | undefined> => {
        let at = index;
        for (const walk of walks(epoch)) {
          if (at < walk.indices.length) return walk.get(at);
          at -= walk.indices.length;
        }
        return undefined;
      };
      const ahead = Math.max(...opened.map(({ source }) => source.ahead ?? 0));
      const order = inTurn(length);
      return { source: { length, ahead, get }, order: () => order };
    });
  }

  /** Samples of both side by side, with the columns of both; as many as the shorter has. */
  zip<U extends Sample>(other: Dataset<U>): Dataset<T & U> {
    return Dataset.#derived<T & U>([...new Set([...this.#logs, ...other.#logs])], async () => {
      const [a, b] = await Promise.all([this.#open(), other.#open()]);
      const walks = lastEpoch((epoch) => [new Walk(a.source, a.order, epoch), new Walk(b.source, b.order, epoch)]);
      const length = Math.min(a.order(0).length, b.order(0).length);
      const get = async (index: number, { epoch }: Visit): Promise<(T & U) | undefined> => {
        const [left, right] = walks(epoch);
        const [x, y] = await Promise.all([left.get(index), right.get(index)]);
        return x && y && ({ ...x, ...y } as T & U);
      };
      const order = inTurn(length);
      return { source: { length, ahead: Math.max(a.source.ahead ?? 0, b.source.ahead ?? 0), get }, order: () => order };
    });
  }

  /** Begins up to `count` samples before a loop over samples asks for them; `batch(...)` has a `prefetch` of its own. */
  prefetch(count: number): Dataset<T> {
    checkCount(count, 0, 'prefetch', 'count');
    return Dataset.#derived<T>(this.#logs, async () => {
      const { source, order } = await this.#open();
      const changed: Source<T> = {
        length: source.length,
        ahead: count,
        get: (index, visit) => source.get(index, visit),
        batch: source.batch?.bind(source),
        column: (name) => source.column?.(name),
      };
      return { source: changed, order };
    });
  }

  /** `size` samples at a time, with a leading batch dimension; the last batch may have fewer. */
  batch(size: number, options: BatchOptions = {}): Batches<T> {
    checkCount(size, 1, 'batch', 'size');
    const { dropLast = false } = options;
    const walks = once(async () => {
      const { source, order } = await this.#open();
      return lastEpoch((epoch) => new Walk(source, order, epoch));
    });
    const maker = numbered<T>(
      async (epoch) => {
        const { length } = (await walks())(epoch).indices;
        return dropLast ? Math.floor(length / size) : Math.ceil(length / size);
      },
      async (epoch, step) => {
        const walk = (await walks())(epoch);
        return walk.batch(step * size, Math.min((step + 1) * size, walk.indices.length));
      },
    );
    return new Batches(maker, this.#epochs, size, dropLast);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const epoch = this.#epochs.next++;
    const { source, order } = await this.#open();
    const walk = new Walk(source, order, epoch);
    for await (const sample of inOrder(0, walk.indices.length, source.ahead ?? 0, (at) => walk.get(at)))
      if (sample) yield sample;
  }
}
