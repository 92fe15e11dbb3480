/**
 * Graph nodes and what an op is. A node is one value: an op applied to other nodes, with its shape and dtype known.
 * Nodes are never changed by user-visible operations; the runtime attaches the computed elements (`storage`) once.
 * Ids grow with creation, so sorting by id is always a topological order.
 */
import { bytesOf, type DType, type TypedArray } from '../dtype.js';
import { ShapeError } from '../errors.js';
import type { LowerContext } from '../plan/lower-context.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { View } from './view.js';

/** What is known of a value before it is computed. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Bytes of all elements. */
export const bytesIn = ({ shape, dtype }: TensorType): number => sizeOf(shape) * bytesOf(dtype);

/** Whether a plan may choose convolutions that round differently from direct ones, and fold scales into weights. */
export type Numerics = 'fast' | 'strict';

/** What an op's `choose` may look at beside its inputs. */
export interface ChoiceContext {
  readonly numerics: Numerics;
  /** Whether input `i` is computed once, before the first run. */
  isFrozen(i: number): boolean;
  /** Whether all that reads the result, through elementwise ops too, reads it permuted by `axes`. */
  isReadAs(axes: readonly number[]): boolean;
}

/** A way to compute an op: other ops, or the op itself where `build` is missing or gives nothing. */
export interface Way {
  /** Short, such as `direct`; tells the ways of a node apart. */
  readonly name: string;
  readonly build?: (inputs: readonly Tensor[]) => Tensor | undefined;
}

export type AttrValue = number | string | boolean | readonly number[];
/** The constants of a node, part of its identity. */
export type Attrs = Readonly<Record<string, AttrValue>>;

/** A value in the JavaScript executor: row-major elements as doubles, whatever the dtype. */
export interface ReferenceArray extends TensorType {
  readonly values: Float64Array;
}

/** What a gradient rule sees: the gradient of the output, and the node's own inputs and output as tensors. */
export interface GradientContext<A extends Attrs> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attrs: A;
  /** Whether a gradient for this input is needed at all; rules may skip costly ones. */
  readonly needs: readonly boolean[];
}

interface OpBase<A extends Attrs> {
  readonly name: string;
  /** Shape and dtype rule. Called with checked inputs; throws a BrawnError that starts with the op's name. */
  type(inputs: readonly TensorType[], attrs: A): TensorType;
  /** One gradient per input, in the inputs' shapes; `undefined` where there is none. Absent: not differentiable. */
  readonly gradient?: (g: Tensor, context: GradientContext<A>) => readonly (Tensor | undefined)[];
  /** Floating-point operations of one evaluation, for explain() and benchmarks. */
  readonly flops?: (inputs: readonly TensorType[], output: TensorType, attrs: A) => number;
}

/** A value that comes from outside: constants, data, placeholders, variables. */
export interface LeafOp<A extends Attrs = Attrs> extends OpBase<A> {
  readonly kind: 'leaf';
}

/** One output element from the inputs' elements at the same place. All inputs have the output's shape. */
export interface ElementwiseOp<A extends Attrs = Attrs> extends OpBase<A> {
  readonly kind: 'elementwise';
  /** The element function in double precision; `to` is the dtype of the result, `from` that of the last input. */
  readonly scalar: (a: number, b: number, c: number, to: DType, from: DType) => number;
  /** One instruction per vector: rather repeated than stored. */
  readonly cheap?: boolean;
  /** Name of the operation in the native virtual machine. */
  vm(inputs: readonly TensorType[], output: TensorType): string;
}

/** How a permutation of the first input, and of all others of its rank, passes through an op. */
export interface Sinkable<A extends Attrs> {
  /**
   * The attributes with which the op is applied to the unpermuted inputs, and the permutation that its output then
   * needs. Absent: permutations stop here.
   */
  readonly sink?: (
    attrs: A,
    axes: readonly number[],
    inputs: readonly TensorType[],
  ) => { attrs: A; axes: readonly number[] } | undefined;
}

/** The same elements seen through other strides; costs nothing where the consumer reads strides. */
export interface ViewOp<A extends Attrs = Attrs> extends OpBase<A>, Sinkable<A> {
  readonly kind: 'view';
  /** Undefined when this view of `input` needs a contiguous input. */
  view(input: View, attrs: A, output: TensorType): View | undefined;
}

/** The output of a contraction as [batch, rows, columns]. */
export type Matrix = readonly [batch: number, rows: number, columns: number];

