/**
 * MNIST: 70,000 handwritten digits of 28 x 28 pixels (LeCun, Cortes and Burges), and Fashion-MNIST, as many pictures of
 * clothes in the same files. Looked for in the folder that is given, else in the cache folder, else downloaded into that.
 */
import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ArgumentError, BrawnError, FileError, FileFormatError } from '../errors.js';
import { cacheFolder } from '../io/cache-folder.js';
import { download } from '../io/download.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { columnSource } from './arrays.js';
import { Dataset, type Source } from './dataset.js';
import { type IdxArray, parseIdx, readMaybeGzip } from './idx.js';
import { checkOnError, type OnError, SkipLog, type Skipped } from './sample.js';

/** Digit images [1,28,28] and their labels 0..9; in batches [n,1,28,28] and [n]. */
export type DigitSample = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };

/** Which part of a data set. */
export type Split = 'train' | 'test';

/** Options of `mnist`. */
export interface MnistOptions {
  /** Folder with the idx files, plain or .gz; the cache folder unless told. */
  readonly dir?: string;
  /** Download what is missing; by default only when no `dir` is given. */
  readonly download?: boolean;
  /** Servers to download from, best first; the usual mirrors unless told. */
  readonly mirrors?: readonly string[];
  /** Give images with mean 0 and deviation 1 over the training set, instead of values in [0, 1]. */
  readonly normalize?: boolean;
  /** `'skip'` leaves out images without a label or with a wrong one, and what a damaged file lacks; `'throw'` unless told. */
  readonly onError?: OnError;
  /** Told of what is left out; `skipped` of the data set lists it. */
  readonly onSkip?: (skipped: Skipped) => void;
  /** Told of a download as it goes on. */
  readonly onProgress?: (file: string, received: number, total: number | undefined) => void;
}

/** One of the data sets that come as four idx files of these names. */
interface Kind {
  readonly name: string;
  /** In the cache folder. */
  readonly folder: string;
  readonly mirrors: readonly string[];
  /** SHA-256 of the uncompressed files, since mirrors compress differently. */
  readonly sha256: Readonly<Record<Split, { readonly images: string; readonly labels: string }>>;
  /** Of the training images, with values in [0, 1]. */
  readonly mean: number;
  readonly deviation: number;
}

const files = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

const handwritten: Kind = {
  name: 'mnist',
  folder: 'mnist',
  mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
  sha256: {
    train: {
      images: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      labels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    },
    test: {
      images: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      labels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    },
  },
  mean: 0.1307,
  deviation: 0.3081,
};

const fashion: Kind = {
  name: 'fashionMnist',
  folder: 'fashion-mnist',
  mirrors: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'],
  sha256: {
    train: {
      images: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      labels: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    },
    test: {
      images: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      labels: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    },
  },
  mean: 0.286,
  deviation: 0.353,
};

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The file in `folder`, plain or compressed, as various archives spell it. */
async function find(folder: string, name: string): Promise<string | undefined> {
  const dotted = name.replace('-idx', '.idx');
  for (const spelling of [name, `${name}.gz`, dotted, `${dotted}.gz`]) {
    const path = join(folder, spelling);
    if (await exists(path)) return path;
  }
  return undefined;
}

async function fetchFile(
  kind: Kind,
  folder: string,
  name: string,
  sha256: string,
  options: MnistOptions,
): Promise<string> {
  const mirrors = options.mirrors ?? kind.mirrors;
  const to = join(folder, `${name}.gz`);
  const verify = async (path: string): Promise<void> => {
    const digest = createHash('sha256')
      .update(await readMaybeGzip(path, kind.name))
      .digest('hex');
    if (digest !== sha256)
      throw new FileFormatError(`${kind.name}: ${basename(to)} has SHA-256 ${digest} uncompressed, expected ${sha256}`);
  };
  try {
    const onProgress = (received: number, total?: number) => options.onProgress?.(basename(to), received, total);
    await download({ urls: mirrors.map((mirror) => `${mirror}${name}.gz`), to, verify, onProgress });
    return to;
  } catch (error) {
    if (!(error instanceof BrawnError)) throw error;
    throw new FileError(
      `${kind.name}: ${error.message}. Check the network (HTTPS_PROXY is honoured), or download ${name}.gz from ` +
        `${mirrors.join(' or ')} by hand into ${folder}, or give the folder that has it as dir`,
      { cause: error },
    );
  }
}

