/**
 * L-BFGS: a quasi-Newton method for problems with few parameters and a loss that is the same at each evaluation. Loss
 * and gradients are one native program; the direction is computed here, in double precision.
 */
import { ArgumentError, GradientError, ShapeError } from '../errors.js';
import { gradientsOf } from '../grad/backward.js';
import { loadSafetensors, loadSafetensorsMetadata, saveSafetensors } from '../io/safetensors.js';
import { concat, flatten, reshape, zeros } from '../ops/index.js';
import { type CompiledFunction, compile } from '../runtime/compile.js';
import { evaluate } from '../runtime/run.js';
import { Tensor, tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { dot, type Evaluation, largest, strongWolfe } from './strong-wolfe.js';

/** Options of `lbfgs`, named as in PyTorch. */
export interface LbfgsOptions {
  /** Length of a step along the direction, or where the line search starts; 1 unless told. */
  lr: number;
  /** Iterations per `step`; 20 unless told. */
  maxIter: number;
  /** Evaluations of the loss per `step` after which no iteration starts; 5/4 maxIter unless told. */
  maxEval: number;
  /** `step` ends when no element of the gradient is larger; 1e-7 unless told. */
  toleranceGrad: number;
  /** `step` ends when loss and parameters change by less; 1e-9 unless told. */
  toleranceChange: number;
  /** How many past steps the direction is made from; 100 unless told. */
  historySize: number;
  /** Null, unless told, for steps of fixed length. */
  lineSearchFn: 'strong_wolfe' | null;
}

/** Everything that an `LBFGS` needs to go on. */
export interface LbfgsState {
  /** float64 vectors over all parameters: d, prev_flat_grad, old_dirs.<i>, old_stps.<i>. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** Options and counts. */
  readonly numbers: Readonly<Record<string, number | string | null>>;
}

/** A loss, computed from the parameters and arguments that stay the same while a step evaluates it. */
export type Closure<Args extends readonly unknown[] = []> = (...args: Args) => Tensor;

type Evaluator<Args extends readonly unknown[]> = CompiledFunction<Args, { loss: Tensor; gradient: Tensor }>;

/** One past step: how far, how the gradient changed, and 1 / their product. */
interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly inverse: number;
}

const kNames = ['lr', 'maxIter', 'maxEval', 'toleranceGrad', 'toleranceChange', 'historySize'] as const;

/**
 * d = -H g with H from the last `historySize` steps s and changes of the gradient y (two-loop recursion, scaled by
 * s y / y y); p += t d with t = lr (for the first step min(1, 1 / |g|_1) lr) or from the strong Wolfe line search.
 * Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.5; as `torch.optim.LBFGS`.
 */
export class LBFGS {
  readonly where = 'lbfgs';
  readonly parameters: readonly Parameter[];
  readonly options: LbfgsOptions;
  readonly #evaluators = new WeakMap<object, unknown>();
  readonly #size: number;
  #pairs: Pair[] = [];
  #iterations = 0;
  #evaluations = 0;
  #direction: Float64Array | undefined;
  #lastGradient: Float64Array | undefined;
  #t = 0;
  #scale = 1;

  constructor(parameters: readonly Parameter[], options: Partial<LbfgsOptions> = {}) {
    if (parameters.length === 0) throw new ArgumentError('lbfgs: there are no parameters to train');
    for (const parameter of parameters)
      if (!(parameter instanceof Parameter))
        throw new ArgumentError(`lbfgs: trains parameters, not groups of them; got ${String(parameter)}`);
    if (new Set(parameters).size < parameters.length) throw new ArgumentError('lbfgs: a parameter is given twice');
    this.parameters = [...parameters];
    this.#size = parameters.reduce((total, { size }) => total + size, 0);
    const maxIter = options.maxIter ?? 20;
    this.options = {
      lr: 1,
      maxIter,
      maxEval: Math.floor((maxIter * 5) / 4),
      toleranceGrad: 1e-7,
      toleranceChange: 1e-9,
      historySize: 100,
      lineSearchFn: null,
      ...options,
    };
    this.#checkOptions();
  }

