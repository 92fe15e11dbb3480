/** Losses over classes and differences. All are compositions; classes stand on axis 1 as in PyTorch. */
import { type FloatDType, isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { within } from '../graph/node.js';
import { sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { logSigmoid } from './activation.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { less, notEqual, where } from './compare.js';
import { abs, add, div, mul, neg, square, sub } from './elementwise.js';
import { gather, indexSelect } from './index-ops.js';
import { sum } from './reduce.js';
import { mean } from './reduce-moments.js';
import { unsqueeze, withShape } from './shape-ops.js';
import { logSoftmax, logSoftmaxAt } from './softmax.js';

type Floats = Tensor<FloatDType>;

/** What becomes of the elements' losses. */
export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  /** `'mean'` unless told. */
  readonly reduction?: Reduction;
}

/** Options of the losses over classes. */
export interface ClassLossOptions<D extends FloatDType> extends LossOptions {
  /** Labels with this value count for nothing; -100 unless told. */
  readonly ignoreIndex?: number;
  /** A weight per class, [C]; the mean is then over weights. */
  readonly weight?: Tensor<D> | null;
}

export interface CrossEntropyOptions<D extends FloatDType> extends ClassLossOptions<D> {
  /** Share of the target that is spread over all classes, 0 to 1; 0 unless told. */
  readonly labelSmoothing?: number;
}

/** Class labels. */
export type Labels = Tensor<'int32' | 'int64'>;

/** @internal */
export function checkReduction(reduction: Reduction | undefined, op: string): Reduction {
  const value = reduction ?? 'mean';
  if (value !== 'mean' && value !== 'sum' && value !== 'none')
    throw new ArgumentError(`${op}: unknown reduction ${JSON.stringify(value)}; use 'mean', 'sum' or 'none'`);
  return value;
}

/** @internal Sums up elements' losses; a mean divides by `count` when that is given. */
export function reduced(losses: Floats, reduction: Reduction, count?: Floats): Floats {
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return sum(losses);
  return count ? div(sum(losses), sum(count)) : mean(losses);
}

/** @internal Checks an input [N, C, ...] or [C]; gives it with a batch dimension. */
export function classInput(input: Floats, op: string): Floats {
  checkTensor(input, op);
  checkFloat(input, op);
  if (input.rank === 0) throw new ShapeError(`${op}: input must be [N, C, ...] or [C], got a scalar`);
  return input.rank === 1 ? unsqueeze(input, 0) : input;
}

/** @internal Checks labels and gives them as [N, ...] for an input [N, C, ...]. */
export function classLabels(target: Tensor, input: Floats, op: string): Labels {
  checkDTypeOf(target, ['int32', 'int64'], op, 'target');
  const expected = input.shape.filter((_, i) => i !== 1);
  const given = input.rank === 2 && target.rank === 0 ? withShape(target, [1]) : target;
  if (!sameShape(given.shape, expected))
    throw new ShapeError(
      `${op}: labels must be ${showShape(expected)} for input ${showShape(input.shape)}, got ${showShape(target.shape)}`,
    );
  return given as Labels;
}

/** @internal */
export function classWeight(weight: Floats | null | undefined, input: Floats, op: string): Floats | undefined {
  if (weight === undefined || weight === null) return undefined;
  checkTensor(weight, op, 'weight');
  checkDTypeOf(weight, [input.dtype], op, 'weight');
  if (!sameShape(weight.shape, [input.shape[1]]))
    throw new ShapeError(
      `${op}: weight must be [${input.shape[1]}], one per class (dim 1) of input ${showShape(input.shape)}, got ${showShape(weight.shape)}`,
    );
  return weight;
}

/** A [C] tensor along axis 1 of `like`. */
const alongClasses = (weight: Floats, like: Floats): Floats =>
  withShape(
    weight,
    like.shape.map((dim, i) => (i === 1 ? dim : 1)),
  );

/** Per label, the negative of what `logAt` gives for classes [N, 1, ...], times the weight of each, and that. */
function labelLosses(
  logAt: (classes: Labels) => Floats,
  labels: Labels,
  weight: Floats | undefined,
  ignoreIndex: number,
  smoothed = (losses: Floats) => losses,
): { losses: Floats; weights: Floats } {
  const valid = notEqual(labels, ignoreIndex);
  const safe = where(valid, labels, 0);
  const plain = neg(withShape(logAt(unsqueeze(safe, 1)), labels.shape));
  const own = weight && withShape(indexSelect(weight, 0, withShape(safe, [safe.size])), labels.shape);
  const losses = smoothed(own ? mul(plain, own) : plain);
  return { losses: where(valid, losses, 0), weights: own ? where(valid, own, 0) : cast(valid, plain.dtype) };
}

/**
 * Negative log-likelihood of class labels: input [N, C] (or [C], [N, C, d...]) holds log-probabilities, target [N]
 * (or [], [N, d...]) class numbers (as `torch.nn.functional.nll_loss`).
 * @throws ShapeError, DTypeError when the arguments do not fit; IndexError, when run, for labels outside 0..C-1.
 */
export function nllLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Labels,
  options: ClassLossOptions<D> = {},
): Tensor<D> {
  const reduction = checkReduction(options.reduction, 'nllLoss');
  const logs = classInput(input, 'nllLoss');
  checkTensor(target, 'nllLoss', 'target');
  const labels = classLabels(target, logs, 'nllLoss');
  const weight = classWeight(options.weight, logs, 'nllLoss');
  const { losses, weights } = within('nllLoss', () =>
    labelLosses((classes) => gather(logs, 1, classes), labels, weight, options.ignoreIndex ?? -100),
  );
  const result = reduced(losses, reduction, weights);
  return (reduction === 'none' ? withShape(result, target.shape) : result) as Tensor<D>;
}

