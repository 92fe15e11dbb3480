/**
 * Augmentations of one image, channels first, on the host. Each is plain data, so that a list of them can be sent to a
 * worker; `applyAugmentations` carries a list out with the numbers of one random sequence.
 */
import { ArgumentError } from '../errors.js';
import { affine, colorJitterInto, crop, flipColumns, flipRows } from './image.js';
import type { Rng } from './rng.js';

/** Elements [channels, height, width] in row-major order. */
export interface Image {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

type Range = readonly [number, number];

/** One augmentation, as made by `randomCrop`, `randomAffine` and so on. */
export type Augmentation =
  | {
      readonly kind: 'crop';
      readonly height: number;
      readonly width: number;
      readonly padding: number;
      readonly fill: number;
      readonly random: boolean;
    }
  | { readonly kind: 'flip'; readonly p: number; readonly vertical: boolean }
  | {
      readonly kind: 'affine';
      readonly degrees: Range;
      readonly translate: Range;
      readonly scale: Range;
      readonly shear: Range;
      readonly fill: number;
    }
  | {
      readonly kind: 'jitter';
      readonly brightness: Range;
      readonly contrast: Range;
      readonly saturation: Range;
      readonly hue: Range;
    }
  | { readonly kind: 'cutout'; readonly size: number; readonly count: number; readonly fill: number }
  | { readonly kind: 'normalize'; readonly mean: readonly number[]; readonly std: readonly number[] };

function checkNumber(value: number, least: number, most: number, where: string, name: string): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new ArgumentError(`${where}: ${name} must be a number from ${least} to ${most}, got ${String(value)}`);
}

function checkSize(size: number | readonly [number, number], where: string): readonly [number, number] {
  const pair = typeof size === 'number' ? ([size, size] as const) : size;
  for (const value of pair)
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ArgumentError(`${where}: size must be one or two positive integers, got ${String(size)}`);
  return pair;
}

/** `amount` as a range around `middle`, or the range that is given. */
function rangeOf(amount: number | Range | undefined, middle: number, where: string, name: string): Range {
  if (amount === undefined) return [middle, middle];
  if (typeof amount === 'number') {
    checkNumber(amount, 0, Number.MAX_VALUE, where, name);
    return [middle - amount, middle + amount];
  }
  const [low, high] = amount;
  if (!(low <= high) || !Number.isFinite(low + high))
    throw new ArgumentError(`${where}: ${name} must be a range [low, high], got [${amount}]`);
  return [low, high];
}

/**
 * A window of `size` (or `[height, width]`) at a random place, after `padding` pixels of `fill` on each side.
 * An image that is smaller than the window is an error.
 */
export function randomCrop(
  size: number | readonly [number, number],
  { padding = 0, fill = 0 }: { readonly padding?: number; readonly fill?: number } = {},
): Augmentation {
  const [height, width] = checkSize(size, 'randomCrop');
  if (!Number.isSafeInteger(padding) || padding < 0)
    throw new ArgumentError(`randomCrop: padding must be a non-negative integer, got ${String(padding)}`);
  return { kind: 'crop', height, width, padding, fill, random: true };
}

/** The window of `size` (or `[height, width]`) in the middle. */
export function centerCrop(size: number | readonly [number, number]): Augmentation {
  const [height, width] = checkSize(size, 'centerCrop');
  return { kind: 'crop', height, width, padding: 0, fill: 0, random: false };
}

/** Left becomes right with probability `p`, 0.5 unless told. */
export function randomHorizontalFlip(p = 0.5): Augmentation {
  return { kind: 'flip', p: checkNumber(p, 0, 1, 'randomHorizontalFlip', 'p'), vertical: false };
}

/** Top becomes bottom with probability `p`, 0.5 unless told. */
export function randomVerticalFlip(p = 0.5): Augmentation {
  return { kind: 'flip', p: checkNumber(p, 0, 1, 'randomVerticalFlip', 'p'), vertical: true };
}

/** Options of `randomAffine`. */
export interface AffineOptions {
  /** Turn, in degrees: up to so much either way, or a range. */
  readonly degrees?: number | Range;
  /** Shift, up to so much of the width and height either way. */
  readonly translate?: number | readonly [number, number];
  /** Range of the size, such as `[0.9, 1.1]`. */
  readonly scale?: Range;
  /** Shear along x, in degrees: up to so much either way, or a range. */
  readonly shear?: number | Range;
  /** Value outside of the image; 0 unless told. */
  readonly fill?: number;
}

/** Turn, shift, size and shear about the centre, drawn uniformly; bilinear, as torchvision's RandomAffine. */
export function randomAffine(options: AffineOptions): Augmentation {
  const { degrees, translate = 0, scale = [1, 1], shear, fill = 0 } = options;
  const where = 'randomAffine';
  const [x, y] = typeof translate === 'number' ? [translate, translate] : translate;
  const sizes = rangeOf(scale, 1, where, 'scale');
  if (!(sizes[0] > 0)) throw new ArgumentError(`${where}: scale must be above 0, got [${sizes}]`);
  return {
    kind: 'affine',
    degrees: rangeOf(degrees, 0, where, 'degrees'),
    translate: [checkNumber(x, 0, 1, where, 'translate'), checkNumber(y, 0, 1, where, 'translate')],
    scale: sizes,
    shear: rangeOf(shear, 0, where, 'shear'),
    fill,
  };
}

/** Options of `colorJitter`: up to so much either way, or a range. */
export interface JitterOptions {
  /** Factor on all values, around 1. */
  readonly brightness?: number | Range;
  /** Factor on the distance from the image's mean grey, around 1. */
  readonly contrast?: number | Range;
  /** Factor on the distance from each pixel's grey, around 1; three channels only. */
  readonly saturation?: number | Range;
  /** Part of the colour circle, around 0, at most 0.5; three channels only. */
  readonly hue?: number | Range;
}

