/**
 * Depthwise convolutions and their gradients channels-first, under the same conditions as the others in
 * `conv-planes.ts`: every plane is computed by itself, so nothing is transposed. `conv-core.ts` asks here; the kernels
 * are described in native/kernels/conv/conv.h.
 */
import { shortOf } from '../dtype.js';
import type { ChoiceContext, KernelOp, TensorType } from '../graph/node.js';
import { type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import { kCopyCost, kLanes, lastShape, type PlanesAttrs, planesMatrix, planesOf } from './conv-planes.js';
import { flopsOf, paramsOf, problemOf } from './conv-problem.js';
import { definePlanned } from './planned.js';
import { type ConvAttrs, channelsFirstAxes, spatialOf, toChannelsFirst, toChannelsLast } from './window.js';

/** Whether w, channels-last, makes each channel from one of its own. */
export const isDepthwise = (w: TensorType, groups: number): boolean =>
  groups > 1 && groups === w.shape[0] && w.shape[w.shape.length - 1] === 1;

/** The kernels' parameters from channels-first shapes of image and result and the kernel's size. */
const depthwiseParams = (x: Shape, kernel: Shape, y: Shape, attrs: PlanesAttrs) =>
  paramsOf(problemOf(lastShape(x), [x[1], ...kernel, 1], lastShape(y), { ...attrs, groups: x[1] }));

/** x [N, C, ...in] and w [C, 1, ...kernel] -> [N, C, ...dims]. */
const depthwisePlanesOp: KernelOp<PlanesAttrs> = definePlanned<PlanesAttrs>({
  name: 'depthwisePlanes',
  contraction: true,
  type: ([x], { dims }) => ({ shape: [x.shape[0], x.shape[1], ...dims], dtype: x.dtype }),
  matrix: planesMatrix,
  flops: ([, w], { shape }) => flopsOf(shape, w.shape),
  lower(context) {
    const [x, w] = [context.contiguous(0), context.contiguous(1)];
    const params = depthwiseParams(x.shape, w.shape.slice(2), context.output.shape, context.attrs);
    context.emitContraction(`conv_planes_depthwise_${shortOf(x.dtype)}`, { x, w }, { ...params, packed: 0 });
  },
});

/** g [N, C, ...out] and w [C, 1, ...kernel] -> [N, C, ...dims]. */
const depthwisePlanesInputGradOp: KernelOp<PlanesAttrs> = definePlanned<PlanesAttrs>({
  name: 'depthwisePlanesInputGrad',
  contraction: true,
  type: ([g], { dims }) => ({ shape: [g.shape[0], g.shape[1], ...dims], dtype: g.dtype }),
  matrix: planesMatrix,
  flops: ([g, w]) => flopsOf(g.shape, w.shape),
  lower(context) {
    const [g, w] = [context.contiguous(0), context.contiguous(1)];
    const params = depthwiseParams(context.output.shape, w.shape.slice(2), g.shape, context.attrs);
    context.emitContraction(`conv_planes_depthwise_input_grad_${shortOf(g.dtype)}`, { g, w }, { ...params, packed: 0 });
  },
});

/** x [N, C, ...in] and g [N, C, ...out] -> [C, 1, ...dims]. */
const depthwisePlanesWeightGradOp: KernelOp<PlanesAttrs> = definePlanned<PlanesAttrs>({
  name: 'depthwisePlanesWeightGrad',
  type: ([x], { dims }) => ({ shape: [x.shape[1], 1, ...dims], dtype: x.dtype }),
  flops: ([, g], { shape }) => flopsOf(g.shape, shape),
  lower(context) {
    const [x, g] = [context.contiguous(0), context.contiguous(1)];
    const params = depthwiseParams(x.shape, context.attrs.dims, g.shape, context.attrs);
    context.emit(`conv_planes_depthwise_weight_grad_${shortOf(x.dtype)}`, { x, g }, { out: context.out() }, params);
  },
});

/** Elements of a line up to which a few lines of a plane fit the caches. */
const kLongLine = 2 ** 14;

/** Whether channels-first wins, for planes of these sizes: vectors of pixels may fit the lines of the result badly. */
function pays(image: Shape, result: Shape, taps: number): boolean {
  const [width, pixels] = [result[result.length - 1], sizeOf(result.slice(2))];
  const wasted = (Math.ceil(width / kLanes) * kLanes - width) * (pixels / width) * taps;
  const longest = Math.max(width, image[image.length - 1]);
  return longest <= kLongLine && wasted < (sizeOf(image.slice(2)) + pixels) * kCopyCost;
}

const attrsOf = ({ stride, pad, dilation, dims }: ConvAttrs): PlanesAttrs => ({ stride, pad, dilation, dims });

/** `op` of a and w, channels-last as all here, or `undefined` where it should stay so. */
function planesProduct(
  op: KernelOp<PlanesAttrs>,
  a: Tensor,
  w: Tensor,
  attrs: ConvAttrs,
  { isReadAs }: ChoiceContext,
): Tensor | undefined {
  const image = planesOf(a);
  if (!image || !isDepthwise(w, attrs.groups) || a.rank > 4 || !isReadAs(channelsFirstAxes(a.rank))) return undefined;
  const result = [...image.shape.slice(0, 2), ...attrs.dims];
  if (sizeOf(result) === 0 || !pays(image.shape, result, sizeOf(spatialOf(w.shape)))) return undefined;
  return toChannelsLast(apply(op, [image, planesOf(w) ?? toChannelsFirst(w)], attrsOf(attrs)));
}

export const depthwiseForward = (x: Tensor, w: Tensor, attrs: ConvAttrs, context: ChoiceContext): Tensor | undefined =>
  planesProduct(depthwisePlanesOp, x, w, attrs, context);

export const depthwiseInputGrad = (
  g: Tensor,
  w: Tensor,
  attrs: ConvAttrs,
  context: ChoiceContext,
): Tensor | undefined => planesProduct(depthwisePlanesInputGradOp, g, w, attrs, context);

/** `convWeightGrad` of x and g. */
export function depthwiseWeightGrad(x: Tensor, g: Tensor, attrs: ConvAttrs): Tensor | undefined {
  const [image, gradient] = [planesOf(x), planesOf(g)];
  const channels = x.shape[x.rank - 1];
  if (!image || !gradient || x.rank > 4 || sizeOf(g.shape) === 0) return undefined;
  if (attrs.groups === 1 || attrs.groups !== channels || channels !== g.shape[g.rank - 1]) return undefined;
  if (!pays(image.shape, gradient.shape, sizeOf(attrs.dims))) return undefined;
  return toChannelsLast(apply(depthwisePlanesWeightGradOp, [image, gradient], attrsOf(attrs)));
}
