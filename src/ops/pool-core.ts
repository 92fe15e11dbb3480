/**
 * Pooling primitives, channels-last, with one to three spatial dimensions. Averages are linear, so pool and gradient
 * are each other's gradients; maxima are differentiated through the positions of the maxima: reading at positions and
 * adding at positions are each other's gradients too. `pool.ts` has the public functions.
 */
import { shortOf } from '../dtype.js';
import { type Attrs, defineOp, type KernelOp, type Node, type ReferenceArray } from '../graph/node.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { type Shape, sizeOf } from '../shape.js';
import { apply } from './apply.js';
import { forEachMeeting, geometryOf, spatialOf, threeDims, type WindowAttrs } from './window.js';

/** `dims`: the spatial dimensions of the node's own output. */
type DimsAttrs = { dims: readonly number[] };
export type PoolAttrs = WindowAttrs & DimsAttrs & { kernel: readonly number[] };
/** `divisor` > 0 replaces the number of taps. */
export type AvgPoolAttrs = PoolAttrs & { countIncludePad: boolean; divisor: number };

const channelsOf = (shape: Shape): number => shape[shape.length - 1];
const sameBatch = (x: Shape, dims: readonly number[]): number[] => [x[0], ...dims, channelsOf(x)];

function paramsOf(image: Shape, pooled: Shape, attrs: PoolAttrs) {
  return {
    batch: image[0],
    channels: channelsOf(image),
    ...geometryOf(spatialOf(image), spatialOf(pooled), attrs.kernel, attrs),
    count_include_pad: 0,
    divisor: 0,
  };
}

const avgParamsOf = (image: Shape, pooled: Shape, attrs: AvgPoolAttrs) => ({
  ...paramsOf(image, pooled, attrs),
  count_include_pad: Number(attrs.countIncludePad),
  divisor: attrs.divisor,
});

const adaptiveParamsOf = (image: Shape, pooled: Shape) => ({
  batch: image[0],
  channels: channelsOf(image),
  in_dims: threeDims(spatialOf(image)),
  out_dims: threeDims(spatialOf(pooled)),
});

/** Taps of every output pixel, as flat positions in the input plane. */
function windowsOf(image: Shape, pooled: Shape, attrs: PoolAttrs): number[][] {
  const windows = Array.from({ length: sizeOf(spatialOf(pooled)) }, (): number[] => []);
  forEachMeeting(geometryOf(spatialOf(image), spatialOf(pooled), attrs.kernel, attrs), (out, _, input) =>
    windows[out].push(input),
  );
  return windows;
}

/** Output o of an adaptive axis covers floor(o in / out) to ceil((o + 1) in / out). */
function adaptiveWindowsOf(image: Shape, pooled: Shape): number[][] {
  const [ins, outs] = [threeDims(spatialOf(image)), threeDims(spatialOf(pooled))];
  const along = (axis: number, o: number): number[] => {
    const first = Math.floor((o * ins[axis]) / outs[axis]);
    return Array.from({ length: Math.ceil(((o + 1) * ins[axis]) / outs[axis]) - first }, (_, i) => first + i);
  };
  return Array.from({ length: sizeOf(outs) }, (_, o) => {
    const [ds, hs, ws] = [Math.floor(o / (outs[1] * outs[2])), Math.floor(o / outs[2]) % outs[1], o % outs[2]].map(
      (at, axis) => along(axis, at),
    );
    return ds.flatMap((d) => hs.flatMap((h) => ws.map((w) => (d * ins[1] + h) * ins[2] + w)));
  });
}

/** The divisor of each average: taps inside the image, or inside image and padding. */
function divisorsOf(image: Shape, pooled: Shape, attrs: AvgPoolAttrs): number[] {
  if (attrs.divisor > 0) return new Array<number>(sizeOf(spatialOf(pooled))).fill(attrs.divisor);
  const windows = windowsOf(image, pooled, attrs);
  if (!attrs.countIncludePad) return windows.map((taps) => taps.length);
  const padded = (dims: readonly number[]) => [1, ...dims.map((dim, i) => dim + 2 * attrs.pad[i]), 1];
  return windowsOf(padded(spatialOf(image)), pooled, { ...attrs, pad: attrs.pad.map(() => 0) }).map(
    (taps) => taps.length,
  );
}

