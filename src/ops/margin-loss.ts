/** Losses over probabilities, margins and distances. Those over classes and differences are in `loss.ts`. */
import type { DType, FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { within } from '../graph/node.js';
import { sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { logSigmoid } from './activation.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { equal, where } from './compare.js';
import { add, clamp, div, minimum, mul, neg, square, sub } from './elementwise.js';
import { exp, log, sqrt } from './elementwise-math.js';
import { gather, indexSelect, oneHot } from './index-ops.js';
import {
  checkPair,
  checkReduction,
  classInput,
  classLabels,
  classWeight,
  type Labels,
  type LossOptions,
  reduced,
} from './loss.js';
import { sum } from './reduce.js';
import { norm } from './reduce-moments.js';
import { unsqueeze, withShape } from './shape-ops.js';

type Floats = Tensor<FloatDType>;

/** Labels of two sides: 1 and -1, in any dtype of numbers. */
export type Signs = Tensor<Exclude<DType, 'bool' | 'uint8'>>;

/** Checks signs of `shape` and gives them in the dtype of `like`. */
function checkSigns(target: Tensor, like: Floats, shape: readonly number[], op: string): Floats {
  checkTensor(target, op, 'target');
  checkDTypeOf(target, ['float32', 'float64', 'int32', 'int64'], op, 'target');
  if (!sameShape(target.shape, shape))
    throw new ShapeError(`${op}: target must be ${showShape(shape)}, got ${showShape(target.shape)}`);
  return cast(target, like.dtype);
}

/** The logarithm, at least -100 as in PyTorch; the gradient at 0 is 0. */
function boundedLog(x: Floats): Floats {
  const isZero = equal(x, 0);
  return where(isZero, -100, clamp(log(where(isZero, 1, x)), -100)) as Floats;
}

/**
 * Cross-entropy of probabilities x with targets y between 0 and 1: -(y log x + (1 - y) log(1 - x)), logarithms being at
 * least -100 (as `torch.nn.functional.binary_cross_entropy`). `weight` broadcasts. From scores, use
 * `binaryCrossEntropyWithLogits`, which is exact far from 0.
 * @throws ShapeError, DTypeError unless input and target have one shape and dtype. Inputs outside of 0..1 give NaN.
 */
export function binaryCrossEntropy<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: LossOptions & { readonly weight?: Tensor<D> | null } = {},
): Tensor<D> {
  const op = 'binaryCrossEntropy';
  checkPair(input, target, op);
  const reduction = checkReduction(options.reduction, op);
  const [x, y]: Floats[] = [input, target];
  const losses = neg(add(mul(y, boundedLog(x)), mul(sub(1, y), boundedLog(sub(1, x)))));
  return reduced((options.weight ? mul(losses, options.weight) : losses) as Floats, reduction) as Tensor<D>;
}

/** Options of `klDiv`. */
export interface KlDivOptions {
  /** `'batchMean'` divides the sum by the size of dimension 0, which is the divergence per sample; `'mean'` unless told. */
  readonly reduction?: 'mean' | 'sum' | 'none' | 'batchMean';
  /** The target holds log-probabilities too; false unless told. */
  readonly logTarget?: boolean;
}

/**
 * Kullback-Leibler divergence of log-probabilities x from probabilities y: y (log y - x), 0 where y is 0 (as
 * `torch.nn.functional.kl_div`). @throws ShapeError, DTypeError unless both have one shape and dtype.
 */
export function klDiv<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  { reduction = 'mean', logTarget = false }: KlDivOptions = {},
): Tensor<D> {
  checkPair(input, target, 'klDiv');
  const isBatch = reduction === 'batchMean';
  const kept = checkReduction(reduction === 'batchMean' ? 'sum' : reduction, 'klDiv');
  if (isBatch && input.rank === 0) throw new ShapeError('klDiv: batchMean needs a batch dimension, got a scalar');
  const [x, y]: Floats[] = [input, target];
  const isZero = equal(y, 0);
  const losses = logTarget
    ? mul(exp(y), sub(y, x))
    : sub(where(isZero, 0, mul(y, log(where(isZero, 1, y)))) as Floats, mul(y, x));
  const result = reduced(losses as Floats, kept);
  return (isBatch ? div(result, input.shape[0]) : result) as Tensor<D>;
}

