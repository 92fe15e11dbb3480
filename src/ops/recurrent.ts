/**
 * Recurrent layers over whole sequences: one call for all steps, natively. They take the input's share of the gates,
 * which the caller computes for all steps at once with `linear`, so that only the recurrent product runs step by step.
 * Neighbours: `recurrent-core.ts` has the primitives, `recurrent-steps.ts` variants composed of single steps.
 */
import type { FloatDType } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { less, where } from './compare.js';
import { arange } from './create.js';
import { applyNamed, sequenceOps, statesOf } from './recurrent-core.js';
import { type CellName, cells } from './recurrent-layout.js';
import { gruSteps, lstmSteps } from './recurrent-steps.js';
import { unsqueeze, withShape } from './shape-ops.js';
import { part } from './slice.js';

/** What all recurrent ops take. */
export interface RecurrentOptions<D extends FloatDType = FloatDType> {
  /** State before the first step, [batch, hidden]; zeros unless given. */
  readonly h0?: Tensor<D>;
  /** Walk from the last step to the first. Outputs stay in the order of time. */
  readonly reverse?: boolean;
  /**
   * Number of valid steps of each sequence, int32 [batch], as in PyTorch's packed sequences: outputs behind them are 0,
   * the final state is that of the last valid step, and a reversed walk starts there. Steps beyond the sequence do not
   * count; 0 gives the initial state.
   */
  readonly lengths?: Tensor<'int32'>;
}

export interface RnnOptions<D extends FloatDType = FloatDType> extends RecurrentOptions<D> {
  /** 'tanh' unless told. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

export interface GruOptions<D extends FloatDType = FloatDType> extends RecurrentOptions<D> {
  /** Bias of the recurrent product of the new gate, [hidden]: it is multiplied by the reset gate. */
  readonly biasHn?: Tensor<D>;
  /**
   * True (unless told): the reset gate multiplies W_hn h + b_hn, as in PyTorch and cuDNN. False: it multiplies h before
   * the product, as in the first paper and ONNX's default; composed of single steps, so slower.
   */
  readonly linearBeforeReset?: boolean;
}

export interface LstmOptions<D extends FloatDType = FloatDType> extends RecurrentOptions<D> {
  /** Cell state before the first step, [batch, hidden]; zeros unless given. */
  readonly c0?: Tensor<D>;
  /** Weights from the cell to the gates i, o, f (ONNX's order), [3, hidden]. */
  readonly peephole?: Tensor<D>;
  /**
   * Projection of the output, [projected, hidden] (PyTorch's proj_size): h, h0 and outputs are then [.., projected] and
   * weightHh is [4 hidden, projected]. Composed of single steps, so slower.
   */
  readonly weightHr?: Tensor<D>;
}

export interface RecurrentResult<D extends FloatDType = FloatDType> {
  /** States after each step, [steps, batch, hidden]. */
  readonly output: Tensor<D>;
  /** State after the last step, [batch, hidden]. */
  readonly hn: Tensor<D>;
}

export interface LstmResult<D extends FloatDType = FloatDType> extends RecurrentResult<D> {
  /** Cell state after the last step, [batch, hidden]. */
  readonly cn: Tensor<D>;
}

/** Throws unless a given operand has the shape and dtype that go with the gates. */
function checkOperand(where: string, name: string, operand: Tensor | undefined, shape: Shape, gates: Tensor): void {
  if (operand === undefined) return;
  checkTensor(operand, where, name);
  const dtype = name === 'lengths' ? 'int32' : gates.dtype;
  if (name === 'lengths') checkDTypeOf(operand, ['int32'], where, name);
  else if (operand.dtype !== dtype)
    throw new DTypeError(`${where}: gates are ${dtype} but ${name} is ${operand.dtype}; cast one of them`);
  if (!sameShape(operand.shape, shape))
    throw new ShapeError(
      `${where}: ${name} must be ${showShape(shape)} for gates ${showShape(gates.shape)}, got ${showShape(operand.shape)}`,
    );
}

interface Checked {
  readonly batch: number;
  readonly hidden: number;
}

function checkSequence(cell: CellName, gates: Tensor, weightHh: Tensor, projected?: Tensor): Checked {
  checkTensor(gates, cell, 'gates');
  checkFloat(gates, cell, 'gates');
  const count = cells[cell].gates;
  const [columns, each] = [count === 1 ? 'hidden' : `${count} hidden`, count === 1 ? '' : ` (${count} gates per unit)`];
  if (gates.rank !== 3 || gates.shape[2] % count !== 0)
    throw new ShapeError(`${cell}: gates must be [steps, batch, ${columns}], got ${showShape(gates.shape)}${each}`);
  const [steps, batch, width] = gates.shape;
  if (steps === 0)
    throw new ShapeError(`${cell}: gates ${showShape(gates.shape)} have no steps; at least one is needed`);
  const state = projected ? projected.shape[0] : width / count;
  checkTensor(weightHh, cell, 'weightHh');
  checkOperand(cell, 'weightHh', weightHh, [width, state], gates);
  return { batch, hidden: width / count };
}

function checkOptions(
  cell: CellName,
  gates: Tensor,
  { batch, hidden }: Checked,
  { h0, lengths }: RecurrentOptions,
  others: readonly (readonly [name: string, operand: Tensor | undefined, shape: Shape])[] = [],
  state = hidden,
): void {
  checkOperand(cell, 'h0', h0, [batch, state], gates);
  checkOperand(cell, 'lengths', lengths, [batch], gates);
  for (const [name, operand, shape] of others) checkOperand(cell, name, operand, shape, gates);
}