/** Calls `visit` for every batch entry, window and channel; `at` gives an input position for a tap. */
function forEachWindow(
  image: Shape,
  windows: readonly number[][],
  visit: (out: number, taps: readonly number[], at: (tap: number) => number, o: number) => void,
): void {
  const channels = channelsOf(image);
  const plane = sizeOf(spatialOf(image));
  for (let n = 0; n < image[0]; n++)
    for (const [o, taps] of windows.entries())
      for (let c = 0; c < channels; c++)
        visit((n * windows.length + o) * channels + c, taps, (tap) => (n * plane + tap) * channels + c, o);
}

/** Position of the maximum: the first of equals; the last NaN. */
function positionOfMax(taps: readonly number[], valueAt: (tap: number) => number): number {
  let best = taps[0];
  let value = Number.NEGATIVE_INFINITY;
  for (const tap of taps) {
    const here = valueAt(tap);
    if (here > value || Number.isNaN(here)) [best, value] = [tap, here];
  }
  return best;
}

function averageReference(
  x: ReferenceArray,
  out: ReferenceArray,
  windows: readonly number[][],
  divisors: readonly number[],
): void {
  forEachWindow(x.shape, windows, (i, taps, at, o) => {
    out.values[i] = taps.reduce((sum, tap) => sum + x.values[at(tap)], 0) / divisors[o];
  });
}

function averageGradReference(
  g: ReferenceArray,
  out: ReferenceArray,
  windows: readonly number[][],
  divisors: readonly number[],
): void {
  forEachWindow(out.shape, windows, (i, taps, at, o) => {
    for (const tap of taps) out.values[at(tap)] += g.values[i] / divisors[o];
  });
}

/** An op with a pooled image as output. */
function definePool<A extends DimsAttrs & Attrs>(
  op: Pick<KernelOp<A>, 'name' | 'gradient' | 'lower' | 'reference' | 'flops'> & { dtype?: 'int64' },
): KernelOp<A> {
  const { dtype, ...rest } = op;
  return defineOp<A, KernelOp<A>>({
    kind: 'kernel',
    type: ([x], { dims }) => ({ shape: sameBatch(x.shape, dims), dtype: dtype ?? x.dtype }),
    ...rest,
  });
}

const windowFlops: KernelOp<PoolAttrs>['flops'] = (_, out, { kernel }) => sizeOf(out.shape) * sizeOf(kernel);

/** Windows of more taps than this have no numbers of one byte for them. */
const kNumberedTaps = 255;

const isNumbered = ({ kernel }: PoolAttrs): boolean => sizeOf(kernel) <= kNumberedTaps;

/** Whether a node is the gradient of the pool with these attributes. */
const isGradientOf = ({ op, attrs }: Node, pool: PoolAttrs): boolean =>
  (op as unknown) === maxPoolGradOp &&
  (['kernel', 'stride', 'pad', 'dilation'] as const).every((key) => String(attrs[key]) === String(pool[key]));

/** Emits a pool that also says which tap has the maximum; gives those numbers. */
function emitWhere(context: LowerContext<PoolAttrs>, x: Operand, y: Operand): Operand {
  const where = context.temporary(y.shape, 'uint8');
  context.emit(`pool_maxWhere_${shortOf(x.dtype)}`, { x }, { y, where }, paramsOf(x.shape, y.shape, context.attrs));
  return where;
}

/** Maximum of each window; NaN wins. */
export const maxPoolOp: KernelOp<PoolAttrs> = definePool<PoolAttrs>({
  name: 'maxPool',
  gradient: (g, { inputs: [x], attrs }) => [apply(maxPoolGradOp, [x, g], { ...attrs, dims: spatialOf(x.shape) })],
  flops: windowFlops,
  lower(context) {
    const x = context.contiguous(0);
    const y = context.out();
    const gradient = context.readers(0).find((node) => isGradientOf(node, context.attrs));
    if (gradient && isNumbered(context.attrs)) context.leave(gradient, emitWhere(context, x, y));
    else context.emit(`pool_max_${shortOf(x.dtype)}`, { x }, { y }, paramsOf(x.shape, y.shape, context.attrs));
  },
  reference([x], out, attrs) {
    forEachWindow(x.shape, windowsOf(x.shape, out.shape, attrs), (i, taps, at) => {
      out.values[i] = taps.reduce((max, tap) => Math.max(max, x.values[at(tap)]), Number.NEGATIVE_INFINITY);
    });
  },
});

