/** Choosing samples by number: parts of a data set, parts with equal shares of each class, draws by weight. */
import { ArgumentError, DTypeError } from '../errors.js';
import type { Source } from './dataset.js';
import { checkSeed, Rng } from './rng.js';
import { checkCount, type Sample } from './sample.js';

/** Options of `split` and `stratifiedSplit`. */
export interface SplitOptions {
  /** Equal seeds give equal parts; 0 unless told. */
  readonly seed?: number;
  /** false keeps the samples in order: the first part has the first samples. */
  readonly shuffle?: boolean;
}

/** Options of `weighted`. */
export interface WeightedOptions {
  /** Draws in an epoch; as many as there are samples unless told. */
  readonly count?: number;
  /** Equal seeds give equal draws; 0 unless told. */
  readonly seed?: number;
  /** false draws every sample once at most (Efraimidis and Spirakis, "Weighted random sampling", 2006). */
  readonly replacement?: boolean;
}

function checkFractions(fractions: readonly number[], where: string): void {
  const total = fractions.reduce((sum, fraction) => sum + fraction, 0);
  if (fractions.length < 1 || fractions.some((fraction) => !(fraction > 0)) || total > 1 + 1e-9)
    throw new ArgumentError(`${where}: fractions must be positive and add up to at most 1, got [${fractions}]`);
}

function mixed(indices: Int32Array, { seed = 0, shuffle = true }: SplitOptions): Int32Array {
  const out = indices.slice();
  if (shuffle) new Rng(seed, 0x5917).shuffle(out);
  return out;
}

/** Ends of the parts of `count` things. */
function endsOf(fractions: readonly number[], count: number): number[] {
  let total = 0;
  return fractions.map((fraction) => Math.min(count, Math.round((total += fraction) * count)));
}

/** A function from numbers to their parts. */
export function partsOf(
  fractions: readonly number[],
  options: SplitOptions,
  where: string,
): (indices: Int32Array) => Int32Array[] {
  checkFractions(fractions, where);
  checkSeed(options.seed ?? 0, where);
  return (indices) => {
    const all = mixed(indices, options);
    const ends = endsOf(fractions, all.length);
    return ends.map((end, part) => all.subarray(part === 0 ? 0 : ends[part - 1], end));
  };
}

/** Parts in each of which every class has its share; samples of no class are in none. */
export function stratifiedParts(
  indices: Int32Array,
  classes: ReadonlyMap<number, number>,
  fractions: readonly number[],
  options: SplitOptions,
): Int32Array[] {
  const all = mixed(indices, options);
  const counts = new Map<number, number>();
  for (const index of all) {
    const kind = classes.get(index);
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const ends = new Map([...counts].map(([kind, count]) => [kind, endsOf(fractions, count)]));
  const seen = new Map<number, number>();
  const parts: number[][] = fractions.map(() => []);
  for (const index of all) {
    const kind = classes.get(index);
    if (kind === undefined) continue;
    const at = seen.get(kind) ?? 0;
    seen.set(kind, at + 1);
    const part = ends.get(kind)?.findIndex((end) => at < end) ?? -1;
    if (part >= 0) parts[part].push(index);
  }
  return parts.map((part) => Int32Array.from(part));
}

/** The class of each sample, by its number. */
export async function classesOf<T extends Sample>(
  source: Source<T>,
  indices: Int32Array,
  by: (keyof T & string) | ((sample: T) => number | Promise<number>),
): Promise<ReadonlyMap<number, number>> {
  const known = typeof by === 'string' ? source.column?.(by) : undefined;
  const classes = new Map<number, number>();
  const read = async (index: number): Promise<number | undefined> => {
    if (known) return Number(known[index]);
    const sample = await source.get(index, { epoch: 0, index, draw: 0 });
    if (!sample) return undefined;
    if (typeof by === 'function') return by(sample);
    if (!sample[by]) throw new ArgumentError(`stratifiedSplit: samples have no ${by}, only ${Object.keys(sample)}`);
    return Number(await sample[by].item());
  };
  const kAtOnce = 64;
  for (let at = 0; at < indices.length; at += kAtOnce) {
    const some = indices.subarray(at, at + kAtOnce);
    const kinds = await Promise.all(Array.from(some, read));
    for (const [i, kind] of kinds.entries()) {
      if (kind === undefined) continue;
      if (!Number.isSafeInteger(kind))
        throw new DTypeError(`stratifiedSplit: the class of sample ${some[i]} must be a whole number, is ${kind}`);
      classes.set(some[i], kind);
    }
  }
  return classes;
}

function checkWeights(weights: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(weights);
  const wrong = out.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0)
    throw new ArgumentError(`weighted: weight ${wrong} must be finite and not negative, is ${out[wrong]}`);
  if (!out.some((weight) => weight > 0)) throw new ArgumentError('weighted: at least one weight must be above 0');
  return out;
}

/** The draws of an epoch from numbers that have these weights. */
export function weightedOrder(
  given: ArrayLike<number>,
  options: WeightedOptions,
): (indices: Int32Array, epoch: number) => Int32Array {
  const weights = checkWeights(given);
  const { count = weights.length, seed = 0, replacement = true } = options;
  checkSeed(seed, 'weighted');
  checkCount(count, 0, 'weighted', 'count');
  const possible = weights.reduce((sum, weight) => sum + (weight > 0 ? 1 : 0), 0);
  let total = 0;
  const sums = weights.map((weight) => (total += weight));
  const pick = (rng: Rng): number => {
    const point = rng.uniform(0, total);
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > point) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return (indices, epoch) => {
    if (indices.length !== weights.length)
      throw new ArgumentError(`weighted: ${weights.length} weights for ${indices.length} samples`);
    const rng = new Rng(seed, epoch, 0x3e16);
    if (replacement) return Int32Array.from({ length: count }, () => indices[pick(rng)]);
    const keys = weights.map((weight) =>
      weight > 0 ? -Math.log(1 - rng.uniform()) / weight : Number.POSITIVE_INFINITY,
    );
    const byKey = indices.map((_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
    return byKey.subarray(0, Math.min(count, possible)).map((i) => indices[i]);
  };
}
