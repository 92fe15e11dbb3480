/** Values that are computed where a concatenation wants them: which ones are, and that all values stay as they are. */
import { afterEach, expect, test } from 'vitest';
import {
  compile,
  concat,
  conv2d,
  exp,
  grad,
  matmul,
  maxPool2d,
  mul,
  relu,
  setBackend,
  softmax,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '../../src/index.js';
import type { Buffer, Operand, Step } from '../../src/plan/ir.js';
import { verifyPlan } from '../../src/plan/verify.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;
type Run = (image: T, w1: T, w3: T, x: T, w: T) => T[];

afterEach(() => setBackend('native'));

const data = (shape: readonly number[], phase: number): T =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );
const inputs = [
  data([2, 16, 9, 7], 0.1),
  data([24, 16, 1, 1], 0.5),
  data([40, 16, 3, 3], 0.9),
  data([30, 20], 1.3),
  data([20, 18], 1.7),
] as const;

/** Functions, and how many copies the concatenations in them still need. */
const runs: Record<string, { run: Run; copies: number }> = {
  'convolutions along channels, also with an epilogue': {
    run: (image, w1, w3) => {
      const y = concat([conv2d(image, w1), relu(conv2d(image, w3, undefined, { padding: 1 }))], 1);
      return [maxPool2d(y, 2)];
    },
    copies: 0,
  },
  'what is read elsewhere by elementwise operations': {
    run: (image, w1, w3) => {
      const part = relu(conv2d(image, w1));
      const y = concat([part, tanh(conv2d(image, w3, undefined, { padding: 1 }))], 1);
      return [sum(mul(y, y), 1), ...(grad(sum(mul(tanh(y), y)), [w1, w3]) as T[])];
    },
    copies: 0,
  },
  'products and elementwise values, in an output': {
    run: (_, __, ___, x, w) => [concat([matmul(x, w), exp(x)], 1)],
    copies: 0,
  },
  'values one after the other': {
    run: (_, __, ___, x, w) => [exp(concat([exp(x), mul(x, x)])), matmul(x, w)],
    copies: 0,
  },
  'nothing twice': {
    run: (_, __, ___, x) => {
      const y = exp(x);
      return [mul(concat([y, y], 1), concat([x, x], 1))];
    },
    copies: 4,
  },
  'no other kernels, outputs or short rows': {
    run: (_, __, ___, x, w) => {
      const y = exp(matmul(x, w));
      return [y, concat([softmax(x), y, exp(sum(x, 1, { keepDims: true }))], 1)];
    },
    copies: 3,
  },
};

for (const [name, { run, copies }] of Object.entries(runs)) {
  test(`parts are computed in place: ${name}`, async () => {
    const fn = compile(run);
    const copied = fn.explain(...inputs).kernels.filter(({ kernel }) => kernel === 'move_copy');
    expect(copied.length).toBe(copies);
    const values = await Promise.all((await fn(...inputs)).map((y) => y.data()));
    setBackend('javascript');
    for (const [i, plain] of run(...inputs).entries()) expectClose(values[i], await plain.data(), 1e-5);
  });
}

const buffer: Buffer = { id: 0, bytes: 4 * 40, place: { kind: 'arena', offset: 0 } };
/** Columns [from, to) of a buffer of ten columns. */
const columns = (from: number, to: number): Operand => ({
  buffer,
  dtype: 'float32',
  shape: [4, to - from],
  strides: [10, 1],
  offset: from,
});
const step = (reads: Step['reads'], writes: Step['writes']): Step => ({
  kernel: 'move_copy',
  reads,
  writes,
  params: {},
  label: 'step',
  flops: 0,
  inPlace: [],
});
const check = (...parts: Operand[]) =>
  verifyPlan(
    {
      steps: [...parts.map((y) => step({}, { y })), step({ x: columns(0, 10) }, {})],
      commitStart: parts.length + 1,
      buffers: [buffer],
      outputBytes: [],
    },
    buffer.bytes,
  );

test('the checks of a plan find parts that overlap or are missing', () => {
  expect(() => check(columns(0, 3), columns(3, 10))).not.toThrow();
  expect(() => check(columns(0, 4), columns(3, 10))).toThrow('writes a part of buffer 0 twice');
  expect(() => check(columns(0, 3), columns(3, 9))).toThrow('before it is written');
});
