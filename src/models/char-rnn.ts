/**
 * A network that writes: an embedding, recurrent layers and a linear layer that scores what comes next (Karpathy, "The
 * Unreasonable Effectiveness of Recurrent Neural Networks", 2015). By character or by whatever its tokeniser splits into.
 * `src/text/generate.ts` lets it write.
 */
import { ArgumentError, FileFormatError } from '../errors.js';
import { loadSafetensorsMetadata } from '../io/index.js';
import * as nn from '../nn/index.js';
import {
  add,
  concat,
  embedding,
  gru,
  linear,
  lstm,
  mul,
  narrow,
  normal,
  reshape,
  rnn,
  select,
  stack,
  transpose,
  zeros,
} from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { type LanguageModel, restoreTokenizer, type Tokenizer, type TokenizerState } from '../text/index.js';
import { Variable } from '../variable.js';

type F = Tensor<'float32'>;

/** Kinds of recurrent layers. */
export type CellKind = 'rnn' | 'lstm' | 'gru';

/** Options of `charRnn`. */
export interface CharRnnOptions {
  /** `'lstm'` unless told. */
  readonly cell?: CellKind;
  /** Recurrent layers; 2 unless told. */
  readonly layers?: number;
  /** Units of each; 128 unless told. */
  readonly hiddenSize?: number;
  /** Features of the embedding; as many as units unless told. */
  readonly embeddingSize?: number;
  /** Dropout after each recurrent layer while training; none unless told. */
  readonly dropout?: number;
  /** Whether the last layer's weights are those of the embedding (Press and Wolf 2017); no unless told. */
  readonly tied?: boolean;
}

/** The first layer's gates are computed beforehand for at most so many tokens per feature of the embedding. */
const kTableRows = 4;

const kCells: readonly CellKind[] = ['rnn', 'lstm', 'gru'];

function settled(options: CharRnnOptions): Required<CharRnnOptions> {
  const { cell = 'lstm', layers = 2, hiddenSize = 128, dropout = 0, tied = false } = options;
  const { embeddingSize = hiddenSize } = options;
  if (!kCells.includes(cell))
    throw new ArgumentError(`charRnn: cell must be one of ${kCells.join(', ')}, got ${JSON.stringify(cell)}`);
  if (tied && embeddingSize !== hiddenSize)
    throw new ArgumentError(
      `charRnn: tied weights need embeddingSize ${embeddingSize} to be hiddenSize, which is ${hiddenSize}`,
    );
  return { cell, layers, hiddenSize, embeddingSize, dropout, tied };
}

/** Its state dict: `embedding.weight`, `rnn.weight_ih_l0` and so on, `output.weight`, `output.bias`, as PyTorch shapes them. */
export class CharRnn extends nn.Module<F, [tokens: Tensor, carry?: Tensor]> implements LanguageModel {
  readonly options: Required<CharRnnOptions>;
  readonly embedding: nn.Embedding;
  readonly rnn: nn.RNN | nn.LSTM | nn.GRU;
  readonly dropout: nn.Dropout;
  readonly output: nn.Linear;
  readonly #carried = new Map<number, readonly Variable<'float32'>[]>();

  constructor(
    readonly tokenizer: Tokenizer,
    options: CharRnnOptions = {},
  ) {
    super();
    this.options = settled(options);
    const { cell, layers: numLayers, hiddenSize, embeddingSize, dropout, tied } = this.options;
    this.embedding = nn.embedding(tokenizer.size, embeddingSize);
    const make = { rnn: nn.rnn, lstm: nn.lstm, gru: nn.gru }[cell];
    this.rnn = make(embeddingSize, hiddenSize, { numLayers, dropout });
    this.dropout = nn.dropout(dropout);
    this.output = nn.linear(hiddenSize, tokenizer.size);
    if (tied) {
      // The deviation of an output layer: with that of an embedding, first scores would be huge.
      this.embedding.weight.assign(normal([tokenizer.size, embeddingSize], { std: hiddenSize ** -0.5 }));
      Object.assign(this.output, { weight: this.embedding.weight });
    }
  }

  /** Zeros: h, and c for an LSTM, [layers, batch, units] each. */
  initialState(batch = 1): F[] {
    const { cell, layers, hiddenSize } = this.options;
    return Array.from({ length: cell === 'lstm' ? 2 : 1 }, () => zeros([layers, batch, hiddenSize]));
  }

  /**
   * Numbers [B, T] after `state` to scores [B, T, size] of what comes next, and the state behind them.
   * @param prepared What `prepare` has computed; faster for single steps.
   */
  advance(
    tokens: Tensor<'int32'>,
    state: readonly F[],
    prepared: readonly F[] = [],
  ): { readonly logits: F; readonly state: readonly F[] } {
    const timeFirst = transpose(tokens, 0, 1);
    const [outputs, after] =
      prepared.length > 0
        ? this.#steps(embedding(prepared[0], timeFirst), state, prepared)
        : this.#run(this.embedding.forward(timeFirst), state);
    return { logits: transpose(this.output.forward(this.dropout.forward(outputs)), 0, 1), state: after };
  }

