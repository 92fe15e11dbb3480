/**
 * Choose: puts other algorithms in the place of ops where their sizes make that faster, such as Winograd's for 3x3
 * convolutions. What can be chosen stands with each op (`choose`); this pass only asks.
 */
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import type { Node, Numerics } from '../graph/node.js';
import { Tensor } from '../tensor.js';

/** @param frozen Nodes whose values will not change. */
export function choose(graph: Graph, numerics: Numerics, frozen: ReadonlySet<Node> = new Set()): Graph {
  return rewrite(graph, (node, inputs) => {
    if (isLeaf(node)) return node;
    const choice =
      node.op.kind === 'kernel' &&
      node.op.choose?.(
        inputs.map((input) => new Tensor(input)),
        node.attrs,
        { numerics, isFrozen: (i) => frozen.has(node.inputs[i]) },
      );
    return choice ? choice.node : rebuild(node, inputs);
  });
}
