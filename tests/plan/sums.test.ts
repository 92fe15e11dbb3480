/** Sums that groups make on the way: where they are made, and that values stay as they are. */
import { afterEach, expect, test } from 'vitest';
import { compile, exp, grad, matmul, mul, relu, setBackend, sub, sum, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;
type Run = (x: T, w: T, b: T) => T[];

afterEach(() => setBackend('native'));

const data = (shape: readonly number[], phase: number): T =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );
const inputs = [data([70, 16], 0.1), data([16, 24], 0.5), data([24], 0.9)] as const;
const kernels = (run: Run): string[] =>
  compile(run)
    .explain(...inputs)
    .kernels.map(({ kernel }) => kernel);

const runs: Record<string, { run: Run; sums: number; reductions: number }> = {
  'with the values they add up': {
    run: (x, w, b) => {
      const y = matmul(x, w);
      const g = relu(sub(y, b));
      return [y, g, sum(g, 0)];
    },
    sums: 1,
    reductions: 0,
  },
  'after an epilogue, when they are alone': {
    run: (x, w, b) => {
      const g = relu(sub(matmul(x, w), b));
      return [g, sum(g, 0)];
    },
    sums: 0,
    reductions: 1,
  },
  'alone, several at once': {
    run: (x, w, b) => {
      const [y, z] = [matmul(x, w), matmul(exp(x), w)];
      return [sum(mul(y, z), 0), sum(sub(mul(y, z), b), 0), y, z];
    },
    sums: 1,
    reductions: 0,
  },
  'beside an epilogue that gives up what only they need': {
    run: (x, w, b) => {
      const g = relu(matmul(x, w));
      return [g, ...grad(sum(mul(g, b)), [b]), sum(exp(g), 0)] as T[];
    },
    sums: 1,
    reductions: 0,
  },
  'not over other axes': {
    run: (x, w) => {
      const y = matmul(x, w);
      return [sum(mul(y, y), 1), y];
    },
    sums: 0,
    reductions: 1,
  },
};

for (const [name, { run, sums, reductions }] of Object.entries(runs)) {
  test(`sums are made ${name}`, async () => {
    const names = kernels(run);
    expect(names.filter((kernel) => kernel === 'elementwise_sums').length).toBe(sums);
    expect(names.filter((kernel) => kernel.startsWith('reduce_')).length).toBe(reductions);
    const native = await compile(run)(...inputs);
    const values = await Promise.all(native.map((y) => y.data()));
    setBackend('javascript');
    for (const [i, plain] of run(...inputs).entries()) expectClose(values[i], await plain.data(), 1e-5);
  });
}
