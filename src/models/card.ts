/** What every family of networks is described with: the row of a network in the registry, and drawing of first values. */
import * as nn from '../nn/index.js';
import { zeros } from '../ops/index.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** What is known of a network, and how it is made. */
export interface ModelCard<Options = never, M extends nn.Module<unknown> = nn.Module<unknown>> {
  /** Address of the paper. */
  readonly paper: string;
  /** Trained numbers, with the classes that it has unless told. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and linear layers for one image in evaluation. */
  readonly multiplyAdds: number;
  /** Channels, height and width of the images that it was made for. */
  readonly image: readonly [channels: number, height: number, width: number];
  readonly make: (classes?: number, options?: Options) => M;
}

/** Cards by the names of the networks. */
export type ModelFamily = Readonly<Record<string, ModelCard>>;

/** The images of ImageNet, as most networks take them. */
export const kImageNet = [3, 224, 224] as const;

/** The images of CIFAR. */
export const kCifar = [3, 32, 32] as const;

/** The layer with weights that `draw` gives for their shape, and a bias of zeros unless `bias` is `'kept'`. */
export function drawn<L extends nn.Conv2d | nn.Linear>(layer: L, draw: (shape: Shape) => F, bias?: 'kept'): L {
  layer.weight.assign(draw(layer.weight.shape));
  if (bias !== 'kept') layer.bias?.assign(zeros(layer.bias.shape));
  return layer;
}

/** Normal with variance 2 / fanOut: He et al., "Delving Deep into Rectifiers" (2015), for the backward pass. */
export const kaimingOut = (shape: Shape): F => nn.init.kaimingNormal(shape, { mode: 'out', nonlinearity: 'relu' });

/** Normal with deviation 0.01. */
export const narrowNormal = (shape: Shape): F => nn.init.normal(shape, { std: 0.01 });
