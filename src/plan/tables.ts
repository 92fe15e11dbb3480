/**
 * Tables: products with rows that were picked from a small table, as an embedding picks them, are computed once per row
 * of the table instead of once per pick. With E the table, P the picks as a matrix of zeros and ones:
 *
 *     (P E) W    = P (E W)           the product, with a bias along its rows
 *     G^T (P E)  = (P^T G)^T E       its gradient for W
 *     P^T (G W)  = (P^T G) W         its gradient for E
 *
 * P^T G adds rows of G up per row of the table. A network that reads characters saves most of its first layer's input
 * product so. Sums are taken in another order, so results may differ in their last bits from those of the graph.
 */
import { isFloat } from '../dtype.js';
import { constantOf } from '../graph/constants.js';
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import { constantNode } from '../graph/leaves.js';
import { makeNode, type Node, type OpDef, ops } from '../graph/node.js';
import { expandOp, permuteOp, reshapeOp } from '../ops/view.js';
import { type Shape, sameShape, sizeOf } from '../shape.js';
import { simplify } from './simplify.js';

/** Picks from a table must outnumber its rows by this much. */
const kLeastPicks = 2;

export function pickOnce(graph: Graph): Graph {
  if (!graph.nodes.some(isPick)) return graph;
  let isChanged = false;
  const result = rewrite(graph, (node, inputs) => {
    const better = isLeaf(node) ? undefined : cheaper(node, inputs);
    isChanged ||= better !== undefined;
    return better ?? rebuild(node, inputs);
  });
  return isChanged ? simplify(result) : graph;
}

function cheaper(node: Node, inputs: readonly Node[]): Node | undefined {
  switch (node.op.name) {
    case 'matmul':
      return productOfPicks(node, inputs) ?? sumOfPicks(node, inputs);
    case 'add':
      return biasOfPicks(node, inputs) ?? biasOfPicks(node, [inputs[1], inputs[0]]);
    case 'indexAdd':
      return addedProduct(node, inputs);
    default:
      return undefined;
  }
}

const isPick = (node: Node): boolean =>
  !isLeaf(node) && (node.op.name === 'embedding' || node.op.name === 'indexSelect') && node.attrs.axis === 0;

const make = (op: { readonly name: string }, inputs: readonly Node[], attrs: Node['attrs'] = {}): Node =>
  makeNode(op as OpDef, inputs, attrs);
const shaped = (node: Node, shape: Shape): Node =>
  sameShape(node.shape, shape) ? node : make(reshapeOp, [node], { shape });
const transposed = (node: Node): Node =>
  node.op.name === 'permute' && !isLeaf(node) ? node.inputs[0] : make(permuteOp, [node], { axes: [1, 0] });
const leading = (shape: Shape): Shape => shape.slice(0, -1);
const last = (shape: Shape): number => shape[shape.length - 1];

/** Whether a view only rearranges whole rows. */
function movesRows(node: Node): boolean {
  if (isLeaf(node)) return false;
  if (node.op.name === 'reshape') return last(node.shape) === last(node.inputs[0].shape);
  return node.op.name === 'permute' && last(node.attrs.axes as readonly number[]) === node.shape.length - 1;
}

interface Picks {
  /** What picked: errors start with its name. */
  readonly op: OpDef;
  readonly table: Node;
  /** One-dimensional, in the order of the rows. */
  readonly index: Node;
}

/** The table and picks behind a node whose last axis runs over the columns of a table. */
function picksOf(node: Node): Picks | undefined {
  const views: Node[] = [];
  let at = node;
  for (; movesRows(at); at = at.inputs[0]) views.push(at);
  if (!isPick(at) || at.inputs[0].shape.length !== 2 || !isFloat(at.dtype)) return undefined;
  const [table, list] = at.inputs;
  if (list.shape[0] < kLeastPicks * table.shape[0]) return undefined;
  let index = list;
  for (const view of views.reverse())
    index =
      view.op.name === 'reshape'
        ? shaped(index, leading(view.shape))
        : make(permuteOp, [index], { axes: leading(view.attrs.axes as readonly number[]) });
  return { op: at.op, table, index: shaped(index, [list.shape[0]]) };
}

/** The same picks from another table, in `shape`. */
const pick = (table: Node, { op, index }: Picks, shape: Shape): Node =>
  shaped(make(op, [table, index], { axis: 0 }), shape);

/** Rows of `rows` [picks, columns] added up per row of a table of `size` rows. */
function addUp(rows: Node, index: Node, size: number): Node {
  const zeros = make(expandOp, [constantNode(0, rows.dtype)], { shape: [size, rows.shape[1]] });
  return make(ops.get('indexAdd') as OpDef, [zeros, index, rows], { axis: 0 });
}

function productOfPicks(node: Node, [a, b]: readonly Node[]): Node | undefined {
  const picks = b.shape.length === 2 ? picksOf(a) : undefined;
  return picks && pick(make(node.op, [picks.table, b]), picks, node.shape);
}

/** A bias added to every row is added to the table. */
function biasOfPicks(node: Node, [a, b]: readonly Node[]): Node | undefined {
  const picks = b.op.name === 'expand' && !isLeaf(b) && b.inputs[0].shape.length === 1 ? picksOf(a) : undefined;
  if (!picks || last(node.shape) !== last(b.inputs[0].shape)) return undefined;
  const bias = make(expandOp, [b.inputs[0]], { shape: picks.table.shape });
  return pick(make(node.op, [picks.table, bias]), picks, node.shape);
}

/** A product that sums over the picks. */
function sumOfPicks(node: Node, [a, b]: readonly Node[]): Node | undefined {
  if (a.shape.length !== 2 || b.shape.length !== 2) return undefined;
  const right = picksOf(b);
  if (right) {
    const sums = addUp(transposed(a), right.index, right.table.shape[0]);
    return make(node.op, [transposed(sums), right.table]);
  }
  const isTransposed = a.op.name === 'permute' && !isLeaf(a);
  const left = isTransposed ? picksOf(a.inputs[0]) : undefined;
  return left && make(node.op, [transposed(left.table), addUp(b, left.index, left.table.shape[0])]);
}

/** Adding up the rows of a product. */
function addedProduct(node: Node, [base, list, rows]: readonly Node[]): Node | undefined {
  if (node.attrs.axis !== 0 || base.shape.length !== 2 || !Object.is(constantOf(base), 0)) return undefined;
  if (list.shape[0] < kLeastPicks * base.shape[0]) return undefined;
  let [at, index] = [rows, list];
  for (; movesRows(at); at = at.inputs[0]) {
    if (at.op.name === 'reshape') index = shaped(index, leading(at.inputs[0].shape));
    else {
      const axes = leading(at.attrs.axes as readonly number[]);
      index = make(permuteOp, [index], { axes: axes.map((_, i) => axes.indexOf(i)) });
    }
  }
  if (isLeaf(at) || at.op.name !== 'matmul' || at.inputs[1].shape.length !== 2) return undefined;
  const [g, w] = at.inputs;
  const picked = shaped(index, [list.shape[0]]);
  const sums = addUp(shaped(g, [sizeOf(leading(g.shape)), last(g.shape)]), picked, base.shape[0]);
  return make(at.op, [sums, w]);
}
