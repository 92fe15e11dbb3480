/**
 * Slicing and its inverse, placing: the two primitives behind slices, padding, concatenation and their gradients.
 * Neighbours: `slicing.ts`, `pad.ts` and `join.ts` build the public functions.
 */
import { bytesOf, type DType, newArray } from '../dtype.js';
import { defineOp, type KernelOp, type ViewOp } from '../graph/node.js';
import { collapseViews, contiguousView, type View } from '../graph/view.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { sizeOf, stridesOf } from '../shape.js';
import { present, type Tensor } from '../tensor.js';
import { apply } from './apply.js';

type SliceAttrs = { starts: readonly number[]; sizes: readonly number[]; steps: readonly number[] };
type PlaceAttrs = { shape: readonly number[]; starts: readonly number[]; steps: readonly number[]; value: number };

/** One entry per axis of a permuted tensor, in the order of the axes before the permutation. */
export const unpermute = (list: readonly number[], axes: readonly number[]): number[] =>
  axes.map((_, i) => list[axes.indexOf(i)]);

export function sliceView(input: View, { starts, sizes, steps }: SliceAttrs): View {
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
  gradient: (g, { inputs: [x], attrs: { starts, steps } }) => [
    apply(placeOp, [g], { shape: x.shape, starts, steps, value: 0 }),
  ],
  sink({ starts, sizes, steps }, axes) {
    const moved = { starts: unpermute(starts, axes), sizes: unpermute(sizes, axes), steps: unpermute(steps, axes) };
    return { attrs: moved, axes };
  },
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
    const { shape, starts, steps } = attrs;
    const moved = { shape: unpermute(shape, axes), starts: unpermute(starts, axes), steps: unpermute(steps, axes) };
    return { attrs: { ...attrs, ...moved }, axes };
  },
});

/** @internal `size` elements from `start` on along one axis; both checked. */
export function part<D extends DType>(input: Tensor<D>, axis: number, start: number, size: number): Tensor<D> {
  if (start === 0 && size === input.shape[axis]) return present(input);
  const starts = input.shape.map((_, i) => (i === axis ? start : 0));
  const sizes = input.shape.map((dim, i) => (i === axis ? size : dim));
  return apply<D>(sliceOp, [input], { starts, sizes, steps: sizes.map(() => 1) });
}

/** Fills `out` with a constant. */
export function fill(context: Pick<LowerContext, 'emit'>, out: Operand, value: number): void {
  const bits = bitsOf(value, out.dtype);
  context.emit('move_fill', {}, { y: out }, { n: sizeOf(out.shape), size: bytesOf(out.dtype), ...bits });
}

/** The bit pattern of an element, as two halves that are exact integer parameters. */
function bitsOf(value: number, dtype: DType): { low: number; high: number } {
  const element = newArray(dtype, 1);
  element[0] = dtype === 'int64' ? BigInt(Math.trunc(value)) : value;
  const words = new DataView(new ArrayBuffer(8));
  new Uint8Array(element.buffer).forEach((byte, i) => {
    words.setUint8(i, byte);
  });
  return { low: words.getUint32(0, true), high: words.getUint32(4, true) };
}

/** Copies between any two views of one shape (not empty) and dtype. */
export function copyInto(context: Pick<LowerContext, 'emit'>, from: Operand, to: Operand): void {
  const { dims, strides } = collapseViews(to.shape, [from.strides, to.strides]);
  const params = { dims, x_strides: strides[0], y_strides: strides[1], size: bytesOf(to.dtype) };
  context.emit('move_copy', { x: from }, { y: to }, params);
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
