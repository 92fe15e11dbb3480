/** The leaf ops: constants baked into a program, and values bound when it runs. */
import type { DType, TypedArray } from '../dtype.js';
import type { Shape } from '../shape.js';
import { defineOp, type LeafOp, type LeafSource, Node } from './node.js';

/** A scalar constant, part of the program. attrs: value. */
export const fullOp = defineOp<{ value: number; dtype: string }, LeafOp<{ value: number; dtype: string }>>({
  name: 'full',
  kind: 'leaf',
  type: (_, attrs) => ({ shape: [], dtype: attrs.dtype as DType }),
});

/** Elements bound at run time: a tensor's own data, a placeholder of a traced function, a variable, a host value. */
export const leafOp = defineOp<Record<string, never>, LeafOp<Record<string, never>>>({
  name: 'leaf',
  kind: 'leaf',
  type: () => {
    throw new Error('leaf nodes carry their own type');
  },
});

const scalars = new Map<string, WeakRef<Node>>();

/** The scalar constant `value`. */
export function constantNode(value: number, dtype: DType): Node {
  const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`;
  const known = scalars.get(key)?.deref();
  if (known) return known;
  const node = new Node(fullOp as never, [], { value, dtype }, [], dtype);
  if (scalars.size > 1000) scalars.clear();
  scalars.set(key, new WeakRef(node));
  return node;
}

export function leafNode(shape: Shape, dtype: DType, source: LeafSource, requiresGrad = false): Node {
  return new Node(leafOp as never, [], {}, shape, dtype, source, requiresGrad);
}

/** Elements that are there. */
class DataSource implements LeafSource {
  readonly kind = 'data';
  constructor(readonly identity: TypedArray) {}

  read(): TypedArray {
    return this.identity;
  }
}

/** A leaf that owns its elements. */
export function dataNode(array: TypedArray, shape: Shape, dtype: DType, requiresGrad = false): Node {
  const node = leafNode(shape, dtype, new DataSource(array), requiresGrad);
  node.storage = array;
  return node;
}

/** The node's elements as a binding: its own once computed, or its source. */
export function sourceOf(node: Node): LeafSource | undefined {
  return node.source ?? (node.storage && new DataSource(node.storage));
}
