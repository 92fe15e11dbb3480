/** Data sets: arrays, MNIST, digits that the package draws itself, and the idx format. */
export { type Column, fromArrays } from './arrays.js';
export { Batches, type BatchPosition } from './batches.js';
export { type BatchOptions, Dataset, type MapOptions, type ShuffleOptions, type Source } from './dataset.js';
export { type DigitOptions, digits } from './digits.js';
export { type IdxArray, readIdx } from './idx.js';
export { type DigitSample, type MnistOptions, mnist, type Split } from './mnist.js';
export { Rng } from './rng.js';
export type { OnError, Sample, Skipped, Visit } from './sample.js';
export type { SplitOptions, WeightedOptions } from './split.js';
