/** Slicing and its inverse, placing: the two ops behind slices, padding, concatenation and their gradients. */
import { bytesOf } from '../dtype.js';
import { defineOp, type KernelOp, type ViewOp } from '../graph/node.js';
import { contiguousView, type View } from '../graph/view.js';
import { sizeOf, stridesOf } from '../shape.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { apply } from './apply.js';

type SliceAttrs = { starts: readonly number[]; sizes: readonly number[]; steps: readonly number[] };
type PlaceAttrs = { shape: readonly number[]; starts: readonly number[]; steps: readonly number[]; value: number };

function sliceView(input: View, { starts, sizes, steps }: SliceAttrs): View {
  return {
    shape: sizes,
    strides: input.strides.map((stride, i) => stride * steps[i]),
    offset: input.offset + input.strides.reduce((sum, stride, i) => sum + (sizes[i] > 0 ? stride * starts[i] : 0), 0),
  };
}

/** Along each axis: `sizes` elements from `starts`, every `steps`-th (negative: backwards). */
export const sliceOp: ViewOp<SliceAttrs> = defineOp<SliceAttrs, ViewOp<SliceAttrs>>({
  name: 'slice',
  kind: 'view',
  type: ([x], { sizes }) => ({ shape: sizes, dtype: x.dtype }),
  view: sliceView,
  gradient: (g, { inputs: [x], attrs: { starts, steps } }) => [apply(placeOp, [g], { shape: x.shape, starts, steps, value: 0 })],
});

/** A tensor of `shape` filled with `value`, except that the input stands at the places a slice would read. */
export const placeOp: KernelOp<PlaceAttrs> = defineOp<PlaceAttrs, KernelOp<PlaceAttrs>>({
  name: 'place',
  kind: 'kernel',
  type: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  gradient: (g, { inputs: [x], attrs: { starts, steps } }) => [apply(sliceOp, [g], { starts, sizes: x.shape, steps })],
  lower(context) {
    const { attrs, output } = context;
    const out = context.out();
    const region = { starts: attrs.starts, sizes: context.node.inputs[0].shape, steps: attrs.steps };
    if (sizeOf(region.sizes) < sizeOf(output.shape)) fill(context, out, attrs.value);
    if (sizeOf(region.sizes) > 0) copyInto(context, context.input(0), { ...out, ...sliceView(out, region) });
  },
  reference([x], out, { starts, steps, value }) {
    out.values.fill(value);
    const target = sliceView(contiguousView(out.shape), { starts, sizes: x.shape, steps });
    forEachPosition(target, (at, i) => {
      out.values[at] = x.values[i];
    });
  },
  sink(attrs, axes) {
    const back = (list: readonly number[]) => axes.map((_, i) => list[axes.indexOf(i)]);
    return { attrs: { ...attrs, shape: back(attrs.shape), starts: back(attrs.starts), steps: back(attrs.steps) }, axes };
  },
});

/** Fills `out` with a constant. */
export function fill(context: Pick<LowerContext, 'emit'>, out: Operand, value: number): void {
  context.emit('move_fill', {}, { y: out }, { n: sizeOf(out.shape), size: bytesOf(out.dtype), value: bitsOf(value, out) });
}

/** The bit pattern of an element in the low bytes of an integer parameter (exact up to 2^53). */
function bitsOf(value: number, { dtype }: Operand): number {
  if (value === 0 && !Object.is(value, -0)) return 0;
  if (dtype === 'float32') return new Uint32Array(Float32Array.of(value).buffer)[0];
  if (dtype === 'float64') return Number(new BigInt64Array(Float64Array.of(value).buffer)[0]);
  return value;
}

/** Copies between any two views of one shape and dtype. */
export function copyInto(context: Pick<LowerContext, 'emit'>, from: Operand, to: Operand): void {
  context.emit(
    'move_copy',
    { x: from },
    { y: to },
    { dims: to.shape, x_strides: from.strides, y_strides: to.strides, size: bytesOf(to.dtype) },
  );
}

/** Calls `visit(position, index)` for each element of a view in row-major order. */
export function forEachPosition(view: View, visit: (position: number, index: number) => void): void {
  const { shape, strides } = view;
  const size = sizeOf(shape);
  const rowMajor = stridesOf(shape);
  for (let i = 0; i < size; i++) {
    let position = view.offset;
    for (let d = 0; d < shape.length; d++) position += (Math.floor(i / rowMajor[d]) % shape[d]) * strides[d];
    visit(position, i);
  }
}
