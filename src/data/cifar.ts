/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009) in their binary
 * layout: records of one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes, the planes of 32 x 32 red, green and
 * blue.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, FileError, FileFormatError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { columnSource } from './arrays.js';
import { Dataset, type Source } from './dataset.js';
import { readMaybeGzip } from './idx.js';
import type { Split } from './mnist.js';
import { checkOnError, type OnError, SkipLog, type Skipped } from './sample.js';

/** Images [3,32,32] and their labels 0..9; in batches [n,3,32,32] and [n]. */
export type Cifar10Sample = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };

/** As of CIFAR-10, with 100 fine labels and 20 coarse ones. */
export type Cifar100Sample = Cifar10Sample & { readonly coarse: Tensor<'int32'> };

/** Options of `cifar10` and `cifar100`. */
export interface CifarOptions {
  /** Folder with the `.bin` files, plain or .gz, or with the folder of the archive that holds them. */
  readonly dir: string;
  /** Names of the files in `dir`, where they are not those of the archive. */
  readonly files?: readonly string[];
  /** Give each channel mean 0 and deviation 1 over the training set, instead of values in [0, 1]. */
  readonly normalize?: boolean;
  /** `'skip'` leaves out damaged records, and what a truncated file lacks; `'throw'` unless told. */
  readonly onError?: OnError;
  /** Told of what is left out; `skipped` of the data set lists it. */
  readonly onSkip?: (skipped: Skipped) => void;
}

interface Kind {
  readonly name: string;
  readonly archive: string;
  readonly url: string;
  readonly files: Readonly<Record<Split, readonly string[]>>;
  /** Label bytes of a record, with the number of classes of each. */
  readonly labels: readonly (readonly [column: string, classes: number])[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const kPixels = 3 * 32 * 32;

const ten: Kind = {
  name: 'cifar10',
  archive: 'cifar-10-batches-bin',
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  files: { train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`), test: ['test_batch.bin'] },
  labels: [['label', 10]],
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

const hundred: Kind = {
  name: 'cifar100',
  archive: 'cifar-100-binary',
  url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
  files: { train: ['train.bin'], test: ['test.bin'] },
  labels: [
    ['coarse', 20],
    ['label', 100],
  ],
  mean: [0.5071, 0.4865, 0.4409],
  std: [0.2673, 0.2564, 0.2762],
};

async function find(kind: Kind, dir: string, name: string): Promise<string> {
  for (const folder of [dir, join(dir, kind.archive)])
    for (const spelling of [name, `${name}.gz`]) {
      const path = join(folder, spelling);
      const exists = await access(path).then(
        () => true,
        () => false,
      );
      if (exists) return path;
    }
  throw new FileError(
    `${kind.name}: ${dir} has neither ${name} nor ${name}.gz; download ${kind.url}, unpack it, and give its folder as dir`,
  );
}

/** Where the good records of a file start. */
function recordsOf(kind: Kind, bytes: Uint8Array, path: string, fail: (what: string, words: string) => void): number[] {
  const size = kind.labels.length + kPixels;
  const count = Math.floor(bytes.length / size);
  if (bytes.length === 0) fail(path, 'the file is empty');
  else if (bytes.length % size !== 0)
    fail(path, `${bytes.length} bytes are no whole number of records of ${size} bytes (truncated?)`);
  const starts: number[] = [];
  for (let i = 0; i < count; i++) {
    const wrong = kind.labels.findIndex(([, classes], j) => bytes[i * size + j] >= classes);
    if (wrong < 0) starts.push(i * size);
    else {
      const [column, classes] = kind.labels[wrong];
      const words = `record ${i} has ${column} ${bytes[i * size + wrong]}; labels are 0 to ${classes - 1}`;
      fail(`${path}, record ${i}`, words);
    }
  }
  return starts;
}

async function open(kind: Kind, split: Split, options: CifarOptions, log: SkipLog): Promise<Source<Cifar100Sample>> {
  const skip = options.onError === 'skip';
  const parts: { readonly bytes: Uint8Array; readonly starts: readonly number[] }[] = [];
  for (const name of options.files ?? kind.files[split]) {
    const path = await find(kind, options.dir, name);
    const fail = (what: string, words: string): void => {
      const error = new FileFormatError(`${kind.name}: ${path}: ${words}`);
      if (!skip) throw error;
      log.add(what, error);
    };
    const bytes = await readMaybeGzip(path, kind.name, skip ? (error) => log.add(path, error) : undefined);
    parts.push({ bytes, starts: recordsOf(kind, bytes, path, fail) });
  }
  const count = parts.reduce((sum, { starts }) => sum + starts.length, 0);
  const pixels = new Uint8Array(count * kPixels);
  const labels = kind.labels.map(() => new Int32Array(count));
  let at = 0;
  for (const { bytes, starts } of parts)
    for (const start of starts) {
      for (const [j, column] of labels.entries()) column[at] = bytes[start + j];
      const from = start + kind.labels.length;
      pixels.set(bytes.subarray(from, from + kPixels), at++ * kPixels);
    }
  const [mean, std] = options.normalize
    ? [kind.mean, kind.std]
    : [
        [0, 0, 0],
        [1, 1, 1],
      ];
  const lookup = Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const channel = Math.floor(i / 256);
    return ((i % 256) / 255 - mean[channel]) / std[channel];
  });
  return columnSource<Cifar100Sample>({
    image: { data: pixels, shape: [count, 3, 32, 32], lookup },
    ...Object.fromEntries(kind.labels.map(([name], j) => [name, { data: labels[j] }])),
  } as never);
}

function cifar(kind: Kind, split: Split, options: CifarOptions): Dataset<Cifar100Sample> {
  if (split !== 'train' && split !== 'test')
    throw new ArgumentError(`${kind.name}: split must be 'train' or 'test', got ${JSON.stringify(split)}`);
  if (typeof options?.dir !== 'string') throw new ArgumentError(`${kind.name}: needs dir, the folder with its files`);
  checkOnError(options.onError ?? 'throw', kind.name);
  const log = new SkipLog();
  log.listen(options.onSkip);
  return new Dataset(() => open(kind, split, options, log), log);
}

/**
 * CIFAR-10's 50,000 training or 10,000 test images. Files are read when the data set is first needed; errors then are
 * FileError (missing: says what to get) and FileFormatError (damaged).
 */
export function cifar10(split: Split, options: CifarOptions): Dataset<Cifar10Sample> {
  return cifar(ten, split, options);
}

/** CIFAR-100's 50,000 training or 10,000 test images, with fine and coarse labels. Errors are those of `cifar10`. */
export function cifar100(split: Split, options: CifarOptions): Dataset<Cifar100Sample> {
  return cifar(hundred, split, options);
}
