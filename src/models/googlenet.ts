/**
 * GoogLeNet, the first Inception network: Szegedy et al., "Going Deeper with Convolutions"
 * (https://arxiv.org/abs/1409.4842), table 1, with batch norm after each convolution, and two auxiliary classifiers that
 * are used in training. Names, shapes and first values are torchvision's; so are the 3x3 kernels in the place of the
 * paper's 5x5 (https://github.com/pytorch/vision/issues/906), which its published weights need.
 */
import * as nn from '../nn/index.js';
import { add, concat, flatten, mean, mul, relu } from '../ops/index.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { drawn, kImageNet, type ModelFamily } from './card.js';

type F = Tensor<'float32'>;

/** Channels of a block's branches: 1x1; 1x1 then 3x3; 1x1 then the larger one; 1x1 behind the max-pool. */
type Branches = readonly [number, number, number, number, number, number];

/** The blocks, in order. */
const kBlocks = {
  '3a': [64, 96, 128, 16, 32, 32],
  '3b': [128, 128, 192, 32, 96, 64],
  '4a': [192, 96, 208, 16, 48, 64],
  '4b': [160, 112, 224, 24, 64, 64],
  '4c': [128, 128, 256, 24, 64, 64],
  '4d': [112, 144, 288, 32, 64, 64],
  '4e': [256, 160, 320, 32, 128, 128],
  '5a': [256, 160, 320, 32, 128, 128],
  '5b': [384, 192, 384, 48, 128, 128],
} as const satisfies Record<string, Branches>;

/** Options of `googlenet`. */
export interface GoogLeNetOptions {
  /** Whether there are auxiliary classifiers; true unless told. Without them, training too gives logits alone. */
  readonly auxLogits?: boolean;
  /** Before the last layer; 0.2 unless told. */
  readonly dropout?: number;
  /** Before the last layer of the auxiliary classifiers; 0.7 unless told. */
  readonly dropoutAux?: number;
}

/** What GoogLeNet gives in training: logits [N, classes] of its end and of the classifiers behind blocks 4a and 4d. */
export type GoogLeNetOutput = { readonly logits: F; readonly aux1: F; readonly aux2: F };

const truncated = (shape: Shape): F => nn.init.truncNormal(shape, { std: 0.01 });

/** A convolution without bias, batch norm and ReLU. */
class BasicConv2d extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: nn.BatchNorm2d;

  constructor(from: number, to: number, size: number, stride = 1) {
    super();
    this.conv = drawn(nn.conv2d(from, to, size, { stride, padding: (size - 1) / 2, bias: false }), truncated);
    this.bn = nn.batchNorm2d(to, { eps: 1e-3 });
  }

  override forward(x: F): F {
    return relu(this.bn.forward(this.conv.forward(x)));
  }
}

/** Four branches side by side. */
class Inception extends nn.Module {
  readonly branch1: BasicConv2d;
  readonly branch2: nn.Sequential;
  readonly branch3: nn.Sequential;
  readonly branch4: nn.Sequential;

  constructor(from: number, [one, before3, three, before5, five, behindPool]: Branches) {
    super();
    this.branch1 = new BasicConv2d(from, one, 1);
    this.branch2 = nn.sequential(new BasicConv2d(from, before3, 1), new BasicConv2d(before3, three, 3));
    this.branch3 = nn.sequential(new BasicConv2d(from, before5, 1), new BasicConv2d(before5, five, 3));
    this.branch4 = nn.sequential(nn.maxPool2d(3, { stride: 1, padding: 1 }), new BasicConv2d(from, behindPool, 1));
  }

  override forward(x: F): F {
    return concat(
      [this.branch1, this.branch2, this.branch3, this.branch4].map((branch) => branch.forward(x)),
      1,
    ) as F;
  }
}

/** A classifier on the way. */
class InceptionAux extends nn.Module {
  readonly pool = nn.adaptiveAvgPool2d(4);
  readonly conv: BasicConv2d;
  readonly fc1: nn.Linear;
  readonly fc2: nn.Linear;
  readonly dropout: nn.Dropout;

  constructor(from: number, classes: number, dropout: number) {
    super();
    this.conv = new BasicConv2d(from, 128, 1);
    this.fc1 = drawn(nn.linear(2048, 1024), truncated, 'kept');
    this.fc2 = drawn(nn.linear(1024, classes), truncated, 'kept');
    this.dropout = nn.dropout(dropout);
  }

