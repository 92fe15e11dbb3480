/** Convolutions as users call them: NCHW like PyTorch, around the channels-last primitives of `conv-core.ts`. */
import type { DType, FloatDType } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { type Shape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkDTypeOf, checkTensor, expandTo } from './apply.js';
import { convInputGradOp, convOp } from './conv-core.js';
import { add } from './elementwise.js';
import { reshapeOp } from './view.js';
import { type Dims, type Image, imageOf, spatialList, toChannelsFirst, toChannelsLast } from './window.js';

/** Zeros around the image: one number, one per spatial dimension, or pairs (before, after). */
export type Padding = number | readonly (number | readonly [before: number, after: number])[];

/** Options of the convolutions. Every list has one entry per spatial dimension. */
export interface ConvOptions {
  /** 1 unless told. */
  readonly stride?: Dims;
  /** 0 unless told. `'valid'` is 0; `'same'` keeps the image's size (stride 1 only), the odd zero goes last. */
  readonly padding?: Padding | 'same' | 'valid';
  /** Distance between the taps of the kernel; 1 unless told. */
  readonly dilation?: Dims;
  /** Input and output channels fall into this many groups that do not see each other; 1 unless told. */
  readonly groups?: number;
}

/** Options of the transposed convolutions. */
export interface ConvTransposeOptions {
  /** 1 unless told. */
  readonly stride?: Dims;
  /** Cut from the result on both sides; 0 unless told. */
  readonly padding?: Padding;
  /** Added to the result's trailing side; 0 unless told. */
  readonly outputPadding?: Dims;
  readonly dilation?: Dims;
  readonly groups?: number;
}

/** Leading and trailing padding per spatial dimension. */
function paddingPairs(padding: Padding, rank: number, where: string): [number, number][] {
  const list = typeof padding === 'number' ? new Array<number>(rank).fill(padding) : [...padding];
  if (list.length !== rank)
    throw new ArgumentError(`${where}: padding must be a number or ${rank} entries, got ${list.length}`);
  return list.map((entry) => {
    const [before, after] = typeof entry === 'number' ? [entry, entry] : entry;
    for (const side of [before, after])
      if (!Number.isInteger(side) || side < 0)
        throw new ArgumentError(`${where}: padding must be non-negative integers, got ${String(padding)}`);
    return [before, after];
  });
}

