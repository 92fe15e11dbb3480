/**
 * The element types of tensors: their JavaScript arrays, sizes, and the promotion rules between them
 * (PyTorch's: bool < integers < floats; a JavaScript number never widens a tensor's category unless it must).
 */
import { freemem } from 'node:os';
import { ArgumentError, DTypeError, MemoryError } from './errors.js';

export interface DTypeFacts {
  float32: { array: Float32Array; item: number };
  float64: { array: Float64Array; item: number };
  int32: { array: Int32Array; item: number };
  int64: { array: BigInt64Array; item: bigint };
  uint8: { array: Uint8Array; item: number };
  bool: { array: Uint8Array; item: boolean };
}

/** Element type of a tensor. */
export type DType = keyof DTypeFacts;
/** dtypes that hold real numbers. */
export type FloatDType = 'float32' | 'float64';
/** dtypes that hold whole numbers. */
export type IntDType = 'int32' | 'int64' | 'uint8';
/** The typed array that holds a tensor's elements (`bool` is one byte per element, 0 or 1). */
export type TypedArrayOf<D extends DType> = DTypeFacts[D]['array'];
/** The JavaScript value of a single element. */
export type ItemOf<D extends DType> = DTypeFacts[D]['item'];
/** Any of the typed arrays that tensors use. */
export type TypedArray = DTypeFacts[DType]['array'];

interface DTypeInfo {
  /** bytes per element */
  readonly bytes: number;
  /** suffix of kernel names */
  readonly short: string;
  readonly array: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray;
  /** position in the promotion order */
  readonly rank: number;
  readonly kind: 'bool' | 'int' | 'float';
}

export const dtypeInfo: { readonly [D in DType]: DTypeInfo } = {
  bool: { bytes: 1, short: 'b8', array: Uint8Array, rank: 0, kind: 'bool' },
  uint8: { bytes: 1, short: 'u8', array: Uint8Array, rank: 1, kind: 'int' },
  int32: { bytes: 4, short: 'i32', array: Int32Array, rank: 2, kind: 'int' },
  int64: { bytes: 8, short: 'i64', array: BigInt64Array, rank: 3, kind: 'int' },
  float32: { bytes: 4, short: 'f32', array: Float32Array, rank: 4, kind: 'float' },
  float64: { bytes: 8, short: 'f64', array: Float64Array, rank: 5, kind: 'float' },
};

export const dtypes = Object.keys(dtypeInfo) as DType[];

/** Bytes per element. */
export const bytesOf = (dtype: DType): number => dtypeInfo[dtype].bytes;
/** The suffix that kernels of this dtype carry in their names. */
export const shortOf = (dtype: DType): string => dtypeInfo[dtype].short;

export const isFloat = (dtype: DType): dtype is FloatDType => dtypeInfo[dtype].kind === 'float';
export const isInt = (dtype: DType): dtype is IntDType => dtypeInfo[dtype].kind === 'int';

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && value in dtypeInfo;
}

/** Throws unless `value` names a dtype. `where` starts the message. */
export function checkDType(value: unknown, where: string): DType {
  if (isDType(value)) return value;
  throw new DTypeError(`${where}: unknown dtype ${JSON.stringify(value)}; use one of ${dtypes.join(', ')}`);
}

const ranges: { readonly [D in DType]?: readonly [least: number, greatest: number] } = {
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

/** The least and the greatest value of a whole-number dtype (the greatest int64 rounded up); undefined for others. */
export const rangeOf = (dtype: DType): readonly [least: number, greatest: number] | undefined => ranges[dtype];

/** Throws unless `dtype` holds `value` without its fraction. As in PyTorch, uint8 takes -255..-1 as modulo 256. */
export function checkValue(value: number, dtype: DType, where: string): void {
  const [least, greatest] = ranges[dtype] ?? [];
  if (least === undefined || greatest === undefined) return;
  const whole = Math.trunc(value);
  if (!(whole >= Math.min(least, -greatest) && whole < greatest + 1))
    throw new ArgumentError(`${where}: ${value} is no value of ${dtype}; use or cast to a dtype that holds it`);
}

/** The dtype that holds values of both, by PyTorch's rules. */
export function promote(a: DType, b: DType): DType {
  return dtypeInfo[a].rank >= dtypeInfo[b].rank ? a : b;
}

/** Each dtype with those that it absorbs. */
interface Absorbed {
  bool: 'bool';
  uint8: 'bool' | 'uint8';
  int32: 'bool' | 'uint8' | 'int32';
  int64: 'bool' | IntDType;
  float32: 'bool' | IntDType | 'float32';
  float64: DType;
}
type PromoteTable = { [A in DType]: { [B in DType]: B extends Absorbed[A] ? A : B } };
/** The type of `promote(a, b)`. */
export type Promote<A extends DType, B extends DType> = PromoteTable[A][B];

type FloatTable = { [D in DType]: D extends FloatDType ? D : 'float32' };
/** The dtype in which functions with fractional results see a dtype. */
export type FloatOf<D extends DType> = FloatTable[D];

type WholeTable = { [D in DType]: D extends 'bool' ? 'int64' : D };
/** The dtype that a dtype and the JavaScript number `N` make: fractions beside whole numbers make float32. */
export type Beside<D extends DType, N extends number> = number extends N
  ? WholeTable[D] | FloatTable[D]
  : `${N}` extends `${bigint}`
    ? WholeTable[D]
    : FloatTable[D];

const zeroFilled = (bytes: number): ArrayBufferLike => new ArrayBuffer(bytes);
/** Memory that threads can share, for `newArray`. */
export const sharedMemory = (bytes: number): ArrayBufferLike => new SharedArrayBuffer(bytes);

/**
 * A new array of `length` elements, zero-filled unless `allocate` gives other memory. `where` starts the MemoryError when
 * there is none.
 */
export function newArray<D extends DType>(
  dtype: D,
  length: number,
  where = 'tensor',
  allocate = zeroFilled,
): TypedArrayOf<D> {
  const bytes = length * bytesOf(dtype);
  try {
    return new dtypeInfo[dtype].array(allocate(bytes)) as TypedArrayOf<D>;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const available = freemem();
    throw new MemoryError(
      `${where}: ${length} elements of ${dtype} need ${showMiB(bytes)} in one array, which Node cannot allocate ` +
        `(${showMiB(available)} are available); use smaller shapes`,
      bytes,
      available,
    );
  }
}

/** `1.5 MiB`, as memory is written in messages. */
export const showMiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The dtype that a typed array naturally has; `Uint8Array` is `uint8`. */
export function dtypeOfArray(array: TypedArray): DType {
  for (const dtype of ['uint8', 'int32', 'int64', 'float32', 'float64'] as const)
    if (array instanceof dtypeInfo[dtype].array) return dtype;
  throw new DTypeError(
    `tensor: ${Object.prototype.toString.call(array).slice(8, -1)} is not supported; use Float32Array, Float64Array, ` +
      'Int32Array, BigInt64Array or Uint8Array',
  );
}
