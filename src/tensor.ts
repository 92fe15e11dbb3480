/**
 * The tensor that users hold: an immutable, lazily computed, typed n-dimensional array. It is a thin handle on a graph
 * node; ops are added as methods by `ops/methods.ts`, reading is done through the runtime that `setReader` installs.
 */
import {
  checkValue,
  type DType,
  dtypeOfArray,
  type ItemOf,
  isDType,
  newArray,
  type TypedArray,
  type TypedArrayOf,
} from './dtype.js';
import { ArgumentError, DTypeError, ShapeError, StateError } from './errors.js';
import { dataNode } from './graph/leaves.js';
import type { Node } from './graph/node.js';
import { refuseWhileTracing } from './graph/trace.js';
import { checkShape, type Shape, showShape, sizeOf } from './shape.js';

/** Options of a run. */
export interface RunOptions {
  /** Stops the run between two kernels; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of reading elements. */
export interface DataOptions extends RunOptions {
  /** False for the tensor's own elements, which must not be changed, instead of a copy. */
  readonly copy?: boolean;
}

type Reader = (nodes: readonly Node[], options?: RunOptions) => Promise<TypedArray[]>;
let reader: Reader | undefined;

/** @internal The runtime installs how nodes are computed. */
export function setReader(read: Reader): void {
  reader = read;
}

/** Nested JavaScript arrays of numbers, bigints or booleans. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[];

/**
 * An immutable n-dimensional array of one dtype. Ops on it add to a graph and check shapes and dtypes at once; nothing
 * is computed until `data()`, `item()`, `toArray()` or `print()` is awaited. No clean-up call exists or is needed.
 */
export class Tensor<D extends DType = DType> {
  readonly #node: Node | undefined;

  /** @internal Use `tensor()`, the creation ops, or an op. */
  constructor(node: Node | undefined) {
    this.#node = node;
  }

  /** @internal The graph node that stands for the value now. */
  get node(): Node {
    if (!this.#node) throw new StateError('tensor: no node');
    return this.#node;
  }

  /** Dimensions, outermost first; `[]` for a scalar. */
  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): D {
    return this.node.dtype as D;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.node.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.node.shape);
  }

  /**
   * Computes the tensor and gives its elements in row-major order, as a copy of the caller's own unless `copy` is false.
   * @throws BrawnError subclasses for faults found while running; the signal's reason when aborted.
   */
  data(options?: DataOptions): Promise<TypedArrayOf<D>> {
    // A variable's own elements change when it does.
    const isOwn = options?.copy === false && this.node.source?.kind !== 'state';
    return read(this, 'data', options, (elements) => (isOwn ? elements : elements.slice()) as TypedArrayOf<D>);
  }

  /**
   * Computes the tensor and gives its only element: a number, a bigint for int64, a boolean for bool.
   * @throws ShapeError unless the tensor has exactly one element.
   */
  item(options?: RunOptions): Promise<ItemOf<D>> {
    if (this.size !== 1)
      throw new ShapeError(
        `item: needs a tensor with one element, but this one has shape ${showShape(this.shape)}; use data()`,
      );
    return read(this, 'item', options, (elements) => toItem(elements, 0, this.dtype) as ItemOf<D>);
  }

  /** Computes the tensor and gives nested arrays (a bare value for a scalar). */
  toArray(options?: RunOptions): Promise<NestedArray> {
    return read(this, 'toArray', options, (elements) => nest(elements, this.shape, this.dtype));
  }

  /** Computes the tensor and writes it to the console, abridged. */
  print(options?: RunOptions): Promise<void> {
    return read(this, 'print', options, async (elements) => {
      const { inspectElements } = await import('./inspect.js');
      console.log(`${this} ${inspectElements(elements, this.shape, this.dtype)}`);
    });
  }

  toString(): string {
    return `Tensor<${this.dtype}>${showShape(this.shape)}`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** Tensors are not numbers; this catches `a + b` and `if (a < b)`. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new ArgumentError(
      'tensor: JavaScript operators do not work on tensors; use methods such as a.add(b) or a.less(b)',
    );
  }
}

/**
 * @internal For ops that have nothing to do: the tensor itself, but of a variable its value now, since what an op gives
 * must not change with the variable.
 */
export function present<D extends DType>(input: Tensor<D>): Tensor<D> {
  return input.constructor === Tensor ? input : new Tensor<D>(input.node);
}

/** Computes the tensor as it stands at this call, then gives its elements to `use`. */
function read<T>(
  tensor: Tensor,
  method: string,
  options: RunOptions | undefined,
  use: (elements: TypedArray) => T | Promise<T>,
): Promise<T> {
  refuseWhileTracing(`${method}()`);
  const { node } = tensor;
  if (node.storage && !options?.signal?.aborted) return Promise.resolve(node.storage).then(use);
  if (!reader) throw new StateError('tensor: no runtime is installed; import from "brawn"');
  return reader([node], options).then(([elements]) => use(elements));
}

export function toItem(array: TypedArray, index: number, dtype: DType): number | bigint | boolean {
  return dtype === 'bool' ? array[index] !== 0 : array[index];
}

function nest(array: TypedArray, shape: Shape, dtype: DType): NestedArray {
  let at = 0;
  const level = (axis: number): NestedArray =>
    axis === shape.length ? toItem(array, at++, dtype) : Array.from({ length: shape[axis] }, () => level(axis + 1));
  return level(0);
}

