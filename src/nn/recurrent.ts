/**
 * Recurrent layers over whole sequences, with PyTorch's options, weights and results. For each layer and direction one
 * product gives the input's share of all steps' gates, and one native op walks over them. Neighbour: `cells.ts` has
 * single steps, for loops written by hand.
 */
import { ArgumentError, ShapeError } from '../errors.js';
import * as ops from '../ops/index.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { symmetric } from './init.js';
import { Module } from './module.js';
import {
  checkForgetBias,
  checkInput,
  checkLengths,
  checkNonlinearity,
  checkPair,
  firstBias,
  type LstmState,
  type RnnNonlinearity,
  recurrentBound,
  stateOf,
} from './recurrent-checks.js';

type T = Tensor<'float32'>;

/** Options of `gru`, and of the others too. */
export interface RecurrentLayerOptions {
  /** Layers, each fed with the output of the one before; 1 unless told. */
  readonly numLayers?: number;
  /** A second walk from the end to the start in each layer; its outputs follow those of the first. False unless told. */
  readonly bidirectional?: boolean;
  /** Probability of dropout between layers while training (none after the last, so none with one layer); 0 unless told. */
  readonly dropout?: number;
  /** Input and output are [B, T, ...] instead of [T, B, ...], at the cost of copies; states never change. False unless told. */
  readonly batchFirst?: boolean;
  /** Whether biases are added; true unless told. */
  readonly bias?: boolean;
}

/** Options of `rnn`. */
export interface RnnLayerOptions extends RecurrentLayerOptions {
  /** `'tanh'` unless told. */
  readonly nonlinearity?: RnnNonlinearity;
}

/** Options of `lstm`. */
export interface LstmLayerOptions extends RecurrentLayerOptions {
  /** Outputs are projected to so many features (PyTorch's `proj_size`); 0, none, unless told. Composed of steps: slower. */
  readonly projSize?: number;
  /**
   * Gates also see the cell state, through diagonal weights (Gers, Schraudolph and Schmidhuber, "Learning Precise Timing
   * with LSTM Recurrent Networks", 2002; not in PyTorch). State: weight_peephole_l0 [3, H], rows i, o, f. False unless told.
   */
  readonly peephole?: boolean;
  /** First value of the forget gates' bias, as in `lstmCell`. */
  readonly forgetBias?: number;
}

/** What a call of a recurrent layer may be told. */
export interface SequenceOptions {
  /**
   * Valid steps of each sequence, from 1 to T: an int32 tensor [B], or numbers, which a compiled function takes as
   * constants. As in PyTorch's packed sequences: outputs behind the end are 0, final states are those of the last valid
   * step, and the walk back starts there.
   */
  readonly lengths?: Tensor<'int32'> | readonly number[];
}

/** The weights of one layer in one direction. */
export interface RecurrentWeights {
  /** [gates * H, input]. */
  readonly weightIh: T;
  /** [gates * H, H], or [gates * H, projected]. */
  readonly weightHh: T;
  /** [gates * H]. */
  readonly biasIh?: T;
  /** [gates * H]. */
  readonly biasHh?: T;
  /** [projected, H]. */
  readonly weightHr?: T;
  /** [3, H], rows i, o, f. */
  readonly weightPeephole?: T;
}

/** Output and final states of one walk: h, and c of an LSTM. */
interface Walked {
  readonly output: T;
  readonly states: readonly T[];
}

/** A call's arguments for one walk. */
interface Walk {
  readonly weights: RecurrentWeights;
  /** h, and c of an LSTM, [B, H]; none when they start as zeros. */
  readonly states: readonly (T | undefined)[];
  readonly reverse: boolean;
  readonly lengths: Tensor<'int32'> | undefined;
}

/** What the layers share: weights, layers, directions, order of axes, dropout. */
abstract class Recurrent<State> extends Module<
  readonly [output: T, state: State],
  [input: Tensor, state?: State, options?: SequenceOptions]
