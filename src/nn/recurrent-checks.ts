/** What cells and recurrent layers share: options, first values of weights, checks of inputs and states. */
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { checkTensor } from '../ops/apply.js';
import * as ops from '../ops/index.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { symmetric } from './init.js';

type T = Tensor<'float32'>;

/** The state of an LSTM: hidden state h and cell state c. */
export type LstmState = readonly [h: T, c: T];

/** What follows the sum in a plain recurrent network. */
export type RnnNonlinearity = 'tanh' | 'relu';

/** PyTorch's bound for all weights and biases of recurrent layers. */
export const recurrentBound = (hiddenSize: number): number => 1 / Math.sqrt(hiddenSize);

/** @throws ArgumentError unless it is `'tanh'` or `'relu'`. */
export function checkNonlinearity(where: string, nonlinearity: RnnNonlinearity): void {
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
    throw new ArgumentError(`${where}: nonlinearity must be 'tanh' or 'relu', got ${JSON.stringify(nonlinearity)}`);
}

/** @throws ArgumentError when the forget gate is to have a bias but the layer has none, or it is no number. */
export function checkForgetBias(where: string, forgetBias: number | undefined, bias: boolean): void {
  if (forgetBias === undefined) return;
  if (!Number.isFinite(forgetBias))
    throw new ArgumentError(`${where}: forgetBias must be a number, got ${String(forgetBias)}`);
  if (!bias) throw new ArgumentError(`${where}: forgetBias needs biases, but bias is false`);
}

/** First value [gates * H] of a bias. For gates i, f, g, o the forget gate's part is `forget`, if given. */
export function firstBias(gates: number, hiddenSize: number, forget: number | undefined): T {
  const drawn = symmetric([gates * hiddenSize], recurrentBound(hiddenSize));
  if (forget === undefined) return drawn;
  const [i, , g, o] = ops.chunk(drawn, 4);
  return ops.concat([i, ops.full([hiddenSize], forget), g, o]) as T;
}

/** @throws ArgumentError, ShapeError unless `input` has one of the ranks and `inputSize` features. */
export function checkInput(where: string, input: Tensor, ranks: readonly number[], inputSize: number): void {
  checkTensor(input, where);
  if (!ranks.includes(input.rank) || input.shape[input.rank - 1] !== inputSize)
    throw new ShapeError(
      `${where}: expects an input of ${ranks.join(' or ')} dimensions with ${inputSize} features (last dim) but it is ${showShape(input.shape)}`,
    );
}

/** The given state, or zeros. @throws ShapeError, DTypeError unless it has this shape and the input's dtype. */
export function stateOr(where: string, name: string, state: Tensor | undefined, shape: Shape, input: Tensor): T {
  if (state === undefined) return ops.zeros(shape, { dtype: input.dtype }) as T;
  checkTensor(state, where, name);
  if (!sameShape(state.shape, shape))
    throw new ShapeError(
      `${where}: ${name} must be ${showShape(shape)} for input ${showShape(input.shape)}, got ${showShape(state.shape)}`,
    );
  if (state.dtype !== input.dtype)
    throw new DTypeError(`${where}: input is ${input.dtype} but ${name} is ${state.dtype}; cast one of them`);
  return state as T;
}

/** The two parts of an LSTM's state, or none. @throws ArgumentError unless it is a pair. */
export function checkPair(where: string, state: LstmState | undefined): LstmState | readonly [undefined, undefined] {
  if (state === undefined) return [undefined, undefined];
  if (!Array.isArray(state) || state.length !== 2)
    throw new ArgumentError(`${where}: the state must be a pair [h, c] of tensors`);
  return state;
}
