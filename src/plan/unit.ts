/** What fusion makes: nodes that are computed together. */
import type { Node } from '../graph/node.js';

/**
 * Nodes computed together, in topological order; a single non-elementwise node is a unit of its own. An elementwise node
 * may be in several units: each that reads it computes it for itself.
 */
export interface Unit {
  readonly nodes: Node[];
  /** The contraction whose epilogue the elementwise nodes are; lowered with the unit. */
  contraction?: Node;
  /** Sums over the columns of members, or of values that the unit reads, made in the same pass. */
  sums?: readonly Node[];
}

/** More inputs than this would spill registers out of L1. */
const kMaxGroupInputs = 12;
const kMaxGroupNodes = 48;

/** Whether `members` may be one elementwise group. */
export function fits(members: readonly Node[]): boolean {
  const inside = new Set(members);
  const external = new Set(members.flatMap((member) => member.inputs.filter((input) => !inside.has(input))));
  return members.length <= kMaxGroupNodes && external.size <= kMaxGroupInputs;
}
