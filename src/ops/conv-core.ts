/**
 * The three convolution primitives, channels-last, with one to three spatial dimensions. The convolution is linear in
 * image and weight, so each one's gradients are the other two, in any order. `conv.ts` has the public functions.
 *
 *   conv            x [N, ...in, C],   w [O, ...kernel, C/groups]  ->  [N, ...out, O]
 *   convInputGrad   g [N, ...out, O],  w                           ->  [N, ...in, C]
 *   convWeightGrad  x,                 g                           ->  [O, ...kernel, C/groups]
 */
import { shortOf } from '../dtype.js';
import { type ChoiceContext, defineOp, type KernelOp, type TensorType } from '../graph/node.js';
import { type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import { depthwiseForward, depthwiseInputGrad, depthwiseWeightGrad, isDepthwise } from './conv-depthwise.js';
import { planesForward, planesInputGrad, planesWeightGrad } from './conv-planes.js';
import { flopsOf, type Problem, paramsOf, problemOf } from './conv-problem.js';
import { winogradForward, winogradInputGrad, winogradWeightGrad } from './conv-winograd.js';
import { definePlanned } from './planned.js';
import { fill } from './slice.js';
import { type ConvAttrs, forEachMeeting, spatialOf } from './window.js';

/** Visits every product of the convolution: flat positions in output, image and weight. */
function forEachProduct(problem: Problem, visit: (y: number, x: number, w: number) => void): void {
  const { batch, groups, inChannels, outChannels, geometry } = problem;
  const [inSize, outSize, taps] = [geometry.in_dims, geometry.out_dims, geometry.kernel].map(sizeOf);
  const [inGroup, outGroup] = [inChannels / groups, outChannels / groups];
  for (let n = 0; n < batch; n++)
    forEachMeeting(geometry, (out, tap, input) => {
      const image = (n * inSize + input) * inChannels;
      for (let o = 0; o < outChannels; o++) {
        const y = (n * outSize + out) * outChannels + o;
        const x = image + Math.floor(o / outGroup) * inGroup;
        const w = (o * taps + tap) * inGroup;
        for (let c = 0; c < inGroup; c++) visit(y, x + c, w + c);
      }
    });
}

export const convOp: KernelOp<ConvAttrs> = defineOp<ConvAttrs, KernelOp<ConvAttrs>>({
  name: 'conv',
  kind: 'kernel',
  contraction: true,
  type: ([x, w], { dims }): TensorType => ({ shape: [x.shape[0], ...dims, w.shape[0]], dtype: x.dtype }),
  gradient: (g, { inputs: [x, w], attrs, needs }) => [
    needs[0] ? apply(convInputGradOp, [g, w], { ...attrs, dims: spatialOf(x.shape) }) : undefined,
    needs[1] ? apply(convWeightGradOp, [x, g], { ...attrs, dims: spatialOf(w.shape) }) : undefined,
  ],
  flops: ([, w], out) => flopsOf(out.shape, w.shape),
  choose([x, w], attrs, context) {
    const direct = {
      name: 'direct',
      build: ([image, weight]: readonly Tensor[]) =>
        planesForward(image, weight, attrs, context) ??
        depthwiseForward(image, weight, attrs, context) ??
        packedForward(image, weight, attrs, context),
    };
    return winogradForward(x, w, attrs, context, direct);
  },
  lower(context) {
    const [x, w] = [context.contiguous(0), context.contiguous(1)];
    const problem = problemOf(x.shape, w.shape, context.output.shape, context.attrs);
    context.emitContraction(`conv_forward_${shortOf(x.dtype)}`, { x, w }, { ...paramsOf(problem), packed: 0 });
  },
  reference([x, w], out, attrs) {
    forEachProduct(problemOf(x.shape, w.shape, out.shape, attrs), (i, j, k) => {
      out.values[i] += x.values[j] * w.values[k];
    });
  },
});

/** Output channels that the widest kernel computes at once. */
const kPanel = 32;
const panelsOf = (w: TensorType, groups: number): number => Math.ceil(w.shape[0] / groups / kPanel);

type PackedAttrs = ConvAttrs & { shape: Shape };

/** w of a `conv` that makes `dims` of images of `spatial` pixels, in the order that its kernels read. */
const convPackOp: KernelOp<ConvAttrs & { spatial: Shape }> = definePlanned({
  name: 'convPack',
  type: ([w], { groups }) => ({
    shape: [
      isDepthwise(w, groups) ? sizeOf(w.shape) : groups * panelsOf(w, groups) * kPanel * sizeOf(w.shape.slice(1)),
    ],
    dtype: w.dtype,
  }),
  lower(context) {
    const w = context.contiguous(0);
    const { spatial, dims, groups } = context.attrs;
    const [outChannels, inGroup] = [w.shape[0], w.shape[w.shape.length - 1]];
    const problem = problemOf([1, ...spatial, inGroup * groups], w.shape, [1, ...dims, outChannels], context.attrs);
    context.emit(`conv_pack_${shortOf(w.dtype)}`, { w }, { out: context.out() }, paramsOf(problem));
  },
});

/** `conv` with packed weights; `shape` is theirs before. */
const convPackedOp: KernelOp<PackedAttrs> = definePlanned({
  name: 'convPacked',
  contraction: true,
  type: ([x], { dims, shape }) => ({ shape: [x.shape[0], ...dims, shape[0]], dtype: x.dtype }),
  flops: (_, out, { shape }) => flopsOf(out.shape, shape),
  lower(context) {
    const [x, w] = [context.contiguous(0), context.contiguous(1)];
    const problem = problemOf(x.shape, context.attrs.shape, context.output.shape, context.attrs);
    context.emitContraction(`conv_forward_${shortOf(x.dtype)}`, { x, w }, { ...paramsOf(problem), packed: 1 });
  },
});

/** Weights that do not change are brought into the kernels' order once. */
function packedForward(x: Tensor, w: Tensor, attrs: ConvAttrs, context: ChoiceContext): Tensor | undefined {
  if (!context.isFrozen(1) || context.isFrozen(0) || context.numerics !== 'fast') return undefined;
  // Panels of groups with few channels would be mostly padding.
  if (!isDepthwise(w, attrs.groups) && attrs.groups > 1 && w.shape[0] / attrs.groups < kPanel / 2) return undefined;
  const packed = apply(convPackOp, [w], { ...attrs, spatial: spatialOf(x.shape) });
  return apply(convPackedOp, [x, packed], { ...attrs, shape: w.shape });
}

/** The image gradient of `conv`, which is the transposed convolution of `g`. */
export const convInputGradOp: KernelOp<ConvAttrs> = defineOp<ConvAttrs, KernelOp<ConvAttrs>>({
  name: 'convInputGrad',
  kind: 'kernel',
  contraction: true,
  type: ([g, w], { dims, groups }): TensorType => ({
    shape: [g.shape[0], ...dims, w.shape[w.shape.length - 1] * groups],
    dtype: g.dtype,
  }),
  gradient: (u, { inputs: [g, w], attrs, needs }) => [
    needs[0] ? apply(convOp, [u, w], { ...attrs, dims: spatialOf(g.shape) }) : undefined,
    needs[1] ? apply(convWeightGradOp, [u, g], { ...attrs, dims: spatialOf(w.shape) }) : undefined,
  ],
  flops: ([g, w]) => flopsOf(g.shape, w.shape),
  choose([g, w], attrs, context) {
    const build = ([gradient, weight]: readonly Tensor[]) =>
      planesInputGrad(gradient, weight, attrs, context) ?? depthwiseInputGrad(gradient, weight, attrs, context);
    return winogradInputGrad(g, w, attrs, context, { name: 'direct', build });
  },
  lower(context) {
    const [g, w] = [context.contiguous(0), context.contiguous(1)];
    const problem = problemOf(context.output.shape, w.shape, g.shape, context.attrs);
    context.emitContraction(`conv_input_grad_${shortOf(g.dtype)}`, { g, w }, { ...paramsOf(problem), packed: 0 });
  },
  reference([g, w], out, attrs) {
    forEachProduct(problemOf(out.shape, w.shape, g.shape, attrs), (i, j, k) => {
      out.values[j] += g.values[i] * w.values[k];
    });
  },
});

export const convWeightGradOp: KernelOp<ConvAttrs> = defineOp<ConvAttrs, KernelOp<ConvAttrs>>({
  name: 'convWeightGrad',
  kind: 'kernel',
  type: ([x, g], { dims, groups }): TensorType => ({
    shape: [g.shape[g.shape.length - 1], ...dims, x.shape[x.shape.length - 1] / groups],
    dtype: x.dtype,
  }),
  gradient: (u, { inputs: [x, g], attrs, needs }) => [
    needs[0] ? apply(convInputGradOp, [g, u], { ...attrs, dims: spatialOf(x.shape) }) : undefined,
    needs[1] ? apply(convOp, [x, u], { ...attrs, dims: spatialOf(g.shape) }) : undefined,
  ],
  flops: ([, g], out) => flopsOf(g.shape, out.shape),
  choose([x, g], attrs, context) {
    const build = ([image, gradient]: readonly Tensor[]) =>
      planesWeightGrad(image, gradient, attrs) ?? depthwiseWeightGrad(image, gradient, attrs);
    return winogradWeightGrad(x, g, attrs, context, { name: 'direct', build });
  },
  lower(context) {
    const [x, g] = [context.contiguous(0), context.contiguous(1)];
    const out = context.out();
    if (sizeOf(x.shape) === 0) return fill(context, out, 0);
    const problem = problemOf(x.shape, out.shape, g.shape, context.attrs);
    context.emit(`conv_weight_grad_${shortOf(x.dtype)}`, { x, g }, { out }, paramsOf(problem));
  },
  reference([x, g], out, attrs) {
    forEachProduct(problemOf(x.shape, out.shape, g.shape, attrs), (i, j, k) => {
      out.values[k] += x.values[j] * g.values[i];
    });
  },
});
