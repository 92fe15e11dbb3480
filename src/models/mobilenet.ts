/**
 * MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (https://arxiv.org/abs/1801.04381),
 * table 2. Names, shapes and first values are torchvision's.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { add, mean } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { drawn, kaimingOut, kImageNet, type ModelFamily, narrowNormal } from './card.js';

type F = Tensor<'float32'>;

/** Blocks: factor of the expansion, channels given, how many, stride of the first. */
const kBlocks = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Options of `mobilenetV2`. */
export interface MobileNetOptions {
  /** Factor of all channels, which are then made multiples of 8; 1 unless told. */
  readonly widthMult?: number;
  /** Before the last layer; 0.2 unless told. */
  readonly dropout?: number;
}

/** The nearest multiple of 8, but at least 8 and not below 0.9 of the number. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

interface ConvolutionOptions {
  readonly stride?: number;
  readonly groups?: number;
}

const convolution = (from: number, to: number, size: number, options: ConvolutionOptions = {}): nn.Conv2d =>
  drawn(nn.conv2d(from, to, size, { ...options, padding: (size - 1) / 2, bias: false }), kaimingOut);

/** A convolution without bias, batch norm and ReLU6. */
const activated = (from: number, to: number, size: number, options?: ConvolutionOptions): nn.Sequential =>
  nn.sequential(convolution(from, to, size, options), nn.batchNorm2d(to), nn.relu6());

/** To more channels, a depthwise convolution, and to few channels without activation; with a shortcut where shapes allow. */
class InvertedResidual extends nn.Module {
  readonly conv: nn.Sequential;
  readonly hasShortcut: boolean;

  constructor(from: number, to: number, stride: number, expansion: number) {
    super();
    const hidden = from * expansion;
    this.conv = nn.sequential(
      ...(expansion === 1 ? [] : [activated(from, hidden, 1)]),
      activated(hidden, hidden, 3, { stride, groups: hidden }),
      convolution(hidden, to, 1),
      nn.batchNorm2d(to),
    );
    this.hasShortcut = stride === 1 && from === to;
  }

  override forward(x: F): F {
    const inner = this.conv.forward(x);
    return this.hasShortcut ? (add(x, inner) as F) : inner;
  }
}

/** State: `features.0.0.weight`, `features.1.conv.0.0.weight` and so on, `classifier.1.weight`, `classifier.1.bias`. */
export class MobileNetV2 extends nn.Module {
  readonly features: nn.Sequential;
  /** [N, 1280] (more when the width is above 1) -> [N, classes]; may be replaced. */
  classifier: nn.Sequential;

  constructor(classes: number, { widthMult = 1, dropout = 0.2 }: MobileNetOptions) {
    super();
    if (!(widthMult > 0 && Number.isFinite(widthMult)))
      throw new ArgumentError(`mobilenetV2: widthMult must be a positive number, got ${widthMult}`);
    let from = divisible(32 * widthMult);
    const last = divisible(1280 * Math.max(1, widthMult));
    const features: nn.Module[] = [activated(3, from, 3, { stride: 2 })];
    for (const [expansion, channels, count, stride] of kBlocks)
      for (let i = 0; i < count; i++) {
        const to = divisible(channels * widthMult);
        features.push(new InvertedResidual(from, to, i === 0 ? stride : 1, expansion));
        from = to;
      }
    this.features = nn.sequential(...features, activated(from, last, 1));
    this.classifier = nn.sequential(nn.dropout(dropout), drawn(nn.linear(last, classes), narrowNormal));
  }

  override forward(image: F): F {
    return this.classifier.forward(mean(this.features.forward(image), [2, 3]));
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes]. 3,504,872 parameters for 1000 classes, 0.30 billion multiply-adds per
 * 224x224 image.
 * @throws ArgumentError unless the width is positive.
 */
export const mobilenetV2 = (classes = 1000, options: MobileNetOptions = {}): MobileNetV2 =>
  new MobileNetV2(classes, options);

export const mobilenets = {
  mobilenet_v2: {
    paper: 'https://arxiv.org/abs/1801.04381',
    parameters: 3_504_872,
    multiplyAdds: 300_774_272,
    image: kImageNet,
    make: mobilenetV2,
  },
} as const satisfies ModelFamily;
