/**
 * When a convolution or one of its gradients is computed channels-first: where its operands lie so in memory, as users
 * give them, and its result is read so. Nothing is copied into channels-last and back then, and weights are used as they
 * lie. `conv-depthwise.ts` has the depthwise ones. `conv-core.ts` asks here; the kernels are described in
 * native/kernels/conv/conv.h.
 */
import { shortOf } from '../dtype.js';
import { isLeaf } from '../graph/graph.js';
import type { ChoiceContext, KernelOp, Matrix } from '../graph/node.js';
import { type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import { flopsOf, paramsOf, problemOf } from './conv-problem.js';
import { definePlanned } from './planned.js';
import { permute } from './shape-ops.js';
import { flip } from './slicing.js';
import {
  type ConvAttrs,
  channelsFirstAxes,
  channelsLastAxes,
  toChannelsFirst,
  toChannelsLast,
  type WindowAttrs,
} from './window.js';

export type PlanesAttrs = WindowAttrs & { dims: readonly number[] };
type WeightAttrs = PlanesAttrs & { gLast: boolean };

/** Multiply-adds of a large product that a copied element costs. */
export const kCopyCost = 16;
/** Elements of the widest vector. */
export const kLanes = 16;
/** So many last pixels are dot products instead. */
const kDotLanes = kLanes / 4;
/** How much slower weight gradients channels-last are, which gather short runs. */
const kGatherCost = 1.3;

const isPointwise = (kernel: readonly number[], { stride, pad }: WindowAttrs): boolean =>
  [...kernel, ...stride].every((item) => item === 1) && pad.every((item) => item === 0);

export const planesMatrix = ([batch, channels, ...dims]: Shape): Matrix => [batch, channels, sizeOf(dims)];

/** The shape of a channels-first tensor when it is seen channels-last. */
export const lastShape = (shape: Shape): Shape => channelsLastAxes(shape.length).map((axis) => shape[axis]);

/** Parameters of the kernels whose results end in an epilogue, from channels-first shapes. */
const planesParams = (x: Shape, w: Shape, y: Shape, attrs: WindowAttrs) => ({
  ...paramsOf(problemOf(lastShape(x), lastShape(w), lastShape(y), { ...attrs, groups: 1 })),
  packed: 0,
});

/** x [N, C, ...in] and w [O, C, ...kernel] -> [N, O, ...dims]. */
const convPlanesOp: KernelOp<PlanesAttrs> = definePlanned<PlanesAttrs>({
  name: 'convPlanes',
  contraction: true,
  type: ([x, w], { dims }) => ({ shape: [x.shape[0], w.shape[0], ...dims], dtype: x.dtype }),
  matrix: planesMatrix,
  flops: ([, w], { shape }) => flopsOf(shape, w.shape),
  lower(context) {
    const x = context.contiguous(0);
    const [batch, inChannels, ...inDims] = x.shape;
    const weight = context.input(1);
    const [outChannels, , ...kernel] = weight.shape;
    const { attrs } = context;
    if (isPointwise(kernel, attrs)) {
      const [k, n] = [inChannels, sizeOf(inDims)];
      const params = { batch, m: outChannels, n, k, a_strides: weight.strides.slice(0, 2), b_strides: [n, 1] };
      const batches = { batch_dims: [batch], a_batch: [0], b_batch: [k * n] };
      context.emitContraction(`gemm_${shortOf(x.dtype)}`, { a: weight, b: x }, { ...params, ...batches });
      return;
    }
    const params = planesParams(x.shape, weight.shape, context.output.shape, attrs);
    context.emitContraction(`conv_planes_forward_${shortOf(x.dtype)}`, { x, w: context.contiguous(1) }, params);
  },
});

/** g [N, O, ...out] and w [O, C, ...kernel] -> [N, C, ...dims], for few channels C. */
const convPlanesInputGradOp: KernelOp<PlanesAttrs> = definePlanned<PlanesAttrs>({
  name: 'convPlanesInputGrad',
  contraction: true,
  type: ([g, w], { dims }) => ({ shape: [g.shape[0], w.shape[1], ...dims], dtype: g.dtype }),
  matrix: planesMatrix,
  flops: ([g, w]) => flopsOf(g.shape, w.shape),
  lower(context) {
    const [g, w] = [context.contiguous(0), context.contiguous(1)];
    const params = planesParams(context.output.shape, w.shape, g.shape, context.attrs);
    context.emitContraction(`conv_planes_input_grad_${shortOf(g.dtype)}`, { g, w }, params);
  },
});

/** x [N, C, ...in] and g [N, O, ...out], or [N, ...out, O] with `gLast` -> [C, ...dims, O]. */
const convPlanesWeightGradOp: KernelOp<WeightAttrs> = definePlanned<WeightAttrs>({
  name: 'convPlanesWeightGrad',
  type: ([x, g], { dims, gLast }) => ({
    shape: [x.shape[1], ...dims, g.shape[gLast ? g.shape.length - 1 : 1]],
    dtype: x.dtype,
  }),
  flops: ([, g], { shape }) => 2 * sizeOf(g.shape) * sizeOf(shape.slice(0, -1)),
  lower(context) {
    const [x, g] = [context.contiguous(0), context.contiguous(1)];
    const { attrs } = context;
    // The result is [C, ...dims, O], the weight channels-last [O, ...dims, C].
    const { shape } = context.output;
    const weight = [shape[shape.length - 1], ...attrs.dims, shape[0]];
    const result = attrs.gLast ? g.shape : lastShape(g.shape);
    const problem = problemOf(lastShape(x.shape), weight, result, { ...attrs, groups: 1 });
    const params = { ...paramsOf(problem), g_last: Number(attrs.gLast) };
    context.emit(`conv_planes_weight_grad_${shortOf(x.dtype)}`, { x, g }, { out: context.out() }, params);
  },
});

/** The channels-first tensor that `x` is a channels-last view of. */
export function planesOf(x: Tensor): Tensor | undefined {
  const { node } = x;
  if (isLeaf(node) || node.op.name !== 'permute' || String(node.attrs.axes) !== String(channelsLastAxes(x.rank)))
    return undefined;
  return new Tensor(node.inputs[0]);
}

const applies = (x: Tensor, { groups }: ConvAttrs): boolean => groups === 1 && x.rank <= 4 && sizeOf(x.shape) > 0;

/** Whether channels-first wins: vectors of pixels fit the plane less well than ones of channels would. */
function pays(x: Tensor, w: Tensor, dims: readonly number[], isFrozen: boolean): boolean {
  const [batch, , ...inDims] = x.shape;
  const pixels = sizeOf(dims);
  const rest = pixels % kLanes;
  const isCheap = rest === 0 || (rest <= kDotLanes && pixels > kLanes);
  const wasted = isCheap ? 0 : (kLanes - rest) * batch * sizeOf(w.shape);
  const isRepacked = !isFrozen && sizeOf(w.shape.slice(2)) > 1;
  const copied = batch * (sizeOf(inDims) * w.shape[1] + pixels * w.shape[0]) + (isRepacked ? sizeOf(w.shape) : 0);
  return wasted < copied * kCopyCost;
}

/** `conv` of x and w, channels-last as all here, or `undefined` where it should stay so. */
export function planesForward(x: Tensor, w: Tensor, attrs: ConvAttrs, context: ChoiceContext): Tensor | undefined {
  const image = planesOf(x);
  const weight = planesOf(w) ?? toChannelsFirst(w);
  if (!image || !applies(x, attrs) || !context.isReadAs(channelsFirstAxes(x.rank))) return undefined;
  if (!pays(image, weight, attrs.dims, context.isFrozen(1))) return undefined;
  const { stride, pad, dilation, dims } = attrs;
  return toChannelsLast(apply(convPlanesOp, [image, weight], { stride, pad, dilation, dims }));
}

/** Image channels up to which a first layer's kernels are meant. */
const kFewChannels = 4;

/** `convInputGrad` of g and w: with more than a few channels, and stride 1, the convolution of g with the turned kernel. */
export function planesInputGrad(g: Tensor, w: Tensor, attrs: ConvAttrs, context: ChoiceContext): Tensor | undefined {
  const gradient = planesOf(g);
  if (!gradient || !applies(g, attrs) || !context.isReadAs(channelsFirstAxes(g.rank))) return undefined;
  const { stride, dilation, dims } = attrs;
  if (w.shape[w.rank - 1] <= kFewChannels) {
    const weight = planesOf(w) ?? toChannelsFirst(w);
    const options = { stride, pad: attrs.pad, dilation, dims };
    return toChannelsLast(apply(convPlanesInputGradOp, [gradient, weight], options));
  }
  const spatial = w.shape.slice(1, -1);
  const pad = attrs.pad.map((p, i) => dilation[i] * (spatial[i] - 1) - p);
  if (stride.some((s) => s !== 1) || pad.some((p) => p < 0)) return undefined;
  // [out, ...kernel, in] to [in, out, ...kernel].
  const back = permute(w, [w.rank - 1, ...Array.from({ length: w.rank - 1 }, (_, i) => i)]);
  const axes = [...spatial.keys()].map((i) => i + 2);
  const turned = sizeOf(spatial) === 1 ? back : flip(back, axes);
  if (!pays(gradient, turned, dims, context.isFrozen(1))) return undefined;
  return toChannelsLast(apply(convPlanesOp, [gradient, turned], { stride, pad, dilation, dims }));
}

/** Multiplications of a product whose columns fill whole vectors. */
const padded = (rows: number, columns: number): number => rows * Math.ceil(columns / kLanes) * kLanes;

/** `convWeightGrad` of x and g. */
export function planesWeightGrad(x: Tensor, g: Tensor, attrs: ConvAttrs): Tensor | undefined {
  const [image, planes] = [planesOf(x), planesOf(g)];
  if (!image || !applies(x, attrs) || sizeOf(g.shape) === 0) return undefined;
  const [inChannels, outChannels] = [image.shape[1], g.shape[g.rank - 1]];
  if (!planes && inChannels > kFewChannels) return undefined;
  const patch = inChannels * sizeOf(attrs.dims);
  if (padded(patch, outChannels) > padded(outChannels, patch) * kGatherCost) return undefined;
  const { stride, pad, dilation, dims } = attrs;
  const options = { stride, pad, dilation, dims, gLast: !planes };
  // The product the other way round: fewer elements are transposed, and it is [out, ...kernel, in] at once.
  if (planes && isPointwise(dims, attrs) && outChannels > inChannels)
    return apply(convPlanesWeightGradOp, [planes, image], options);
  // [in, ...kernel, out] to [out, ...kernel, in].
  const product = apply(convPlanesWeightGradOp, [image, planes ?? g], options);
  return permute(product, [x.rank - 1, ...[...dims.keys()].map((axis) => axis + 1), 0]);
}
