/**
 * Arithmetic on shapes: sizes, strides, axes and NumPy broadcasting. Shapes are frozen arrays of non-negative
 * integers; `[]` is a scalar.
 */
import { ArgumentError, ShapeError } from './errors.js';

/** Dimensions of a tensor, outermost first. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** `[2,3]`, as shapes are written in every message. */
export const showShape = (shape: Shape): string => `[${shape.join(',')}]`;

/** Throws unless every dimension is a non-negative integer. */
export function checkShape(shape: readonly number[], where: string): Shape {
  if (!Array.isArray(shape)) throw new ShapeError(`${where}: shape must be an array of integers, got ${String(shape)}`);
  for (const dim of shape)
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new ShapeError(`${where}: shape ${showShape(shape)} has dimension ${dim}; use non-negative integers`);
  if (!Number.isSafeInteger(sizeOf(shape))) throw new ShapeError(`${where}: shape ${showShape(shape)} is too large`);
  return Object.freeze([...shape]);
}

/** An axis counted from the end when negative, as a plain index; throws when out of bounds. */
export function normalizeAxis(axis: number, rank: number, where: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new ArgumentError(
      rank === 0
        ? `${where}: axis ${axis} is out of bounds for a scalar (rank 0), which has no axes`
        : `${where}: axis ${axis} is out of bounds for rank ${rank}; use ${-rank}..${rank - 1}`,
    );
  return axis < 0 ? axis + rank : axis;
}

/** Axes as sorted plain indices without repetition; `undefined` means all of them. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, where: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : [...axes]).map((axis) => normalizeAxis(axis, rank, where));
  if (new Set(list).size !== list.length)
    throw new ArgumentError(`${where}: axes [${String(axes)}] name one axis twice for rank ${rank}`);
  return list.sort((a, b) => a - b);
}

/** The shape that all given shapes broadcast to (NumPy's rule), or a `ShapeError`. */
export function broadcastShapes(shapes: readonly Shape[], where: string): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      if (shape[i] === out[at] || shape[i] === 1) continue;
      if (out[at] !== 1)
        throw new ShapeError(
          `${where}: shapes ${shapes.map(showShape).join(' and ')} do not broadcast: dimension ${at} is ${out[at]} in one and ${shape[i]} in the other`,
        );
      out[at] = shape[i];
    }
  }
  if (!Number.isSafeInteger(sizeOf(out)))
    throw new ShapeError(
      `${where}: shapes ${shapes.map(showShape).join(' and ')} broadcast to ${showShape(out)}, which has too many elements`,
    );
  return out;
}
