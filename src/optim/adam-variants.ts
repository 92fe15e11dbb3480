/** Relatives of Adam: Adamax, NAdam, RAdam. Their scalars are computed in double precision, as PyTorch's on the host. */
import { abs, add, cast, div, greater, maximum, mul, pow, sqrt, square, sub, where } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkBetas, checkNotNegative, penalized, running } from './options.js';

/** Options of `adamax` and `radam`, named as in PyTorch. */
export interface MomentsOptions extends BaseOptions {
  /** Decay of the running means of the gradient and of its size; [0.9, 0.999] unless told. */
  betas: readonly [number, number];
  /** 1e-8 unless told. */
  eps: number;
  /** L2 penalty, added to the gradient; 0 unless told. */
  weightDecay: number;
}

/** Options of `nadam`, named as in PyTorch. */
export interface NAdamOptions extends MomentsOptions {
  /** How the momentum grows; 4e-3 unless told. */
  momentumDecay: number;
}

type F = Tensor<'float32'>;
type Scalar = Tensor<'float64'>;

const kDefaults = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 } as const;

/** What the three share: the penalized gradient, and its running mean with a first decay that may change. */
abstract class Moments<Options extends MomentsOptions> extends Optimizer<Options> {
  protected override checkOptions({ betas, eps, weightDecay }: Options): void {
    checkBetas(this.where, betas);
    checkNotNegative(this.where, { eps, weightDecay });
  }

  protected override shaping(options: Options): object {
    return { ...options, betas: options.betas[1] };
  }

  protected beta1(options: Options): Scalar {
    return this.live(options, 'beta1', (group) => group.betas[0]);
  }

  /** The running mean of the gradient, with this one. */
  protected mean(parameter: Parameter, g: F, beta1: Scalar): F {
    const mean = this.state(parameter, 'exp_avg');
    const updated = add(mean as F, mul(sub(g, mean as F), cast(sub(1, beta1), g.dtype)));
    mean.assign(updated);
    return updated;
  }

  /** The running mean of the gradient's square, with this one. */
  protected meanSquare(parameter: Parameter, g: F, beta2: number): F {
    const squares = this.state(parameter, 'exp_avg_sq');
    const updated = running(squares as F, square(g), beta2);
    squares.assign(updated);
    return updated;
  }
}

/**
 * m as in Adam; u = max(b2 u, |g| + eps); p -= lr / (1 - b1^t) * m / u. State: exp_avg (m), exp_inf (u), step (t).
 * Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 7.1; as `torch.optim.Adamax`.
 */
export class Adamax extends Moments<MomentsOptions> {
  constructor(trained: Trained<MomentsOptions>, options: Partial<MomentsOptions> = {}) {
    super('adamax', trained, { lr: 2e-3, ...kDefaults, ...options });
  }

  protected override update(parameter: Parameter, gradient: Tensor, options: MomentsOptions, rate: Scalar): void {
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const beta1 = this.beta1(options);
    const m = this.mean(parameter, g, beta1);
    const largest = this.state(parameter, 'exp_inf');
    const u = maximum(mul(largest as F, options.betas[1]), add(abs(g), options.eps));
    largest.assign(u);
    const stepSize = cast(div(rate, sub(1, pow(beta1, this.countStep(parameter)))), p.dtype);
    parameter.assign(sub(p, mul(div(m, u), stepSize)));
  }
}

/**
 * With k(t) = b1 (1 - 0.96^(t momentumDecay) / 2) and K(t) = k(1) ... k(t): m and v as in Adam;
 * p -= lr ((1 - k(t)) / (1 - K(t)) g + k(t + 1) / (1 - K(t + 1)) m) / (sqrt(v / (1 - b2^t)) + eps).
 * State: exp_avg (m), exp_avg_sq (v), mu_product (K), step (t). Dozat, "Incorporating Nesterov Momentum into Adam",
 * 2016; as `torch.optim.NAdam`.
 */
export class NAdam extends Moments<NAdamOptions> {
  constructor(trained: Trained<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super('nadam', trained, { lr: 2e-3, ...kDefaults, momentumDecay: 4e-3, ...options });
  }

  protected override checkOptions(options: NAdamOptions): void {
    super.checkOptions(options);
    checkNotNegative(this.where, { momentumDecay: options.momentumDecay });
  }