/**
 * Cross-entropy of unnormalised scores: input [N, C] (or [C], [N, C, d...]) with class labels [N] (or [], [N, d...]),
 * or with class probabilities in the input's shape and dtype (as `torch.nn.functional.cross_entropy`). The mean is over
 * labels that are not ignored, by their weights; over probabilities it is per position.
 * @throws ShapeError, DTypeError, ArgumentError when the arguments do not fit; IndexError, when run, for labels outside
 * 0..C-1.
 */
export function crossEntropy<D extends FloatDType>(
  input: Tensor<D>,
  target: Labels,
  options?: CrossEntropyOptions<D>,
): Tensor<D>;
export function crossEntropy<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<NoInfer<D>>,
  options?: CrossEntropyOptions<D>,
): Tensor<D>;
export function crossEntropy<D extends FloatDType>(
  input: Tensor<D>,
  target: Labels | Tensor<D>,
  options: CrossEntropyOptions<D> = {},
): Tensor<D> {
  const op = 'crossEntropy';
  const reduction = checkReduction(options.reduction, op);
  const { labelSmoothing = 0, ignoreIndex = -100 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ArgumentError(`${op}: labelSmoothing must lie between 0 and 1, got ${labelSmoothing}`);
  const scores = classInput(input, op);
  checkTensor(target, op, 'target');
  const weight = classWeight(options.weight, scores, op);
  let result: Floats;
  if (isFloat(target.dtype))
    result = probabilityLoss(scores, input, target as Tensor<D>, weight, labelSmoothing, reduction);
  else {
    const labels = classLabels(target, scores, op);
    const { losses, weights } = within(op, () => {
      if (labelSmoothing === 0)
        return labelLosses((classes) => logSoftmaxAt(scores, 1, classes) as Floats, labels, weight, ignoreIndex);
      const logs = logSoftmax(scores, 1);
      const spread = neg(sum(weight ? mul(logs, alongClasses(weight, logs)) : logs, 1));
      const smoothed = (losses: Floats) =>
        add(mul(losses, 1 - labelSmoothing), mul(spread, labelSmoothing / logs.shape[1]));
      return labelLosses((classes) => gather(logs, 1, classes), labels, weight, ignoreIndex, smoothed);
    });
    result = reduced(losses, reduction, weights);
  }
  if (reduction !== 'none') return result as Tensor<D>;
  return withShape(
    result,
    scores.shape.filter((_, i) => i !== 1 && !(i === 0 && input.rank === 1)),
  ) as Tensor<D>;
}

function probabilityLoss(
  scores: Floats,
  input: Floats,
  target: Floats,
  weight: Floats | undefined,
  smoothing: number,
  reduction: Reduction,
): Floats {
  if (target.dtype !== input.dtype)
    throw new DTypeError(`crossEntropy: target is ${target.dtype} but input is ${input.dtype}; cast one of them`);
  if (!sameShape(target.shape, input.shape))
    throw new ShapeError(
      `crossEntropy: probabilities must be ${showShape(input.shape)} like the input, got ${showShape(target.shape)}`,
    );
  const logs = within('crossEntropy', () => logSoftmax(scores, 1));
  const given = withShape(target, logs.shape);
  const shares = smoothing > 0 ? add(mul(given, 1 - smoothing), smoothing / logs.shape[1]) : given;
  const product = mul(logs, weight ? mul(shares, alongClasses(weight, logs)) : shares);
  return reduced(neg(sum(product, 1)), reduction);
}

/** @internal Checks the operands of a loss between equals. */
export function checkPair(input: Floats, target: Floats, op: string): void {
  checkTensor(input, op);
  checkTensor(target, op, 'target');
  checkFloat(input, op);
  checkDTypeOf(target, [input.dtype], op, 'target');
  if (!sameShape(input.shape, target.shape))
    throw new ShapeError(
      `${op}: input ${showShape(input.shape)} and target ${showShape(target.shape)} must have one shape`,
    );
}

/** Mean of (input - target)^2 (as `torch.nn.functional.mse_loss`). @throws ShapeError unless both have one shape. */
export function mseLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: LossOptions = {},
): Tensor<D> {
  checkPair(input, target, 'mseLoss');
  return reduced(square(sub(input, target)), checkReduction(options.reduction, 'mseLoss')) as Tensor<D>;
}

