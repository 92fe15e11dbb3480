/** Lion. */
import { add, cast, mul, sign, sub } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkBetas, checkNotNegative } from './options.js';

/** Options of `lion`. */
export interface LionOptions extends BaseOptions {
  /** Share of the momentum in the direction, and its decay; [0.9, 0.99] unless told. */
  betas: readonly [number, number];
  /** Decay of the parameters themselves; 0 unless told. */
  weightDecay: number;
}

type F = Tensor<'float32'>;

/**
 * p -= lr (sign(b1 m + (1 - b1) g) + weightDecay p); m = b2 m + (1 - b2) g. State: exp_avg (m). Chen et al., "Symbolic
 * Discovery of Optimization Algorithms", 2023, algorithm 2. A tenth of AdamW's learning rate is a good start.
 */
export class Lion extends Optimizer<LionOptions> {
  constructor(trained: Trained<LionOptions>, options: Partial<LionOptions> = {}) {
    super('lion', trained, { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, ...options });
  }

  protected override checkOptions({ betas, weightDecay }: LionOptions): void {
    checkBetas('lion', betas);
    checkNotNegative('lion', { weightDecay });
  }

  protected override shaping(options: LionOptions): object {
    return { ...options, betas: options.betas[1] };
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: LionOptions,
    rate: Tensor<'float64'>,
  ): void {
    const { betas, weightDecay } = options;
    const [p, g] = [parameter as F, gradient as F];
    const momentum = this.state(parameter, 'exp_avg');
    const m = momentum as F;
    const beta1 = this.live(options, 'beta1', (group) => group.betas[0]);
    // Both means from one difference, so that they are computed in one pass.
    const change = sub(g, m);
    const direction = sign(add(m, mul(change, cast(sub(1, beta1), p.dtype))));
    momentum.assign(add(m, mul(change, 1 - betas[1])));
    const kept = weightDecay === 0 ? p : mul(p, cast(sub(1, mul(rate, weightDecay)), p.dtype));
    parameter.assign(sub(kept, mul(direction, cast(rate, p.dtype))));
  }
}

/** Lion; lr is 1e-4 unless told. @throws ArgumentError for illegal options. */
export function lion(trained: Trained<LionOptions>, options: Partial<LionOptions> = {}): Lion {
  return new Lion(trained, options);
}