  #checkOptions(): void {
    const { lineSearchFn, ...numbers } = this.options;
    for (const name of kNames)
      if (!(numbers[name] >= 0 && Number.isFinite(numbers[name])))
        throw new ArgumentError(`lbfgs: ${name} must be a non-negative number, got ${numbers[name]}`);
    for (const name of ['maxIter', 'historySize'] as const)
      if (!(Number.isInteger(numbers[name]) && numbers[name] > 0))
        throw new ArgumentError(`lbfgs: ${name} must be a positive integer, got ${numbers[name]}`);
    if (lineSearchFn !== null && lineSearchFn !== 'strong_wolfe')
      throw new ArgumentError(`lbfgs: lineSearchFn must be 'strong_wolfe' or null, got ${String(lineSearchFn)}`);
  }

  /** The options, for schedules. */
  get groups(): readonly [LbfgsOptions] {
    return [this.options];
  }

  get lr(): number {
    return this.options.lr;
  }

  set lr(value: number) {
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ArgumentError(`lbfgs: lr must be a non-negative number, got ${value}`);
    this.options.lr = value;
  }

  /**
   * Up to `maxIter` iterations. Gives the loss before them. `closure` computes the loss from the parameters and `args`
   * (the data, best all of it); whatever else it reads has to be the same at each call. Give the same function each
   * time, as it is compiled once.
   * @throws ArgumentError unless the closure gives a scalar tensor; GradientError when that depends on no parameter.
   */
  async step<Args extends readonly unknown[] = []>(closure: Closure<Args>, ...args: Args): Promise<number> {
    this.#checkOptions();
    const { maxIter, maxEval, toleranceGrad, toleranceChange, lr, lineSearchFn } = this.options;
    const run = this.#evaluator(closure);
    const evaluateHere = async (): Promise<Evaluation> => {
      this.#evaluations++;
      const { loss, gradient } = await run(...args);
      const values = (await gradient.data()) as Float32Array | Float64Array;
      return { loss: Number(await loss.item()), gradient: Float64Array.from(values) };
    };
    let now = await evaluateHere();
    const { loss: first } = now;
    if (largest(now.gradient) <= toleranceGrad) return first;
    let x = await this.#read();
    const at = async (t: number, direction: Float64Array): Promise<Evaluation> => {
      await this.#write(x, t, direction);
      return evaluateHere();
    };
    for (let [i, evaluations] = [1, 1]; ; i++) {
      const direction = this.#nextDirection(now.gradient);
      this.#direction = direction;
      this.#lastGradient = now.gradient;
      const before = now.loss;
      const total = now.gradient.reduce((sum, g) => sum + Math.abs(g), 0);
      let t = this.#iterations === 1 ? Math.min(1, 1 / total) * lr : lr;
      this.#t = t;
      if (dot(now.gradient, direction) > -toleranceChange) break;
      if (lineSearchFn) {
        const found = await strongWolfe((step) => at(step, direction), now, direction, t, toleranceChange);
        evaluations += found.evaluations;
        t = found.t;
        now = found;
        await this.#write(x, t, direction);
      } else if (i < maxIter) {
        now = await at(t, direction);
        evaluations++;
      } else await this.#write(x, t, direction);
      this.#t = t;
      x = x.map((value, j) => value + t * direction[j]);
      if (i === maxIter || evaluations >= maxEval || largest(now.gradient) <= toleranceGrad) break;
      if (largest(direction) * Math.abs(t) <= toleranceChange || Math.abs(now.loss - before) < toleranceChange) break;
    }
    return first;
  }

  /** The program of a closure: its loss, and all gradients as one vector. */
  #evaluator<Args extends readonly unknown[]>(closure: Closure<Args>): Evaluator<Args> {
    const known = this.#evaluators.get(closure) as Evaluator<Args> | undefined;
    if (known) return known;
    const made: Evaluator<Args> = compile(
      (...args: Args) => {
        const loss = closure(...args);
        if (!(loss instanceof Tensor))
          throw new ArgumentError('lbfgs: the closure must give the loss, a scalar tensor');
        const open = this.parameters.filter(({ requiresGrad }) => requiresGrad);
        const found = gradientsOf(loss, open);
        if (found.every((g) => g === undefined))
          throw new GradientError('lbfgs: the loss depends on none of the parameters to train');
        const flat = this.parameters.map((parameter) => {
          const g = found[open.indexOf(parameter)];
          return g ? flatten(g, 0) : zeros([parameter.size], { dtype: parameter.dtype });
        });
        return { loss, gradient: concat(flat as Tensor<'float32'>[], 0) as Tensor };
      },
      { name: 'lbfgs' },
    );
    this.#evaluators.set(closure, made);
    return made;
  }

  #nextDirection(gradient: Float64Array): Float64Array {
    this.#iterations++;
    const [last, lastDirection] = [this.#lastGradient, this.#direction];
    if (last && lastDirection) {
      const change = gradient.map((g, i) => g - last[i]);
      const step = lastDirection.map((d) => d * this.#t);
      const product = dot(change, step);
      if (product > 1e-10) {
        if (this.#pairs.length >= this.options.historySize) this.#pairs.shift();
        this.#pairs.push({ step, change, inverse: 1 / product });
        this.#scale = product / dot(change, change);
      }
    }
    const q = gradient.map((g) => -g);
    const shares = new Array<number>(this.#pairs.length);
    for (let i = this.#pairs.length - 1; i >= 0; i--) {
      const { step, change, inverse } = this.#pairs[i];
      const share = dot(step, q) * inverse;
      shares[i] = share;
      for (let j = 0; j < q.length; j++) q[j] -= share * change[j];
    }
    for (let j = 0; j < q.length; j++) q[j] *= this.#scale;
    this.#pairs.forEach(({ step, change, inverse }, i) => {
      const share = shares[i] - dot(change, q) * inverse;
      for (let j = 0; j < q.length; j++) q[j] += share * step[j];
    });
    return q;
  }

  async #read(): Promise<Float64Array> {
    const all = new Float64Array(this.#size);
    let offset = 0;
    for (const parameter of this.parameters) {
      all.set((await parameter.data()) as Float32Array, offset);
      offset += parameter.size;
    }
    return all;
  }

  /** Sets the parameters that are trained to x + t direction. */
  async #write(x: Float64Array, t: number, direction: Float64Array): Promise<void> {
    let offset = 0;
    for (const parameter of this.parameters) {
      const end = offset + parameter.size;
      const values = x.slice(offset, end).map((value, j) => value + t * direction[offset + j]);
      const typed = parameter.dtype === 'float64' ? values : Float32Array.from(values);
      if (parameter.requiresGrad) parameter.assign(reshape(tensor(typed as Float32Array), parameter.shape));
      offset = end;
    }
    await evaluate([]);
  }

  /** State and options; the vectors are copies. */
  stateDict(): LbfgsState {
    const state: Record<string, Tensor> = {};
    const keep = (name: string, values: Float64Array | undefined) => {
      if (values) state[name] = tensor(values.slice());
    };
    keep('d', this.#direction);
    keep('prev_flat_grad', this.#lastGradient);
    this.#pairs.forEach(({ step, change }, i) => {
      keep(`old_dirs.${i}`, change);
      keep(`old_stps.${i}`, step);
    });
    const counts = { n_iter: this.#iterations, func_evals: this.#evaluations, t: this.#t, H_diag: this.#scale };
    return { state, numbers: { ...this.options, ...counts } };
  }

  /**
   * Takes over state and options; steps then go on bit for bit as they would have.
   * @throws ShapeError when a vector is not as long as all parameters together; ArgumentError for illegal options.
   */
  async loadStateDict({ state, numbers }: LbfgsState): Promise<void> {
    const vectors: Record<string, Float64Array> = {};
    for (const [name, values] of Object.entries(state)) {
      if (values.size !== this.#size)
        throw new ShapeError(`lbfgs: state ${name} is ${values} but the parameters have ${this.#size} elements`);
      vectors[name] = Float64Array.from((await values.data()) as Float64Array);
    }
    const { n_iter, func_evals, t, H_diag, ...options } = numbers;
    Object.assign(this.options, options);
    this.#checkOptions();
    this.#iterations = Number(n_iter);
    this.#evaluations = Number(func_evals);
    this.#t = Number(t);
    this.#scale = Number(H_diag);
    this.#direction = vectors.d;
    this.#lastGradient = vectors.prev_flat_grad;
    this.#pairs = [];
    for (let i = 0; vectors[`old_dirs.${i}`]; i++) {
      const [change, step] = [vectors[`old_dirs.${i}`], vectors[`old_stps.${i}`]];
      if (!step) throw new ArgumentError(`lbfgs: the state lacks old_stps.${i}`);
      this.#pairs.push({ step, change, inverse: 1 / dot(change, step) });
    }
  }

  /** Saves state and options as a safetensors file. Throws as `saveSafetensors`. */
  async save(path: string): Promise<void> {
    const { state, numbers } = this.stateDict();
    await saveSafetensors(path, state, { lbfgs: JSON.stringify(numbers) });
  }

  /** Loads what `save` has written. Throws as `loadSafetensors` and `loadStateDict`. */
  async load(path: string): Promise<void> {
    const { lbfgs: numbers } = await loadSafetensorsMetadata(path);
    if (numbers === undefined) throw new ArgumentError(`lbfgs: ${path} is no file of an L-BFGS optimizer`);
    await this.loadStateDict({ state: await loadSafetensors(path), numbers: JSON.parse(numbers) });
  }
}

/** L-BFGS; lr is 1 unless told. @throws ArgumentError for illegal options. */
export function lbfgs(parameters: readonly Parameter[], options: Partial<LbfgsOptions> = {}): LBFGS {
  return new LBFGS(parameters, options);
}
