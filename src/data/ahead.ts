/**
 * Working ahead of the consumer in bounded steps, in order. A consumer that leaves early stops all of these; what is
 * then still under way finishes unheard.
 */

const unheard = (): void => {};

/** Tells a source to stop. Not awaited: a source that hangs must not hold a consumer that leaves. */
function leave(iterator: AsyncIterator<unknown>): void {
  (async () => iterator.return?.())().catch(unheard);
}

/** Runs at most `limit` functions at a time. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(fn: () => T | Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await fn();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** `make(start)` up to `make(end - 1)` in order, `ahead` of them begun before they are asked for. */
export async function* inOrder<T>(
  start: number,
  end: number,
  ahead: number,
  make: (at: number) => Promise<T>,
): AsyncGenerator<T, void> {
  const pending: Promise<T>[] = [];
  let next = start;
  for (;;) {
    while (next < end && pending.length <= ahead) {
      const begun = make(next++);
      begun.catch(unheard);
      pending.push(begun);
    }
    const first = pending.shift();
    if (!first) return;
    yield await first;
  }
}

/** What `source` gives, changed by `fn`, in order; at most `concurrency` calls of `fn` at a time. */
export async function* mapInOrder<T, U>(
  source: AsyncIterable<T>,
  concurrency: number,
  fn: (item: T, at: number) => U | Promise<U>,
): AsyncGenerator<U, void> {
  const iterator = source[Symbol.asyncIterator]();
  const pending: Promise<{ readonly value: U } | undefined>[] = [];
  let [at, ended] = [0, false];
  // Items are asked for one after the other, so that only the calls of `fn` overlap.
  let turn: Promise<IteratorResult<T> | undefined> = Promise.resolve(undefined);
  const begin = async (): Promise<{ readonly value: U } | undefined> => {
    turn = turn.then(() => (ended ? undefined : iterator.next()));
    const result = await turn;
    if (!result || result.done) {
      ended = true;
      return undefined;
    }
    return { value: await fn(result.value, at++) };
  };
  try {
    for (;;) {
      while (!ended && pending.length < concurrency) {
        const begun = begin();
        begun.catch(unheard);
        pending.push(begun);
      }
      const first = await pending.shift();
      if (first) yield first.value;
      else if (ended && pending.length === 0) return;
    }
  } finally {
    ended = true;
    turn.catch(unheard);
    leave(iterator);
  }
}

/** What `source` gives, up to `count` items of it taken before they are asked for. */
export async function* prefetched<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]();
  const ready: Promise<IteratorResult<T>>[] = [];
  let stopped = false;
  let running = false;
  let wake: (() => void) | undefined;
  const pump = async (): Promise<void> => {
    running = true;
    while (!stopped && ready.length < count) {
      const result = iterator.next();
      result.catch(unheard);
      ready.push(result);
      wake?.();
      const done = await result.then(
        ({ done }) => done,
        () => true,
      );
      if (done) stopped = true;
    }
    running = false;
  };
  try {
    for (;;) {
      if (!running && !stopped) void pump();
      const first = ready.shift();
      if (first === undefined) {
        if (stopped && !running) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const result = await first;
      if (result.done) return;
      if (!running && !stopped) void pump();
      yield result.value;
    }
  } finally {
    stopped = true;
    leave(iterator);
  }
}