/** Random brightness, contrast, saturation and hue, in random order, of values in [0, 1]; as torchvision's ColorJitter. */
export function colorJitter(options: JitterOptions): Augmentation {
  const factor = (name: 'brightness' | 'contrast' | 'saturation'): Range => {
    const [low, high] = rangeOf(options[name], 1, 'colorJitter', name);
    return [Math.max(0, low), checkNumber(high, 0, Number.MAX_VALUE, 'colorJitter', name)];
  };
  const hue = rangeOf(options.hue, 0, 'colorJitter', 'hue');
  for (const end of hue) checkNumber(end, -0.5, 0.5, 'colorJitter', 'hue');
  return {
    kind: 'jitter',
    brightness: factor('brightness'),
    contrast: factor('contrast'),
    saturation: factor('saturation'),
    hue,
  };
}

/**
 * `count` squares of `size` pixels set to `fill`, centred anywhere in the image and cut at its border (DeVries and
 * Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017).
 */
export function cutout(
  size: number,
  { count = 1, fill = 0 }: { readonly count?: number; readonly fill?: number } = {},
): Augmentation {
  checkSize(size, 'cutout');
  if (!Number.isSafeInteger(count) || count < 1)
    throw new ArgumentError(`cutout: count must be a positive integer, got ${String(count)}`);
  return { kind: 'cutout', size, count, fill };
}

/** (value - mean) / std, with one number for all channels or one for each. */
export function normalize(mean: number | readonly number[], std: number | readonly number[]): Augmentation {
  const [means, deviations] = [[mean].flat(), [std].flat()];
  if (means.length !== deviations.length || means.length < 1 || !means.every(Number.isFinite))
    throw new ArgumentError(`normalize: mean [${means}] and std [${deviations}] need as many finite numbers`);
  for (const deviation of deviations) checkNumber(deviation, Number.MIN_VALUE, Number.MAX_VALUE, 'normalize', 'std');
  return { kind: 'normalize', mean: means, std: deviations };
}

function applyCrop(image: Image, what: Extract<Augmentation, { kind: 'crop' }>, rng: Rng): Image {
  const { height, width, padding, fill, random } = what;
  const [down, right] = [image.height + 2 * padding - height, image.width + 2 * padding - width];
  if (down < 0 || right < 0)
    throw new ArgumentError(
      `${random ? 'randomCrop' : 'centerCrop'}: a window of ${height} x ${width} does not fit in an image of ` +
        `${image.height} x ${image.width}${padding ? ` with ${padding} pixels around it` : ''}`,
    );
  const top = random ? rng.int(down + 1) : down >> 1;
  const left = random ? rng.int(right + 1) : right >> 1;
  return crop(image, top - padding, left - padding, height, width, fill);
}

function applyAffine(image: Image, what: Extract<Augmentation, { kind: 'affine' }>, rng: Rng): Image {
  const turn = rng.uniform(...what.degrees);
  const [x, y] = what.translate.map((most) => rng.uniform(-most, most));
  const scale = rng.uniform(...what.scale);
  const shear = rng.uniform(...what.shear);
  return affine(image, turn, [x * image.width, y * image.height], scale, shear, what.fill);
}

function applyJitter(image: Image, what: Extract<Augmentation, { kind: 'jitter' }>, rng: Rng): Image {
  const order = Int32Array.of(0, 1, 2, 3);
  rng.shuffle(order);
  const amounts = [what.brightness, what.contrast, what.saturation, what.hue].map((range) => rng.uniform(...range));
  for (const which of order) colorJitterInto(image, which, amounts[which]);
  return image;
}

function applyCutout(image: Image, what: Extract<Augmentation, { kind: 'cutout' }>, rng: Rng): Image {
  const { data, channels, height, width } = image;
  for (let i = 0; i < what.count; i++) {
    const [top, left] = [rng.int(height) - (what.size >> 1), rng.int(width) - (what.size >> 1)];
    const [from, to] = [Math.max(0, left), Math.min(width, left + what.size)];
    for (let c = 0; c < channels; c++)
      for (let y = Math.max(0, top); y < Math.min(height, top + what.size); y++) {
        const row = (c * height + y) * width;
        data.fill(what.fill, row + from, row + to);
      }
  }
  return image;
}

function applyNormalize(image: Image, what: Extract<Augmentation, { kind: 'normalize' }>): Image {
  const { data, channels } = image;
  const { mean, std } = what;
  if (mean.length !== 1 && mean.length !== channels)
    throw new ArgumentError(
      `normalize: mean and std have ${mean.length} numbers but the image has ${channels} channels`,
    );
  const size = data.length / channels;
  for (let c = 0; c < channels; c++) {
    const [m, s] = [mean[mean.length === 1 ? 0 : c], std[std.length === 1 ? 0 : c]];
    for (let i = c * size; i < (c + 1) * size; i++) data[i] = (data[i] - m) / s;
  }
  return image;
}

/** The image after all augmentations in turn. The elements that are given stay as they are. */
export function applyAugmentations(given: Image, list: readonly Augmentation[], rng: Rng): Image {
  let image: Image = { ...given, data: given.data.slice() };
  for (const what of list) {
    if (what.kind === 'crop') image = applyCrop(image, what, rng);
    else if (what.kind === 'affine') image = applyAffine(image, what, rng);
    else if (what.kind === 'jitter') image = applyJitter(image, what, rng);
    else if (what.kind === 'cutout') image = applyCutout(image, what, rng);
    else if (what.kind === 'normalize') image = applyNormalize(image, what);
    else if (rng.uniform() < what.p) (what.vertical ? flipRows : flipColumns)(image);
  }
  return image;
}
