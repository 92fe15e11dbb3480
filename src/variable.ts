/**
 * Mutable state with explicit assignment: parameters, running statistics, optimizer state. Everything else is
 * immutable. A variable reads as the tensor of its current value; `assign` replaces it when the next program runs.
 */
import type { DType, TypedArray, TypedArrayOf } from './dtype.js';
import { DTypeError, ShapeError, StateError } from './errors.js';
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
  #version = 0;
  #leaf: Node | undefined;
  name: string | undefined;

  /** A variable that starts as `initial`, which is computed when the variable is first used in a run. */
  constructor(initial: Tensor<D>, options: VariableOptions = {}) {
    super(undefined);
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
      const source = new StateSource(this as Variable, this.#version);
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
   * @throws ShapeError, DTypeError when `value` has another shape or dtype.
   */
  assign(value: Tensor<D>): void {
    if (!sameShape(value.shape, this.#shape))
      throw new ShapeError(
        `assign: ${this.label} has shape ${showShape(this.#shape)} but the value has ${showShape(value.shape)}`,
      );
    if (value.dtype !== this.#dtype)
      throw new DTypeError(`assign: ${this.label} is ${this.#dtype} but the value is ${value.dtype}; cast it first`);
    currentTrace().assigned.set(this as Variable, value.node);
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

  /** @internal A run that overwrites the elements has been submitted. */
  overwritten(): void {
    this.#version++;
    this.#leaf = undefined;
  }

  /** @internal */
  get version(): number {
    return this.#version;
  }

  override toString(): string {
    return `${this.constructor.name}<${this.#dtype}>${showShape(this.#shape)}`;
  }
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

/** @internal The source of a variable's leaf nodes. */
export class StateSource implements LeafSource {
  readonly kind = 'state';
  constructor(
    readonly variable: Variable,
    readonly version: number,
  ) {}

  get identity(): object {
    return this.variable;
  }

  read(): TypedArray {
    return this.variable.storage;
  }

  check(): void {
    if (this.version === this.variable.version) return;
    throw new StateError(
      `a tensor computed from ${this.variable.label} is needed now, but the variable has been overwritten since; ` +
        'read the tensor before the update runs, or return it from the step that updates',
    );
  }
}
