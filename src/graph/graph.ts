/**
 * A graph: everything that some outputs and assignments need, in topological order, with its leaves and a signature.
 * Equal signatures mean equal programs: only what is bound at run time may differ.
 */
import { showShape } from '../shape.js';
import { sourceOf } from './leaves.js';
import { makeNode, type Node, showAttrs } from './node.js';

/** `state` receives the value of `value` when the program has run. Both have one shape and dtype. */
export interface Assignment {
  readonly state: Node;
  readonly value: Node;
}

export interface Graph {
  /** Topological order; leaves included. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly Node[];
  readonly assigns: readonly Assignment[];
  /** The distinct bindings, in order of first appearance. */
  readonly leaves: readonly Node[];
}

/** True when the node's elements are bound, not computed. */
export const isLeaf = (node: Node): boolean => node.storage !== undefined || node.source !== undefined;

/** Collects what `outputs` and `assigns` need. */
export function collect(outputs: readonly Node[], assigns: readonly Assignment[] = []): Graph {
  const seen = new Set<Node>();
  const stack = [...outputs, ...assigns.flatMap(({ state, value }) => [state, value])];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (!isLeaf(node)) stack.push(...node.inputs);
  }
  const nodes = [...seen].sort((a, b) => a.id - b.id);
  const leaves = new Map<object, Node>();
  for (const node of nodes) {
    const source = sourceOf(node);
    if (source && !leaves.has(source.identity)) leaves.set(source.identity, node);
  }
  return { nodes, outputs, assigns, leaves: [...leaves.values()] };
}

/** Index of the binding that each leaf node reads. */
export function leafIndex(graph: Graph): Map<Node, number> {
  const byIdentity = new Map(graph.leaves.map((leaf, i) => [sourceOf(leaf)?.identity, i]));
  const index = new Map<Node, number>();
  for (const node of graph.nodes) {
    const source = sourceOf(node);
    if (source) index.set(node, byIdentity.get(source.identity) as number);
  }
  return index;
}

/** The nodes that read each node, in the graph's order; one that reads it twice stands there twice. */
export function consumersOf(graph: Graph): Map<Node, Node[]> {
  const consumers = new Map<Node, Node[]>();
  for (const node of graph.nodes) {
    if (isLeaf(node)) continue;
    for (const input of node.inputs) {
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  }
  return consumers;
}

/** Nodes whose values are wanted when the graph has run. */
export const keptBy = ({ outputs, assigns }: Graph): Set<Node> =>
  new Set([...outputs, ...assigns.map(({ value }) => value)]);

/** Text that is equal exactly when two graphs have the same program. */
export function signature(graph: Graph): string {
  const number = new Map(graph.nodes.map((node, i) => [node, i]));
  const leaves = leafIndex(graph);
  const lines = graph.nodes.map((node) => {
    const type = `${node.dtype}${showShape(node.shape)}`;
    if (isLeaf(node)) return `@${leaves.get(node)} ${type}`;
    return `${node.op.name}(${node.inputs.map((input) => number.get(input)).join(',')}) ${showAttrs(node.attrs)} ${type}`;
  });
  lines.push(`-> ${graph.outputs.map((node) => number.get(node)).join(',')}`);
  lines.push(`:= ${graph.assigns.map(({ state, value }) => `${number.get(state)}:${number.get(value)}`).join(',')}`);
  return lines.join('\n');
}

/** The same node over other inputs: always a new one, so that ids keep following the order of the graph. */
export function rebuild(node: Node, inputs: readonly Node[]): Node {
  return node.op.kind === 'leaf' || isLeaf(node) ? node : makeNode(node.op, inputs, node.attrs);
}

/**
 * Rebuilds a graph from the leaves up. `rule` sees each node with its inputs already rebuilt and returns its
 * replacement (the node itself when nothing changes).
 */
export function rewrite(graph: Graph, rule: (node: Node, inputs: readonly Node[]) => Node): Graph {
  const mapped = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const inputs = isLeaf(node) ? [] : node.inputs.map((input) => mapped.get(input) as Node);
    const replacement = rule(node, inputs);
    replacement.site ??= node.site;
    replacement.scope ??= node.scope;
    mapped.set(node, replacement);
  }
  const of = (node: Node) => mapped.get(node) as Node;
  return collect(
    graph.outputs.map(of),
    graph.assigns.map(({ state, value }) => ({ state, value: of(value) })),
  );
}
