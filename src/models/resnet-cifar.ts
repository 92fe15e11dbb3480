/**
 * The residual networks for 32x32 images of He et al., "Deep Residual Learning for Image Recognition"
 * (https://arxiv.org/abs/1512.03385), section 4.2: three stages of 16, 32 and 64 channels, shortcuts without parameters
 * (option A: every second pixel, zeros for the new channels). State-dict names are those of the widely used PyTorch
 * version (`layer1.0.conv1.weight`).
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { add, mean, pad, relu, slice } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { drawn, kCifar, type ModelFamily } from './card.js';

type F = Tensor<'float32'>;

const convolution = (input: number, output: number, stride: number): nn.Conv2d =>
  drawn(nn.conv2d(input, output, 3, { stride, padding: 1, bias: false }), nn.init.kaimingNormal);

/** Two 3x3 convolutions with batch norm beside a shortcut. */
class Block extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;

  constructor(
    readonly from: number,
    readonly to: number,
    readonly stride: number,
  ) {
    super();
    this.conv1 = convolution(from, to, stride);
    this.bn1 = nn.batchNorm2d(to);
    this.conv2 = convolution(to, to, 1);
    this.bn2 = nn.batchNorm2d(to);
  }

  #shortcut(x: F): F {
    if (this.stride === 1 && this.from === this.to) return x;
    const half = slice(x, [null, null, [null, null, this.stride], [null, null, this.stride]]);
    const added = (this.to - this.from) / 2;
    return pad(half, [
      [0, 0],
      [added, added],
      [0, 0],
      [0, 0],
    ]);
  }

  override forward(x: F): F {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.#shortcut(x)));
  }
}

/** State: `conv1.weight`, `bn1.weight`, `layer1.0.conv1.weight` and so on, `linear.weight`, `linear.bias`. */
export class CifarResNet extends nn.Module {
  readonly conv1 = convolution(3, 16, 1);
  readonly bn1 = nn.batchNorm2d(16);
  readonly layer1: readonly Block[];
  readonly layer2: readonly Block[];
  readonly layer3: readonly Block[];
  /** [N, 64] -> [N, classes]; may be replaced. */
  linear: nn.Module;

  constructor(blocks: number, classes: number) {
    super();
    const stage = (from: number, to: number) =>
      Array.from({ length: blocks }, (_, i) => new Block(i === 0 ? from : to, to, i === 0 && from !== to ? 2 : 1));
    this.layer1 = stage(16, 16);
    this.layer2 = stage(16, 32);
    this.layer3 = stage(32, 64);
    this.linear = nn.linear(64, classes);
  }

  override forward(image: F): F {
    let x = relu(this.bn1.forward(this.conv1.forward(image)));
    for (const block of [...this.layer1, ...this.layer2, ...this.layer3]) x = block.forward(x);
    return this.linear.forward(mean(x, [2, 3]));
  }
}

/**
 * [N, 3, 32, 32] -> logits [N, classes]. `depth` is 6 n + 2: 20 (269,722 parameters for 10 classes), 32, 44, 56 or 110.
 * @throws ArgumentError for another depth.
 */
export function resnetCifar(depth = 20, classes = 10): CifarResNet {
  const blocks = (depth - 2) / 6;
  if (!Number.isSafeInteger(blocks) || blocks < 1)
    throw new ArgumentError(`resnetCifar: depth must be 6 n + 2, such as 20, 32 or 56, got ${depth}`);
  return new CifarResNet(blocks, classes);
}

const card = (depth: number, parameters: number, multiplyAdds: number) => ({
  paper: 'https://arxiv.org/abs/1512.03385',
  parameters,
  multiplyAdds,
  image: kCifar,
  make: (classes?: number) => resnetCifar(depth, classes),
});

export const cifarResnets = {
  resnet20: card(20, 269_722, 40_551_040),
  resnet32: card(32, 464_154, 68_862_592),
  resnet44: card(44, 658_586, 97_174_144),
  resnet56: card(56, 853_018, 125_485_696),
  resnet110: card(110, 1_727_962, 252_887_680),
} as const satisfies ModelFamily;
