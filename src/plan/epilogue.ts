/** Whether an elementwise group can run over the output tile of a contraction, and with which strides. */
import type { Node } from '../graph/node.js';
import { reshapeView } from '../graph/view.js';
import { sizeOf } from '../shape.js';
import type { Operand } from './ir.js';

/**
 * A contraction's output as [batch, rows, columns]. Convolutions have one batch and a row per output pixel; so have
 * products with a single matrix on the right, whose leading dimensions are all rows.
 */
export type Matrix = readonly [batch: number, rows: number, columns: number];

export function rowsAndColumns(node: Node): Matrix {
  const { shape } = node;
  const columns = shape[shape.length - 1];
  const isBatched = node.op.name === 'matmul' && node.inputs[1].shape.length > 2;
  if (!isBatched) return [1, sizeOf(shape) / columns, columns];
  const rows = shape[shape.length - 2];
  return [sizeOf(shape.slice(0, -2)), rows, columns];
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
