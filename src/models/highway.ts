/**
 * Convolutional highway networks for 32x32 images: Srivastava, Greff and Schmidhuber, "Training Very Deep Networks"
 * (https://arxiv.org/abs/1507.06228), section 4: each stage begins with a plain convolution that changes the number of
 * channels and goes on with highway layers, which keep it. Depths are those of the paper's table 2; it does not give the
 * channels, these are near its numbers of parameters.
 */
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { mean } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { kCifar, type ModelFamily } from './card.js';

type F = Tensor<'float32'>;

/** Channels and layers of the three stages, by depth. */
const kStages = {
  11: [
    [16, 3],
    [32, 3],
    [48, 4],
  ],
  19: [
    [32, 5],
    [80, 6],
    [128, 7],
  ],
} as const;

/** Options of `highwayCifar`. */
export interface HighwayCifarOptions {
  /** Convolutions and the last linear layer: 11 or 19; 11 unless told. */
  readonly depth?: keyof typeof kStages;
  /** First value of the gates' biases; -2 unless told. */
  readonly gateBias?: number;
  /** After each of the first two stages and before the last layer; none unless told. */
  readonly dropout?: number;
}

/** State: `stages.0.0.weight`, `stages.0.2.transform.weight`, `stages.0.2.gate.weight` and so on, `fc.weight`, `fc.bias`. */
export class HighwayCifar extends nn.Module {
  readonly stages: readonly nn.Sequential[];
  readonly dropout: nn.Dropout;
  /** [N, channels] -> [N, classes]; may be replaced. */
  fc: nn.Module;

  constructor(classes: number, { depth = 11, gateBias = -2, dropout = 0 }: HighwayCifarOptions) {
    super();
    if (!(depth in kStages)) throw new ArgumentError(`highwayCifar: depth must be 11 or 19, got ${depth}`);
    const stages = kStages[depth];
    this.stages = stages.map(([channels, layers], i) =>
      nn.sequential(
        nn.conv2d(i === 0 ? 3 : stages[i - 1][0], channels, 3, { padding: 1 }),
        nn.relu(),
        ...Array.from({ length: layers - 1 }, () => nn.highwayConv2d(channels, 3, { gateBias })),
        ...(i < stages.length - 1 ? [nn.maxPool2d(2)] : []),
      ),
    );
    this.dropout = nn.dropout(dropout);
    this.fc = nn.linear(stages[stages.length - 1][0], classes);
  }

  override forward(image: F): F {
    const x = this.stages.reduce((out, stage) => this.dropout.forward(stage.forward(out)), image);
    return this.fc.forward(mean(x, [2, 3]));
  }
}

/**
 * [N, 3, 32, 32] -> logits [N, classes]. Depth 11: 190,426 parameters for 10 classes, 0.03 billion multiply-adds per image;
 * depth 19: 2,539,386 and 0.35 billion.
 * @throws ArgumentError for another depth.
 */
export const highwayCifar = (classes = 10, options: HighwayCifarOptions = {}): HighwayCifar =>
  new HighwayCifar(classes, options);

const kPaper = { paper: 'https://arxiv.org/abs/1507.06228', image: kCifar };

const ofDepth =
  (depth: keyof typeof kStages) =>
  (classes = 10, options: Omit<HighwayCifarOptions, 'depth'> = {}): HighwayCifar =>
    highwayCifar(classes, { ...options, depth });

export const highways = {
  highway11: { ...kPaper, parameters: 190_426, multiplyAdds: 29_344_224, make: ofDepth(11) },
  highway19: { ...kPaper, parameters: 2_539_386, multiplyAdds: 348_882_176, make: ofDepth(19) },
} as const satisfies ModelFamily;
