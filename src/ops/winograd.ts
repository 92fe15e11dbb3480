/**
 * The steps of Winograd convolutions as ops. Only plans make them, in the place of convolutions (`conv-winograd.ts`),
 * so they have neither gradients nor a reference. Everything is channels-last and float32; the kernels are described
 * in native/kernels/winograd/winograd.h.
 */
import type { Attrs, KernelOp } from '../graph/node.js';
import { definePlanned } from './planned.js';
import { sliceView } from './slice.js';

/** Outputs per tile along each dimension. */
export type Tile = 2 | 4;

type TileAttrs = { tile: number };
type TilesAttrs = { grid: readonly number[]; pad: readonly number[]; first: number; count: number };
type ProductAttrs = { tile: number; outChannels: number; dims: readonly number[]; pad: readonly number[] };

/** w [out, 3, 3, in] in any strides, transformed: in the kernel's own order, with room for whole panels of channels. */
export const winogradWeightsOp: KernelOp<TileAttrs> = definePlanned({
  name: 'winogradWeights',
  type: ([w], { tile }) => ({ shape: [(tile + 2) ** 2, w.shape[3], Math.ceil(w.shape[0] / 32) * 32], dtype: w.dtype }),
  lower(context) {
    const w = context.input(0);
    const [outChannels, , , inChannels] = w.shape;
    const params = { in_channels: inChannels, out_channels: outChannels, strides: w.strides };
    context.emit(`winograd${context.attrs.tile}_weights_f32`, { w }, { u: context.out() }, params);
  },
});

/** x [N, H, W, in] and transformed weights to [N, ...dims, out]: the 3x3 convolution with leading padding `pad`. */
export const winogradOp: KernelOp<ProductAttrs> = definePlanned({
  name: 'winograd',
  contraction: true,
  type: ([x], { dims, outChannels }) => ({ shape: [x.shape[0], ...dims, outChannels], dtype: x.dtype }),
  // Those of the direct convolution, as benchmarks count.
  flops: ([x], { shape: [n, h, w, outChannels] }) => 2 * n * h * w * outChannels * 9 * x.shape[3],
  lower(context) {
    const x = context.contiguous(0);
    const { tile, dims, pad, outChannels } = context.attrs;
    const [batch, height, width, inChannels] = x.shape;
    const channels = { in_channels: inChannels, out_channels: outChannels };
    const params = { batch, ...channels, in_dims: [height, width], out_dims: dims, pad };
    context.emitContraction(`winograd${tile}_f32`, { x, u: context.contiguous(1) }, params);
  },
});

/** Tiles of `count` images of [N, H, W, C] from the `first` on, transformed: [36, tiles, C]. */
function defineTiles(name: string, kernel: string): KernelOp<TilesAttrs> {
  return definePlanned<TilesAttrs>({
    name,
    type: ([x], { grid, count }) => ({ shape: [36, count * grid[0] * grid[1], x.shape[3]], dtype: x.dtype }),
    lower(context) {
      const all = context.contiguous(0);
      const [, height, width, channels] = all.shape;
      const { grid, pad, first, count } = context.attrs;
      const x = {
        ...all,
        ...sliceView(all, { starts: [first, 0, 0, 0], sizes: [count, ...all.shape.slice(1)], steps: [1, 1, 1, 1] }),
      };
      context.emit(kernel, { x }, { v: context.out() }, { batch: count, channels, dims: [height, width], grid, pad });
    },
  });
}

/** Tiles of 6x6 pixels that start at 4 t - pad. */
export const winogradInputsOp = defineTiles('winogradInputs', 'winograd4_inputs_f32');

/** Tiles of 4x4 gradients. */
export const winogradGradientsOp = defineTiles('winogradGradients', 'winograd4_gradients_f32');

/** Products [36, out, in] back to a weight gradient [out, 3, 3, in]. */
export const winogradKernelOp: KernelOp = definePlanned<Attrs>({
  name: 'winogradKernel',
  type: ([m]) => ({ shape: [m.shape[1], 3, 3, m.shape[2]], dtype: m.dtype }),
  lower(context) {
    const m = context.contiguous(0);
    const [, outChannels, inChannels] = m.shape;
    const params = { in_channels: inChannels, out_channels: outChannels };
    context.emit('winograd4_kernel_f32', { m }, { w: context.out() }, params);
  },
});
