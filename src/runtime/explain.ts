/** What a program will do, before it runs: kernels with shapes, work and memory. */
import type { Graph } from '../graph/graph.js';
import { collect } from '../graph/graph.js';
import type { Numerics } from '../graph/node.js';
import { errorBound } from '../plan/accuracy.js';
import type { Choice } from '../plan/choose.js';
import { operandsOf } from '../plan/ir.js';
import { printStep } from '../plan/print.js';
import { distinctBytes } from '../plan/work.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { addon } from './addon.js';
import { type Compiled, compileGraph, leafBytes } from './native.js';

/** One kernel call. */
export interface KernelCall {
  readonly kernel: string;
  /** Algorithm or tile, and instruction set. */
  readonly variant: string;
  /** The ops it computes. */
  readonly ops: string;
  readonly shapes: readonly string[];
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written at least. */
  readonly bytes: number;
  /** What its error against double precision is held to, relative to the norm of its result; of products alone. */
  readonly errorBound?: number;
}

/** Everything known of a program before it runs. */
export interface Explanation {
  readonly kernels: readonly KernelCall[];
  readonly flops: number;
  readonly bytes: number;
  /** How ops are computed for which there are several ways, and whether that was measured (`setTuning`). */
  readonly choices: readonly Choice[];
  /** Memory for intermediate values. */
  readonly arenaBytes: number;
  /** Everything a run holds: inputs and variables, arena, scratch, outputs. */
  readonly peakBytes: number;
  /** Whether kernels may round differently for speed. */
  readonly numerics: Numerics;
  /** Error of the whole result against double precision, where `measureError` of a compiled model has measured it. */
  readonly measuredError?: number;
  /** The result of each pass, by name: graph, simplify, layout, fuse, lower, sweep, memory. */
  readonly passes: Readonly<Record<string, string>>;
  toString(): string;
}

/** Describes a compiled graph. */
export function explainPlan({ plan, runBytes }: Compiled, graph: Graph, measuredError?: number): Explanation {
  const { table } = addon();
  const kernels = plan.list.steps.map((step): KernelCall => {
    const { isa, variant } = table.kernel(step.kernel);
    const shapes = [...operandsOf(step.reads), ...operandsOf(step.writes)].map(({ shape }) => showShape(shape));
    return {
      kernel: step.kernel,
      variant: [variant, isa].filter(Boolean).join('_'),
      ops: step.label,
      shapes,
      flops: step.flops,
      bytes: distinctBytes(step),
      errorBound: errorBound(step),
    };
  });
  const total = (of: (call: KernelCall) => number) => kernels.reduce((sum, call) => sum + of(call), 0);
  const explanation = {
    kernels,
    flops: total((call) => call.flops),
    bytes: total((call) => call.bytes),
    choices: plan.choices,
    arenaBytes: plan.arenaBytes,
    peakBytes: runBytes + leafBytes(graph),
    numerics: plan.numerics,
    measuredError,
    passes: Object.fromEntries(plan.stages.map(({ name, print }) => [name, print()])),
  };
  return Object.defineProperty(explanation, 'toString', { value: () => show(explanation) });
}

/** More shapes than this are cut short in the table: a sweep has some for each parameter. */
const kMostShapes = 12;

/** A line for each kernel call, and one above them: what it is, `numbers` of it by their headings, and its shapes. */
export function callTable<Call extends KernelCall>(
  calls: readonly Call[],
  numbers: Readonly<Record<string, (call: Call) => string>>,
): string[] {
  const rows = calls.map((call) => ({
    words: [call.kernel, call.variant, call.ops.length > 48 ? `${call.ops.slice(0, 45)}...` : call.ops],
    numbers: Object.values(numbers).map((show) => show(call)),
    shapes: call.shapes.slice(0, kMostShapes).join(' ') + (call.shapes.length > kMostShapes ? ' ...' : ''),
  }));
  const table = [{ words: ['kernel', 'variant', 'ops'], numbers: Object.keys(numbers), shapes: 'shapes' }, ...rows];
  const widths = (part: 'words' | 'numbers') =>
    table[0][part].map((_, i) => Math.max(...table.map((row) => row[part][i].length)));
  const [wide, high] = [widths('words'), widths('numbers')];
  return table.map((row) => {
    const words = row.words.map((cell, i) => cell.padEnd(wide[i]));
    return [...words, ...row.numbers.map((cell, i) => cell.padStart(high[i])), row.shapes].join('  ').trimEnd();
  });
}

const kUnits = ['', 'K', 'M', 'G', 'T'];

function short(value: number): string {
  let at = 0;
  while (value >= 1000 && at < kUnits.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : 1)}${kUnits[at]}`;
}

function showNumerics({ kernels, numerics, measuredError }: Omit<Explanation, 'toString' | 'passes'>): string {
  const bounded = kernels.filter(({ errorBound }) => errorBound !== undefined);
  const worst = bounded.reduce<KernelCall | undefined>(
    (most, call) => ((call.errorBound ?? 0) > (most?.errorBound ?? 0) ? call : most),
    undefined,
  );
  const declared = worst ? `error of a layer at most ${worst.errorBound} of its norm (${worst.kernel})` : 'no products';
  const measured = measuredError === undefined ? '' : `, measured for the whole ${measuredError.toExponential(1)}`;
  return `numerics ${numerics}: ${declared}${measured}`;
}

/** A line for each choice, equal ones counted. */
function showChoices(choices: readonly Choice[]): string[] {
  const counts = new Map<string, number>();
  for (const { op, way, ways, measured } of choices) {
    const times = measured && ways.map((name) => `${name} ${measured.milliseconds[name].toFixed(3)} ms`).join(', ');
    const line = `${op}: ${way}, ${times ? `measured: ${times}` : `expected to be faster than ${ways.slice(1).join(', ')}`}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => (count > 1 ? `${count} x ${line}` : line));
}

function show(explanation: Omit<Explanation, 'toString' | 'passes'>): string {
  const { kernels, flops, bytes, choices, arenaBytes, peakBytes } = explanation;
  const lines = callTable(kernels, { flop: (call) => short(call.flops), bytes: (call) => short(call.bytes) });
  return [
    ...lines,
    '',
    ...showChoices(choices),
    `${kernels.length} kernels, ${short(flops)} flop, ${short(bytes)}B moved; arena ${short(arenaBytes)}B, peak ${short(peakBytes)}B`,
    showNumerics(explanation),
  ].join('\n');
}

/** Plans the computation of `tensors` and describes it; nothing is run. */
export function explain(...tensors: readonly Tensor[]): Explanation {
  const graph = collect(tensors.map((tensor) => tensor.node));
  return explainPlan(compileGraph(graph), graph);
}

/** The program of `tensors` as text, one step a line; for golden files. */
export function planText(...tensors: readonly Tensor[]): string {
  const { plan } = compileGraph(collect(tensors.map((tensor) => tensor.node)));
  return plan.list.steps.map(printStep).join('\n');
}
