/** Pooling as users call it: NCHW like PyTorch, around the channels-last primitives of `pool-core.ts`. */
import type { DType, FloatDType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { type Shape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import {
  adaptiveAvgPoolOp,
  adaptiveMaxIndexOp,
  avgPoolOp,
  maxPoolOp,
  type PoolAttrs,
  poolGatherOp,
} from './pool-core.js';
import { mean } from './reduce-moments.js';
import { type Dims, type Image, imageOf, spatialList, toChannelsFirst, toChannelsLast } from './window.js';

/** Options of max pooling. Every list has one entry per spatial dimension. */
export interface MaxPoolOptions {
  /** The kernel's size unless told, so that windows do not overlap. */
  readonly stride?: Dims;
  /** -infinity around the image, at most half of the kernel; 0 unless told. */
  readonly padding?: Dims;
  /** Distance between the elements of a window; 1 unless told. */
  readonly dilation?: Dims;
  /** Round the result's size up, so that windows may reach over the end; false unless told. */
  readonly ceilMode?: boolean;
}

/** Options of average pooling. */
export interface AvgPoolOptions {
  /** The kernel's size unless told. */
  readonly stride?: Dims;
  /** Zeros around the image, at most half of the kernel; 0 unless told. */
  readonly padding?: Dims;
  readonly ceilMode?: boolean;
  /** Whether padding counts in the divisor; true unless told. */
  readonly countIncludePad?: boolean;
  /** Divide by this instead of the size of the window. */
  readonly divisorOverride?: number;
}

/** The windows over an image, checked. */
function windows(image: Image<DType>, kernelSize: Dims, options: MaxPoolOptions, where: string): PoolAttrs {
  const rank = image.spatial.length;
  const kernel = spatialList(kernelSize, rank, 1, where, 'kernelSize');
  const stride = spatialList(options.stride ?? kernel, rank, 1, where, 'stride');
  const pad = spatialList(options.padding ?? 0, rank, 0, where, 'padding');
  const dilation = spatialList(options.dilation ?? 1, rank, 1, where, 'dilation');
  const dims = image.spatial.map((dim, i) => {
    const reach = dilation[i] * (kernel[i] - 1) + 1;
    if (pad[i] > reach / 2)
      throw new ArgumentError(
        `${where}: padding ${showShape(pad)} must be at most half of the kernel ${showShape(kernel)}`,
      );
    const room = dim + 2 * pad[i] - reach;
    const out = (options.ceilMode ? Math.ceil(room / stride[i]) : Math.floor(room / stride[i])) + 1;
    // As in PyTorch: no window may start in the trailing padding.
    return options.ceilMode && (out - 1) * stride[i] >= dim + pad[i] ? out - 1 : out;
  });
  if (dims.some((dim) => dim < 1))
    throw new ShapeError(
      `${where}: kernel ${showShape(kernel)} is larger than the padded input ${showShape(image.x.shape)} (padding ${showShape(pad)})`,
    );
  return { kernel, stride, pad, dilation, dims };
}

function maxPool<D extends FloatDType>(
  where: string,
  rank: number,
  input: Tensor<D>,
  kernelSize: Dims,
  options: MaxPoolOptions,
): Tensor<D> {
  const image = imageOf(input, rank, where);
  const attrs = windows(image, kernelSize, options, where);
  return image.finish(toChannelsFirst(apply<D>(maxPoolOp, [toChannelsLast(image.x)], attrs)));
}

function avgPool<D extends FloatDType>(
  where: string,
  rank: number,
  input: Tensor<D>,
  kernelSize: Dims,
  options: AvgPoolOptions,
): Tensor<D> {
  const image = imageOf(input, rank, where);
  const { countIncludePad = true, divisorOverride: divisor = 0, ...rest } = options;
  if (options.divisorOverride !== undefined && !(Number.isInteger(divisor) && divisor > 0))
    throw new ArgumentError(`${where}: divisorOverride must be a positive integer, got ${divisor}`);
  const attrs = { ...windows(image, kernelSize, rest, where), countIncludePad, divisor };
  return image.finish(toChannelsFirst(apply<D>(avgPoolOp, [toChannelsLast(image.x)], attrs)));
}

/**
 * Maximum over windows of `kernelSize`: [N, C, L] (or [C, L]) -> [N, C, L'] (as `torch.nn.functional.max_pool1d`).
 * L' = floor((L + 2 padding - dilation (kernelSize - 1) - 1) / stride) + 1, or rounded up with `ceilMode`. The
 * gradient goes to the first maximum of each window. NaN wins.
 * @throws ShapeError when the kernel does not fit the padded input; ArgumentError for padding beyond half the kernel.
 */
export function maxPool1d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: MaxPoolOptions = {},
): Tensor<D> {
  return maxPool('maxPool1d', 1, input, kernelSize, options);
}

/** `maxPool1d` over images: [N, C, H, W] -> [N, C, H', W']. */
export function maxPool2d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: MaxPoolOptions = {},
): Tensor<D> {
  return maxPool('maxPool2d', 2, input, kernelSize, options);
}

