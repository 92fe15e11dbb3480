/**
 * Lowering: units of the fused graph become steps over buffers. Views cost nothing here; elementwise groups become
 * code for the native virtual machine; everything else is emitted by its op's `lower`.
 */
import { bytesOf, type DType, isFloat } from '../dtype.js';
import { InternalError } from '../errors.js';
import { consumersOf, type Graph, isLeaf, keptBy, leafIndex } from '../graph/graph.js';
import { bytesIn, type Node } from '../graph/node.js';
import { collapseViews, contiguousView, isContiguous, reshapeView } from '../graph/view.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { commit } from './commit.js';
import { groupCode } from './elementwise-code.js';
import { epilogueOf, rowsAndColumns } from './epilogue.js';
import { type Buffer, isWhole, type Operand, type Step, type StepList } from './ir.js';
import type { Epilogue, LowerContext } from './lower-context.js';
import { type Part, partsOf, rowDistances, rowOf, takesRows } from './parts.js';
import type { Unit } from './unit.js';

/** Outputs of that many bytes are stored past the caches. */
const kFarBytes = 2 ** 20;

export class Lowering {
  readonly buffers: Buffer[] = [];
  readonly #steps: Step[] = [];
  readonly #values = new Map<Node, Operand>();
  readonly #leafBuffers: Buffer[] = [];
  readonly #leafOf: Map<Node, number>;
  readonly #outputs = new Map<Node, number>();
  readonly #consumers: ReadonlyMap<Node, readonly Node[]>;
  /** Nodes that something outside of the graph reads. */
  readonly #kept: ReadonlySet<Node>;
  readonly #copies = new Map<string, Operand>();
  readonly #homes = new Map<Node, Unit[]>();
  readonly #parts: ReadonlyMap<Node, Part>;
  /** Results of which parts are computed before they are. */
  readonly #wholes = new Map<Node, Operand>();
  readonly #left = new Map<Node, Operand>();
  #origin: Node | undefined;
  #label = '';

  constructor(
    readonly graph: Graph,
    readonly inPlace: boolean,
  ) {
    this.#leafOf = leafIndex(graph);
    this.#consumers = consumersOf(graph);
    this.#kept = keptBy(graph);
    this.#parts = inPlace ? partsOf(graph) : new Map();
    for (const [index, leaf] of graph.leaves.entries())
      this.#leafBuffers.push(this.#buffer(bytesIn(leaf), { kind: 'leaf', index }));
    for (const [index, node] of graph.outputs.entries()) {
      const made = madeAs(node);
      if (!this.#outputs.has(made)) this.#outputs.set(made, index);
    }
  }

  run(units: readonly Unit[]): StepList {
    for (const unit of units)
      for (const node of [...unit.nodes, ...(unit.sums ?? [])])
        this.#homes.set(node, [...(this.#homes.get(node) ?? []), unit]);
    for (const unit of units) this.#unit(unit);
    const outputBytes = this.graph.outputs.map((node, index) => this.#finishOutput(node, index));
    const assigns = this.graph.assigns.map(({ state, value }) => ({
      state: this.value(state),
      value: this.value(value),
    }));
    const { steps, commitStart } = commit(this.#steps, assigns, this, this.inPlace);
    return { steps, commitStart, buffers: this.buffers, outputBytes };
  }

  #buffer(bytes: number, place: Buffer['place']): Buffer {
    const buffer = { id: this.buffers.length, bytes, place };
    this.buffers.push(buffer);
    return buffer;
  }

  /** A new arena buffer, or the output's own memory when `node` is an output. */
  allocate(shape: Shape, dtype: DType, node?: Node): Operand {
    const bytes = sizeOf(shape) * bytesOf(dtype);
    const index = node && this.#outputs.get(node);
    const place: Buffer['place'] = index === undefined ? { kind: 'arena', offset: -1 } : { kind: 'output', index };
    return { ...contiguousView(shape), buffer: this.#buffer(bytes, place), dtype };
  }

  /** Where the result of a node will lie, with the parts that are there already. */
  #whole(node: Node): Operand {
    let whole = this.#wholes.get(node);
    if (!whole) this.#wholes.set(node, (whole = this.allocate(node.shape, node.dtype, node)));
    return whole;
  }

  /** Where the value of a node lies. */
  value(node: Node): Operand {
    let value = this.#values.get(node);
    if (!value) this.#values.set(node, (value = this.#locate(node)));
    return value;
  }

  #locate(node: Node): Operand {
    const leaf = this.#leafOf.get(node);
    if (leaf !== undefined)
      return { ...contiguousView(node.shape), buffer: this.#leafBuffers[leaf], dtype: node.dtype };
    if (node.op.kind === 'leaf') return this.#constant(node);
    if (node.op.kind !== 'view') throw new InternalError(`plan: ${node.op.name} is read before it is computed`);
    const input = this.value(node.inputs[0]);
    const view = node.op.view(input, node.attrs, node);
    if (view) return { ...view, buffer: input.buffer, dtype: node.dtype };
    const copy = this.materialize(input);
    const again = node.op.view(copy, node.attrs, node);
    if (!again) throw new InternalError(`plan: ${node.op.name} has no view of a contiguous input`);
    return { ...again, buffer: copy.buffer, dtype: node.dtype };
  }

  /** A scalar constant that something other than an elementwise group reads. */
  #constant(node: Node): Operand {
    const out = this.allocate([], node.dtype);
    const constants = [{ value: node.attrs.value as number, dtype: node.dtype }];
    this.#emitCode([], [out], { instructions: [], constants, outRegisters: [0], registers: 1 }, 'full', 0, node);
    return out;
  }

  materialize(operand: Operand): Operand {
    if (isContiguous(operand)) return operand;
    const key = `${operand.buffer.id} ${operand.dtype} ${operand.offset} ${showShape(operand.shape)} ${showShape(operand.strides)}`;
    let copy = this.#copies.get(key);
    if (!copy) {
      copy = this.allocate(operand.shape, operand.dtype);
      this.copy(operand, copy);
      this.#copies.set(key, copy);
    }
    return copy;
  }

  /** Emits a copy of `from` (any strides) into `to` (contiguous). */
  copy(from: Operand, to: Operand): void {
    this.#emitCode(
      [from],
      [to],
      { instructions: [], constants: [], outRegisters: [0], registers: 1 },
      'copy',
      0,
      this.#origin,
    );
  }

