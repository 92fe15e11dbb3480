/**
 * Fold: where weights will not change, what scales and shifts the channels of a convolution's or product's result
 * moves into the weights and one shift, so that batch norm in evaluation costs no more than a bias:
 * ((x * w - c) s + b) is x * (w s) + (b - c s). Sums are rounded in another order. Neighbour: `freeze.ts`.
 */
import { consumersOf, type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { contiguousView, type View } from '../graph/view.js';
import { add, div, mul, neg, reshape, slice, sub } from '../ops/index.js';
import { sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** What has happened to a result since: it is `product * scale + shift`, each [channels]. */
interface Affine {
  readonly product: Node;
  readonly scale?: F;
  readonly shift?: F;
  /** Nodes that were folded. */
  readonly length: number;
}

const isProduct = ({ op, shape, inputs }: Node): boolean =>
  op.kind === 'kernel' &&
  (op.name === 'conv' || (op.name === 'matmul' && inputs[1].shape.length === 2)) &&
  shape.every((dim) => dim > 0);

/** How the elements of the nearest node that is no view lie in `node`. */
function viewOf(node: Node): View | undefined {
  if (isLeaf(node) || node.op.kind !== 'view') return contiguousView(node.shape);
  const input = viewOf(node.inputs[0]);
  return input && node.op.view(input, node.attrs, node);
}

/** The nearest node that is no view. */
function baseOf(node: Node): Node {
  let at = node;
  while (!isLeaf(at) && at.op.kind === 'view') at = at.inputs[0];
  return at;
}

/** The values of a node that differ only along the last axis, as [channels]. */
function perChannel(node: Node): F | undefined {
  const view = viewOf(node);
  const channels = node.shape.length - 1;
  if (!view?.strides.every((stride, axis) => axis === channels || stride === 0 || node.shape[axis] === 1))
    return undefined;
  // Without the views where that is possible: it is then the same for every batch size.
  const base = baseOf(node);
  const isRow = view.offset === 0 && view.strides[channels] === 1 && sizeOf(base.shape) === node.shape[channels];
  if (isRow) return reshape(new Tensor(base), [node.shape[channels]]) as F;
  const row = slice(
    new Tensor(node),
    node.shape.map((_, axis) => (axis === channels ? null : [0, 1])),
  );
  return reshape(row, [node.shape[channels]]) as F;
}

const plus = (a: F | undefined, b: F): F => (a ? add(a, b) : b);

/** `affine` after one more node, or undefined where the node does something else. */
function followed(affine: Affine, from: Node, node: Node, frozen: ReadonlySet<Node>): Affine | undefined {
  const [left, right] = node.inputs;
  const isLeft = left === from;
  const other = isLeft ? right : left;
  if (node.inputs.length !== 2 || !frozen.has(other)) return undefined;
  const value = ['add', 'sub', 'mul', 'div'].includes(node.op.name) ? perChannel(other) : undefined;
  if (!value || (!isLeft && (node.op.name === 'sub' || node.op.name === 'div'))) return undefined;
  const { product, scale, shift } = affine;
  const length = affine.length + 1;
  if (node.op.name === 'add') return { product, scale, shift: plus(shift, value), length };
  if (node.op.name === 'sub') return { product, scale, shift: shift ? sub(shift, value) : neg(value), length };
  const times = node.op.name === 'mul' ? mul : div;
  const first = node.op.name === 'mul' ? value : div(1, value);
  return { product, scale: scale ? times(scale, value) : (first as F), shift: shift && times(shift, value), length };
}

/** Every node that ends a chain worth folding. */
function chains(graph: Graph, frozen: ReadonlySet<Node>): Map<Node, Affine> {
  const consumers = consumersOf(graph);
  const ends = new Map<Node, Affine>();
  for (const product of graph.nodes) {
    if (isLeaf(product) || frozen.has(product) || !isProduct(product) || !frozen.has(product.inputs[1])) continue;
    let affine: Affine = { product, length: 0 };
    let end = product;
    for (;;) {
      const next = consumers.get(end) ?? [];
      const longer = next.length === 1 && !graph.outputs.includes(end) && followed(affine, end, next[0], frozen);
      if (!longer) break;
      [affine, end] = [longer, next[0]];
    }
    if (affine.scale || affine.length > 1) ends.set(end, affine);
  }
  return ends;
}

/** @param frozen Nodes whose values will not change. */
export function fold(graph: Graph, frozen: ReadonlySet<Node>): Graph {
  const ends = chains(graph, frozen);
  const inputsOf = new Map<Node, readonly Node[]>();
  return rewrite(graph, (node, inputs) => {
    if (isLeaf(node)) return node;
    inputsOf.set(node, inputs);
    const affine = ends.get(node);
    if (!affine) return rebuild(node, inputs);
    const { product, scale, shift } = affine;
    const [x, w] = inputsOf.get(product) as readonly Node[];
    // Output channels are the first axis of a convolution's weights and the last of a product's.
    const along = product.op.name === 'conv' ? w.shape.map((dim, axis) => (axis === 0 ? dim : 1)) : [w.shape[1]];
    const scaled = scale ? mul(new Tensor(w) as F, reshape(scale, along)).node : w;
    const result = new Tensor(rebuild(product, [x, scaled])) as F;
    return (shift ? add(result, shift) : result).node;
  });
}
