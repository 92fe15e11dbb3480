/**
 * First values of parameters. The defaults of layers are PyTorch's. All draw from the default generator when they are
 * called, and are computed when the parameter is first used.
 */
import { ShapeError } from '../errors.js';
import { normal, uniform } from '../ops/index.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

/** Inputs and outputs of one unit for a weight [out, in, ...kernel]. @throws ShapeError for fewer than 2 dimensions. */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) throw new ShapeError(`fans: a weight needs at least two dimensions, got ${showShape(shape)}`);
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

/** Options of the Kaiming initialisers. */
export interface KaimingOptions {
  /** Negative slope of the leaky ReLU that follows; 0 (a plain ReLU) unless told. */
  readonly slope?: number;
  /** Keep the variance of the forward (`in`, unless told) or the backward pass (`out`). */
  readonly mode?: 'in' | 'out';
}

const kaimingDeviation = (shape: Shape, { slope = 0, mode = 'in' }: KaimingOptions): number => {
  const { fanIn, fanOut } = fans(shape);
  return Math.sqrt(2 / (1 + slope * slope) / (mode === 'in' ? fanIn : fanOut));
};

/** Uniform with variance 2 / ((1 + slope^2) fan) (He et al., "Delving Deep into Rectifiers", 2015). */
export function kaimingUniform(shape: Shape, options: KaimingOptions = {}): Tensor<'float32'> {
  return symmetric(shape, Math.sqrt(3) * kaimingDeviation(shape, options));
}

/** Normal with variance 2 / ((1 + slope^2) fan). */
export function kaimingNormal(shape: Shape, options: KaimingOptions = {}): Tensor<'float32'> {
  return normal(shape, { std: kaimingDeviation(shape, options) });
}

/** Uniform with variance 2 gain^2 / (fanIn + fanOut) (Glorot and Bengio 2010). */
export function xavierUniform(shape: Shape, gain = 1): Tensor<'float32'> {
  const { fanIn, fanOut } = fans(shape);
  return symmetric(shape, gain * Math.sqrt(6 / (fanIn + fanOut)));
}

/** Normal with variance 2 gain^2 / (fanIn + fanOut). */
export function xavierNormal(shape: Shape, gain = 1): Tensor<'float32'> {
  const { fanIn, fanOut } = fans(shape);
  return normal(shape, { std: gain * Math.sqrt(2 / (fanIn + fanOut)) });
}

/** Uniform between -bound and bound. */
export function symmetric(shape: Shape, bound: number): Tensor<'float32'> {
  return uniform(shape, { low: -bound, high: bound });
}

/** PyTorch's default for linear and convolutional weights, kaimingUniform with slope sqrt(5): bound 1 / sqrt(fanIn). */
export function defaultWeight(shape: Shape): Tensor<'float32'> {
  return kaimingUniform(shape, { slope: Math.sqrt(5) });
}

/** PyTorch's default for the bias [size] that goes with `weight`. */
export function defaultBias(size: number, weight: Shape): Tensor<'float32'> {
  const { fanIn } = fans(weight);
  return symmetric([size], fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}
