/**
 * The plan's intermediate form between graph and program: buffers, operands that view them, and steps that run one
 * kernel each. `lower.ts` builds it, `memory.ts` places its buffers, `emit.ts` encodes it.
 */
import type { DType } from '../dtype.js';
import { bytesIn } from '../graph/node.js';
import { isContiguous, type View } from '../graph/view.js';

/** Where a buffer's bytes live: planned arena memory, or memory bound when the program runs. */
export type BufferPlace =
  | { kind: 'arena'; offset: number }
  | { kind: 'leaf'; index: number }
  | { kind: 'output'; index: number };

export interface Buffer {
  readonly id: number;
  readonly bytes: number;
  place: BufferPlace;
}

/** Elements in a buffer, seen through strides. */
export interface Operand extends View {
  readonly buffer: Buffer;
  readonly dtype: DType;
}

export type ParamValue = number | readonly number[];

/** Constants of an elementwise program: each is stored in its own dtype. */
export interface Constant {
  readonly value: number;
  readonly dtype: DType;
}

/** One kernel call. Operands and parameters go by the names in the kernel's signature. */
export interface Step {
  readonly kernel: string;
  readonly reads: Readonly<Record<string, Operand | readonly Operand[] | undefined>>;
  readonly writes: Readonly<Record<string, Operand | readonly Operand[]>>;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Elementwise code, resolved against the addon's table of operations when the program is encoded. */
  readonly code?: ElementwiseCode;
  /** The ops this step computes, outermost last, for explain() and messages. */
  readonly label: string;
  readonly flops: number;
  /** Output buffers that may take the place of an input buffer that dies here. */
  readonly inPlace: readonly { readonly output: Buffer; readonly input: Buffer }[];
  /** The public function that the ops belong to, when they are only parts of it. */
  readonly scope?: string;
  /** Call site in anomaly mode. */
  readonly site?: string;
  /** The steps of which a sweep does the work; its operands are theirs, one after the other. */
  readonly parts?: readonly Step[];
}

/** Registers: inputs first, then constants, then temporaries. */
export interface ElementwiseCode {
  readonly instructions: readonly { readonly op: string; readonly dst: number; readonly args: readonly number[] }[];
  readonly constants: readonly Constant[];
  readonly outRegisters: readonly number[];
  readonly registers: number;
}

export const operandsOf = (group: Step['reads'] | Step['writes']): Operand[] =>
  Object.values(group).flatMap((operand) => (operand === undefined ? [] : operand));

/** True when the operand is exactly its buffer: contiguous, from the start, to the end. */
export function isWhole(operand: Operand): boolean {
  return operand.offset === 0 && isContiguous(operand) && bytesIn(operand) === operand.buffer.bytes;
}

/** A lowered graph. */
export interface StepList {
  readonly steps: readonly Step[];
  /** Index of the first step that writes a variable; an abort is ignored from there on. */
  readonly commitStart: number;
  readonly buffers: readonly Buffer[];
  /** Bytes of each output, in order. */
  readonly outputBytes: readonly number[];
}
