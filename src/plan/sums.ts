/**
 * Sums: what adds up the columns of an elementwise group's values is done while the group computes them, as the
 * gradients of biases and of batch norm are. A group that is an epilogue cannot do so: what only its sums need leaves it
 * and becomes a group of its own that reads what the epilogue stores.
 */
import { type Graph, keptBy } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { sizeOf } from '../shape.js';
import type { Unit } from './unit.js';

/** Fewer columns do not fill vectors; the sums of more would not stay in cache. */
const kLeastColumns = 8;
const kMostColumns = 4096;

/** Whether an elementwise group may compute this node on the way. */
function isColumnSum({ op, attrs, inputs: [input], shape, dtype }: Node): boolean {
  if (op.kind !== 'kernel' || dtype !== 'float32' || !op.sumsColumns?.(input, attrs)) return false;
  const columns = sizeOf(shape);
  return columns >= kLeastColumns && columns <= kMostColumns && sizeOf(input.shape) > columns;
}

/** The members of an epilogue that something else than `sums` needs. */
function neededBeside(
  unit: Unit,
  sums: ReadonlySet<Node>,
  consumers: ReadonlyMap<Node, readonly Node[]>,
  kept: ReadonlySet<Node>,
) {
  const members = new Set(unit.nodes);
  const needed = new Set<Node>();
  for (const node of [...unit.nodes].reverse()) {
    const isRead = consumers.get(node)?.some((c) => needed.has(c) || (!members.has(c) && !sums.has(c)));
    if (kept.has(node) || isRead) needed.add(node);
  }
  return needed;
}

/** Gives groups the sums over their values; returns the units that are left. */
export function attachSums(
  graph: Graph,
  units: readonly Unit[],
  consumers: ReadonlyMap<Node, readonly Node[]>,
): Unit[] {
  const assigned = new Set(graph.assigns.map(({ value }) => value));
  const home = new Map(units.flatMap((unit) => unit.nodes.map((node) => [node, unit] as const)));
  const sumsOf = new Map<Unit, Node[]>();
  for (const node of graph.nodes) {
    if (!home.has(node) || !isColumnSum(node)) continue;
    const unit = home.get(node.inputs[0]);
    if (unit?.nodes[0].op.kind !== 'elementwise' || unit.nodes.some((member) => assigned.has(member))) continue;
    sumsOf.set(unit, [...(sumsOf.get(unit) ?? []), node]);
  }
  const kept = keptBy(graph);
  const attached = new Set<Node>();
  const made: Unit[] = [];
  for (const [unit, all] of sumsOf) {
    // One pass has one number of columns.
    const sums = all.filter(({ shape }) => sizeOf(shape) === sizeOf(all[0].shape));
    if (unit.contraction) {
      const needed = neededBeside(unit, new Set(sums), consumers, kept);
      const rest = unit.nodes.filter((node) => !needed.has(node));
      const readsResult = rest.some(({ inputs }) => inputs.includes(unit.contraction as Node));
      if (needed.size === 0 || readsResult || (rest.length === 0 && sums.length < 2)) continue;
      made.push({ nodes: rest, sums });
      unit.nodes.splice(0, unit.nodes.length, ...unit.nodes.filter((node) => needed.has(node)));
    } else unit.sums = sums;
    for (const sum of sums) attached.add(sum);
  }
  return [...units.filter(({ nodes }) => !attached.has(nodes[0])), ...made];
}