/** Zeros, with each element of g added where its window of x has its maximum. */
export const maxPoolGradOp: KernelOp<PoolAttrs> = definePool<PoolAttrs>({
  name: 'maxPoolGrad',
  gradient: (u, { inputs: [x, g], attrs }) => {
    const dims = spatialOf(g.shape);
    return [undefined, apply(poolGatherOp, [u, apply(maxPoolIndexOp, [x], { ...attrs, dims })], { dims })];
  },
  flops: ([, g], _, { kernel }) => 2 * sizeOf(g.shape) * sizeOf(kernel),
  lower(context) {
    const { shape } = context.output;
    const g = context.contiguous(1);
    const name = shortOf(g.dtype);
    const params = paramsOf(shape, g.shape, context.attrs);
    if (isNumbered(context.attrs)) {
      const where = context.left() ?? emitWhere(context, context.contiguous(0), context.temporary(g.shape, g.dtype));
      context.emit(`pool_whereGrad_${name}`, { g, where }, { y: context.out() }, params);
      return;
    }
    const index = context.temporary(g.shape, 'int64');
    context.emit(`pool_maxIndex_${name}`, { x: context.contiguous(0) }, { index }, params);
    context.emit(`pool_maxGrad_${name}`, { g, index }, { y: context.out() }, planesOf(shape, g.shape));
  },
  reference([x, g], out, attrs) {
    forEachWindow(x.shape, windowsOf(x.shape, g.shape, attrs), (i, taps, at) => {
      out.values[at(positionOfMax(taps, (tap) => x.values[at(tap)]))] += g.values[i];
    });
  },
});

/** Where each window's maximum stands in its plane, as int64. */
export const maxPoolIndexOp: KernelOp<PoolAttrs> = definePool<PoolAttrs>({
  name: 'maxPoolIndex',
  dtype: 'int64',
  flops: windowFlops,
  lower(context) {
    const x = context.contiguous(0);
    context.emit(
      `pool_maxIndex_${shortOf(x.dtype)}`,
      { x },
      { index: context.out() },
      paramsOf(x.shape, context.output.shape, context.attrs),
    );
  },
  reference([x], out, attrs) {
    forEachWindow(x.shape, windowsOf(x.shape, out.shape, attrs), (i, taps, at) => {
      out.values[i] = positionOfMax(taps, (tap) => x.values[at(tap)]);
    });
  },
});

/** `maxPoolIndex` for adaptive windows. */
export const adaptiveMaxIndexOp: KernelOp<DimsAttrs> = definePool<DimsAttrs>({
  name: 'adaptiveMaxIndex',
  dtype: 'int64',
  lower(context) {
    const x = context.contiguous(0);
    context.emit(
      `pool_adaptiveMaxIndex_${shortOf(x.dtype)}`,
      { x },
      { index: context.out() },
      adaptiveParamsOf(x.shape, context.output.shape),
    );
  },
  reference([x], out) {
    forEachWindow(x.shape, adaptiveWindowsOf(x.shape, out.shape), (i, taps, at) => {
      out.values[i] = positionOfMax(taps, (tap) => x.values[at(tap)]);
    });
  },
});

/** Sizes of image and pooled planes, for the kernels that work on positions. */
const planesOf = (image: Shape, pooled: Shape) => ({
  batch: image[0],
  channels: channelsOf(image),
  in_size: sizeOf(spatialOf(image)),
  out_size: sizeOf(spatialOf(pooled)),
});

/** x at the positions `index` of its planes. */
export const poolGatherOp: KernelOp<DimsAttrs> = definePool<DimsAttrs>({
  name: 'poolGather',
  gradient: (g, { inputs: [x, index] }) => [apply(poolScatterOp, [g, index], { dims: spatialOf(x.shape) }), undefined],
  lower(context) {
    const [x, index] = [context.contiguous(0), context.contiguous(1)];
    context.emit(
      `pool_gatherIndex_${shortOf(x.dtype)}`,
      { x, index },
      { y: context.out() },
      planesOf(x.shape, context.output.shape),
    );
  },
  reference([x, index], out) {
    const windows = Array.from({ length: sizeOf(spatialOf(out.shape)) }, () => []);
    forEachWindow(x.shape, windows, (i, _, at) => {
      out.values[i] = x.values[at(index.values[i])];
    });
  },
});