/** `maxPool1d` over volumes: [N, C, D, H, W] -> [N, C, D', H', W']. */
export function maxPool3d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: MaxPoolOptions = {},
): Tensor<D> {
  return maxPool('maxPool3d', 3, input, kernelSize, options);
}

/**
 * Mean over windows of `kernelSize`: [N, C, L] (or [C, L]) -> [N, C, L'] (as `torch.nn.functional.avg_pool1d`).
 * @throws ShapeError, ArgumentError as `maxPool1d`.
 */
export function avgPool1d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: AvgPoolOptions = {},
): Tensor<D> {
  return avgPool('avgPool1d', 1, input, kernelSize, options);
}

/** `avgPool1d` over images: [N, C, H, W] -> [N, C, H', W']. */
export function avgPool2d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: AvgPoolOptions = {},
): Tensor<D> {
  return avgPool('avgPool2d', 2, input, kernelSize, options);
}

/** `avgPool1d` over volumes: [N, C, D, H, W] -> [N, C, D', H', W']. */
export function avgPool3d<D extends FloatDType>(
  input: Tensor<D>,
  kernelSize: Dims,
  options: AvgPoolOptions = {},
): Tensor<D> {
  return avgPool('avgPool3d', 3, input, kernelSize, options);
}

/** The spatial shape of an adaptive pool's result; `null` entries keep the input's. */
function adaptiveDims(image: Image<DType>, size: AdaptiveSize, where: string): Shape {
  const list =
    typeof size === 'number' ? image.spatial.map(() => size) : size.map((entry, i) => entry ?? image.spatial[i]);
  return spatialList(list, image.spatial.length, 1, where, 'outputSize');
}

/** The size that an adaptive pool gives: one number, or one per spatial dimension with `null` for the input's own. */
export type AdaptiveSize = number | readonly (number | null)[];

/**
 * Mean over windows that divide the image evenly into `outputSize`: [N, C, H, W] -> [N, C, H', W']
 * (as `torch.nn.functional.adaptive_avg_pool2d`). Output o covers rows floor(o H / H') to ceil((o + 1) H / H').
 * @throws ShapeError, ArgumentError for a wrong input or size.
 */
export function adaptiveAvgPool2d<D extends FloatDType>(input: Tensor<D>, outputSize: AdaptiveSize): Tensor<D> {
  const image = imageOf(input, 2, 'adaptiveAvgPool2d');
  const dims = adaptiveDims(image, outputSize, 'adaptiveAvgPool2d');
  if (dims.every((dim) => dim === 1)) return image.finish(mean(image.x, [2, 3], { keepDims: true }) as Tensor<D>);
  return image.finish(toChannelsFirst(apply<D>(adaptiveAvgPoolOp, [toChannelsLast(image.x)], { dims })));
}

/**
 * Maximum over the windows of `adaptiveAvgPool2d` (as `torch.nn.functional.adaptive_max_pool2d`).
 * @throws ShapeError, ArgumentError for a wrong input or size.
 */
export function adaptiveMaxPool2d<D extends FloatDType>(input: Tensor<D>, outputSize: AdaptiveSize): Tensor<D> {
  const image = imageOf(input, 2, 'adaptiveMaxPool2d');
  const dims = adaptiveDims(image, outputSize, 'adaptiveMaxPool2d');
  const x = toChannelsLast(image.x);
  const index = apply<'int64'>(adaptiveMaxIndexOp, [x], { dims });
  return image.finish(toChannelsFirst(apply<D>(poolGatherOp, [x, index], { dims })));
}

/** Mean over the whole image: [N, C, H, W] -> [N, C, 1, 1]. */
export function globalAvgPool2d<D extends FloatDType>(input: Tensor<D>): Tensor<D> {
  const image = imageOf(input, 2, 'globalAvgPool2d');
  return image.finish(mean(image.x, [2, 3], { keepDims: true }) as Tensor<D>);
}
