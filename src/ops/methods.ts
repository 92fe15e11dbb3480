/**
 * Ops as methods: `a.add(b)` is `add(a, b)`. The interfaces give the types, the table at the end puts the functions on
 * the prototype; a method declared without a function, or the other way round, does not compile.
 */
import type { Beside, DType, FloatOf, Promote } from '../dtype.js';
import { Tensor } from '../tensor.js';
import * as ops from './index.js';
import type { PadOptions } from './pad.js';
import type { Axes, ReduceOptions, SumDType } from './reduce.js';
import type { NormOptions, VarianceOptions } from './reduce-moments.js';
import type { SliceRange } from './slicing.js';
import type { Sorted, SortOptions, TopKOptions } from './sort.js';

/** Arithmetic; numbers take the tensor's dtype where they can. */
export interface ArithmeticMethods<D extends DType> {
  add<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  add<N extends number>(other: N): Tensor<Beside<D, N>>;
  sub<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  sub<N extends number>(other: N): Tensor<Beside<D, N>>;
  mul<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  mul<N extends number>(other: N): Tensor<Beside<D, N>>;
  div<E extends DType>(other: Tensor<E>): Tensor<FloatOf<Promote<D, E>>>;
  div(other: number): Tensor<FloatOf<D>>;
  floorDivide<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  floorDivide<N extends number>(other: N): Tensor<Beside<D, N>>;
  remainder<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  remainder<N extends number>(other: N): Tensor<Beside<D, N>>;
  pow<E extends DType>(exponent: Tensor<E>): Tensor<Promote<D, E>>;
  pow<N extends number>(exponent: N): Tensor<Beside<D, N>>;
  maximum<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  maximum<N extends number>(other: N): Tensor<Beside<D, N>>;
  minimum<E extends DType>(other: Tensor<E>): Tensor<Promote<D, E>>;
  minimum<N extends number>(other: N): Tensor<Beside<D, N>>;
  clamp<L extends number, H extends number = L>(min?: L, max?: H): Tensor<Beside<D, L | H>>;
  neg(): Tensor<D>;
  abs(): Tensor<D>;
  sign(): Tensor<D>;
  square(): Tensor<D>;
  reciprocal(): Tensor<FloatOf<D>>;
  matmul(other: Tensor<D>): Tensor<D>;
}

/** Functions of one number. */
export interface MathMethods<D extends DType> {
  exp(): Tensor<FloatOf<D>>;
  expm1(): Tensor<FloatOf<D>>;
  log(): Tensor<FloatOf<D>>;
  log1p(): Tensor<FloatOf<D>>;
  log2(): Tensor<FloatOf<D>>;
  sqrt(): Tensor<FloatOf<D>>;
  rsqrt(): Tensor<FloatOf<D>>;
  sin(): Tensor<FloatOf<D>>;
  cos(): Tensor<FloatOf<D>>;
  tan(): Tensor<FloatOf<D>>;
  tanh(): Tensor<FloatOf<D>>;
  sigmoid(): Tensor<FloatOf<D>>;
  erf(): Tensor<FloatOf<D>>;
  round(): Tensor<D>;
  floor(): Tensor<D>;
  ceil(): Tensor<D>;
  trunc(): Tensor<D>;
  relu(): Tensor<D>;
  softmax(axis?: number): Tensor<D>;
  logSoftmax(axis?: number): Tensor<D>;
  cast<E extends DType>(dtype: E): Tensor<E>;
}

/** Comparisons and logic. */
export interface CompareMethods<D extends DType> {
  equal(other: Tensor | number): Tensor<'bool'>;
  notEqual(other: Tensor | number): Tensor<'bool'>;
  less(other: Tensor | number): Tensor<'bool'>;
  lessEqual(other: Tensor | number): Tensor<'bool'>;
  greater(other: Tensor | number): Tensor<'bool'>;
  greaterEqual(other: Tensor | number): Tensor<'bool'>;
  isNaN(): Tensor<'bool'>;
  isFinite(): Tensor<'bool'>;
  isInf(): Tensor<'bool'>;
  logicalAnd(other: Tensor | boolean): Tensor<'bool'>;
  logicalOr(other: Tensor | boolean): Tensor<'bool'>;
  logicalXor(other: Tensor | boolean): Tensor<'bool'>;
  logicalNot(): Tensor<'bool'>;
  /** The elements where `condition` holds, else those of `other`. */
  where<E extends DType>(condition: Tensor<'bool'>, other: Tensor<E>): Tensor<Promote<D, E>>;
  where<N extends number>(condition: Tensor<'bool'>, other: N): Tensor<Beside<D, N>>;
}

/** Reductions and scans. */
export interface ReduceMethods<D extends DType> {
  sum(axes?: Axes, options?: ReduceOptions): Tensor<SumDType<D>>;
  prod(axes?: Axes, options?: ReduceOptions): Tensor<SumDType<D>>;
  mean(axes?: Axes, options?: ReduceOptions): Tensor<D>;
  variance(axes?: Axes, options?: VarianceOptions): Tensor<D>;
  std(axes?: Axes, options?: VarianceOptions): Tensor<D>;
  norm(axes?: Axes, options?: NormOptions): Tensor<D>;
  logSumExp(axes?: Axes, options?: ReduceOptions): Tensor<FloatOf<D>>;
  max(axes?: Axes, options?: ReduceOptions): Tensor<D>;
  min(axes?: Axes, options?: ReduceOptions): Tensor<D>;
  argMax(axis?: number, options?: ReduceOptions): Tensor<'int32'>;
  argMin(axis?: number, options?: ReduceOptions): Tensor<'int32'>;
  any(axes?: Axes, options?: ReduceOptions): Tensor<'bool'>;
  all(axes?: Axes, options?: ReduceOptions): Tensor<'bool'>;
  cumSum(axis: number): Tensor<SumDType<D>>;
  cumProd(axis: number): Tensor<SumDType<D>>;
}

