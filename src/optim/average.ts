/** Beside the rules: running averages of weights, and gradients summed over several batches. */
import { ArgumentError, StateError } from '../errors.js';
import { add, cast, div, equal, minimum, mul, sub, where, zeros, zerosLike } from '../ops/index.js';
import { evaluate } from '../runtime/run.js';
import { Tensor } from '../tensor.js';
import { type Parameter, Variable } from '../variable.js';
import { clipGradNorm, clipGradValue } from './clip.js';
import type { Gradients, MinimizeOptions, Optimizer } from './optimizer.js';

type F = Tensor<'float32'>;

/** Options of `ema`. */
export interface EmaOptions {
  /** Share of the old average that is kept; 0.999 unless told. */
  readonly decay?: number;
  /** Keep at most (1 + t) / (10 + t) at update t, so that the first weights are soon forgotten; false unless told. */
  readonly warmUp?: boolean;
}

/**
 * The exponential moving average of weights, a = decay a + (1 - decay) p; the first update takes the weights as they
 * are (Polyak and Juditsky 1992; Tarvainen and Valpola, "Mean teachers are better role models", 2017).
 */
export class EMA {
  readonly #averages: ReadonlyMap<Parameter, Variable>;
  readonly #count: Variable<'float64'>;
  readonly #decay: number;
  readonly #warmUp: boolean;
  #isUpdated = false;

