/** Permutes around convolutions pass through the ops between them, so that nothing is transposed on the way. */
import { expect, it } from 'vitest';
import {
  chunk,
  concat,
  conv2d,
  explain,
  linear,
  pad,
  relu,
  slice,
  type Tensor,
  tensor,
  transpose,
} from '../../src/index.js';

const data = (...shape: number[]) => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
const x = data(2, 4, 8, 8);
const w = data(8, 4, 1, 1);
const pointwise = data(4, 8, 1, 1);

/** What runs between the first and the last convolution. */
function between(y: Tensor): string[] {
  const labels = explain(y).kernels.map(({ ops }) => ops);
  const isConv = labels.map((label) => label.startsWith('conv'));
  return labels.slice(isConv.indexOf(true) + 1, isConv.lastIndexOf(true));
}

const first = () => conv2d(x, w);

it('concat', () => {
  const [left, right] = chunk(first(), 2, 1);
  expect(between(conv2d(concat([right, left], 1), pointwise))).toEqual(['concat', 'concat']);
});

it('concat where most inputs are permuted', () => {
  const [left, right] = chunk(first(), 2, 1);
  const other = data(2, 4, 8, 8);
  const steps = between(conv2d(concat([other, left, right], 1), data(4, 12, 1, 1)));
  expect(steps).toEqual(['concat', 'concat', 'concat']);
});

it('pad', () => {
  const padded = pad(relu(first()), [
    [1, 1],
    [1, 1],
  ]);
  expect(between(conv2d(padded, pointwise))).toEqual(['place', 'place']);
});

it('slice', () => {
  const cropped = slice(first(), [null, null, [1, -1], [1, -1]]);
  // The kernel reads contiguous memory: one copy, but of the cropped part and in the layout it has.
  expect(between(conv2d(cropped, pointwise))).toEqual(['copy']);
});

it('a join of mostly plain tensors is not permuted', () => {
  const a = data(3, 3);
  const labels = explain(concat([transpose(a.mul(2)), a, a])).kernels.map(({ ops }) => ops);
  expect(labels).not.toContain('copy');
});

it('linear on sequences is one kernel, activation included', () => {
  const y = relu(linear(data(2, 3, 4), data(5, 4), data(5)));
  expect(explain(y).kernels.filter(({ kernel }) => kernel.startsWith('gemm'))).toHaveLength(1);
  expect(explain(y).kernels.at(-1)?.ops).toBe('matmul+add+relu');
});
