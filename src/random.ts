/**
 * Generators of random numbers: a seed and a counter, no more. Random ops (`ops/random.ts`) take a number of the
 * counter each, or one per run of a compiled function, and draw from Philox with it, so that equal seeds give equal
 * bits whatever the number of threads.
 */
import { ArgumentError } from './errors.js';

/** All there is to know of a generator. */
export interface GeneratorState {
  readonly seed: number;
  readonly counter: number;
}

function checkWhole(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new ArgumentError(`generator: ${what} must be an integer from 0 to 2^53 - 1, got ${String(value)}`);
}

/** A source of randomness for random ops. Ops without one use `defaultGenerator`. */
export class Generator {
  #seed: number;
  #counter = 0;

  /**
   * Starts with `seed`, or with an unpredictable one.
   * @throws ArgumentError unless the seed is an integer from 0 to 2^53 - 1.
   */
  constructor(seed: number = Math.floor(Math.random() * 2 ** 48)) {
    this.#seed = checkWhole(seed, 'seed');
  }

  /** The seed in use. */
  get seed(): number {
    return this.#seed;
  }

  /** Starts over with `seed`. */
  manualSeed(seed: number): this {
    this.setState({ seed, counter: 0 });
    return this;
  }

  /** The state, to come back to with `setState`. */
  getState(): GeneratorState {
    return { seed: this.#seed, counter: this.#counter };
  }

  /** Goes on from a state that `getState` gave. */
  setState(state: GeneratorState): void {
    const seed = checkWhole(state.seed, 'seed');
    this.#counter = checkWhole(state.counter, 'counter');
    this.#seed = seed;
  }

  /** @internal The state now, and a step on. */
  next(): GeneratorState {
    const state = this.getState();
    this.#counter++;
    return state;
  }
}

/** The generator that random ops use unless told otherwise. */
export const defaultGenerator = new Generator();

/** Starts the default generator over with `seed` (as `torch.manual_seed`). */
export function manualSeed(seed: number): void {
  defaultGenerator.manualSeed(seed);
}