  constructor(
    readonly parameters: readonly Parameter[],
    { decay = 0.999, warmUp = false }: EmaOptions = {},
  ) {
    if (!(decay >= 0 && decay < 1)) throw new ArgumentError(`ema: decay must be from 0 up to but not 1, got ${decay}`);
    if (parameters.length === 0) throw new ArgumentError('ema: there are no parameters to average');
    this.#decay = decay;
    this.#warmUp = warmUp;
    this.#count = new Variable(zeros([], { dtype: 'float64' }), { name: 'ema.count' });
    this.#averages = new Map(
      parameters.map((parameter, i) => {
        const name = `${parameter.name ?? `parameter ${i}`}.average`;
        return [parameter, new Variable(zeros(parameter.shape, { dtype: parameter.dtype }), { name })];
      }),
    );
  }

  /** Takes the present weights into the average. In a compiled step, after the optimizer's update, part of it. */
  update(): void {
    this.#isUpdated = true;
    const t = add(this.#count, 1);
    const ramp = this.#warmUp ? div(add(t, 1), add(t, 10)) : t;
    const kept = where(equal(t, 1), 0, minimum(ramp, this.#decay)) as Tensor<'float64'>;
    this.#count.assign(t);
    for (const [parameter, average] of this.#averages) {
      const p = parameter as F;
      const [old, fresh] = [cast(kept, p.dtype), cast(sub(1, kept), p.dtype)];
      average.assign(add(mul(average as F, old), mul(p, fresh)));
    }
  }

  /**
   * Exchanges weights and averages; a second call takes it back.
   * @throws StateError when nothing has been averaged yet.
   */
  swap(): void {
    if (!this.#isUpdated) throw new StateError('ema: nothing has been averaged yet; call update first');
    for (const [parameter, average] of this.#averages) {
      const weights = new Tensor(parameter.node);
      parameter.assign(average);
      average.assign(weights);
    }
  }

  /** Runs `fn` with the averages as weights, and puts the weights back. */
  async use<T>(fn: () => T | Promise<T>): Promise<T> {
    this.swap();
    await evaluate([]);
    try {
      return await fn();
    } finally {
      this.swap();
      await evaluate([]);
    }
  }

  /** The averages by the number of the parameter, and `count`: live variables. */
  stateDict(): Record<string, Variable> {
    return { ...Object.fromEntries([...this.#averages.values()].entries()), count: this.#count as Variable };
  }

  /** Takes over what `stateDict` gave. @throws ArgumentError when it is of other parameters. */
  loadStateDict(state: Readonly<Record<string, Tensor>>): void {
    const own = this.stateDict();
    const names = (dict: object) => Object.keys(dict).sort().join(' ');
    if (names(own) !== names(state))
      throw new ArgumentError(
        `ema: the state is of ${Object.keys(state).length - 1} parameters, here are ${this.#averages.size}`,
      );
    for (const [name, variable] of Object.entries(own)) if (variable !== state[name]) variable.assign(state[name]);
    this.#isUpdated = true;
  }
}

/** The exponential moving average of `parameters`. @throws ArgumentError for illegal options. */
export function ema(parameters: readonly Parameter[], options: EmaOptions = {}): EMA {
  return new EMA(parameters, options);
}

/**
 * Gradients summed over several small batches before one step, for the effect of a large batch in the memory of a small
 * one. Whether a batch is the last of its step is an argument of the compiled function, which then holds two programs:
 *
 *     const step = compile((x, y, isLast: boolean) => {
 *       const loss = nn.crossEntropy(model.forward(x), y);
 *       accumulator.add(loss);
 *       if (isLast) accumulator.step();
 *       return loss;
 *     });
 */
export class GradientAccumulator {
  readonly #sums = new Map<Parameter, Variable>();

  /** @param batches How many batches make a step: their gradients are averaged. */
  constructor(
    readonly optimizer: Optimizer,
    readonly batches: number,
  ) {
    if (!Number.isSafeInteger(batches) || batches < 1)
      throw new ArgumentError(`gradientAccumulator: batches must be a positive integer, got ${batches}`);
  }

  /** Adds the gradients of a scalar loss, divided by the number of batches. Throws as `Optimizer.gradients`. */
  add(loss: Tensor): void {
    this.addGradients(this.optimizer.gradients(loss));
  }

  /** Adds gradients that there are already, in the order of the optimizer's parameters. */
  addGradients(gradients: Gradients): void {
    this.optimizer.parameters.forEach((parameter, i) => {
      const gradient = gradients[i];
      if (!gradient) return;
      let sum = this.#sums.get(parameter);
      if (!sum) {
        const name = `${parameter.name ?? 'parameter'}.gradient`;
        sum = new Variable(zeros(parameter.shape, { dtype: parameter.dtype }), { name });
        this.#sums.set(parameter, sum);
      }
      sum.assign(add(sum as F, div(gradient as F, this.batches)));
    });
  }

  /** Steps with the sums, clipped if asked, and starts them over. @throws StateError when nothing has been added. */
  step({ clipNorm, clipValue }: MinimizeOptions = {}): void {
    let gradients = this.gradients();
    if (clipValue !== undefined) gradients = clipGradValue(gradients, clipValue);
    if (clipNorm !== undefined) gradients = clipGradNorm(gradients, clipNorm).gradients;
    this.optimizer.step(gradients);
    this.reset();
  }

  /** The sums as they are now, in the order of the optimizer's parameters. Throws as `step`. */
  gradients(): Gradients {
    if (this.#sums.size === 0) throw new StateError('gradientAccumulator: nothing has been added; call add first');
    return this.optimizer.parameters.map((parameter) => {
      const sum = this.#sums.get(parameter);
      return sum && new Tensor(sum.node);
    });
  }

  /** Starts over from zeros. */
  reset(): void {
    for (const sum of this.#sums.values()) sum.assign(zerosLike(sum));
  }

  /** The sums by the number of the parameter: live variables. They are zeros after a step. */
  stateDict(): Record<string, Variable> {
    const { parameters } = this.optimizer;
    return Object.fromEntries([...this.#sums].map(([parameter, sum]) => [parameters.indexOf(parameter), sum]));
  }

  /** Takes over what `stateDict` gave. @throws ArgumentError when a number is that of no parameter. */
  loadStateDict(state: Readonly<Record<string, Tensor>>): void {
    const { parameters } = this.optimizer;
    for (const sum of this.#sums.values()) sum.assign(zerosLike(sum));
    for (const [key, value] of Object.entries(state)) {
      const parameter = parameters[Number(key)];
      if (!parameter)
        throw new ArgumentError(`gradientAccumulator: state ${key} belongs to none of ${parameters.length} parameters`);
      const sum = this.#sums.get(parameter) ?? new Variable(zerosLike(value));
      this.#sums.set(parameter, sum);
      if (sum !== value) sum.assign(value);
    }
  }
}

/** Sums gradients of `batches` batches per step. @throws ArgumentError unless `batches` is a positive integer. */
export function gradientAccumulator(optimizer: Optimizer, batches: number): GradientAccumulator {
  return new GradientAccumulator(optimizer, batches);
}
