/** Products with rows picked from a table: computed once per row of the table, and the same numbers come out. */
import { afterEach, expect, it } from 'vitest';
import {
  add,
  embedding,
  explain,
  grad,
  linear,
  matmul,
  mul,
  reshape,
  setBackend,
  sin,
  sum,
  type Tensor,
  tensor,
  transpose,
} from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;
type Run = (table: T, weight: T, bias: T, tokens: Tensor<'int32'>) => T;

afterEach(() => setBackend('native'));

const data = (shape: readonly number[], phase: number): T =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );
const tokensOf = (...shape: number[]): Tensor<'int32'> =>
  tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * i + 3 * i) % 5),
    { shape },
  );

/** The result and all gradients of a function that is not linear in it. */
function allOf(run: Run, tokens: Tensor<'int32'>): T[] {
  const inputs = [data([5, 3], 0.1), data([4, 3], 0.5), data([4], 0.9)] as const;
  const y = run(...inputs, tokens);
  return [y, ...(grad(sum(sin(y)), inputs, { allowUnused: true }) as T[])];
}

const cases: readonly (readonly [name: string, run: Run])[] = [
  ['linear', (table, weight, bias, tokens) => linear(embedding(table, tokens), weight, bias)],
  ['without a bias', (table, weight, _, tokens) => linear(embedding(table, tokens), weight)],
  ['time first', (table, weight, bias, tokens) => linear(transpose(embedding(table, tokens), 0, 1), weight, bias)],
  [
    'a plain weight',
    (table, weight, bias, tokens) => add(bias, matmul(embedding(table, tokens), reshape(weight, [3, 4]))),
  ],
  [
    'rows used elsewhere',
    (table, weight, bias, tokens) => {
      const rows = embedding(table, tokens);
      return add(linear(rows, weight, bias), sum(mul(rows, rows), -1, { keepDims: true }));
    },
  ],
];

for (const [name, run] of cases)
  it(`${name}: values and gradients of the JavaScript executor`, async () => {
    const tokens = tokensOf(4, 6);
    const native = await Promise.all(allOf(run, tokens).map((x) => x.data()));
    setBackend('javascript');
    const expected = await Promise.all(allOf(run, tokens).map((x) => x.data()));
    for (const [i, values] of native.entries()) expectClose(values, expected[i], 1e-5);
  });

/** What the products of a training step cost. */
const products = (run: Run, tokens: Tensor<'int32'>): number =>
  allOf(run, tokens)
    .flatMap((x) => explain(x).kernels.filter(({ kernel }) => kernel.startsWith('gemm')))
    .reduce((total, { flops }) => total + flops, 0);

it('many picks cost no more than few', () => {
  const [, linearRun] = cases[0];
  expect(products(linearRun, tokensOf(40, 6))).toBe(products(linearRun, tokensOf(4, 6)));
});

it('few picks are multiplied themselves', () => {
  const y = linear(embedding(data([5, 3], 0.1), tokensOf(2, 3)), data([4, 3], 0.5));
  expect(explain(y).kernels.map(({ ops }) => ops)).toEqual(['embedding', 'matmul']);
});
