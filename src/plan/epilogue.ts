/** Whether an elementwise group can run over the output tile of a contraction, and with which strides. */
import type { Matrix, Node } from '../graph/node.js';
import { reshapeView } from '../graph/view.js';
import { sizeOf } from '../shape.js';
import type { Operand } from './ir.js';

export function rowsAndColumns({ op, shape, inputs }: Node): Matrix {
  if (op.kind === 'kernel' && op.matrix) return op.matrix(shape, inputs);
  const columns = shape[shape.length - 1];
  return [1, sizeOf(shape) / columns, columns];
}

/** Strides over (batch, row, column) for every input, or undefined when one of them cannot be walked that way. */
export function epilogueOf(inputs: readonly Operand[], matrix: Matrix): [number, number, number][] | undefined {
  const all: [number, number, number][] = [];
  for (const input of inputs) {
    const view = reshapeView(input, matrix);
    if (!view || view.strides[2] < 0 || view.strides[2] > 1) return undefined;
    all.push([view.strides[0], view.strides[1], view.strides[2]]);
  }
  return all;
}
