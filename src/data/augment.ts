/** Augmentation as a function for `Dataset.map`, and mixup as one for `Batches.map`. */
import { ArgumentError, DTypeError } from '../errors.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Augmentation, applyAugmentations } from './augment-ops.js';
import type { BatchPosition } from './batches.js';
import type { HostSample } from './host.js';
import { checkSeed, Rng } from './rng.js';
import { checkCount, hostTensor, type Sample, type Visit } from './sample.js';
import { inWorkers } from './workers.js';

/** Options of `augment`. */
export interface AugmentOptions {
  /** Equal seeds give equal images; 0 unless told. */
  readonly seed?: number;
  /** Column with the images, float32 [channels, height, width]; `image` unless told. */
  readonly column?: string;
}

/** @internal Carries out `list` on the image of a sample, by the random numbers of this visit. */
export function augmentHost(
  sample: HostSample,
  visit: Visit,
  { list, seed, column }: { readonly list: readonly Augmentation[]; readonly seed: number; readonly column: string },
): HostSample {
  const image = sample[column];
  if (!image) throw new ArgumentError(`augment: samples have no column ${column}, only ${Object.keys(sample)}`);
  const { data, shape, dtype } = image;
  if (!(data instanceof Float32Array) || shape.length !== 3)
    throw new DTypeError(
      `augment: ${column} must be a float32 image [channels,height,width], is ${dtype}${showShape(shape)}`,
    );
  const [channels, height, width] = shape;
  const rng = new Rng(seed, visit.epoch, visit.index, visit.draw);
  const done = applyAugmentations({ data, channels, height, width }, list, rng);
  return { ...sample, [column]: { data: done.data, shape: [channels, done.height, done.width], dtype } };
}

function checked(list: readonly Augmentation[], { seed = 0, column = 'image' }: AugmentOptions) {
  return { list: [...list], seed: checkSeed(seed, 'augment'), column };
}

/**
 * A function for `Dataset.map` that carries out augmentations, such as
 * `data.map(augment([randomCrop(32, { padding: 4 }), randomHorizontalFlip()], { seed: 1 }))`. What comes out depends on
 * the seed, the epoch and the number of the sample alone.
 */
export function augment(
  list: readonly Augmentation[],
  options: AugmentOptions = {},
): <T extends Sample>(sample: T, visit: Visit) => T | Promise<T> {
  const what = checked(list, options);
  return <T extends Sample>(sample: T, visit: Visit) => {
    const image = sample[what.column];
    if (!image) throw new ArgumentError(`augment: samples have no column ${what.column}, only ${Object.keys(sample)}`);
    const apply = (data: unknown): T => {
      const host = { [what.column]: { data, shape: image.shape, dtype: image.dtype } } as HostSample;
      const { data: out, shape, dtype } = augmentHost(host, visit, what)[what.column];
      return { ...sample, [what.column]: hostTensor(out, shape, dtype) };
    };
    const { storage } = image.node;
    return storage ? apply(storage) : image.data().then(apply);
  };
}

/** What `augmentInWorkers` gives: a function for `Dataset.map` that keeps the columns of a sample. */
export interface WorkerAugment {
  <T extends Sample>(sample: T, visit: Visit): Promise<T>;
  /** Ends the threads; a later call starts new ones. */
  close(): Promise<void>;
}

/** As `augment`, carried out by worker threads. The images are the same. */
export function augmentInWorkers(
  list: readonly Augmentation[],
  options: AugmentOptions & { readonly workers?: number } = {},
): WorkerAugment {
  const { workers } = options;
  // This module by its place in the package: in a bundle it is part of another file.
  const module = new URL('../data/augment.js', import.meta.url);
  return inWorkers(module, { export: 'augmentHost', workers, data: checked(list, options) }) as WorkerAugment;
}

/** Options of `mixup`. */
export interface MixupOptions {
  /** Number of classes; labels become float32 [n, classes]. */
  readonly classes: number;
  /** Both parameters of the Beta distribution that the share is drawn from; 0.2 unless told. */
  readonly alpha?: number;
  /** Equal seeds give equal mixtures; 0 unless told. */
  readonly seed?: number;
}

/** A draw from Gamma(shape, 1) (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000). */
function gamma(shape: number, rng: Rng): number {
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A batch of images with labels as probabilities. */
export type MixedBatch = { readonly image: Tensor<'float32'>; readonly label: Tensor<'float32'> };

/**
 * A function for `Batches.map` that mixes each image and label of a batch with another of the batch, by one share per
 * batch: `x = s x_i + (1 - s) x_j`, s from Beta(alpha, alpha) (Zhang and others, "mixup: Beyond Empirical Risk
 * Minimization", 2018). What comes out depends on seed, epoch and step alone.
 */
export function mixup({
  classes,
  alpha = 0.2,
  seed = 0,
}: MixupOptions): (
  batch: { readonly image: Tensor<'float32'>; readonly label: Tensor },
  at: BatchPosition,
) => Promise<MixedBatch> {
  checkCount(classes, 1, 'mixup', 'classes');
  checkSeed(seed, 'mixup');
  if (!(alpha > 0 && alpha < 1e6)) throw new ArgumentError(`mixup: alpha must be above 0, got ${String(alpha)}`);
  return async ({ image, label }, { epoch, step }) => {
    const [count] = image.shape;
    if (label.shape.length !== 1 || label.shape[0] !== count)
      throw new ArgumentError(`mixup: labels must be [${count}], one class an image, got ${showShape(label.shape)}`);
    const [pixels, kinds] = [(await image.data()) as Float32Array, await label.data()];
    const rng = new Rng(seed, epoch, step, 0x317);
    const [a, b] = [gamma(alpha, rng), gamma(alpha, rng)];
    const share = a + b > 0 ? a / (a + b) : 1;
    const partner = Int32Array.from({ length: count }, (_, i) => i);
    rng.shuffle(partner);
    const size = pixels.length / count;
    const mixedPixels = new Float32Array(pixels.length);
    const mixedLabels = new Float32Array(count * classes);
    for (let i = 0; i < count; i++) {
      const [mine, other] = [i * size, partner[i] * size];
      for (let j = 0; j < size; j++) mixedPixels[mine + j] = share * pixels[mine + j] + (1 - share) * pixels[other + j];
      for (const [from, part] of [
        [i, share],
        [partner[i], 1 - share],
      ]) {
        const kind = Number(kinds[from]);
        if (!(kind >= 0 && kind < classes))
          throw new ArgumentError(`mixup: label ${kind} at ${from}; classes are 0 to ${classes - 1}`);
        mixedLabels[i * classes + kind] += part;
      }
    }
    return {
      image: hostTensor(mixedPixels, image.shape, 'float32') as Tensor<'float32'>,
      label: hostTensor(mixedLabels, [count, classes], 'float32') as Tensor<'float32'>,
    };
  };
}
