/**
 * Mutable state with explicit assignment: parameters, running statistics, optimizer state. Everything else is
 * immutable. A variable reads as the tensor of its current value; `assign` replaces it when the next program runs.
 */
import type { DType, TypedArray, TypedArrayOf } from './dtype.js';
import { ArgumentError, DTypeError, ShapeError, StateError } from './errors.js';
import { collect } from './graph/graph.js';
import { leafNode } from './graph/leaves.js';
import type { LeafSource, Node } from './graph/node.js';
import { currentTrace, hostFact } from './graph/trace.js';
import { type Shape, sameShape, showShape } from './shape.js';
import { Tensor } from './tensor.js';

/** Options of a variable. */
export interface VariableOptions {
  /** Shown in messages and graphs. */
  readonly name?: string;
}

/**
 * A tensor whose value can be replaced. `assign` is part of the program that computes the new value, so a training
 * step reads, computes and updates in one run, in place.
 */
export class Variable<D extends DType = DType> extends Tensor<D> {
  readonly #shape: Shape;
  readonly #dtype: D;
  /** @internal Gives the elements the first time they are needed. */
  #init: Tensor<D> | undefined;
  #storage: TypedArray | undefined;
  #isClaimed = false;
  #version = new Version();
  #leaf: Node | undefined;
  name: string | undefined;

  /** A variable that starts as `initial`, which is computed when the variable is first used in a run. */
  constructor(initial: Tensor<D>, options: VariableOptions = {}) {
    super(undefined);
    if (!(initial instanceof Tensor))
      throw new ArgumentError(`variable: the first value must be a tensor, got ${typeof initial}; wrap it in tensor()`);
    this.#shape = initial.shape;
    this.#dtype = initial.dtype;
    this.#init = initial;
    this.name = options.name;
  }

  /** Whether gradients may be asked for after values have been read. */
  get requiresGrad(): boolean {
    return false;
  }

  override get node(): Node {
    const trace = currentTrace();
    return trace.assigned.get(this as Variable) ?? this.leaf;
  }

  /** @internal The node of the elements in memory, whatever is pending. */
  get leaf(): Node {
    const trace = currentTrace();
    const make = () => {
      const source = new StateSource(this as Variable, trace.isCompiling ? undefined : this.#version);
      return leafNode(this.#shape, this.#dtype, source, this.requiresGrad);
    };
    // Compiled programs bind whatever version is current when they run; others stand for this version.
    if (trace.isCompiling) return trace.leafOf(this as Variable, make);
    if (this.#leaf?.requiresGrad !== this.requiresGrad) this.#leaf = make();
    return this.#leaf as Node;
  }

  override get shape(): Shape {
    return this.#shape;
  }

  override get dtype(): D {
    return this.#dtype;
  }

  /**
   * Replaces the value. Carried out by the program that runs next (or by the compiled step in which it stands).
   * @throws ShapeError, DTypeError when `value` has another shape or dtype; ArgumentError when it is no tensor.
   */
  assign(value: Tensor<D>): void {
    if (!(value instanceof Tensor))
      throw new ArgumentError(`assign: ${this.label} takes a tensor, got ${typeof value}; wrap it in tensor()`);
    if (!sameShape(value.shape, this.#shape))
      throw new ShapeError(
        `assign: ${this.label} has shape ${showShape(this.#shape)} but the value has ${showShape(value.shape)}`,
      );
    if (value.dtype !== this.#dtype)
      throw new DTypeError(`assign: ${this.label} is ${this.#dtype} but the value is ${value.dtype}; cast it first`);
    const trace = currentTrace();
    if (!trace.isCompiling && this.isFresh && !dependsOnState(value.node)) this.#init = new Tensor(value.node);
    else trace.assigned.set(this as Variable, value.node);
  }

  /** @internal Whether nobody can tell what the first value would have been: it has been neither computed nor used. */
  get isFresh(): boolean {
    return !this.#storage && !this.#leaf && !this.#isClaimed && !currentTrace().assigned.has(this as Variable);
  }

  /** @internal A run has been called for that reads the first value. */
  claimFirst(): void {
    this.#isClaimed = true;
  }

  /**
   * @internal Takes `elements`, which become the variable's own, as its first value; false when it had one that may have
   * been seen.
   */
  adopt(elements: TypedArray): boolean {
    if (currentTrace().isCompiling || !this.isFresh) return false;
    this.initialize(elements);
    return true;
  }

  /** @internal */
  get label(): string {
    return this.name === undefined ? 'the variable' : `variable ${this.name}`;
  }

  /** @internal What must be computed before the elements exist; undefined when they do. */
  get pendingInit(): Node | undefined {
    return this.#storage ? undefined : (this.#init as Tensor<D>).node;
  }

  /** @internal The elements. */
  get storage(): TypedArrayOf<D> {
    if (!this.#storage) throw new StateError(`${this.label} has not been initialized yet`);
    return this.#storage as TypedArrayOf<D>;
  }

  /** @internal Gives the variable its own elements. */
  initialize(storage: TypedArray): void {
    this.#storage = storage;
    this.#init = undefined;
  }

  /**
   * @internal A run has been called for that overwrites the elements; what is computed from the variable from now on
   * sees the new ones. Gives what to call if that run fails: the value is then what it was.
   */
  overwritten(): () => void {
    const before = settled(this.#version);
    const version = new Version();
    this.#version = version;
    this.#leaf = undefined;
    return () => {
      version.unwritten = before;
    };
  }

  /** @internal Stands for the value now; see `isAt`. */
  get version(): Version {
    return this.#version;
  }

  /** @internal Whether the elements are still those of `version`. */
  isAt(version: Version): boolean {
    return settled(version) === settled(this.#version);
  }

  override toString(): string {
    return `${this.constructor.name}<${this.#dtype}>${showShape(this.#shape)}`;
  }
}

/** Whether the value may change until it is computed. */
function dependsOnState(node: Node): boolean {
  return collect([node]).leaves.some(({ source }) => source && source.kind !== 'data');
}

/** A variable that an optimizer trains. */
export class Parameter<D extends DType = DType> extends Variable<D> {
  /** Frozen parameters get no gradient and no update. */
  #trainable = true;

  override get requiresGrad(): boolean {
    return hostFact(this, () => this.#trainable);
  }

  override set requiresGrad(value: boolean) {
    this.#trainable = value;
  }
}

/** @internal One value of a variable. */
export class Version {
  /** The run that was to write it has failed: it is the same value as this one. */
  unwritten: Version | undefined;
}

function settled(version: Version): Version {
  let at = version;
  while (at.unwritten) at = at.unwritten;
  return at;
}

/** @internal The source of a variable's leaf nodes; those of a traced function have no version, they read the present one. */
export class StateSource implements LeafSource {
  readonly kind = 'state';
  constructor(
    readonly variable: Variable,
    readonly version: Version | undefined,
  ) {}

  get identity(): object {
    return this.variable;
  }

  read(): TypedArray {
    return this.variable.storage;
  }

  check(): void {
    if (this.version === undefined)
      throw new StateError(
        `a tensor computed from ${this.variable.label} while a function was traced is read outside of it; return it from the function`,
      );
    if (this.variable.isAt(this.version)) return;
    throw new StateError(
      `a tensor computed from ${this.variable.label} is needed now, but the variable has been overwritten since; ` +
        'read the tensor before the update runs, or return it from the step that updates',
    );
  }
}
