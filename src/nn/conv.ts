/** Convolution layers. The functions and their shapes are in `ops/conv.ts`. */
import { ArgumentError } from '../errors.js';
import * as ops from '../ops/conv.js';
import { type Dims, spatialList } from '../ops/window.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { defaultBias, defaultWeight } from './init.js';
import { Module } from './module.js';

/** Options of the convolution layers. */
export interface ConvLayerOptions extends ops.ConvOptions {
  /** Whether a bias is added; true unless told. */
  readonly bias?: boolean;
}

/** Options of the transposed convolution layers. */
export interface ConvTransposeLayerOptions extends ops.ConvTransposeOptions {
  /** Whether a bias is added; true unless told. */
  readonly bias?: boolean;
}

const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : String(value));

/** What all convolution layers share: sizes, weight and bias. */
abstract class ConvLayer<Options extends ConvLayerOptions | ConvTransposeLayerOptions> extends Module {
  readonly weight: Parameter<'float32'>;
  readonly bias: Parameter<'float32'> | undefined;

  constructor(
    where: string,
    rank: number,
    isTransposed: boolean,
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: Dims,
    readonly options: Options,
  ) {
    super();
    checkSize(inChannels, where, 'inChannels');
    checkSize(outChannels, where, 'outChannels');
    const { groups = 1, bias = true } = options;
    checkSize(groups, where, 'groups');
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new ArgumentError(
        `${where}: ${groups} groups must divide inChannels ${inChannels} and outChannels ${outChannels}`,
      );
    const kernel = spatialList(kernelSize, rank, 1, where, 'kernelSize');
    const channels = isTransposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
    const shape = [...channels, ...kernel];
    this.weight = new Parameter(defaultWeight(shape));
    this.bias = bias ? new Parameter(defaultBias(outChannels, shape)) : undefined;
  }

  protected override describe(): string {
    const options = Object.entries(this.options).map(([name, value]) => `, ${name}: ${shown(value)}`);
    return `${this.inChannels}, ${this.outChannels}, ${shown(this.kernelSize)}${options.join('')}`;
  }
}

/** [N, C, L] -> [N, O, L']. State: weight [O, C/groups, K], bias [O]. */
export class Conv1d extends ConvLayer<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernelSize: Dims, options: ConvLayerOptions = {}) {
    super('conv1d', 1, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.conv1d(input as Tensor<'float32'>, this.weight, this.bias, this.options);
  }
}

/** [N, C, H, W] -> [N, O, H', W']. State: weight [O, C/groups, KH, KW], bias [O]. */
export class Conv2d extends ConvLayer<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernelSize: Dims, options: ConvLayerOptions = {}) {
    super('conv2d', 2, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.conv2d(input as Tensor<'float32'>, this.weight, this.bias, this.options);
  }
}

/** [N, C, D, H, W] -> [N, O, D', H', W']. State: weight [O, C/groups, KD, KH, KW], bias [O]. */
export class Conv3d extends ConvLayer<ConvLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernelSize: Dims, options: ConvLayerOptions = {}) {
    super('conv3d', 3, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.conv3d(input as Tensor<'float32'>, this.weight, this.bias, this.options);
  }
}

/** [N, C, L] -> [N, O, L'], the shape that a convolution maps back. State: weight [C, O/groups, K], bias [O]. */
export class ConvTranspose1d extends ConvLayer<ConvTransposeLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernelSize: Dims, options: ConvTransposeLayerOptions = {}) {
    super('convTranspose1d', 1, true, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.convTranspose1d(input as Tensor<'float32'>, this.weight, this.bias, this.options);
  }
}

/** [N, C, H, W] -> [N, O, H', W']. State: weight [C, O/groups, KH, KW], bias [O]. */
export class ConvTranspose2d extends ConvLayer<ConvTransposeLayerOptions> {
  constructor(inChannels: number, outChannels: number, kernelSize: Dims, options: ConvTransposeLayerOptions = {}) {
    super('convTranspose2d', 2, true, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return ops.convTranspose2d(input as Tensor<'float32'>, this.weight, this.bias, this.options);
  }
}

export const conv1d = factory(Conv1d);
export const conv2d = factory(Conv2d);
export const conv3d = factory(Conv3d);
export const convTranspose1d = factory(ConvTranspose1d);
export const convTranspose2d = factory(ConvTranspose2d);
