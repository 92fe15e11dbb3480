/** Stochastic gradient descent. */
import { ArgumentError } from '../errors.js';
import { add, cast, equal, mul, sub, where } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkNotNegative, penalized } from './options.js';

/** Options of `sgd`, named as in PyTorch. */
export interface SgdOptions extends BaseOptions {
  /** Share of the last direction that is kept; 0 unless told. */
  momentum: number;
  /** Share of the gradient that is left out of the direction; 0 unless told. */
  dampening: number;
  /** Nesterov's momentum, which needs momentum and no dampening; false unless told. */
  nesterov: boolean;
  /** L2 penalty, added to the gradient; 0 unless told. */
  weightDecay: number;
}

type F = Tensor<'float32'>;

/**
 * With g the gradient (plus weightDecay * p): b = g at first, then b = momentum * b + (1 - dampening) * g;
 * p -= lr * b, or lr * (g + momentum * b) with nesterov. State: momentum_buffer (and step when dampened).
 * Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013; as `torch.optim.SGD`.
 */
export class SGD extends Optimizer<SgdOptions> {
  constructor(trained: Trained<SgdOptions>, options: Partial<SgdOptions> = {}) {
    super('sgd', trained, { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, ...options });
  }

  protected override checkOptions({ momentum, dampening, nesterov, weightDecay }: SgdOptions): void {
    checkNotNegative('sgd', { momentum, weightDecay });
    if (nesterov && (momentum <= 0 || dampening !== 0))
      throw new ArgumentError('sgd: nesterov needs momentum and no dampening');
  }

  protected override shaping(options: SgdOptions): object {
    return { ...options, momentum: options.momentum !== 0 };
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: SgdOptions,
    rate: Tensor<'float64'>,
  ): void {
    const p = parameter as F;
    let g = penalized(p, gradient as F, options);
    if (options.momentum !== 0) {
      const momentum = cast(
        this.live(options, 'momentum', (group) => group.momentum),
        p.dtype,
      );
      const direction = this.#direction(parameter, g, momentum, options);
      g = options.nesterov ? add(g, mul(direction, momentum)) : direction;
    }
    parameter.assign(sub(p, mul(g, cast(rate, p.dtype))));
  }

  #direction(parameter: Parameter, g: F, momentum: F, { dampening }: SgdOptions): F {
    const buffer = this.state(parameter, 'momentum_buffer');
    const kept = mul(buffer as F, momentum);
    let direction = add(kept, dampening === 0 ? g : mul(g, 1 - dampening));
    if (dampening !== 0) {
      direction = where(equal(this.countStep(parameter), 1), g, direction);
    }
    buffer.assign(direction);
    return direction;
  }
}

/** Stochastic gradient descent; lr is 1e-3 unless told. @throws ArgumentError for illegal options. */
export function sgd(trained: Trained<SgdOptions>, options: Partial<SgdOptions> = {}): SGD {
  return new SGD(trained, options);
}
