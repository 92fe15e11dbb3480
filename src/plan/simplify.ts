/**
 * Simplify: shares equal nodes, folds constants, and drops what does nothing or what nobody reads. Only rewrites that keep every bit
 * (NaN, infinities and the sign of zero included) are made.
 */
import { constantOf } from '../graph/constants.js';
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import { constantNode, sourceOf } from '../graph/leaves.js';
import { makeNode, type Node, showAttrs } from '../graph/node.js';
import { expandOp, permuteOp, reshapeOp } from '../ops/view.js';
import { roundTo } from '../runtime/js/rounding.js';
import { sameShape, showShape } from '../shape.js';

/** @param folds Whether constants are computed now; anomaly mode wants to see them made. */
export function simplify(graph: Graph, folds = true): Graph {
  const known = new Map<string, Node>();
  const numbers = new Map<object, number>();
  const numberOf = (object: object): number => {
    let n = numbers.get(object);
    if (n === undefined) numbers.set(object, (n = numbers.size));
    return n;
  };
  const isOnlyReader = onlyReaders(graph);
  const headOf = readHeads(graph);
  return rewrite(graph, (node, inputs) => {
    const source = sourceOf(node);
    const simple = source
      ? node
      : ((isOnlyReader(node) ? transposedProduct(node, inputs[0]) : undefined) ??
        headOf(node, inputs) ??
        simpler(node, inputs, folds));
    const type = `${simple.dtype}${showShape(simple.shape)}`;
    const leaf = sourceOf(simple);
    const key = leaf
      ? `@${numberOf(leaf.identity)} ${type}`
      : `${simple.op.name}(${simple.inputs.map(numberOf)}) ${showAttrs(simple.attrs)} ${type}`;
    const twin = known.get(key);
    if (twin) return twin;
    known.set(key, simple);
    return simple;
  });
}

/** Whether a node alone reads its first input. */
function onlyReaders(graph: Graph): (node: Node) => boolean {
  const readers = new Map<Node, number>();
  const count = (node: Node) => readers.set(node, (readers.get(node) ?? 0) + 1);
  for (const node of graph.nodes) if (!isLeaf(node)) node.inputs.forEach(count);
  graph.outputs.forEach(count);
  for (const { value } of graph.assigns) count(value);
  return (node) => readers.get(node.inputs[0]) === 1;
}

/** Nodes of which only first rows are read become the variants of their ops that make no others. */
function readHeads(graph: Graph): (node: Node, inputs: readonly Node[]) => Node | undefined {
  const rows = new Map<Node, number>();
  const read = (node: Node, upTo: number) => rows.set(node, Math.max(rows.get(node) ?? 0, upTo));
  for (const node of graph.nodes) {
    if (isLeaf(node)) continue;
    const { starts, sizes, steps } = node.attrs as { [name: string]: readonly number[] };
    const isPart = node.op.name === 'slice' && steps[0] === 1;
    for (const input of node.inputs) read(input, isPart ? starts[0] + sizes[0] : Number.POSITIVE_INFINITY);
  }
  for (const node of [...graph.outputs, ...graph.assigns.map(({ value }) => value)])
    read(node, Number.POSITIVE_INFINITY);
  return (node, inputs) => {
    if (node.op.kind !== 'kernel' || !node.op.head) return undefined;
    const head = makeNode(node.op, inputs, node.op.head(node.attrs));
    return (rows.get(node) ?? 0) <= head.shape[0] ? head : undefined;
  };
}

/** (A B)^T is B^T A^T, and products read transposed operands as they lie. */
function transposedProduct(node: Node, input: Node): Node | undefined {
  if (node.op.name !== 'permute' || isLeaf(input) || input.op.name !== 'matmul') return undefined;
  const axes = node.attrs.axes as readonly number[];
  const rank = axes.length;
  const swap = [...axes.keys()].slice(0, rank - 2).concat(rank - 1, rank - 2);
  if (!axes.every((axis, i) => axis === swap[i])) return undefined;
  const [a, b] = input.inputs.map((factor) => makeNode(permuteOp as never, [factor], { axes: swap }));
  return makeNode(input.op, [mergeViews(b, b.inputs[0]) ?? b, mergeViews(a, a.inputs[0]) ?? a], input.attrs);
}

