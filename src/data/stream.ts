/**
 * Streams: samples or rows one after the other, of which neither number nor length is known, such as what a generator
 * makes or a large file holds. Memory stays bounded: only what is under way, prefetched or in a shuffle's buffer is held.
 */
import { ArgumentError } from '../errors.js';
import { mapInOrder, prefetched } from './ahead.js';
import { Batches, type EpochCounter } from './batches.js';
import { type BatchOptions, Dataset, type MapOptions } from './dataset.js';
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

/** @internal Yielded by a source in place of something that cannot be read. */
export class Unreadable {
  constructor(
    readonly what: string,
    readonly error: unknown,
  ) {}
}

type Item<T> = { readonly visit: Visit; readonly value: T } | { readonly visit: Visit; readonly failed: Unreadable };

/** Options of `Stream.shuffle`. */
export interface StreamShuffleOptions {
  /** Equal seeds give equal orders; 0 unless told. */
  readonly seed?: number;
  /** Items that are held and drawn from; 1024 unless told. An item comes at most so many places early. */
  readonly buffer?: number;
}

/**
 * Items one after the other. `for await` over it is one epoch; a shuffled stream has another order in each epoch. The
 * methods give new streams and read nothing.
 */
export class Stream<T> implements AsyncIterable<T> {
  readonly #run: (epoch: number) => AsyncIterable<Item<T>>;
  readonly #logs: readonly SkipLog[];
  readonly #epochs: EpochCounter = { next: 0 };

  /** @internal Use `fromGenerator`, `csv` or `ndjson`. */
  constructor(run: (epoch: number) => AsyncIterable<Item<T>>, logs: readonly SkipLog[] = []) {
    this.#run = run;
    this.#logs = logs;
  }

  #changed<U>(change: (items: AsyncIterable<Item<T>>, epoch: number) => AsyncIterable<Item<U>>): Stream<U> {
    return new Stream<U>((epoch) => change(this.#run(epoch), epoch), this.#logs);
  }

  /** What has been left out so far, each thing once; see `onError`. */
  get skipped(): readonly Skipped[] {
    return this.#logs.flatMap((log) => log.entries);
  }

  /**
   * What an item that cannot be read (by the source or a `map` before this) does: `'throw'` ends the iteration with its
   * error, `'skip'` leaves it out, lists it in `skipped` and tells `onSkip`. A source that fails as a whole ends there.
   */
  onError(what: OnError, onSkip?: (skipped: Skipped) => void): Stream<T> {
    checkOnError(what, 'onError');
    if (what === 'throw') return this.#changed((items) => items);
    const log = new SkipLog();
    log.listen(onSkip);
    const run = this.#run;
    return new Stream<T>(
      async function* (epoch) {
        for await (const item of run(epoch))
          if ('failed' in item) log.add(item.failed.what, item.failed.error);
          else yield item;
      },
      [...this.#logs, log],
    );
  }

  /**
   * Each item changed by `fn`; an item for which it gives undefined is left out. The order stays, whatever
   * `concurrency` is, and `visit` says which item of which epoch it is.
   */
  map<U>(
    fn: (item: T, visit: Visit) => U | undefined | Promise<U | undefined>,
    { concurrency = 1 }: MapOptions = {},
  ): Stream<U> {
    checkCount(concurrency, 1, 'map', 'concurrency');
    const change = async (item: Item<T>): Promise<Item<U> | undefined> => {
      if ('failed' in item) return item;
      try {
        const value = await fn(item.value, item.visit);
        return value === undefined ? undefined : { visit: item.visit, value };
      } catch (error) {
        return { visit: item.visit, failed: new Unreadable(`item ${item.visit.index}`, error) };
      }
    };
    return this.#changed<U>(async function* (items) {
      for await (const item of mapInOrder(items, concurrency, change)) if (item) yield item;
    });
  }

  /** The items for which `fn` gives true. */
  filter(fn: (item: T, visit: Visit) => boolean | Promise<boolean>): Stream<T> {
    return this.map(async (item, visit) => ((await fn(item, visit)) ? item : undefined));
  }

