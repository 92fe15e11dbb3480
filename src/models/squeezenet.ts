/**
 * SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size"
 * (https://arxiv.org/abs/1602.07360), table 1, and its version 1.1 with 2.4 times less work. Names, shapes and first values
 * are torchvision's.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { concat, flatten, relu } from '../ops/index.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { drawn, kImageNet, type ModelFamily, narrowNormal } from './card.js';

type F = Tensor<'float32'>;

/** The first convolution, then fire modules (channels squeezed to, and given by each of the two expansions) and pools. */
const kVersions = {
  '1.0': {
    stem: { channels: 96, size: 7 },
    layers: [
      'pool',
      [16, 64],
      [16, 64],
      [32, 128],
      'pool',
      [32, 128],
      [48, 192],
      [48, 192],
      [64, 256],
      'pool',
      [64, 256],
    ],
  },
  '1.1': {
    stem: { channels: 64, size: 3 },
    layers: [
      'pool',
      [16, 64],
      [16, 64],
      'pool',
      [32, 128],
      [32, 128],
      'pool',
      [48, 192],
      [48, 192],
      [64, 256],
      [64, 256],
    ],
  },
} as const;

/** Options of `squeezenet`. */
export interface SqueezeNetOptions {
  /** `'1.1'` unless told. */
  readonly version?: keyof typeof kVersions;
  /** Before the last convolution; 0.5 unless told. */
  readonly dropout?: number;
}

const kaimingIn = (shape: Shape): F => nn.init.kaimingUniform(shape);

/** A 1x1 convolution to few channels, then a 1x1 and a 3x3 convolution side by side. */
class Fire extends nn.Module {
  readonly squeeze: nn.Conv2d;
  readonly expand1x1: nn.Conv2d;
  readonly expand3x3: nn.Conv2d;

  constructor(from: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = drawn(nn.conv2d(from, squeezed, 1), kaimingIn);
    this.expand1x1 = drawn(nn.conv2d(squeezed, expanded, 1), kaimingIn);
    this.expand3x3 = drawn(nn.conv2d(squeezed, expanded, 3, { padding: 1 }), kaimingIn);
  }

  override forward(x: F): F {
    const squeezed = relu(this.squeeze.forward(x));
    return concat([relu(this.expand1x1.forward(squeezed)), relu(this.expand3x3.forward(squeezed))], 1) as F;
  }
}

/** State: `features.0.weight`, `features.3.squeeze.weight` and so on, `classifier.1.weight`, `classifier.1.bias`. */
export class SqueezeNet extends nn.Module {
  readonly features: nn.Sequential;
  /** [N, 512, h, w] -> [N, classes, 1, 1]; may be replaced. */
  classifier: nn.Sequential;

  constructor(classes: number, { version = '1.1', dropout = 0.5 }: SqueezeNetOptions) {
    super();
    if (!(version in kVersions))
      throw new ArgumentError(`squeezenet: version must be '1.0' or '1.1', got ${JSON.stringify(version)}`);
    const { stem, layers } = kVersions[version];
    const features: nn.Module[] = [drawn(nn.conv2d(3, stem.channels, stem.size, { stride: 2 }), kaimingIn), nn.relu()];
    let from: number = stem.channels;
    for (const layer of layers) {
      if (layer === 'pool') features.push(nn.maxPool2d(3, { stride: 2, ceilMode: true }));
      else {
        const [squeezed, expanded] = layer;
        features.push(new Fire(from, squeezed, expanded));
        from = 2 * expanded;
      }
    }
    this.features = nn.sequential(...features);
    this.classifier = nn.sequential(
      nn.dropout(dropout),
      drawn(nn.conv2d(512, classes, 1), narrowNormal),
      nn.relu(),
      nn.adaptiveAvgPool2d(1),
    );
  }

  override forward(image: F): F {
    return flatten(this.classifier.forward(this.features.forward(image)), 1);
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes], for images of 21x21 and more. Version 1.1: 1,235,496 parameters for 1000
 * classes, 0.35 billion multiply-adds per 224x224 image; version 1.0: 1,248,424 and 0.82 billion.
 * @throws ArgumentError for another version.
 */
export const squeezenet = (classes = 1000, options: SqueezeNetOptions = {}): SqueezeNet =>
  new SqueezeNet(classes, options);

const kPaper = { paper: 'https://arxiv.org/abs/1602.07360', image: kImageNet };

const ofVersion =
  (version: keyof typeof kVersions) =>
  (classes = 1000, options: Omit<SqueezeNetOptions, 'version'> = {}): SqueezeNet =>
    squeezenet(classes, { ...options, version });

export const squeezenets = {
  squeezenet1_0: { ...kPaper, parameters: 1_248_424, multiplyAdds: 818_924_576, make: ofVersion('1.0') },
  squeezenet1_1: { ...kPaper, parameters: 1_235_496, multiplyAdds: 349_151_936, make: ofVersion('1.1') },
} as const satisfies ModelFamily;
