/** Emission: a placed step list becomes the flat program that the addon decodes. See `native/program.h`. */
import { bytesOf, type DType } from '../dtype.js';
import { InternalError } from '../errors.js';
import type { Buffer, ElementwiseCode, Operand, ParamValue, Step, StepList } from './ir.js';
import type { KernelSpec, KernelTable } from './kernel-table.js';

/** The program-format version; an addon with another one is refused. */
export const abiVersion = 1;

/** What the addon's `createProgram` takes. */
export interface ProgramDescription {
  readonly abi: number;
  readonly arenaBytes: number;
  /** Pairs (kind, value): arena and its byte offset, or binding and its index. */
  readonly buffers: Float64Array;
  /** Pairs (least bytes, writes). */
  readonly bindings: Float64Array;
  readonly commitStart: number;
  readonly code: ArrayBuffer;
}

const kArena = 0;
const kBinding = 1;

/** Little-endian 64-bit words. */
class Words {
  #view = new DataView(new ArrayBuffer(1 << 12));
  #length = 0;

  #room(): number {
    const at = this.#length;
    this.#length += 8;
    if (this.#length > this.#view.byteLength) {
      const grown = new ArrayBuffer(this.#view.byteLength * 2);
      new Uint8Array(grown).set(new Uint8Array(this.#view.buffer));
      this.#view = new DataView(grown);
    }
    return at;
  }

  int(value: number): void {
    if (!Number.isSafeInteger(value)) throw new InternalError(`plan: ${value} is not an integer parameter`);
    const at = this.#room();
    this.#view.setInt32(at, value | 0, true);
    this.#view.setInt32(at + 4, Math.floor(value / 4294967296), true);
  }

  float(value: number): void {
    // Before the view is read, as making room may replace it.
    const at = this.#room();
    this.#view.setFloat64(at, value, true);
  }

  /** An element of `dtype` in the low bytes of a word. */
  element(value: number, dtype: DType): void {
    const at = this.#room();
    if (dtype === 'float32') this.#view.setFloat32(at, value, true);
    else if (dtype === 'float64') this.#view.setFloat64(at, value, true);
    else if (dtype === 'int64') this.#view.setBigInt64(at, BigInt(Math.trunc(value)), true);
    else if (dtype === 'int32') this.#view.setInt32(at, value, true);
    else this.#view.setUint8(at, value);
  }

  take(): ArrayBuffer {
    return (this.#view.buffer as ArrayBuffer).slice(0, this.#length);
  }
}

class Emitter {
  readonly #words = new Words();

  constructor(
    readonly table: KernelTable,
    readonly bufferIndex: ReadonlyMap<Buffer, number>,
  ) {}

  step(step: Step): void {
    const spec = this.table.kernel(step.kernel);
    this.#words.int(spec.id);
    this.#operands(step, spec);
    const params = step.code ? { ...step.params, ...codeParams(step.code, spec, this.table) } : step.params;
    for (const param of spec.paramSpecs) {
      const name = param.name;
      if (/consts$/.test(name) && step.code) {
        this.#words.int(step.code.constants.length);
        for (const { value, dtype } of step.code.constants) this.#words.element(value, dtype);
        continue;
      }
      const value: ParamValue | undefined = params[name];
      if (value === undefined || Array.isArray(value) !== param.list)
        throw new InternalError(`plan: ${step.kernel} needs ${param.list ? 'list' : 'number'} parameter ${name}`);
      if (param.list) this.#words.int((value as number[]).length);
      for (const item of param.list ? (value as number[]) : [value as number])
        if (param.type === 'float') this.#words.float(item);
        else this.#words.int(item);
    }
  }

  #operands(step: Step, spec: KernelSpec): void {
    for (const { name, kind, written } of spec.operandSpecs) {
      const given = (written ? step.writes : step.reads)[name];
      if (kind === 'list') {
        const list = Array.isArray(given) ? (given as readonly Operand[]) : [];
        this.#words.int(list.length);
        for (const operand of list) this.#operand(operand);
      } else if (given === undefined) {
        if (kind !== 'optional') throw new InternalError(`plan: ${step.kernel} needs operand ${name}`);
        this.#words.int(-1);
        this.#words.int(0);
      } else this.#operand(given as Operand);
    }
  }

  #operand(operand: Operand): void {
    this.#words.int(this.bufferIndex.get(operand.buffer) as number);
    this.#words.int(operand.offset * bytesOf(operand.dtype));
  }

  take(): ArrayBuffer {
    return this.#words.take();
  }
}

/** The parameters that carry elementwise code; contractions have them with the prefix `ep_`. */
function codeParams(code: ElementwiseCode, spec: KernelSpec, table: KernelTable): Record<string, ParamValue> {
  const prefix = spec.paramSpecs.some(({ name }) => name === 'ep_code') ? 'ep_' : '';
  const flat = code.instructions.flatMap(({ op, dst, args }) => [
    table.vmOp(op),
    dst,
    args[0] ?? -1,
    args[1] ?? -1,
    args[2] ?? -1,
  ]);
  return {
    [`${prefix}const_sizes`]: code.constants.map(({ dtype }) => bytesOf(dtype)),
    [`${prefix}code`]: flat,
    [`${prefix}out_regs`]: [...code.outRegisters],
    [`${prefix}registers`]: code.registers,
  };
}

/** Encodes `list`, whose buffers have been placed. Bindings are the leaves in order, then the outputs in order. */
export function emit(
  list: StepList,
  leafBytes: readonly number[],
  arenaBytes: number,
  table: KernelTable,
): ProgramDescription {
  const used = new Set<Buffer>();
  for (const step of list.steps) {
    for (const group of [step.reads, step.writes])
      for (const operand of Object.values(group))
        for (const one of operand === undefined ? [] : [operand].flat()) used.add((one as Operand).buffer);
  }
  const bufferIndex = new Map([...used].map((buffer, i) => [buffer, i]));
  const buffers = new Float64Array(used.size * 2);
  const bindings = new Float64Array((leafBytes.length + list.outputBytes.length) * 2);
  for (const [i, bytes] of [...leafBytes, ...list.outputBytes].entries()) bindings[2 * i] = bytes;
  const bindingOf = ({ place }: Buffer): number =>
    place.kind === 'leaf' ? place.index : place.kind === 'output' ? leafBytes.length + place.index : -1;
  for (const [buffer, i] of bufferIndex) {
    const { place } = buffer;
    buffers[2 * i] = place.kind === 'arena' ? kArena : kBinding;
    buffers[2 * i + 1] = place.kind === 'arena' ? place.offset : bindingOf(buffer);
  }
  const emitter = new Emitter(table, bufferIndex);
  for (const step of list.steps) {
    for (const operand of Object.values(step.writes))
      for (const one of [operand].flat()) {
        const binding = bindingOf((one as Operand).buffer);
        if (binding >= 0) bindings[2 * binding + 1] = 1;
      }
    emitter.step(step);
  }
  return { abi: abiVersion, arenaBytes, buffers, bindings, commitStart: list.commitStart, code: emitter.take() };
}
