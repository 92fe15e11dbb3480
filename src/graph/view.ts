/**
 * A view: how a tensor's elements lie in a flat buffer. View ops (reshape, permute, slice, expand, flip) only compute
 * a new view; kernels that accept strides read it in place, others are given a contiguous copy.
 */
import { type Shape, sizeOf, stridesOf } from '../shape.js';

/** Element `[i0, i1, ...]` stands at `offset + i0*strides[0] + i1*strides[1] + ...`; all counts are in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

export function contiguousView(shape: Shape, offset = 0): View {
  return { shape, strides: stridesOf(shape), offset };
}

/** True when the elements lie in row-major order without gaps. */
export function isContiguous(view: View): boolean {
  let expected = 1;
  for (let i = view.shape.length - 1; i >= 0; i--) {
    if (view.shape[i] !== 1 && view.strides[i] !== expected) return false;
    expected *= view.shape[i];
  }
  return true;
}

export function permuteView(view: View, axes: readonly number[]): View {
  return {
    shape: axes.map((axis) => view.shape[axis]),
    strides: axes.map((axis) => view.strides[axis]),
    offset: view.offset,
  };
}

/** Broadcast to `shape` (same or higher rank); new and size-1 dimensions get stride 0. */
export function expandView(view: View, shape: Shape): View {
  const lead = shape.length - view.shape.length;
  const strides = shape.map((dim, i) =>
    i < lead || (view.shape[i - lead] === 1 && dim !== 1) ? 0 : view.strides[i - lead],
  );
  return { shape, strides, offset: view.offset };
}

/** The same elements under another shape, or undefined when only a copy can give them. */
export function reshapeView(view: View, shape: Shape): View | undefined {
  if (sizeOf(shape) === 0 || isContiguous(view)) return { shape, strides: stridesOf(shape), offset: view.offset };
  // Dimensions that walk memory evenly are merged into runs; the new shape must cut those runs evenly.
  const runs: { size: number; stride: number }[] = [];
  view.shape.forEach((size, i) => {
    if (size === 1) return;
    const last = runs.at(-1);
    if (last && last.stride === view.strides[i] * size) {
      last.size *= size;
      last.stride = view.strides[i];
    } else runs.push({ size, stride: view.strides[i] });
  });
  const strides = new Array<number>(shape.length).fill(0);
  let at = shape.length - 1;
  for (const run of runs.reverse()) {
    let rest = run.size;
    let stride = run.stride;
    while (rest > 1) {
      if (at < 0 || rest % shape[at] !== 0) return undefined;
      strides[at] = stride;
      stride *= shape[at];
      rest /= shape[at];
      at--;
    }
  }
  return { shape, strides, offset: view.offset };
}

/** Drops size-1 dimensions and merges neighbours that every view walks evenly, so that loops have the least rank. */
export function collapseViews(
  shape: Shape,
  strides: readonly (readonly number[])[],
): { dims: number[]; strides: number[][] } {
  const dims: number[] = [];
  const out: number[][] = strides.map(() => []);
  shape.forEach((size, i) => {
    if (size === 1) return;
    const last = dims.length - 1;
    if (last >= 0 && strides.every((s, v) => out[v][last] === s[i] * size)) {
      dims[last] *= size;
      for (const [v, s] of strides.entries()) out[v][last] = s[i];
    } else {
      dims.push(size);
      for (const [v, s] of strides.entries()) out[v].push(s[i]);
    }
  });
  if (dims.length === 0) {
    dims.push(1);
    for (const s of out) s.push(0);
  }
  return { dims, strides: out };
}