  /** The items drawn from a buffer that is filled as they come; the order depends on seed and epoch. */
  shuffle({ seed = 0, buffer = 1024 }: StreamShuffleOptions = {}): Stream<T> {
    checkSeed(seed, 'shuffle');
    checkCount(buffer, 1, 'shuffle', 'buffer');
    return this.#changed<T>(async function* (items, epoch) {
      const rng = new Rng(seed, epoch);
      const held: Item<T>[] = [];
      for await (const item of items) {
        if (held.length < buffer) {
          held.push(item);
          continue;
        }
        const at = rng.int(buffer);
        const drawn = held[at];
        held[at] = item;
        yield drawn;
      }
      const rest = Int32Array.from(held, (_, i) => i);
      rng.shuffle(rest);
      for (const at of rest) yield held[at];
    });
  }

  /** The first `count` items. */
  take(count: number): Stream<T> {
    checkCount(count, 0, 'take', 'count');
    return this.#changed<T>(async function* (items) {
      let left = count;
      if (left === 0) return;
      for await (const item of items) {
        yield item;
        if (!('failed' in item) && --left === 0) return;
      }
    });
  }

  /** All but the first `count` items. */
  skip(count: number): Stream<T> {
    checkCount(count, 0, 'skip', 'count');
    return this.#changed<T>(async function* (items) {
      let left = count;
      for await (const item of items)
        if ('failed' in item || left === 0) yield item;
        else left--;
    });
  }

  /** An epoch of `count` epochs of these items, or one that never ends. */
  repeat(count = Number.POSITIVE_INFINITY): Stream<T> {
    if (count !== Number.POSITIVE_INFINITY) checkCount(count, 1, 'repeat', 'count');
    const run = this.#run;
    return new Stream<T>(async function* (epoch) {
      for (let i = 0; i < count; i++) {
        let any = false;
        for await (const item of run(count < Number.POSITIVE_INFINITY ? epoch * count + i : epoch + i)) {
          any = true;
          yield item;
        }
        // Nothing, repeated for ever, would never come back.
        if (!any && count === Number.POSITIVE_INFINITY) return;
      }
    }, this.#logs);
  }

  /** Takes up to `count` items before they are asked for. A loop that is left early stops that. */
  prefetch(count: number): Stream<T> {
    checkCount(count, 1, 'prefetch', 'count');
    return this.#changed((items) => prefetched(items, count));
  }

  /**
   * `size` samples at a time, with a leading batch dimension. To restore a position, the samples before it are made
   * again and dropped, so that everything behind them is as it was.
   */
  batch<S extends Sample>(this: Stream<S>, size: number, options: BatchOptions = {}): Batches<S> {
    checkCount(size, 1, 'batch', 'size');
    const { dropLast = false } = options;
    const values = (epoch: number) => this.#values(epoch);
    async function* grouped(epoch: number, step: number): AsyncGenerator<S, void> {
      let drop = step * size;
      let group: S[] = [];
      for await (const sample of values(epoch)) {
        if (drop > 0) {
          drop--;
          continue;
        }
        group.push(sample);
        if (group.length < size) continue;
        yield stackSamples(group);
        group = [];
      }
      if (group.length > 0 && !dropLast) yield stackSamples(group);
    }
    const run = (epoch: number, step: number, ahead: number) =>
      ahead > 0 ? prefetched(grouped(epoch, step), ahead) : grouped(epoch, step);
    return new Batches({ steps: async () => undefined, run }, this.#epochs, size, dropLast);
  }

  /** All samples, read when the data set is first needed and kept; for what fits in memory. */
  inMemory<S extends Sample>(this: Stream<S>): Dataset<S> {
    return new Dataset<S>(async () => {
      const samples: S[] = [];
      for await (const sample of this.#values(0)) samples.push(sample);
      return { length: samples.length, get: (index) => samples[index] };
    });
  }

  async *#values(epoch: number): AsyncGenerator<T, void> {
    for await (const item of this.#run(epoch))
      if ('failed' in item) throw item.failed.error;
      else yield item.value;
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#values(this.#epochs.next++);
  }
}

/** @internal The items of a source that yields `Unreadable` for what it cannot read, or throws. */
export function streamOf<T>(
  open: (epoch: number) => AsyncIterable<T | Unreadable> | Iterable<T | Unreadable>,
  name: string,
): Stream<T> {
  return new Stream<T>(async function* (epoch) {
    let index = 0;
    try {
      for await (const value of open(epoch)) {
        const visit = { epoch, index: index++, draw: 0 };
        yield value instanceof Unreadable ? { visit, failed: value } : { visit, value };
      }
    } catch (error) {
      yield { visit: { epoch, index, draw: 0 }, failed: new Unreadable(`${name} after ${index} items`, error) };
    }
  });
}

/**
 * A stream of what a generator yields, asynchronous or not. It is called once for each epoch, with its number: equal
 * items for equal numbers make positions restorable.
 */
export function fromGenerator<T>(generate: (epoch: number) => AsyncIterable<T> | Iterable<T>): Stream<T> {
  if (typeof generate !== 'function') throw new ArgumentError('fromGenerator: needs a function that gives an iterable');
  return streamOf(generate, 'the generator');
}
