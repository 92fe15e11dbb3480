/** Softmax and its logarithm over one axis. */
import { type DType, type FloatDType, shortOf } from '../dtype.js';
import { defineOp, type GradientContext, type KernelOp } from '../graph/node.js';
import { normalizeAxis, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';
import { mul, sub } from './elementwise.js';
import { exp } from './elementwise-math.js';
import { sum } from './reduce.js';
import { withShape } from './shape-ops.js';

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
      const { axis } = context.attrs;
      const params = {
        rows: sizeOf(x.shape.slice(0, axis)),
        cols: x.shape[axis],
        inner: sizeOf(x.shape.slice(axis + 1)),
      };
      context.emit(`${name}_${shortOf(x.dtype)}`, { x }, { y: context.out() }, params);
    },
    reference([x], out, { axis }) {
      const [rows, cols, inner] = [x.shape.slice(0, axis), [x.shape[axis]], x.shape.slice(axis + 1)].map(sizeOf);
      const values = new Float64Array(cols);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < inner; column++) {
          const start = row * cols * inner + column;
          for (let i = 0; i < cols; i++) values[i] = x.values[start + i * inner];
          line(values);
          for (let i = 0; i < cols; i++) out.values[start + i * inner] = values[i];
        }
    },
    sink: ({ axis }, axes) => ({ attrs: { axis: axes[axis] }, axes }),
  });
}

const maxOf = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

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
    const logTotal = Math.log(values.reduce((sum, v) => sum + Math.exp(v - max), 0));
    for (const [i, v] of values.entries()) values[i] = v - max - logTotal;
  },
  (g, { output, attrs: { axis } }) => [sub(g, mul(exp(output), sum(g, axis, { keepDims: true })))],
);

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
