/** Inputs that several tables of rows share. */
import type { InputSpec } from './case.js';

export const one = (...shape: number[]): InputSpec[] => [{ shape }];

export const edges: InputSpec = {
  shape: [10],
  values: [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-30, -3e30, 0.5],
};

/** Other edge values, to meet those. */
export const mixedEdges: InputSpec = {
  shape: [10],
  values: [Number.NaN, 0, Number.POSITIVE_INFINITY, 2, 1, Number.NEGATIVE_INFINITY, 3, 0, -0, 0.5],
};
