/** View ops: the same elements under other shapes and strides. Neighbours: `shape-ops.ts` builds the public functions. */
import { ShapeError } from '../errors.js';
import { defineOp, type ViewOp } from '../graph/node.js';
import { expandView, permuteView, reshapeView } from '../graph/view.js';
import { showShape, sizeOf } from '../shape.js';
import { apply } from './apply.js';
import { sumTo } from './reduce.js';

type ShapeAttrs = { shape: readonly number[] };
type AxesAttrs = { axes: readonly number[] };

/** Same elements in row-major order under another shape. */
export const reshapeOp: ViewOp<ShapeAttrs> = defineOp<ShapeAttrs, ViewOp<ShapeAttrs>>({
  name: 'reshape',
  kind: 'view',
  type([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw new ShapeError(
        `reshape: ${showShape(x.shape)} has ${sizeOf(x.shape)} elements but ${showShape(shape)} needs ${sizeOf(shape)}`,
      );
    return { shape, dtype: x.dtype };
  },
  view: (input, { shape }) => reshapeView(input, shape),
  gradient: (g, { inputs: [x] }) => [apply(reshapeOp, [g], { shape: x.shape })],
});

/** Dimension i of the output is dimension axes[i] of the input. */
export const permuteOp: ViewOp<AxesAttrs> = defineOp<AxesAttrs, ViewOp<AxesAttrs>>({
  name: 'permute',
  kind: 'view',
  type: ([x], { axes }) => ({ shape: axes.map((axis) => x.shape[axis]), dtype: x.dtype }),
  view: (input, { axes }) => permuteView(input, axes),
  gradient(g, { attrs: { axes } }) {
    const back = axes.map((_, i) => axes.indexOf(i));
    return [apply(permuteOp, [g], { axes: back })];
  },
});

/** Broadcast to a larger shape. */
export const expandOp: ViewOp<ShapeAttrs> = defineOp<ShapeAttrs, ViewOp<ShapeAttrs>>({
  name: 'expand',
  kind: 'view',
  type([x], { shape }) {
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((dim, i) => dim !== 1 && dim !== shape[lead + i]))
      throw new ShapeError(`expand: ${showShape(x.shape)} cannot be broadcast to ${showShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  view: (input, { shape }) => expandView(input, shape),
  gradient: (g, { inputs: [x] }) => [sumTo(g, x.shape)],
});