function convPadding(
  padding: ConvOptions['padding'],
  kernel: Shape,
  stride: readonly number[],
  dilation: readonly number[],
  where: string,
): [number, number][] {
  if (padding === 'valid') return kernel.map(() => [0, 0]);
  if (padding !== 'same') {
    if (typeof padding === 'string')
      throw new ArgumentError(`${where}: unknown padding ${JSON.stringify(padding)}; use 'same', 'valid' or numbers`);
    return paddingPairs(padding ?? 0, kernel.length, where);
  }
  if (stride.some((s) => s !== 1))
    throw new ArgumentError(`${where}: padding 'same' needs stride 1, got ${String(stride)}`);
  return kernel.map((k, i) => {
    const total = dilation[i] * (k - 1);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
}

/** Checks weight and groups against `channels` of the input, which `axis` of the weight meets. */
function checkWeight<D extends DType>(
  weight: Tensor<D>,
  { x, channels }: Image<D>,
  rank: number,
  groups: number,
  axis: 0 | 1,
  where: string,
): void {
  checkTensor(weight, where, 'weight');
  if (weight.dtype !== x.dtype)
    throw new DTypeError(`${where}: weight is ${weight.dtype} but input is ${x.dtype}; cast one of them`);
  if (!Number.isInteger(groups) || groups < 1)
    throw new ArgumentError(`${where}: groups must be a positive integer, got ${groups}`);
  const layout = axis === 1 ? '[O, C/groups, ...kernel]' : '[C, O/groups, ...kernel]';
  if (weight.rank !== rank + 2 || weight.shape.includes(0))
    throw new ShapeError(
      `${where}: weight must be ${layout} with ${rank} kernel dimension${rank === 1 ? '' : 's'}, got ${showShape(weight.shape)}`,
    );
  const expected = axis === 1 ? weight.shape[1] * groups : weight.shape[0];
  if (channels !== expected) {
    const per = axis === 1 && groups > 1 ? ` in ${groups} groups` : '';
    throw new ShapeError(
      `${where}: weight expects ${expected} input channels${per} (dim ${axis}) but input ${showShape(x.shape)} has ${channels}`,
    );
  }
  if (weight.shape[0] % groups !== 0) {
    const what = axis === 1 ? 'output' : 'input';
    throw new ShapeError(
      `${where}: weight ${showShape(weight.shape)} has ${weight.shape[0]} ${what} channels (dim 0), which ${groups} groups do not divide`,
    );
  }
}

/** Adds a per-channel bias to a [N, C, ...] result; the planner turns it into the convolution's epilogue. */
function addBias<D extends DType>(y: Tensor<D>, bias: Tensor<D> | null | undefined, where: string): Tensor<D> {
  if (bias === undefined || bias === null) return y;
  checkTensor(bias, where, 'bias');
  checkDTypeOf(bias, [y.dtype], where, 'bias');
  const channels = y.shape[1];
  if (bias.rank !== 1 || bias.shape[0] !== channels)
    throw new ShapeError(`${where}: bias must be [${channels}], one per output channel, got ${showShape(bias.shape)}`);
  const column = apply<D>(reshapeOp, [bias], { shape: y.shape.map((_, i) => (i === 1 ? channels : 1)) });
  return add(y, expandTo(column, y.shape)) as Tensor<D>;
}

function convolve<D extends FloatDType>(
  where: string,
  rank: number,
  input: Tensor<D>,
  weight: Tensor<D>,
  bias: Tensor<D> | null | undefined,
  options: ConvOptions,
): Tensor<D> {
  const image = imageOf(input, rank, where);
  const { groups = 1 } = options;
  checkWeight(weight, image, rank, groups, 1, where);
  const stride = spatialList(options.stride ?? 1, rank, 1, where, 'stride');
  const dilation = spatialList(options.dilation ?? 1, rank, 1, where, 'dilation');
  const kernel = weight.shape.slice(2);
  const padding = convPadding(options.padding, kernel, stride, dilation, where);
  const dims = image.spatial.map((dim, i) => {
    const room = dim + padding[i][0] + padding[i][1] - dilation[i] * (kernel[i] - 1) - 1;
    return Math.floor(room / stride[i]) + 1;
  });
  if (dims.some((dim) => dim < 1)) {
    const dilated = dilation.some((d) => d > 1) ? ` with dilation ${showShape(dilation)}` : '';
    throw new ShapeError(
      `${where}: kernel ${showShape(kernel)}${dilated} is larger than the padded input ${showShape(input.shape)} (padding ${JSON.stringify(padding)})`,
    );
  }
  const attrs = { stride, pad: padding.map(([before]) => before), dilation, groups, dims };
  const y = apply<D>(convOp, [toChannelsLast(image.x), toChannelsLast(weight)], attrs);
  return image.finish(addBias(toChannelsFirst(y), bias, where));
}

function convolveTransposed<D extends FloatDType>(
  where: string,
  rank: number,
  input: Tensor<D>,
  weight: Tensor<D>,
  bias: Tensor<D> | null | undefined,
  options: ConvTransposeOptions,
): Tensor<D> {
  const image = imageOf(input, rank, where);
  const { groups = 1 } = options;
  checkWeight(weight, image, rank, groups, 0, where);
  const stride = spatialList(options.stride ?? 1, rank, 1, where, 'stride');
  const dilation = spatialList(options.dilation ?? 1, rank, 1, where, 'dilation');
  const extra = spatialList(options.outputPadding ?? 0, rank, 0, where, 'outputPadding');
  const padding = paddingPairs(options.padding ?? 0, rank, where);
  extra.forEach((more, i) => {
    if (more >= Math.max(stride[i], dilation[i]))
      throw new ArgumentError(
        `${where}: outputPadding ${showShape(extra)} must be smaller than stride ${showShape(stride)} or dilation ${showShape(dilation)}`,
      );
  });
  const kernel = weight.shape.slice(2);
  const dims = image.spatial.map(
    (dim, i) => (dim - 1) * stride[i] - padding[i][0] - padding[i][1] + dilation[i] * (kernel[i] - 1) + extra[i] + 1,
  );
  if (dims.some((dim) => dim < 1))
    throw new ShapeError(
      `${where}: the result of input ${showShape(input.shape)} and kernel ${showShape(kernel)} would have spatial shape ${showShape(dims)}; use less padding`,
    );
  const attrs = { stride, pad: padding.map(([before]) => before), dilation, groups, dims };
  const y = apply<D>(convInputGradOp, [toChannelsLast(image.x), toChannelsLast(weight)], attrs);
  return image.finish(addBias(toChannelsFirst(y), bias, where));
}

/**
 * Cross-correlation of `input` [N, C, L] (or [C, L]) with `weight` [O, C/groups, K] -> [N, O, L'], plus `bias` [O]
 * (as `torch.nn.functional.conv1d`). L' = floor((L + padding - dilation (K - 1) - 1) / stride) + 1.
 * @throws ShapeError when channels, groups, bias or kernel do not fit; DTypeError unless all are float32 or all float64.
 */
export function conv1d<D extends FloatDType>(
  input: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
  options: ConvOptions = {},
): Tensor<D> {
  return convolve('conv1d', 1, input, weight, bias, options);
}

/** `conv1d` over images: [N, C, H, W] with [O, C/groups, KH, KW] -> [N, O, H', W']. */
export function conv2d<D extends FloatDType>(
  input: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
  options: ConvOptions = {},
): Tensor<D> {
  return convolve('conv2d', 2, input, weight, bias, options);
}

/** `conv1d` over volumes: [N, C, D, H, W] with [O, C/groups, KD, KH, KW] -> [N, O, D', H', W']. */
export function conv3d<D extends FloatDType>(
  input: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
  options: ConvOptions = {},
): Tensor<D> {
  return convolve('conv3d', 3, input, weight, bias, options);
}

/**
 * Transposed convolution of `input` [N, C, L] with `weight` [C, O/groups, K] -> [N, O, L'], plus `bias` [O]: the
 * gradient of `conv1d` with respect to its input (as `torch.nn.functional.conv_transpose1d`).
 * L' = (L - 1) stride - 2 padding + dilation (K - 1) + outputPadding + 1.
 * @throws ShapeError, ArgumentError, DTypeError as `conv1d`.
 */
export function convTranspose1d<D extends FloatDType>(
  input: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
  options: ConvTransposeOptions = {},
): Tensor<D> {
  return convolveTransposed('convTranspose1d', 1, input, weight, bias, options);
}

/** `convTranspose1d` over images: [N, C, H, W] with [C, O/groups, KH, KW] -> [N, O, H', W']. */
export function convTranspose2d<D extends FloatDType>(
  input: Tensor<D>,
  weight: Tensor<D>,
  bias?: Tensor<D> | null,
  options: ConvTransposeOptions = {},
): Tensor<D> {
  return convolveTransposed('convTranspose2d', 2, input, weight, bias, options);
}
