/**
 * The primitives of recurrent layers: a whole sequence as one node, and its way back as another. `recurrent.ts` builds
 * the public functions on them, `recurrent-layout.ts` says how their results lie, `recurrent-reference.ts` has the
 * plain loops, `native/kernels/recurrent` the kernels.
 *
 * The gradient of a sequence is one backward node for the gates and the initial states; the gradients of the weights
 * are ordinary products over all steps at once.
 */
import { shortOf } from '../dtype.js';
import { GradientError } from '../errors.js';
import { defineOp, type GradientContext, type KernelOp, type Node } from '../graph/node.js';
import type { Operand } from '../plan/ir.js';
import type { LowerContext } from '../plan/lower-context.js';
import { sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { apply } from './apply.js';
import { add, mul } from './elementwise.js';
import { concat } from './join.js';
import { matmul } from './matmul.js';
import { type CellName, cells } from './recurrent-layout.js';
import { recurrentBackward, recurrentForward } from './recurrent-reference.js';
import { sum } from './reduce.js';
import { transpose, withShape } from './shape-ops.js';
import { part, placeOp } from './slice.js';

/** `operands` names the inputs in their order. */
export type SequenceAttrs = { operands: string; steps: number; reverse: boolean; relu: boolean; saves: boolean };
type Named = { readonly [name: string]: Tensor | undefined };

function byName<T>(list: readonly T[], { operands }: SequenceAttrs): { [name: string]: T | undefined } {
  return Object.fromEntries(operands.split(' ').map((name, i) => [name, list[i]]));
}

/** A node of a primitive on the inputs that are there. */
export function applyNamed(op: KernelOp<SequenceAttrs>, inputs: Named, attrs: Omit<SequenceAttrs, 'operands'>): Tensor {
  const given = Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const operands = given.map(([name]) => name).join(' ');
  return apply(
    op,
    given.map(([, input]) => input),
    { ...attrs, operands },
  );
}

function lowerNamed(context: LowerContext<SequenceAttrs>, kernel: string, result: string): void {
  const { attrs, output } = context;
  const [, batch, hidden] = output.shape;
  const reads: Record<string, Operand> = {};
  for (const [i, name] of attrs.operands.split(' ').entries()) reads[name] = context.contiguous(i);
  const { steps, reverse, relu, saves } = attrs;
  const params = { steps, batch, hidden, reverse: Number(reverse), relu: Number(relu), saves: Number(saves) };
  context.emit(`${kernel}_${shortOf(output.dtype)}`, reads, { [result]: context.out() }, params);
}

/**
 * Rows of a gradient that was summed from parts put between zeros, without making those zeros; undefined where only
 * zeros stand.
 */
function rowsOf(g: Tensor, start: number, size: number): Tensor | undefined {
  const { op, attrs, inputs }: Node = g.node;
  if (op.name === 'add') {
    const [a, b] = inputs.map((input) => rowsOf(new Tensor(input), start, size));
    return a && b ? add(a, b) : (a ?? b);
  }
  if (op === (placeOp as unknown) && attrs.value === 0) {
    const [first, count] = [(attrs.starts as readonly number[])[0], inputs[0].shape[0]];
    if (first + count <= start || start + size <= first) return undefined;
    const isRows = inputs[0].shape.slice(1).every((dim, i) => dim === g.shape[i + 1]);
    if (first === start && count === size && isRows) return new Tensor(inputs[0]);
  }
  return part(g, 0, start, size);
}

/** The states before (or after) each step, as views of the forward result. */
export function statesOf(
  result: Tensor,
  { steps, reverse }: Pick<SequenceAttrs, 'steps' | 'reverse'>,
  when: 'before' | 'after',
): Tensor {
  return part(result, 0, reverse === (when === 'before') ? 1 : 0, steps);
}

/** [steps, batch, n hidden] as [steps batch, n hidden]. */
function asRows(x: Tensor, columns: number): Tensor {
  return withShape(x, [x.size / columns, columns]);
}

function defineSequence(cell: CellName): KernelOp<SequenceAttrs> {
  const layout = cells[cell];
  const backwardOp = defineBackward(cell);
  const op: KernelOp<SequenceAttrs> = defineOp<SequenceAttrs, KernelOp<SequenceAttrs>>({
    name: `${cell}Sequence`,
    kind: 'kernel',
    type(inputs, { steps, saves }) {
      const [gates, weight] = inputs;
      const rows = layout.results(steps) + (saves ? layout.saved(steps) : 0);
      return { shape: [rows, gates.shape[1], weight.shape[1]], dtype: gates.dtype };
    },
    gradient: (g, context) => sequenceGradient(cell, backwardOp, g, context),
    flops: ([gates, weight]) => 2 * sizeOf(gates.shape) * weight.shape[1],
    head: (attrs) => ({ ...attrs, saves: false }),
    lower: (context) => lowerNamed(context, `recurrent_${cell}`, 'result'),
    reference(inputs, out, attrs) {
      recurrentForward(cell, { ...attrs, given: byName(inputs, attrs) }, out);
    },
  });
  return op;
}

function defineBackward(cell: CellName): KernelOp<SequenceAttrs> {
  const layout = cells[cell];
  return defineOp<SequenceAttrs, KernelOp<SequenceAttrs>>({
    name: `${cell}SequenceBackward`,
    kind: 'kernel',
    type([saved], { steps }) {
      return { shape: [layout.gradients * steps + layout.states, ...saved.shape.slice(1)], dtype: saved.dtype };
    },
    gradient() {
      throw new GradientError(
        `${cell}: the gradient of a whole sequence cannot be differentiated again; write the steps with ${cell}Cell where second derivatives are needed`,
      );
    },
    flops: ([saved, weight], _, { steps }) => 2 * steps * saved.shape[1] * sizeOf(weight.shape),
    lower: (context) => lowerNamed(context, `recurrent_${cell}_backward`, 'dgates'),
    reference(inputs, out, attrs) {
      recurrentBackward(cell, { ...attrs, given: byName(inputs, attrs) }, out);
    },
  });
}

function sequenceGradient(
  cell: CellName,
  backwardOp: KernelOp<SequenceAttrs>,
  g: Tensor,
  { inputs, output, attrs, needs }: GradientContext<SequenceAttrs>,
): readonly (Tensor | undefined)[] {
  const { steps, reverse } = attrs;
  const given = byName(inputs, attrs) as { gates: Tensor; weight: Tensor } & Named;
  const { gates, weight, lengths, peephole } = given;
  const hidden = weight.shape[1];
  const state = (row: number) => {
    const rows = rowsOf(g, row, 1);
    return rows && withShape(rows, rows.shape.slice(1));
  };
  const flows = {
    dy: rowsOf(g, reverse ? 0 : 1, steps),
    dhn: state(steps + 1),
    dcn: cell === 'lstm' ? state(steps + 2) : undefined,
  };
  const back = applyNamed(backwardOp, { saved: output, weight, ...flows, lengths, peephole }, attrs);
  const { gates: count, gradients } = cells[cell];
  const rows = part(back, 0, 0, count * steps);
  const products = asRows(part(back, 0, (gradients - count) * steps, count * steps), count * hidden);
  const initial = (i: number) => withShape(part(back, 0, gradients * steps + i, 1), back.shape.slice(1));
  const before = asRows(statesOf(output, attrs, 'before'), hidden);
  const rules: { readonly [name: string]: () => Tensor } = {
    gates: () => withShape(rows, gates.shape),
    weight: () => matmul(transpose(products), before),
    h0: () => initial(0),
    c0: () => initial(1),
    bias: () => sum(part(products, 1, 2 * hidden, hidden), 0),
    peephole: () => peepholeGradient(products, output, attrs, hidden),
  };
  return attrs.operands.split(' ').map((name, i) => (needs[i] ? rules[name]?.() : undefined));
}

/** The peepholes of i and f look at c before the step, that of o at c after it. */
function peepholeGradient(gates: Tensor, output: Tensor, attrs: SequenceAttrs, hidden: number): Tensor {
  const { steps } = attrs;
  const c = part(output, 0, cells.lstm.results(steps), steps + 1);
  const along = (gate: number, when: 'before' | 'after') =>
    sum(mul(part(gates, 1, gate * hidden, hidden), asRows(statesOf(c, attrs, when), hidden)), 0, { keepDims: true });
  return concat([along(0, 'before'), along(3, 'after'), along(1, 'before')]);
}

export const sequenceOps: Readonly<Record<CellName, KernelOp<SequenceAttrs>>> = {
  lstm: defineSequence('lstm'),
  gru: defineSequence('gru'),
  rnn: defineSequence('rnn'),
};
