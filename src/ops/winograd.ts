/**
 * The steps of Winograd convolutions as ops. Only plans make them, in the place of convolutions (`conv-winograd.ts`),
 * so they have neither gradients nor a reference. Everything is channels-last and float32; the kernels are described
 * in native/kernels/winograd/winograd.h.
 */
import type { KernelOp } from '../graph/node.js';
import { definePlanned } from './planned.js';
import { sliceView } from './slice.js';

/** F(tile x tile, kernel x kernel): how many outputs a tile has along each dimension, and of which kernels. */
export interface Method {
  readonly tile: number;
  readonly kernel: number;
}

/** Pixels of a transformed tile, and of the image under it. */
export const positionsOf = ({ tile, kernel }: Method): number => (tile + kernel - 1) ** 2;

/** The kernel of one step, as native/kernels/winograd/winograd.h names it. */
const kernelOf = ({ tile, kernel }: Method, step = ''): string =>
  `winograd${tile}${kernel === 3 ? '' : `_${kernel}x${kernel}`}${step}_f32`;

type MethodAttrs = { tile: number; kernel: number };
type TilesAttrs = MethodAttrs & { grid: readonly number[]; pad: readonly number[]; first: number; count: number };
type ProductAttrs = MethodAttrs & { outChannels: number; dims: readonly number[]; pad: readonly number[] };

/** w [out, k, k, in] in any strides, transformed: in the kernel's own order, with room for whole panels of channels. */
export const winogradWeightsOp: KernelOp<MethodAttrs> = definePlanned({
  name: 'winogradWeights',
  type: ([w], method) => ({
    shape: [positionsOf(method), w.shape[3], Math.ceil(w.shape[0] / 32) * 32],
    dtype: w.dtype,
  }),
  lower(context) {
    const w = context.input(0);
    const [outChannels, , , inChannels] = w.shape;
    const params = { in_channels: inChannels, out_channels: outChannels, strides: w.strides };
    context.emit(kernelOf(context.attrs, '_weights'), { w }, { u: context.out() }, params);
  },
});

/** x [N, H, W, in] and transformed weights to [N, ...dims, out]: the convolution with leading padding `pad`. */
export const winogradOp: KernelOp<ProductAttrs> = definePlanned({
  name: 'winograd',
  contraction: true,
  type: ([x], { dims, outChannels }) => ({ shape: [x.shape[0], ...dims, outChannels], dtype: x.dtype }),
  // Those of the direct convolution, as benchmarks count.
  flops: ([x], { shape: [n, h, w, outChannels] }, { kernel }) => 2 * n * h * w * outChannels * kernel ** 2 * x.shape[3],
  lower(context) {
    const x = context.contiguous(0);
    const { dims, pad, outChannels } = context.attrs;
    const [batch, height, width, inChannels] = x.shape;
    const channels = { in_channels: inChannels, out_channels: outChannels };
    const params = { batch, ...channels, in_dims: [height, width], out_dims: dims, pad };
    context.emitContraction(kernelOf(context.attrs), { x, u: context.contiguous(1) }, params);
  },
});

/** Tiles of `count` images of [N, H, W, C] from the `first` on, transformed: [positions, tiles, C]. */
function defineTiles(name: string, step: string): KernelOp<TilesAttrs> {
  return definePlanned<TilesAttrs>({
    name,
    type: ([x], { grid, count, ...method }) => ({
      shape: [positionsOf(method), count * grid[0] * grid[1], x.shape[3]],
      dtype: x.dtype,
    }),
    lower(context) {
      const all = context.contiguous(0);
      const [, height, width, channels] = all.shape;
      const { grid, pad, first, count } = context.attrs;
      const x = {
        ...all,
        ...sliceView(all, { starts: [first, 0, 0, 0], sizes: [count, ...all.shape.slice(1)], steps: [1, 1, 1, 1] }),
      };
      const params = { batch: count, channels, dims: [height, width], grid, pad };
      context.emit(kernelOf(context.attrs, step), { x }, { v: context.out() }, params);
    },
  });
}

/** Tiles of pixels that start at `tile` t - pad. */
export const winogradInputsOp = defineTiles('winogradInputs', '_inputs');

/** Tiles of `tile` x `tile` gradients. */
export const winogradGradientsOp = defineTiles('winogradGradients', '_gradients');

/** Products [positions, out, in] back to a weight gradient [out, k, k, in]. */
export const winogradKernelOp: KernelOp<MethodAttrs> = definePlanned<MethodAttrs>({
  name: 'winogradKernel',
  type: ([m], { kernel }) => ({ shape: [m.shape[1], kernel, kernel, m.shape[2]], dtype: m.dtype }),
  lower(context) {
    const m = context.contiguous(0);
    const [, outChannels, inChannels] = m.shape;
    const params = { in_channels: inChannels, out_channels: outChannels };
    context.emit(kernelOf(context.attrs, '_kernel'), { m }, { w: context.out() }, params);
  },
});