async function readPart(
  kind: Kind,
  split: Split,
  part: 'images' | 'labels',
  options: MnistOptions,
  log: SkipLog,
): Promise<[string, IdxArray]> {
  const name = files[split][part];
  const folder = options.dir ?? join(cacheFolder(), kind.folder);
  let path = await find(folder, name);
  if (path === undefined) {
    if (!(options.download ?? options.dir === undefined))
      throw new FileError(
        `${kind.name}: ${folder} has neither ${name} nor ${name}.gz; put the four idx files there, or leave out dir to download them`,
      );
    path = await fetchFile(kind, folder, name, kind.sha256[split][part], options);
  }
  const file = path;
  const onDamage = options.onError === 'skip' ? (error: Error) => log.add(file, error) : undefined;
  return [file, parseIdx(await readMaybeGzip(file, kind.name, onDamage), file, onDamage)];
}

/** The images of these numbers. */
function chosen(pixels: Uint8Array, numbers: readonly number[]): Uint8Array {
  const out = new Uint8Array(numbers.length * 784);
  for (const [to, from] of numbers.entries()) out.set(pixels.subarray(from * 784, from * 784 + 784), to * 784);
  return out;
}

async function open(kind: Kind, split: Split, options: MnistOptions, log: SkipLog): Promise<Source<DigitSample>> {
  const [imagePath, images] = await readPart(kind, split, 'images', options, log);
  const [labelPath, labels] = await readPart(kind, split, 'labels', options, log);
  const [count, height, width] = images.shape;
  if (images.dtype !== 'uint8' || images.shape.length !== 3 || height !== 28 || width !== 28)
    throw new FileFormatError(
      `${kind.name}: ${imagePath} should hold uint8 [n,28,28], has ${images.dtype}${showShape(images.shape)}`,
    );
  if (labels.dtype !== 'uint8' || labels.shape.length !== 1)
    throw new FileFormatError(
      `${kind.name}: ${labelPath} should hold uint8 [n], has ${labels.dtype}${showShape(labels.shape)}`,
    );
  const fail = (what: string, words: string): void => {
    const error = new FileFormatError(`${kind.name}: ${words}`);
    if (options.onError !== 'skip') throw error;
    log.add(what, error);
  };
  if (labels.shape[0] !== count)
    fail(
      `${imagePath}, ${labelPath}`,
      `${imagePath} has ${count} images but ${labelPath} has ${labels.shape[0]} labels`,
    );
  const label = Int32Array.from((labels.data as Uint8Array).subarray(0, count));
  const good: number[] = [];
  for (const [i, value] of label.entries())
    if (value <= 9) good.push(i);
    else fail(`${labelPath}, label ${i}`, `${labelPath} has label ${value} at ${i}; labels are 0 to 9`);
  const [mean, deviation] = options.normalize ? [kind.mean, kind.deviation] : [0, 1];
  const lookup = Float32Array.from({ length: 256 }, (_, i) => (i / 255 - mean) / deviation);
  const pixels = images.data as Uint8Array;
  const isWhole = good.length === count;
  return columnSource<DigitSample>({
    image: { data: isWhole ? pixels : chosen(pixels, good), shape: [good.length, 1, 28, 28], lookup },
    label: { data: isWhole ? label : label.filter((value) => value <= 9) },
  });
}

function dataset(kind: Kind, split: Split, options: MnistOptions): Dataset<DigitSample> {
  if (split !== 'train' && split !== 'test')
    throw new ArgumentError(`${kind.name}: split must be 'train' or 'test', got ${JSON.stringify(split)}`);
  checkOnError(options.onError ?? 'throw', kind.name);
  const log = new SkipLog();
  log.listen(options.onSkip);
  return new Dataset(() => open(kind, split, options, log), log);
}

/**
 * MNIST's 60,000 training or 10,000 test digits. Files are opened (and downloaded) when the data set is first iterated;
 * errors then are FileError (missing, not downloadable: says what to put where) and FileFormatError (damaged).
 */
export function mnist(split: Split, options: MnistOptions = {}): Dataset<DigitSample> {
  return dataset(handwritten, split, options);
}

/**
 * Fashion-MNIST's 60,000 training or 10,000 test images of clothes in 10 classes (Xiao, Rasul and Vollgraf, 2017), in the
 * layout of MNIST. Files and errors are as those of `mnist`.
 */
export function fashionMnist(split: Split, options: MnistOptions = {}): Dataset<DigitSample> {
  return dataset(fashion, split, options);
}
