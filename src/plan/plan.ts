/**
 * The plan: a graph through all passes, in order, each a pure function whose result can be printed.
 * simplify -> tables -> layout -> choose -> (rematerialize) -> fuse -> lower (with commit) -> sweep -> memory. Emission
 * to a native program is the last step.
 */
import type { Graph } from '../graph/graph.js';
import { sourceOf } from '../graph/leaves.js';
import { bytesIn, type Node, type Numerics, unrecorded } from '../graph/node.js';
import { printGraph } from '../graph/print.js';
import { checkFinite } from './anomaly.js';
import { type Choice, choose, type Measure } from './choose.js';
import { emit, type ProgramDescription } from './emit.js';
import { fold } from './fold.js';
import { type Frozen, freeze, frozenNodes, PreparedSource } from './freeze.js';
import { fuse } from './fuse.js';
import type { StepList } from './ir.js';
import type { KernelTable } from './kernel-table.js';
import { layout } from './layout.js';
import { lower } from './lower.js';
import { planMemory } from './memory.js';
import { printSteps, printUnits } from './print.js';
import { rematerialize } from './rematerialize.js';
import { simplify } from './simplify.js';
import { sweep } from './sweep.js';
import { pickOnce } from './tables.js';
import type { Unit } from './unit.js';
import { verifyPlan } from './verify.js';

export { type Frozen, PreparedSource };

/** Options of planning. */
export interface PlanOptions {
  /** Check every float result for NaN and Inf; implies no fusion, so that the op that made it is known. */
  readonly anomaly?: boolean;
  /** `strict` keeps convolutions direct and folds nothing; `fast`, the default, allows Winograd's. */
  readonly numerics?: Numerics;
  /** Measures ways to compute a node, where the plan is to choose by that. */
  readonly measure?: Measure;
  /** Bytes that intermediate values may take: some are computed twice where they take more. */
  readonly memoryBudget?: number;
  /** The passes up to `choose`, where the graph has been through them already: `freezeGraph` does them. */
  readonly done?: Done;
}

/** What passes before have left. */
export interface Done {
  readonly stages: readonly Stage[];
  readonly choices: readonly Choice[];
}

/** What each pass made, by name, as text made on demand. */
export interface Stage {
  readonly name: string;
  readonly print: () => string;
}

export interface Plan {
  readonly list: StepList;
  readonly leafBytes: readonly number[];
  readonly arenaBytes: number;
  readonly stages: readonly Stage[];
  /** How ops are computed for which there are several ways. */
  readonly choices: readonly Choice[];
  readonly numerics: Numerics;
}

/** Plans `graph`. */
export function plan(graph: Graph, options: PlanOptions = {}): Plan {
  return unrecorded(() => throughPasses(graph, options));
}

function throughPasses(graph: Graph, options: PlanOptions): Plan {
  const stages: Stage[] = [...(options.done?.stages ?? [])];
  const pass = recorder(stages);
  const { graph: chosen, choices } = options.done
    ? { graph, choices: options.done.choices }
    : choose(laidOut(graph, options, pass), options);
  if (!options.done) pass('choose', chosen, printGraph);
  const within = withinBudget(chosen, options, pass);
  const list = toSteps(within, options, pass);
  // Leaves keep the order of the graph that the caller binds.
  const order = matchLeaves(graph, within, list);
  const arenaBytes = planMemory(list);
  pass('memory', list, printSteps);
  if (verification) verifyPlan(list, arenaBytes);
  return { list, leafBytes: order, arenaBytes, stages, choices, numerics: options.numerics ?? 'fast' };
}

function toSteps(graph: Graph, { anomaly }: PlanOptions, pass: Pass): StepList {
  const units = pass<Unit[]>('fuse', fuse(graph, !anomaly), printUnits);
  const lowered = pass('lower', lower(graph, units, !anomaly), printSteps);
  return pass('sweep', sweep(anomaly ? checkFinite(lowered) : lowered), printSteps);
}

function withinBudget(graph: Graph, options: PlanOptions, pass: Pass): Graph {
  const { memoryBudget } = options;
  if (memoryBudget === undefined) return graph;
  const arenaOf = (part: Graph) => planMemory(toSteps(part, options, (_, result) => result));
  return pass('rematerialize', rematerialize(graph, memoryBudget, arenaOf), printGraph);
}

type Pass = <T>(name: string, result: T, print: (result: T) => string) => T;

/** Keeps what each pass gives. */
const recorder =
  (stages: Stage[]): Pass =>
  (name, result, print) => {
    stages.push({ name, print: () => print(result) });
    return result;
  };

function laidOut(graph: Graph, { anomaly }: PlanOptions, pass: Pass): Graph {
  pass('graph', graph, printGraph);
  const simple = pass('simplify', simplify(graph, !anomaly), printGraph);
  const picked = pass('tables', anomaly ? simple : pickOnce(simple), printGraph);
  return pass('layout', layout(picked, !anomaly), printGraph);
}

/**
 * Splits a graph whose variables will not change from now on, and which assigns to none. The parts are planned with the
 * same options and the passes that are `done`.
 */
export function freezeGraph(
  graph: Graph,
  options: PlanOptions,
  sourceFor: (node: Node) => PreparedSource,
): Frozen & { readonly done: Done } {
  return unrecorded(() => {
    const { numerics = 'fast' } = options;
    const stages: Stage[] = [];
    const pass = recorder(stages);
    const laid = laidOut(graph, options, pass);
    const folded =
      numerics === 'strict'
        ? laid
        : pass('fold', simplify(fold(laid, frozenNodes(laid)), !options.anomaly), printGraph);
    const { graph: chosen, choices } = choose(folded, options, frozenNodes(folded));
    const frozen = freeze(chosen, sourceFor);
    pass('choose', frozen.graph, printGraph);
    return { ...frozen, done: { stages, choices } };
  });
}

let verification = false;

/** Tests switch on the checks of plan invariants. */
export function verifyPlans(on: boolean): void {
  verification = on;
}

/** Renumbers leaf places from the rewritten graph's order to the original's; returns the original leaves' sizes. */
function matchLeaves(graph: Graph, rewritten: Graph, list: StepList): number[] {
  const identity = (leaf: Node) => sourceOf(leaf)?.identity;
  const position = new Map(graph.leaves.map((leaf, i) => [identity(leaf), i]));
  for (const buffer of list.buffers) {
    if (buffer.place.kind !== 'leaf') continue;
    buffer.place = { kind: 'leaf', index: position.get(identity(rewritten.leaves[buffer.place.index])) as number };
  }
  return graph.leaves.map(bytesIn);
}

/** Encodes a plan for the addon whose kernels `table` lists. */
export function emitPlan({ list, leafBytes, arenaBytes }: Plan, table: KernelTable): ProgramDescription {
  return emit(list, leafBytes, arenaBytes, table);
}