/** Zeros behind the end of each sequence. */
function masked<D extends FloatDType>(output: Tensor<D>, lengths: Tensor<'int32'> | undefined): Tensor<D> {
  if (!lengths) return output;
  const step = withShape(arange(output.shape[0], { dtype: 'int32' }), [output.shape[0], 1, 1]);
  return where(less(step, unsqueeze(lengths, -1)), output, 0);
}

/** Runs the primitive and names the parts of its result. */
function run<D extends FloatDType>(
  cell: CellName,
  inputs: Readonly<Record<string, Tensor | undefined>> & { readonly gates: Tensor<D> },
  { reverse = false, lengths }: RecurrentOptions<D>,
  relu = false,
): LstmResult<D> {
  const [steps, ...rest] = inputs.gates.shape;
  const attrs = { steps, reverse: Boolean(reverse), relu, saves: true };
  const result = applyNamed(sequenceOps[cell], { ...inputs, lengths }, attrs) as Tensor<D>;
  const state = (row: number) => withShape(part(result, 0, row, 1), [rest[0], result.shape[2]]);
  return {
    output: masked(statesOf(result, attrs, 'after') as Tensor<D>, lengths),
    hn: state(steps + 1),
    cn: state(steps + (cell === 'lstm' ? 2 : 1)),
  };
}

/**
 * An Elman network over a sequence: h_t = tanh(gates_t + W_hh h_(t-1)), or ReLU.
 * @param gates [steps, batch, hidden]: x W_ih^T + b_ih + b_hh for all steps.
 * @param weightHh [hidden, hidden].
 * @throws ShapeError when sizes do not agree or there are no steps; DTypeError for mixed dtypes. Its gradient cannot be
 *   differentiated again (GradientError).
 */
export function rnn<D extends FloatDType>(
  gates: Tensor<D>,
  weightHh: Tensor<NoInfer<D>>,
  options: RnnOptions<NoInfer<D>> = {},
): RecurrentResult<D> {
  const sizes = checkSequence('rnn', gates, weightHh);
  checkOptions('rnn', gates, sizes, options);
  const { nonlinearity = 'tanh', h0 } = options;
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
    throw new ArgumentError(`rnn: nonlinearity must be 'tanh' or 'relu', got ${String(nonlinearity)}`);
  const { output, hn } = run('rnn', { gates, weight: weightHh, h0 }, options, nonlinearity === 'relu');
  return { output, hn };
}

/**
 * A long short-term memory over a sequence (Hochreiter and Schmidhuber, 1997, with forget gates), in PyTorch's gate
 * order i, f, g, o: c_t = f c_(t-1) + i g, h_t = o tanh(c_t), where i, f, o are sigmoids and g a tanh of
 * gates_t + W_hh h_(t-1). float32 sigmoids and tanhs are within 4 ulp.
 * @param gates [steps, batch, 4 hidden]: x W_ih^T + b_ih + b_hh for all steps.
 * @param weightHh [4 hidden, hidden].
 * @throws ShapeError when sizes do not agree or there are no steps; DTypeError for mixed dtypes. Its gradient cannot be
 *   differentiated again (GradientError).
 */
export function lstm<D extends FloatDType>(
  gates: Tensor<D>,
  weightHh: Tensor<NoInfer<D>>,
  options: LstmOptions<NoInfer<D>> = {},
): LstmResult<D> {
  const { h0, c0, peephole, weightHr, lengths } = options;
  if (weightHr !== undefined) checkTensor(weightHr, 'lstm', 'weightHr');
  if (weightHr && weightHr.rank !== 2)
    throw new ShapeError(`lstm: weightHr must be [projected, hidden], got ${showShape(weightHr.shape)}`);
  const sizes = checkSequence('lstm', gates, weightHh, weightHr);
  const { batch, hidden } = sizes;
  const others = [
    ['c0', c0, [batch, hidden]],
    ['peephole', peephole, [3, hidden]],
    ['weightHr', weightHr, [weightHr?.shape[0] ?? 0, hidden]],
  ] as const;
  checkOptions('lstm', gates, sizes, options, others, weightHr?.shape[0]);
  if (weightHr) {
    const { output, ...states } = lstmSteps(gates, weightHh, weightHr, options);
    return { output: masked(output, lengths), ...states };
  }
  return run('lstm', { gates, weight: weightHh, h0, c0, peephole }, options);
}

/**
 * Gated recurrent units over a sequence (Cho et al., 2014) in PyTorch's variant and gate order r, z, n:
 * n = tanh(gates_n + r (W_hn h + b_hn)), h_t = (1 - z) n + z h_(t-1), where r and z are sigmoids of gates_t + W_hh h_(t-1).
 * @param gates [steps, batch, 3 hidden]: x W_ih^T + b_ih for all steps, with b_hh added for r and z only.
 * @param weightHh [3 hidden, hidden].
 * @throws ShapeError when sizes do not agree or there are no steps; DTypeError for mixed dtypes. Its gradient cannot be
 *   differentiated again (GradientError).
 */
export function gru<D extends FloatDType>(
  gates: Tensor<D>,
  weightHh: Tensor<NoInfer<D>>,
  options: GruOptions<NoInfer<D>> = {},
): RecurrentResult<D> {
  const sizes = checkSequence('gru', gates, weightHh);
  const { h0, biasHn, linearBeforeReset = true, lengths } = options;
  checkOptions('gru', gates, sizes, options, [['biasHn', biasHn, [sizes.hidden]]]);
  if (!linearBeforeReset) {
    const { output, hn } = gruSteps(gates, weightHh, options);
    return { output: masked(output, lengths), hn };
  }
  const { output, hn } = run('gru', { gates, weight: weightHh, h0, bias: biasHn }, options);
  return { output, hn };
}
