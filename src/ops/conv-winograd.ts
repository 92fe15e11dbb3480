/**
 * When a convolution or one of its gradients becomes Winograd's: 3x3 or 5x5, stride 1, float32, where fewer products
 * outweigh the transforms around them. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
 * Neighbours: `winograd.ts` has the ops it is made of, `conv-core.ts` asks here.
 */
import type { ChoiceContext, Way } from '../graph/node.js';
import type { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import { add } from './elementwise.js';
import { matmul } from './matmul.js';
import { permute, transpose } from './shape-ops.js';
import { flip } from './slicing.js';
import type { ConvAttrs } from './window.js';
import {
  positionsOf,
  winogradGradientsOp,
  winogradInputsOp,
  winogradKernelOp,
  winogradOp,
  winogradWeightsOp,
} from './winograd.js';

/** What the choice depends on; `dims` are those of the convolution's output. */
interface Sizes {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly dims: readonly number[];
  readonly kernel: number;
}

/** Costs in multiply-adds of a large product, measured on AVX-512: of a transformed value that stays in cache, */
const kTransformCost = 12;
/** of one that is written out and read again, */
const kStoredCost = 20;
/** and of a transformed weight. */
const kWeightCost = 20;
/** Weights that are transformed once still have to be read, all numbers of all positions. */
const kReadCost = 8;
/** Many small products run this much slower than a large one. */
const kSlack = 1.1;
const kLeastChannels = 16;
/** Multiply-adds below which the choice makes no difference. */
const kLeastWork = 2 ** 21;
/** Bytes of transformed tiles that the weight gradient holds at once: they stay in the last cache. */
const kTileBytes = 2 ** 24;

/** Outputs per tile of kernels of each size; the first are also the weight gradient's. */
const kTiles: Readonly<Record<number, readonly [number, ...number[]]>> = { 3: [4, 2], 5: [4] };

const gridOf = (dims: readonly number[], tile: number): number[] => dims.map((dim) => Math.ceil(dim / tile));

/** Multiply-adds of the direct algorithm; 0, which nothing undercuts, where a choice is not worth making. */
function directWork({ batch, inChannels, outChannels, dims: [height, width], kernel }: Sizes): number {
  const work = batch * height * width * kernel ** 2 * inChannels * outChannels;
  return Math.min(inChannels, outChannels) < kLeastChannels || work < kLeastWork ? 0 : work;
}

function winogradWork(sizes: Sizes, tile: number, valueCost: number, weightCost = kWeightCost): number {
  const { batch, inChannels, outChannels, dims, kernel } = sizes;
  const [rows, columns] = gridOf(dims, tile);
  const tiles = batch * rows * columns;
  const products = tiles * inChannels * outChannels * kSlack;
  const transforms = tiles * (inChannels + outChannels) * valueCost + inChannels * outChannels * weightCost;
  return positionsOf({ tile, kernel }) * (products + transforms);
}

interface Costed {
  readonly way: Way;
  readonly work: number;
}

/** `direct` and the others, the one of least work first; `direct` alone where the choice makes no difference. */
function ordered(sizes: Sizes, direct: Way, others: readonly Costed[]): readonly Way[] {
  const work = directWork(sizes);
  if (work === 0) return [direct];
  return [{ way: direct, work }, ...others].sort((a, b) => a.work - b.work).map(({ way }) => way);
}

/** Whether the method may be used at all. `kernel`: the spatial dimensions of the weights. */
function applies(x: Tensor, kernel: readonly number[], attrs: ConvAttrs, { numerics }: ChoiceContext): boolean {
  const ones = [...attrs.stride, ...attrs.dilation, attrs.groups].every((item) => item === 1);
  const isSquare = kernel.length === 2 && kernel[0] === kernel[1] && kernel[0] in kTiles;
  const fits = isSquare && attrs.pad.every((pad) => pad < kernel[0]);
  return numerics === 'fast' && x.dtype === 'float32' && ones && fits;
}

const kernelOf = (w: Tensor): readonly number[] => w.shape.slice(1, -1);

const nameOf = (tile: number) => `F(${tile}x${tile})`;

/** Ways to convolve an image [N, H, W, in] with w [out, k, k, in]. `build` makes the two of the op's inputs. */
function products(
  sizes: Sizes,
  pad: readonly number[],
  context: ChoiceContext,
  build: (inputs: readonly Tensor[]) => readonly [image: Tensor, w: Tensor],
): Costed[] {
  const { dims, outChannels, kernel } = sizes;
  const weightCost = context.isFrozen(1) ? kReadCost : kWeightCost;
  return kTiles[kernel].map((tile) => ({
    work: winogradWork(sizes, tile, kTransformCost, weightCost),
    way: {
      name: nameOf(tile),
      build(inputs) {
        const method = { tile, kernel };
        const [image, w] = build(inputs);
        const transformed = apply(winogradWeightsOp, [w], method);
        return apply(winogradOp, [image, transformed], { ...method, outChannels, dims, pad });
      },
    },
  }));
}

/** `conv` of x and w. */
export function winogradForward(
  x: Tensor,
  w: Tensor,
  attrs: ConvAttrs,
  context: ChoiceContext,
  direct: Way,
): readonly Way[] {
  if (!applies(x, kernelOf(w), attrs, context)) return [direct];
  const [outChannels, kernel, , inChannels] = w.shape;
  const sizes = { batch: x.shape[0], inChannels, outChannels, dims: attrs.dims, kernel };
  return ordered(
    sizes,
    direct,
    products(sizes, attrs.pad, context, ([image, weight]) => [image, weight]),
  );
}

/** `convInputGrad` of g and w: the convolution of g with the turned kernel. */
export function winogradInputGrad(
  g: Tensor,
  w: Tensor,
  attrs: ConvAttrs,
  context: ChoiceContext,
  direct: Way,
): readonly Way[] {
  if (!applies(g, kernelOf(w), attrs, context)) return [direct];
  const [inChannels, kernel, , outChannels] = w.shape;
  const sizes = { batch: g.shape[0], inChannels, outChannels, dims: attrs.dims, kernel };
  const pad = attrs.pad.map((p) => kernel - 1 - p);
  return ordered(
    sizes,
    direct,
    products(sizes, pad, context, ([gradient, weight]) => [gradient, permute(flip(weight, [1, 2]), [3, 1, 2, 0])]),
  );
}

/**
 * `convWeightGrad` of x [N, H, W, in] and g [N, OH, OW, out]: for each of the positions of transformed tiles one
 * product over all tiles, a few images at a time so that their tiles stay in cache.
 */
export function winogradWeightGrad(
  x: Tensor,
  g: Tensor,
  attrs: ConvAttrs,
  context: ChoiceContext,
  direct: Way,
): readonly Way[] {
  if (!applies(x, attrs.dims, attrs, context)) return [direct];
  const [batch, height, width, outChannels] = g.shape;
  const sizes = { batch, inChannels: x.shape[3], outChannels, dims: [height, width], kernel: attrs.dims[0] };
  const [tile] = kTiles[sizes.kernel];
  const way = {
    name: nameOf(tile),
    build: ([image, gradient]: readonly Tensor[]) => inParts(image, gradient, sizes, tile, attrs.pad),
  };
  return ordered(sizes, direct, [{ way, work: winogradWork(sizes, tile, kStoredCost) }]);
}

function inParts(x: Tensor, g: Tensor, sizes: Sizes, tile: number, pad: readonly number[]) {
  const { batch, inChannels, outChannels, dims, kernel } = sizes;
  const method = { tile, kernel };
  const grid = gridOf(dims, tile);
  const imageBytes = positionsOf(method) * grid[0] * grid[1] * (inChannels + outChannels) * 4;
  const parts = Math.ceil(batch / Math.max(1, Math.floor(kTileBytes / imageBytes)));
  const images = Math.ceil(batch / parts);
  let total: Tensor | undefined;
  for (let first = 0; first < batch; first += images) {
    const tiles = { ...method, grid, first, count: Math.min(images, batch - first) };
    const inputs = apply(winogradInputsOp, [x], { ...tiles, pad });
    const gradients = apply(winogradGradientsOp, [g], { ...tiles, pad: [0, 0] });
    const products = matmul(transpose(gradients), inputs);
    total = total ? add(products, total) : products;
  }
  return total && apply(winogradKernelOp, [total], method);
}
