/** Modules that pass what they are given through others. */
import { ArgumentError } from '../errors.js';
import { flatten as flattenOp } from '../ops/index.js';
import type { Tensor } from '../tensor.js';
import { factory } from './check.js';
import { Module } from './module.js';

/** Modules in a row: the output of each is the input of the next. Iterable; `length` and `at(i)` as in arrays. */
export class Sequential extends Module implements Iterable<Module> {
  readonly #layers: readonly (readonly [name: string, layer: Module])[];

  /** Layers, named '0', '1', ...; or one object of layers, named by its keys (as written). */
  constructor(...layers: Module[] | [Readonly<Record<string, Module>>]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && !(first instanceof Module) ? first : layers;
    this.#layers = Object.entries(named as Readonly<Record<string, Module>>);
    for (const [name, layer] of this.#layers)
      if (!(layer instanceof Module)) throw new ArgumentError(`sequential: layer ${name} is no module`);
  }

  get length(): number {
    return this.#layers.length;
  }

  /** Layer number `index`; negative counts from the end. */
  at(index: number): Module | undefined {
    return this.#layers.at(index)?.[1];
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return this.#layers.reduce((x, [, layer]) => layer.forward(x), input) as Tensor<'float32'>;
  }

  *[Symbol.iterator](): Iterator<Module> {
    for (const [, layer] of this.#layers) yield layer;
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return this.#layers;
  }
}

/** Merges the dimensions from `startAxis` (1 unless told) to `endAxis` (the last) into one. */
export class Flatten extends Module {
  constructor(
    readonly startAxis = 1,
    readonly endAxis = -1,
  ) {
    super();
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return flattenOp(input as Tensor<'float32'>, this.startAxis, this.endAxis);
  }

  protected override describe(): string {
    return `${this.startAxis}, ${this.endAxis}`;
  }
}

/** Gives its input. */
export class Identity extends Module {
  override forward(input: Tensor): Tensor<'float32'> {
    return input as Tensor<'float32'>;
  }
}

export const sequential = factory(Sequential);
export const flatten = factory(Flatten);
export const identity = factory(Identity);
