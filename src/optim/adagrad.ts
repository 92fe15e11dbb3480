/** Adagrad and Adadelta: rates per element from the gradients so far. */
import { add, cast, div, mul, sqrt, square, sub } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkNotNegative, checkShare, penalized, running } from './options.js';

/** Options of `adagrad`, named as in PyTorch. */
export interface AdagradOptions extends BaseOptions {
  /** Step t uses the rate lr / (1 + (t - 1) lrDecay); 0 unless told. */
  lrDecay: number;
  /** L2 penalty, added to the gradient; 0 unless told. */
  weightDecay: number;
  /** What the sums of squares start as; 0 unless told. */
  initialAccumulatorValue: number;
  /** Added to the denominator; 1e-10 unless told. */
  eps: number;
}

type F = Tensor<'float32'>;

/**
 * s += g^2; p -= lr / (1 + (t - 1) lrDecay) * g / (sqrt(s) + eps). State: sum (s), step (t). Duchi, Hazan and Singer,
 * "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011; as `torch.optim.Adagrad`.
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(trained: Trained<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    const defaults = { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 };
    super('adagrad', trained, { ...defaults, ...options });
  }

  protected override checkOptions({ lrDecay, weightDecay, initialAccumulatorValue, eps }: AdagradOptions): void {
    checkNotNegative('adagrad', { lrDecay, weightDecay, initialAccumulatorValue, eps });
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: AdagradOptions,
    rate: Tensor<'float64'>,
  ): void {
    const { lrDecay, initialAccumulatorValue, eps } = options;
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const past = sub(this.countStep(parameter), 1);
    const decayed = cast(div(rate, add(mul(past, lrDecay), 1)), p.dtype);
    const squares = this.state(parameter, 'sum', parameter.shape, initialAccumulatorValue);
    const newSquares = add(squares as F, square(g));
    squares.assign(newSquares);
    parameter.assign(sub(p, mul(div(g, add(sqrt(newSquares), eps)), decayed)));
  }
}

/** Options of `adadelta`, named as in PyTorch. */
export interface AdadeltaOptions extends BaseOptions {
  /** Decay of both running means; 0.9 unless told. */
  rho: number;
  /** Added to the means before their roots; 1e-6 unless told. */
  eps: number;
  /** L2 penalty, added to the gradient; 0 unless told. */
  weightDecay: number;
}

/**
 * v = rho v + (1 - rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) * g; u = rho u + (1 - rho) d^2; p -= lr d.
 * State: square_avg (v), acc_delta (u). Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012; as
 * `torch.optim.Adadelta`.
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(trained: Trained<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super('adadelta', trained, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, ...options });
  }

  protected override checkOptions({ rho, eps, weightDecay }: AdadeltaOptions): void {
    checkNotNegative('adadelta', { eps, weightDecay });
    checkShare('adadelta', { rho });
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: AdadeltaOptions,
    rate: Tensor<'float64'>,
  ): void {
    const { rho, eps } = options;
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const [squares, deltas] = [this.state(parameter, 'square_avg'), this.state(parameter, 'acc_delta')];
    const newSquares = running(squares as F, square(g), rho);
    const delta = mul(div(sqrt(add(deltas as F, eps)), sqrt(add(newSquares, eps))), g);
    squares.assign(newSquares);
    deltas.assign(running(deltas as F, square(delta), rho));
    parameter.assign(sub(p, mul(delta, cast(rate, p.dtype))));
  }
}

/** Adagrad; lr is 1e-2 unless told. @throws ArgumentError for illegal options. */
export function adagrad(trained: Trained<AdagradOptions>, options: Partial<AdagradOptions> = {}): Adagrad {
  return new Adagrad(trained, options);
}

/** Adadelta; lr is 1 unless told. @throws ArgumentError for illegal options. */
export function adadelta(trained: Trained<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}): Adadelta {
  return new Adadelta(trained, options);
}
