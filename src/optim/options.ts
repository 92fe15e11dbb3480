/** Checks and parts that the rules share. */
import { ArgumentError } from '../errors.js';
import { add, mul } from '../ops/index.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** Throws for the first of the named numbers that is negative or no number. */
export function checkNotNegative(where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0)) throw new ArgumentError(`${where}: ${name} must not be negative, got ${value}`);
}

/** Throws for the first of the named numbers that is not in [0, 1). */
export function checkShare(where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0 && value < 1))
      throw new ArgumentError(`${where}: ${name} must be from 0 up to but not including 1, got ${value}`);
}

/** Throws unless `betas` are two decays. */
export function checkBetas(where: string, betas: readonly [number, number]): void {
  if (!Array.isArray(betas) || betas.length !== 2 || !betas.every((beta) => beta >= 0 && beta < 1))
    throw new ArgumentError(
      `${where}: betas must be two numbers from 0 up to but not including 1, got ${String(betas)}`,
    );
}

/** The gradient of the loss with the L2 penalty weightDecay / 2 |p|^2. */
export const penalized = (p: F, g: F, { weightDecay }: { readonly weightDecay: number }): F =>
  weightDecay === 0 ? g : add(g, mul(p, weightDecay));

/** keep * mean + (1 - keep) * value. */
export const running = (mean: F, value: F, keep: number): F => add(mul(mean, keep), mul(value, 1 - keep));
