/** The order in which units run. */
import { InternalError } from '../errors.js';
import { isLeaf } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import type { Unit } from './unit.js';

const key = ({ nodes, sums = [] }: Unit): number => (nodes.at(-1) ?? sums[0]).id;

/** What else a unit computes, beside its nodes. */
const extras = ({ contraction, sums = [] }: Unit): readonly Node[] => (contraction ? [contraction] : sums);

/** The other units whose values a unit reads, through views. */
function needs(unit: Unit, home: ReadonlyMap<Node, Unit>): Set<Unit> {
  const found = new Set<Unit>();
  const inside = new Set(unit.nodes);
  const stack = [...unit.nodes, ...extras(unit)].flatMap((node) => node.inputs);
  for (let node = stack.pop(); node; node = stack.pop()) {
    const owner = inside.has(node) ? unit : home.get(node);
    if (owner) {
      if (owner !== unit) found.add(owner);
    } else if (!isLeaf(node)) stack.push(...node.inputs);
  }
  return found;
}

/** `all` in an order that respects dependence and otherwise follows the graph. */
export function schedule(all: readonly Unit[]): Unit[] {
  const units = [...all];
  const home = new Map<Node, Unit>();
  for (const unit of units) for (const node of [...unit.nodes, ...extras(unit)]) home.set(node, unit);
  units.sort((a, b) => key(a) - key(b));
  const done = new Set<Unit>();
  const open = new Set<Unit>();
  const order: Unit[] = [];
  for (const root of units) {
    const stack: { unit: Unit; expanded: boolean }[] = [{ unit: root, expanded: false }];
    for (let frame = stack.pop(); frame; frame = stack.pop()) {
      if (done.has(frame.unit)) continue;
      if (frame.expanded) {
        done.add(frame.unit);
        order.push(frame.unit);
        continue;
      }
      if (open.has(frame.unit))
        throw new InternalError(`plan: a unit that ends in ${frame.unit.nodes.at(-1)?.op.name} needs its own result`);
      open.add(frame.unit);
      stack.push({ unit: frame.unit, expanded: true });
      for (const need of needs(frame.unit, home)) if (!done.has(need)) stack.push({ unit: need, expanded: false });
    }
  }
  return order;
}