  /** @internal The step that `copy` would emit, not emitted: the commit pass places it itself. */
  copyStep(from: Operand, to: Operand): Step {
    this.copy(from, to);
    return this.#steps.pop() as Step;
  }

  #emitCode(
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    code: NonNullable<Step['code']>,
    label: string,
    flops: number,
    origin?: Node,
  ): void {
    const { shape } = outputs[0];
    if (sizeOf(shape) === 0) return;
    const inPlace = inPlacePairs(inputs, outputs);
    const row = rowOf(outputs.find((output) => !isContiguous(output)) ?? outputs[0]);
    this.#steps.push({
      kernel: 'elementwise',
      reads: { in: inputs },
      writes: { out: outputs },
      params: { ...passOver(shape, inputs, outputs), row, out_rows: rowDistances(outputs, row) },
      code,
      label,
      flops,
      inPlace,
      scope: origin?.scope,
      site: origin?.site,
    });
  }

  #unit(unit: Unit): void {
    if (unit.sums) {
      this.#sums(unit, unit.sums);
      return;
    }
    const last = unit.nodes[unit.nodes.length - 1];
    if (sizeOf(last.shape) === 0) {
      for (const node of unit.nodes) this.#values.set(node, this.allocate(node.shape, node.dtype, node));
      return;
    }
    if (last.op.kind === 'kernel') this.#kernel(last);
    else this.#group(unit);
  }

  #kernel(node: Node, epilogue?: Epilogue, label = node.op.name): void {
    if (node.op.kind !== 'kernel') throw new InternalError(`plan: ${node.op.name} is no kernel op`);
    this.#origin = node;
    this.#label = label;
    node.op.lower(this.#context(node, epilogue));
    if (!epilogue && !this.#values.has(node)) throw new InternalError(`plan: ${node.op.name} has lowered to nothing`);
    this.#origin = undefined;
  }

  /** Whether a buffer is an output that will have left the caches when it is read. */
  #isFar({ place, bytes }: Buffer): boolean {
    if (place.kind !== 'output' || bytes < kFarBytes) return false;
    const made = madeAs(this.graph.outputs[place.index]);
    return this.#isUnread(made);
  }

  /** Whether no kernel reads a node. */
  #isUnread(node: Node): boolean {
    return (this.#consumers.get(node) ?? []).every((reader) => reader.op.kind === 'view' && this.#isUnread(reader));
  }

  #context(node: Node, epilogue?: Epilogue): LowerContext {
    let flops = node.op.flops?.(node.inputs, node, node.attrs) ?? 0;
    const emit = (
      kernel: string,
      reads: Step['reads'],
      writes: Step['writes'],
      params: Step['params'],
      code?: Step['code'],
    ) => {
      this.#steps.push({
        kernel,
        reads,
        writes,
        params,
        code,
        label: this.#label,
        flops,
        inPlace: [],
        scope: node.scope,
        site: node.site,
      });
      flops = 0;
    };
    const out = () => {
      const place = this.#wholes.get(node) ?? this.allocate(node.shape, node.dtype, node);
      this.#values.set(node, place);
      return place;
    };
    const row = isFloat(node.dtype) ? rowsAndColumns(node)[2] : 0;
    return {
      node,
      attrs: node.attrs,
      output: node,
      input: (i) => this.value(node.inputs[i]),
      contiguous: (i) => this.materialize(this.value(node.inputs[i])),
      materialize: (operand) => this.materialize(operand),
      out,
      copy: (from, to) => this.copy(from, to),
      temporary: (shape, dtype) => this.allocate(shape, dtype),
      readers: (i) => this.#consumers.get(node.inputs[i]) ?? [],
      leave: (reader, value) => this.#left.set(reader, value),
      left: () => this.#left.get(node),
      emit,
      emitContraction: (kernel, reads, params) => {
        const plain = { instructions: [], constants: [], outRegisters: [0], registers: 1 };
        const { code, inputs, outputs } = epilogue ?? {
          code: plain,
          inputs: [],
          outputs: [this.#claimRows(node, row)],
        };
        if (epilogue) for (const ins of code.instructions) flops += ins.args.length ? sizeOf(node.shape) : 0;
        const column = (k: 0 | 1 | 2) => inputs.map(({ strides }) => strides[k]);
        emit(
          kernel,
          { ...reads, epilogue_in: inputs.map(({ operand }) => operand) },
          { out: outputs },
          {
            ...params,
            ep_batch: column(0),
            ep_row: column(1),
            ep_col: column(2),
            ep_sizes: inputs.map(({ operand }) => bytesOf(operand.dtype)),
            ep_out_sizes: outputs.map((output) => bytesOf(output.dtype)),
            ep_out_rows: rowDistances(outputs, row),
            ep_far: Number(outputs.every(({ buffer }) => this.#isFar(buffer))),
          },
          code,
        );
      },
    };
  }

  /** An elementwise group, as the epilogue of its contraction where its inputs allow that. */
  #group(unit: Unit): void {
    const { contraction } = unit;
    const inside = new Set(unit.nodes);
    const used = this.#usedOutside(unit);
    const label = [...(contraction ? [contraction.op.name] : []), ...unit.nodes.map((node) => node.op.name)].join('+');
    const group = groupCode(unit.nodes, inside, used, contraction);
    if (contraction) {
      const inputs = group.inputs.map((node) => this.value(node));
      const matrix = rowsAndColumns(contraction);
      const strides = epilogueOf(inputs, matrix);
      if (strides) {
        const outputs = used.map((node) => this.#claimRows(node, matrix[2]));
        this.#kernel(
          contraction,
          { code: group.code, inputs: inputs.map((operand, i) => ({ operand, strides: strides[i] })), outputs },
          label,
        );
        return;
      }
      this.#kernel(contraction);
      this.#group({ nodes: unit.nodes });
      return;
    }
    const inputs = group.inputs.map((node) => this.value(node));
    const part = group.code.instructions.length > 0 && used.find((node) => this.#parts.has(node));
    const row = part ? rowOf((this.#parts.get(part) as Part).view) : 0;
    const outputs = used.map((node) => this.#claimRows(node, row));
    const flops = unit.nodes.length * sizeOf(unit.nodes[0].shape);
    this.#emitCode(
      inputs,
      outputs,
      group.code,
      label,
      flops,
      unit.nodes.find((node) => node.site),
    );
  }

  /** An elementwise group that adds up columns of its values. */
  #sums(unit: Unit, sums: readonly Node[]): void {
    const used = this.#usedOutside(unit);
    const summed = sums.map(({ inputs: [input] }) => input);
    const { code, inputs: nodes } = groupCode(unit.nodes, new Set(unit.nodes), [...used, ...summed]);
    const inputs = nodes.map((node) => this.value(node));
    const outputs = used.map((node) => this.#claim(node));
    const registers = code.outRegisters.slice(used.length);
    const own = { ...code, outRegisters: code.outRegisters.slice(0, used.length) };
    const { shape } = summed[0];
    this.#steps.push({
      kernel: 'elementwise_sums',
      reads: { in: inputs },
      writes: { out: outputs, sums: sums.map((node) => this.#claim(node)) },
      params: { ...passOver(shape, inputs, outputs), columns: sizeOf(sums[0].shape), sum_regs: registers },
      code: own,
      label: [...unit.nodes, ...sums].map((node) => node.op.name).join('+'),
      flops: (unit.nodes.length + sums.length) * sizeOf(shape),
      // What is added up as it was read must not have been overwritten by then.
      inPlace: inPlacePairs(
        inputs.filter((_, i) => !registers.includes(i)),
        outputs,
      ),
      scope: sums[0].scope,
      site: sums[0].site,
    });
  }

  /** The place of a result that is written in rows of `row` elements: inside of the one that it is part of, if any. */
  #claimRows(node: Node, row: number): Operand {
    const part = this.#parts.get(node);
    if (!part || !takesRows(part.view, row)) return this.#claim(node);
    const { buffer } = this.#whole(part.whole);
    const place = { ...part.view, buffer, dtype: node.dtype };
    this.#values.set(node, place);
    return place;
  }

  #claim(node: Node): Operand {
    const place = this.allocate(node.shape, node.dtype, node);
    this.#values.set(node, place);
    return place;
  }

  /** The unit's nodes that are read where they are not computed as well. */
  #usedOutside(unit: Unit): Node[] {
    const inside = new Set([...unit.nodes, ...(unit.sums ?? [])]);
    const repeats = (consumer: Node, node: Node) =>
      inside.has(consumer) || this.#homes.get(consumer)?.every(({ nodes }) => nodes.includes(node));
    return unit.nodes.filter(
      (node) => this.#kept.has(node) || this.#consumers.get(node)?.some((consumer) => !repeats(consumer, node)),
    );
  }

  /** Makes sure output number `index` lies in its own memory, contiguous; gives its size. */
  #finishOutput(node: Node, index: number): number {
    const operand = this.value(node);
    const { place } = operand.buffer;
    const bytes = bytesIn(node);
    if (place.kind === 'output' && place.index === index && isWhole(operand)) return bytes;
    const out: Operand = {
      ...contiguousView(node.shape),
      buffer: this.#buffer(bytes, { kind: 'output', index }),
      dtype: node.dtype,
    };
    this.copy(operand, out);
    return bytes;
  }
}

