/** Abridged text of a tensor's elements, for `print()`. */
import type { DType, TypedArray } from './dtype.js';
import type { Shape } from './shape.js';
import { toItem } from './tensor.js';

const kEdge = 3;

function show(value: number | bigint | boolean): string {
  if (typeof value !== 'number' || Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(5)));
}

/** Nested brackets; only the first and last three entries of long dimensions are shown. */
export function inspectElements(array: TypedArray, shape: Shape, dtype: DType): string {
  const level = (axis: number, offset: number, size: number): string => {
    if (axis === shape.length) return show(toItem(array, offset, dtype));
    const step = shape[axis] === 0 ? 0 : size / shape[axis];
    const parts: string[] = [];
    for (let i = 0; i < shape[axis]; i++) {
      if (shape[axis] > 2 * kEdge && i === kEdge) {
        parts.push('...');
        i = shape[axis] - kEdge;
      }
      parts.push(level(axis + 1, offset + i * step, step));
    }
    const separator = axis === shape.length - 1 ? ', ' : `,\n${' '.repeat(axis + 1)}`;
    return `[${parts.join(separator)}]`;
  };
  return level(0, 0, array.length);
}
