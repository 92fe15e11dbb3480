/** Layers without state: a function of one tensor with its options. */
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

type Function1<Args extends unknown[]> = (input: Tensor<'float32'>, ...args: Args) => Tensor<'float32'>;

const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
        .map(([name, inner]) => `${name}: ${shown(inner)}`)
        .join(', ')
    : Array.isArray(value)
      ? `[${value.map(shown).join(', ')}]`
      : String(value);

/** A layer that applies a function. `name` is how it prints. */
export class FunctionLayer<Args extends unknown[] = unknown[]> extends Module {
  readonly #apply: Function1<Args>;
  readonly #args: Args;

  constructor(
    readonly name: string,
    apply: Function1<Args>,
    args: Args,
  ) {
    super();
    this.#apply = apply;
    this.#args = args;
  }

  override forward(input: Tensor): Tensor<'float32'> {
    return this.#apply(input as Tensor<'float32'>, ...this.#args);
  }

  override toString(): string {
    return `${this.name}(${this.#args.map(shown).filter(Boolean).join(', ')})`;
  }
}

/** Makes the factory of a layer that applies `fn` with the arguments the factory is given. */
export const functionLayer =
  <Args extends unknown[]>(name: string, fn: Function1<Args>) =>
  (...args: Args): FunctionLayer<Args> =>
    new FunctionLayer(name, fn, args);
