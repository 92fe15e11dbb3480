/** Rounds a double to what an element of a dtype can hold, as the native kernels do. */
import type { DType } from '../../dtype.js';

export function roundTo(dtype: DType, value: number): number {
  switch (dtype) {
    case 'float64':
      return value;
    case 'float32':
      return Math.fround(value);
    case 'int32':
      return value | 0;
    case 'int64':
      return Number.isFinite(value) ? Math.trunc(value) : 0;
    case 'uint8':
      return value & 255;
    case 'bool':
      return value !== 0 ? 1 : 0;
  }
}
