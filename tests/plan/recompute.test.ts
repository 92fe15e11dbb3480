/** What the recompute pass repeats and what it stores; values do not depend on it. */
import { afterEach, expect, test } from 'vitest';
import { compile, exp, grad, matmul, mul, relu6, setBackend, sub, sum, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;

afterEach(() => setBackend('native'));

const data = (shape: readonly number[], phase: number): T =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );
const inputs = [data([64, 16], 0.1), data([16, 32], 0.5), data([1, 32], 0.9)] as const;

/** A product whose sum is wanted too, and two groups that read `center` of it with a sum between them. */
const twice =
  (center: (y: T, m: T) => T) =>
  (x: T, w: T, m: T): T[] => {
    const y = matmul(x, w);
    const centered = center(y, m);
    const scale = sum(mul(centered, centered), 0);
    return [mul(centered, scale), sum(y, 0)];
  };

const uses = (run: (x: T, w: T, m: T) => T[], word: string): number =>
  compile(run)
    .explain(...inputs)
    .passes.lower.split(word).length - 1;

const difference = twice(sub);

test('a difference is repeated where its input is stored anyway', () => {
  expect(uses(difference, 'sub_f32')).toBe(2);
});

test('what is expensive is stored', () => {
  expect(
    uses(
      twice((y, m) => exp(sub(y, m))),
      'exp_f32',
    ),
  ).toBe(1);
});

test('what would need a value that is not stored is stored itself', () => {
  const inEpilogue = (x: T, w: T, m: T): T[] => {
    const centered = sub(matmul(x, w), m);
    return [mul(centered, sum(mul(centered, centered), 0))];
  };
  expect(uses(inEpilogue, 'sub_f32')).toBe(1);
});

test('the gradient of relu6 keeps one mask', () => {
  const step = (x: T, w: T, m: T): T[] => {
    const y = matmul(relu6(sub(matmul(x, w), m)), m.transpose(0, 1));
    return grad(sum(mul(y, y)), [x, w]) as T[];
  };
  const { lower } = compile(step).explain(...inputs).passes;
  expect(new Set(lower.match(/b\d+@\d+:bool\[64,32\]/g)).size).toBe(1);
});

test('values stay as they are', async () => {
  const native = await compile(difference)(...inputs);
  const values = await Promise.all(native.map((y) => y.data()));
  setBackend('javascript');
  for (const [i, plain] of difference(...inputs).entries()) expectClose(values[i], await plain.data(), 1e-5);
});
