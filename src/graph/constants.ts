/** Which nodes are constants in disguise: a scalar seen through views. */
import { isLeaf } from './graph.js';
import type { Node } from './node.js';

/** The value that every element of the node has, when that is known while planning. */
export function constantOf(node: Node): number | undefined {
  let at = node;
  while (at.op.kind === 'view' && !isLeaf(at)) at = at.inputs[0];
  return at.op.name === 'full' ? (at.attrs.value as number) : undefined;
}
