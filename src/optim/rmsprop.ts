/** RMSprop. */
import { add, cast, div, mul, sqrt, square, sub } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkNotNegative, checkShare, penalized, running } from './options.js';

/** Options of `rmsprop`, named as in PyTorch. */
export interface RmspropOptions extends BaseOptions {
  /** Decay of the running mean of the gradient's square; 0.99 unless told. */
  alpha: number;
  /** Added to the denominator; 1e-8 unless told. */
  eps: number;
  /** L2 penalty, added to the gradient; 0 unless told. */
  weightDecay: number;
  /** Share of the last direction that is kept; 0 unless told. */
  momentum: number;
  /** Divide by the deviation of the gradient instead of its root mean square; false unless told. */
  centered: boolean;
}

type F = Tensor<'float32'>;

/**
 * v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + eps), or with the running mean m of g taken off when centered:
 * d = g / (sqrt(v - m^2) + eps); b = momentum b + d; p -= lr b. State: square_avg (v), grad_avg (m), momentum_buffer (b).
 * Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012; centered as in Graves, "Generating
 * Sequences With Recurrent Neural Networks", 2013; as `torch.optim.RMSprop`.
 */
export class RMSprop extends Optimizer<RmspropOptions> {
  constructor(trained: Trained<RmspropOptions>, options: Partial<RmspropOptions> = {}) {
    const defaults = { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false };
    super('rmsprop', trained, { ...defaults, ...options });
  }

  protected override checkOptions({ alpha, eps, weightDecay, momentum }: RmspropOptions): void {
    checkNotNegative('rmsprop', { eps, weightDecay, momentum });
    checkShare('rmsprop', { alpha });
  }

  protected override shaping(options: RmspropOptions): object {
    return { ...options, momentum: options.momentum !== 0 };
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: RmspropOptions,
    rate: Tensor<'float64'>,
  ): void {
    const { alpha, eps, momentum, centered } = options;
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const squares = this.state(parameter, 'square_avg') as F;
    const newSquares = running(squares, square(g), alpha);
    this.state(parameter, 'square_avg').assign(newSquares);
    let spread = newSquares;
    if (centered) {
      const mean = this.state(parameter, 'grad_avg');
      const newMean = running(mean as F, g, alpha);
      mean.assign(newMean);
      spread = sub(newSquares, square(newMean));
    }
    let direction = div(g, add(sqrt(spread), eps));
    if (momentum !== 0) {
      const buffer = this.state(parameter, 'momentum_buffer');
      const share = cast(
        this.live(options, 'momentum', (group) => group.momentum),
        p.dtype,
      );
      direction = add(mul(buffer as F, share), direction);
      buffer.assign(direction);
    }
    parameter.assign(sub(p, mul(direction, cast(rate, p.dtype))));
  }
}

/** RMSprop; lr is 1e-2 unless told. @throws ArgumentError for illegal options. */
export function rmsprop(trained: Trained<RmspropOptions>, options: Partial<RmspropOptions> = {}): RMSprop {
  return new RMSprop(trained, options);
}
