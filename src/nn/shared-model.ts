/**
 * One copy of a model's weights for all threads of a process: variables move into SharedArrayBuffers, which go through
 * `postMessage` without a copy.
 */
import { type DType, newArray, sharedMemory, type TypedArray } from '../dtype.js';
import { ArgumentError, StateError } from '../errors.js';
import { dataNode } from '../graph/leaves.js';
import type { PreparedArrays } from '../runtime/prepared.js';
import { settleVariables } from '../runtime/run.js';
import type { Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import { assignState } from './state.js';

/** A variable's elements in shared memory. */
export interface SharedTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly elements: TypedArray;
}

/** Weights by the names of the state dict, and what was made of them; all in shared memory, fit for `postMessage`. */
export interface SharedModel {
  readonly weights: Readonly<Record<string, SharedTensor>>;
  readonly prepared: PreparedArrays;
}

type Variables = Readonly<Record<string, Variable>>;

/** Moves the variables' elements into shared memory, where they are not there yet. */
export async function shareVariables(variables: Variables): Promise<Record<string, SharedTensor>> {
  await settleVariables(Object.values(variables));
  return Object.fromEntries(
    Object.entries(variables).map(([name, variable]) => {
      if (!(variable.storage.buffer instanceof SharedArrayBuffer)) {
        const elements = newArray(variable.dtype, variable.size, variable.label, sharedMemory);
        (elements as Float32Array).set(variable.storage as Float32Array);
        variable.initialize(elements);
      }
      const { dtype, shape, storage: elements } = variable;
      return [name, { dtype, shape, elements }];
    }),
  );
}

/** Gives variables that have no value yet the shared elements. */
export function takeShared(variables: Variables, { weights }: SharedModel): void {
  if (typeof weights !== 'object') throw new ArgumentError('compileModel: shared must be what share() gave');
  const used = Object.values(variables).find((variable) => !variable.isFresh);
  if (used) throw new StateError(`compileModel: ${used.label} has a value already; give shared weights to a new model`);
  const state = Object.entries(weights).map(([name, { dtype, shape, elements }]): [string, Tensor] => [
    name,
    new Tensor(dataNode(elements, shape, dtype)),
  ]);
  assignState(variables, Object.fromEntries(state), { where: 'shared weights' }, true);
}