/** Zeros, with each element of g added at its position: the gradient of `poolGather`. */
export const poolScatterOp: KernelOp<DimsAttrs> = definePool<DimsAttrs>({
  name: 'poolScatter',
  gradient: (u, { inputs: [g, index] }) => [apply(poolGatherOp, [u, index], { dims: spatialOf(g.shape) }), undefined],
  lower(context) {
    const [g, index] = [context.contiguous(0), context.contiguous(1)];
    context.emit(
      `pool_maxGrad_${shortOf(g.dtype)}`,
      { g, index },
      { y: context.out() },
      planesOf(context.output.shape, g.shape),
    );
  },
  reference([g, index], out) {
    const windows = Array.from({ length: sizeOf(spatialOf(g.shape)) }, () => []);
    forEachWindow(out.shape, windows, (i, _, at) => {
      out.values[at(index.values[i])] += g.values[i];
    });
  },
});

/** Mean of each window. */
export const avgPoolOp: KernelOp<AvgPoolAttrs> = definePool<AvgPoolAttrs>({
  name: 'avgPool',
  gradient: (g, { inputs: [x], attrs }) => [apply(avgPoolGradOp, [g], { ...attrs, dims: spatialOf(x.shape) })],
  flops: windowFlops as KernelOp<AvgPoolAttrs>['flops'],
  lower(context) {
    const x = context.contiguous(0);
    context.emit(
      `pool_avg_${shortOf(x.dtype)}`,
      { x },
      { y: context.out() },
      avgParamsOf(x.shape, context.output.shape, context.attrs),
    );
  },
  reference([x], out, attrs) {
    averageReference(x, out, windowsOf(x.shape, out.shape, attrs), divisorsOf(x.shape, out.shape, attrs));
  },
});

export const avgPoolGradOp: KernelOp<AvgPoolAttrs> = definePool<AvgPoolAttrs>({
  name: 'avgPoolGrad',
  gradient: (u, { inputs: [g], attrs }) => [apply(avgPoolOp, [u], { ...attrs, dims: spatialOf(g.shape) })],
  flops: ([g], _, { kernel }) => sizeOf(g.shape) * sizeOf(kernel),
  lower(context) {
    const g = context.contiguous(0);
    context.emit(
      `pool_avgGrad_${shortOf(g.dtype)}`,
      { g },
      { y: context.out() },
      avgParamsOf(context.output.shape, g.shape, context.attrs),
    );
  },
  reference([g], out, attrs) {
    averageGradReference(g, out, windowsOf(out.shape, g.shape, attrs), divisorsOf(out.shape, g.shape, attrs));
  },
});

/** Mean of each adaptive window. */
export const adaptiveAvgPoolOp: KernelOp<DimsAttrs> = definePool<DimsAttrs>({
  name: 'adaptiveAvgPool',
  gradient: (g, { inputs: [x] }) => [apply(adaptiveAvgPoolGradOp, [g], { dims: spatialOf(x.shape) })],
  flops: ([x]) => sizeOf(x.shape),
  lower(context) {
    const x = context.contiguous(0);
    context.emit(
      `pool_adaptiveAvg_${shortOf(x.dtype)}`,
      { x },
      { y: context.out() },
      adaptiveParamsOf(x.shape, context.output.shape),
    );
  },
  reference([x], out) {
    const windows = adaptiveWindowsOf(x.shape, out.shape);
    averageReference(
      x,
      out,
      windows,
      windows.map((taps) => taps.length),
    );
  },
});

export const adaptiveAvgPoolGradOp: KernelOp<DimsAttrs> = definePool<DimsAttrs>({
  name: 'adaptiveAvgPoolGrad',
  gradient: (u, { inputs: [g] }) => [apply(adaptiveAvgPoolOp, [u], { dims: spatialOf(g.shape) })],
  flops: (_, out) => sizeOf(out.shape),
  lower(context) {
    const g = context.contiguous(0);
    context.emit(
      `pool_adaptiveAvgGrad_${shortOf(g.dtype)}`,
      { g },
      { y: context.out() },
      adaptiveParamsOf(context.output.shape, g.shape),
    );
  },
  reference([g], out) {
    const windows = adaptiveWindowsOf(out.shape, g.shape);
    averageGradReference(
      g,
      out,
      windows,
      windows.map((taps) => taps.length),
    );
  },
});
