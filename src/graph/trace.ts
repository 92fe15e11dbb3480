/**
 * Where assignments to variables and values read from the host are recorded: in the current trace while `compile`
 * runs a function, else in the ambient one, whose pending assignments the next run carries out.
 */
import { type DType, newArray, type TypedArray } from '../dtype.js';
import { StateError } from '../errors.js';
import type { Shape } from '../shape.js';
import type { Variable } from '../variable.js';
import { leafNode } from './leaves.js';
import type { LeafSource, Node } from './node.js';

export class Trace {
  /** The value that each variable will have; later reads see it. */
  readonly assigned = new Map<Variable, Node>();
  readonly #hosts = new Map<object, Node>();
  readonly #leaves = new Map<Variable, Node>();
  #streams = 0;
  readonly #facts = new Map<object, () => boolean>();

  /** `name` is that of the compiled function, for messages; the ambient trace has none. */
  constructor(readonly name?: string) {}

  get isCompiling(): boolean {
    return this.name !== undefined;
  }

  /** The leaf for a variable's elements; one per trace so that equal reads are one node. */
  leafOf(variable: Variable, make: () => Node): Node {
    let leaf = this.#leaves.get(variable);
    if (!leaf) this.#leaves.set(variable, (leaf = make()));
    return leaf;
  }

  /** The leaf for a host value; `key` identifies the value within the trace. */
  hostOf(key: object, make: () => Node): Node {
    let leaf = this.#hosts.get(key);
    if (!leaf) this.#hosts.set(key, (leaf = make()));
    return leaf;
  }

  /** Records what the trace relies on; the first condition of an owner stands. */
  rely(owner: object, holds: () => boolean): void {
    if (!this.#facts.has(owner)) this.#facts.set(owner, holds);
  }

  /** Whether everything that was relied on while tracing is still so. */
  get holds(): boolean {
    for (const holds of this.#facts.values()) if (!holds()) return false;
    return true;
  }

  /**
   * The stream of the next random op: the ops of one run share their generator's counter and differ by this. Outside
   * of `compile` each has a counter of its own.
   */
  nextStream(): number {
    return this.isCompiling ? this.#streams++ : 0;
  }

  /** Takes what is pending. */
  takeAssigned(): [Variable, Node][] {
    const taken = [...this.assigned];
    this.assigned.clear();
    return taken;
  }
}

const ambient = new Trace();
let current = ambient;

/** The trace that ops are being recorded in. */
export const currentTrace = (): Trace => current;
/** The one outside of `compile`. */
export const ambientTrace = (): Trace => ambient;

/** Throws while a function is traced, when nothing has a value. `what` is what the user called. */
export function refuseWhileTracing(what: string): void {
  if (current.isCompiling)
    throw new StateError(
      `${current.name}: ${what} is called while the function is traced, when tensors have no values; ` +
        'return the tensor and await it outside',
    );
}

/** Runs `fn` with `trace` as the current one. */
export function withTrace<T>(trace: Trace, fn: () => T): T {
  if (current.isCompiling)
    throw new StateError(`${trace.name}: compile cannot trace inside another trace (${current.name})`);
  current = trace;
  try {
    return fn();
  } finally {
    current = ambient;
  }
}

/** A placeholder for argument number `index` of a traced function; bound anew for every run. */
export class PlaceholderSource implements LeafSource {
  readonly kind = 'input';
  readonly identity = this;
  bound: TypedArray | undefined;
  constructor(
    readonly index: number,
    readonly name: string,
  ) {}

  read(): TypedArray {
    if (!this.bound)
      throw new StateError(
        `${this.name}: argument ${this.index} has a value only in runs of the function; return tensors from it, alone or in arrays and plain objects`,
      );
    return this.bound;
  }
}

/**
 * A value that the host supplies when a run starts: what changes from step to step (a learning rate, a random
 * counter) and so must not be a constant of the program. Outside of `compile` it is read once, now.
 */
export function hostNode(key: object, shape: Shape, dtype: DType, read: (into: TypedArray) => void): Node {
  const fresh = (): TypedArray => {
    const array = newArray(
      dtype,
      shape.reduce((a, b) => a * b, 1),
    );
    read(array);
    return array;
  };
  if (!current.isCompiling) {
    const array = fresh();
    return leafNode(shape, dtype, { kind: 'data', read: () => array, identity: array });
  }
  return current.hostOf(key, () => leafNode(shape, dtype, { kind: 'host', read: fresh, identity: key }));
}

/**
 * A value of the host that shapes the program itself (training or evaluation, frozen or not): `compile` traces anew
 * when it has changed. `owner` identifies it: one fact each.
 */
export function hostFact<T>(owner: object, read: () => T): T {
  const value = read();
  if (current.isCompiling) current.rely(owner, () => Object.is(read(), value));
  return value;
}
