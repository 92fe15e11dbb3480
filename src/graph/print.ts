/** Graphs as text: one node a line, numbered in topological order. */
import { showShape } from '../shape.js';
import { type Graph, isLeaf, leafIndex } from './graph.js';
import { showAttrs } from './node.js';

export function printGraph(graph: Graph): string {
  const number = new Map(graph.nodes.map((node, i) => [node, i]));
  const leaves = leafIndex(graph);
  const lines = graph.nodes.map((node, i) => {
    const type = `${node.dtype}${showShape(node.shape)}`;
    if (isLeaf(node)) return `%${i} = leaf ${leaves.get(node)} : ${type}`;
    const inputs = node.inputs.map((input) => `%${number.get(input)}`).join(', ');
    const attrs = showAttrs(node.attrs);
    return `%${i} = ${node.op.name}(${inputs})${attrs ? ` {${attrs}}` : ''} : ${type}`;
  });
  for (const node of graph.outputs) lines.push(`return %${number.get(node)}`);
  for (const { state, value } of graph.assigns) lines.push(`%${number.get(state)} := %${number.get(value)}`);
  return lines.join('\n');
}
