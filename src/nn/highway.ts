/** Blocks that let their input pass: highway layers, dense and convolutional, and residual blocks. */
import { ArgumentError, ShapeError } from '../errors.js';
import * as ops from '../ops/index.js';
import { sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { Conv2d } from './conv.js';
import { constant } from './init.js';
import { relu } from './layers.js';
import { Linear } from './linear.js';
import { Module } from './module.js';

type T = Tensor<'float32'>;

/** Options of the highway layers. */
export interface HighwayOptions {
  /** What follows the transform; ReLU unless told. */
  readonly activation?: Module;
  /**
   * First value of the gate's bias; -2 unless told. Negative, so that a deep network at first carries its input through
   * (the paper: from -1 for 10 layers to -4 for 50).
   */
  readonly gateBias?: number;
}

/** t h + (1 - t) x, as x + t (h - x). */
const gated = (gate: T, transformed: T, x: T): T => ops.add(x, ops.mul(gate, ops.sub(transformed, x)));

function checkOptions(where: string, { activation, gateBias = -2 }: HighwayOptions): number {
  if (activation !== undefined && !(activation instanceof Module))
    throw new ArgumentError(`${where}: activation must be a module, such as nn.tanh()`);
  if (!Number.isFinite(gateBias)) throw new ArgumentError(`${where}: gateBias must be a number, got ${gateBias}`);
  return gateBias;
}

/**
 * y = t * activation(W x + b) + (1 - t) * x with the gate t = sigmoid(W' x + b'): [..., features] to the same. State:
 * transform.weight, transform.bias, gate.weight, gate.bias. Srivastava, Greff and Schmidhuber, "Highway Networks", 2015.
 */
export class Highway extends Module {
  readonly transform: Linear;
  readonly gate: Linear;
  readonly activation: Module;

  constructor(
    readonly features: number,
    options: HighwayOptions = {},
  ) {
    super();
    checkSize(features, 'highway', 'features');
    const gateBias = checkOptions('highway', options);
    this.transform = new Linear(features, features);
    this.gate = new Linear(features, features);
    Object.assign(this.gate, { bias: new Parameter(constant([features], gateBias)) });
    this.activation = options.activation ?? relu();
  }

  override forward(input: Tensor): T {
    const transformed = this.activation.forward(this.transform.forward(input));
    return gated(ops.sigmoid(this.gate.forward(input)), transformed, input as T);
  }
}

/**
 * The convolutional highway layer: as `Highway`, with convolutions that keep the size: [N, channels, H, W] to the same.
 * State: transform.weight, transform.bias, gate.weight, gate.bias. The same paper.
 */
export class HighwayConv2d extends Module {
  readonly transform: Conv2d;
  readonly gate: Conv2d;
  readonly activation: Module;

  /** @param kernelSize An odd number; 3 unless told. */
  constructor(
    readonly channels: number,
    readonly kernelSize = 3,
    options: HighwayOptions = {},
  ) {
    super();
    checkSize(channels, 'highwayConv2d', 'channels');
    checkSize(kernelSize, 'highwayConv2d', 'kernelSize');
    if (kernelSize % 2 === 0)
      throw new ArgumentError(`highwayConv2d: kernelSize must be odd to keep the size, got ${kernelSize}`);
    const gateBias = checkOptions('highwayConv2d', options);
    const padding = (kernelSize - 1) / 2;
    this.transform = new Conv2d(channels, channels, kernelSize, { padding });
    this.gate = new Conv2d(channels, channels, kernelSize, { padding });
    Object.assign(this.gate, { bias: new Parameter(constant([channels], gateBias)) });
    this.activation = options.activation ?? relu();
  }

  override forward(input: Tensor): T {
    const transformed = this.activation.forward(this.transform.forward(input));
    return gated(ops.sigmoid(this.gate.forward(input)), transformed, input as T);
  }
}

/** Options of `residual`. */
export interface ResidualOptions {
  /** Applied to the input where the body changes its shape, such as a 1 x 1 convolution; nothing unless told. */
  readonly shortcut?: Module;
  /** Applied to the sum; nothing unless told. */
  readonly activation?: Module;
}

/**
 * activation(body(x) + shortcut(x)). State: that of `body`, `shortcut` and `activation` under these names. He et al.,
 * "Deep Residual Learning for Image Recognition", 2016.
 */
export class Residual extends Module {
  readonly shortcut: Module | undefined;
  readonly activation: Module | undefined;

  constructor(
    readonly body: Module,
    { shortcut, activation }: ResidualOptions = {},
  ) {
    super();
    for (const [name, module] of Object.entries({ body, shortcut, activation }))
      if (!(module instanceof Module) && (module !== undefined || name === 'body'))
        throw new ArgumentError(`residual: ${name} must be a module`);
    this.shortcut = shortcut;
    this.activation = activation;
  }

  /** @throws ShapeError when body and shortcut give different shapes. */
  override forward(input: Tensor): T {
    const [long, short] = [this.body.forward(input), this.shortcut ? this.shortcut.forward(input) : (input as T)];
    if (!sameShape(long.shape, short.shape))
      throw new ShapeError(
        `residual: the body gives ${showShape(long.shape)} but the shortcut ${showShape(short.shape)}; pass a shortcut that changes the shape alike`,
      );
    const sum = ops.add(long, short);
    return this.activation ? this.activation.forward(sum) : sum;
  }
}

export const highway = factory(Highway);
export const highwayConv2d = factory(HighwayConv2d);
export const residual = factory(Residual);
