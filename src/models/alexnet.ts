/**
 * AlexNet with one tower: Krizhevsky, "One weird trick for parallelizing convolutional neural networks"
 * (https://arxiv.org/abs/1404.5997), after Krizhevsky, Sutskever and Hinton (2012). Names, shapes and first values are
 * torchvision's.
 *
 * | layers | channels | |
 * |---|---|---|
 * | conv 11x11, stride 4 | 64 | max-pool 3x3, stride 2 |
 * | conv 5x5 | 192 | max-pool 3x3, stride 2 |
 * | 3 conv 3x3 | 384, 256, 256 | max-pool 3x3, stride 2, averaged to 6x6 |
 * | 3 linear, dropout before the first two | 4096, 4096, classes | |
 */
import * as nn from '../nn/index.js';
import { flatten } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { kImageNet, type ModelFamily } from './card.js';

type F = Tensor<'float32'>;

/** Options of `alexnet`. */
export interface AlexNetOptions {
  /** Before each of the first two linear layers; 0.5 unless told. */
  readonly dropout?: number;
}

/** State: `features.0.weight` to `features.10.bias`, `classifier.1.weight` to `classifier.6.bias`. */
export class AlexNet extends nn.Module {
  readonly features = nn.sequential(
    nn.conv2d(3, 64, 11, { stride: 4, padding: 2 }),
    nn.relu(),
    nn.maxPool2d(3, { stride: 2 }),
    nn.conv2d(64, 192, 5, { padding: 2 }),
    nn.relu(),
    nn.maxPool2d(3, { stride: 2 }),
    nn.conv2d(192, 384, 3, { padding: 1 }),
    nn.relu(),
    nn.conv2d(384, 256, 3, { padding: 1 }),
    nn.relu(),
    nn.conv2d(256, 256, 3, { padding: 1 }),
    nn.relu(),
    nn.maxPool2d(3, { stride: 2 }),
  );
  readonly avgpool = nn.adaptiveAvgPool2d([6, 6]);
  /** [N, 9216] -> [N, classes]; may be replaced. */
  classifier: nn.Sequential;

  constructor(classes: number, { dropout = 0.5 }: AlexNetOptions) {
    super();
    this.classifier = nn.sequential(
      nn.dropout(dropout),
      nn.linear(256 * 6 * 6, 4096),
      nn.relu(),
      nn.dropout(dropout),
      nn.linear(4096, 4096),
      nn.relu(),
      nn.linear(4096, classes),
    );
  }

  override forward(image: F): F {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(image)), 1));
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes], for images of 63x63 and more. 61,100,840 parameters for 1000 classes,
 * 0.71 billion multiply-adds per 224x224 image.
 */
export const alexnet = (classes = 1000, options: AlexNetOptions = {}): AlexNet => new AlexNet(classes, options);

export const alexnets = {
  alexnet: {
    paper: 'https://arxiv.org/abs/1404.5997',
    parameters: 61_100_840,
    multiplyAdds: 714_188_480,
    image: kImageNet,
    make: alexnet,
  },
} as const satisfies ModelFamily;
