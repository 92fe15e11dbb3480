/** What cells and recurrent layers share: options, first values of weights, checks of inputs and states. */
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { within } from '../graph/node.js';
import { checkDTypeOf, checkTensor } from '../ops/apply.js';
import * as ops from '../ops/index.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import { type Tensor, tensor } from '../tensor.js';
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

/** The given state, if any. @throws ShapeError, DTypeError unless it has this shape and the input's dtype. */
export function stateOf(
  where: string,
  name: string,
  state: Tensor | undefined,
  shape: Shape,
  input: Tensor,
): T | undefined {
  if (state === undefined) return undefined;
  checkTensor(state, where, name);
  if (!sameShape(state.shape, shape))
    throw new ShapeError(
      `${where}: ${name} must be ${showShape(shape)} for input ${showShape(input.shape)}, got ${showShape(state.shape)}`,
    );
  if (state.dtype !== input.dtype)
    throw new DTypeError(`${where}: input is ${input.dtype} but ${name} is ${state.dtype}; cast one of them`);
  return state as T;
}

/**
 * The lengths as a tensor [batch] of values from 1 to `steps`; values that are not known yet are checked in the run.
 * @throws ArgumentError for known values out of range; ShapeError, DTypeError for another shape or dtype.
 */
export function checkLengths(
  where: string,
  lengths: Tensor<'int32'> | readonly number[],
  steps: number,
  batch: number,
): Tensor<'int32'> {
  const given = Array.isArray(lengths) ? tensor(lengths, { dtype: 'int32' }) : (lengths as Tensor<'int32'>);
  checkTensor(given, where, 'lengths');
  checkDTypeOf(given, ['int32'], where, 'lengths');
  if (!sameShape(given.shape, [batch]))
    throw new ShapeError(`${where}: lengths must be [${batch}], one for each sequence, got ${showShape(given.shape)}`);
  const known = Array.isArray(lengths) ? lengths : given.node.storage;
  if (!known) return within(`${where} (lengths - 1)`, () => checkedInRun(given, steps));
  for (const [i, length] of Array.from(known as ArrayLike<number>).entries())
    if (!Number.isInteger(length) || length < 1 || length > steps)
      throw new ArgumentError(`${where}: lengths[${i}] is ${length}; the input has ${steps} steps, so use 1..${steps}`);
  return given;
}

/** The same lengths, as positions in the list 1, 2, ..., steps: those outside of it are a fault of the run. */
const checkedInRun = (lengths: Tensor<'int32'>, steps: number): Tensor<'int32'> =>
  ops.indexSelect(ops.arange(1, steps + 1, { dtype: 'int32' }), 0, ops.sub(lengths, 1) as Tensor<'int32'>);

/** The two parts of an LSTM's state, or none. @throws ArgumentError unless it is a pair. */
export function checkPair(where: string, state: LstmState | undefined): LstmState | readonly [undefined, undefined] {
  if (state === undefined) return [undefined, undefined];
  if (!Array.isArray(state) || state.length !== 2)
    throw new ArgumentError(`${where}: the state must be a pair [h, c] of tensors`);
  return state;
}
