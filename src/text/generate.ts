/**
 * Networks that write: `generate` reads a prime, then draws token after token. Several tokens are one native program
 * (embedding, layers, scores and draw, each fed with the one before), so that only their numbers come back to JavaScript.
 */
import { ArgumentError } from '../errors.js';
import { reshape, select, stack } from '../ops/index.js';
import { Generator } from '../random.js';
import { type CompiledFunction, compile } from '../runtime/compile.js';
import { type Tensor, tensor } from '../tensor.js';
import {
  checkSampling,
  type SamplingInputs,
  type SamplingOptions,
  type SamplingShape,
  sampleToken,
} from './sampling.js';
import type { Tokenizer } from './tokenizer.js';

type F = Tensor<'float32'>;
type Numbers = Tensor<'int32'>;

/** A network that `generate` can let write, such as `models.charRnn`. */
export interface LanguageModel {
  readonly tokenizer: Tokenizer;
  readonly training: boolean;
  train(mode?: boolean): unknown;
  /** The state before anything has been read. */
  initialState(batch?: number): readonly F[];
  /** Numbers [B, T] after `state` to scores [B, T, size] of what comes next, and the state behind them. */
  advance(
    tokens: Numbers,
    state: readonly F[],
    prepared?: readonly F[],
  ): { readonly logits: F; readonly state: readonly F[] };
  /** What `advance` may be given so that single steps need not compute it again; it holds while the weights stay. */
  prepare?(): readonly F[];
}

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  /** The text to go on from; a line end unless told. It is not given again. */
  readonly prime?: string;
  /** Tokens to write, which are characters for a character tokeniser; 500 unless told. */
  readonly length?: number;
  /** Equal seeds give equal texts, whatever the number of threads; unpredictable unless told. */
  readonly seed?: number;
  /**
   * Tokens in one native call; 8 unless told. The text does not depend on it. Longer chunks save a little for each token
   * and cost longer planning at the first call.
   */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
}

interface Programs {
  /** The state after numbers [1, T]. */
  readonly read: CompiledFunction<[tokens: Numbers, state: readonly F[]], readonly F[]>;
  readonly prepare: CompiledFunction<[], readonly F[]>;
  /** `keys` [chunk, 2] is the key of each draw. */
  readonly write: CompiledFunction<
    [
      token: Numbers,
      state: readonly F[],
      prepared: readonly F[],
      keys: Tensor<'int64'>,
      inputs: SamplingInputs,
      shape: SamplingShape,
    ],
    { readonly tokens: Numbers; readonly state: readonly F[] }
  >;
}

function programsOf(model: LanguageModel): Programs {
  return {
    read: compile((tokens, state) => model.advance(tokens, state).state, { name: 'generate (prime)' }),
    prepare: compile(() => model.prepare?.() ?? [], { name: 'generate (preparation)' }),
    write: compile(
      (token, state, prepared, keys, inputs, shape) => {
        let [next, at] = [token, state];
        const tokens: Numbers[] = [];
        for (let i = 0; i < keys.shape[0]; i++) {
          const { logits, state: after } = model.advance(reshape(next, [1, 1]), at, prepared);
          next = sampleToken(select(logits, 1, 0) as F, select(keys, 0, i), shape, inputs);
          at = after;
          tokens.push(next);
        }
        return { tokens: stack(tokens), state: at };
      },
      { name: 'generate' },
    ),
  };
}

const known = new WeakMap<LanguageModel, Programs>();

function compiled(model: LanguageModel): Programs {
  let programs = known.get(model);
  if (!programs) known.set(model, (programs = programsOf(model)));
  return programs;
}

/** Lengths of the pieces in which a prime is read: few of them, so that few programs are compiled. */
const kPieces = [64, 8, 1];

/** Calls `fn`, which starts a run, with the model in evaluation mode. */
function writing<T>(model: LanguageModel, fn: () => Promise<T>): Promise<T> {
  if (!model.training) return fn();
  model.train(false);
  try {
    return fn();
  } finally {
    model.train(true);
  }
}

/** The state after the prime. */
async function readPrime(
  model: LanguageModel,
  numbers: Int32Array,
  signal: AbortSignal | undefined,
): Promise<readonly F[]> {
  let state = model.initialState(1);
  for (let at = 0; at < numbers.length; ) {
    const length = kPieces.find((piece) => piece <= numbers.length - at) as number;
    const given = [tensor(numbers.slice(at, at + length), { shape: [1, length] }), state] as const;
    state = await writing(model, () => compiled(model).read.run({ signal }, ...given));
    at += length;
  }
  return state;
}

function checkLength(value: number, least: number, name: string): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ArgumentError(`generate: ${name} must be a whole number of at least ${least}, got ${value}`);
}

/** The numbers of the prime, at least one. */
function primeNumbers(tokenizer: Tokenizer, prime: string | undefined): Int32Array {
  if (prime === undefined) {
    try {
      return tokenizer.encode('\n');
    } catch {
      return Int32Array.of(0);
    }
  }
  let numbers: Int32Array;
  try {
    numbers = tokenizer.encode(prime);
  } catch (error) {
    const { message } = error as Error;
    throw new ArgumentError(`generate: the prime cannot be read: ${message.replace(/^encode: /, '')} of the model`);
  }
  if (numbers.length === 0) throw new ArgumentError('generate: the prime is empty; leave it out to start with a line');
  return numbers;
}

/**
 * Lets a network write: an asynchronous iterator over pieces of text as they come, mostly one per token. The work is
 * done on brawn's own threads, so the event loop stays free. The network writes in evaluation mode.
 * @throws ArgumentError for options out of range, or a prime that the tokeniser does not know.
 */
export function generate(model: LanguageModel, options: GenerateOptions = {}): AsyncGenerator<string, void> {
  const { length = 500, chunk = 8 } = options;
  checkSampling(options, 'generate');
  checkLength(length, 0, 'length');
  checkLength(chunk, 1, 'chunk');
  const { seed } = options.seed === undefined ? new Generator() : new Generator(options.seed);
  return write(model, primeNumbers(model.tokenizer, options.prime), { ...options, length, chunk, seed });
}

async function* write(
  model: LanguageModel,
  prime: Int32Array,
  options: GenerateOptions & { readonly length: number; readonly chunk: number; readonly seed: number },
): AsyncGenerator<string, void> {
  const { length, chunk, seed, signal, temperature = 1, topP = 1 } = options;
  const shape = { greedy: temperature === 0, topK: options.topK, isNucleus: topP < 1 };
  const inputs = { temperature: tensor(temperature), topP: tensor(topP) };
  let state = await readPrime(model, prime.slice(0, -1), signal);
  const prepared = await compiled(model).prepare.run({ signal });
  let token = prime[prime.length - 1];
  const stream = model.tokenizer.stream();
  for (let at = 0; at < length; at += chunk) {
    const keys = BigInt64Array.from({ length: 2 * chunk }, (_, i) => BigInt(i % 2 === 0 ? seed : at + (i >> 1)));
    const given = [
      tensor(Int32Array.of(token)),
      state,
      prepared,
      tensor(keys, { shape: [chunk, 2] }),
      inputs,
      shape,
    ] as const;
    const written = await writing(model, () => compiled(model).write.run({ signal }, ...given));
    state = written.state;
    const numbers = await written.tokens.data();
    token = numbers[chunk - 1];
    for (const number of numbers.subarray(0, length - at)) {
      const text = stream.push(number);
      if (text !== '') yield text;
    }
  }
  const rest = stream.end();
  if (rest !== '') yield rest;
}
