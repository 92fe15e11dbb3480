/**
 * Rematerialization: under a memory budget, values that the second half of a program needs (the backward pass, of those
 * the first half made) are computed again there instead of kept. As in Chen, Xu, Zhang and Guestrin, "Training Deep
 * Nets with Sublinear Memory Cost", 2016, values between those that stay are made again together, when the first of
 * them is needed; which ones go is decided by what a byte costs. `recompute.ts` repeats single cheap nodes in any plan.
 */
import { showMiB } from '../dtype.js';
import { MemoryError } from '../errors.js';
import { collect, consumersOf, type Graph, isLeaf, keptBy, rebuild } from '../graph/graph.js';
import { bytesIn, type Node } from '../graph/node.js';

/** Times the largest value that is given up: what may be made again at once. */
const kReaches = [1, 2, 4, 8, 16];
/** Values smaller than this share of the largest stay in any case, such as batch norm's numbers per channel. */
const kSmallShare = 1 / 256;
/** Nanoseconds of a floating-point operation and of a byte, as far as they matter beside each other. */
const kFlop = 0.01;
const kByte = 0.1;

const isView = (node: Node): boolean => !isLeaf(node) && node.op.kind === 'view';

function costOf(node: Node): number {
  const flops = node.op.flops?.(node.inputs, node, node.attrs) ?? 0;
  return flops * kFlop + (bytesIn(node) + node.inputs.reduce((sum, input) => sum + bytesIn(input), 0)) * kByte;
}

/** Where in the graph's order each node is read, through views. */
class Uses {
  readonly place = new Map<Node, number>();
  readonly #readers = new Map<Node, number[]>();

  constructor(readonly graph: Graph) {
    graph.nodes.forEach((node, i) => {
      this.place.set(node, i);
    });
    const consumers = consumersOf(graph);
    for (const node of [...graph.nodes].reverse()) {
      const direct = consumers.get(node) ?? [];
      const places = direct.flatMap((reader) =>
        isView(reader) ? this.of(reader) : [this.place.get(reader) as number],
      );
      this.#readers.set(
        node,
        places.sort((a, b) => a - b),
      );
    }
  }

  /** Places of what reads `node`, in order. */
  of(node: Node): readonly number[] {
    return this.#readers.get(node) as number[];
  }

  /** Where the most bytes lie idle for the longest: the end of the forward pass of a training step. */
  turn(): number {
    const starts = new Float64Array(this.graph.nodes.length + 1);
    for (const node of this.graph.nodes) {
      if (isLeaf(node) || isView(node)) continue;
      let before = this.place.get(node) as number;
      for (const at of this.of(node)) {
        const weight = bytesIn(node) * (at - before - 1);
        if (at > before + 1) {
          starts[before + 1] += weight;
          starts[at] -= weight;
        }
        before = at;
      }
    }
    let best = 0;
    let most = -1;
    let sum = 0;
    starts.forEach((change, place) => {
      sum += change;
      if (sum > most) [best, most] = [place, sum];
    });
    return best;
  }
}

/** A graph split at its turn: what is stored across it, and what it would take to give some of that up. */
class Split {
  /** Values of the first half that the second reads and that may be given up, those that are cheap by the byte first. */
  readonly candidates: readonly Node[];
  readonly largest: number;
  readonly #turn: number;
  readonly #uses: Uses;
  readonly #stays: ReadonlySet<Node>;
  readonly #free: ReadonlySet<Node>;

  constructor(readonly graph: Graph) {
    const uses = new Uses(graph);
    const turn = uses.turn();
    const kept = keptBy(graph);
    this.#uses = uses;
    this.#turn = turn;
    const stored = graph.nodes.filter(
      (node) => !isLeaf(node) && !isView(node) && this.#isEarly(node) && (uses.of(node).at(-1) ?? 0) >= turn,
    );
    this.largest = stored.reduce((most, node) => Math.max(most, bytesIn(node)), 0);
    this.candidates = stored
      .filter((node) => !kept.has(node) && !this.#isSmall(node))
      .sort((a, b) => costOf(a) / bytesIn(a) - costOf(b) / bytesIn(b));
    this.#free = new Set(this.candidates);
    this.#stays = new Set([...kept, ...stored.filter((node) => !this.#free.has(node))]);
  }

  #isEarly(node: Node): boolean {
    return (this.#uses.place.get(node) as number) < this.#turn;
  }

  #isSmall(node: Node): boolean {
    return bytesIn(node) <= this.largest * kSmallShare;
  }