/** Mean of |input - target| (as `torch.nn.functional.l1_loss`). @throws ShapeError unless both have one shape. */
export function l1Loss<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: LossOptions = {},
): Tensor<D> {
  checkPair(input, target, 'l1Loss');
  return reduced(abs(sub(input, target)), checkReduction(options.reduction, 'l1Loss')) as Tensor<D>;
}

/**
 * d^2 / (2 beta) where |d| = |input - target| < beta, else |d| - beta / 2 (as `torch.nn.functional.smooth_l1_loss`).
 * @throws ShapeError unless both have one shape; ArgumentError unless beta is positive.
 */
export function smoothL1Loss<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: LossOptions & { readonly beta?: number } = {},
): Tensor<D> {
  const { beta = 1 } = options;
  if (!(beta > 0)) throw new ArgumentError(`smoothL1Loss: beta must be positive, got ${beta}; use l1Loss for 0`);
  checkPair(input, target, 'smoothL1Loss');
  return reduced(div(huber(input, target, beta), beta), checkReduction(options.reduction, 'smoothL1Loss')) as Tensor<D>;
}

/**
 * d^2 / 2 where |d| = |input - target| < delta, else delta (|d| - delta / 2) (as `torch.nn.functional.huber_loss`).
 * @throws ShapeError unless both have one shape; ArgumentError unless delta is positive.
 */
export function huberLoss<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: LossOptions & { readonly delta?: number } = {},
): Tensor<D> {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new ArgumentError(`huberLoss: delta must be positive, got ${delta}`);
  checkPair(input, target, 'huberLoss');
  return reduced(huber(input, target, delta), checkReduction(options.reduction, 'huberLoss')) as Tensor<D>;
}

function huber(input: Floats, target: Floats, delta: number): Floats {
  const distance = abs(sub(input, target));
  return where(less(distance, delta), mul(square(distance), 0.5), mul(sub(distance, delta / 2), delta));
}

/** Options of `binaryCrossEntropyWithLogits`. */
export interface BinaryLossOptions<D extends FloatDType> extends LossOptions {
  /** Factor of each element's loss; broadcasts. */
  readonly weight?: Tensor<D> | null;
  /** Factor of the positive class; broadcasts. */
  readonly posWeight?: Tensor<D> | null;
}

/**
 * Cross-entropy of sigmoid(input) with targets between 0 and 1, computed from the logits so that it does not overflow:
 * (1 - y) x + (1 + (posWeight - 1) y) softplus(-x) (as `torch.nn.functional.binary_cross_entropy_with_logits`).
 * @throws ShapeError unless input and target have one shape.
 */
export function binaryCrossEntropyWithLogits<D extends FloatDType>(
  input: Tensor<D>,
  target: Tensor<D>,
  options: BinaryLossOptions<D> = {},
): Tensor<D> {
  const op = 'binaryCrossEntropyWithLogits';
  checkPair(input, target, op);
  const { weight, posWeight } = options;
  const [x, y]: Floats[] = [input, target];
  const tail = neg(logSigmoid(x));
  const factor = posWeight ? add(mul(y, sub(posWeight, 1)), 1) : undefined;
  const losses = add(sub(x, mul(x, y)), factor ? mul(factor, tail) : tail);
  return reduced(weight ? mul(losses, weight) : losses, checkReduction(options.reduction, op)) as Tensor<D>;
}
