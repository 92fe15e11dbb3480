/** Rows of the recurrent ops: outputs and final states as one flat tensor, as in `tests/golden/recurrent_ops.py`. */
import { concat, gru, lstm, reshape, rnn, type Tensor } from '../../src/index.js';
import type { CaseTable, InputSpec, OpCase } from './case.js';

type T = Tensor<'float32'>;
type Lengths = Tensor<'int32'>;

const flat = (result: { output: T; hn: T; cn?: T }): T =>
  concat([result.output, result.hn, ...(result.cn ? [result.cn] : [])].map((part) => reshape(part, [-1])));

const lengthsOf = (...values: number[]): InputSpec => ({ shape: [values.length], dtype: 'int32', values });

/** Gates, weights of a moderate size, and what else is given. */
const inputs = (
  gates: readonly number[],
  weight: readonly number[],
  ...others: (InputSpec | number[])[]
): InputSpec[] => [
  { shape: gates },
  { shape: weight, range: [-0.7, 0.7] },
  ...others.map((other) => (Array.isArray(other) ? { shape: other } : other)),
];

const lstmCases: readonly OpCase[] = [
  {
    label: 'zero states',
    inputs: inputs([4, 3, 20], [20, 5]),
    run: (gates: T, weight: T) => flat(lstm(gates, weight)),
    torch: 'recurrent.lstm(a, b)',
  },
  {
    label: 'initial states',
    inputs: inputs([3, 2, 12], [12, 3], [2, 3], [2, 3]),
    run: (gates: T, weight: T, h0: T, c0: T) => flat(lstm(gates, weight, { h0, c0 })),
    torch: 'recurrent.lstm(a, b, c, d)',
  },
  {
    label: 'reverse',
    inputs: inputs([3, 6, 12], [12, 3], [6, 3], [6, 3]),
    run: (gates: T, weight: T, h0: T, c0: T) => flat(lstm(gates, weight, { h0, c0, reverse: true })),
    torch: 'recurrent.lstm(a, b, c, d, reverse=True)',
  },
  {
    label: 'lengths',
    inputs: inputs([4, 5, 8], [8, 2], [5, 2], [5, 2], lengthsOf(2, 4, 1, 3, 4)),
    run: (gates: T, weight: T, h0: T, c0: T, lengths: Lengths) => flat(lstm(gates, weight, { h0, c0, lengths })),
    torch: 'recurrent.lstm(a, b, c, d, lengths=e)',
  },
  {
    label: 'lengths, reverse',
    inputs: inputs([4, 3, 8], [8, 2], [3, 2], [3, 2], lengthsOf(2, 4, 1)),
    run: (gates: T, weight: T, h0: T, c0: T, lengths: Lengths) =>
      flat(lstm(gates, weight, { h0, c0, lengths, reverse: true })),
    torch: 'recurrent.lstm(a, b, c, d, lengths=e, reverse=True)',
  },
  {
    label: 'lengths of none and too many',
    inputs: inputs([3, 2, 8], [8, 2], [2, 2], lengthsOf(0, 9)),
    run: (gates: T, weight: T, h0: T, lengths: Lengths) => flat(lstm(gates, weight, { h0, lengths })),
  },
  {
    label: 'peephole',
    inputs: inputs([3, 2, 12], [12, 3], [3, 3], [2, 3], [2, 3]),
    run: (gates: T, weight: T, peephole: T, h0: T, c0: T) => flat(lstm(gates, weight, { peephole, h0, c0 })),
    torch: 'recurrent.lstm_loop(a, b, c, d, e)',
  },
  {
    label: 'peephole, reverse, lengths',
    inputs: inputs([3, 2, 12], [12, 3], [3, 3], [2, 3], lengthsOf(3, 2)),
    run: (gates: T, weight: T, peephole: T, c0: T, lengths: Lengths) =>
      flat(lstm(gates, weight, { peephole, c0, lengths, reverse: true })),
  },
  {
    label: 'projection',
    inputs: inputs([3, 4, 12], [12, 2], [4, 2], [4, 3], [2, 3], lengthsOf(3, 1, 2, 3)),
    run: (gates: T, weight: T, h0: T, c0: T, weightHr: T, lengths: Lengths) =>
      flat(lstm(gates, weight, { h0, c0, weightHr, lengths, reverse: true })),
    torch: 'recurrent.lstm(a, b, c, d, reverse=True, lengths=f, weight_hr=e)',
    second: true,
  },
  {
    label: 'projection and peephole',
    inputs: inputs([2, 2, 12], [12, 2], [2, 3], [3, 3]),
    run: (gates: T, weight: T, weightHr: T, peephole: T) => flat(lstm(gates, weight, { weightHr, peephole })),
  },
  {
    label: 'one step',
    inputs: inputs([1, 20, 12], [12, 3], [20, 3], [20, 3]),
    run: (gates: T, weight: T, h0: T, c0: T) => flat(lstm(gates, weight, { h0, c0 })),
    torch: 'recurrent.lstm(a, b, c, d)',
  },
  {
    label: 'one step of one sequence',
    inputs: inputs([1, 1, 280], [280, 70], [1, 70], [1, 70]),
    run: (gates: T, weight: T, h0: T, c0: T) => flat(lstm(gates, weight, { h0, c0 })),
    torch: 'recurrent.lstm(a, b, c, d)',
    gradient: false,
  },
  {
    label: 'many sequences',
    inputs: inputs([3, 37, 76], [76, 19]),
    run: (gates: T, weight: T) => flat(lstm(gates, weight)),
    torch: 'recurrent.lstm(a, b)',
    gradient: false,
  },
  {
    label: 'only the final state',
    inputs: inputs([3, 2, 8], [8, 2]),
    run: (gates: T, weight: T) => lstm(gates, weight).hn,
    torch: 'recurrent.lstm(a, b)[12:16].reshape(2, 2)',
  },
];

