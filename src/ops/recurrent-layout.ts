/**
 * How the results of the recurrent primitives lie: rows of [batch, hidden] in one buffer, so that every part is a view.
 *
 * Forward: steps + 1 rows of h, in the order of time (the initial state first, or last when reversed), then h_n, then
 * c_n (LSTM). When the pass saves for its gradient: LSTM the steps + 1 rows of c likewise, then the activated gates
 * i f g o as [steps, batch, 4 hidden]; GRU r z n and W_hn h + b_hn as [steps, batch, 4 hidden]; RNN nothing more.
 *
 * Backward: gradients of the gates as [steps, batch, gates hidden]; GRU then those of the recurrent products likewise,
 * which differ in n by the factor r; then those of h_0 and c_0 (LSTM).
 */
export type CellName = 'lstm' | 'gru' | 'rnn';

export interface CellLayout {
  readonly gates: number;
  /** Rows for whoever calls: states and final states. */
  results(steps: number): number;
  /** Rows behind them that the gradient needs. */
  saved(steps: number): number;
  /** Rows per step of gradients, and of initial states behind them. */
  readonly gradients: number;
  readonly states: number;
}

export const cells: Readonly<Record<CellName, CellLayout>> = {
  lstm: { gates: 4, results: (steps) => steps + 3, saved: (steps) => 5 * steps + 1, gradients: 4, states: 2 },
  gru: { gates: 3, results: (steps) => steps + 2, saved: (steps) => 4 * steps, gradients: 6, states: 1 },
  rnn: { gates: 1, results: (steps) => steps + 2, saved: () => 0, gradients: 1, states: 1 },
};
