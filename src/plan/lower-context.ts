/** What an op's `lower` may use: its inputs as operands, a place for its output, and the emission of steps. */
import type { DType } from '../dtype.js';
import type { Attrs, Node, TensorType } from '../graph/node.js';
import type { Shape } from '../shape.js';
import type { Operand, ParamValue, Step } from './ir.js';

/** An elementwise program that runs over the output tile of a contraction. */
export interface Epilogue {
  readonly code: NonNullable<Step['code']>;
  /** External inputs with their strides over (batch, row, column). */
  readonly inputs: readonly { readonly operand: Operand; readonly strides: readonly [number, number, number] }[];
  readonly outputs: readonly Operand[];
}

export interface LowerContext<A extends Attrs = Attrs> {
  readonly node: Node;
  readonly attrs: A;
  readonly output: TensorType;
  /** Input `i` as it lies in memory. */
  input(i: number): Operand;
  /** Input `i` in row-major order; copied when it does not lie so. */
  contiguous(i: number): Operand;
  /** A row-major copy of an operand, or the operand itself. */
  materialize(operand: Operand): Operand;
  /** The place for the output: row-major, new. */
  out(): Operand;
  /** Copies `from` (any strides) into `to` (row-major). */
  copy(from: Operand, to: Operand): void;
  /** Arena memory that lives from here to its last use. */
  temporary(shape: Shape, dtype: DType): Operand;
  /** The nodes that read input `i`: what they need may be made on the way and left for them. */
  readers(i: number): readonly Node[];
  /** Leaves a value for the lowering of another node. */
  leave(reader: Node, value: Operand): void;
  /** What was left for this node. */
  left(): Operand | undefined;
  /** Runs `kernel` with operands and parameters by name. */
  emit(
    kernel: string,
    reads: Step['reads'],
    writes: Step['writes'],
    params: Readonly<Record<string, ParamValue>>,
  ): void;
  /**
   * For contractions: emits with the elementwise epilogue that was fused into this node (if any). `x` of the kernel's
   * `epilogue_in` and `out` lists are filled in here. The output is seen as [batch, rows, columns].
   */
  emitContraction(kernel: string, reads: Step['reads'], params: Readonly<Record<string, ParamValue>>): void;
}
