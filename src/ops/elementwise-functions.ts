/** Public functions out of elementwise definitions, with the types that PyTorch's promotion rules give them. */
import { type Beside, type DType, type FloatDType, type FloatOf, isFloat, isInt, type Promote } from '../dtype.js';
import type { ElementwiseOp } from '../graph/node.js';
import { present, type Tensor } from '../tensor.js';
import { align, apply, checkTensor, constant, expandTo } from './apply.js';
import { cast } from './cast.js';
import { defineElementwise, type ElementwiseDefinition, floats, numeric } from './elementwise-core.js';

/** The dtype of arithmetic between two operands, one of which may be a JavaScript number. */
export type ResultOf<A, B> =
  A extends Tensor<infer D>
    ? B extends Tensor<infer E>
      ? Promote<D, E>
      : B extends number
        ? Beside<D, B>
        : never
    : A extends number
      ? B extends Tensor<infer E>
        ? Beside<E, A>
        : never
      : never;

/** Arithmetic on two operands that broadcast; dtypes are promoted, and a number takes the tensor's where it can. */
export interface Arithmetic {
  <D extends FloatDType>(a: Tensor<D>, b: Tensor<NoInfer<D>> | number): Tensor<D>;
  <D extends FloatDType>(a: number, b: Tensor<D>): Tensor<D>;
  <D extends DType>(a: Tensor<D>, b: Tensor<NoInfer<D>>): Tensor<D>;
  <A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Tensor<ResultOf<A, B>>;
}

/** Like `Arithmetic`, but whole numbers give float32. */
export interface Division {
  <D extends FloatDType>(a: Tensor<D>, b: Tensor<NoInfer<D>> | number): Tensor<D>;
  <D extends FloatDType>(a: number, b: Tensor<D>): Tensor<D>;
  <A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Tensor<FloatOf<ResultOf<A, B>>>;
}

/** A function of one float; whole numbers are taken as float32. */
export interface FloatFunction {
  <D extends FloatDType>(input: Tensor<D>): Tensor<D>;
  <D extends DType>(input: Tensor<D>): Tensor<FloatOf<D>>;
}

/** A function of one number that keeps its dtype. */
export type NumericFunction = <D extends DType>(input: Tensor<D>) => Tensor<D>;

/** The tensor itself when it holds floats, else its elements as float32. */
export function toFloat<D extends DType>(input: Tensor<D>): Tensor<FloatOf<D>> {
  return (isFloat(input.dtype) ? input : cast(input, 'float32')) as Tensor<FloatOf<D>>;
}

/** Zeros like `input`: the gradient of functions that are constant almost everywhere. */
export const zeroGradient = (input: Tensor): Tensor => expandTo(constant(0, input.dtype), input.shape);

/** `op` on any two operands. */
export const arithmetic = (op: ElementwiseOp): Arithmetic =>
  ((a: Tensor | number, b: Tensor | number) => apply(op, align(op.name, [a, b], cast))) as Arithmetic;

/** Arithmetic on numbers of any kind. */
export const numericArithmetic = (definition: ElementwiseDefinition): Arithmetic =>
  arithmetic(defineElementwise({ accepts: numeric, ...definition }));

export function floatFunction(definition: ElementwiseDefinition): FloatFunction {
  const op = defineElementwise({ accepts: floats, ...definition });
  return ((input: Tensor) => {
    checkTensor(input, op.name);
    return apply(op, [toFloat(input)]);
  }) as FloatFunction;
}

export function numericFunction(definition: ElementwiseDefinition): NumericFunction {
  const op = defineElementwise({ accepts: numeric, ...definition });
  return (input) => {
    checkTensor(input, op.name);
    return apply(op, [input]);
  };
}

/** A function that rounds floats and leaves whole numbers as they are. */
export function roundingFunction(definition: ElementwiseDefinition): NumericFunction {
  const op = defineElementwise({ accepts: floats, gradient: (g) => [zeroGradient(g)], ...definition });
  return (input) => {
    checkTensor(input, op.name);
    return isInt(input.dtype) ? present(input) : apply(op, [input]);
  };
}
