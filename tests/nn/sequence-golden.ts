/** How the numbers of `tests/golden/sequences.py` are compared: the same inputs, weights and sums; also in double precision. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { add, evaluate, grad, gradCheck, mul, type nn, sum, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;

/** What PyTorch gives: outputs, and gradients of inputs and weights. */
export interface Golden {
  readonly outputs: readonly (readonly number[])[];
  readonly inputs: readonly (readonly number[])[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

export const readGolden = (name: string): Record<string, Golden> =>
  JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8'));

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const fixed = (shape: readonly number[], phase: number): T =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );

/** What gradients are taken of. */
export function weighted(tensors: readonly Tensor[]): T {
  const sums = tensors.map((t) => {
    const w = Float64Array.from({ length: t.size }, (_, i) => Math.sin(1.7 * i + 0.3) + 0.1);
    return sum(mul(t, tensor(w, { shape: t.shape, dtype: t.dtype as 'float32' })));
  });
  return sums.reduce((a, b) => add(a, b)) as T;
}

export function setWeights(module: nn.AnyModule): void {
  module.parameters().forEach((parameter, i) => {
    (parameter as Tensor as nn.Linear['weight']).assign(fixed(parameter.shape, 0.7 + 0.5 * i));
  });
}

/** Compares outputs (to 1e-5) and all gradients (to 1e-4) with PyTorch's. */
export async function expectGolden(
  module: nn.AnyModule,
  inputs: readonly T[],
  outputs: readonly Tensor[],
  golden: Golden,
): Promise<void> {
  const named = module.namedParameters();
  expect(named.map(([name]) => name)).toEqual(Object.keys(golden.weights));
  const gradients = grad(weighted(outputs), [...inputs, ...named.map(([, parameter]) => parameter)]);
  await evaluate([...outputs, ...gradients]);
  expect(outputs.length).toBe(golden.outputs.length);
  for (const [i, output] of outputs.entries()) expectClose(await output.data(), golden.outputs[i], 1e-5);
  const expected = [...golden.inputs, ...Object.values(golden.weights)];
  expect(gradients.length).toBe(expected.length);
  for (const [i, gradient] of gradients.entries()) expectClose(await gradient.data(), expected[i], 1e-4);
}

const toDouble = async (x: Tensor): Promise<Tensor<'float64'>> =>
  tensor(Float64Array.from((await x.data()) as Float32Array), { shape: x.shape });

/**
 * Checks gradients of inputs and of all weights against finite differences, in float64: the module's parameters are
 * replaced by plain tensors of that dtype, so it is of no use afterwards.
 */
export async function checkInDouble(
  module: nn.AnyModule,
  inputs: readonly Tensor[],
  run: (...inputs: T[]) => readonly Tensor[],
): Promise<void> {
  const parameters = new Set<unknown>(module.parameters());
  const fields = module
    .namedModules()
    .flatMap(([, owner]) => Object.entries(owner).map(([field, value]) => ({ owner, field, value: value as Tensor })))
    .filter(({ value }) => parameters.has(value));
  expect(fields.length).toBe(parameters.size);
  const values = await Promise.all([...inputs, ...fields.map(({ value }) => value)].map(toDouble));
  await gradCheck((...xs) => {
    for (const [i, { owner, field }] of fields.entries()) Object.assign(owner, { [field]: xs[inputs.length + i] });
    return weighted(run(...(xs.slice(0, inputs.length) as Tensor[] as T[])));
  }, values);
}
