/**
 * Residual networks: He et al., "Deep Residual Learning for Image Recognition" (https://arxiv.org/abs/1512.03385), table 1,
 * with torchvision's parameter names, shapes and first values. As there, a bottleneck strides in its 3x3 convolution.
 * `resnet-cifar.ts` has the thinner ones of the paper's section 4.2.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { add, mean, relu, zeros } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { drawn, kaimingOut, kImageNet, type ModelFamily } from './card.js';

type F = Tensor<'float32'>;

/** Options of the residual networks. */
export interface ResNetOptions {
  /**
   * What the images meet first: `imagenet` is a 7x7 convolution of stride 2 and a max-pool, for 224x224; `cifar` is one
   * 3x3 convolution, for 32x32. `imagenet` unless told.
   */
  readonly stem?: 'imagenet' | 'cifar';
  /** Whether each block starts as its shortcut: the scale of its last batch norm is 0 at first. No unless told. */
  readonly zeroInitResidual?: boolean;
}

function convolution(input: number, output: number, size: number, stride = 1): nn.Conv2d {
  return drawn(nn.conv2d(input, output, size, { stride, padding: (size - 1) / 2, bias: false }), kaimingOut);
}

/** The shortcut where the shape changes: a 1x1 convolution. */
const projection = (from: number, to: number, stride: number): nn.Sequential | undefined =>
  stride !== 1 || from !== to ? nn.sequential(convolution(from, to, 1, stride), nn.batchNorm2d(to)) : undefined;

/** Two 3x3 convolutions with batch norm beside a shortcut. */
class BasicBlock extends nn.Module {
  static readonly expansion = 1;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(from: number, channels: number, stride: number) {
    super();
    this.conv1 = convolution(from, channels, 3, stride);
    this.bn1 = nn.batchNorm2d(channels);
    this.conv2 = convolution(channels, channels, 3);
    this.bn2 = nn.batchNorm2d(channels);
    this.downsample = projection(from, channels, stride);
  }

  get lastNorm(): nn.BatchNorm2d {
    return this.bn2;
  }

  override forward(x: F): F {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.downsample?.forward(x) ?? x));
  }
}

/** 1x1 to fewer channels, 3x3, and 1x1 to four times as many, with batch norm, beside a shortcut. */
class Bottleneck extends nn.Module {
  static readonly expansion = 4;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(from: number, channels: number, stride: number) {
    super();
    const to = channels * Bottleneck.expansion;
    this.conv1 = convolution(from, channels, 1);
    this.bn1 = nn.batchNorm2d(channels);
    this.conv2 = convolution(channels, channels, 3, stride);
    this.bn2 = nn.batchNorm2d(channels);
    this.conv3 = convolution(channels, to, 1);
    this.bn3 = nn.batchNorm2d(to);
    this.downsample = projection(from, to, stride);
  }

  get lastNorm(): nn.BatchNorm2d {
    return this.bn3;
  }

  override forward(x: F): F {
    const narrow = relu(this.bn1.forward(this.conv1.forward(x)));
    const inner = relu(this.bn2.forward(this.conv2.forward(narrow)));
    return relu(add(this.bn3.forward(this.conv3.forward(inner)), this.downsample?.forward(x) ?? x));
  }
}

type Block = typeof BasicBlock | typeof Bottleneck;

/** The blocks of the four stages. */
const kStages = {
  18: { block: BasicBlock, counts: [2, 2, 2, 2] },
  34: { block: BasicBlock, counts: [3, 4, 6, 3] },
  50: { block: Bottleneck, counts: [3, 4, 6, 3] },
  101: { block: Bottleneck, counts: [3, 4, 23, 3] },
  152: { block: Bottleneck, counts: [3, 8, 36, 3] },
} as const;

function stage(block: Block, from: number, channels: number, count: number): nn.Sequential {
  const to = channels * block.expansion;
  // Only the first stage follows a stem that has halved the image.
  const first = new block(from, channels, channels === 64 ? 1 : 2);
  return nn.sequential(first, ...Array.from({ length: count - 1 }, () => new block(to, channels, 1)));
}

