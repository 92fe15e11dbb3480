/** Code for the native virtual machine from a group of elementwise nodes. */
import { constantOf } from '../graph/constants.js';
import type { Node } from '../graph/node.js';
import type { Constant, ElementwiseCode } from './ir.js';

/** Register numbers while code is written; temporaries return to a free list after their last use. */
class Registers {
  readonly #free: number[] = [];
  #next: number;
  constructor(first: number) {
    this.#next = first;
  }
  take(): number {
    return this.#free.pop() ?? this.#next++;
  }
  give(register: number): void {
    this.#free.push(register);
  }
  get count(): number {
    return this.#next;
  }
}

/**
 * Code that computes `nodes` (topological order) and leaves the values of `used` in the out registers. External inputs
 * become input registers in the order of `inputs`, also when they are only among `used`; `contraction`, when given, is
 * register 0.
 */
export function groupCode(
  nodes: readonly Node[],
  inside: ReadonlySet<Node>,
  used: readonly Node[],
  contraction?: Node,
): { code: ElementwiseCode; inputs: Node[] } {
  const inputs: Node[] = [];
  const constants: Constant[] = [];
  const constantKeys = new Map<string, number>();
  const lastUse = new Map<Node, number>();
  nodes.forEach((node, i) => {
    for (const input of node.inputs) {
      lastUse.set(input, i);
      if (inside.has(input) || input === contraction || inputs.includes(input)) continue;
      const value = constantOf(input);
      if (value === undefined) inputs.push(input);
      else {
        const key = constantKey(input, value);
        if (!constantKeys.has(key)) constantKeys.set(key, constants.push({ value, dtype: input.dtype }) - 1);
      }
    }
  });
  for (const node of used) if (!inside.has(node) && !inputs.includes(node)) inputs.push(node);
  const firstInput = contraction ? 1 : 0;
  const firstConstant = firstInput + inputs.length;
  const registers = new Registers(firstConstant + constants.length);
  const home = new Map<Node, number>();
  const registerOf = (node: Node): number => {
    if (node === contraction) return 0;
    const own = home.get(node);
    if (own !== undefined) return own;
    const input = inputs.indexOf(node);
    return input >= 0
      ? firstInput + input
      : firstConstant + (constantKeys.get(constantKey(node, constantOf(node) as number)) as number);
  };
  const instructions = nodes.map((node, i) => {
    if (node.op.kind !== 'elementwise') throw new Error(`${node.op.name} is not elementwise`);
    const args = node.inputs.map(registerOf);
    const dst = registers.take();
    for (const input of new Set(node.inputs))
      if (inside.has(input) && lastUse.get(input) === i && !used.includes(input))
        registers.give(home.get(input) as number);
    home.set(node, dst);
    return { op: node.op.vm(node.inputs, node), dst, args };
  });
  const outRegisters = used.map(registerOf);
  return { code: { instructions, constants, outRegisters, registers: registers.count }, inputs };
}

const constantKey = (node: Node, value: number): string => `${node.dtype} ${Object.is(value, -0) ? '-0' : value}`;
