/** Folders of images, one folder per class, decoded by `sharp` (an optional package) or a decoder of one's own. */
import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { ArgumentError, BrawnError, FileError, FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import type { Tensor } from '../tensor.js';
import { Limiter } from './ahead.js';
import type { Image } from './augment-ops.js';
import { Dataset, type Source } from './dataset.js';
import { checkCount, checkOnError, hostTensor, type OnError, SkipLog, type Skipped } from './sample.js';

/** How images are wanted. */
export interface DecodeOptions {
  /** Height and width; the file's own unless told, and then only images of one size make a batch. */
  readonly size?: readonly [height: number, width: number];
  /** 3 for colour, 1 for grey. */
  readonly channels: 1 | 3;
  /** `'cover'` keeps the proportions and cuts off what is too much, `'fill'` stretches. */
  readonly fit: 'cover' | 'fill';
}

/** Gives the pixels of an image file, channels first, in [0, 1]. */
export type Decoder = (path: string, options: DecodeOptions) => Promise<Image>;

/** Options of `imageFolder`. */
export interface ImageFolderOptions {
  /** Height and width of the images, or both; their own unless told. */
  readonly size?: number | readonly [height: number, width: number];
  /** 3 (colour) unless told; 1 is grey. */
  readonly channels?: 1 | 3;
  /** `'cover'` (keep proportions, cut) unless told, or `'fill'` (stretch). */
  readonly fit?: 'cover' | 'fill';
  /** Images decoded at once; as many as the process has processors unless told. */
  readonly concurrency?: number;
  /** Another decoder than `sharp`. */
  readonly decode?: Decoder;
  /** `'skip'` leaves out images that cannot be decoded; `'throw'` unless told. */
  readonly onError?: OnError;
  /** Told of what is left out; `skipped` of the data set lists it. */
  readonly onSkip?: (skipped: Skipped) => void;
}

/** Images [channels, height, width] in [0, 1] and the numbers of their classes. */
export type ImageSample = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };

/** What `imageFolder` found. */
export interface ImageFolder {
  readonly data: Dataset<ImageSample>;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
  /** Paths of the images, in the order of the samples. */
  readonly files: readonly string[];
}

const endings = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp']);

/** The part of sharp that is used here. */
interface Sharp {
  rotate(): Sharp;
  resize(options: { width: number; height: number; fit: string }): Sharp;
  removeAlpha(): Sharp;
  toColourspace(space: string): Sharp;
  raw(options: { depth: string }): Sharp;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array;
    info: { width: number; height: number; channels: number };
  }>;
}

async function loadSharp(): Promise<(path: string) => Sharp> {
  // Not a literal, since the package may be missing where this is compiled.
  const name = 'sharp';
  try {
    return ((await import(name)) as { default: (path: string) => Sharp }).default;
  } catch (error) {
    throw new ArgumentError(
      'imageFolder: images are decoded by the optional package sharp, which cannot be loaded ' +
        `(${(error as Error).message.split('\n')[0]}); npm install sharp, or give a decoder as decode`,
    );
  }
}

/** Height, width, channels to channels first, as values in [0, 1]. */
function channelsFirst(bytes: Uint8Array, height: number, width: number, given: number, channels: number): Image {
  const size = height * width;
  const data = new Float32Array(channels * size);
  for (let c = 0; c < channels; c++)
    for (let i = 0, from = Math.min(c, given - 1); i < size; i++, from += given) data[c * size + i] = bytes[from] / 255;
  return { data, channels, height, width };
}

/** @internal Decodes in sharp's own threads, turned upright as the file says. */
export const sharpDecoder = async (): Promise<Decoder> => {
  const sharp = await loadSharp();
  return async (path, { size, channels, fit }) => {
    let image = sharp(path).rotate();
    if (size) image = image.resize({ height: size[0], width: size[1], fit });
    image = image.removeAlpha().toColourspace(channels === 1 ? 'b-w' : 'srgb');
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return channelsFirst(data, info.height, info.width, info.channels, channels);
  };
};

async function foldersIn(dir: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for (const name of await readdir(dir)) if ((await stat(join(dir, name))).isDirectory()) names.push(name);
    return names.sort();
  } catch (error) {
    throw fileError(error, 'imageFolder', dir);
  }
}

/** Paths of the images under a folder; whatever is no ordinary file is left alone. */
async function imagesUnder(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => endings.has(extname(name).toLowerCase()));
  const paths = names.sort().map((name) => join(folder, name));
  const isFile = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (stats) => stats.isFile(),
        () => false,
      ),
    ),
  );
  return paths.filter((_, i) => isFile[i]);
}

function sourceOf(
  files: readonly string[],
  labels: Int32Array,
  decoder: Decoder,
  options: ImageFolderOptions & DecodeOptions,
  log: SkipLog,
): Source<ImageSample> {
  const { concurrency = availableParallelism(), onError = 'throw' } = options;
  const limiter = new Limiter(concurrency);
  const get = async (index: number): Promise<ImageSample | undefined> => {
    try {
      const { data, channels, height, width } = await limiter.run(() => decoder(files[index], options));
      return {
        image: hostTensor(data, [channels, height, width], 'float32') as Tensor<'float32'>,
        label: hostTensor(labels.slice(index, index + 1), [], 'int32') as Tensor<'int32'>,
      };
    } catch (error) {
      const words = `imageFolder: ${files[index]} cannot be decoded (${(error as Error).message}); remove or replace it`;
      const told = error instanceof BrawnError ? error : new FileFormatError(words, { cause: error });
      if (onError === 'throw') throw told;
      log.add(files[index], told);
      return undefined;
    }
  };
  const column = (name: string) => (name === 'label' ? labels : undefined);
  return { length: files.length, get, column, ahead: concurrency - 1 };
}

/**
 * The images under `dir`, which has one folder per class; classes are numbered in the order of their names. Lists files
 * at once and decodes them as they are needed, several at a time, off the event loop.
 * @throws FileError when the folder is missing or has no images; ArgumentError when `sharp` is needed and missing.
 */
export async function imageFolder(dir: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { size, channels = 3, fit = 'cover', concurrency = 1, onError = 'throw', onSkip } = options;
  checkOnError(onError, 'imageFolder');
  checkCount(concurrency, 1, 'imageFolder', 'concurrency');
  if (channels !== 1 && channels !== 3)
    throw new ArgumentError(`imageFolder: channels must be 1 or 3, got ${channels}`);
  if (fit !== 'cover' && fit !== 'fill')
    throw new ArgumentError(`imageFolder: fit must be 'cover' or 'fill', got ${JSON.stringify(fit)}`);
  const pair = typeof size === 'number' ? ([size, size] as const) : size;
  for (const side of pair ?? []) checkCount(side, 1, 'imageFolder', 'size');
  const classes = await foldersIn(dir);
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const found = await imagesUnder(join(dir, name));
    if (found.length === 0)
      throw new FileError(`imageFolder: ${join(dir, name)} has no images (${[...endings].join(' ')})`);
    for (const path of found) {
      files.push(path);
      labels.push(label);
    }
  }
  if (classes.length === 0)
    throw new FileError(`imageFolder: ${dir} has no folders; put the images of each class into a folder of its name`);
  const decoder = options.decode ?? (await sharpDecoder());
  const log = new SkipLog();
  log.listen(onSkip);
  const source = sourceOf(files, Int32Array.from(labels), decoder, { ...options, size: pair, channels, fit }, log);
  return { data: new Dataset(() => source, log), classes, files };
}