  /** Whether the second half finds `node` in memory. */
  #isThere(node: Node, given: ReadonlySet<Node>): boolean {
    if (isLeaf(node)) return true;
    if (isView(node)) return false;
    return this.#stays.has(node) || this.#isSmall(node) || (this.#free.has(node) && !given.has(node));
  }

  /** Bytes that must be made again at once for `node`: values given up on the way, and results of contractions. */
  #reach(node: Node, given: ReadonlySet<Node>): number {
    const seen = new Set<Node>();
    const stack = [node];
    let bytes = 0;
    for (let at = stack.pop(); at; at = stack.pop()) {
      if (seen.has(at) || this.#isThere(at, given)) continue;
      seen.add(at);
      if (given.has(at) || (at.op.kind === 'kernel' && !isView(at))) bytes += bytesIn(at);
      stack.push(...at.inputs);
    }
    return bytes;
  }

  /** The candidates, in their order, that can be given up with no more than `most` bytes made again at once. */
  within(most: number): Node[] {
    const given = new Set<Node>();
    for (const node of this.candidates) {
      given.add(node);
      if (![...given].every((other) => this.#reach(other, given) <= most)) given.delete(node);
    }
    return [...given];
  }

  /** The graph whose second half makes `given` again. */
  without(given: readonly Node[]): Graph {
    const gone = new Set(given);
    const late = new Map<Node, Node>();
    const again = (node: Node): Node => {
      const known = late.get(node);
      if (known) return known;
      if (this.#isThere(node, gone)) return node;
      const inputs = node.inputs.map(again);
      const isSame = isView(node) && inputs[0] === node.inputs[0];
      const copy = isSame ? node : like(node, inputs);
      late.set(node, copy);
      return copy;
    };
    const of = (node: Node) => (isLeaf(node) || this.#isEarly(node) ? node : (late.get(node) as Node));
    for (const node of this.graph.nodes) {
      if (!isLeaf(node) && !this.#isEarly(node)) late.set(node, like(node, node.inputs.map(again)));
    }
    return collect(
      this.graph.outputs.map(of),
      this.graph.assigns.map(({ state, value }) => ({ state, value: of(value) })),
    );
  }
}

function like(node: Node, inputs: readonly Node[]): Node {
  const copy = rebuild(node, inputs);
  copy.site ??= node.site;
  copy.scope ??= node.scope;
  return copy;
}

/**
 * `graph`, or one that computes some values twice, so that `arenaOf` it is at most `budget` bytes; the one that gives up
 * least of those tried.
 * @throws MemoryError when that is not enough.
 */
export function rematerialize(graph: Graph, budget: number, arenaOf: (graph: Graph) => number): Graph {
  let least = arenaOf(graph);
  if (least <= budget) return graph;
  const split = new Split(graph);
  for (const reach of kReaches) {
    const given = split.within(reach * split.largest);
    const first = (count: number) => split.without(given.slice(0, count));
    const arena = arenaOf(first(given.length));
    least = Math.min(least, arena);
    if (arena <= budget) return first(fewest(given.length, (count) => arenaOf(first(count)) <= budget));
  }
  throw new MemoryError(
    `memoryBudget is ${showMiB(budget)}, but intermediate values need ${showMiB(least)} even when what can be is computed again; allow more or use a smaller batch`,
    least,
    budget,
  );
}

/** The least number up to `most` that is `enough`, which `most` is. */
function fewest(most: number, enough: (count: number) => boolean): number {
  let low = 0;
  let high = most;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