/** The computed node whose elements, in their order, are those of an output: an output may be a reshape of it. */
function madeAs(output: Node): Node {
  let node = output;
  while (!isLeaf(node) && (node.op.name === 'reshape' || node.op.name === 'stopGradient')) node = node.inputs[0];
  return node;
}

/** Parameters of a pass of the elementwise machine over `shape`. */
function passOver(shape: Shape, inputs: readonly Operand[], outputs: readonly Operand[]): Step['params'] {
  const { dims, strides } = collapseViews(
    shape,
    inputs.map((input) => input.strides),
  );
  return {
    n: sizeOf(shape),
    dims,
    strides: strides.flat(),
    in_sizes: inputs.map((input) => bytesOf(input.dtype)),
    out_sizes: outputs.map((output) => bytesOf(output.dtype)),
  };
}

/** Which outputs may overwrite which inputs: element i of the one depends on element i of the other alone. */
function inPlacePairs(inputs: readonly Operand[], outputs: readonly Operand[]): Step['inPlace'] {
  const once = (input: Operand) => inputs.every((other) => other === input || other.buffer !== input.buffer);
  const free = new Set(inputs.filter((input) => input.buffer.place.kind === 'arena' && isWhole(input) && once(input)));
  return outputs.flatMap((output) => {
    const twin =
      output.buffer.place.kind === 'arena' &&
      isWhole(output) &&
      [...free].find((input) => input.buffer.bytes === output.buffer.bytes);
    if (!twin || bytesOf(twin.dtype) !== bytesOf(output.dtype)) return [];
    free.delete(twin);
    return [{ output: output.buffer, input: twin.buffer }];
  });
}

/** Reshapes an operand for a kernel that wants other dimensions; copies only when it must. */
export function reshaped(context: Pick<LowerContext, 'materialize'>, operand: Operand, shape: Shape): Operand {
  const view = reshapeView(operand, shape);
  if (view) return { ...operand, ...view };
  return { ...context.materialize(operand), ...contiguousView(shape) };
}

/** Lowers fused units to steps. With `inPlace`, new values of variables are written over the old ones where possible. */
export function lower(graph: Graph, units: readonly Unit[], inPlace = true): StepList {
  return new Lowering(graph, inPlace).run(units);
}
