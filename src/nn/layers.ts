/** Layers without state: activations, pooling and the like. Arguments are those of the ops of the same names. */
import { ArgumentError } from '../errors.js';
import * as ops from '../ops/index.js';
import type { LocalResponseNormOptions } from '../ops/norm.js';
import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions } from '../ops/pool.js';
import type { Dims } from '../ops/window.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { functionLayer } from './function-layer.js';
import { Module } from './module.js';

type T = Tensor<'float32'>;

export const relu = functionLayer('ReLU', (x: T) => ops.relu(x));
export const relu6 = functionLayer('ReLU6', (x: T) => ops.relu6(x));
export const tanh = functionLayer('Tanh', (x: T) => ops.tanh(x));
export const sigmoid = functionLayer('Sigmoid', (x: T) => ops.sigmoid(x));
export const silu = functionLayer('SiLU', (x: T) => ops.silu(x));
export const selu = functionLayer('SELU', (x: T) => ops.selu(x));
export const mish = functionLayer('Mish', (x: T) => ops.mish(x));
export const hardSigmoid = functionLayer('HardSigmoid', (x: T) => ops.hardSigmoid(x));
export const hardSwish = functionLayer('HardSwish', (x: T) => ops.hardSwish(x));
export const hardTanh = functionLayer('HardTanh', (x: T, min?: number, max?: number) => ops.hardTanh(x, min, max));
export const logSigmoid = functionLayer('LogSigmoid', (x: T) => ops.logSigmoid(x));
export const gelu = functionLayer('GELU', (x: T, options?: Parameters<typeof ops.gelu>[1]) => ops.gelu(x, options));
export const elu = functionLayer('ELU', (x: T, alpha?: number) => ops.elu(x, alpha));
export const celu = functionLayer('CELU', (x: T, alpha?: number) => ops.celu(x, alpha));
export const leakyRelu = functionLayer('LeakyReLU', (x: T, slope?: number) => ops.leakyRelu(x, slope));
export const softplus = functionLayer('Softplus', (x: T, options?: Parameters<typeof ops.softplus>[1]) =>
  ops.softplus(x, options),
);
export const glu = functionLayer('GLU', (x: T, axis?: number) => ops.glu(x, axis));
export const softmax = functionLayer('Softmax', (x: T, axis?: number) => ops.softmax(x, axis));
export const logSoftmax = functionLayer('LogSoftmax', (x: T, axis?: number) => ops.logSoftmax(x, axis));

export const maxPool1d = functionLayer('MaxPool1d', (x: T, size: Dims, options?: MaxPoolOptions) =>
  ops.maxPool1d(x, size, options),
);
export const maxPool2d = functionLayer('MaxPool2d', (x: T, size: Dims, options?: MaxPoolOptions) =>
  ops.maxPool2d(x, size, options),
);
export const maxPool3d = functionLayer('MaxPool3d', (x: T, size: Dims, options?: MaxPoolOptions) =>
  ops.maxPool3d(x, size, options),
);
export const avgPool1d = functionLayer('AvgPool1d', (x: T, size: Dims, options?: AvgPoolOptions) =>
  ops.avgPool1d(x, size, options),
);
export const avgPool2d = functionLayer('AvgPool2d', (x: T, size: Dims, options?: AvgPoolOptions) =>
  ops.avgPool2d(x, size, options),
);
export const avgPool3d = functionLayer('AvgPool3d', (x: T, size: Dims, options?: AvgPoolOptions) =>
  ops.avgPool3d(x, size, options),
);
export const adaptiveAvgPool2d = functionLayer('AdaptiveAvgPool2d', (x: T, size: AdaptiveSize) =>
  ops.adaptiveAvgPool2d(x, size),
);
export const adaptiveMaxPool2d = functionLayer('AdaptiveMaxPool2d', (x: T, size: AdaptiveSize) =>
  ops.adaptiveMaxPool2d(x, size),
);
export const globalAvgPool2d = functionLayer('GlobalAvgPool2d', (x: T) => ops.globalAvgPool2d(x));
export const localResponseNorm = functionLayer(
  'LocalResponseNorm',
  (x: T, size: number, options?: LocalResponseNormOptions) => ops.localResponseNorm(x, size, options),
);

/** x above 0, weight * x below, with a learned weight. State: weight [count]. */
export class PReLU extends Module {
  readonly weight: Parameter<'float32'>;

  /** @param count 1, or the number of channels (dimension 1). @param initial First value of the weight. */
  constructor(
    readonly count = 1,
    initial = 0.25,
  ) {
    super();
    checkSize(count, 'prelu', 'count');
    this.weight = new Parameter(ops.full([count], initial));
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.prelu(input as T, this.weight);
  }

  protected override describe(): string {
    return String(this.count);
  }
}

/** What the dropout layers share: the probability, and that evaluation changes nothing. */
abstract class AnyDropout extends Module {
  constructor(
    where: string,
    readonly p: number,
  ) {
    super();
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`${where}: p must lie between 0 and 1, got ${p}`);
  }

  protected override describe(): string {
    return `p: ${this.p}`;
  }
}

/**
 * While training, zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al.
 * 2014); in evaluation gives its input.
 */
export class Dropout extends AnyDropout {
  constructor(p = 0.5) {
    super('dropout', p);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.dropout(input as T, { p: this.p, training: this.training });
  }
}

/** `Dropout` of whole channels of [N, C, ...] (Tompson et al. 2015). */
export class Dropout2d extends AnyDropout {
  constructor(p = 0.5) {
    super('dropout2d', p);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.dropout2d(input as T, { p: this.p, training: this.training });
  }
}

/** Dropout that keeps mean and variance, to go with `selu` (Klambauer et al. 2017). */
export class AlphaDropout extends AnyDropout {
  constructor(p = 0.5) {
    super('alphaDropout', p);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.alphaDropout(input as T, { p: this.p, training: this.training });
  }
}

export const prelu = factory(PReLU);
export const dropout = factory(Dropout);
export const dropout2d = factory(Dropout2d);
export const alphaDropout = factory(AlphaDropout);
