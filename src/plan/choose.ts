/**
 * Choose: puts other algorithms in the place of ops where their sizes make that faster, such as Winograd's for 3x3
 * convolutions. What can be chosen stands with each op (`choose`); this pass only asks.
 */
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import type { Numerics } from '../graph/node.js';
import { Tensor } from '../tensor.js';

export function choose(graph: Graph, numerics: Numerics): Graph {
  return rewrite(graph, (node, inputs) => {
    if (isLeaf(node)) return node;
    const choice =
      node.op.kind === 'kernel' &&
      node.op.choose?.(
        inputs.map((input) => new Tensor(input)),
        node.attrs,
        numerics,
      );
    return choice ? choice.node : rebuild(node, inputs);
  });
}
