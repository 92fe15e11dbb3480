/** Weight normalisation: a weight as a length and a direction. */
import { ArgumentError } from '../errors.js';
import { currentTrace } from '../graph/trace.js';
import { div, mul, norm } from '../ops/index.js';
import { normalizeAxis } from '../shape.js';
import { Tensor, tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import type { AnyModule } from './module.js';

type T = Tensor<'float32'>;

/** Options of `weightNorm`. */
export interface WeightNormOptions {
  /** The field of the module that is split; `'weight'` unless told. */
  readonly name?: string;
  /** The dimension along which lengths are learned, 0 (one per output) unless told; null for one length in all. */
  readonly axis?: number | null;
}

/**
 * Replaces a parameter w of the module by g v / |v|: the lengths g and the directions v are trained instead. In the state
 * dict `weight` becomes `weight_g` and `weight_v`; reading the field gives the product. Call it before the optimizer is
 * made. Gives the module. Salimans and Kingma, "Weight Normalization", 2016; as `torch.nn.utils.weight_norm`.
 * @throws ArgumentError when the field is no parameter, or is normalised already.
 */
export function weightNorm<M extends AnyModule>(module: M, { name = 'weight', axis = 0 }: WeightNormOptions = {}): M {
  const fields = module as unknown as Record<string, unknown>;
  const weight = Object.getOwnPropertyDescriptor(module, name)?.value as unknown;
  if (!(weight instanceof Parameter))
    throw new ArgumentError(`weightNorm: ${name} of ${module.constructor.name} is no parameter`);
  const at = axis === null ? undefined : normalizeAxis(axis, weight.rank, 'weightNorm');
  const axes = weight.shape.flatMap((_, i) => (i === at ? [] : [i]));
  const lengthsOf = (x: T): T => (axes.length > 0 ? norm(x, axes, { keepDims: at !== undefined }) : norm(x, []));
  const lengths = new Parameter(lengthsOf(present(weight) as T));
  delete fields[name];
  fields[`${name}G`] = lengths;
  fields[`${name}V`] = weight;
  Object.defineProperty(module, name, {
    configurable: true,
    enumerable: false,
    get: () => mul(weight as T, div(lengths as T, lengthsOf(weight as T))),
  });
  return module;
}

/** The parameter's value as it is now, whatever is assigned later. */
function present(parameter: Parameter): Tensor {
  if (currentTrace().assigned.has(parameter)) return new Tensor(parameter.node);
  const first = parameter.pendingInit;
  if (first) return new Tensor(first);
  return tensor((parameter.storage as Float32Array).slice(), {
    shape: parameter.shape,
    dtype: parameter.dtype as never,
  });
}
