/**
 * L-BFGS: a quasi-Newton method for problems with few parameters and a loss that is the same at each evaluation. Loss
 * and gradients are one native program, the direction another, both over one float64 vector of all parameters; the line
 * search (`strong-wolfe.ts`) sees numbers only.
 */
import { ArgumentError, GradientError, ShapeError } from '../errors.js';
import { gradientsOf } from '../grad/backward.js';
import { loadSafetensors, loadSafetensorsMetadata, saveSafetensors } from '../io/safetensors.js';
import {
  abs,
  add,
  cast,
  concat,
  flatten,
  max,
  mul,
  narrow,
  neg,
  reshape,
  select,
  sub,
  sum,
  zeros,
} from '../ops/index.js';
import { type CompiledFunction, compile } from '../runtime/compile.js';
import { Tensor, tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { type Evaluation, strongWolfe } from './strong-wolfe.js';

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

/** A float64 vector over all parameters, or a number. */
type V = Tensor<'float64'>;

type Evaluator<Args extends readonly unknown[]> = CompiledFunction<
  Args,
  { loss: Tensor; gradient: V; largest: V; total: V }
>;

/** The loss at some point, with its gradient, the largest of its elements and the sum of them, as absolute values. */
interface Sighting {
  readonly loss: number;
  readonly gradient: V;
  readonly largest: number;
  readonly total: number;
}

/** One past step: how far, how the gradient changed, and 1 / their product. */
interface Pair {
  readonly step: V;
  readonly change: V;
  readonly inverse: number;
}

const dot = compile((a: V, b: V) => sum(mul(a, b)), { name: 'lbfgs' });

/** How far the last step went, how the gradient changed over it, and the products of the two. */
const pairOf = compile(
  (gradient: V, last: V, direction: V, t: V) => {
    const [step, change] = [mul(direction, t), sub(gradient, last)];
    return { step, change, square: sum(mul(change, change)) };
  },
  { name: 'lbfgs' },
);

/** -H g by the two-loop recursion over the past steps, oldest first; its slope and its largest element. */
function twoLoops(gradient: V, steps: readonly V[], changes: readonly V[], inverses: V, scale: V) {
  let q = neg(gradient);
  const shares: V[] = [];
  for (let i = steps.length - 1; i >= 0; i--) {
    shares[i] = mul(sum(mul(steps[i], q)), select(inverses, 0, i)) as V;
    q = sub(q, mul(changes[i], shares[i])) as V;
  }
  q = mul(q, scale) as V;
  for (const [i, step] of steps.entries()) {
    const share = sub(shares[i], mul(sum(mul(changes[i], q)), select(inverses, 0, i)));
    q = add(q, mul(step, share)) as V;
  }
  return { direction: q, slope: sum(mul(gradient, q)), largest: max(abs(q)) };
}

const scalar = (value: number): V => tensor(Float64Array.of(value), { shape: [], dtype: 'float64' });

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
  /** All parameters as one vector. */
  readonly #read: CompiledFunction<[], V>;
  /** Sets the parameters that are trained to x + t direction, which it gives. */
  readonly #move: CompiledFunction<[x: V, t: V, direction: V], V>;
  readonly #next: CompiledFunction<Parameters<typeof twoLoops>, ReturnType<typeof twoLoops>>;
  #pairs: Pair[] = [];
  #none: V | undefined;
  #iterations = 0;
  #evaluations = 0;
  #direction: V | undefined;
  #lastGradient: V | undefined;
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
    this.#read = compile(
      () =>
        concat(
          this.parameters.map((parameter) => cast(flatten(parameter as V, 0), 'float64')),
          0,
        ),
      {
        name: 'lbfgs',
      },
    );
    this.#move = compile((x: V, t: V, direction: V) => this.#assign(add(x, mul(direction, t)) as V), { name: 'lbfgs' });
    this.#next = compile(twoLoops, { name: 'lbfgs' });
  }

  #assign(values: V): V {
    let offset = 0;
    for (const parameter of this.parameters) {
      const { shape, size, dtype } = parameter;
      if (parameter.requiresGrad) parameter.assign(reshape(cast(narrow(values, 0, offset, size), dtype), shape));
      offset += size;
    }
    return values;
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
    const look = async (): Promise<Sighting> => {
      this.#evaluations++;
      const { loss, gradient, largest, total } = await run(...args);
      return {
        loss: Number(await loss.item()),
        gradient,
        largest: await largest.item(),
        total: await total.item(),
      };
    };
    let now = await look();
    const { loss: first } = now;
    if (now.largest <= toleranceGrad) return first;
    let x = await this.#read();
    for (let [i, evaluations] = [1, 1]; ; i++) {
      const { direction, slope, largest } = await this.#nextDirection(now.gradient);
      const before = now.loss;
      let t = this.#iterations === 1 ? Math.min(1, 1 / now.total) * lr : lr;
      this.#t = t;
      if (slope > -toleranceChange) break;
      if (lineSearchFn) {
        const at = async (step: number): Promise<Evaluation<Sighting>> => {
          await this.#move(x, scalar(step), direction);
          const seen = await look();
          return { loss: seen.loss, slope: await (await dot(seen.gradient, direction)).item(), gradient: seen };
        };
        const found = await strongWolfe(at, { loss: before, slope, gradient: now }, t, toleranceChange / largest);
        evaluations += found.evaluations;
        t = found.t;
        now = found.gradient;
      }
      x = await this.#move(x, scalar(t), direction);
      if (!lineSearchFn && i < maxIter) {
        now = await look();
        evaluations++;
      }
      this.#t = t;
      if (i === maxIter || evaluations >= maxEval || now.largest <= toleranceGrad) break;
      if (largest * Math.abs(t) <= toleranceChange || Math.abs(now.loss - before) < toleranceChange) break;
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
          return g ? cast(flatten(g as V, 0), 'float64') : zeros([parameter.size], { dtype: 'float64' });
        });
        const gradient = concat(flat, 0);
        return { loss, gradient, largest: max(abs(gradient)), total: sum(abs(gradient)) };
      },
      { name: 'lbfgs' },
    );
    this.#evaluators.set(closure, made);
    return made;
  }

  async #nextDirection(gradient: V): Promise<{ direction: V; slope: number; largest: number }> {
    this.#iterations++;
    const [last, lastDirection] = [this.#lastGradient, this.#direction];
    if (last && lastDirection) {
      const { step, change, square } = await pairOf(gradient, last, lastDirection, scalar(this.#t));
      const product = await (await dot(change, step)).item();
      if (product > 1e-10) {
        if (this.#pairs.length >= this.options.historySize) this.#pairs.shift();
        this.#pairs.push({ step, change, inverse: 1 / product });
        this.#scale = product / (await square.item());
      }
    }
    const pairs = this.#padded();
    const { direction, slope, largest } = await this.#next(
      gradient,
      pairs.map(({ step }) => step),
      pairs.map(({ change }) => change),
      tensor(Float64Array.from(pairs, ({ inverse }) => inverse)),
      scalar(this.#scale),
    );
    this.#direction = direction;
    this.#lastGradient = gradient;
    return { direction, slope: await slope.item(), largest: await largest.item() };
  }

  /** The past steps, after zeros that change nothing: so there are few numbers of them, and few programs. */
  #padded(): readonly Pair[] {
    const { length } = this.#pairs;
    if (length === 0) return [];
    const wanted = Math.max(length, Math.min(2 ** Math.ceil(Math.log2(length)), this.options.historySize));
    this.#none ??= tensor(new Float64Array(this.#size));
    const none: Pair = { step: this.#none, change: this.#none, inverse: 0 };
    return [...Array<Pair>(wanted - length).fill(none), ...this.#pairs];
  }

  /** State and options. */
  stateDict(): LbfgsState {
    const state: Record<string, Tensor> = {};
    const keep = (name: string, values: V | undefined) => {
      if (values) state[name] = values;
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
    const vectors: Record<string, V> = {};
    for (const [name, values] of Object.entries(state)) {
      if (values.size !== this.#size)
        throw new ShapeError(`lbfgs: state ${name} is ${values} but the parameters have ${this.#size} elements`);
      vectors[name] = tensor(Float64Array.from((await values.data()) as Float64Array));
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
      this.#pairs.push({ step, change, inverse: 1 / (await (await dot(change, step)).item()) });
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
