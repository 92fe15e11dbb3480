/** Comparison of a function's gradients with finite differences. */
import { ArgumentError, GradientError } from '../errors.js';
import { cast } from '../ops/cast.js';
import { add, mul } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import { evaluate } from '../runtime/run.js';
import { type Tensor, tensor } from '../tensor.js';
import { grad } from './backward.js';

/** Options of `gradCheck`. */
export interface GradCheckOptions {
  /** Step of the central difference; 1e-6 unless told. */
  readonly eps?: number;
  /** Largest allowed |analytic - numeric| / max(1, |numeric|); 1e-5 unless told. */
  readonly tolerance?: number;
  /** Also check the gradient of the gradient. */
  readonly second?: boolean;
}

/** Fixed weights that turn any output into a scalar; irregular, so that no error cancels. */
function weightsFor(output: Tensor, salt: number): Tensor<'float64'> {
  const values = Float64Array.from({ length: output.size }, (_, i) => Math.sin(1.7 * i + 0.3 + salt) + 0.1);
  return tensor(values, { shape: output.shape });
}

const scalarOf = (output: Tensor, salt: number): Tensor<'float64'> =>
  sum(mul(cast(output, 'float64'), weightsFor(output, salt)));

/**
 * Checks the gradients of `fn` at `inputs` against central differences, in float64. Gives the largest relative error.
 * @throws GradientError naming input, element and both numbers when the tolerance is exceeded.
 */
export async function gradCheck(
  fn: (...inputs: Tensor<'float64'>[]) => Tensor,
  inputs: readonly Tensor<'float64'>[],
  options: GradCheckOptions = {},
): Promise<number> {
  for (const [i, input] of inputs.entries())
    if (input.dtype !== 'float64') throw new ArgumentError(`gradCheck: input ${i} must be float64, got ${input.dtype}`);
  const first = (...xs: Tensor<'float64'>[]) => scalarOf(fn(...xs), 0);
  let worst = await check(first, inputs, options, 'gradient');
  if (options.second) {
    const gradients = (...xs: Tensor<'float64'>[]) =>
      grad(first(...xs), xs, { allowUnused: true })
        .map((g, i) => scalarOf(g, i + 1))
        .reduce((a, b) => add(a, b));
    worst = Math.max(worst, await check(gradients, inputs, options, 'second derivative'));
  }
  return worst;
}

async function check(
  fn: (...inputs: Tensor<'float64'>[]) => Tensor<'float64'>,
  inputs: readonly Tensor<'float64'>[],
  { eps = 1e-6, tolerance = 1e-5 }: GradCheckOptions,
  what: string,
): Promise<number> {
  const analytic = grad(fn(...inputs), inputs, { allowUnused: true });
  await evaluate(analytic);
  let worst = 0;
  for (const [i, input] of inputs.entries()) {
    const base = await input.data();
    const expected = (await analytic[i].data()) as Float64Array;
    for (let j = 0; j < base.length; j++) {
      const at = async (delta: number) => {
        const moved = base.slice();
        moved[j] += delta;
        const args = inputs.map((other, k) => (k === i ? tensor(moved, { shape: input.shape }) : other));
        return (await fn(...args).item()) as number;
      };
      const numeric = ((await at(eps)) - (await at(-eps))) / (2 * eps);
      const error = Math.abs(expected[j] - numeric) / Math.max(1, Math.abs(numeric));
      if (!(error <= tolerance))
        throw new GradientError(
          `gradCheck: ${what} of input ${i} at element ${j} is ${expected[j]} but finite differences give ${numeric} (error ${error.toExponential(2)})`,
        );
      worst = Math.max(worst, error);
    }
  }
  return worst;
}
