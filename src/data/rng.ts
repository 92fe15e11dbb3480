/**
 * Random numbers on the JavaScript side: shuffling and drawn digits. sfc32 (Chris Doty-Humphrey's small fast counter),
 * seeded through splitmix32, so neighbouring seeds give unrelated sequences. Tensors have a generator of their own.
 */
import { ArgumentError } from '../errors.js';

export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare: number | undefined;

  /** Equal numbers give equal sequences. */
  constructor(...seed: readonly number[]) {
    let state = 0x9e3779b9;
    const mix = (word: number): number => {
      state = (state + word + 0x9e3779b9) | 0;
      let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (state ^= z ^ (z >>> 15));
    };
    for (const part of seed) {
      mix(part | 0);
      mix(Math.floor(part / 4294967296) | 0);
    }
    this.#a = mix(1);
    this.#b = mix(2);
    this.#c = mix(3);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 32 random bits, as an unsigned number. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.next() / 4294967296);
  }

  /** A whole number in [0, n). */
  int(n: number): number {
    return Math.floor((this.next() / 4294967296) * n);
  }

  /** Standard normal (Marsaglia's polar method). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const u = this.uniform(-1, 1);
      const v = this.uniform(-1, 1);
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** Puts the elements into a random order, in place (Fisher and Yates). */
  shuffle(items: Int32Array): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
  }
}

/** Throws unless `seed` is a whole number. */
export function checkSeed(seed: unknown, where: string): number {
  if (Number.isSafeInteger(seed)) return seed as number;
  throw new ArgumentError(`${where}: seed must be an integer, got ${String(seed)}`);
}
