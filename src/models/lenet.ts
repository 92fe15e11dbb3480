/**
 * LeNet for 28x28 digits, after LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), in the
 * form that is trained today: two 5x5 convolutions of 32 and 64 channels with ReLU and max pooling, two linear layers.
 * 1,663,370 parameters for 10 classes.
 */
import * as nn from '../nn/index.js';

/** Options of `lenet`. */
export interface LeNetOptions {
  /** Dropout before the last layer; none unless told. */
  readonly dropout?: number;
}

/** [N, 1, 28, 28] -> logits [N, classes]. */
export function lenet(classes = 10, { dropout = 0 }: LeNetOptions = {}): nn.Module {
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
