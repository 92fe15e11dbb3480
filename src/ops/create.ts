/** Tensors made from nothing. Constants are lazy: they take no memory until something needs their elements. */
import { checkDType, checkValue, type DType, isFloat, newArray } from '../dtype.js';
import { ArgumentError, DTypeError } from '../errors.js';
import { dataNode } from '../graph/leaves.js';
import { checkShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { apply, checkTensor, constant, expandTo } from './apply.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { reshapeOp } from './view.js';

/** Options of the creation functions. */
export interface CreateOptions<D extends DType> {
  /** float32 unless told. */
  readonly dtype?: D;
}

/**
 * A tensor of `shape` filled with `value`. float32 unless told, bool for a boolean.
 * @throws ShapeError for a bad shape; DTypeError for an unknown dtype.
 */
export function full(shape: Shape, value: boolean, options?: CreateOptions<'bool'>): Tensor<'bool'>;
export function full<D extends DType = 'float32'>(shape: Shape, value: number, options?: CreateOptions<D>): Tensor<D>;
export function full(shape: Shape, value: number | boolean, options: CreateOptions<DType> = {}): Tensor {
  return filled('full', shape, value, options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'));
}

function filled<D extends DType>(where: string, shape: Shape, value: number | boolean, dtype: D): Tensor<D> {
  checkDType(dtype, where);
  if (!isFloat(dtype) && !Number.isFinite(Number(value)))
    throw new ArgumentError(`${where}: ${value} is no value of ${dtype}; use float32 or float64`);
  checkValue(Number(value), dtype, where);
  return expandTo(constant(Number(value), dtype), checkShape(shape, where));
}

/** Zeros of `shape`, float32 unless told. */
export function zeros<D extends DType = 'float32'>(shape: Shape, options: CreateOptions<D> = {}): Tensor<D> {
  return filled('zeros', shape, 0, options.dtype ?? ('float32' as D));
}

/** Ones of `shape`, float32 unless told. */
export function ones<D extends DType = 'float32'>(shape: Shape, options: CreateOptions<D> = {}): Tensor<D> {
  return filled('ones', shape, 1, options.dtype ?? ('float32' as D));
}

/** A tensor of the shape and (unless told) dtype of `input`, filled with `value`. */
export function fullLike<D extends DType>(
  input: Tensor<D>,
  value: number | boolean,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkTensor(input, 'fullLike');
  return filled('fullLike', input.shape, value, options.dtype ?? input.dtype);
}

/** Zeros of the shape and (unless told) dtype of `input`. */
export function zerosLike<D extends DType>(input: Tensor<D>, options: CreateOptions<D> = {}): Tensor<D> {
  checkTensor(input, 'zerosLike');
  return filled('zerosLike', input.shape, 0, options.dtype ?? input.dtype);
}

/** Ones of the shape and (unless told) dtype of `input`. */
export function onesLike<D extends DType>(input: Tensor<D>, options: CreateOptions<D> = {}): Tensor<D> {
  checkTensor(input, 'onesLike');
  return filled('onesLike', input.shape, 1, options.dtype ?? input.dtype);
}

/** A vector of `valueAt(0)`, `valueAt(1)`, ... */
function sequence<D extends DType>(where: string, length: number, dtype: D, valueAt: (i: number) => number): Tensor<D> {
  if (checkDType(dtype, where) === 'bool') throw new DTypeError(`${where}: bool holds no numbers; use another dtype`);
  const array = newArray<DType>(dtype, length, where);
  for (let i = 0; i < length; i++) array[i] = dtype === 'int64' ? BigInt(Math.trunc(valueAt(i))) : valueAt(i);
  return new Tensor<D>(dataNode(array, [length], dtype));
}

function checkNumbers(where: string, numbers: readonly unknown[]): asserts numbers is readonly number[] {
  for (const number of numbers)
    if (!Number.isFinite(number)) throw new ArgumentError(`${where}: needs finite numbers, got ${String(number)}`);
}

/**
 * start, start + step, ... up to but without end; `arange(end)` starts at 0. float32 unless told.
 * @throws ArgumentError when the step is 0 or leads away from the end.
 */
export function arange<D extends DType = 'float32'>(end: number, options?: CreateOptions<D>): Tensor<D>;
export function arange<D extends DType = 'float32'>(start: number, end: number, options?: CreateOptions<D>): Tensor<D>;
export function arange<D extends DType = 'float32'>(
  start: number,
  end: number,
  step: number,
  options?: CreateOptions<D>,
): Tensor<D>;
export function arange(...args: (number | CreateOptions<DType> | undefined)[]): Tensor {
  const last = args.findLast((arg) => arg !== undefined);
  const { dtype = 'float32' } = typeof last === 'object' ? last : {};
  const numbers = args.filter((arg) => typeof arg !== 'object' && arg !== undefined);
  checkNumbers('arange', numbers);
  const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers;
  if (step === 0) throw new ArgumentError('arange: step must not be 0');
  const length = Math.ceil((end - start) / step);
  if (!(length >= 0)) throw new ArgumentError(`arange: step ${step} leads away from ${end} when starting at ${start}`);
  return sequence('arange', length, dtype, (i) => start + i * step);
}

/**
 * `steps` numbers from `start` to `end`, both included, evenly spaced. float32 unless told.
 * @throws ArgumentError when `steps` is not a non-negative integer.
 */
export function linspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkNumbers('linspace', [start, end]);
  if (!Number.isSafeInteger(steps) || steps < 0)
    throw new ArgumentError(`linspace: steps must be a non-negative integer, got ${steps}`);
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  // From both ends, so that both are met exactly.
  const valueAt = (i: number) => (2 * i < steps ? start + i * step : end - (steps - 1 - i) * step);
  return sequence('linspace', steps, options.dtype ?? ('float32' as D), valueAt);
}

/** A matrix of `rows` by `columns` (as many as rows unless told) with ones on its diagonal. float32 unless told. */
export function eye<D extends DType = 'float32'>(
  rows: number,
  columns: number = rows,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkShape([rows, columns], 'eye');
  const row = apply(reshapeOp, [arange(rows, { dtype: 'int32' })], { shape: [rows, 1] });
  return cast(equal(row, arange(columns, { dtype: 'int32' })), options.dtype ?? ('float32' as D));
}