  /**
   * What single steps need and does not change while the weights stay: the first layer's gates for each token, and the
   * biases of the others. Nothing where there are so many tokens that it does not pay.
   */
  prepare(): readonly F[] {
    const { layers, embeddingSize } = this.options;
    if (this.tokenizer.size > kTableRows * embeddingSize) return [];
    return Array.from({ length: layers }, (_, layer) => {
      const { weightIh, biasIh, biasHh } = this.rnn.weights(layer) as Required<nn.RecurrentWeights>;
      const ofInput =
        this.rnn instanceof nn.GRU ? concat([this.#partOf(biasHh, false), zeros([this.options.hiddenSize])]) : biasHh;
      const bias = add(biasIh, ofInput) as F;
      return layer === 0 ? linear(this.embedding.weight, weightIh, bias) : bias;
    });
  }

  /** A GRU's recurrent bias: that of the gate n, or of those before it. */
  #partOf(biasHh: F, isNew: boolean): F {
    const { hiddenSize } = this.options;
    return isNew ? narrow(biasHh, 0, 2 * hiddenSize, hiddenSize) : narrow(biasHh, 0, 0, 2 * hiddenSize);
  }

  /** The layers without dropout, from the gates of the first and the biases of the others. */
  #steps(gates: F, state: readonly F[], biases: readonly F[]): readonly [outputs: F, state: readonly F[]] {
    const after: F[][] = state.map(() => []);
    let outputs = gates;
    for (let layer = 0; layer < this.options.layers; layer++) {
      const { weightIh, weightHh, biasHh } = this.rnn.weights(layer) as Required<nn.RecurrentWeights>;
      const [h0, c0] = state.map((part) => select(part, 0, layer) as F);
      const given = layer === 0 ? gates : (linear(outputs, weightIh, biases[layer]) as F);
      const walked = {
        rnn: () => rnn(given, weightHh, { h0 }),
        lstm: () => lstm(given, weightHh, { h0, c0 }),
        gru: () => gru(given, weightHh, { h0, biasHn: this.#partOf(biasHh, true) }),
      }[this.options.cell]();
      outputs = walked.output;
      after[0].push(walked.hn);
      if ('cn' in walked) after[1].push(walked.cn as F);
    }
    return [outputs, after.map((parts) => stack(parts) as F)];
  }

  #run(embedded: F, state: readonly F[]): readonly [outputs: F, state: readonly F[]] {
    if (this.rnn instanceof nn.LSTM) return this.rnn.forward(embedded, state as unknown as nn.LstmState);
    const [outputs, h] = this.rnn.forward(embedded, state[0]);
    return [outputs, [h]];
  }

  /**
   * Numbers [B, T] to scores [B, T, size] of what comes next.
   * @param carry A scalar. When given, the state is that after the last call with this batch size times `carry`, and is
   * kept for the next: truncated back-propagation through time (Williams and Peng 1990) over `data.textStreams`. Zeros
   * otherwise.
   */
  override forward(tokens: Tensor, carry?: Tensor): F {
    const [batch] = tokens.shape;
    if (carry === undefined) return this.advance(tokens as Tensor<'int32'>, this.initialState(batch)).logits;
    const kept = this.#keptFor(batch);
    const before = kept.map((variable) => mul(variable, carry as F) as F);
    const { logits, state } = this.advance(tokens as Tensor<'int32'>, before);
    for (const [i, variable] of kept.entries()) variable.assign(state[i]);
    return logits;
  }

  #keptFor(batch: number): readonly Variable<'float32'>[] {
    let kept = this.#carried.get(batch);
    if (!kept) {
      kept = this.initialState(batch).map((state, i) => new Variable(state, { name: `carried ${'hc'[i]}` }));
      this.#carried.set(batch, kept);
    }
    return kept;
  }

  /** The state that is carried between batches of this size, for `variables` of `fit`. */
  carried(batch: number): Readonly<Record<string, Variable>> {
    return Object.fromEntries(this.#keptFor(batch).map((variable, i) => ['hc'[i], variable]));
  }

  /** Mean negative log-likelihood of `targets` [B, T] under scores [B, T, size], in nats. */
  loss(logits: F, targets: Tensor<'int32'>): F {
    return nn.crossEntropy(reshape(logits, [-1, this.tokenizer.size]), reshape(targets, [-1]));
  }

  /** Saves weights, options and tokeniser in one safetensors file. */
  override save(path: string, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    const own = {
      model: kModel,
      options: JSON.stringify(this.options),
      tokenizer: JSON.stringify(this.tokenizer.state()),
    };
    return super.save(path, { ...metadata, ...own });
  }
}

const kModel = 'char-rnn';

/**
 * A network that reads numbers of `tokenizer` and scores which comes next.
 * @throws ArgumentError for options that make no sense.
 */
export const charRnn = (tokenizer: Tokenizer, options?: CharRnnOptions): CharRnn => new CharRnn(tokenizer, options);

/**
 * The network that `save` has written, with its tokeniser, in evaluation mode.
 * @param where Starts the message of an error.
 * @throws FileError when the file cannot be read; FileFormatError when it is damaged or holds another model.
 */
export async function loadCharRnn(path: string, where = 'loadCharRnn'): Promise<CharRnn> {
  const { model, recipe, options, tokenizer } = await loadSafetensorsMetadata(path);
  if (model !== kModel || options === undefined || tokenizer === undefined) {
    const other = recipe === undefined ? 'holds tensors' : `is a model of the recipe ${recipe}`;
    throw new FileFormatError(
      `${where}: ${path} ${other} but has no tokeniser and cannot write; give a file that \`brawn train char-rnn\` or CharRnn.save has written`,
    );
  }
  const parsed = <T>(text: string, what: string): T => {
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new FileFormatError(`${where}: ${path}: its ${what} is no JSON; the file is damaged`, { cause: error });
    }
  };
  const state = parsed<TokenizerState>(tokenizer, 'tokeniser');
  const network = charRnn(
    await restoreTokenizer(state, `${where}: ${path}`),
    parsed<CharRnnOptions>(options, 'description'),
  );
  await network.load(path);
  return network.eval();
}
