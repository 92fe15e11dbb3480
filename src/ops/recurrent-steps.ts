/**
 * Recurrent variants that have no kernel of their own, as compositions of single steps: an LSTM with projection, and a
 * GRU that resets before the product. Slower than the primitives of `recurrent-core.ts`, and differentiable to any order.
 */
import type { FloatDType } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { greater, where } from './compare.js';
import { zeros } from './create.js';
import { add, mul, sub } from './elementwise.js';
import { sigmoid, tanh } from './elementwise-math.js';
import { stack } from './join.js';
import { linear } from './matmul.js';
import type { GruOptions, LstmOptions, LstmResult, RecurrentOptions, RecurrentResult } from './recurrent.js';
import { unsqueeze, withShape } from './shape-ops.js';
import { part } from './slice.js';

type States<D extends FloatDType> = readonly Tensor<D>[];

/** Runs `step` over the gates of every step; past the end of a sequence its states are carried on. */
function walk<D extends FloatDType>(
  gates: Tensor<D>,
  initial: States<D>,
  { reverse = false, lengths }: RecurrentOptions<D>,
  step: (x: Tensor<D>, states: States<D>) => States<D>,
): { output: Tensor<D>; states: States<D> } {
  const [steps, ...rest] = gates.shape;
  const outputs: Tensor<D>[] = [];
  let states = initial;
  for (let s = 0; s < steps; s++) {
    const t = reverse ? steps - 1 - s : s;
    const after = step(withShape(part(gates, 0, t, 1), rest), states);
    const valid = lengths && unsqueeze(greater(lengths, t), -1);
    states = valid ? after.map((state, i) => where(valid, state, states[i])) : after;
    outputs[t] = states[0];
  }
  return { output: stack(outputs), states };
}

const columns = <D extends FloatDType>(x: Tensor<D>, gate: number, hidden: number): Tensor<D> =>
  part(x, 1, gate * hidden, hidden);

/** A row of the peephole times the cell state. */
function peeped<D extends FloatDType>(x: Tensor<D>, peephole: Tensor<D> | undefined, row: number, c: Tensor<D>) {
  return peephole ? add(x, mul(part(peephole, 0, row, 1), c)) : x;
}

/** An LSTM whose output is projected by `weightHr` [projected, hidden]. Operands are checked; outputs are not masked. */
export function lstmSteps<D extends FloatDType>(
  gates: Tensor<D>,
  weightHh: Tensor<D>,
  weightHr: Tensor<D>,
  options: LstmOptions<D>,
): LstmResult<D> {
  const [projected, hidden] = weightHr.shape;
  const [, batch] = gates.shape;
  const { dtype } = gates;
  const { h0 = zeros([batch, projected], { dtype }), c0 = zeros([batch, hidden], { dtype }), peephole } = options;
  const { output, states } = walk<D>(gates, [h0, c0], options, (x, [h, c]) => {
    const pre = add(x, linear(h, weightHh)) as Tensor<D>;
    const i = sigmoid(peeped(columns(pre, 0, hidden), peephole, 0, c));
    const f = sigmoid(peeped(columns(pre, 1, hidden), peephole, 2, c));
    const after = add(mul(f, c), mul(i, tanh(columns(pre, 2, hidden)))) as Tensor<D>;
    const o = sigmoid(peeped(columns(pre, 3, hidden), peephole, 1, after));
    return [linear(mul(o, tanh(after)) as Tensor<D>, weightHr), after];
  });
  return { output, hn: states[0], cn: states[1] };
}

/** A GRU whose reset gate multiplies h before the product. Operands are checked; outputs are not masked. */
export function gruSteps<D extends FloatDType>(
  gates: Tensor<D>,
  weightHh: Tensor<D>,
  options: GruOptions<D>,
): RecurrentResult<D> {
  const hidden = weightHh.shape[1];
  const { h0 = zeros([gates.shape[1], hidden], { dtype: gates.dtype }), biasHn } = options;
  const { output, states } = walk<D>(gates, [h0], options, (x, [h]) => {
    const pre = add(part(x, 1, 0, 2 * hidden), linear(h, part(weightHh, 0, 0, 2 * hidden))) as Tensor<D>;
    const [r, z] = [sigmoid(columns(pre, 0, hidden)), sigmoid(columns(pre, 1, hidden))];
    const product = linear(mul(r, h) as Tensor<D>, part(weightHh, 0, 2 * hidden, hidden), biasHn);
    const n = tanh(add(columns(x, 2, hidden), product));
    return [add(n, mul(z, sub(h, n))) as Tensor<D>];
  });
  return { output, hn: states[0] };
}
