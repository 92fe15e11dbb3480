/** Scaled dot-product attention, a composition: two batched products around a softmax. */
import type { DType, FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { broadcastShapes, type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { greaterEqual, where } from './compare.js';
import { arange } from './create.js';
import { dropout } from './dropout.js';
import { add, mul } from './elementwise.js';
import { logicalAnd } from './logic.js';
import { matmul } from './matmul.js';
import { transpose, unsqueeze } from './shape-ops.js';
import { softmax } from './softmax.js';

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions<D extends FloatDType = 'float32'> {
  /**
   * Broadcasts to the scores [..., L, S]. bool: which keys a query may attend to. Float: added to the scores, such as
   * -Infinity or a bias for the distance.
   */
  readonly attnMask?: Tensor<'bool' | D>;
  /** Query number i attends to the keys 0 to i only; false unless told. */
  readonly isCausal?: boolean;
  /** Factor of the products; 1 / sqrt(E) unless told. */
  readonly scale?: number;
  /** Probability with which weights are dropped, always (as PyTorch: 0 outside of training is up to you); 0 unless told. */
  readonly dropoutP?: number;
}

/** What `attend` needs beside queries, keys and values. */
interface Attending<D extends FloatDType> extends Omit<AttentionOptions<D>, 'attnMask'> {
  /** Keys that a query may attend to: those that all of these allow. */
  readonly allowed?: readonly Tensor<'bool'>[];
  /** Added to the scores. */
  readonly added?: Tensor<D>;
}

/** What `attend` gives: [..., L, Ev] and the weights [..., L, S]. */
interface Attended<D extends FloatDType> {
  readonly output: Tensor<D>;
  readonly weights: Tensor<D>;
}

/** @internal Softmax over the last axis of what is allowed; the rest is 0, also where nothing is allowed. */
export function maskedSoftmax<D extends FloatDType>(scores: Tensor<D>, allowed: Tensor<'bool'> | undefined): Tensor<D> {
  return allowed ? where(allowed, softmax(where(allowed, scores, kForbidden)), 0) : softmax(scores);
}

/** Stands for -Infinity where a mask forbids: its exponential is 0 too, but a line of it is not NaN. */
const kForbidden = -1e30;

/** [L, S], true where the key does not come after the query. */
function causal(queries: number, keys: number): Tensor<'bool'> {
  const dtype = 'int32';
  return greaterEqual(unsqueeze(arange(queries, { dtype }), 1), arange(keys, { dtype }));
}

function checkMask(op: string, mask: Tensor, dtype: DType, scores: Shape): void {
  checkTensor(mask, op, 'attnMask');
  checkDTypeOf(mask, ['bool', dtype], op, 'attnMask');
  if (!sameShape(broadcastShapes([mask.shape, scores], op), scores))
    throw new ShapeError(
      `${op}: attnMask ${showShape(mask.shape)} does not broadcast to ${showShape(scores)}, the scores of queries and keys`,
    );
}

/** @internal Attention and its weights, for the function `op` that the user called. Shapes are checked. */
export function attend<D extends FloatDType>(
  op: string,
  [query, key, value]: readonly [Tensor<D>, Tensor<D>, Tensor<D>],
  options: Attending<D>,
): Attended<D> {
  const { allowed = [], added, isCausal = false, dropoutP = 0 } = options;
  const [length, features] = query.shape.slice(-2);
  const { scale = 1 / Math.sqrt(features) } = options;
  if (!Number.isFinite(scale)) throw new ArgumentError(`${op}: scale must be a finite number, got ${scale}`);
  if (!(dropoutP >= 0 && dropoutP <= 1))
    throw new ArgumentError(`${op}: dropoutP must lie between 0 and 1, got ${dropoutP}`);
  const scaled = mul(matmul(query, transpose(key)), scale) as Tensor<D>;
  const scores = added ? (add(scaled, added) as Tensor<D>) : scaled;
  const masks = isCausal ? [...allowed, causal(length, key.shape[key.rank - 2])] : allowed;
  const mask = masks.length > 0 ? masks.reduce((a, b) => logicalAnd(a, b)) : undefined;
  const kept = maskedSoftmax(scores, mask);
  const weights = dropoutP > 0 ? dropout(kept, { p: dropoutP }) : kept;
  return { output: matmul(weights, value), weights };
}

/**
 * softmax(query key^T * scale) value over the keys: [..., L, E], [..., S, E], [..., S, Ev] -> [..., L, Ev], with leading
 * dimensions that broadcast. Vaswani et al., "Attention Is All You Need", 2017; as
 * `torch.nn.functional.scaled_dot_product_attention`. A query whose bool mask or causality forbids every key gives 0.
 * @throws ShapeError, DTypeError, ArgumentError when the arguments do not fit.
 */
export function scaledDotProductAttention<D extends FloatDType>(
  query: Tensor<D>,
  key: Tensor<D>,
  value: Tensor<D>,
  options: AttentionOptions<NoInfer<D>> = {},
): Tensor<D> {
  const op = 'scaledDotProductAttention';
  for (const [name, x] of Object.entries({ query, key, value })) {
    checkTensor(x, op, name);
    checkFloat(x, op, name);
    checkDTypeOf(x, [query.dtype], op, name);
    if (x.rank < 2) throw new ShapeError(`${op}: ${name} must be [..., length, features], got ${showShape(x.shape)}`);
  }
  const [features, keyFeatures] = [query.shape[query.rank - 1], key.shape[key.rank - 1]];
  if (features !== keyFeatures)
    throw new ShapeError(
      `${op}: query ${showShape(query.shape)} has ${features} features (last dim) but key ${showShape(key.shape)} has ${keyFeatures}`,
    );
  const [keys, values] = [key.shape[key.rank - 2], value.shape[value.rank - 2]];
  if (keys !== values)
    throw new ShapeError(
      `${op}: key ${showShape(key.shape)} has ${keys} positions but value ${showShape(value.shape)} has ${values}`,
    );
  const batch = broadcastShapes(
    [query, key, value].map(({ shape }) => shape.slice(0, -2)),
    op,
  );
  const { attnMask, ...rest } = options;
  if (attnMask) checkMask(op, attnMask, query.dtype, [...batch, query.shape[query.rank - 2], keys]);
  const masks =
    attnMask?.dtype === 'bool'
      ? { allowed: [attnMask as Tensor<'bool'>] }
      : { added: attnMask as Tensor<D> | undefined };
  return attend(op, [query, key, value], { ...rest, ...masks }).output;
}