/** Options of `tensor()`. */
export interface TensorOptions<D extends DType> {
  readonly dtype?: D;
  /** Required to give a flat typed array more than one dimension. */
  readonly shape?: readonly number[];
  /**
   * False for a tensor that reads the typed array itself, at no cost; the array must not be changed as long as the tensor
   * is used. Needs an array of the tensor's dtype.
   */
  readonly copy?: boolean;
  /** Keep the graph behind this tensor so that `grad` works also after values have been read. */
  readonly requiresGrad?: boolean;
}

type DTypeOfData<T> = T extends Float32Array
  ? 'float32'
  : T extends Float64Array
    ? 'float64'
    : T extends Int32Array
      ? 'int32'
      : T extends BigInt64Array
        ? 'int64'
        : T extends Uint8Array
          ? 'uint8'
          : 'float32';

/**
 * A tensor of the given elements: a number, nested arrays, or a typed array (copied unless `copy` is false) with `shape`.
 * Without `dtype`: the typed array's own; float32 for numbers, bool for booleans, int64 for bigints.
 * @throws ShapeError for ragged arrays or a shape that does not hold the elements; DTypeError for mixed values;
 * ArgumentError for `copy: false` where only a copy can be read.
 */
export function tensor(data: boolean | readonly boolean[], options?: TensorOptions<'bool'>): Tensor<'bool'>;
export function tensor<T extends TypedArray>(
  data: T,
  options?: { shape?: readonly number[]; requiresGrad?: boolean; copy?: boolean; dtype?: undefined },
): Tensor<DTypeOfData<T>>;
export function tensor<D extends DType = 'float32'>(
  data: NestedArray | TypedArray,
  options?: TensorOptions<D>,
): Tensor<D>;
export function tensor(data: NestedArray | TypedArray, options: TensorOptions<DType> = {}): Tensor {
  const { dtype } = options;
  if (dtype !== undefined && !isDType(dtype)) throw new DTypeError(`tensor: unknown dtype ${JSON.stringify(dtype)}`);
  if (options.copy === false && !ArrayBuffer.isView(data))
    throw new ArgumentError('tensor: copy: false needs a typed array');
  const [flat, shape] = ArrayBuffer.isView(data) ? fromTyped(data as TypedArray, options) : fromNested(data, options);
  return new Tensor(dataNode(flat.array, shape, flat.dtype, options.requiresGrad));
}

interface Elements {
  array: TypedArray;
  dtype: DType;
}

function fromTyped(data: TypedArray, options: TensorOptions<DType>): [Elements, Shape] {
  const natural = dtypeOfArray(data);
  const dtype = options.dtype ?? natural;
  const shape = checkShape(options.shape ?? [data.length], 'tensor');
  if (sizeOf(shape) !== data.length)
    throw new ShapeError(
      `tensor: shape ${showShape(shape)} has ${sizeOf(shape)} elements but the data has ${data.length}`,
    );
  if (options.copy === false) {
    if (dtype !== natural)
      throw new ArgumentError(`tensor: copy: false needs elements of ${dtype}, but the array has ${natural}`);
    return [{ array: data, dtype }, shape];
  }
  const array = newArray(dtype, data.length);
  if (dtype === natural) (array as Float32Array).set(data as Float32Array);
  else for (let i = 0; i < data.length; i++) array[i] = convert(data[i], dtype) as number;
  return [{ array, dtype }, shape];
}

function fromNested(data: NestedArray, options: TensorOptions<DType>): [Elements, Shape] {
  const natural: number[] = [];
  for (let level: NestedArray = data; Array.isArray(level); level = level[0]) {
    natural.push(level.length);
    if (level.length === 0) break;
  }
  const values: (number | bigint | boolean)[] = [];
  const visit = (level: NestedArray, axis: number): void => {
    const isArray = Array.isArray(level);
    if (isArray !== axis < natural.length || (isArray && level.length !== natural[axis]))
      throw new ShapeError(`tensor: nested arrays are ragged at depth ${axis}: expected shape ${showShape(natural)}`);
    if (isArray) for (const item of level) visit(item, axis + 1);
    else values.push(level as number);
  };
  visit(data, 0);
  const kinds = new Set(values.map((value) => typeof value));
  for (const kind of kinds)
    if (kind !== 'number' && kind !== 'boolean' && kind !== 'bigint')
      throw new DTypeError(`tensor: elements must be numbers, bigints or booleans, got ${kind}`);
  const dtype =
    options.dtype ?? (kinds.has('number') || kinds.size === 0 ? 'float32' : kinds.has('bigint') ? 'int64' : 'bool');
  const shape = checkShape(options.shape ?? natural, 'tensor');
  if (sizeOf(shape) !== values.length)
    throw new ShapeError(
      `tensor: shape ${showShape(shape)} has ${sizeOf(shape)} elements but the data has ${values.length}`,
    );
  const array = newArray(dtype, values.length);
  for (const [i, value] of values.entries()) array[i] = convert(value, dtype) as number;
  return [{ array, dtype }, shape];
}

/** One JavaScript value as an element of `dtype`; fractions are cut off for whole-number dtypes. */
function convert(value: number | bigint | boolean, dtype: DType): number | bigint {
  if (dtype === 'int64') {
    if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) throw new ArgumentError(`tensor: ${value} is no value of int64`);
      return value;
    }
    const whole = Math.trunc(Number(value));
    if (!Number.isSafeInteger(whole))
      throw new ArgumentError(`tensor: ${value} is not a safe integer for int64; pass a bigint`);
    return BigInt(whole);
  }
  if (dtype === 'bool') return value ? 1 : 0;
  checkValue(Number(value), dtype, 'tensor');
  return Number(value);
}
