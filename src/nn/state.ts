/** Loading of state dicts: everything is compared before anything is assigned. */
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';

/** Options of loading state. */
export interface LoadStateOptions {
  /** Refuse missing and unexpected names; true unless told. */
  readonly strict?: boolean;
  /** Where the state is from, for messages. */
  readonly where?: string;
}

/** Names that were not loaded. */
export interface LoadReport {
  /** In the module but not in the state. */
  readonly missing: readonly string[];
  /** In the state but not in the module. */
  readonly unexpected: readonly string[];
}

const kShown = 8;

const list = (items: readonly string[]): string =>
  items.length > kShown ? `${items.slice(0, kShown).join(', ')} and ${items.length - kShown} more` : items.join(', ');

/** Counters that files from before PyTorch 0.4.1 lack; they keep their value. */
const isOptional = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/**
 * Assigns `state` to the variables of the same names, or throws and assigns nothing. With `isOwn` nobody else has the
 * tensors: variables without a value yet take their elements without a copy.
 */
export function assignState(
  variables: Readonly<Record<string, Variable>>,
  state: Readonly<Record<string, Tensor>>,
  options: LoadStateOptions,
  isOwn = false,
): LoadReport {
  const { strict = true, where } = options;
  const origin = where === undefined ? 'loadStateDict' : `loadStateDict: ${where}`;
  const missing = Object.keys(variables).filter((name) => !Object.hasOwn(state, name));
  const unexpected = Object.keys(state).filter((name) => !Object.hasOwn(variables, name));
  const needed = missing.filter((name) => !isOptional(name));
  if (strict && needed.length + unexpected.length > 0) {
    const parts = [
      ...(needed.length > 0 ? [`missing ${list(needed)}`] : []),
      ...(unexpected.length > 0 ? [`unexpected ${list(unexpected)}`] : []),
    ];
    throw new ArgumentError(`${origin}: ${parts.join('; ')}; pass strict: false to load what fits by name`);
  }
  const shared = Object.keys(variables).filter((name) => Object.hasOwn(state, name));
  const differing = (differs: (name: string) => boolean): string[] =>
    shared.filter(differs).map((name) => `${name} is ${variables[name]} but the state has ${state[name]}`);
  const shapes = differing((name) => !sameShape(variables[name].shape, state[name].shape));
  if (shapes.length > 0) throw new ShapeError(`${origin}: ${list(shapes)}`);
  const dtypes = differing((name) => variables[name].dtype !== state[name].dtype);
  if (dtypes.length > 0) throw new DTypeError(`${origin}: ${list(dtypes)}; cast first`);
  for (const name of shared) {
    const [variable, value] = [variables[name], state[name]];
    const { storage } = value.node;
    if (variable === value || (isOwn && storage && variable.adopt(storage))) continue;
    variable.assign(value);
  }
  return { missing, unexpected };
}
