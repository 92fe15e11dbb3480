/**
 * Parts: values that are put into a concatenation are computed where it wants them, and need not be copied. `lower.ts`
 * asks here which values those are; elementwise passes and epilogues can write rows that are apart.
 */
import { consumersOf, type Graph, isLeaf, keptBy } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { contiguousView, reshapeView, type View } from '../graph/view.js';
import { sizeOf } from '../shape.js';

/** Where a value stands in the result of `whole`. */
export interface Part {
  readonly whole: Node;
  readonly view: View;
}

/** Shorter rows are not worth the pass over them. */
const kLeastRow = 8;

/** The nodes whose values may be computed as a part of another node's. */
export function partsOf(graph: Graph): Map<Node, Part> {
  const consumers = consumersOf(graph);
  const kept = keptBy(graph);
  const parts = new Map<Node, Part>();
  for (const whole of graph.nodes) {
    const { op, inputs, attrs } = whole;
    if (isLeaf(whole) || op.kind !== 'kernel' || !op.part || sizeOf(whole.shape) === 0) continue;
    for (const [i, node] of inputs.entries()) {
      // Kernels may want their inputs contiguous; elementwise groups read any rows.
      const others = consumers.get(node)?.filter((consumer) => consumer.op.kind !== 'elementwise');
      if (isLeaf(node) || kept.has(node) || others?.length !== 1) continue;
      parts.set(node, { whole, view: op.part(contiguousView(whole.shape), inputs, attrs, i) });
    }
  }
  return parts;
}

/** Elements that lie next to each other in a view, from any multiple of their number on. */
export function rowOf({ shape, strides }: View): number {
  let row = 1;
  for (let i = shape.length - 1; i >= 0 && (shape[i] === 1 || strides[i] === row); i--) row *= shape[i];
  return row;
}

/** The distance between rows of `row` elements, or undefined where they do not lie evenly. */
function rowDistance(view: View, row: number): number | undefined {
  const rows = reshapeView(view, [sizeOf(view.shape) / row, row]);
  if (rows?.strides[1] !== 1) return undefined;
  return rows.shape[0] === 1 ? row : rows.strides[0];
}

/** Whether a kernel that writes rows of `row` elements can write them into the view. */
export const takesRows = (view: View, row: number): boolean => row >= kLeastRow && rowDistance(view, row) !== undefined;

/** The distances between rows of `row` elements in each output, as kernels want them: none when all are contiguous. */
export function rowDistances(outputs: readonly View[], row: number): number[] {
  const distances = row < kLeastRow ? [] : outputs.map((output) => rowDistance(output, row) as number);
  return distances.every((distance) => distance === row) ? [] : distances;
}
