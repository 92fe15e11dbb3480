/** Data sets: sources, orders, batches with positions, augmentations, and the file formats behind them. */
export { type Column, fromArrays } from './arrays.js';
export {
  type AugmentOptions,
  augment,
  augmentInWorkers,
  type MixedBatch,
  type MixupOptions,
  mixup,
} from './augment.js';
export {
  type AffineOptions,
  type Augmentation,
  applyAugmentations,
  centerCrop,
  colorJitter,
  cutout,
  type Image,
  type JitterOptions,
  normalize,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  randomVerticalFlip,
} from './augment-ops.js';
export { Batches, type BatchPosition } from './batches.js';
export { type Cifar10Sample, type Cifar100Sample, type CifarOptions, cifar10, cifar100 } from './cifar.js';
export { type BatchOptions, Dataset, type MapOptions, type ShuffleOptions, type Source } from './dataset.js';
export { type DigitOptions, digits } from './digits.js';
export {
  type DecodeOptions,
  type Decoder,
  type ImageFolder,
  type ImageFolderOptions,
  type ImageSample,
  imageFolder,
} from './folder.js';
export type { HostSample, HostTensor } from './host.js';
export { type IdxArray, readIdx } from './idx.js';
export { type DigitSample, fashionMnist, type MnistOptions, mnist, type Split } from './mnist.js';
export { Rng } from './rng.js';
export { type CsvOptions, type CsvRow, csv, ndjson } from './rows.js';
export type { OnError, Sample, Skipped, Visit } from './sample.js';
export type { SplitOptions, WeightedOptions } from './split.js';
export { fromGenerator, Stream, type StreamShuffleOptions } from './stream.js';
export {
  readText,
  type StreamOptions,
  type StreamSample,
  textStreams,
  textWindows,
  Vocabulary,
  type WindowOptions,
  type WindowSample,
} from './text.js';
export { inWorkers, type WorkerMap, type WorkerOptions } from './workers.js';
