/** The triangles of matrices: masks made of row and column numbers, fused with whatever follows. */
import type { DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkTensor, constant } from './apply.js';
import { greaterEqual, where } from './compare.js';
import { arange } from './create.js';
import { withShape } from './shape-ops.js';

/** Whether column - row >= k, for the last two axes. */
function onOrAbove(input: Tensor, k: number, name: string): Tensor<'bool'> {
  checkTensor(input, name);
  if (input.rank < 2) throw new ShapeError(`${name}: needs at least two dimensions, got ${showShape(input.shape)}`);
  if (!Number.isInteger(k)) throw new ArgumentError(`${name}: k must be an integer, got ${k}`);
  const [rows, columns] = input.shape.slice(-2);
  const dtype = 'int32';
  return greaterEqual(arange(columns, { dtype }), withShape(arange(k, k + rows, { dtype }), [rows, 1]));
}

const zeroOf = <D extends DType>(input: Tensor<D>): Tensor<D> => constant(0, input.dtype);

/** The matrices of the last two axes with zeros above diagonal number `k` (0: the main one, positive: above it). */
export function tril<D extends DType>(input: Tensor<D>, k = 0): Tensor<D> {
  return where(onOrAbove(input, k + 1, 'tril'), zeroOf(input), input);
}

/** The matrices of the last two axes with zeros below diagonal number `k` (0: the main one, positive: above it). */
export function triu<D extends DType>(input: Tensor<D>, k = 0): Tensor<D> {
  return where(onOrAbove(input, k, 'triu'), input, zeroOf(input));
}