/** Anything that has kernels of its own. */
export interface KernelOp<A extends Attrs = Attrs> extends OpBase<A>, Sinkable<A> {
  readonly kind: 'kernel';
  /** Emits the native instructions. */
  lower(context: LowerContext<A>): void;
  /** Plain loops in double precision: the oracle. Fills `output.values`; the executor rounds to the dtype. */
  reference(inputs: readonly ReferenceArray[], output: ReferenceArray, attrs: A): void;
  /**
   * The attributes of a variant that makes the first rows of the output alone. The plan takes it when nothing reads the
   * others: what a gradient needs is not kept where no gradient is computed.
   */
  readonly head?: (attrs: A) => A;
  /** The ways to get the result that are worth a thought for these sizes, the one expected to be fastest first. */
  readonly choose?: (inputs: readonly Tensor[], attrs: A, context: ChoiceContext) => readonly Way[];
  /** The kernel ends in an output tile over which an elementwise epilogue can run. */
  readonly contraction?: true;
  /** How that epilogue sees an output. Unless told it has one batch, and a row for all but the last dimension. */
  readonly matrix?: (output: Shape, inputs: readonly TensorType[]) => Matrix;
  /**
   * Where input `i` stands in the result, which consists of its inputs: what nothing else reads may be computed there.
   */
  readonly part?: (whole: View, inputs: readonly TensorType[], attrs: A, i: number) => View;
  /** Whether the result is the sum of the input's rows, all leading axes being one: it can be made with the input. */
  readonly sumsColumns?: (input: TensorType, attrs: A) => boolean;
}

export type OpDef<A extends Attrs = Attrs> = LeafOp<A> | ElementwiseOp<A> | ViewOp<A> | KernelOp<A>;

let nextId = 0;
let siteOf: (() => string) | undefined;

/** Anomaly mode installs a function that describes the user's call site; it is recorded on every new node. */
export function recordSites(site: (() => string) | undefined): void {
  siteOf = site;
}

/** Nodes made by `build` get no call site: they stand for others, whose sites they are given. */
export function unrecorded<T>(build: () => T): T {
  const recording = siteOf;
  siteOf = undefined;
  try {
    return build();
  } finally {
    siteOf = recording;
  }
}

interface Origin {
  readonly name: string;
  readonly site?: string;
}

let origin: Origin | undefined;

/**
 * Nodes made by `build` carry `name`: errors found while running then name the function that the user called. `site`
 * stands for the call site where that was another one (gradients).
 */
export function within<T>(name: string, build: () => T, site?: string): T {
  const outer = origin;
  origin ??= { name, site };
  try {
    return build();
  } finally {
    origin = outer;
  }
}

/** Where a leaf's elements come from when a program runs. */
export interface LeafSource {
  /** Part of the graph's signature: two leaves of one kind may be bound to different elements. */
  readonly kind: 'data' | 'input' | 'state' | 'host';
  /** The elements now. Called when a run starts. */
  read(): TypedArray;
  /** Leaves of one source are one binding. */
  readonly identity: object;
  /** Throws when the elements that this leaf stood for no longer exist. */
  check?(): void;
}

export class Node implements TensorType {
  readonly id = nextId++;
  /** The user's call site, recorded in anomaly mode; passes hand it on to what replaces the node. */
  site: string | undefined = origin?.site ?? siteOf?.();
  /** The public function that made the node of other ops, when it said so; see `within`. */
  scope: string | undefined = origin?.name;
  /** Row-major elements once computed or given; the node then counts as a leaf. */
  storage: TypedArray | undefined;
  readonly requiresGrad: boolean;
  #typeText: string | undefined;

  constructor(
    readonly op: OpDef,
    public inputs: readonly Node[],
    readonly attrs: Attrs,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly source?: LeafSource,
    requiresGrad = false,
  ) {
    this.requiresGrad = requiresGrad || inputs.some((input) => input.requiresGrad);
  }

  /** Dtype and shape in one word, part of the signature of a call. */
  get typeText(): string {
    this.#typeText ??= `${this.dtype}[${this.shape}]`;
    return this.#typeText;
  }

  /** Attaches the computed elements and lets go of the inputs unless a gradient may still be asked for. */
  settle(storage: TypedArray): void {
    this.storage = storage;
    if (!this.requiresGrad) this.inputs = [];
  }
}

const registry = new Map<string, OpDef>();

/** Registers an op and returns it. Names are unique: they are the op's spelling everywhere. */
export function defineOp<A extends Attrs, T extends OpDef<A>>(op: T & OpDef<A>): T {
  if (registry.has(op.name)) throw new Error(`op ${op.name} is defined twice`);
  registry.set(op.name, op as unknown as OpDef);
  return op;
}

/** All ops by name. */
export const ops: ReadonlyMap<string, OpDef> = registry;

/** A node of `op`; runs its shape and dtype rule. */
export function makeNode(op: OpDef, inputs: readonly Node[], attrs: Attrs): Node {
  const { shape, dtype } = op.type(inputs, attrs);
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw new ShapeError(`${origin?.name ?? op.name}: a result of shape ${showShape(shape)} has too many elements`);
  return new Node(op, inputs, attrs, shape, dtype);
}

const attrKey = (value: AttrValue): string => (Object.is(value, -0) ? '-0' : String(value));

/** Attributes as text, equal exactly when the attributes are. */
export function showAttrs(attrs: Attrs): string {
  return Object.keys(attrs)
    .sort()
    .map(
      (key) =>
        `${key}=${Array.isArray(attrs[key]) ? `[${(attrs[key] as number[]).map(attrKey)}]` : attrKey(attrs[key])}`,
    )
    .join(' ');
}