> {
  readonly numLayers: number;
  readonly bidirectional: boolean;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly bias: boolean;
  /** 0 without projection. */
  readonly projSize: number;
  readonly #where: string;

  constructor(
    where: string,
    gates: number,
    readonly inputSize: number,
    readonly hiddenSize: number,
    options: LstmLayerOptions,
  ) {
    super();
    const { numLayers = 1, bidirectional = false, dropout = 0, batchFirst = false, bias = true } = options;
    for (const [name, size] of Object.entries({ inputSize, hiddenSize, numLayers })) checkSize(size, where, name);
    if (!(dropout >= 0 && dropout <= 1))
      throw new ArgumentError(`${where}: dropout must lie between 0 and 1, got ${dropout}`);
    const { projSize = 0, forgetBias } = options;
    if (!Number.isInteger(projSize) || projSize < 0 || projSize >= hiddenSize)
      throw new ArgumentError(
        `${where}: projSize must be a whole number below hiddenSize ${hiddenSize}, got ${projSize}`,
      );
    checkForgetBias(where, forgetBias, bias);
    [this.numLayers, this.bidirectional, this.dropout] = [numLayers, Boolean(bidirectional), dropout];
    [this.batchFirst, this.bias, this.projSize] = [Boolean(batchFirst), Boolean(bias), projSize];
    this.#where = where;
    for (let layer = 0; layer < numLayers; layer++)
      for (const reverse of this.directions) Object.assign(this, this.#firstWeights(gates, layer, reverse, options));
  }

  /** Features of one direction's output. */
  get outputSize(): number {
    return this.projSize || this.hiddenSize;
  }

  protected get directions(): readonly boolean[] {
    return this.bidirectional ? [false, true] : [false];
  }

  /** The weights of a layer (from 0) in one direction. */
  weights(layer = 0, reverse = false): RecurrentWeights {
    if (!Number.isInteger(layer) || layer < 0 || layer >= this.numLayers || (reverse && !this.bidirectional))
      throw new ArgumentError(
        `${this.#where}: has no layer ${layer}${reverse ? ' in reverse' : ''}; numLayers is ${this.numLayers}, bidirectional ${this.bidirectional}`,
      );
    const fields = this as unknown as Readonly<Record<string, T>>;
    const names = ['weightIh', 'weightHh', 'biasIh', 'biasHh', 'weightHr', 'weightPeephole'];
    return Object.fromEntries(
      names.map((name) => [name, fields[fieldOf(name, layer, reverse)]]),
    ) as unknown as RecurrentWeights;
  }

  /** By field, in PyTorch's order; all uniform within 1 / sqrt(H). */
  #firstWeights(
    gates: number,
    layer: number,
    reverse: boolean,
    { forgetBias, peephole = false }: LstmLayerOptions,
  ): Record<string, Parameter> {
    const { hiddenSize: hidden, outputSize, projSize } = this;
    const rows = gates * hidden;
    const inputs = layer === 0 ? this.inputSize : outputSize * this.directions.length;
    const drawn = (shape: readonly number[]) => symmetric(shape, recurrentBound(hidden));
    const forgetHh = forgetBias === undefined ? undefined : 0;
    const values: Record<string, T> = {
      weightIh: drawn([rows, inputs]),
      weightHh: drawn([rows, outputSize]),
      ...(this.bias && {
        biasIh: firstBias(gates, hidden, forgetBias),
        biasHh: firstBias(gates, hidden, forgetHh),
      }),
      ...(projSize > 0 && { weightHr: drawn([projSize, hidden]) }),
      ...(peephole && { weightPeephole: drawn([3, hidden]) }),
    };
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [fieldOf(name, layer, reverse), new Parameter(value)]),
    );
  }

  /** The cell's walk over `x` [T, B, in]. */
  protected abstract walk(x: T, walk: Walk): Walked;

  /** All layers: `states` are the initial ones [layers * directions, B, size], none for zeros; gives the final ones alike. */
  protected run(
    input: Tensor,
    given: readonly (readonly [name: string, state: Tensor | undefined, size: number])[],
    { lengths }: SequenceOptions,
  ): Walked {
    const where = this.#where;
    checkInput(where, input, [3], this.inputSize);
    const timeFirst = this.batchFirst ? ops.permute(input as T, [1, 0, 2]) : (input as T);
    const [steps, batch] = timeFirst.shape;
    if (steps === 0)
      throw new ShapeError(`${where}: input ${showShape(input.shape)} has no steps; at least one is needed`);
    const valid = lengths === undefined ? undefined : checkLengths(where, lengths, steps, batch);
    const count = this.numLayers * this.directions.length;
    const initial = given.map(([name, state, size]) => stateOf(where, name, state, [count, batch, size], input));
    const finals: (readonly T[])[] = [];
    let x = timeFirst;
    for (let layer = 0; layer < this.numLayers; layer++) {
      const walked = this.directions.map((reverse, direction) => {
        const row = layer * this.directions.length + direction;
        const states = initial.map((state) => state && ops.select(state, 0, row));
        return this.walk(x, { weights: this.weights(layer, reverse), states, reverse, lengths: valid });
      });
      finals.push(...walked.map(({ states }) => states));
      const output = walked.length > 1 ? ops.concat([walked[0].output, walked[1].output], -1) : walked[0].output;
      const isLast = layer === this.numLayers - 1;
      x = isLast || this.dropout === 0 ? output : ops.dropout(output, { p: this.dropout, training: this.training });
    }
    return {
      output: this.batchFirst ? ops.permute(x, [1, 0, 2]) : x,
      states: given.map((_, part) => ops.stack(finals.map((states) => states[part]))),
    };
  }

  protected override describe(): string {
    const usual = { numLayers: 1, bidirectional: false, dropout: 0, batchFirst: false, bias: true, projSize: 0 };
    const told = Object.entries(usual).flatMap(([name, value]) => {
      const own = this[name as keyof typeof usual];
      return own === value ? [] : [`${name}: ${own}`];
    });
    return [this.inputSize, this.hiddenSize, ...told].join(', ');
  }
}