/** Options of the losses with a margin. */
export interface MarginOptions extends LossOptions {
  readonly margin?: number;
}

/**
 * max(0, margin - y x) for scores x and sides y of 1 and -1; the margin is 1 unless told (the loss of support vector
 * machines; Cortes and Vapnik 1995). PyTorch lacks it.
 * @throws ShapeError unless both have one shape.
 */
export function hingeLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Signs,
  { margin = 1, reduction }: MarginOptions = {},
): Tensor<D> {
  const x: Floats = checkedInput(input, 'hingeLoss');
  const y = checkSigns(target, x, x.shape, 'hingeLoss');
  return reduced(atLeastZero(sub(margin, mul(y, x))), checkReduction(reduction, 'hingeLoss')) as Tensor<D>;
}

function checkedInput(input: Tensor, op: string): Floats {
  checkTensor(input, op);
  checkFloat(input, op);
  return input as Floats;
}

const atLeastZero = (x: Tensor): Floats => clamp(x as Floats, 0) as Floats;

/**
 * For distances x: x where the side is 1, max(0, margin - x) where it is -1; the margin is 1 unless told (as
 * `torch.nn.functional.hinge_embedding_loss`). @throws ShapeError unless both have one shape.
 */
export function hingeEmbeddingLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Signs,
  { margin = 1, reduction }: MarginOptions = {},
): Tensor<D> {
  const op = 'hingeEmbeddingLoss';
  const x = checkedInput(input, op);
  const y = checkSigns(target, x, x.shape, op);
  const losses = add(where(equal(y, -1), 0, x), where(equal(y, 1), 0, atLeastZero(sub(margin, x))));
  return reduced(losses as Floats, checkReduction(reduction, op)) as Tensor<D>;
}

/**
 * log(1 + e^(-y x)) for scores x and sides y of 1 and -1 (as `torch.nn.functional.soft_margin_loss`, without overflow).
 * @throws ShapeError unless both have one shape.
 */
export function softMarginLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Signs,
  { reduction }: LossOptions = {},
): Tensor<D> {
  const x = checkedInput(input, 'softMarginLoss');
  const y = checkSigns(target, x, x.shape, 'softMarginLoss');
  return reduced(neg(logSigmoid(mul(y, x) as Floats)), checkReduction(reduction, 'softMarginLoss')) as Tensor<D>;
}

/**
 * max(0, margin - y (a - b)): `a` should be above `b` where the side is 1, below where it is -1; the margin is 0 unless
 * told (as `torch.nn.functional.margin_ranking_loss`). @throws ShapeError unless all have one shape.
 */
export function marginRankingLoss<D extends FloatDType>(
  a: Tensor<D>,
  b: Tensor<D>,
  target: Signs,
  { margin = 0, reduction }: MarginOptions = {},
): Tensor<D> {
  const op = 'marginRankingLoss';
  checkPair(a, b, op);
  const y = checkSigns(target, a, a.shape, op);
  return reduced(atLeastZero(sub(margin, mul(y, sub(a, b)))), checkReduction(reduction, op)) as Tensor<D>;
}

/** Options of `multiMarginLoss`. */
export interface MultiMarginOptions<D extends FloatDType> extends MarginOptions {
  /** Exponent, 1 (unless told) or 2. */
  readonly p?: 1 | 2;
  /** A weight per class, [C]. */
  readonly weight?: Tensor<D> | null;
}

/**
 * The hinge loss of classes: the sum over j other than the label y of weight[y] max(0, margin - x[y] + x[j])^p, divided
 * by C. Input [N, C] or [C], target [N] or []; the margin is 1 unless told (as `torch.nn.functional.multi_margin_loss`;
 * Crammer and Singer 2001).
 * @throws ShapeError, DTypeError, ArgumentError when the arguments do not fit; IndexError, when run, for labels outside
 * 0..C-1.
 */
