/** Adam and AdamW. */
import { add, cast, div, maximum, mul, pow, sqrt, sub } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { type BaseOptions, Optimizer, type Trained } from './optimizer.js';
import { checkBetas, checkNotNegative } from './options.js';

/** Options of `adam` and `adamW`, named as in PyTorch. */
export interface AdamOptions extends BaseOptions {
  /** Decay of the running means of the gradient and of its square; [0.9, 0.999] unless told. */
  betas: readonly [number, number];
  /** Added to the denominator; 1e-8 unless told. */
  eps: number;
  /** L2 penalty added to the gradient (adam: 0 unless told), or decay of the parameters themselves (adamW: 0.01). */
  weightDecay: number;
  /** Use the largest second moment so far (Reddi et al. 2018); false unless told. */
  amsgrad: boolean;
}

type F = Tensor<'float32'>;

/**
 * m += (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).
 * State: exp_avg (m), exp_avg_sq (v), step (t), and max_exp_avg_sq with amsgrad. Kingma and Ba, "Adam: A Method for
 * Stochastic Optimization", 2015; as `torch.optim.Adam`.
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(trained: Trained<AdamOptions>, options: Partial<AdamOptions> = {}, where = 'adam') {
    super(where, trained, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, ...options });
  }

  protected override checkOptions({ betas, eps, weightDecay }: AdamOptions): void {
    checkBetas(this.where, betas);
    checkNotNegative(this.where, { eps, weightDecay });
  }

  protected override shaping(options: AdamOptions): object {
    return { ...options, betas: options.betas[1] };
  }

  /** The value and gradient to start from, after weight decay. */
  protected decayed(p: F, g: F, weightDecay: number, _rate: Tensor<'float64'>): readonly [F, F] {
    return [p, add(g, mul(p, weightDecay))];
  }

  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    options: AdamOptions,
    rate: Tensor<'float64'>,
  ): void {
    const { betas, eps, weightDecay, amsgrad } = options;
    const beta2 = betas[1];
    const beta1 = this.live(options, 'beta1', (group) => group.betas[0]);
    const { dtype } = parameter as F;
    const start: readonly [F, F] = [parameter as F, gradient as F];
    const [p, g] = weightDecay === 0 ? start : this.decayed(...start, weightDecay, rate);
    const [m, v] = [this.state(parameter, 'exp_avg') as F, this.state(parameter, 'exp_avg_sq') as F];
    const step = this.countStep(parameter);
    // Scalars are computed in double precision, as PyTorch does on the host.
    const stepSize = cast(div(rate, sub(1, pow(beta1, step))), dtype);
    const correction2 = cast(sqrt(sub(1, pow(beta2, step))), dtype);
    const newM = add(m, mul(sub(g, m), cast(sub(1, beta1), dtype)));
    const newV = add(mul(v, beta2), mul(mul(g, 1 - beta2), g));
    this.state(parameter, 'exp_avg').assign(newM);
    this.state(parameter, 'exp_avg_sq').assign(newV);
    const denominator = add(div(sqrt(amsgrad ? this.#largest(parameter, newV) : newV), correction2), eps);
    parameter.assign(sub(p, div(mul(newM, stepSize), denominator)));
  }

  #largest(parameter: Parameter, v: F): F {
    const state = this.state(parameter, 'max_exp_avg_sq');
    const largest = maximum(state as F, v);
    state.assign(largest);
    return largest;
  }
}

/**
 * Adam with weight decay on the parameters instead of in the gradient: p *= 1 - lr * weightDecay first. Loshchilov and
 * Hutter, "Decoupled Weight Decay Regularization", 2019; as `torch.optim.AdamW`.
 */
export class AdamW extends Adam {
  constructor(trained: Trained<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(trained, { weightDecay: 0.01, ...options }, 'adamW');
  }

  protected override decayed(p: F, g: F, weightDecay: number, rate: Tensor<'float64'>): readonly [F, F] {
    return [mul(p, cast(sub(1, mul(rate, weightDecay)), p.dtype)), g];
  }
}

/** Adam; lr is 1e-3 unless told. @throws ArgumentError for illegal options. */
export function adam(trained: Trained<AdamOptions>, options: Partial<AdamOptions> = {}): Adam {
  return new Adam(trained, options);
}

/** AdamW; lr is 1e-3 and weightDecay 0.01 unless told. @throws ArgumentError for illegal options. */
export function adamW(trained: Trained<AdamOptions>, options: Partial<AdamOptions> = {}): AdamW {
  return new AdamW(trained, options);
}
