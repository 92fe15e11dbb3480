/**
 * What all optimizers share: groups of parameters with their options, state per parameter, and updates that are
 * assignments, so that a step is part of the program that computes the gradients. The rules are in the files beside.
 */
import { ArgumentError, DTypeError, GradientError, ShapeError } from '../errors.js';
import { gradientsOf } from '../grad/backward.js';
import { hostFact, hostNode } from '../graph/trace.js';
import { loadSafetensors, loadSafetensorsMetadata, saveSafetensors } from '../io/safetensors.js';
import { add, cast, full } from '../ops/index.js';
import { evaluate } from '../runtime/run.js';
import { type Shape, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Parameter, Variable } from '../variable.js';
import { clipGradNorm, clipGradValue } from './clip.js';
import { assignOptimizerState, checkGroups, firstValues, type GroupState, type OptimizerState } from './state.js';

/** Options that every optimizer has. */
export interface BaseOptions {
  /** Learning rate. */
  lr: number;
}

/** Parameters with the options they are trained with. Options may be changed at any time; a new `lr` costs nothing. */
export type ParameterGroup<Options extends BaseOptions> = Options & { readonly params: readonly Parameter[] };

/** What an optimizer trains: parameters, or groups of them with options of their own. */
export type Trained<Options extends BaseOptions> =
  | readonly Parameter[]
  | readonly ({ readonly params: readonly Parameter[] } & Partial<Options>)[];

/** Options of `minimize`. */
export interface MinimizeOptions {
  /** Scale the gradients so that their common norm is at most this. */
  readonly clipNorm?: number;
  /** Cut the elements of the gradients to [-clipValue, clipValue]. */
  readonly clipValue?: number;
}

/** A gradient per parameter, in the order of `parameters`; undefined for one that gets no update. */
export type Gradients = readonly (Tensor | undefined)[];

/** Base of all optimizers. */
export abstract class Optimizer<Options extends BaseOptions = BaseOptions> {
  readonly groups: readonly ParameterGroup<Options>[];
  readonly #state = new Map<Parameter, Map<string, Variable>>();
  readonly #live = new Map<ParameterGroup<Options>, Map<string, object>>();

  /** @param where Name for messages. @param defaults Options of groups that have none of their own. */
  constructor(
    readonly where: string,
    trained: Trained<Options>,
    defaults: Options,
  ) {
    const isPlain = trained.every((item) => item instanceof Parameter);
    const groups = (isPlain ? [{ params: trained }] : trained) as readonly ({
      params: Parameter[];
    } & Partial<Options>)[];
    this.groups = groups.map((group) => ({ ...defaults, ...group, params: [...(group.params ?? [])] }));
    const seen = new Set<Parameter>();
    for (const group of this.groups) {
      this.#checkGroup(group);
      for (const parameter of group.params) {
        if (!(parameter instanceof Parameter))
          throw new ArgumentError(`${where}: trains parameters, got ${String(parameter)}`);
        if (seen.has(parameter)) throw new ArgumentError(`${where}: ${parameter.label} is given twice`);
        seen.add(parameter);
      }
    }
    if (seen.size === 0) throw new ArgumentError(`${where}: there are no parameters to train`);
  }

