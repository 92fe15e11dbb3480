/**
 * Fusion: elementwise nodes that share an iteration space become one group, computed in one pass over memory; a group
 * that is the only consumer of a contraction (matmul, convolution) becomes its epilogue. Neighbours: `sums.ts` lets
 * groups add up their values, `recompute.ts` lets them repeat what is not worth storing, `schedule.ts` orders them.
 */
import { consumersOf, type Graph, isLeaf } from '../graph/graph.js';
import type { Node } from '../graph/node.js';
import { sameShape, sizeOf } from '../shape.js';
import { recompute } from './recompute.js';
import { schedule } from './schedule.js';
import { attachSums } from './sums.js';
import { fits, type Unit } from './unit.js';

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
    const units = [...new Set(this.#unitOf.values())];
    if (!this.enabled) return schedule(units);
    const summing = attachSums(this.graph, units, this.#consumers);
    return schedule(recompute(this.graph, summing, this.#consumers));
  }

  /** Adds an elementwise node to the groups of its inputs where that creates no cycle; merges them on the way. */
  #join(node: Node): boolean {
    let target: Unit | undefined;
    for (const input of node.inputs) {
      const unit = this.#unitOf.get(input);
      if (!unit || unit === target || input.op.kind !== 'elementwise' || !sameShape(input.shape, node.shape)) continue;
      const members = [...(target?.nodes ?? []), ...unit.nodes];
      if (!fits([...members, node]) || this.#reachesAround(members, node)) continue;
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
}

/** Groups the graph's computed nodes into units, scheduled. With `enabled` false every node is a unit of its own. */
export function fuse(graph: Graph, enabled = true): Unit[] {
  return new Fuser(graph, enabled).run();
}
