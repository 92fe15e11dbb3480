/**
 * Recompute: a cheap elementwise node that is read by other groups than its own is computed in each of them again, where
 * all that takes is a value which is stored anyway. That saves a write and, in a training step, the memory of what the
 * gradient would otherwise keep: batch norm's centred input is its input minus a number per channel.
 */
import { bytesOf } from '../dtype.js';
import { constantOf } from '../graph/constants.js';
import { type Graph, isLeaf, keptBy } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { fits, type Unit } from './unit.js';

/** Numbers that are read through strides of 0, whatever the size of their node. */
const isSpread = (node: Node): boolean =>
  constantOf(node) !== undefined ||
  (!isLeaf(node) && node.op.kind === 'view' && (node.op.name === 'expand' || isSpread(node.inputs[0])));

export function recompute(
  graph: Graph,
  units: readonly Unit[],
  consumers: ReadonlyMap<Node, readonly Node[]>,
): readonly Unit[] {
  const kept = keptBy(graph);
  // Updates of variables that run the same code become one sweep: they are left alike.
  const assigned = new Set(graph.assigns.map(({ value }) => value));
  const homes = new Map<Node, Unit[]>();
  const contractions = new Set<Node>();
  for (const unit of units) {
    for (const node of [...unit.nodes, ...(unit.sums ?? [])]) homes.set(node, [unit]);
    if (unit.contraction) contractions.add(unit.contraction);
  }
  const isGroup = ({ nodes, sums }: Unit) => sums !== undefined || nodes[0]?.op.kind === 'elementwise';

  /** The groups that read `node` without computing it; undefined when something else reads it as well. */
  const readersOf = (node: Node): Unit[] | undefined => {
    const readers = new Set<Unit>();
    for (const consumer of consumers.get(node) ?? []) {
      const groups = homes.get(consumer);
      if (!groups?.every(isGroup)) return undefined;
      for (const group of groups) if (!group.nodes.includes(node)) readers.add(group);
    }
    return [...readers];
  };

  /** Whether `node` lies in memory for other reasons than being read by `reader`. */
  const isStored = (node: Node, reader: Node): boolean => {
    if (isLeaf(node)) return true;
    if (node.op.kind === 'kernel') return !contractions.has(node);
    if (node.op.kind !== 'elementwise') return false;
    const [home] = homes.get(node) as Unit[];
    if (kept.has(node) || !home.nodes.includes(reader)) return true;
    const readers = readersOf(node);
    return readers === undefined || readers.length > 0;
  };

  /** The one value of full size that `node` is computed from. */
  const sourceOf = (node: Node): Node | undefined => {
    const full = [...new Set(node.inputs.filter((input) => !isSpread(input)))];
    return full.length === 1 ? full[0] : undefined;
  };

  for (const node of graph.nodes) {
    if (isLeaf(node) || node.op.kind !== 'elementwise' || !node.op.cheap || kept.has(node)) continue;
    const source = sourceOf(node);
    if (!source || bytesOf(source.dtype) > bytesOf(node.dtype) || !isStored(source, node)) continue;
    const readers = readersOf(node);
    if (!readers?.length || readers.some(({ nodes }) => nodes.some((member) => assigned.has(member)))) continue;
    if (!readers.every(({ nodes }) => fits([...nodes, node]))) continue;
    const own = (homes.get(node) as Unit[])[0];
    for (const { nodes } of readers) {
      nodes.push(node);
      nodes.sort((a, b) => a.id - b.id);
    }
    const stays = consumers.get(node)?.some((c) => own.nodes.includes(c) || own.sums?.includes(c));
    if (!stays) own.nodes.splice(own.nodes.indexOf(node), 1);
    homes.set(node, stays ? [own, ...readers] : readers);
  }
  return units.filter(({ nodes, sums }) => nodes.length > 0 || sums);
}
