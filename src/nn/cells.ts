/**
 * Cells: one step of a recurrent layer, for loops written by hand. Compositions of ops, with PyTorch's names and order of
 * gates. Whole sequences run faster in the layers of `recurrent.ts`.
 */
import * as ops from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { symmetric } from './init.js';
import { Module } from './module.js';
import {
  checkForgetBias,
  checkInput,
  checkNonlinearity,
  checkPair,
  firstBias,
  type LstmState,
  type RnnNonlinearity,
  recurrentBound,
  stateOf,
} from './recurrent-checks.js';

type T = Tensor<'float32'>;

/** Options of `gruCell`, and of the others too. */
export interface CellOptions {
  /** Whether biases are added; true unless told. */
  readonly bias?: boolean;
}

/** Options of `rnnCell`. */
export interface RnnCellOptions extends CellOptions {
  /** `'tanh'` unless told. */
  readonly nonlinearity?: RnnNonlinearity;
}

/** Options of `lstmCell`. */
export interface LstmCellOptions extends CellOptions {
  /**
   * First value of the forget gate's bias (`bias_ih`; that of `bias_hh` is then 0), so that the cell remembers from the
   * start; 1 is usual (Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", 2015). Drawn
   * like all others unless told.
   */
  readonly forgetBias?: number;
}

/** What the cells share: the weights of all gates, and the two products with them. */
abstract class Cell<Result, State> extends Module<Result, [input: Tensor, state?: State]> {
  readonly weightIh: Parameter<'float32'>;
  readonly weightHh: Parameter<'float32'>;
  readonly biasIh: Parameter<'float32'> | undefined;
  readonly biasHh: Parameter<'float32'> | undefined;
  readonly #where: string;

  constructor(
    where: string,
    gates: number,
    readonly inputSize: number,
    readonly hiddenSize: number,
    { bias = true, forgetBias }: LstmCellOptions,
  ) {
    super();
    checkSize(inputSize, where, 'inputSize');
    checkSize(hiddenSize, where, 'hiddenSize');
    checkForgetBias(where, forgetBias, bias);
    this.#where = where;
    const bound = recurrentBound(hiddenSize);
    this.weightIh = new Parameter(symmetric([gates * hiddenSize, inputSize], bound));
    this.weightHh = new Parameter(symmetric([gates * hiddenSize, hiddenSize], bound));
    const forgetHh = forgetBias === undefined ? undefined : 0;
    this.biasIh = bias ? new Parameter(firstBias(gates, hiddenSize, forgetBias)) : undefined;
    this.biasHh = bias ? new Parameter(firstBias(gates, hiddenSize, forgetHh)) : undefined;
  }

  /** A part of the state as given, or zeros: [B, H], or [H] for an input without batch. */
  protected part(input: Tensor, name: string, given: Tensor | undefined): T {
    checkInput(this.#where, input, [1, 2], this.inputSize);
    const shape = [...input.shape.slice(0, -1), this.hiddenSize];
    const state = stateOf(this.#where, name, given, shape, input);
    return state ?? (ops.zeros(shape, { dtype: input.dtype }) as T);
  }

  /** x W_ih^T + b_ih and h W_hh^T + b_hh. */
  protected products(input: Tensor, h: T): [T, T] {
    return [ops.linear(input as T, this.weightIh, this.biasIh), ops.linear(h, this.weightHh, this.biasHh)];
  }

  protected override describe(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? '' : ', bias: false'}`;
  }
}

/**
 * One step of Elman's network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu (as `torch.nn.RNNCell`). State:
 * weight_ih [H, in], weight_hh [H, H], bias_ih [H], bias_hh [H], all uniform within 1 / sqrt(H) at first.
 */
export class RNNCell extends Cell<T, T> {
  readonly nonlinearity: RnnNonlinearity;

  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', bias }: RnnCellOptions = {}) {
    checkNonlinearity('rnnCell', nonlinearity);
    super('rnnCell', 1, inputSize, hiddenSize, { bias });
    this.nonlinearity = nonlinearity;
  }

  /**
   * Input [B, in] or [in], state [B, H] or [H] (zeros unless given); gives the next state.
   * @throws ShapeError, DTypeError when they do not fit.
   */
  override forward(input: Tensor, state?: T): T {
    const [x, h] = this.products(input, this.part(input, 'the state', state));
    const sum = ops.add(x, h) as T;
    return this.nonlinearity === 'tanh' ? ops.tanh(sum) : ops.relu(sum);
  }
}

/**
 * One step of an LSTM (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; with the forget gate of Gers et al.
 * 2000; as `torch.nn.LSTMCell`): [i, f, g, o] = W_ih x + b_ih + W_hh h + b_hh, c' = sigmoid(f) c + sigmoid(i) tanh(g),
 * h' = sigmoid(o) tanh(c'). State: weight_ih [4 H, in], weight_hh [4 H, H], bias_ih [4 H], bias_hh [4 H].
 */
export class LSTMCell extends Cell<LstmState, LstmState> {
  constructor(inputSize: number, hiddenSize: number, options: LstmCellOptions = {}) {
    super('lstmCell', 4, inputSize, hiddenSize, options);
  }

  /**
   * Input [B, in] or [in], state [h, c] of [B, H] or [H] each (zeros unless given); gives the next state [h, c].
   * @throws ShapeError, DTypeError, ArgumentError when they do not fit.
   */
  override forward(input: Tensor, state?: LstmState): LstmState {
    const [givenH, givenC] = checkPair('lstmCell', state);
    const c = this.part(input, 'c', givenC);
    const [x, h] = this.products(input, this.part(input, 'h', givenH));
    const [i, f, g, o] = ops.chunk(ops.add(x, h), 4, -1);
    const next = ops.add(ops.mul(ops.sigmoid(f), c), ops.mul(ops.sigmoid(i), ops.tanh(g))) as T;
    return [ops.mul(ops.sigmoid(o), ops.tanh(next)) as T, next];
  }
}

/**
 * One step of a GRU (Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014; as
 * `torch.nn.GRUCell`): with gates r, z, n of x' = W_ih x + b_ih and h' = W_hh h + b_hh, r = sigmoid(r_x + r_h),
 * z = sigmoid(z_x + z_h), n = tanh(n_x + r n_h); the next state is (1 - z) n + z h. State: weight_ih [3 H, in], weight_hh
 * [3 H, H], bias_ih [3 H], bias_hh [3 H].
 */
export class GRUCell extends Cell<T, T> {
  constructor(inputSize: number, hiddenSize: number, { bias }: CellOptions = {}) {
    super('gruCell', 3, inputSize, hiddenSize, { bias });
  }

  /**
   * Input [B, in] or [in], state [B, H] or [H] (zeros unless given); gives the next state.
   * @throws ShapeError, DTypeError when they do not fit.
   */
  override forward(input: Tensor, state?: T): T {
    const h = this.part(input, 'the state', state);
    const [ofX, ofH] = this.products(input, h);
    const [rx, zx, nx] = ops.chunk(ofX, 3, -1);
    const [rh, zh, nh] = ops.chunk(ofH, 3, -1);
    const z = ops.sigmoid(ops.add(zx, zh));
    const n = ops.tanh(ops.add(nx, ops.mul(ops.sigmoid(ops.add(rx, rh)), nh)));
    return ops.add(n, ops.mul(z, ops.sub(h, n))) as T;
  }
}

export const rnnCell = factory(RNNCell);
export const lstmCell = factory(LSTMCell);
export const gruCell = factory(GRUCell);
