/**
 * Normalisation: batch, layer, group, instance and local response. Compositions of mean, variance and elementwise ops,
 * so that the planner fuses scaling into its neighbours.
 */
import type { FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { stopGradient } from '../grad/stop.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import { checkDTypeOf, checkFloat, checkTensor } from './apply.js';
import { add, div, mul, pow, square, sub } from './elementwise.js';
import { rsqrt } from './elementwise-math.js';
import { pad } from './pad.js';
import { mean, momentsOf, variance } from './reduce-moments.js';
import { withShape } from './shape-ops.js';
import { narrow } from './slicing.js';
import { toChannelsFirst, toChannelsLast } from './window.js';

type Floats = Tensor<FloatDType>;

/** Options of `batchNorm`, named as in PyTorch. */
export interface BatchNormOptions<D extends FloatDType> {
  /** [C]; used for normalising when not training, and updated when training. */
  readonly runningMean?: Tensor<D> | null;
  readonly runningVar?: Tensor<D> | null;
  /** [C] scale and shift of the normalised values. */
  readonly weight?: Tensor<D> | null;
  readonly bias?: Tensor<D> | null;
  /** Normalise with the batch's own statistics and update the running ones; false unless told. */
  readonly training?: boolean;
  /** Share of the new statistics in the running ones, as a number or a scalar tensor; 0.1 unless told. */
  readonly momentum?: number | Tensor<D>;
  /** Added to the variance; 1e-5 unless told. */
  readonly eps?: number;
}

function checkInput(input: Floats, least: number, where: string): void {
  checkTensor(input, where);
  checkFloat(input, where);
  if (input.rank < least)
    throw new ShapeError(`${where}: input needs at least ${least} dimensions, got ${showShape(input.shape)}`);
}

/** Checks an optional tensor that goes with the input; gives undefined for null. */
function companion(
  tensor: Floats | null | undefined,
  input: Floats,
  shape: Shape,
  where: string,
  name: string,
): Floats | undefined {
  if (tensor === undefined || tensor === null) return undefined;
  checkTensor(tensor, where, name);
  checkDTypeOf(tensor, [input.dtype], where, name);
  if (!sameShape(tensor.shape, shape))
    throw new ShapeError(
      `${where}: ${name} must be ${showShape(shape)}, got ${showShape(tensor.shape)} for input ${showShape(input.shape)}`,
    );
  return tensor;
}

/** A [C] tensor along axis 1 of an input of `rank` dimensions. */
const alongChannels = (x: Floats, rank: number): Floats =>
  withShape(x, [1, x.shape[0], ...new Array<number>(rank - 2).fill(1)]);

/** (x - center) scale + shift. */
function affine(x: Floats, center: Floats, scale: Floats, shift?: Floats): Floats {
  return scaled(sub(x, center), scale, shift);
}

/**
 * `affine` for a center that depends on x. Its gradient is written through values as small as the center: subtracting
 * and adding back a constant changes no result, but saves the gradient a sum over a product as large as x.
 */
function centered(x: Floats, center: Floats, scale: Floats, shift?: Floats): Floats {
  const fixed = stopGradient(center);
  const moved = mul(sub(fixed, center), scale);
  return affine(x, fixed, scale, shift ? add(shift, moved) : moved);
}

/** Normalises over `axes` with the input's own mean and variance. */
function standardized(x: Floats, axes: readonly number[], eps: number): Floats {
  const center = mean(x, axes, { keepDims: true });
  const scale = rsqrt(add(variance(x, axes, { keepDims: true, correction: 0 }), eps));
  return centered(x, center, scale);
}

function scaled(x: Floats, weight?: Floats, bias?: Floats): Floats {
  const y = weight ? mul(x, weight) : x;
  return bias ? add(y, bias) : y;
}

const isVariable = (tensor: Floats): tensor is Variable<FloatDType> => 'assign' in tensor;

/** running = (1 - momentum) running + momentum batch, when the program runs. */
function track(running: Floats | undefined, batch: Floats, momentum: number | Floats): void {
  if (!running) return;
  if (!isVariable(running))
    throw new ArgumentError('batchNorm: running statistics must be variables when training, as they are updated');
  running.assign(add(running, mul(sub(batch, running), momentum)));
}

/**
 * Batch normalisation of [N, C, ...] per channel: (x - mean) / sqrt(var + eps) * weight + bias (Ioffe and Szegedy
 * 2015; as `torch.nn.functional.batch_norm`). In training mean and (biased) variance are the batch's, and running
 * statistics that are given are updated, the variance unbiased; otherwise the running statistics are used.
 * @throws ShapeError for companions that are not [C] or a single value per channel in training; ArgumentError for
 * missing running statistics outside of training; DTypeError for mixed dtypes.
 */
export function batchNorm<D extends FloatDType>(input: Tensor<D>, options: BatchNormOptions<D> = {}): Tensor<D> {
  const where = 'batchNorm';
  checkInput(input, 2, where);
  const { training = false, momentum = 0.1, eps = 1e-5 } = options;
  const channels = [input.shape[1]];
  const [runningMean, runningVar, weight, bias] = (['runningMean', 'runningVar', 'weight', 'bias'] as const).map(
    (name) => companion(options[name], input, channels, where, name),
  );
  const axes = input.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  let [center, spread] = [runningMean, runningVar];
  if (training) {
    const x: Floats = input;
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    if (count === 1)
      throw new ShapeError(`${where}: training needs more than one value per channel, got input ${showShape(x.shape)}`);
    [center, spread] = momentsOf(x, axes);
    track(runningMean, center, momentum);
    track(runningVar, mul(spread, count / (count - 1)), momentum);
  }
  if (!center || !spread) throw new ArgumentError(`${where}: runningMean and runningVar are needed when not training`);
  const inverse = rsqrt(add(spread, eps));
  const scale = weight ? mul(inverse, weight) : inverse;
  const [c, s, b] = [center, scale, bias].map((t) => t && alongChannels(t, input.rank));
  return (training ? centered : affine)(input, c as Floats, s as Floats, b) as Tensor<D>;
}

/**
 * Layer normalisation over the last dimensions `normalizedShape`, each with its own `weight` and `bias` of that shape
 * (Ba, Kiros and Hinton 2016; as `torch.nn.functional.layer_norm`).
 * @throws ShapeError when the input does not end in `normalizedShape`; DTypeError for mixed dtypes.
 */
export function layerNorm<D extends FloatDType>(
  input: Tensor<D>,
  normalizedShape: number | readonly number[],
  weight?: Tensor<D> | null,
  bias?: Tensor<D> | null,
  eps = 1e-5,
): Tensor<D> {
  const where = 'layerNorm';
  checkInput(input, 1, where);
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  const lead = input.rank - shape.length;
  if (shape.length === 0 || lead < 0 || !sameShape(input.shape.slice(lead), shape))
    throw new ShapeError(`${where}: input ${showShape(input.shape)} must end in normalizedShape ${showShape(shape)}`);
  const [w, b] = [companion(weight, input, shape, where, 'weight'), companion(bias, input, shape, where, 'bias')];
  const axes = shape.map((_, i) => lead + i);
  return scaled(standardized(input, axes, eps), w, b) as Tensor<D>;
}

/**
 * Group normalisation of [N, C, ...]: each of `groups` runs of channels is normalised per sample, then scaled and
 * shifted per channel (Wu and He 2018; as `torch.nn.functional.group_norm`).
 * @throws ShapeError when the groups do not divide the channels; DTypeError for mixed dtypes.
 */
export function groupNorm<D extends FloatDType>(
  input: Tensor<D>,
  groups: number,
  weight?: Tensor<D> | null,
  bias?: Tensor<D> | null,
  eps = 1e-5,
): Tensor<D> {
  const where = 'groupNorm';
  checkInput(input, 2, where);
  const [batch, channels, ...rest] = input.shape;
  if (!Number.isInteger(groups) || groups < 1)
    throw new ArgumentError(`${where}: groups must be a positive integer, got ${groups}`);
  if (channels % groups !== 0)
    throw new ShapeError(
      `${where}: ${groups} groups do not divide the ${channels} channels (dim 1) of input ${showShape(input.shape)}`,
    );
  const [w, b] = (
    [
      [weight, 'weight'],
      [bias, 'bias'],
    ] as const
  ).map(([t, name]) => companion(t, input, [channels], where, name));
  const grouped = withShape(input as Floats, [batch, groups, (channels / groups) * sizeOf(rest)]);
  const y = withShape(standardized(grouped, [2], eps), input.shape);
  return scaled(y, w && alongChannels(w, input.rank), b && alongChannels(b, input.rank)) as Tensor<D>;
}

/**
 * Instance normalisation of [N, C, ...spatial]: every channel of every sample by its own mean and variance, then
 * scaled and shifted per channel (Ulyanov et al. 2016; as `torch.nn.functional.instance_norm`).
 * @throws ShapeError without spatial dimensions or with a single value per channel; DTypeError for mixed dtypes.
 */
export function instanceNorm<D extends FloatDType>(
  input: Tensor<D>,
  weight?: Tensor<D> | null,
  bias?: Tensor<D> | null,
  eps = 1e-5,
): Tensor<D> {
  const where = 'instanceNorm';
  checkInput(input, 3, where);
  if (sizeOf(input.shape.slice(2)) === 1)
    throw new ShapeError(`${where}: needs more than one value per channel, got input ${showShape(input.shape)}`);
  const channels = [input.shape[1]];
  const [w, b] = (
    [
      [weight, 'weight'],
      [bias, 'bias'],
    ] as const
  ).map(([t, name]) => companion(t, input, channels, where, name));
  const axes = input.shape.slice(2).map((_, i) => i + 2);
  return scaled(
    standardized(input, axes, eps),
    w && alongChannels(w, input.rank),
    b && alongChannels(b, input.rank),
  ) as Tensor<D>;
}

/** Options of `localResponseNorm`, named as in PyTorch. */
export interface LocalResponseNormOptions {
  /** 1e-4 unless told. */
  readonly alpha?: number;
  /** 0.75 unless told. */
  readonly beta?: number;
  /** 1 unless told. */
  readonly k?: number;
}

/**
 * Local response normalisation of [N, C, ...] over windows of `size` neighbouring channels:
 * x / (k + alpha / size * sum of squares)^beta (Krizhevsky et al. 2012; as `torch.nn.functional.local_response_norm`).
 * @throws ShapeError for fewer than three dimensions; ArgumentError for a size below 1.
 */
export function localResponseNorm<D extends FloatDType>(
  input: Tensor<D>,
  size: number,
  options: LocalResponseNormOptions = {},
): Tensor<D> {
  const where = 'localResponseNorm';
  checkInput(input, 3, where);
  if (!Number.isInteger(size) || size < 1)
    throw new ArgumentError(`${where}: size must be a positive integer, got ${size}`);
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  const x: Floats = toChannelsLast(input);
  const axis = x.rank - 1;
  const before = Math.floor(size / 2);
  const padded = pad(
    square(x),
    x.shape.map((_, i) => (i === axis ? [before, size - 1 - before] : [0, 0])),
  );
  const squares = Array.from({ length: size }, (_, i) => narrow(padded, axis, i, x.shape[axis])).reduce((a, b) =>
    add(a, b),
  );
  const divisor = pow(add(mul(squares, alpha / size), k), beta);
  return toChannelsFirst(div(x, divisor)) as Tensor<D>;
}