  override forward(x: F): F {
    const hidden = relu(this.fc1.forward(flatten(this.conv.forward(this.pool.forward(x)), 1)));
    return this.fc2.forward(this.dropout.forward(hidden));
  }
}

const block = (from: number, name: keyof typeof kBlocks): Inception => new Inception(from, kBlocks[name]);

const halved = (size: number): nn.Module => nn.maxPool2d(size, { stride: 2, ceilMode: true });

/** State: `conv1.conv.weight`, `conv1.bn.weight`, `inception3a.branch1.conv.weight` and so on, `fc.weight`, `fc.bias`. */
export class GoogLeNet extends nn.Module<F | GoogLeNetOutput> {
  readonly conv1 = new BasicConv2d(3, 64, 7, 2);
  readonly maxpool1 = halved(3);
  readonly conv2 = new BasicConv2d(64, 64, 1);
  readonly conv3 = new BasicConv2d(64, 192, 3);
  readonly maxpool2 = halved(3);
  readonly inception3a = block(192, '3a');
  readonly inception3b = block(256, '3b');
  readonly maxpool3 = halved(3);
  readonly inception4a = block(480, '4a');
  readonly inception4b = block(512, '4b');
  readonly inception4c = block(512, '4c');
  readonly inception4d = block(512, '4d');
  readonly inception4e = block(528, '4e');
  readonly maxpool4 = halved(2);
  readonly inception5a = block(832, '5a');
  readonly inception5b = block(832, '5b');
  /** [N, 512, h, w] -> [N, classes]; may be replaced. */
  aux1: nn.Module | undefined;
  /** [N, 528, h, w] -> [N, classes]; may be replaced. */
  aux2: nn.Module | undefined;
  readonly dropout: nn.Dropout;
  /** [N, 1024] -> [N, classes]; may be replaced. */
  fc: nn.Module;

  constructor(classes: number, { auxLogits = true, dropout = 0.2, dropoutAux = 0.7 }: GoogLeNetOptions) {
    super();
    if (auxLogits) {
      this.aux1 = new InceptionAux(512, classes, dropoutAux);
      this.aux2 = new InceptionAux(528, classes, dropoutAux);
    }
    this.dropout = nn.dropout(dropout);
    this.fc = drawn(nn.linear(1024, classes), truncated, 'kept');
  }

  override forward(image: F): F | GoogLeNetOutput {
    const first = this.maxpool1.forward(this.conv1.forward(image));
    const second = this.maxpool2.forward(this.conv3.forward(this.conv2.forward(first)));
    const third = this.maxpool3.forward(this.inception3b.forward(this.inception3a.forward(second)));
    const at4a = this.inception4a.forward(third);
    const at4d = this.inception4d.forward(this.inception4c.forward(this.inception4b.forward(at4a)));
    const fourth = this.maxpool4.forward(this.inception4e.forward(at4d));
    const last = this.inception5b.forward(this.inception5a.forward(fourth));
    const logits = this.fc.forward(this.dropout.forward(mean(last, [2, 3])));
    if (!this.training || !this.aux1 || !this.aux2) return logits;
    return { logits, aux1: this.aux1.forward(at4a), aux2: this.aux2.forward(at4d) };
  }

  /**
   * Mean cross-entropy of what `forward` gives and `labels` [N]: that of the logits, and 0.3 of each auxiliary
   * classifier's (section 5 of the paper).
   */
  loss(output: F | GoogLeNetOutput, labels: Tensor<'int32'>): F {
    if (!('aux1' in output)) return nn.crossEntropy(output, labels);
    const aux = add(nn.crossEntropy(output.aux1, labels), nn.crossEntropy(output.aux2, labels));
    return add(nn.crossEntropy(output.logits, labels), mul(aux, 0.3)) as F;
  }
}

/**
 * [N, 3, height, width] -> logits [N, classes], or `GoogLeNetOutput` in training unless `auxLogits` is false; for images
 * of 15x15 and more. 13,004,888 parameters for 1000 classes (6,624,904 without the auxiliary classifiers), 1.5 billion
 * multiply-adds per 224x224 image.
 */
export const googlenet = (classes = 1000, options: GoogLeNetOptions = {}): GoogLeNet => new GoogLeNet(classes, options);

export const googlenets = {
  googlenet: {
    paper: 'https://arxiv.org/abs/1409.4842',
    parameters: 13_004_888,
    multiplyAdds: 1_498_376_192,
    image: kImageNet,
    make: googlenet,
  },
} as const satisfies ModelFamily;
