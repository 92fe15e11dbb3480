/** Logic, element by element. Operands of any dtype count as true where they are not zero (NaN is true). */
import type { Tensor } from '../tensor.js';
import { align, apply, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { defineElementwise } from './elementwise-core.js';

type Logic = (a: Tensor, b: Tensor | boolean) => Tensor<'bool'>;

function logic(name: string, scalar: (a: number, b: number) => number): Logic {
  const op = defineElementwise({ name, scalar, result: 'bool' });
  const toBool = (operand: Tensor | boolean, at: string) => {
    if (typeof operand === 'boolean') return operand;
    checkTensor(operand, name, at);
    return cast(operand, 'bool');
  };
  return (a, b) => apply<'bool'>(op, align(name, [toBool(a, 'a'), toBool(b, 'b')], cast));
}

/** a and b. */
export const logicalAnd = logic('logicalAnd', (a, b) => a & b);
/** a or b. */
export const logicalOr = logic('logicalOr', (a, b) => a | b);
/** Either a or b, but not both. */
export const logicalXor = logic('logicalXor', (a, b) => a ^ b);

const logicalNotOp = defineElementwise({ name: 'logicalNot', scalar: (a) => 1 - a, result: 'bool' });

/** Not a. */
export function logicalNot(input: Tensor): Tensor<'bool'> {
  checkTensor(input, 'logicalNot');
  return apply<'bool'>(logicalNotOp, [cast(input, 'bool')]);
}
