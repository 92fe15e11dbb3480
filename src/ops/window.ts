/**
 * What convolutions and pools share: options per spatial dimension, channels-last views of NCHW tensors, and the
 * geometry of sliding windows. `conv-core.ts` and `pool-core.ts` are the primitives on it.
 */
import type { DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { type Shape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';
import { permuteOp, reshapeOp } from './view.js';

/** One number for every spatial dimension, or one for each. */
export type Dims = number | readonly number[];

/** `value` as a list of `rank` integers of at least `least`. */
export function spatialList(value: Dims, rank: number, least: number, where: string, name: string): number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  if (list.length !== rank)
    throw new ArgumentError(`${where}: ${name} must be a number or ${rank} numbers, got [${String(value)}]`);
  for (const item of list)
    if (!Number.isInteger(item) || item < least)
      throw new ArgumentError(
        `${where}: ${name} must be ${least === 0 ? 'non-negative' : 'positive'} integers, got ${String(value)}`,
      );
  return list;
}

/** An input [N, C, ...spatial] and how to undo the batch dimension that a [C, ...spatial] input was given. */
export interface Image<D extends DType> {
  readonly x: Tensor<D>;
  readonly spatial: Shape;
  readonly channels: number;
  finish(y: Tensor<D>): Tensor<D>;
}

/** Checks a float input with `rank` spatial dimensions; the batch dimension may be missing. */
export function imageOf<D extends DType>(input: Tensor<D>, rank: number, where: string): Image<D> {
  checkTensor(input, where);
  checkFloat(input, where);
  const { shape } = input;
  const names = ['D', 'H', 'W'].slice(3 - rank).join(', ');
  if (shape.length !== rank + 2 && shape.length !== rank + 1)
    throw new ShapeError(`${where}: input must be [N, C, ${names}] or [C, ${names}], got ${showShape(shape)}`);
  const full = shape.length === rank + 2 ? shape : [1, ...shape];
  if (full.slice(1).includes(0))
    throw new ShapeError(`${where}: only the batch of the input may be empty, got ${showShape(shape)}`);
  const [, channels, ...spatial] = full;
  const alone = full !== shape;
  const x = alone ? apply<D>(reshapeOp, [input], { shape: full }) : input;
  return { x, spatial, channels, finish: (y) => (alone ? apply<D>(reshapeOp, [y], { shape: y.shape.slice(1) }) : y) };
}

/** The axes of a channels-first tensor of `rank` in channels-last order. */
export const channelsLastAxes = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
  1,
];
/** The axes of a channels-last tensor of `rank` in channels-first order. */
export const channelsFirstAxes = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];

/** [N, C, ...spatial] as [N, ...spatial, C]. */
export const toChannelsLast = <D extends DType>(x: Tensor<D>): Tensor<D> =>
  apply<D>(permuteOp, [x], { axes: channelsLastAxes(x.rank) });

/** [N, ...spatial, C] as [N, C, ...spatial]. */
export const toChannelsFirst = <D extends DType>(x: Tensor<D>): Tensor<D> =>
  apply<D>(permuteOp, [x], { axes: channelsFirstAxes(x.rank) });

/** Spatial dimensions of a channels-last shape. */
export const spatialOf = (shape: Shape): Shape => shape.slice(1, -1);

/** How windows slide; one entry per spatial dimension. `pad` is the leading padding. */
export type WindowAttrs = { stride: readonly number[]; pad: readonly number[]; dilation: readonly number[] };
/** `dims`: the spatial dimensions of the convolution node's own output. */
export type ConvAttrs = WindowAttrs & { groups: number; dims: readonly number[] };

/** Windows in the kernels' terms: always three spatial dimensions, the missing outer ones of size 1. */
export interface Geometry {
  readonly in_dims: readonly number[];
  readonly out_dims: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly dilation: readonly number[];
}

/** A list per spatial dimension as a list of three. */
export const threeDims = (list: readonly number[], missing = 1): number[] => [
  ...new Array<number>(3 - list.length).fill(missing),
  ...list,
];

export function geometryOf(
  inDims: Shape,
  outDims: Shape,
  kernel: Shape,
  { stride, pad, dilation }: WindowAttrs,
): Geometry {
  return {
    in_dims: threeDims(inDims),
    out_dims: threeDims(outDims),
    kernel: threeDims(kernel),
    stride: threeDims(stride),
    pad: threeDims(pad, 0),
    dilation: threeDims(dilation),
  };
}

/** Which inputs along one axis output `o` meets, by tap; -1 where a tap lies outside. */
function tapsAlong(geometry: Geometry, axis: number, o: number): number[] {
  const { in_dims, kernel, stride, pad, dilation } = geometry;
  return Array.from({ length: kernel[axis] }, (_, tap) => {
    const i = o * stride[axis] - pad[axis] + tap * dilation[axis];
    return i >= 0 && i < in_dims[axis] ? i : -1;
  });
}

/** Calls `visit` for every output pixel and tap that meet an input pixel; pixels and taps are flat positions. */
export function forEachMeeting(geometry: Geometry, visit: (out: number, tap: number, input: number) => void): void {
  const { in_dims, out_dims, kernel } = geometry;
  let out = 0;
  for (let od = 0; od < out_dims[0]; od++)
    for (let oh = 0; oh < out_dims[1]; oh++)
      for (let ow = 0; ow < out_dims[2]; ow++, out++) {
        const [ds, hs, ws] = [od, oh, ow].map((o, axis) => tapsAlong(geometry, axis, o));
        for (const [kd, d] of ds.entries())
          for (const [kh, h] of hs.entries()) {
            if (d < 0 || h < 0) continue;
            for (const [kw, w] of ws.entries())
              if (w >= 0) visit(out, (kd * kernel[1] + kh) * kernel[2] + kw, (d * in_dims[1] + h) * in_dims[2] + w);
          }
      }
}
