/**
 * Byte-pair encoding and its relatives, by the rules of a `tokenizer.json` as the field's tools write it. The package
 * `@huggingface/tokenizers` (optional) carries them out.
 */
import { readFile } from 'node:fs/promises';
import { ArgumentError, FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { checkToken, type Tokenizer, type TokenStream } from './tokenizer.js';

/** The part of the package that is used here. */
interface Rules {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  get_vocab(): Map<string, number>;
}

async function loadRules(json: unknown): Promise<Rules> {
  // Not a literal, since the package may be missing where this is compiled.
  const name = '@huggingface/tokenizers';
  let made: new (json: unknown, config: object) => Rules;
  try {
    made = ((await import(name)) as { Tokenizer: typeof made }).Tokenizer;
  } catch (error) {
    throw new ArgumentError(
      `bpeTokenizer: needs the optional package ${name}, which cannot be loaded ` +
        `(${(error as Error).message.split('\n')[0]}); npm install ${name}`,
    );
  }
  try {
    return new made(json, {});
  } catch (error) {
    throw new FileFormatError(`bpeTokenizer: this is no tokenizer.json (${(error as Error).message})`, {
      cause: error,
    });
  }
}

/**
 * The tokeniser that a `tokenizer.json` describes (BPE, WordPiece or Unigram). Special tokens are not added. Whether
 * `decode` gives back exactly what `encode` was given is up to the rules: byte-level BPE does.
 * @param json What stands in the file, parsed.
 * @throws ArgumentError when the package `@huggingface/tokenizers` is not installed; FileFormatError for other JSON.
 */
export async function bpeTokenizer(json: unknown): Promise<Tokenizer> {
  const rules = await loadRules(json);
  let size = 0;
  for (const number of rules.get_vocab().values()) size = Math.max(size, number + 1);
  const decode = (numbers: Iterable<number>): string => {
    const ids = Array.from(numbers, (number) => checkToken(number, size));
    return ids.length > 0 ? rules.decode(ids, { clean_up_tokenization_spaces: false }) : '';
  };
  return {
    kind: 'bpe',
    size,
    encode: (text) => Int32Array.from(rules.encode(text, { add_special_tokens: false }).ids),
    decode,
    stream: () => new BpeStream(decode),
    state: () => ({ kind: 'bpe', json }),
  };
}

/**
 * Tokens are decoded together with those before them, on which spaces may depend, and are held back while the last
 * character is not whole.
 */
class BpeStream implements TokenStream {
  #known: number[] = [];
  #fresh: number[] = [];

  constructor(readonly decode: (numbers: Iterable<number>) => string) {}

  push(number: number): string {
    this.#fresh.push(number);
    const text = this.#text();
    return text.endsWith('\uFFFD') ? '' : this.#settle(text);
  }

  end(): string {
    return this.#fresh.length > 0 ? this.#settle(this.#text()) : '';
  }

  #text(): string {
    return this.decode([...this.#known, ...this.#fresh]).slice(this.decode(this.#known).length);
  }

  #settle(text: string): string {
    this.#known = this.#fresh;
    this.#fresh = [];
    return text;
  }
}

/**
 * `bpeTokenizer` of a file.
 * @throws FileError when it cannot be read; FileFormatError when it is no such file.
 */
export async function readBpeTokenizer(path: string): Promise<Tokenizer> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'readBpeTokenizer', path);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new FileFormatError(`readBpeTokenizer: ${path} is no JSON`, { cause: error });
  }
  return bpeTokenizer(json);
}