export function multiMarginLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Labels,
  { p = 1, margin = 1, weight, reduction }: MultiMarginOptions<D> = {},
): Tensor<D> {
  const op = 'multiMarginLoss';
  const scores = classInput(input, op);
  if (scores.rank !== 2) throw new ShapeError(`${op}: input must be [N, C] or [C], got ${showShape(input.shape)}`);
  if (p !== 1 && p !== 2) throw new ArgumentError(`${op}: p must be 1 or 2, got ${p}`);
  checkTensor(target, op, 'target');
  const labels = classLabels(target, scores, op);
  const own = classWeight(weight, scores, op);
  const kept = checkReduction(reduction, op);
  const losses = within(op, () => {
    const [count, classes] = scores.shape;
    const right = gather(scores, 1, unsqueeze(labels, 1));
    const distance = atLeastZero(add(sub(scores, right), margin));
    const powered = p === 2 ? square(distance) : distance;
    const others = where(equal(oneHot(labels, classes), 1), 0, powered) as Floats;
    const summed = div(sum(others, 1), classes) as Floats;
    return own ? (mul(summed, withShape(indexSelect(own, 0, labels), [count])) as Floats) : summed;
  });
  const result = reduced(losses, kept);
  return (kept === 'none' ? withShape(result, target.shape) : result) as Tensor<D>;
}

const kCosineEps = 1e-12;

/**
 * For pairs of vectors [N, D] (or [D]) and sides [N] (or []): 1 - cos(a, b) where the side is 1,
 * max(0, cos(a, b) - margin) where it is -1; the margin is 0 unless told (as
 * `torch.nn.functional.cosine_embedding_loss`).
 * @throws ShapeError, DTypeError when the arguments do not fit.
 */
export function cosineEmbeddingLoss<D extends FloatDType>(
  a: Tensor<D>,
  b: Tensor<D>,
  target: Signs,
  { margin = 0, reduction }: MarginOptions = {},
): Tensor<D> {
  const op = 'cosineEmbeddingLoss';
  checkPair(a, b, op);
  if (a.rank !== 1 && a.rank !== 2)
    throw new ShapeError(`${op}: vectors must be [N, D] or [D], got ${showShape(a.shape)}`);
  const y = checkSigns(target, a, a.shape.slice(0, -1), op);
  const size = (x: Floats): Floats => add(sum(square(x), -1), kCosineEps) as Floats;
  const cosine = div(sum(mul(a, b), -1), sqrt(mul(size(a), size(b))));
  const apart = atLeastZero(sub(cosine, margin));
  const losses = where(equal(y, 1), sub(1, cosine), where(equal(y, -1), apart, 0));
  return reduced(losses as Floats, checkReduction(reduction, op)) as Tensor<D>;
}

/** Options of `tripletMarginLoss`. */
export interface TripletOptions extends MarginOptions {
  /** Exponent of the distance; 2 unless told. */
  readonly p?: number;
  /** Added to each difference, so that no distance is 0; 1e-6 unless told. */
  readonly eps?: number;
  /** Use the distance from positive to negative where it is the smaller one; false unless told. */
  readonly swap?: boolean;
}

/**
 * max(0, margin + |anchor - positive| - |anchor - negative|) over vectors [..., D]; the margin is 1 unless told (Schroff
 * et al., "FaceNet", 2015; swap: Balntas et al. 2016; as `torch.nn.functional.triplet_margin_loss`).
 * @throws ShapeError unless all have one shape; ArgumentError unless p is above 0.
 */
export function tripletMarginLoss<D extends FloatDType>(
  anchor: Tensor<D>,
  positive: Tensor<D>,
  negative: Tensor<D>,
  { margin = 1, p = 2, eps = 1e-6, swap = false, reduction }: TripletOptions = {},
): Tensor<D> {
  const op = 'tripletMarginLoss';
  checkPair(anchor, positive, op);
  checkPair(anchor, negative, op);
  if (anchor.rank === 0) throw new ShapeError(`${op}: vectors must be [..., D], got scalars`);
  if (!(p > 0)) throw new ArgumentError(`${op}: p must be above 0, got ${p}`);
  const distance = (a: Floats, b: Floats): Floats => norm(add(sub(a, b), eps) as Floats, -1, { p });
  const near = distance(anchor, positive);
  let far = distance(anchor, negative);
  if (swap) far = minimum(far, distance(positive, negative)) as Floats;
  return reduced(atLeastZero(add(sub(near, far), margin)), checkReduction(reduction, op)) as Tensor<D>;
}
