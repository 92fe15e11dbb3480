/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) in JavaScript: the reference of the
 * native kernels `random_*`, whose header describes how elements are drawn from its words.
 */

/** High word of the 64-bit product of two 32-bit words. */
function mulHigh(a: number, b: number): number {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const low = a0 * b0;
  const cross = a1 * b0 + (low >>> 16);
  const middle = a0 * b1 + (cross % 65536);
  return (a1 * b1 + Math.floor(cross / 65536) + Math.floor(middle / 65536)) >>> 0;
}

/** Ten rounds over a counter of four words under a key of two; words are unsigned. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const n0 = (mulHigh(0xcd9e8d57, c2) ^ c1 ^ k0) >>> 0;
    const n2 = (mulHigh(0xd2511f53, c0) ^ c3 ^ k1) >>> 0;
    c1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c3 = Math.imul(0xd2511f53, c0) >>> 0;
    c0 = n0;
    c2 = n2;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** What is drawn, as in the kernels' names. */
export type Draw = 'uniform' | 'normal' | 'permutation';

const high = (value: number): number => Math.floor(value / 2 ** 32) % 2 ** 32;
const low = (value: number): number => value % 2 ** 32;

/** The words of one key and stream, block by block. */
class Words {
  #block = -1;
  #words: readonly number[] = [];

  constructor(
    readonly seed: number,
    readonly counter: number,
    readonly stream: number,
  ) {}

  /** Word `lane` of block `block`. */
  at(block: number, lane: number): number {
    if (block !== this.#block) {
      const key = [low(this.seed), (high(this.seed) ^ high(this.counter)) >>> 0];
      this.#words = philox([low(block), high(block), low(this.stream), low(this.counter)], key);
      this.#block = block;
    }
    return this.#words[lane];
  }

  /** A number of 24 bits in [0, 1) from one word. */
  single(block: number, lane: number): number {
    return (this.at(block, lane) >>> 8) / 2 ** 24;
  }

  /** A number of 53 bits in [0, 1) from two neighbouring words. */
  double(block: number, lane: number): number {
    return ((this.at(block, lane) >>> 5) * 2 ** 26 + (this.at(block, lane + 1) >>> 6)) / 2 ** 53;
  }
}

/** Box-Muller: element `i` of a pair from u in (0, 1] and v in [0, 1). */
function boxMuller(u: number, v: number, i: number): number {
  const radius = Math.sqrt(-2 * Math.log(u));
  return radius * (i % 2 === 0 ? Math.cos(2 * Math.PI * v) : Math.sin(2 * Math.PI * v));
}

/** Fills `out` as the native kernel `random_<draw>_<dtype>` does; `wide` is that of 64-bit dtypes. */
export function fillRandom(
  out: Float64Array,
  draw: Draw,
  wide: boolean,
  seed: number,
  counter: number,
  stream: number,
): void {
  const words = new Words(seed, counter, stream);
  const uniform = (i: number) =>
    wide ? words.double(Math.floor(i / 2), (i % 2) * 2) : words.single(Math.floor(i / 4), i % 4);
  const normal = (i: number) => {
    if (wide) {
      const block = Math.floor(i / 2);
      return boxMuller(words.double(block, 0) + 2 ** -53, words.double(block, 2), i);
    }
    const [block, lane] = [Math.floor(i / 4), i % 4 < 2 ? 0 : 2];
    return boxMuller(words.single(block, lane) + 2 ** -24, words.single(block, lane + 1), i);
  };
  if (draw !== 'permutation') {
    for (let i = 0; i < out.length; i++) out[i] = draw === 'uniform' ? uniform(i) : normal(i);
    return;
  }
  for (let i = 0; i < out.length; i++) out[i] = i;
  for (let i = 1; i < out.length; i++) {
    const j = Math.floor(uniform(i) * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
}
