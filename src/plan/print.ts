/** Plans as text, for explain(), debugging and golden files. */
import { showShape } from '../shape.js';
import { isWhole, type Operand, operandsOf, type Step, type StepList } from './ir.js';
import type { Unit } from './unit.js';

export function printUnits(units: readonly Unit[]): string {
  return units
    .map(
      ({ nodes, contraction, sums = [] }) =>
        `${[...(contraction ? [contraction] : []), ...nodes, ...sums].map(({ op }) => op.name).join('+')} ${showShape((nodes[0] ?? sums[0].inputs[0]).shape)}`,
    )
    .join('\n');
}

function printOperand(operand: Operand): string {
  const { buffer, dtype, shape, strides, offset } = operand;
  const { place } = buffer;
  const where =
    place.kind === 'arena'
      ? `b${buffer.id}${place.offset < 0 ? '' : `@${place.offset}`}`
      : `${place.kind}${place.index}`;
  const view = isWhole(operand) ? '' : `/${showShape(strides)}+${offset}`;
  return `${where}:${dtype}${showShape(shape)}${view}`;
}

function printFlow({ reads, writes }: Step): string {
  const list = (group: Step['reads']) => operandsOf(group).map(printOperand).join(', ');
  return `${list(reads)} -> ${list(writes)}`;
}

export function printStep(step: Step): string {
  const code = step.code?.instructions
    .map(({ op, dst, args }) => `r${dst}=${op}(${args.map((a) => `r${a}`).join(',')})`)
    .join(' ');
  const { parts } = step;
  const operands = parts
    ? `x${parts.length} ${parts.map((part) => `[${printFlow(part)}]`).join(' ')}`
    : printFlow(step);
  return `${step.kernel} ${operands}${code ? ` { ${code} }` : ''}`;
}

export function printSteps(list: StepList): string {
  return list.steps.map((step, i) => `${i === list.commitStart ? '--- commit\n' : ''}${printStep(step)}`).join('\n');
}