/** The field of a weight: `weightIhL0Reverse` is `weight_ih_l0_reverse` in state dicts. */
const fieldOf = (name: string, layer: number, reverse: boolean): string =>
  `${name}L${layer}${reverse ? 'Reverse' : ''}`;

/** x W_ih^T + b_ih + b_hh for all steps. */
const gatesOf = (x: T, { weightIh, biasIh, biasHh }: RecurrentWeights): T =>
  ops.linear(x, weightIh, biasIh && biasHh ? (ops.add(biasIh, biasHh) as T) : undefined);

/**
 * Elman's network over sequences: h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu (as `torch.nn.RNN`). State,
 * for each layer k: weight_ih_lk [H, in], weight_hh_lk [H, H], bias_ih_lk [H], bias_hh_lk [H], and the same with
 * `_reverse` behind; all uniform within 1 / sqrt(H) at first.
 */
export class RNN extends Recurrent<T> {
  readonly nonlinearity: RnnNonlinearity;

  constructor(inputSize: number, hiddenSize: number, options: RnnLayerOptions = {}) {
    const { nonlinearity = 'tanh', ...rest } = options;
    checkNonlinearity('rnn', nonlinearity);
    super('rnn', 1, inputSize, hiddenSize, { ...rest, ...kPlain });
    this.nonlinearity = nonlinearity;
  }

  /**
   * Input [T, B, in] (or batch first) and the initial state [layers * directions, B, H] (zeros unless given) give
   * [output, state]: [T, B, directions * H] and the final state.
   * @throws ShapeError, DTypeError, ArgumentError when they do not fit; IndexError in the run for lengths that do not.
   */
  override forward(input: Tensor, state?: T, options: SequenceOptions = {}): readonly [output: T, state: T] {
    const { output, states } = this.run(input, [['the state', state, this.hiddenSize]], options);
    return [output, states[0]];
  }

  protected override walk(x: T, { weights, states: [h0], reverse, lengths }: Walk): Walked {
    const { nonlinearity } = this;
    const gates = gatesOf(x, weights);
    const { output, hn } = ops.rnn(gates, weights.weightHh, { h0, reverse, lengths, nonlinearity });
    return { output, states: [hn] };
  }
}

