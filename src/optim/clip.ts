/** Clipping of gradients. Entries that are undefined (parameters without a gradient) stay so. */
import { ArgumentError } from '../errors.js';
import { add, clamp, div, minimum, mul, sqrt, square, sum } from '../ops/index.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/**
 * Scales gradients by min(1, maxNorm / (norm + 1e-6)), where norm is the Euclidean norm of all of them together, which
 * is given as well (as `torch.nn.utils.clip_grad_norm_`; Pascanu et al. 2013).
 * @throws ArgumentError unless `maxNorm` is positive and there is a gradient.
 */
export function clipGradNorm<G extends Tensor | undefined>(
  gradients: readonly G[],
  maxNorm: number,
): { readonly gradients: G[]; readonly norm: Tensor } {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradNorm: maxNorm must be positive, got ${maxNorm}`);
  const squares = gradients.flatMap((g) => (g ? [sum(square(g as F))] : []));
  if (squares.length === 0) throw new ArgumentError('clipGradNorm: there are no gradients');
  const norm = sqrt(squares.reduce((a, b) => add(a, b)));
  const scale = minimum(div(maxNorm, add(norm, 1e-6)), 1);
  return { gradients: gradients.map((g) => (g ? mul(g as F, scale) : g) as G), norm };
}

/**
 * Cuts every element of the gradients to [-limit, limit] (as `torch.nn.utils.clip_grad_value_`).
 * @throws ArgumentError unless `limit` is positive.
 */
export function clipGradValue<G extends Tensor | undefined>(gradients: readonly G[], limit: number): G[] {
  if (!(limit > 0)) throw new ArgumentError(`clipGradValue: limit must be positive, got ${limit}`);
  return gradients.map((g) => (g ? clamp(g as F, -limit, limit) : g) as G);
}
