/**
 * Layout: convolutions and pools run channels-last inside, wrapped in permutes from and to the NCHW that users see.
 * This pass moves each permute towards the outputs, through everything it commutes with, until it meets its inverse
 * and both vanish; a whole convolutional stretch then runs channels-last without a copy.
 */
import { constantOf } from '../graph/constants.js';
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import { makeNode, type Node } from '../graph/node.js';
import { permuteOp } from '../ops/view.js';
import { simplify } from './simplify.js';

type Axes = readonly number[];

const inverse = (axes: Axes): number[] => {
  const out = new Array<number>(axes.length);
  axes.forEach((axis, i) => {
    out[axis] = i;
  });
  return out;
};

export const permuted = (node: Node, axes: Axes): Node =>
  axes.every((axis, i) => axis === i) ? node : makeNode(permuteOp as never, [node], { axes });

export const permuteAxes = (node: Node): Axes | undefined =>
  !isLeaf(node) && node.op.name === 'permute' ? (node.attrs.axes as Axes) : undefined;

/** Broadcast or constant operands, permuted or not, can be permuted for free: they are read through strides anyway. */
export function isFree(node: Node): boolean {
  if (constantOf(node) !== undefined) return true;
  return !isLeaf(node) && (node.op.name === 'expand' || (node.op.name === 'permute' && isFree(node.inputs[0])));
}

/** Elementwise nodes that lead to nothing but assignments: they run in the layout of the variables they update. */
function updatesOf(graph: Graph): Set<Node> {
  const updates = new Set<Node>();
  const usedElsewhere = new Set<Node>(graph.outputs);
  for (const node of [...graph.nodes].reverse()) {
    if (isLeaf(node)) continue;
    if (node.op.kind === 'elementwise' && !usedElsewhere.has(node)) updates.add(node);
    else for (const input of node.inputs) usedElsewhere.add(input);
  }
  return updates;
}

export function layout(graph: Graph, folds = true): Graph {
  const updates = updatesOf(graph);
  const sunk = rewrite(graph, (node, inputs) => {
    if (isLeaf(node) || inputs.length === 0) return node;
    if (updates.has(node)) return rebuild(node, inputs);
    if (node.op.kind === 'elementwise') return sinkElementwise(node, inputs) ?? rebuild(node, inputs);
    if ((node.op.kind === 'kernel' || node.op.kind === 'view') && node.op.sink)
      return sinkOp(node, inputs) ?? rebuild(node, inputs);
    return rebuild(node, inputs);
  });
  return simplify(sunk, folds);
}

/** The permutation that most of `inputs` share, unless more of them would have to be permuted the other way. */
function commonAxes(inputs: readonly Node[]): Axes | undefined {
  const counts = new Map<string, { axes: Axes; count: number }>();
  let others = 0;
  for (const input of inputs) {
    const axes = permuteAxes(input);
    if (axes && !isFree(input)) {
      const entry = counts.get(axes.join()) ?? { axes, count: 0 };
      entry.count++;
      counts.set(axes.join(), entry);
    } else if (!isFree(input)) others++;
  }
  const [best] = [...counts.values()].sort((a, b) => b.count - a.count);
  return best && best.count >= others + counts.size - 1 ? best.axes : undefined;
}

/** The node that `axes` makes `input` of. */
function unpermuted(input: Node, axes: Axes): Node {
  return permuteAxes(input)?.join() === axes.join() ? input.inputs[0] : permuted(input, inverse(axes));
}

/** op(permute(a), permute(b)) is permute(op(a, b)). */
export function sinkElementwise(node: Node, inputs: readonly Node[]): Node | undefined {
  const axes = commonAxes(inputs);
  if (!axes) return undefined;
  const bare = inputs.map((input) => unpermuted(input, axes));
  return permuted(rebuild(node, bare), axes);
}

function sinkOp(node: Node, inputs: readonly Node[]): Node | undefined {
  if (node.op.kind !== 'kernel' && node.op.kind !== 'view') return undefined;
  const rank = inputs[0].shape.length;
  const axes = commonAxes(inputs.filter(({ shape }) => shape.length === rank));
  const moved = axes && node.op.sink?.(node.attrs, axes, inputs);
  if (!moved) return undefined;
  const bare = inputs.map((input) => (input.shape.length === rank ? unpermuted(input, axes) : input));
  return permuted(makeNode(node.op, bare, moved.attrs), moved.axes);
}
