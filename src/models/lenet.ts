/**
 * LeNet for 28x28 digits: LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998,
 * http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf). `lenet` in the form that is trained today: two 5x5 convolutions of
 * 32 and 64 channels with ReLU and max pooling, two linear layers. `lenet5` in the sizes of the paper, with tanh and
 * average pooling; its second convolution sees all channels, and logits take the place of the radial units.
 */
import * as nn from '../nn/index.js';
import type { ModelFamily } from './card.js';

/** Options of `lenet`. */
export interface LeNetOptions {
  /** Dropout before the last layer; none unless told. */
  readonly dropout?: number;
}

/** [N, 1, 28, 28] -> logits [N, classes]. 1,663,370 parameters for 10 classes, 12.3 million multiply-adds per image. */
export function lenet(classes = 10, { dropout = 0 }: LeNetOptions = {}): nn.Sequential {
  const dropped = dropout > 0 ? [nn.dropout(dropout)] : [];
  return nn.sequential(
    nn.conv2d(1, 32, 5, { padding: 2 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.conv2d(32, 64, 5, { padding: 2 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.flatten(),
    nn.linear(64 * 7 * 7, 512),
    nn.relu(),
    ...dropped,
    nn.linear(512, classes),
  );
}

/** [N, 1, 28, 28] -> logits [N, classes]. 61,706 parameters for 10 classes, 0.4 million multiply-adds per image. */
export function lenet5(classes = 10): nn.Sequential {
  return nn.sequential(
    nn.conv2d(1, 6, 5, { padding: 2 }),
    nn.tanh(),
    nn.avgPool2d(2),
    nn.conv2d(6, 16, 5),
    nn.tanh(),
    nn.avgPool2d(2),
    nn.flatten(),
    nn.linear(16 * 5 * 5, 120),
    nn.tanh(),
    nn.linear(120, 84),
    nn.tanh(),
    nn.linear(84, classes),
  );
}

const kPaper = { paper: 'http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf', image: [1, 28, 28] as const };

export const lenets = {
  lenet: { ...kPaper, parameters: 1_663_370, multiplyAdds: 12_273_152, make: lenet },
  lenet5: { ...kPaper, parameters: 61_706, multiplyAdds: 416_520, make: lenet5 },
} as const satisfies ModelFamily;