/** Shapes, parts and order. */
export interface ShapeMethods<D extends DType> {
  reshape(shape: readonly number[]): Tensor<D>;
  flatten(startAxis?: number, endAxis?: number): Tensor<D>;
  squeeze(axes?: number | readonly number[]): Tensor<D>;
  unsqueeze(axis: number): Tensor<D>;
  permute(axes: readonly number[]): Tensor<D>;
  transpose(axis0?: number, axis1?: number): Tensor<D>;
  expand(shape: readonly number[]): Tensor<D>;
  slice(ranges: readonly SliceRange[]): Tensor<D>;
  narrow(axis: number, start: number, length: number): Tensor<D>;
  select(axis: number, index: number): Tensor<D>;
  flip(axes?: number | readonly number[]): Tensor<D>;
  split(sizes: number | readonly number[], axis?: number): Tensor<D>[];
  chunk(count: number, axis?: number): Tensor<D>[];
  tile(counts: readonly number[]): Tensor<D>;
  pad(widths: readonly (readonly [before: number, after: number])[], options?: PadOptions): Tensor<D>;
  tril(k?: number): Tensor<D>;
  triu(k?: number): Tensor<D>;
  gather(axis: number, index: Tensor<'int32' | 'int64'>): Tensor<D>;
  indexSelect(axis: number, index: Tensor<'int32' | 'int64'>): Tensor<D>;
  sort(axis?: number, options?: SortOptions): Sorted<D>;
  argSort(axis?: number, options?: SortOptions): Tensor<'int64'>;
  topK(k: number, options?: TopKOptions): Sorted<D>;
}

/** All methods. */
export interface TensorMethods<D extends DType>
  extends ArithmeticMethods<D>,
    MathMethods<D>,
    CompareMethods<D>,
    ReduceMethods<D>,
    ShapeMethods<D> {}

declare module '../tensor.js' {
  interface Tensor<D extends DType = DType> extends TensorMethods<D> {}
}

type MethodName = Exclude<keyof TensorMethods<DType>, 'where'>;

const methods: { readonly [Name in MethodName]: (typeof ops)[Name] } = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  floorDivide: ops.floorDivide,
  remainder: ops.remainder,
  pow: ops.pow,
  maximum: ops.maximum,
  minimum: ops.minimum,
  clamp: ops.clamp,
  neg: ops.neg,
  abs: ops.abs,
  sign: ops.sign,
  square: ops.square,
  reciprocal: ops.reciprocal,
  matmul: ops.matmul,
  exp: ops.exp,
  expm1: ops.expm1,
  log: ops.log,
  log1p: ops.log1p,
  log2: ops.log2,
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  sin: ops.sin,
  cos: ops.cos,
  tan: ops.tan,
  tanh: ops.tanh,
  sigmoid: ops.sigmoid,
  erf: ops.erf,
  round: ops.round,
  floor: ops.floor,
  ceil: ops.ceil,
  trunc: ops.trunc,
  relu: ops.relu,
  softmax: ops.softmax,
  logSoftmax: ops.logSoftmax,
  cast: ops.cast,
  equal: ops.equal,
  notEqual: ops.notEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
  isNaN: ops.isNaN,
  isFinite: ops.isFinite,
  isInf: ops.isInf,
  logicalAnd: ops.logicalAnd,
  logicalOr: ops.logicalOr,
  logicalXor: ops.logicalXor,
  logicalNot: ops.logicalNot,
  sum: ops.sum,
  prod: ops.prod,
  mean: ops.mean,
  variance: ops.variance,
  std: ops.std,
  norm: ops.norm,
  logSumExp: ops.logSumExp,
  max: ops.max,
  min: ops.min,
  argMax: ops.argMax,
  argMin: ops.argMin,
  any: ops.any,
  all: ops.all,
  cumSum: ops.cumSum,
  cumProd: ops.cumProd,
  reshape: ops.reshape,
  flatten: ops.flatten,
  squeeze: ops.squeeze,
  unsqueeze: ops.unsqueeze,
  permute: ops.permute,
  transpose: ops.transpose,
  expand: ops.expand,
  slice: ops.slice,
  narrow: ops.narrow,
  select: ops.select,
  flip: ops.flip,
  split: ops.split,
  chunk: ops.chunk,
  tile: ops.tile,
  pad: ops.pad,
  tril: ops.tril,
  triu: ops.triu,
  gather: ops.gather,
  indexSelect: ops.indexSelect,
  sort: ops.sort,
  argSort: ops.argSort,
  topK: ops.topK,
};

type Method = (input: Tensor, ...args: never[]) => unknown;
for (const [name, op] of Object.entries(methods as unknown as Record<string, Method>))
  define(name, function (...args) {
    return op(this, ...args);
  });
define('where', function (condition: Tensor<'bool'>, other: Tensor) {
  return ops.where(condition, this, other);
});

function define(name: string, value: (this: Tensor, ...args: never[]) => unknown): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
