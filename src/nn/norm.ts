/** Normalisation layers. The functions and their formulas are in `ops/norm.ts`. */
import { ArgumentError, ShapeError } from '../errors.js';
import * as ops from '../ops/index.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Parameter, Variable } from '../variable.js';
import { checkSize, factory } from './check.js';
import { Module } from './module.js';

type T = Tensor<'float32'>;

/** Options of the normalisation layers. */
export interface NormOptions {
  /** Added to the variance; 1e-5 unless told. */
  readonly eps?: number;
  /** Learn a scale and a shift; true unless told. */
  readonly affine?: boolean;
}

/** Options of the batch norm layers. */
export interface BatchNormLayerOptions extends NormOptions {
  /** Share of a batch in the running statistics; null for their plain average. 0.1 unless told. */
  readonly momentum?: number | null;
  /** Keep running statistics for evaluation; true unless told. */
  readonly trackRunningStats?: boolean;
}

/**
 * Batch norm over dimension 1 (Ioffe and Szegedy 2015). Training normalises with the batch's statistics and updates the
 * running ones, evaluation uses those. State: weight, bias, running_mean, running_var [C], num_batches_tracked (int64).
 */
abstract class BatchNorm extends Module {
  readonly weight: Parameter<'float32'> | undefined;
  readonly bias: Parameter<'float32'> | undefined;
  readonly runningMean: Variable<'float32'> | undefined;
  readonly runningVar: Variable<'float32'> | undefined;
  readonly numBatchesTracked: Variable<'int64'> | undefined;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly where: string,
    readonly ranks: readonly number[],
    readonly channels: number,
    options: BatchNormLayerOptions,
  ) {
    super();
    checkSize(channels, where, 'channels');
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    this.eps = eps;
    this.momentum = momentum;
    if (affine) {
      this.weight = new Parameter(ops.ones([channels]));
      this.bias = new Parameter(ops.zeros([channels]));
    }
    if (trackRunningStats) {
      this.runningMean = new Variable(ops.zeros([channels]));
      this.runningVar = new Variable(ops.ones([channels]));
      this.numBatchesTracked = new Variable(ops.zeros([], { dtype: 'int64' }));
    }
  }

  override forward(input: Tensor): T {
    if (!this.ranks.includes(input.rank))
      throw new ShapeError(
        `${this.where}: input must have rank ${this.ranks.join(' or ')}, got ${showShape(input.shape)}`,
      );
    const { runningMean, runningVar, weight, bias, eps } = this;
    const training = this.training || !runningMean;
    const momentum = training ? this.#count() : 0;
    return ops.batchNorm(input as T, { runningMean, runningVar, weight, bias, training, momentum, eps });
  }

  /** Counts a training batch; gives its share in the running statistics. */
  #count(): number | T {
    if (!this.numBatchesTracked) return 0;
    const count = ops.add(this.numBatchesTracked, 1);
    this.numBatchesTracked.assign(count);
    return this.momentum ?? ops.div(1, ops.cast(count, 'float32'));
  }

  protected override describe(): string {
    return `${this.channels}, eps: ${this.eps}, momentum: ${this.momentum}`;
  }
}

/** Batch norm of [N, C] or [N, C, L]. */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('batchNorm1d', [2, 3], channels, options);
  }
}

/** Batch norm of [N, C, H, W]. */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('batchNorm2d', [4], channels, options);
  }
}

/** Batch norm of [N, C, D, H, W]. */
export class BatchNorm3d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('batchNorm3d', [5], channels, options);
  }
}

/** Normalises over the last dimensions (Ba et al. 2016). State: weight and bias in the shape that is normalised. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter<'float32'> | undefined;
  readonly bias: Parameter<'float32'> | undefined;

  constructor(normalizedShape: number | readonly number[], options: NormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    for (const size of this.normalizedShape) checkSize(size, 'layerNorm', 'normalizedShape');
    const { eps = 1e-5, affine = true } = options;
    this.eps = eps;
    if (affine) {
      this.weight = new Parameter(ops.ones(this.normalizedShape));
      this.bias = new Parameter(ops.zeros(this.normalizedShape));
    }
  }

  override forward(input: Tensor): T {
    return ops.layerNorm(input as T, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  protected override describe(): string {
    return `[${this.normalizedShape.join(', ')}], eps: ${this.eps}`;
  }
}

/** Normalises over groups of channels (Wu and He 2018). State: weight and bias [C]. */
export class GroupNorm extends Module {
  readonly eps: number;
  readonly weight: Parameter<'float32'> | undefined;
  readonly bias: Parameter<'float32'> | undefined;

  constructor(
    readonly groups: number,
    readonly channels: number,
    options: NormOptions = {},
  ) {
    super();
    checkSize(groups, 'groupNorm', 'groups');
    checkSize(channels, 'groupNorm', 'channels');
    if (channels % groups !== 0)
      throw new ArgumentError(`groupNorm: ${groups} groups do not divide ${channels} channels`);
    const { eps = 1e-5, affine = true } = options;
    this.eps = eps;
    if (affine) {
      this.weight = new Parameter(ops.ones([channels]));
      this.bias = new Parameter(ops.zeros([channels]));
    }
  }

  override forward(input: Tensor): T {
    return ops.groupNorm(input as T, this.groups, this.weight, this.bias, this.eps);
  }

  protected override describe(): string {
    return `${this.groups}, ${this.channels}, eps: ${this.eps}`;
  }
}

export const batchNorm1d = factory(BatchNorm1d);
export const batchNorm2d = factory(BatchNorm2d);
export const batchNorm3d = factory(BatchNorm3d);
export const layerNorm = factory(LayerNorm);
export const groupNorm = factory(GroupNorm);