const gruCases: readonly OpCase[] = [
  {
    label: 'zero states',
    inputs: inputs([4, 3, 15], [15, 5]),
    run: (gates: T, weight: T) => flat(gru(gates, weight)),
    torch: 'recurrent.gru(a, b)',
  },
  {
    label: 'initial state and bias',
    inputs: inputs([3, 6, 9], [9, 3], [6, 3], [3]),
    run: (gates: T, weight: T, h0: T, biasHn: T) => flat(gru(gates, weight, { h0, biasHn })),
    torch: 'recurrent.gru(a, b, c, d)',
  },
  {
    label: 'reverse',
    inputs: inputs([3, 2, 9], [9, 3], [2, 3], [3]),
    run: (gates: T, weight: T, h0: T, biasHn: T) => flat(gru(gates, weight, { h0, biasHn, reverse: true })),
    torch: 'recurrent.gru(a, b, c, d, reverse=True)',
  },
  {
    label: 'lengths, reverse',
    inputs: inputs([4, 5, 6], [6, 2], [5, 2], [2], lengthsOf(2, 4, 1, 3, 4)),
    run: (gates: T, weight: T, h0: T, biasHn: T, lengths: Lengths) =>
      flat(gru(gates, weight, { h0, biasHn, lengths, reverse: true })),
    torch: 'recurrent.gru(a, b, c, d, lengths=e, reverse=True)',
  },
  {
    label: 'reset before the product',
    inputs: inputs([3, 2, 9], [9, 3], [2, 3], [3]),
    run: (gates: T, weight: T, h0: T, biasHn: T) => flat(gru(gates, weight, { h0, biasHn, linearBeforeReset: false })),
    torch: 'recurrent.gru_loop(a, b, c, d)',
    second: true,
  },
  {
    label: 'one step of one sequence',
    inputs: inputs([1, 1, 210], [210, 70], [1, 70]),
    run: (gates: T, weight: T, h0: T) => flat(gru(gates, weight, { h0 })),
    torch: 'recurrent.gru(a, b, c)',
    gradient: false,
  },
  {
    label: 'many sequences',
    inputs: inputs([3, 37, 57], [57, 19], [37, 19], [19]),
    run: (gates: T, weight: T, h0: T, biasHn: T) => flat(gru(gates, weight, { h0, biasHn })),
    torch: 'recurrent.gru(a, b, c, d)',
    gradient: false,
  },
];

const rnnCases: readonly OpCase[] = [
  {
    label: 'tanh',
    inputs: inputs([4, 3, 5], [5, 5]),
    run: (gates: T, weight: T) => flat(rnn(gates, weight)),
    torch: 'recurrent.rnn(a, b)',
  },
  {
    label: 'relu, initial state',
    inputs: inputs([3, 6, 4], [4, 4], [6, 4]),
    run: (gates: T, weight: T, h0: T) => flat(rnn(gates, weight, { h0, nonlinearity: 'relu' })),
    torch: 'recurrent.rnn(a, b, c, relu=True)',
  },
  {
    label: 'lengths, reverse',
    inputs: inputs([4, 5, 3], [3, 3], [5, 3], lengthsOf(2, 4, 1, 3, 4)),
    run: (gates: T, weight: T, h0: T, lengths: Lengths) => flat(rnn(gates, weight, { h0, lengths, reverse: true })),
    torch: 'recurrent.rnn(a, b, c, lengths=d, reverse=True)',
  },
  {
    label: 'many sequences',
    inputs: inputs([3, 37, 45], [45, 45], [37, 45]),
    run: (gates: T, weight: T, h0: T) => flat(rnn(gates, weight, { h0 })),
    torch: 'recurrent.rnn(a, b, c)',
    gradient: false,
  },
];

export const recurrentCases: CaseTable<'lstm' | 'gru' | 'rnn'> = { lstm: lstmCases, gru: gruCases, rnn: rnnCases };