function simpler(node: Node, inputs: readonly Node[], folds: boolean): Node {
  if (node.op.kind === 'elementwise')
    return (folds ? foldConstant(node, inputs) : undefined) ?? dropNeutral(node, inputs) ?? rebuild(node, inputs);
  if (node.op.kind === 'view')
    return mergeViews(node, inputs[0]) ?? slicedPlace(node, inputs[0]) ?? rebuild(node, inputs);
  return rebuild(node, inputs);
}

/** An elementwise op over constants is a constant. */
function foldConstant(node: Node, inputs: readonly Node[]): Node | undefined {
  if (node.op.kind !== 'elementwise' || node.dtype === 'int64') return undefined;
  const values = inputs.map(constantOf);
  if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
  const [a, b, c] = values as number[];
  const value = node.op.scalar(a, b, c, node.dtype, inputs[inputs.length - 1].dtype);
  const scalar = constantNode(roundTo(node.dtype, value), node.dtype);
  return node.shape.length === 0 ? scalar : makeNode(expandOp as never, [scalar], { shape: node.shape });
}

/** x * 1, 1 * x, x / 1, x - 0 and casts to the same type are x. */
function dropNeutral(node: Node, [a, b]: readonly Node[]): Node | undefined {
  const is = (at: Node | undefined, value: number) => at !== undefined && Object.is(constantOf(at), value);
  switch (node.op.name) {
    case 'mul':
      return is(b, 1) ? a : is(a, 1) ? b : undefined;
    case 'div':
      return is(b, 1) ? a : undefined;
    case 'sub':
      return is(b, 0) ? a : undefined;
    case 'cast':
      return a.dtype === node.dtype ? a : undefined;
    default:
      return undefined;
  }
}

type Region = { starts: readonly number[]; sizes: readonly number[]; steps: readonly number[] };

/**
 * A slice of what was placed among equal values (the gradient of another slice) is what was placed, or those values; so
 * is one of a sum of such. Gradients that meet in one tensor and are taken apart again are never put into it.
 */
function slicedPlace(slice: Node, input: Node): Node | undefined {
  if (slice.op.name !== 'slice' || isLeaf(input)) return undefined;
  const { starts, sizes, steps } = slice.attrs as Region;
  if (input.op.kind === 'elementwise' && input.inputs.some(({ op }) => op.name === 'place')) {
    const parts = input.inputs.map((x) => {
      const part = makeNode(slice.op, [x], slice.attrs);
      return slicedPlace(part, x) ?? part;
    });
    return rebuild(input, parts);
  }
  if (input.op.name !== 'place') return undefined;
  const [placed] = input.inputs;
  const { starts: at, steps: by, value } = input.attrs as Omit<Region, 'sizes'> & { value: number };
  const isSame = placed.shape.every((size, i) => size === sizes[i] && at[i] === starts[i] && by[i] === steps[i]);
  if (isSame) return placed;
  if ([...steps, ...by].some((step) => step !== 1)) return undefined;
  const isApart = sizes.some((size, i) => starts[i] + size <= at[i] || at[i] + placed.shape[i] <= starts[i]);
  const scalar = constantNode(value, input.dtype);
  return isApart ? makeNode(expandOp as never, [scalar], { shape: slice.shape }) : undefined;
}

/** Views that give back what they were given, and chains of permutes, reshapes or expands that one can say. */
function mergeViews(node: Node, input: Node): Node | undefined {
  const inner = isLeaf(input) ? undefined : input;
  switch (node.op.name) {
    case 'permute': {
      const axes = node.attrs.axes as readonly number[];
      if (axes.every((axis, i) => axis === i)) return input;
      if (inner?.op.name !== 'permute') return undefined;
      const first = inner.attrs.axes as readonly number[];
      const merged = axes.map((axis) => first[axis]);
      if (merged.every((axis, i) => axis === i)) return inner.inputs[0];
      return makeNode(permuteOp as never, inner.inputs, { axes: merged });
    }
    case 'reshape':
      if (sameShape(node.shape, input.shape)) return input;
      if (inner?.op.name !== 'reshape') return undefined;
      if (sameShape(node.shape, inner.inputs[0].shape)) return inner.inputs[0];
      return makeNode(reshapeOp as never, inner.inputs, { shape: node.shape });
    case 'expand':
      if (sameShape(node.shape, input.shape)) return input;
      if (inner?.op.name !== 'expand') return undefined;
      return makeNode(expandOp as never, inner.inputs, { shape: node.shape });
    default:
      return undefined;
  }
}