  #checkGroup(group: ParameterGroup<Options>): void {
    if (!(group.lr >= 0 && Number.isFinite(group.lr)))
      throw new ArgumentError(`${this.where}: lr must be a non-negative number, got ${group.lr}`);
    this.checkOptions(group);
  }

  /** Throws an ArgumentError for illegal options. */
  protected abstract checkOptions(options: Options): void;

  /** Assigns the parameter's new value and state. `rate` is the group's learning rate, a float64 scalar. */
  protected abstract update(parameter: Parameter, gradient: Tensor, options: Options, rate: Tensor<'float64'>): void;

  /** All parameters, group after group. */
  get parameters(): readonly Parameter[] {
    return this.groups.flatMap((group) => group.params);
  }

  /** Learning rate of the first group; setting it sets that of all. Compiled steps see the new value at once. */
  get lr(): number {
    return this.groups[0].lr;
  }

  set lr(value: number) {
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ArgumentError(`${this.where}: lr must be a non-negative number, got ${value}`);
    for (const group of this.groups) group.lr = value;
  }

  /**
   * Gradients of a scalar loss; undefined for parameters that are frozen or that the loss does not depend on.
   * @throws GradientError when it depends on none of them.
   */
  gradients(loss: Tensor): Gradients {
    const open = this.parameters.filter((parameter) => parameter.requiresGrad);
    const found = gradientsOf(loss, open);
    if (found.every((g) => g === undefined))
      throw new GradientError(
        `${this.where}: the loss depends on none of the ${open.length} parameters to train; compute it from them in the same step`,
      );
    const byParameter = new Map(open.map((parameter, i) => [parameter, found[i]]));
    return this.parameters.map((parameter) => byParameter.get(parameter));
  }

  /**
   * One step towards a smaller `loss` (a scalar): gradients, clipping, update. In a compiled function it is part of the
   * program; otherwise the next run carries it out.
   */
  minimize(loss: Tensor, options: MinimizeOptions = {}): void {
    let gradients = this.gradients(loss);
    if (options.clipValue !== undefined) gradients = clipGradValue(gradients, options.clipValue);
    if (options.clipNorm !== undefined) gradients = clipGradNorm(gradients, options.clipNorm).gradients;
    this.step(gradients);
  }

  /**
   * Updates the parameters with gradients in the order of `parameters`. Parameters that are frozen or whose gradient is
   * undefined stay as they are.
   * @throws ArgumentError, ShapeError, DTypeError for gradients that do not match.
   */
  step(gradients: Gradients): void {
    const { parameters } = this;
    if (gradients.length !== parameters.length)
      throw new ArgumentError(`${this.where}: step needs ${parameters.length} gradients, got ${gradients.length}`);
    parameters.forEach((parameter, i) => {
      this.#checkGradient(parameter, gradients[i], i);
    });
    let at = 0;
    for (const group of this.groups) {
      const rate = this.#rate(group);
      for (const parameter of group.params) {
        const gradient = gradients[at++];
        if (gradient && parameter.requiresGrad) this.update(parameter, gradient, group, rate);
      }
    }
  }

  #checkGradient(parameter: Parameter, gradient: Tensor | undefined, i: number): void {
    if (gradient === undefined) return;
    if (!(gradient instanceof Tensor)) throw new ArgumentError(`${this.where}: gradient ${i} is no tensor`);
    if (!sameShape(gradient.shape, parameter.shape))
      throw new ShapeError(`${this.where}: gradient ${i} is ${gradient} but ${parameter.label} is ${parameter}`);
    if (gradient.dtype !== parameter.dtype)
      throw new DTypeError(
        `${this.where}: gradient ${i} is ${gradient.dtype} but ${parameter.label} is ${parameter.dtype}`,
      );
  }

  /** The learning rate as an input of the program, which is traced anew when an option that shapes it has changed. */
  #rate(group: ParameterGroup<Options>): Tensor<'float64'> {
    this.#checkGroup(group);
    hostFact(group, () => JSON.stringify({ ...this.shaping(group), lr: undefined, params: undefined }));
    return this.live(group, 'lr', ({ lr }) => lr);
  }

  /** What of the options is part of the program: all beside `lr`, unless a rule reads some of them with `live`. */
  protected shaping(options: Options): object {
    return options;
  }

  /** A number of the group as an input of the program: it may change from step to step and nothing compiles anew. */
  protected live(options: Options, name: string, read: (options: Options) => number): Tensor<'float64'> {
    const group = options as ParameterGroup<Options>;
    let keys = this.#live.get(group);
    if (!keys) this.#live.set(group, (keys = new Map()));
    let key = keys.get(name);
    if (!key) keys.set(name, (key = {}));
    const node = hostNode(key, [], 'float64', (into) => {
      into[0] = read(group);
    });
    return new Tensor<'float64'>(node);
  }

  /** A state variable of the parameter, `first` everywhere at first. The shape is the parameter's unless told. */
  protected state(parameter: Parameter, name: string, shape: Shape = parameter.shape, first = 0): Variable {
    let own = this.#state.get(parameter);
    if (!own) this.#state.set(parameter, (own = new Map()));
    let variable = own.get(name);
    if (!variable) {
      variable = new Variable(full(shape, first, { dtype: parameter.dtype }), {
        name: `${parameter.name ?? 'parameter'}.${name}`,
      });
      own.set(name, variable);
    }
    firstValues.set(variable, first);
    return variable;
  }

  /** Counts a step of the parameter; gives the count with this one, as float64. */
  protected countStep(parameter: Parameter): Tensor<'float64'> {
    const step = this.state(parameter, 'step', []);
    const count = add(cast(step, 'float64'), 1);
    step.assign(cast(count, step.dtype));
    return count;
  }

  /**
   * State by '<number of the parameter>.<name>', and the groups' options, as PyTorch numbers them. The tensors are the
   * live variables: save or read them before the next step.
   */
  stateDict(): OptimizerState {
    const state: Record<string, Variable> = {};
    const numbers = new Map(this.parameters.map((parameter, i) => [parameter, i]));
    for (const [parameter, own] of this.#state)
      for (const [name, variable] of own) state[`${numbers.get(parameter)}.${name}`] = variable;
    const groups = this.groups.map((group): GroupState => {
      const options: object = group;
      return { ...options, params: group.params.map((parameter) => numbers.get(parameter) as number) };
    });
    return { state, groups };
  }

  /**
   * Takes over state and options; training then goes on bit for bit as it would have.
   * @throws ArgumentError when groups or parameters do not match; ShapeError or DTypeError when a tensor does not fit.
   */
  loadStateDict({ state, groups }: OptimizerState): void {
    checkGroups(this.where, this.groups, groups);
    assignOptimizerState(this.where, this.parameters, this.#state, state);
    groups.forEach(({ params: _, ...options }, i) => {
      Object.assign(this.groups[i], options);
    });
  }

  /** Saves state and options as a safetensors file. Throws as `saveSafetensors`. */
  async save(path: string): Promise<void> {
    const { state, groups } = this.stateDict();
    await saveSafetensors(path, state, { groups: JSON.stringify(groups) });
  }

  /** Loads what `save` has written. Throws as `loadSafetensors` and `loadStateDict`. */
  async load(path: string): Promise<void> {
    const { groups } = await loadSafetensorsMetadata(path);
    if (groups === undefined) throw new ArgumentError(`${this.where}: ${path} is no file of an optimizer`);
    this.loadStateDict({ state: await loadSafetensors(path), groups: JSON.parse(groups) as OptimizerState['groups'] });
    await evaluate([]);
  }
}