  protected override update(parameter: Parameter, gradient: Tensor, options: NAdamOptions, rate: Scalar): void {
    const { betas, eps, momentumDecay } = options;
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const beta1 = this.beta1(options);
    const step = this.countStep(parameter);
    const share = (at: Scalar): Scalar => mul(beta1, sub(1, mul(pow(0.96, mul(at, momentumDecay)), 0.5))) as Scalar;
    const [now, next] = [share(step), share(add(step, 1))];
    const product = this.state(parameter, 'mu_product', [], 1);
    const newProduct = mul(cast(product, 'float64'), now);
    product.assign(cast(newProduct, product.dtype));
    const m = this.mean(parameter, g, beta1);
    const v = this.meanSquare(parameter, g, betas[1]);
    const correction = cast(sqrt(sub(1, pow(betas[1], step))), p.dtype);
    const denominator = add(div(sqrt(v), correction), eps);
    const gShare = cast(div(mul(rate, sub(1, now)), sub(1, newProduct)), p.dtype);
    const mShare = cast(div(mul(rate, next), sub(1, mul(newProduct, next))), p.dtype);
    parameter.assign(sub(p, div(add(mul(g, gShare), mul(m, mShare)), denominator)));
  }
}

/**
 * Adam whose second moment is used once its variance is bounded. With r = 2 / (1 - b2) - 1 and
 * r(t) = r - 2 t b2^t / (1 - b2^t): p -= lr / (1 - b1^t) m c, where c = 1 while r(t) <= 5, then
 * c = sqrt((r(t) - 4)(r(t) - 2) r / ((r - 4)(r - 2) r(t))) sqrt(1 - b2^t) / (sqrt(v) + eps).
 * State: exp_avg (m), exp_avg_sq (v), step (t). Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond",
 * 2020; as `torch.optim.RAdam`.
 */
export class RAdam extends Moments<MomentsOptions> {
  constructor(trained: Trained<MomentsOptions>, options: Partial<MomentsOptions> = {}) {
    super('radam', trained, { lr: 1e-3, ...kDefaults, ...options });
  }

  protected override update(parameter: Parameter, gradient: Tensor, options: MomentsOptions, rate: Scalar): void {
    const { betas, eps } = options;
    const p = parameter as F;
    const g = penalized(p, gradient as F, options);
    const beta1 = this.beta1(options);
    const step = this.countStep(parameter);
    const m = this.mean(parameter, g, beta1);
    const v = this.meanSquare(parameter, g, betas[1]);
    const rest = sub(1, pow(betas[1], step));
    const limit = 2 / (1 - betas[1]) - 1;
    const length = sub(limit, div(mul(mul(step, 2), sub(1, rest)), rest));
    const isLong = greater(length, 5);
    // At least 5, so that the branch not taken has no root of a negative number.
    const long = maximum(length, 5);
    const ratio = div(mul(mul(sub(long, 4), sub(long, 2)), limit), mul(long, (limit - 4) * (limit - 2)));
    const rectified = where(isLong, sqrt(mul(ratio, rest)), 1);
    const stepSize = cast(mul(div(rate, sub(1, pow(beta1, step))), rectified), p.dtype);
    // The denominator is sqrt(v) + eps, or 1, with scalars alone chosen: one pass over the elements.
    const chosen = cast(isLong, 'float64');
    const share = cast(chosen, p.dtype);
    const offset = cast(add(mul(chosen, eps), sub(1, chosen)), p.dtype);
    parameter.assign(sub(p, div(mul(m, stepSize), add(mul(sqrt(v), share), offset))));
  }
}

/** Adamax; lr is 2e-3 unless told. @throws ArgumentError for illegal options. */
export function adamax(trained: Trained<MomentsOptions>, options: Partial<MomentsOptions> = {}): Adamax {
  return new Adamax(trained, options);
}

/** NAdam; lr is 2e-3 unless told. @throws ArgumentError for illegal options. */
export function nadam(trained: Trained<NAdamOptions>, options: Partial<NAdamOptions> = {}): NAdam {
  return new NAdam(trained, options);
}

/** RAdam; lr is 1e-3 unless told. @throws ArgumentError for illegal options. */
export function radam(trained: Trained<MomentsOptions>, options: Partial<MomentsOptions> = {}): RAdam {
  return new RAdam(trained, options);
}