/**
 * LSTM over sequences (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; the steps of `LSTMCell`; as
 * `torch.nn.LSTM`). State, for each layer k: weight_ih_lk [4 H, in], weight_hh_lk [4 H, H], bias_ih_lk [4 H], bias_hh_lk
 * [4 H], weight_hr_lk [P, H] with projection (weight_hh_lk is then [4 H, P]), weight_peephole_lk [3, H] with peepholes,
 * and the same with `_reverse` behind. Gates are in the order i, f, g, o.
 */
export class LSTM extends Recurrent<LstmState> {
  readonly peephole: boolean;

  constructor(inputSize: number, hiddenSize: number, options: LstmLayerOptions = {}) {
    super('lstm', 4, inputSize, hiddenSize, options);
    this.peephole = Boolean(options.peephole);
  }

  /**
   * Input [T, B, in] (or batch first) and the initial state [h, c] of [layers * directions, B, H] each (zeros unless
   * given; h has P features with projection) give [output, [h, c]]: [T, B, directions * H] and the final state.
   * @throws ShapeError, DTypeError, ArgumentError when they do not fit; IndexError in the run for lengths that do not.
   */
  override forward(
    input: Tensor,
    state?: LstmState,
    options: SequenceOptions = {},
  ): readonly [output: T, state: LstmState] {
    const [h, c] = checkPair('lstm', state);
    const parts = [['h', h, this.outputSize] as const, ['c', c, this.hiddenSize] as const];
    const { output, states } = this.run(input, parts, options);
    return [output, [states[0], states[1]]];
  }

  protected override walk(x: T, { weights, states: [h0, c0], reverse, lengths }: Walk): Walked {
    const { weightHh, weightHr, weightPeephole: peephole } = weights;
    const options = { h0, c0, reverse, lengths, weightHr, peephole };
    const { output, hn, cn } = ops.lstm(gatesOf(x, weights), weightHh, options);
    return { output, states: [hn, cn] };
  }
}

/**
 * GRU over sequences (Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014; the steps of
 * `GRUCell`; as `torch.nn.GRU`). State, for each layer k: weight_ih_lk [3 H, in], weight_hh_lk [3 H, H], bias_ih_lk [3 H],
 * bias_hh_lk [3 H], and the same with `_reverse` behind. Gates are in the order r, z, n.
 */
export class GRU extends Recurrent<T> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super('gru', 3, inputSize, hiddenSize, { ...options, ...kPlain });
  }

  /**
   * Input [T, B, in] (or batch first) and the initial state [layers * directions, B, H] (zeros unless given) give
   * [output, state]: [T, B, directions * H] and the final state.
   * @throws ShapeError, DTypeError, ArgumentError when they do not fit; IndexError in the run for lengths that do not.
   */
  override forward(input: Tensor, state?: T, options: SequenceOptions = {}): readonly [output: T, state: T] {
    const { output, states } = this.run(input, [['the state', state, this.hiddenSize]], options);
    return [output, states[0]];
  }

  protected override walk(x: T, { weights, states: [h0], reverse, lengths }: Walk): Walked {
    const { weightIh, weightHh, biasIh, biasHh } = weights;
    const { hiddenSize } = this;
    // The recurrent bias of the gate n is inside of the product with r.
    const biasRz = biasHh && ops.pad(ops.narrow(biasHh, 0, 0, 2 * hiddenSize), [[0, hiddenSize]]);
    const biasHn = biasHh && ops.narrow(biasHh, 0, 2 * hiddenSize, hiddenSize);
    const gates = ops.linear(x, weightIh, biasIh && biasRz ? (ops.add(biasIh, biasRz) as T) : undefined);
    const { output, hn } = ops.gru(gates, weightHh, { h0, reverse, lengths, biasHn });
    return { output, states: [hn] };
  }
}

/** What is of LSTMs alone. */
const kPlain = { projSize: 0, peephole: false, forgetBias: undefined };

export const rnn = factory(RNN);
export const lstm = factory(LSTM);
export const gru = factory(GRU);
