/**
 * Freeze: for graphs whose variables will not change. What depends on them alone (folded and transformed weights) is
 * split off, to be computed once. The rest is a graph of its own, whose leaves stand for what was split off.
 */
import type { TypedArray } from '../dtype.js';
import { InternalError } from '../errors.js';
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import { leafNode, sourceOf } from '../graph/leaves.js';
import type { LeafSource, Node } from '../graph/node.js';

/** A value that is computed once, before the first run. */
export class PreparedSource implements LeafSource {
  readonly kind = 'data';
  readonly identity = this;
  elements: TypedArray | undefined;
  /** Settles when the elements are there or could not be computed; undefined while nobody computes them. */
  computing: Promise<void> | undefined;

  /** @param key Equal for values that are computed alike from the same weights. */
  constructor(readonly key: string) {}

  read(): TypedArray {
    if (!this.elements) throw new InternalError('freeze: a frozen value is read before it was computed');
    return this.elements;
  }
}

/** A graph in two parts. */
export interface Frozen {
  /** What is computed once, and the leaves of `graph` that stand for it. */
  readonly values: ReadonlyMap<Node, PreparedSource>;
  readonly graph: Graph;
}

/** The nodes that depend on constants, data and variables alone. */
export function frozenNodes(graph: Graph): Set<Node> {
  const frozen = new Set<Node>();
  for (const node of graph.nodes) {
    const source = sourceOf(node);
    const isFixed = source
      ? source.kind === 'data' || source.kind === 'state'
      : node.inputs.every((input) => frozen.has(input));
    if (isFixed) frozen.add(node);
  }
  return frozen;
}

/**
 * Splits a graph that assigns nothing. Views cost nothing, so they stay with what reads them.
 * @param sourceFor The leaf for a value: the same one for values that are the same.
 */
export function freeze(graph: Graph, sourceFor: (node: Node) => PreparedSource): Frozen {
  const frozen = frozenNodes(graph);
  const split = new Set<Node>();
  const visit = (node: Node): void => {
    if (!frozen.has(node) || isLeaf(node)) return;
    if (node.op.kind === 'view') node.inputs.forEach(visit);
    else if (node.op.kind !== 'leaf') split.add(node);
  };
  graph.outputs.forEach(visit);
  for (const node of graph.nodes) if (!isLeaf(node) && !frozen.has(node)) node.inputs.forEach(visit);
  const values = new Map([...split].map((node) => [node, sourceFor(node)]));
  const rest = rewrite(graph, (node, inputs) => {
    const source = values.get(node);
    if (source) return leafNode(node.shape, node.dtype, source);
    return isLeaf(node) ? node : rebuild(node, inputs);
  });
  return { values, graph: rest };
}
