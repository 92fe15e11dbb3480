/** Gradients of parts that meet in one tensor and are taken apart again are not put into it. */
import { afterEach, expect, test } from 'vitest';
import {
  compile,
  concat,
  exp,
  grad,
  mul,
  narrow,
  setBackend,
  square,
  sum,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;

afterEach(() => setBackend('native'));

const data = (phase: number): T =>
  tensor(
    Float32Array.from({ length: 12 }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape: [3, 4] },
  );
const inputs = [data(0.1), data(0.7)] as const;

/** Gradients of what reads rows [at, at + size) and all others of two joined tensors. */
const gradients = (at: number, size: number) => (a: T, b: T) => {
  const joined = concat([a, b]);
  const [p, q] = [narrow(joined, 0, 0, at), narrow(joined, 0, at, size)];
  return grad(sum(mul(square(p), 2)).add(sum(exp(q))), [a, b]) as T[];
};

const moves = (run: (a: T, b: T) => T[]) =>
  compile(run)
    .explain(...inputs)
    .kernels.filter(({ ops }) => ops === 'place').length;

test('where each part is what one of them gave', () => expect(moves(gradients(3, 3))).toBe(0));

test('but where parts overlap they are', () => expect(moves(gradients(2, 4))).toBeGreaterThan(0));

test.each([
  [3, 3],
  [2, 4],
  [3, 2],
])('values stay as they are: %i rows, then %i', async (at, size) => {
  const run = gradients(at, size);
  const values = await Promise.all((await compile(run)(...inputs)).map((y) => y.data()));
  setBackend('javascript');
  for (const [i, plain] of run(...inputs).entries()) expectClose(values[i], await plain.data(), 1e-5);
});
