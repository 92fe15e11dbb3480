/**
 * Residual networks of basic blocks: He et al., "Deep Residual Learning for Image Recognition"
 * (https://arxiv.org/abs/1512.03385), table 1, with torchvision's parameter names, shapes and initial distributions.
 * `resnet-cifar.ts` has the thinner ones of the paper's section 4.2.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { add, mean, relu } from '../ops/index.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** Options of `resnet18`. */
export interface ResNetOptions {
  /**
   * What the images meet first: `imagenet` is a 7x7 convolution of stride 2 and a max-pool, for 224x224; `cifar` is one
   * 3x3 convolution, for 32x32. `imagenet` unless told.
   */
  readonly stem?: 'imagenet' | 'cifar';
}

function convolution(input: number, output: number, size: number, stride: number): nn.Conv2d {
  const layer = nn.conv2d(input, output, size, { stride, padding: (size - 1) / 2, bias: false });
  layer.weight.assign(nn.init.kaimingNormal(layer.weight.shape, { mode: 'out', nonlinearity: 'relu' }));
  return layer;
}

/** Two 3x3 convolutions with batch norm beside a shortcut, which is a 1x1 convolution where the shape changes. */
class BasicBlock extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample?: nn.Sequential;

  constructor(from: number, to: number, stride: number) {
    super();
    this.conv1 = convolution(from, to, 3, stride);
    this.bn1 = nn.batchNorm2d(to);
    this.conv2 = convolution(to, to, 3, 1);
    this.bn2 = nn.batchNorm2d(to);
    if (stride !== 1 || from !== to)
      this.downsample = nn.sequential(convolution(from, to, 1, stride), nn.batchNorm2d(to));
  }

  override forward(x: F): F {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.downsample?.forward(x) ?? x));
  }
}

function stage(from: number, to: number, blocks: number): nn.Sequential {
  const first = new BasicBlock(from, to, from === to ? 1 : 2);
  return nn.sequential(first, ...Array.from({ length: blocks - 1 }, () => new BasicBlock(to, to, 1)));
}

class ResNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1 = nn.batchNorm2d(64);
  readonly maxpool: nn.Module;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly fc: nn.Linear;

  constructor(blocks: readonly [number, number, number, number], classes: number, stem: 'imagenet' | 'cifar') {
    super();
    const isSmall = stem === 'cifar';
    this.conv1 = isSmall ? convolution(3, 64, 3, 1) : convolution(3, 64, 7, 2);
    this.maxpool = isSmall ? nn.identity() : nn.maxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(64, 64, blocks[0]);
    this.layer2 = stage(64, 128, blocks[1]);
    this.layer3 = stage(128, 256, blocks[2]);
    this.layer4 = stage(256, 512, blocks[3]);
    this.fc = nn.linear(512, classes);
  }

  override forward(image: F): F {
    let x = this.maxpool.forward(relu(this.bn1.forward(this.conv1.forward(image))));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) x = layer.forward(x);
    return this.fc.forward(mean(x, [2, 3]));
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes]. 11,689,512 parameters for 1000 classes; for 10 classes with the stem for
 * CIFAR 11,173,962, and 0.56 billion multiply-adds per 32x32 image.
 * @throws ArgumentError for another stem.
 */
export function resnet18(classes = 1000, { stem = 'imagenet' }: ResNetOptions = {}): nn.Module {
  if (stem !== 'imagenet' && stem !== 'cifar')
    throw new ArgumentError(`resnet18: stem must be 'imagenet' or 'cifar', got ${JSON.stringify(stem)}`);
  return new ResNet([2, 2, 2, 2], classes, stem);
}
