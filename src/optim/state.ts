/** State of optimizers, in and out. */
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { fullLike, zerosLike } from '../ops/index.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Parameter, Variable } from '../variable.js';

/** Options of one group, with the numbers of its parameters. */
export type GroupState = Readonly<Record<string, unknown>> & { readonly params: readonly number[] };

/** Everything an optimizer needs to go on. */
export interface OptimizerState {
  /** Tensors by '<number of the parameter>.<name>'. */
  readonly state: Readonly<Record<string, Tensor>>;
  readonly groups: readonly GroupState[];
}

/** What state variables start as, where that is not 0. */
export const firstValues = new WeakMap<Variable, number>();

/** Replaces the state of all parameters. Variables that exist are kept, since compiled steps hold on to them. */
export function assignOptimizerState(
  where: string,
  parameters: readonly Parameter[],
  all: Map<Parameter, Map<string, Variable>>,
  state: Readonly<Record<string, Tensor>>,
): void {
  const entries = Object.entries(state).map(([key, tensor]) => {
    const [, number, name] = /^(\d+)\.(.+)$/.exec(key) ?? [];
    const parameter = parameters[Number(number)];
    if (!parameter)
      throw new ArgumentError(`${where}: state ${key} belongs to none of the ${parameters.length} parameters`);
    if (tensor.rank > 0 && !sameShape(tensor.shape, parameter.shape))
      throw new ShapeError(`${where}: state ${key} is ${tensor} but ${parameter.label} is ${parameter}`);
    if (tensor.dtype !== parameter.dtype)
      throw new DTypeError(`${where}: state ${key} is ${tensor.dtype} but ${parameter.label} is ${parameter.dtype}`);
    return { parameter, name, tensor };
  });
  for (const [parameter, own] of all)
    for (const [name, variable] of own)
      if (!Object.hasOwn(state, `${parameters.indexOf(parameter)}.${name}`))
        variable.assign(fullLike(variable, firstValues.get(variable) ?? 0));
  for (const { parameter, name, tensor } of entries) {
    let own = all.get(parameter);
    if (!own) all.set(parameter, (own = new Map()));
    let variable = own.get(name);
    if (!variable) {
      variable = new Variable(zerosLike(tensor), { name: `${parameter.name ?? 'parameter'}.${name}` });
      own.set(name, variable);
    }
    if (variable !== tensor) variable.assign(tensor);
  }
}

/** Throws unless the saved groups have as many parameters as the optimizer's. */
export function checkGroups(where: string, groups: readonly object[], saved: readonly GroupState[]): void {
  const sizes = (list: readonly object[]) =>
    list.map((group) => (group as { params: unknown[] }).params?.length).join(', ');
  if (!Array.isArray(saved) || sizes(saved) !== sizes(groups))
    throw new ArgumentError(
      `${where}: the state is of groups of ${sizes(saved ?? [])} parameters, here are ${sizes(groups)}`,
    );
}
