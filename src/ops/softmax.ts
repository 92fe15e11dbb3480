/** Softmax and its logarithm over one axis, and the latter at one class of each line, as cross-entropy needs it. */
import { bytesOf, type DType, type FloatDType, shortOf } from '../dtype.js';
import { defineOp, type GradientContext, type KernelOp, type ReferenceArray } from '../graph/node.js';
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';
import { zerosLike } from './create.js';
import { mul, neg, sub } from './elementwise.js';
import { exp } from './elementwise-math.js';
import { gather, position } from './index-ops.js';
import { stack } from './join.js';
import { sum } from './reduce.js';
import { withShape } from './shape-ops.js';
import { part } from './slice.js';
import { reshapeOp } from './view.js';

type AxisAttrs = { axis: number };
type Gradient = (g: Tensor, context: GradientContext<AxisAttrs>) => readonly (Tensor | undefined)[];

/** An op on lines along one axis, with the kernel `<name>_<dtype>`; `line` maps one line to another in place. */
function defineLineOp(name: string, line: (values: Float64Array) => void, gradient: Gradient): KernelOp<AxisAttrs> {
  return defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
    name,
    kind: 'kernel',
    type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
    gradient,
    flops: ([x]) => 5 * sizeOf(x.shape),
    lower(context) {
      const x = context.contiguous(0);
      context.emit(`${name}_${shortOf(x.dtype)}`, { x }, { y: context.out() }, linesOf(x.shape, context.attrs));
    },
    reference([x], out, { axis }) {
      forEachLine(x, axis, (values, at) => {
        line(values);
        for (const [i, value] of values.entries()) out.values[at(i)] = value;
      });
    },
    sink: ({ axis }, axes) => ({ attrs: { axis: axes[axis] }, axes }),
  });
}

/** x as the kernels see it. */
const linesOf = (shape: Shape, { axis }: AxisAttrs) => ({
  rows: sizeOf(shape.slice(0, axis)),
  cols: shape[axis],
  inner: sizeOf(shape.slice(axis + 1)),
});

/** The elements of each line along `axis`, where they stand, and the line's number. */
function forEachLine(
  x: ReferenceArray,
  axis: number,
  visit: (values: Float64Array, at: (i: number) => number, line: number) => void,
): void {
  const [rows, cols, inner] = [x.shape.slice(0, axis), [x.shape[axis]], x.shape.slice(axis + 1)].map(sizeOf);
  const values = new Float64Array(cols);
  for (let line = 0; line < rows * inner; line++) {
    const at = (i: number) => (Math.floor(line / inner) * cols + i) * inner + (line % inner);
    for (let i = 0; i < cols; i++) values[i] = x.values[at(i)] as number;
    visit(values, at, line);
  }
}

const maxOf = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const logTotalOf = (values: Float64Array, max: number): number =>
  Math.log(values.reduce((sum, v) => sum + Math.exp(v - max), 0));

const softmaxOp = defineLineOp(
  'softmax',
  (values) => {
    const max = maxOf(values);
    const total = values.reduce((sum, v) => sum + Math.exp(v - max), 0);
    for (const [i, v] of values.entries()) values[i] = Math.exp(v - max) / total;
  },
  (g, { output, attrs: { axis } }) => [mul(output, sub(g, sum(mul(g, output), axis, { keepDims: true })))],
);

const logSoftmaxOp = defineLineOp(
  'logSoftmax',
  (values) => {
    const max = maxOf(values);
    const logTotal = logTotalOf(values, max);
    for (const [i, v] of values.entries()) values[i] = v - max - logTotal;
  },
  (g, { output, attrs: { axis } }) => [sub(g, mul(exp(output), sum(g, axis, { keepDims: true })))],
);

/** The parts along the first axis. */
const thirds = (x: Tensor): Tensor[] =>
  [0, 1, 2].map((i) => apply(reshapeOp, [part(x, 0, i, 1)], { shape: x.shape.slice(1) }));

const keptShape = (shape: Shape, axis: number): Shape => [3, ...shape.map((dim, i) => (i === axis ? 1 : dim))];

/**
 * Inputs x and index, of size 1 along the axis. Gives, stacked, the maximum of each line, the logarithm of the sum of
 * exp(x - maximum), and the logarithm of softmax at the index. Gradients take the maximum for a constant: in the other two
 * and in what is made of them it cancels.
 */
const softmaxAtOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'softmaxAt',
  kind: 'kernel',
  type: ([x], { axis }) => ({ shape: keptShape(x.shape, axis), dtype: x.dtype }),
  gradient: (g, { inputs: [x, index], output, attrs }) => [apply(softmaxAtGradOp, [x, index, output, g], attrs)],
  flops: ([x]) => 4 * sizeOf(x.shape),
  lower(context) {
    const [x, index] = [context.contiguous(0), context.contiguous(1)];
    const params = { ...linesOf(x.shape, context.attrs), index_bytes: bytesOf(index.dtype) };
    context.emit(`softmaxAt_${shortOf(x.dtype)}`, { x, index }, { y: context.out() }, params);
  },
  reference([x, index], out, { axis }) {
    const lines = index.values.length;
    forEachLine(x, axis, (values, _, line) => {
      const max = maxOf(values);
      const logTotal = logTotalOf(values, max);
      out.values[line] = max;
      out.values[lines + line] = logTotal;
      out.values[2 * lines + line] = values[position(index, line, values.length, 'softmaxAt')] - max - logTotal;
    });
  },
});

/** Inputs x, index, the output of `softmaxAt` and its gradient. */
const softmaxAtGradOp: KernelOp<AxisAttrs> = defineOp<AxisAttrs, KernelOp<AxisAttrs>>({
  name: 'softmaxAtGrad',
  kind: 'kernel',
  type: ([x]) => x,
  gradient(u, { inputs: [x, index, terms, g], attrs: { axis } }) {
    const [top, logTotal] = thirds(terms);
    const [, gTotal, gAt] = thirds(g);
    const shares = exp(sub(sub(x, top), logTotal));
    const slope = sub(gTotal, gAt);
    const total = sum(mul(u, shares), axis, { keepDims: true });
    const ofX = mul(mul(u, shares), slope);
    const none = zerosLike(total);
    return [
      ofX,
      undefined,
      stack([none, neg(mul(total, slope)), none], 0),
      stack([none, total, sub(gather(u, axis, index as Tensor<'int32'>), total)], 0),
    ];
  },
  flops: ([x]) => 4 * sizeOf(x.shape),
  lower(context) {
    const [x, index, terms, g] = [0, 1, 2, 3].map((i) => context.contiguous(i));
    const params = { ...linesOf(x.shape, context.attrs), index_bytes: bytesOf(index.dtype) };
    context.emit(`softmaxAtGrad_${shortOf(x.dtype)}`, { x, index, terms, g }, { y: context.out() }, params);
  },
  reference([x, index, terms, g], out, { axis }) {
    const lines = index.values.length;
    forEachLine(x, axis, (values, at, line) => {
      const [top, logTotal, gTotal, gAt] = [terms, terms, g, g].map(
        ({ values }, i) => values[line + [0, 1, 1, 2][i] * lines],
      );
      for (const [i, v] of values.entries()) out.values[at(i)] = Math.exp(v - top - logTotal) * (gTotal - gAt);
      out.values[at(position(index, line, values.length, 'softmaxAt'))] += gAt;
    });
  },
});

/**
 * @internal The logarithm of softmax along `axis` at one class of each line: index and result have size 1 along it. One
 * pass over x, and one for its gradient.
 */
export const logSoftmaxAt = (x: Tensor, axis: number, index: Tensor<'int32' | 'int64'>): Tensor =>
  thirds(apply(softmaxAtOp, [x, index], { axis }))[2];

/** A scalar is a line of one element. */
function alongAxis<D extends DType>(op: KernelOp<AxisAttrs>, input: Tensor<D>, axis: number): Tensor<D> {
  const x = input.rank === 0 ? withShape(input, [1]) : input;
  return withShape(apply<D>(op, [x], { axis: normalizeAxis(axis, x.rank, op.name) }), input.shape);
}

/**
 * exp(x) / sum(exp(x)) along `axis` (the last unless told), computed from x - max(x). Same shape. A line of -Infinity
 * gives NaN, as in PyTorch.
 * @throws DTypeError unless the input is float32 or float64; ArgumentError when the axis is out of bounds.
 */
export function softmax<D extends FloatDType>(input: Tensor<D>, axis = -1): Tensor<D> {
  checkTensor(input, 'softmax');
  checkFloat(input, 'softmax');
  return alongAxis(softmaxOp, input, axis);
}

/**
 * log(softmax(x)) along `axis` (the last unless told), without the loss of precision of taking the logarithm after.
 * @throws DTypeError unless the input is float32 or float64; ArgumentError when the axis is out of bounds.
 */
export function logSoftmax<D extends FloatDType>(input: Tensor<D>, axis = -1): Tensor<D> {
  checkTensor(input, 'logSoftmax');
  checkFloat(input, 'logSoftmax');
  return alongAxis(logSoftmaxOp, input, axis);
}
