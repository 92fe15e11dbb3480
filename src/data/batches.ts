/** Batches: epochs in steps, with a position that can be saved and restored. */
import { ArgumentError } from '../errors.js';
import { inOrder, mapInOrder } from './ahead.js';
import { checkCount, type Sample } from './sample.js';

/** A place between two batches: `step` batches of the epoch numbered `epoch` have been given. Both start at 0. */
export interface BatchPosition {
  readonly epoch: number;
  readonly step: number;
}

/** @internal How batches are made: the batches of an epoch from a step on. */
export interface BatchMaker<T> {
  /** Batches of an epoch, where that is known beforehand. */
  steps(): Promise<number | undefined>;
  /** A batch without samples, because all of them were left out, comes as undefined and counts as a step. */
  run(epoch: number, step: number, ahead: number): AsyncIterable<T | undefined>;
}

/** @internal The number of the next epoch; shared by a data set and what is made of it. */
export interface EpochCounter {
  next: number;
}

/** @internal The batches whose samples are known by number. */
export function numbered<T>(
  count: (epoch: number) => Promise<number>,
  make: (epoch: number, step: number) => Promise<T | undefined>,
): BatchMaker<T> {
  return {
    steps: () => count(0),
    async *run(epoch, step, ahead) {
      yield* inOrder(step, await count(epoch), ahead, (at) => make(epoch, at));
    },
  };
}

/**
 * A data set in batches. Each `for await` is one epoch, the next one each time; a loop that is left early ends its
 * epoch. `state` and `restore` keep the position over a restart; `from` reads any epoch from any step.
 */
export class Batches<T extends Sample = Sample> implements AsyncIterable<T> {
  readonly #maker: BatchMaker<T>;
  readonly #epochs: EpochCounter;
  readonly #ahead: number;
  #at: BatchPosition | undefined;
  #restored: BatchPosition | undefined;

  /** @internal Use `Dataset.batch` or `Stream.batch`. */
  constructor(
    maker: BatchMaker<T>,
    epochs: EpochCounter,
    /** Samples in a batch. */
    readonly size: number,
    readonly dropLast: boolean,
    ahead = 0,
  ) {
    this.#maker = maker;
    this.#epochs = epochs;
    this.#ahead = ahead;
  }

  /** Batches in an epoch; undefined for a stream, which ends when it ends. */
  steps(): Promise<number | undefined> {
    return this.#maker.steps();
  }

  /** Works up to `count` batches ahead of the loop. A loop that is left early stops that. */
  prefetch(count: number): Batches<T> {
    checkCount(count, 0, 'prefetch', 'count');
    return new Batches(this.#maker, this.#epochs, this.size, this.dropLast, count);
  }

  /** Each batch changed by `fn`, such as `mixup(...)`. */
  map<U extends Sample>(fn: (batch: T, at: BatchPosition) => U | Promise<U>): Batches<U> {
    const maker = this.#maker;
    const changed: BatchMaker<U> = {
      steps: () => maker.steps(),
      run: (epoch, step, ahead) =>
        mapInOrder(maker.run(epoch, step, ahead), 1, (batch, i) => batch && fn(batch, { epoch, step: step + i })),
    };
    return new Batches(changed, this.#epochs, this.size, this.dropLast, this.#ahead);
  }

  /**
   * Where the last loop stands, counted by the batches that it was given: inside the loop, after the current batch;
   * after the loop, at the start of the next epoch, or where it was left early.
   */
  state(): BatchPosition {
    return this.#at ?? { epoch: this.#epochs.next, step: 0 };
  }

  /**
   * The next `for await` gives the rest of the epoch `epoch` from `step` on (nothing, at its end), as if the batches
   * before had been given.
   */
  restore(position: BatchPosition): void {
    const { epoch, step } = checkPosition(position, 'restore');
    this.#at = this.#restored = { epoch, step };
  }

  /** The batches of one epoch from a step on. The position of the object itself stays. */
  from(epoch: number, step = 0): AsyncIterable<T> {
    checkPosition({ epoch, step }, 'from');
    return { [Symbol.asyncIterator]: () => this.#walk(epoch, step, () => {}) };
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const { epoch, step } = this.#restored ?? { epoch: this.#epochs.next, step: 0 };
    this.#restored = undefined;
    this.#epochs.next = epoch + 1;
    this.#at = { epoch, step };
    yield* this.#walk(epoch, step, (at) => {
      this.#at = at;
    });
    this.#at = { epoch: epoch + 1, step: 0 };
  }

  async *#walk(epoch: number, step: number, reached: (at: BatchPosition) => void): AsyncGenerator<T, void> {
    let at = step;
    for await (const batch of this.#maker.run(epoch, step, this.#ahead)) {
      reached({ epoch, step: ++at });
      if (batch) yield batch;
    }
  }
}

function checkPosition(position: BatchPosition, where: string): BatchPosition {
  for (const name of ['epoch', 'step'] as const)
    if (!Number.isSafeInteger(position?.[name]) || position[name] < 0)
      throw new ArgumentError(`${where}: ${name} must be a non-negative integer, got ${String(position?.[name])}`);
  return position;
}
