/** Data sets over arrays in memory: one column per name, the first dimension counts the samples. */
import { type DType, dtypeOfArray, newArray, type TypedArray } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { dataNode } from '../graph/leaves.js';
import { checkShape, type Shape, showShape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Dataset, type Source } from './dataset.js';
import type { Sample } from './sample.js';

/** One column: elements of all samples in row-major order. */
export interface Column<D extends DType = DType> {
  readonly data: TypedArray;
  /** Samples first; `[data.length]` unless told. */
  readonly shape?: readonly number[];
  /** dtype of the tensors; the array's own unless told. */
  readonly dtype?: D;
  /**
   * Bytes only: what each of the 256 values becomes, as float32 (so that images stay small in memory). 256 values for
   * each channel, the first dimension of a sample, where they differ.
   */
  readonly lookup?: Float32Array;
}

interface Prepared {
  readonly data: TypedArray;
  /** Shape of one sample. */
  readonly shape: Shape;
  readonly size: number;
  readonly dtype: DType;
  readonly lookup?: Float32Array;
}

function prepare(name: string, column: Column): { count: number; prepared: Prepared } {
  const { data, lookup } = column;
  if (!ArrayBuffer.isView(data)) throw new ArgumentError(`fromArrays: column ${name} needs a typed array as data`);
  const [count, ...shape] = checkShape(column.shape ?? [data.length], 'fromArrays');
  if (count === undefined)
    throw new ShapeError(`fromArrays: column ${name} needs a first dimension that counts samples`);
  if (count * sizeOf(shape) !== data.length)
    throw new ShapeError(
      `fromArrays: column ${name} of shape ${showShape([count, ...shape])} needs ${count * sizeOf(shape)} elements, got ${data.length}`,
    );
  if (lookup && (!(data instanceof Uint8Array) || (lookup.length !== 256 && lookup.length !== 256 * shape[0])))
    throw new ArgumentError(
      `fromArrays: column ${name} with a lookup needs a Uint8Array and 256 values, or 256 for each channel`,
    );
  const dtype = lookup ? 'float32' : (column.dtype ?? dtypeOfArray(data));
  if (!lookup && newArray(dtype, 0).constructor !== data.constructor)
    throw new ArgumentError(`fromArrays: column ${name} is ${data.constructor.name}, which does not hold ${dtype}`);
  return { count, prepared: { data, shape, size: sizeOf(shape), dtype, lookup } };
}

/** One sample's bytes as floats, by the table of its channel. */
function lookUp(
  data: Uint8Array,
  from: number,
  size: number,
  lookup: Float32Array,
  out: Float32Array,
  to: number,
): void {
  const channel = (size * 256) / lookup.length;
  for (let base = 0, j = 0; base < lookup.length; base += 256)
    for (const end = j + channel; j < end; j++) out[to + j] = lookup[base + data[from + j]];
}

function gather({ data, shape, size, dtype, lookup }: Prepared, indices: Int32Array, lead: Shape): Tensor {
  const out = newArray(dtype, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * size;
    if (lookup) lookUp(data as Uint8Array, from, size, lookup, out as Float32Array, i * size);
    else if (size === 1) out[i] = data[from];
    else (out as Float32Array).set((data as Float32Array).subarray(from, from + size), i * size);
  }
  return new Tensor(dataNode(out, Object.freeze([...lead, ...shape]), dtype));
}

/** @internal The samples of columns. */
export function columnSource<T extends Sample>(columns: { readonly [Name in keyof T]: Column }): Source<T> {
  const prepared: [string, Prepared][] = [];
  let length: number | undefined;
  for (const [name, column] of Object.entries(columns) as [string, Column][]) {
    const made = prepare(name, column);
    if (length !== undefined && made.count !== length)
      throw new ShapeError(`fromArrays: column ${name} has ${made.count} samples but the ones before have ${length}`);
    length = made.count;
    prepared.push([name, made.prepared]);
  }
  if (length === undefined) throw new ArgumentError('fromArrays: needs at least one column');
  const take = (indices: Int32Array, lead: Shape) =>
    Object.fromEntries(prepared.map(([name, column]) => [name, gather(column, indices, lead)])) as unknown as T;
  return {
    length,
    get: (index) => take(Int32Array.of(index), []),
    batch: (indices) => take(indices, [indices.length]),
    column: (name) => prepared.find(([other, { size, lookup }]) => other === name && size === 1 && !lookup)?.[1].data,
  };
}

type ArrayDType<A> = A extends Float32Array
  ? 'float32'
  : A extends Float64Array
    ? 'float64'
    : A extends Int32Array
      ? 'int32'
      : A extends BigInt64Array
        ? 'int64'
        : 'uint8';

/** The tensors that a column becomes. */
type ColumnTensor<C> = C extends { readonly lookup: Float32Array }
  ? Tensor<'float32'>
  : C extends { readonly dtype: infer D extends DType }
    ? Tensor<D>
    : C extends { readonly data: infer A }
      ? Tensor<ArrayDType<A>>
      : never;

/**
 * A data set over arrays: `fromArrays({ x: { data, shape: [n, 4] }, y: { data: labels } })`. The arrays are not copied.
 * @throws ShapeError when columns differ in their number of samples or an array does not fit its shape.
 */
export function fromArrays<C extends Readonly<Record<string, Column>>>(
  columns: C,
): Dataset<{ readonly [Name in keyof C]: ColumnTensor<C[Name]> }> {
  const source = columnSource<{ readonly [Name in keyof C]: ColumnTensor<C[Name]> }>(columns);
  return new Dataset(() => source);
}
