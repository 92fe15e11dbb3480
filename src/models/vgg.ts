/**
 * The VGG networks: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
 * (https://arxiv.org/abs/1409.1556), table 1: 3x3 convolutions in five stages with a max-pool after each, then three linear
 * layers. Plain, or with batch norm after each convolution. Names, shapes and first values are torchvision's.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { flatten } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { drawn, kaimingOut, kImageNet, type ModelFamily, narrowNormal } from './card.js';

type F = Tensor<'float32'>;

/** Convolutions of the five stages: configurations A, B, D and E of the paper. */
const kStages = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;

const kChannels = [64, 128, 256, 512, 512];

/** Options of the VGG networks. */
export interface VggOptions {
  /** Before the second and third linear layer; 0.5 unless told. */
  readonly dropout?: number;
  /** Whether batch norm follows each convolution; no unless told. */
  readonly batchNorm?: boolean;
}

function featuresOf(depth: keyof typeof kStages, batchNorm: boolean): nn.Sequential {
  const layers: nn.Module[] = [];
  let from = 3;
  for (const [stage, count] of kStages[depth].entries()) {
    const to = kChannels[stage];
    for (let i = 0; i < count; i++) {
      const norm = batchNorm ? [nn.batchNorm2d(to)] : [];
      layers.push(drawn(nn.conv2d(from, to, 3, { padding: 1 }), kaimingOut), ...norm, nn.relu());
      from = to;
    }
    layers.push(nn.maxPool2d(2));
  }
  return nn.sequential(...layers);
}

/** State: `features.0.weight` and so on, `classifier.0.weight` to `classifier.6.bias`. */
export class Vgg extends nn.Module {
  readonly features: nn.Sequential;
  readonly avgpool = nn.adaptiveAvgPool2d([7, 7]);
  /** [N, 25088] -> [N, classes]; may be replaced. */
  classifier: nn.Sequential;

  constructor(depth: keyof typeof kStages, classes: number, { dropout = 0.5, batchNorm = false }: VggOptions) {
    super();
    if (!(depth in kStages)) throw new ArgumentError(`vgg: depth must be 11, 13, 16 or 19, got ${depth}`);
    const linear = (from: number, to: number) => drawn(nn.linear(from, to), narrowNormal);
    this.features = featuresOf(depth, batchNorm);
    this.classifier = nn.sequential(
      linear(512 * 7 * 7, 4096),
      nn.relu(),
      nn.dropout(dropout),
      linear(4096, 4096),
      nn.relu(),
      nn.dropout(dropout),
      linear(4096, classes),
    );
  }

  override forward(image: F): F {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(image)), 1));
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes], for images of 32x32 and more. 132,863,336 parameters for 1000 classes
 * (132,868,840 with batch norm), 7.6 billion multiply-adds per 224x224 image.
 */
export const vgg11 = (classes = 1000, options: VggOptions = {}): Vgg => new Vgg(11, classes, options);

/** As `vgg11`: 133,047,848 parameters (133,053,736 with batch norm), 11.3 billion multiply-adds. */
export const vgg13 = (classes = 1000, options: VggOptions = {}): Vgg => new Vgg(13, classes, options);

/** As `vgg11`: 138,357,544 parameters (138,365,992 with batch norm), 15.5 billion multiply-adds. */
export const vgg16 = (classes = 1000, options: VggOptions = {}): Vgg => new Vgg(16, classes, options);

/** As `vgg11`: 143,667,240 parameters (143,678,248 with batch norm), 19.6 billion multiply-adds. */
export const vgg19 = (classes = 1000, options: VggOptions = {}): Vgg => new Vgg(19, classes, options);

const kPaper = { paper: 'https://arxiv.org/abs/1409.1556', image: kImageNet };

const withNorm =
  (make: typeof vgg11) =>
  (classes = 1000, options: Omit<VggOptions, 'batchNorm'> = {}): Vgg =>
    make(classes, { ...options, batchNorm: true });

export const vggs = {
  vgg11: { ...kPaper, parameters: 132_863_336, multiplyAdds: 7_609_090_048, make: vgg11 },
  vgg11_bn: { ...kPaper, parameters: 132_868_840, multiplyAdds: 7_609_090_048, make: withNorm(vgg11) },
  vgg13: { ...kPaper, parameters: 133_047_848, multiplyAdds: 11_308_466_176, make: vgg13 },
  vgg13_bn: { ...kPaper, parameters: 133_053_736, multiplyAdds: 11_308_466_176, make: withNorm(vgg13) },
  vgg16: { ...kPaper, parameters: 138_357_544, multiplyAdds: 15_470_264_320, make: vgg16 },
  vgg16_bn: { ...kPaper, parameters: 138_365_992, multiplyAdds: 15_470_264_320, make: withNorm(vgg16) },
  vgg19: { ...kPaper, parameters: 143_667_240, multiplyAdds: 19_632_062_464, make: vgg19 },
  vgg19_bn: { ...kPaper, parameters: 143_678_248, multiplyAdds: 19_632_062_464, make: withNorm(vgg19) },
} as const satisfies ModelFamily;
