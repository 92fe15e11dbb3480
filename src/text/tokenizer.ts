/**
 * Tokenisers: text as numbers and back, by character, word or byte here, by the rules of a `tokenizer.json` in `bpe.ts`.
 * Each is described by plain JSON, which is kept with a model (`restore.ts` makes the tokeniser again).
 */
import { Vocabulary } from '../data/text.js';
import { ArgumentError } from '../errors.js';

/** What splits a text. */
export type TokenizerKind = 'character' | 'word' | 'byte' | 'bpe';

/** A tokeniser as plain JSON. */
export interface TokenizerState {
  readonly kind: TokenizerKind;
  /** Characters or words in the order of their numbers. */
  readonly tokens?: readonly string[];
  /** For words: whether number 0 stands for all that are not in the list. */
  readonly unknown?: boolean;
  /** For bpe: what stood in `tokenizer.json`. */
  readonly json?: unknown;
}

/** Numbers that come one by one, as text. */
export interface TokenStream {
  /** The text that is certain after one more number; empty within a character of several bytes. */
  push(number: number): string;
  /** What was held back. */
  end(): string;
}

/** Text as numbers from 0 to `size` - 1. What `encode` takes, `decode` gives back. */
export interface Tokenizer {
  readonly kind: TokenizerKind;
  /** How many numbers there are. */
  readonly size: number;
  /** @throws ArgumentError at something that has no number. */
  encode(text: string): Int32Array;
  /** @throws ArgumentError at a number that stands for nothing. */
  decode(numbers: Iterable<number>): string;
  /** Decodes numbers as they come. */
  stream(): TokenStream;
  /** All there is to know of it, as JSON. */
  state(): TokenizerState;
}

/** Throws unless `number` is one of a tokeniser with `size` numbers. */
export function checkToken(number: number, size: number): number {
  if (Number.isInteger(number) && number >= 0 && number < size) return number;
  throw new ArgumentError(`decode: ${number} is not a number from 0 to ${size - 1}`);
}

/** Where every number is text of its own. */
export const wholeTokens = (decode: (numbers: Iterable<number>) => string): TokenStream => ({
  push: (number) => decode([number]),
  end: () => '',
});

/**
 * The characters (code points) of `text`, numbered in their order. Also takes the list that `state().tokens` gives.
 * @throws ArgumentError for an empty text, or a list in which one stands twice.
 */
export function characterTokenizer(text: string | readonly string[]): Tokenizer {
  const vocabulary = typeof text === 'string' ? Vocabulary.of(text) : new Vocabulary(text);
  const decode = (numbers: Iterable<number>) => vocabulary.decode(numbers);
  return {
    kind: 'character',
    size: vocabulary.size,
    encode: (given) => vocabulary.encode(given),
    decode,
    stream: () => wholeTokens(decode),
    state: () => ({ kind: 'character', tokens: vocabulary.characters }),
  };
}

/**
 * The bytes of the text in UTF-8: 256 numbers that fit every text. A lone half of a surrogate pair becomes U+FFFD, and so
 * do bytes that are no UTF-8.
 */
export function byteTokenizer(): Tokenizer {
  const bytes = (numbers: Iterable<number>) => Uint8Array.from(numbers, (number) => checkToken(number, 256));
  return {
    kind: 'byte',
    size: 256,
    encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
    decode: (numbers) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(numbers)),
    stream() {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      return {
        push: (number) => decoder.decode(bytes([number]), { stream: true }),
        end: () => decoder.decode(),
      };
    },
    state: () => ({ kind: 'byte' }),
  };
}

/** A word with the space before it, a run of signs with the space before it, or one other white space. */
const kWords = / ?[\p{L}\p{M}\p{N}_']+| ?[^\s\p{L}\p{M}\p{N}_']+|\s/gu;

/** The words of a text: joined they are the text. A word brings along one space before it. */
export const splitWords = (text: string): string[] => text.match(kWords) ?? [];

/** Options of `wordTokenizer`. */
export interface WordOptions {
  /** The most frequent words only; all unless told. */
  readonly maxSize?: number;
  /** Only words that occur so often; 1 unless told. */
  readonly minCount?: number;
}

const kUnknown = '\uFFFD';

/**
 * The words and signs of `text`, the most frequent first. When `maxSize` or `minCount` leave some out, number 0 stands for
 * all that are not in the list, and is U+FFFD when it is decoded; otherwise an unknown word cannot be encoded.
 * @throws ArgumentError for an empty text.
 */
export function wordTokenizer(text: string, options: WordOptions = {}): Tokenizer {
  const { maxSize = Number.POSITIVE_INFINITY, minCount = 1 } = options;
  for (const [name, value] of [
    ['maxSize', maxSize],
    ['minCount', minCount],
  ] as const)
    if (!(value >= 1)) throw new ArgumentError(`wordTokenizer: ${name} must be at least 1, got ${value}`);
  const counts = new Map<string, number>();
  for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const frequent = [...counts].filter(([, count]) => count >= minCount);
  frequent.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const isCut = frequent.length < counts.size || frequent.length > maxSize;
  const kept = frequent.slice(0, isCut ? maxSize - 1 : maxSize).map(([word]) => word);
  return wordsOf(isCut ? [kUnknown, ...kept] : kept, isCut);
}

/** The tokeniser of a list of words. With `unknown` the first stands for all that are not in the list. */
export function wordsOf(words: readonly string[], unknown: boolean): Tokenizer {
  const numbers = new Map(words.map((word, i) => [word, i]));
  if (numbers.size !== words.length || words.length === 0)
    throw new ArgumentError('wordTokenizer: needs at least one word, and each only once');
  const numberOf = (word: string): number => {
    const number = numbers.get(word) ?? (unknown ? 0 : undefined);
    if (number === undefined) throw new ArgumentError(`encode: ${JSON.stringify(word)} is not in the vocabulary`);
    return number;
  };
  const decode = (given: Iterable<number>): string => {
    let out = '';
    for (const number of given) out += words[checkToken(number, words.length)];
    return out;
  };
  return {
    kind: 'word',
    size: words.length,
    encode: (text) => Int32Array.from(splitWords(text), numberOf),
    decode,
    stream: () => wholeTokens(decode),
    state: () => ({ kind: 'word', tokens: words, unknown }),
  };
}
