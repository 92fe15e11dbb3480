/**
 * Modules: named state and a forward function. Everything that a module owns is found in its fields: parameters,
 * buffers (variables that are not trained) and modules, alone or in arrays. A field's name in snake_case is its name in
 * state dicts, so `running_mean` of PyTorch is the field `runningMean`. `state.ts` moves state in and out.
 */
import { hostFact } from '../graph/trace.js';
import { loadSafetensors, saveSafetensors } from '../io/safetensors.js';
import { evaluate } from '../runtime/run.js';
import type { Tensor } from '../tensor.js';
import { Parameter, Variable } from '../variable.js';
import { assignState, type LoadReport, type LoadStateOptions } from './state.js';

/** Which parameters: everything, those under a module's path (`'features'`), or those that a test accepts. */
export type NameFilter = string | RegExp | ((name: string) => boolean);

const snake = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

function accepts(filter: NameFilter | undefined, name: string): boolean {
  if (filter === undefined) return true;
  if (typeof filter === 'string') return name === filter || name.startsWith(`${filter}.`);
  return filter instanceof RegExp ? name.search(filter) >= 0 : filter(name);
}

/** A module whatever it takes and gives. */
export type AnyModule = Module<unknown, never>;

/**
 * Base of all modules. Subclasses keep parameters and modules in fields and write `forward`. `Result` and `Inputs` are
 * what it gives and takes; one tensor from tensors unless told:
 *
 *     class Net extends nn.Module {
 *       readonly fc = nn.linear(4, 2);
 *       forward(x: Tensor<'float32'>) { return this.fc.forward(x); }
 *     }
 */
export abstract class Module<Result = Tensor<'float32'>, Inputs extends unknown[] = Tensor[]> {
  #training = true;

  /** The module's function. */
  abstract forward(...inputs: Inputs): Result;

  /** True while training: dropout drops, batch norm uses and tracks the batch's statistics. True at first. */
  get training(): boolean {
    return hostFact(this, () => this.#training);
  }

  /** Switches this module and all below it to training, or to evaluation when `mode` is false. Gives the module. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.#training = mode;
    return this;
  }

  /** Switches to evaluation: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** @internal What `run` gives while this module and all below it are in evaluation; then all are as they were. */
  inEvaluation<T>(run: () => T): T {
    const modes = this.namedModules().map(([, module]) => [module, module.#training] as const);
    this.eval();
    try {
      return run();
    } finally {
      for (const [module, mode] of modes) module.#training = mode;
    }
  }

  /** What the module owns, by name. Containers override it to choose other names. */
  protected *members(): Iterable<readonly [name: string, value: unknown]> {
    for (const [field, value] of Object.entries(this)) {
      const name = snake(field);
      if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [`${name}.${i}`, item];
      else yield [name, value];
    }
  }

  /** The modules directly below, by name. */
  children(): [name: string, module: AnyModule][] {
    return [...this.members()].filter((member): member is [string, AnyModule] => member[1] instanceof Module);
  }

  /** This module (as `''`) and all below, by path; each once. */
  namedModules(): [path: string, module: AnyModule][] {
    const found = new Map<AnyModule, string>();
    const visit = (module: AnyModule, path: string): void => {
      if (found.has(module)) return;
      found.set(module, path);
      for (const [name, child] of module.children()) visit(child, join(path, name));
    };
    visit(this, '');
    return [...found].map(([module, path]) => [path, module]);
  }

  /** Every variable below under every path it has: parameters before buffers in each module, then its children. */
  #variables(): [string, Variable][] {
    const visit = (module: AnyModule, path: string): [string, Variable][] => {
      const members = [...module.members()];
      const own = members.filter((member): member is [string, Variable] => member[1] instanceof Variable);
      const isTrained = ([, variable]: [string, Variable]) => variable instanceof Parameter;
      const ordered = [...own.filter(isTrained), ...own.filter((member) => !isTrained(member))];
      const below = module.children().flatMap(([name, child]) => visit(child, join(path, name)));
      return [...ordered.map(([name, variable]): [string, Variable] => [join(path, name), variable]), ...below];
    };
    const all = visit(this, '');
    // The path tells variables apart in messages.
    for (const [name, variable] of all) variable.name ??= name;
    return all;
  }

  /** Parameters by path, each once. */
  namedParameters(): [name: string, parameter: Parameter][] {
    const seen = new Set<Variable>();
    return this.#variables().filter((member): member is [string, Parameter] => {
      if (!(member[1] instanceof Parameter) || seen.has(member[1])) return false;
      seen.add(member[1]);
      return true;
    });
  }

  /** All parameters, for an optimizer. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** State that is not trained, such as running means, by path. */
  namedBuffers(): [name: string, buffer: Variable][] {
    return this.#variables().filter(([, variable]) => !(variable instanceof Parameter));
  }

  /** Stops training of the parameters that `filter` names: they get no gradient and no update. All when absent. */
  freeze(filter?: NameFilter): this {
    return this.#setTrained(filter, false);
  }

  /** Takes back `freeze`. */
  unfreeze(filter?: NameFilter): this {
    return this.#setTrained(filter, true);
  }

  #setTrained(filter: NameFilter | undefined, trained: boolean): this {
    for (const [name, parameter] of this.namedParameters()) if (accepts(filter, name)) parameter.requiresGrad = trained;
    return this;
  }

  /** Parameters and buffers by PyTorch's names. They are the live variables: save or read them before they change. */
  stateDict(): Record<string, Variable> {
    return Object.fromEntries(this.#variables());
  }

  /**
   * Replaces parameters and buffers by the tensors of these names. Nothing is changed when something does not fit.
   * @throws ArgumentError that lists all missing and unexpected names (unless `strict` is false); ShapeError or
   * DTypeError that lists all tensors of another shape or dtype.
   */
  loadStateDict(state: Readonly<Record<string, Tensor>>, options: LoadStateOptions = {}): LoadReport {
    return assignState(this.stateDict(), state, options);
  }

  /** Saves the state dict as a safetensors file. Throws as `saveSafetensors`. */
  async save(path: string, metadata?: Readonly<Record<string, string>>): Promise<void> {
    await saveSafetensors(path, this.stateDict(), metadata);
  }

  /**
   * Loads a safetensors file into the module. Variables that have not been used yet take what is read without a copy, and
   * their first values are never drawn. Throws as `loadSafetensors` and `loadStateDict`.
   */
  async load(path: string, options: LoadStateOptions = {}): Promise<LoadReport> {
    const report = assignState(this.stateDict(), await loadSafetensors(path), { where: path, ...options }, true);
    await evaluate([]);
    return report;
  }

  /** What stands between the parentheses when the module is printed. */
  protected describe(): string {
    return '';
  }

  /** The module and all below it, one a line, as PyTorch prints it. */
  toString(): string {
    const children = this.children().map(([name, child]) => `(${name}): ${String(child).replaceAll('\n', '\n  ')}`);
    const inside = children.length > 0 ? `\n  ${children.join('\n  ')}\n` : this.describe();
    return `${this.constructor.name}(${inside})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
