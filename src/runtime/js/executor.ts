/**
 * The pure-JavaScript executor: walks the graph op by op, in plain loops over doubles, and rounds every result to its
 * dtype. No plan, no fusion, no layouts: the oracle for the native kernels and for every pass, the baseline of the
 * benchmarks, and a fallback that must be chosen (`setBackend('javascript')`). int64 is exact up to 2^53.
 */
import { type DType, isFloat, newArray, type TypedArray } from '../../dtype.js';
import { AnomalyError, IndexError, InternalError } from '../../errors.js';
import { type Graph, isLeaf } from '../../graph/graph.js';
import { sourceOf } from '../../graph/leaves.js';
import type { LeafSource, Node, ReferenceArray } from '../../graph/node.js';
import { contiguousView } from '../../graph/view.js';
import { forEachPosition } from '../../ops/slice.js';
import { type Shape, showShape, sizeOf } from '../../shape.js';
import { roundTo } from './rounding.js';

/** Doubles from a tensor's elements. */
export function toReference(array: TypedArray, shape: Shape, dtype: DType): ReferenceArray {
  return {
    values: array instanceof Float64Array ? array : Float64Array.from(array as Iterable<number>, Number),
    shape,
    dtype,
  };
}

/** 2^63 is what saturated values round to as doubles. */
const toInt64 = (value: number): bigint => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value));

/** A tensor's elements from doubles. */
export function fromReference({ values, dtype }: ReferenceArray): TypedArray {
  const array = newArray(dtype, values.length);
  if (dtype === 'int64') for (let i = 0; i < values.length; i++) array[i] = toInt64(values[i]);
  else (array as Float64Array).set(values);
  return array;
}

function evaluate(node: Node, inputs: readonly ReferenceArray[], isExact: boolean): ReferenceArray {
  const { op } = node;
  const out: ReferenceArray = {
    values: newArray('float64', sizeOf(node.shape), op.name),
    shape: node.shape,
    dtype: node.dtype,
  };
  if (op.kind === 'elementwise') {
    const [a, b, c] = inputs.map((input) => input.values);
    const from = inputs[inputs.length - 1].dtype;
    for (let i = 0; i < out.values.length; i++) out.values[i] = op.scalar(a[i], b?.[i], c?.[i], node.dtype, from);
  } else if (op.kind === 'view') {
    const view = op.view(contiguousView(inputs[0].shape), node.attrs, node);
    if (!view) throw new InternalError(`${op.name} has no view of a contiguous input`);
    forEachPosition(view, (position, i) => {
      out.values[i] = inputs[0].values[position];
    });
  } else if (op.kind === 'kernel') {
    if (out.values.length > 0) op.reference(inputs, out, node.attrs);
  } else out.values[0] = node.attrs.value as number;
  if (node.dtype !== 'float64' && !(isExact && node.dtype === 'float32'))
    for (let i = 0; i < out.values.length; i++) out.values[i] = roundTo(node.dtype, out.values[i]);
  return out;
}

/** The error of a kernel's loop, in the name of the function that the user called. */
function renamed(error: unknown, { op, scope }: Node): unknown {
  if (!(error instanceof IndexError) || scope === undefined || !error.message.startsWith(`${op.name}:`)) return error;
  return new IndexError(`${scope}${error.message.slice(op.name.length)} (found by ${op.name})`);
}

/** Throws when a float result has NaN or Inf. */
function checkFinite(node: Node, { values }: ReferenceArray): void {
  const at = isFloat(node.dtype) ? values.findIndex((value) => !Number.isFinite(value)) : -1;
  if (at < 0) return;
  const part = node.scope ? `, part of ${node.scope}` : '';
  const site = node.site ? `\n    created ${node.site}` : '';
  throw new AnomalyError(
    `${node.op.name}: made NaN or Inf at flat position ${at} of its result ${showShape(node.shape)}${part}${site}`,
  );
}

function compute(node: Node, inputs: readonly ReferenceArray[], { anomaly, isExact = false }: Checks): ReferenceArray {
  try {
    const result = evaluate(node, inputs, isExact);
    if (anomaly && node.op.kind !== 'view' && node.op.kind !== 'leaf') checkFinite(node, result);
    return result;
  } catch (error) {
    throw renamed(error, node);
  }
}

/** How the executor differs from what it usually does. */
export interface Checks {
  /** Makes the first float result with NaN or Inf an AnomalyError. */
  readonly anomaly?: boolean;
  /** Leaves float32 results in double precision, all but the outputs: what rounding is measured against. */
  readonly isExact?: boolean;
}

/** Computes outputs and assignments of `graph`; assignments are given as arrays in the order of `graph.assigns`. */
export function execute(
  graph: Graph,
  read: (source: LeafSource) => TypedArray = (source) => source.read(),
  checks: Checks = {},
): { outputs: TypedArray[]; assigned: TypedArray[] } {
  const values = new Map<Node, ReferenceArray>();
  for (const node of graph.nodes) {
    const source = isLeaf(node) ? sourceOf(node) : undefined;
    if (source) values.set(node, toReference(read(source), node.shape, node.dtype));
    else {
      const inputs = node.inputs.map((input) => values.get(input) as ReferenceArray);
      values.set(node, compute(node, inputs, checks));
    }
  }
  const arrayOf = (node: Node) => fromReference(values.get(node) as ReferenceArray);
  return { outputs: graph.outputs.map(arrayOf), assigned: graph.assigns.map(({ value }) => arrayOf(value)) };
}
