/** Text as numbers: a vocabulary of characters, and windows over a corpus for models that predict the next one. */
import { ArgumentError, FileFormatError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Batches, numbered } from './batches.js';
import { Dataset, type Source } from './dataset.js';
import { readMaybeGzip } from './idx.js';
import { checkCount, hostTensor } from './sample.js';

/**
 * The text of a UTF-8 file, plain or gzip-compressed.
 * @throws FileError when it cannot be read; FileFormatError when it is damaged or no UTF-8.
 */
export async function readText(path: string): Promise<string> {
  const bytes = await readMaybeGzip(path, 'readText');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FileFormatError(`readText: ${path} is not UTF-8 text`, { cause: error });
  }
}

/** Characters (code points) and their numbers, from 0 in the order of their code points. */
export class Vocabulary {
  /** The characters in the order of their numbers. */
  readonly characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /** @param characters Each once; their order decides their numbers. */
  constructor(characters: Iterable<string>) {
    this.characters = [...characters];
    this.#numbers = new Map(this.characters.map((character, i) => [character, i]));
    if (this.#numbers.size !== this.characters.length || this.characters.length === 0)
      throw new ArgumentError('Vocabulary: needs at least one character, and each only once');
  }

  /** The characters that occur in `text`. */
  static of(text: string): Vocabulary {
    const points = [...new Set(text)].map((character) => character.codePointAt(0) as number);
    return new Vocabulary(points.sort((a, b) => a - b).map((point) => String.fromCodePoint(point)));
  }

  get size(): number {
    return this.characters.length;
  }

  /** The numbers of the characters of `text`. @throws ArgumentError at one that is not in the vocabulary. */
  encode(text: string): Int32Array {
    const out = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const number = this.#numbers.get(character);
      if (number === undefined)
        throw new ArgumentError(`encode: ${JSON.stringify(character)} at ${count} is not in the vocabulary`);
      out[count++] = number;
    }
    return out.slice(0, count);
  }

  /** The text of numbers. @throws ArgumentError at one that is no number of a character. */
  decode(numbers: Iterable<number>): string {
    let out = '';
    for (const number of numbers) {
      if (this.characters[number] === undefined)
        throw new ArgumentError(`decode: ${number} is not a number from 0 to ${this.size - 1}`);
      out += this.characters[number];
    }
    return out;
  }
}

/** Options of `textWindows`. */
export interface WindowOptions {
  /** Characters in a window. */
  readonly length: number;
  /** From the start of a window to that of the next; `length` unless told, so that none overlap. */
  readonly stride?: number;
}

/** `input` and, one character later, `target`: [length] each; in batches [n, length]. */
export type WindowSample = { readonly input: Tensor<'int32'>; readonly target: Tensor<'int32'> };

/** Windows over the numbers of a text. The last characters that fill no window are left out. */
export function textWindows(numbers: Int32Array, { length, stride = length }: WindowOptions): Dataset<WindowSample> {
  checkCount(length, 1, 'textWindows', 'length');
  checkCount(stride, 1, 'textWindows', 'stride');
  if (!(numbers instanceof Int32Array)) throw new ArgumentError('textWindows: needs an Int32Array, as `encode` gives');
  const count = Math.max(0, Math.floor((numbers.length - 1 - length) / stride) + 1);
  const gather = (indices: Int32Array, lead: readonly number[], shift: number): Tensor<'int32'> => {
    const out = new Int32Array(indices.length * length);
    for (const [i, index] of indices.entries()) {
      const from = index * stride + shift;
      out.set(numbers.subarray(from, from + length), i * length);
    }
    return hostTensor(out, [...lead, length], 'int32') as Tensor<'int32'>;
  };
  const take = (indices: Int32Array, lead: readonly number[]): WindowSample => ({
    input: gather(indices, lead, 0),
    target: gather(indices, lead, 1),
  });
  const source: Source<WindowSample> = {
    length: count,
    get: (index) => take(Int32Array.of(index), []),
    batch: (indices) => take(indices, [indices.length]),
  };
  return new Dataset(() => source);
}

/** Options of `textStreams`. */
export interface StreamOptions {
  /** Characters in a window. */
  readonly length: number;
  /** Streams that are read side by side: the rows of a batch. */
  readonly batchSize: number;
}

/**
 * `input` and, one character later, `target`: [batchSize, length] each. `carry` is a scalar: 0 at the start of the streams,
 * where there is no state to go on from, and 1 afterwards.
 */
export type StreamSample = {
  readonly input: Tensor<'int32'>;
  readonly target: Tensor<'int32'>;
  readonly carry: Tensor<'float32'>;
};

/**
 * The text cut into `batchSize` streams of equal length that are read side by side, window after window, always in this
 * order: each row goes on where that of the batch before ended, as truncated back-propagation through time needs it. What
 * fills no window is left out.
 * @throws ArgumentError when the text is too short for one batch.
 */
export function textStreams(numbers: Int32Array, { length, batchSize }: StreamOptions): Batches<StreamSample> {
  checkCount(length, 1, 'textStreams', 'length');
  checkCount(batchSize, 1, 'textStreams', 'batchSize');
  if (!(numbers instanceof Int32Array)) throw new ArgumentError('textStreams: needs an Int32Array, as `encode` gives');
  const steps = Math.floor((numbers.length - 1) / batchSize / length);
  if (steps < 1)
    throw new ArgumentError(
      `textStreams: ${batchSize} streams of at least ${length} need a text of ${batchSize * length + 1}, this one has ` +
        `${numbers.length}; use a smaller batchSize or length`,
    );
  const gather = (step: number, shift: number): Tensor<'int32'> => {
    const out = new Int32Array(batchSize * length);
    for (let row = 0; row < batchSize; row++) {
      const from = (row * steps + step) * length + shift;
      out.set(numbers.subarray(from, from + length), row * length);
    }
    return hostTensor(out, [batchSize, length], 'int32') as Tensor<'int32'>;
  };
  const make = async (_: number, step: number): Promise<StreamSample> => ({
    input: gather(step, 0),
    target: gather(step, 1),
    carry: hostTensor(Float32Array.of(step === 0 ? 0 : 1), [], 'float32') as Tensor<'float32'>,
  });
  return new Batches(
    numbered(async () => steps, make),
    { next: 0 },
    batchSize,
    true,
  );
}
