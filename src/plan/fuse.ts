/**
 * Fusion: elementwise nodes that share an iteration space become one group, computed in one pass over memory; a group
 * that is the only consumer of a contraction (matmul, convolution) becomes its epilogue.
 */
import { InternalError } from '../errors.js';
import { consumersOf, type Graph, isLeaf } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { sameShape, sizeOf } from '../shape.js';

/** Nodes computed together, in topological order; a single non-elementwise node is a unit of its own. */
export interface Unit {
  readonly nodes: Node[];
  /** The contraction whose epilogue the elementwise nodes are; lowered with the unit. */
  contraction?: Node;
}

/** More inputs than this would spill registers out of L1. */
const kMaxGroupInputs = 12;
const kMaxGroupNodes = 48;

/** View nodes and leaves belong to no unit: they cost nothing. */
const isComputed = (node: Node): boolean => !isLeaf(node) && node.op.kind !== 'view' && node.op.kind !== 'leaf';

class Fuser {
  readonly #unitOf = new Map<Node, Unit>();
  readonly #consumers: ReadonlyMap<Node, readonly Node[]>;

  constructor(
    readonly graph: Graph,
    readonly enabled: boolean,
  ) {
    this.#consumers = consumersOf(graph);
  }

  run(): Unit[] {
    for (const node of this.graph.nodes) {
      if (!isComputed(node)) continue;
      const joined = this.enabled && node.op.kind === 'elementwise' && sizeOf(node.shape) > 0 && this.#join(node);
      if (!joined) this.#unitOf.set(node, { nodes: [node] });
    }
    if (this.enabled) this.#attachEpilogues();
    return this.#schedule();
  }

  /** Adds an elementwise node to the groups of its inputs where that creates no cycle; merges them on the way. */
  #join(node: Node): boolean {
    let target: Unit | undefined;
    for (const input of node.inputs) {
      const unit = this.#unitOf.get(input);
      if (!unit || unit === target || input.op.kind !== 'elementwise' || !sameShape(input.shape, node.shape)) continue;
      const members = [...(target?.nodes ?? []), ...unit.nodes];
      if (!this.#fits([...members, node]) || this.#reachesAround(members, node)) continue;
      if (!target) target = unit;
      else {
        target.nodes.push(...unit.nodes);
        for (const member of unit.nodes) this.#unitOf.set(member, target);
      }
    }
    if (!target) return false;
    target.nodes.push(node);
    target.nodes.sort((a, b) => a.id - b.id);
    this.#unitOf.set(node, target);
    return true;
  }

  #fits(members: readonly Node[]): boolean {
    const inside = new Set(members);
    const external = new Set(members.flatMap((member) => member.inputs.filter((input) => !inside.has(input))));
    return members.length <= kMaxGroupNodes && external.size <= kMaxGroupInputs;
  }

  /** Whether computing `members` and `node` at once would need a value that itself needs one of them. */
  #reachesAround(members: readonly Node[], node: Node): boolean {
    const inside = new Set([...members, node]);
    // Nodes younger than `node` have no unit yet, so only older ones outside could lead back in.
    const leaving = (from: Node): Node[] =>
      (this.#consumers.get(from) ?? []).filter((c) => c.id <= node.id && !seen.has(c));
    const seen = new Set<Node>(inside);
    const stack = members.flatMap(leaving);
    for (let at = stack.pop(); at; at = stack.pop()) {
      if (seen.has(at)) continue;
      // A unit is computed as a whole, so what leads to one of its nodes leads to what all of them are needed for.
      for (const peer of this.#unitOf.get(at)?.nodes ?? [at]) {
        seen.add(peer);
        for (const consumer of this.#consumers.get(peer) ?? []) {
          if (inside.has(consumer)) return true;
          if (consumer.id < node.id && !seen.has(consumer)) stack.push(consumer);
        }
      }
    }
    return false;
  }

  #attachEpilogues(): void {
    const assigned = new Set(this.graph.assigns.map(({ value }) => value));
    const kept = new Set<Node>([...this.graph.outputs, ...assigned]);
    for (const node of this.graph.nodes) {
      if (!isComputed(node) || node.op.kind !== 'kernel' || !node.op.contraction || kept.has(node)) continue;
      const consumers = this.#consumers.get(node) ?? [];
      const units = new Set(consumers.map((consumer) => this.#unitOf.get(consumer)));
      const [unit] = units;
      if (units.size !== 1 || !unit || unit.contraction || unit.nodes[0].op.kind !== 'elementwise') continue;
      if (!sameShape(unit.nodes[0].shape, node.shape)) continue;
      // Updates of variables wait for the commit and then run in place; the contraction need not wait with them.
      if (unit.nodes.some((member) => assigned.has(member))) continue;
      unit.contraction = node;
      this.#unitOf.delete(node);
    }
  }

  /** Units in an order that respects dependence and otherwise follows the graph. */
  #schedule(): Unit[] {
    const units = [...new Set(this.#unitOf.values())];
    const home = new Map<Node, Unit>();
    for (const unit of units)
      for (const node of [...unit.nodes, ...(unit.contraction ? [unit.contraction] : [])]) home.set(node, unit);
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
}

const key = (unit: Unit): number => unit.nodes[unit.nodes.length - 1].id;

/** The other units whose values a unit reads, through views. */
function needs(unit: Unit, home: ReadonlyMap<Node, Unit>): Set<Unit> {
  const found = new Set<Unit>();
  const stack = [...unit.nodes, ...(unit.contraction ? [unit.contraction] : [])].flatMap((node) => node.inputs);
  for (let node = stack.pop(); node; node = stack.pop()) {
    const owner = home.get(node);
    if (owner) {
      if (owner !== unit) found.add(owner);
    } else if (!isLeaf(node)) stack.push(...node.inputs);
  }
  return found;
}

/** Groups the graph's computed nodes into units, scheduled. With `enabled` false every node is a unit of its own. */
export function fuse(graph: Graph, enabled = true): Unit[] {
  return new Fuser(graph, enabled).run();
}
