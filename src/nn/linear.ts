/** Layers that are a matrix: linear maps and embeddings. */
import { ArgumentError } from '../errors.js';
import { stopGradient } from '../grad/stop.js';
import * as ops from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { defaultBias, defaultWeight, symmetric } from './init.js';
import { Module } from './module.js';

/** Options of `linear`. */
export interface LinearOptions {
  /** Whether a bias is added; true unless told. */
  readonly bias?: boolean;
}

/** x W^T + b: [..., inFeatures] -> [..., outFeatures]. State: weight [out, in], bias [out]. */
export class Linear extends Module {
  readonly weight: Parameter<'float32'>;
  readonly bias: Parameter<'float32'> | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    checkSize(inFeatures, 'linear', 'inFeatures');
    checkSize(outFeatures, 'linear', 'outFeatures');
    const shape = [outFeatures, inFeatures];
    this.weight = new Parameter(defaultWeight(shape));
    this.bias = (options.bias ?? true) ? new Parameter(defaultBias(outFeatures, shape)) : undefined;
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.linear(input as Tensor<'float32'>, this.weight, this.bias);
  }

  protected override describe(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? '' : ', bias: false'}`;
  }
}

/**
 * a W b + bias: [..., left] and [..., right] -> [..., outputs]. State: weight [outputs, left, right], bias [outputs], both
 * uniform within 1 / sqrt(left) at first, as in PyTorch.
 */
export class Bilinear extends Module {
  readonly weight: Parameter<'float32'>;
  readonly bias: Parameter<'float32'> | undefined;

  constructor(
    readonly left: number,
    readonly right: number,
    readonly outputs: number,
    options: LinearOptions = {},
  ) {
    super();
    checkSize(left, 'bilinear', 'left');
    checkSize(right, 'bilinear', 'right');
    checkSize(outputs, 'bilinear', 'outputs');
    const bound = 1 / Math.sqrt(left);
    this.weight = new Parameter(symmetric([outputs, left, right], bound));
    this.bias = (options.bias ?? true) ? new Parameter(symmetric([outputs], bound)) : undefined;
  }

  override forward(a: Tensor, b: Tensor): Tensor<'float32'> {
    return ops.bilinear(a as Tensor<'float32'>, b as Tensor<'float32'>, this.weight, this.bias);
  }

  protected override describe(): string {
    return `${this.left}, ${this.right}, ${this.outputs}${this.bias ? '' : ', bias: false'}`;
  }
}

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** This row starts as zeros and gets no gradient. */
  readonly paddingIndex?: number;
}

/** Rows of a learned table: int [...] -> [..., features]. State: weight [count, features], standard normal at first. */
export class Embedding extends Module {
  readonly weight: Parameter<'float32'>;
  readonly paddingIndex: number | undefined;

  constructor(
    readonly count: number,
    readonly features: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    checkSize(count, 'embedding', 'count');
    checkSize(features, 'embedding', 'features');
    const { paddingIndex: padding } = options;
    if (padding !== undefined && (!Number.isInteger(padding) || padding < -count || padding >= count))
      throw new ArgumentError(`embedding: paddingIndex ${padding} is out of range for ${count} rows`);
    this.paddingIndex = padding !== undefined && padding < 0 ? padding + count : padding;
    const drawn = ops.normal([count, features]);
    this.weight = new Parameter(padding === undefined ? drawn : ops.where(this.#isPlain(), drawn, 0));
  }

  /** [count, 1], false at the padding row. */
  #isPlain(): Tensor<'bool'> {
    return ops.unsqueeze(ops.notEqual(ops.arange(this.count, { dtype: 'int32' }), this.paddingIndex as number), 1);
  }

  override forward(index: Tensor<'int32'> | Tensor<'int64'>): Tensor<'float32'> {
    const rows = ops.embedding(this.weight, index);
    if (this.paddingIndex === undefined) return rows;
    const keep = ops.unsqueeze(ops.notEqual(index, this.paddingIndex), -1);
    return ops.where(keep, rows, stopGradient(rows));
  }

  protected override describe(): string {
    return `${this.count}, ${this.features}`;
  }
}

export const linear = factory(Linear);
export const bilinear = factory(Bilinear);
export const embedding = factory(Embedding);
