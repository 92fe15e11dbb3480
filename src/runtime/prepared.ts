/**
 * What frozen functions compute once: folded and transformed weights. Programs that need the same value, as those of two
 * batch sizes do, have one array of it, in memory that worker threads can share.
 */
import type { TypedArray } from '../dtype.js';
import { StateError } from '../errors.js';
import { collect, signature } from '../graph/graph.js';
import { sourceOf } from '../graph/leaves.js';
import type { LeafSource, Node } from '../graph/node.js';
import { PreparedSource } from '../plan/plan.js';
import { StateSource, type Variable } from '../variable.js';
import { Executable, type ExecutableParts } from './run.js';

/** Values by what computes them from which weights. */
export type PreparedArrays = Readonly<Record<string, TypedArray>>;

/** The prepared values of one function, each once. They are kept as long as a program needs them. */
export class PreparedStore {
  readonly #sources = new Map<string, WeakRef<PreparedSource>>();
  readonly #numbers = new WeakMap<object, number>();
  #last = 0;

  /**
   * @param names Paths of variables in the model: keys made of them mean the same in every worker thread.
   * @param given Values that are there already.
   */
  constructor(
    readonly names: ReadonlyMap<Variable, string> = new Map(),
    readonly given: PreparedArrays = {},
  ) {}

  /** The source that stands for the value of `node`. */
  sourceOf(node: Node): PreparedSource {
    const graph = collect([node]);
    const key = `${graph.leaves.map((leaf) => this.#label(sourceOf(leaf) as LeafSource)).join()}\n${signature(graph)}`;
    const known = this.#sources.get(key)?.deref();
    if (known) return known;
    const source = new PreparedSource(key);
    source.elements = this.given[key];
    this.#sources.set(key, new WeakRef(source));
    return source;
  }

  /** What has been computed and can be told by the names of weights. */
  arrays(): PreparedArrays {
    return Object.fromEntries(this.#all().flatMap(({ key, elements }) => (elements ? [[key, elements] as const] : [])));
  }

  /** Bytes of all values that have been computed. */
  get bytes(): number {
    return this.#all().reduce((sum, { elements }) => sum + (elements?.byteLength ?? 0), 0);
  }

  #all(): PreparedSource[] {
    return [...this.#sources.values()].flatMap((ref) => ref.deref() ?? []);
  }

  #label(source: LeafSource): string {
    const name = source instanceof StateSource ? this.names.get(source.variable) : undefined;
    if (name !== undefined) return name;
    let number = this.#numbers.get(source.identity);
    if (number === undefined) this.#numbers.set(source.identity, (number = ++this.#last));
    return `#${number}`;
  }
}

/** The part of a frozen function that runs once. */
export class Preparation {
  #open: (readonly [Node, PreparedSource])[];
  readonly #parts: ExecutableParts;
  /** What computing took, of this program alone. */
  milliseconds = 0;

  constructor(values: ReadonlyMap<Node, PreparedSource>, parts: ExecutableParts) {
    this.#open = [...values];
    this.#parts = parts;
  }

  /** What to wait for before a run, if anything. Values that could not be computed are tried again by the next run. */
  pending(): Promise<unknown> | undefined {
    this.#open = this.#open.filter(([, { elements }]) => !elements);
    if (this.#open.length === 0) return undefined;
    const own = this.#open.filter(([, { computing }]) => !computing);
    if (own.length > 0) {
      const start = performance.now();
      const running = Promise.resolve(this.#executable(own).run()).then((arrays) => keep(own, arrays));
      for (const [, source] of own) source.computing = running;
      const end = () => {
        this.milliseconds += performance.now() - start;
        for (const [, source] of own) source.computing = undefined;
      };
      running.then(end, end);
    }
    return Promise.all(new Set(this.#open.map(([, { computing }]) => computing)));
  }

  /** Runs what is left to run before it returns. */
  runSync(where: string): void {
    this.#open = this.#open.filter(([, { elements }]) => !elements);
    if (this.#open.length === 0) return;
    if (this.#open.some(([, { computing }]) => computing))
      throw new StateError(`${where}: the first call is still under way; await it before runSync`);
    const start = performance.now();
    keep(this.#open, this.#executable(this.#open).runSync(where));
    this.milliseconds += performance.now() - start;
  }

  #executable(values: readonly (readonly [Node, PreparedSource])[]): Executable {
    return new Executable(collect(values.map(([node]) => node)), { ...this.#parts, isShared: true });
  }
}

function keep(values: readonly (readonly [Node, PreparedSource])[], arrays: readonly TypedArray[]): void {
  values.forEach(([, source], i) => {
    source.elements = arrays[i];
  });
}