/** State: `conv1.weight`, `bn1.weight`, `layer1.0.conv1.weight` and so on, `fc.weight`, `fc.bias`. */
export class ResNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1 = nn.batchNorm2d(64);
  readonly maxpool: nn.Module;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  /** [N, 512] (2048 from depth 50 on) -> [N, classes]; may be replaced. */
  fc: nn.Module;

  constructor(depth: keyof typeof kStages, classes: number, options: ResNetOptions) {
    super();
    const { stem = 'imagenet', zeroInitResidual = false } = options;
    if (stem !== 'imagenet' && stem !== 'cifar')
      throw new ArgumentError(`resnet${depth}: stem must be 'imagenet' or 'cifar', got ${JSON.stringify(stem)}`);
    const { block, counts } = kStages[depth];
    const isSmall = stem === 'cifar';
    this.conv1 = isSmall ? convolution(3, 64, 3) : convolution(3, 64, 7, 2);
    this.maxpool = isSmall ? nn.identity() : nn.maxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(block, 64, 64, counts[0]);
    this.layer2 = stage(block, 64 * block.expansion, 128, counts[1]);
    this.layer3 = stage(block, 128 * block.expansion, 256, counts[2]);
    this.layer4 = stage(block, 256 * block.expansion, 512, counts[3]);
    this.fc = nn.linear(512 * block.expansion, classes);
    if (zeroInitResidual)
      for (const [, module] of this.namedModules())
        if (module instanceof BasicBlock || module instanceof Bottleneck)
          module.lastNorm.weight?.assign(zeros(module.lastNorm.weight.shape));
  }

  override forward(image: F): F {
    let x = this.maxpool.forward(relu(this.bn1.forward(this.conv1.forward(image))));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) x = layer.forward(x);
    return this.fc.forward(mean(x, [2, 3]));
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes]. 11,689,512 parameters for 1000 classes, 1.8 billion multiply-adds per
 * 224x224 image; for 10 classes with the stem for CIFAR 11,173,962, and 0.56 billion per 32x32 image.
 * @throws ArgumentError for another stem.
 */
export const resnet18 = (classes = 1000, options: ResNetOptions = {}): ResNet => new ResNet(18, classes, options);

/** As `resnet18`: 21,797,672 parameters, 3.7 billion multiply-adds. */
export const resnet34 = (classes = 1000, options: ResNetOptions = {}): ResNet => new ResNet(34, classes, options);

/** As `resnet18`, of bottlenecks: 25,557,032 parameters, 4.1 billion multiply-adds. */
export const resnet50 = (classes = 1000, options: ResNetOptions = {}): ResNet => new ResNet(50, classes, options);

/** As `resnet50`: 44,549,160 parameters, 7.8 billion multiply-adds. */
export const resnet101 = (classes = 1000, options: ResNetOptions = {}): ResNet => new ResNet(101, classes, options);

/** As `resnet50`: 60,192,808 parameters, 11.5 billion multiply-adds. */
export const resnet152 = (classes = 1000, options: ResNetOptions = {}): ResNet => new ResNet(152, classes, options);

const kPaper = { paper: 'https://arxiv.org/abs/1512.03385', image: kImageNet };

export const resnets = {
  resnet18: { ...kPaper, parameters: 11_689_512, multiplyAdds: 1_814_073_344, make: resnet18 },
  resnet34: { ...kPaper, parameters: 21_797_672, multiplyAdds: 3_663_761_408, make: resnet34 },
  resnet50: { ...kPaper, parameters: 25_557_032, multiplyAdds: 4_089_184_256, make: resnet50 },
  resnet101: { ...kPaper, parameters: 44_549_160, multiplyAdds: 7_801_405_440, make: resnet101 },
  resnet152: { ...kPaper, parameters: 60_192_808, multiplyAdds: 11_513_626_624, make: resnet152 },
} as const satisfies ModelFamily;
