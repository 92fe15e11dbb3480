/** Resizing of images: nearest neighbour and bilinear, as `torch.nn.functional.interpolate`. */
import { type FloatDType, shortOf } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { defineOp, type KernelOp, type TensorType } from '../graph/node.js';
import { type Shape, showShape } from '../shape.js';
import { type Tensor, tensor } from '../tensor.js';
import { apply } from './apply.js';
import { indexSelect } from './index-ops.js';
import { type Dims, imageOf, spatialList, spatialOf, toChannelsFirst, toChannelsLast } from './window.js';

/** `scaleH` and `scaleW` are input pixels per output pixel, or 0 for the quotient of the sizes. */
type ResizeAttrs = { dims: readonly number[]; alignCorners: boolean; scaleH: number; scaleW: number };

/** Options of `interpolate`; one of `size` and `scaleFactor` is needed. */
export interface InterpolateOptions {
  /** The result's height and width. */
  readonly size?: Dims;
  /** Factor of height and width; the result's size is rounded down. */
  readonly scaleFactor?: Dims;
  /** `'nearest'` unless told. */
  readonly mode?: 'nearest' | 'bilinear';
  /** Bilinear only: corner pixels keep their place and value; false unless told. */
  readonly alignCorners?: boolean;
}

/** What one output position along an axis reads: two neighbours with their shares. */
interface Tap {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

function tapsOf(inSize: number, outSize: number, alignCorners: boolean, scale: number): Tap[] {
  const step = scale > 0 ? scale : inSize / outSize;
  return Array.from({ length: outSize }, (_, o) => {
    const corner = outSize > 1 ? (o * (inSize - 1)) / (outSize - 1) : 0;
    const position = alignCorners ? corner : Math.max(0, (o + 0.5) * step - 0.5);
    const low = Math.min(Math.floor(position), inSize - 1);
    return { low, high: Math.min(low + 1, inSize - 1), share: position - low };
  });
}

/** Calls `visit` for every product of the interpolation: flat positions in image and result, and the weight. */
function forEachShare(
  image: Shape,
  result: Shape,
  attrs: ResizeAttrs,
  visit: (x: number, y: number, share: number) => void,
): void {
  const [batch, h, w, channels] = image;
  const [, oh, ow] = result;
  const rows = tapsOf(h, oh, attrs.alignCorners, attrs.scaleH);
  const columns = tapsOf(w, ow, attrs.alignCorners, attrs.scaleW);
  const both = ({ low, high, share }: Tap) =>
    [
      [low, 1 - share],
      [high, share],
    ] as const;
  for (let n = 0; n < batch; n++)
    for (const [i, row] of rows.entries())
      for (const [j, column] of columns.entries())
        for (const [r, a] of both(row))
          for (const [c, b] of both(column))
            for (let k = 0; k < channels; k++)
              visit(((n * h + r) * w + c) * channels + k, ((n * oh + i) * ow + j) * channels + k, a * b);
}

const typeOf = ([x]: readonly TensorType[], { dims }: ResizeAttrs): TensorType => ({
  shape: [x.shape[0], ...dims, x.shape[3]],
  dtype: x.dtype,
});

function paramsOf(image: Shape, result: Shape, { alignCorners, scaleH, scaleW }: ResizeAttrs) {
  return {
    batch: image[0],
    channels: image[3],
    in_dims: spatialOf(image),
    out_dims: spatialOf(result),
    align_corners: Number(alignCorners),
    scale_h: scaleH,
    scale_w: scaleW,
  };
}

/** Bilinear interpolation of [N, H, W, C]. */
const resizeOp: KernelOp<ResizeAttrs> = defineOp<ResizeAttrs, KernelOp<ResizeAttrs>>({
  name: 'resize',
  kind: 'kernel',
  type: typeOf,
  gradient: (g, { inputs: [x], attrs }) => [apply(resizeGradOp, [g], { ...attrs, dims: spatialOf(x.shape) })],
  lower(context) {
    const x = context.contiguous(0);
    context.emit(
      `resize_bilinear_${shortOf(x.dtype)}`,
      { x },
      { y: context.out() },
      paramsOf(x.shape, context.output.shape, context.attrs),
    );
  },
  reference([x], out, attrs) {
    forEachShare(x.shape, out.shape, attrs, (i, j, share) => {
      out.values[j] += share * x.values[i];
    });
  },
});

const resizeGradOp: KernelOp<ResizeAttrs> = defineOp<ResizeAttrs, KernelOp<ResizeAttrs>>({
  name: 'resizeGrad',
  kind: 'kernel',
  type: typeOf,
  gradient: (u, { inputs: [g], attrs }) => [apply(resizeOp, [u], { ...attrs, dims: spatialOf(g.shape) })],
  lower(context) {
    const g = context.contiguous(0);
    context.emit(
      `resize_bilinearGrad_${shortOf(g.dtype)}`,
      { g },
      { y: context.out() },
      paramsOf(context.output.shape, g.shape, context.attrs),
    );
  },
  reference([g], out, attrs) {
    forEachShare(out.shape, g.shape, attrs, (i, j, share) => {
      out.values[i] += share * g.values[j];
    });
  },
});

/** The result's spatial shape and the input pixels per output pixel (0: by the sizes). */
function targetOf(spatial: Shape, { size, scaleFactor }: InterpolateOptions): { dims: number[]; scales: number[] } {
  const where = 'interpolate';
  if ((size === undefined) === (scaleFactor === undefined))
    throw new ArgumentError(`${where}: give either size or scaleFactor`);
  if (size !== undefined) return { dims: spatialList(size, 2, 1, where, 'size'), scales: [0, 0] };
  const factors =
    typeof scaleFactor === 'number' ? [scaleFactor, scaleFactor] : [...(scaleFactor as readonly number[])];
  if (factors.length !== 2 || factors.some((factor) => !(factor > 0) || !Number.isFinite(factor)))
    throw new ArgumentError(`${where}: scaleFactor must be a positive number or two, got ${String(scaleFactor)}`);
  const dims = spatial.map((dim, i) => Math.floor(dim * factors[i]));
  if (dims.includes(0))
    throw new ArgumentError(`${where}: scaleFactor ${String(scaleFactor)} leaves nothing of ${showShape(spatial)}`);
  return { dims, scales: factors.map((factor) => 1 / factor) };
}

/** Which input each output position reads; in float32 like PyTorch, so that the same pixels are chosen. */
function nearestIndex(inSize: number, outSize: number, scale: number): Tensor<'int32'> {
  const step = Math.fround(scale > 0 ? scale : inSize / outSize);
  return tensor(
    Int32Array.from({ length: outSize }, (_, o) => Math.min(Math.floor(Math.fround(o * step)), inSize - 1)),
  );
}

/**
 * Resizes images [N, C, H, W] (or [C, H, W]) to [N, C, H', W'] (as `torch.nn.functional.interpolate`): `nearest` takes
 * the pixel at floor(o H / H'), `bilinear` weighs the four around (o + 1/2) H / H' - 1/2. With `scaleFactor` the given
 * factor itself is used for positions, not the rounded one.
 * @throws ArgumentError for a missing or wrong size or mode; ShapeError, DTypeError for a wrong input.
 */
export function interpolate<D extends FloatDType>(input: Tensor<D>, options: InterpolateOptions): Tensor<D> {
  const image = imageOf(input, 2, 'interpolate');
  const { mode = 'nearest', alignCorners = false } = options;
  const { dims, scales } = targetOf(image.spatial, options);
  const x = toChannelsLast(image.x);
  if (mode === 'bilinear') {
    const [scaleH, scaleW] = scales;
    return image.finish(toChannelsFirst(apply<D>(resizeOp, [x], { dims, alignCorners, scaleH, scaleW })));
  }
  if (mode !== 'nearest')
    throw new ArgumentError(`interpolate: unknown mode ${JSON.stringify(mode)}; use 'nearest' or 'bilinear'`);
  if (alignCorners) throw new ArgumentError("interpolate: alignCorners goes with mode 'bilinear' only");
  const [rows, columns] = dims.map((dim, i) => nearestIndex(image.spatial[i], dim, scales[i]));
  return image.finish(toChannelsFirst(indexSelect(indexSelect(x, 1, rows), 2, columns)));
}
