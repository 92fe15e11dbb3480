/**
 * Choose: puts other algorithms in the place of ops where their sizes make that faster, such as Winograd's for 3x3
 * and 5x5 convolutions. What can be chosen stands with each op (`choose`); this pass takes what the op expects to be
 * fastest, or what has been measured to be (`runtime/tuning.ts`).
 */
import { type Graph, isLeaf, rebuild, rewrite } from '../graph/graph.js';
import type { Node, Numerics, Way } from '../graph/node.js';
import { showShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { isFree, permuteAxes, sinkElementwise } from './layout.js';
import { simplify } from './simplify.js';

/** What has been measured of the ways to compute a node. */
export interface Measured {
  /** Of each way, by name. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Measures ways to compute a node; `isFrozen` says which of its inputs are computed once, before the first run. */
export type Measure = (node: Node, ways: readonly Way[], isFrozen: (i: number) => boolean) => Measured;

/** How a node is computed for which there are several ways. */
export interface Choice {
  /** The op with the shapes of its inputs. */
  readonly op: string;
  readonly way: string;
  /** All ways, the one that is expected to be fastest first. */
  readonly ways: readonly string[];
  /** Missing where the choice is what is expected. */
  readonly measured?: Measured;
}

export interface ChooseOptions {
  readonly numerics?: Numerics;
  readonly anomaly?: boolean;
  readonly measure?: Measure;
}

/** The fastest of `ways`, and what to say of it. */
function fastest(node: Node, ways: readonly Way[], isFrozen: (i: number) => boolean, measure?: Measure): [Way, Choice] {
  const measured = measure?.(node, ways, isFrozen);
  const time = ({ name }: Way) => measured?.milliseconds[name] ?? 0;
  const best = ways.reduce((least, way) => (time(way) < time(least) ? way : least));
  const op = `${node.op.name} ${node.inputs.map(({ shape }) => showShape(shape)).join(' ')}`;
  return [best, { op, way: best.name, ways: ways.map(({ name }) => name), ...(measured && { measured }) }];
}

/** @param frozen Nodes whose values will not change. */
export function choose(
  graph: Graph,
  { numerics = 'fast', anomaly = false, measure }: ChooseOptions,
  frozen: ReadonlySet<Node> = new Set(),
): { readonly graph: Graph; readonly choices: readonly Choice[] } {
  const choices: Choice[] = [];
  const readAs = readAxes(graph);
  let isChanged = false;
  /** Permutes that choices in another layout end in; they are moved towards the inverse ones that read them. */
  const moving = new Set<Node>();
  const choiceFor = (node: Node, inputs: readonly Node[]): Node | undefined => {
    if (node.op.kind !== 'kernel' || !node.op.choose) return undefined;
    const tensors = inputs.map((input) => new Tensor(input));
    const isFrozen = (i: number) => frozen.has(node.inputs[i]);
    const isReadAs = (axes: readonly number[]) => readAs.get(node) === axes.join();
    const ways = node.op.choose(tensors, node.attrs, { numerics, isFrozen, isReadAs });
    let [way] = ways;
    if (ways.length > 1) {
      const [best, choice] = fastest(node, ways, isFrozen, measure);
      way = best;
      choices.push(choice);
    }
    return way.build?.(tensors)?.node;
  };
  const chosen = rewrite(graph, (node, inputs) => {
    if (isLeaf(node)) return node;
    if (node.op.kind === 'elementwise' && inputs.some((input) => moving.has(input))) {
      const sunk = sinkElementwise(node, inputs);
      if (sunk) moving.add(sunk);
      return sunk ?? rebuild(node, inputs);
    }
    const choice = choiceFor(node, inputs);
    if (!choice) return rebuild(node, inputs);
    isChanged = true;
    if (permuteAxes(choice) && readAs.get(node)) moving.add(choice);
    return choice;
  });
  return { graph: isChanged ? simplify(chosen, !anomaly) : chosen, choices };
}

/** The one permutation in which every node is read, directly or through elementwise nodes; '' where there is none. */
function readAxes(graph: Graph): Map<Node, string> {
  const found = new Map<Node, string>();
  const read = (node: Node, axes: string) => found.set(node, (found.get(node) ?? axes) === axes ? axes : '');
  for (const node of graph.outputs) read(node, '');
  for (const { value } of graph.assigns) read(value, '');
  for (const node of [...graph.nodes].reverse()) {
    if (isLeaf(node)) continue;
    const isAlone = node.inputs.filter((input) => !isFree(input)).length === 1;
    const through = node.op.kind === 'elementwise' && isAlone ? found.get(node) : permuteAxes(node)?.join();
    for (const input of node.inputs) read(input, through ?? '');
  }
  return found;
}
