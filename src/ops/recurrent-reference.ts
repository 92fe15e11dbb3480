/**
 * The recurrent primitives in plain loops over doubles: the oracle of `native/kernels/recurrent`. Neighbour:
 * `recurrent-core.ts`, which says how the rows of the results lie.
 */
import type { ReferenceArray } from '../graph/node.js';
import { type CellName, cells } from './recurrent-layout.js';

/** The inputs of a primitive by name; those that it was not given are absent. */
export type NamedArrays = { readonly [name: string]: ReferenceArray | undefined };

type Values = Float64Array;

interface SequenceOptions {
  readonly steps: number;
  readonly reverse: boolean;
  readonly relu: boolean;
  readonly saves: boolean;
  readonly given: NamedArrays;
}

interface Sequence extends SequenceOptions {
  readonly batch: number;
  readonly hidden: number;
  readonly gates: number;
}

/** Where one sequence of the batch is at one step: positions of its first element in rows of [batch, hidden]. */
interface Place {
  readonly row: number;
  /** Its row of the state before and after the step. */
  readonly prev: number;
  readonly next: number;
  /** Its gates in [steps, batch, n hidden]. */
  gates(n: number): number;
  readonly valid: boolean;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Every step of every sequence in the order of the recurrence (backwards when told). */
function* places({ steps, batch, hidden, reverse, given }: Sequence, backwards = false): Iterable<Place> {
  for (let i = 0; i < steps; i++) {
    const s = backwards ? steps - 1 - i : i;
    const t = reverse ? steps - 1 - s : s;
    const rows = reverse ? [t + 1, t] : [t, t + 1];
    for (let b = 0; b < batch; b++) {
      const [prev, next] = rows.map((row) => (row * batch + b) * hidden);
      const valid = given.lengths === undefined || t < given.lengths.values[b];
      yield { row: b * hidden, prev, next, gates: (n) => (t * batch + b) * n * hidden, valid };
    }
  }
}

/** weight times a state of one sequence. */
function recurrent({ hidden, gates }: Sequence, weight: Values, h: Values, at: number): Values {
  const out = new Float64Array(gates * hidden);
  for (let j = 0; j < out.length; j++) for (let k = 0; k < hidden; k++) out[j] += weight[j * hidden + k] * h[at + k];
  return out;
}

/** Adds transpose(weight) times the gradients of the gates. */
function addRecurrent({ hidden }: Sequence, weight: Values, d: Values, to: Values, at: number): void {
  for (let j = 0; j < d.length; j++) for (let k = 0; k < hidden; k++) to[at + k] += d[j] * weight[j * hidden + k];
}

function lstmForward(sequence: Sequence, out: Values): void {
  const { hidden, given, steps, batch, saves } = sequence;
  const unit = batch * hidden;
  const c = new Float64Array((steps + 1) * unit);
  if (given.c0) c.set(given.c0.values, sequence.reverse ? steps * unit : 0);
  const saved = out.subarray(cells.lstm.results(steps) * unit);
  const x = given.gates?.values as Values;
  const p = given.peephole?.values ?? new Float64Array(3 * hidden);
  for (const { prev, next, gates, valid } of places(sequence)) {
    const a = recurrent(sequence, given.weight?.values as Values, out, prev);
    const at = gates(4);
    for (let u = 0; u < hidden; u++) {
      const pre = (k: number) => x[at + k * hidden + u] + a[k * hidden + u];
      const before = c[prev + u];
      const i = sigmoid(pre(0) + p[u] * before);
      const f = sigmoid(pre(1) + p[2 * hidden + u] * before);
      const g = Math.tanh(pre(2));
      const after = f * before + i * g;
      const o = sigmoid(pre(3) + p[hidden + u] * after);
      c[next + u] = valid ? after : before;
      out[next + u] = valid ? o * Math.tanh(after) : out[prev + u];
      if (saves) for (const [k, gate] of [i, f, g, o].entries()) saved[(steps + 1) * unit + at + k * hidden + u] = gate;
    }
  }
  const last = sequence.reverse ? 0 : steps * unit;
  out.set(c.subarray(last, last + unit), (steps + 2) * unit);
  if (saves) saved.set(c);
}

function gruForward(sequence: Sequence, out: Values): void {
  const { hidden, given, steps, batch, saves } = sequence;
  const saved = out.subarray(cells.gru.results(steps) * batch * hidden);
  const x = given.gates?.values as Values;
  const bias = given.bias?.values ?? new Float64Array(hidden);
  for (const { prev, next, gates, valid } of places(sequence)) {
    const a = recurrent(sequence, given.weight?.values as Values, out, prev);
    for (let u = 0; u < hidden; u++) {
      const at = gates(3) + u;
      const r = sigmoid(x[at] + a[u]);
      const z = sigmoid(x[at + hidden] + a[hidden + u]);
      const m = a[2 * hidden + u] + bias[u];
      const n = Math.tanh(x[at + 2 * hidden] + r * m);
      out[next + u] = valid ? (1 - z) * n + z * out[prev + u] : out[prev + u];
      if (saves) for (const [k, gate] of [r, z, n, m].entries()) saved[gates(4) + k * hidden + u] = gate;
    }
  }
}

function rnnForward(sequence: Sequence, out: Values): void {
  const { hidden, given, relu } = sequence;
  const x = given.gates?.values as Values;
  for (const { prev, next, gates, valid } of places(sequence)) {
    const a = recurrent(sequence, given.weight?.values as Values, out, prev);
    for (let u = 0; u < hidden; u++) {
      const pre = x[gates(1) + u] + a[u];
      const after = relu ? Math.max(pre, 0) : Math.tanh(pre);
      out[next + u] = valid ? after : out[prev + u];
    }
  }
}

const forwards = { lstm: lstmForward, gru: gruForward, rnn: rnnForward };

/** Fills the result of a forward primitive. */
export function recurrentForward(cell: CellName, options: SequenceOptions, out: ReferenceArray): void {
  const [, batch, hidden] = out.shape;
  const sequence = { ...options, batch, hidden, gates: cells[cell].gates };
  const { steps, reverse, given } = options;
  const unit = batch * hidden;
  if (given.h0) out.values.set(given.h0.values, reverse ? steps * unit : 0);
  forwards[cell](sequence, out.values);
  const last = reverse ? 0 : steps * unit;
  out.values.copyWithin((steps + 1) * unit, last, last + unit);
}

/** What the walk back has at a place: gradients of the states after the step, on their way to those before it. */
interface Flow {
  readonly dh: Values;
  readonly dc: Values;
  readonly saved: Values;
  readonly out: Values;
}

type BackwardStep = (sequence: Sequence, flow: Flow, place: Place) => void;

const lstmBackward: BackwardStep = (sequence, { dh, dc, saved, out }, { row, prev, next, gates }) => {
  const { hidden, given, steps, batch } = sequence;
  const unit = batch * hidden;
  const c = saved.subarray(cells.lstm.results(steps) * unit);
  const gate = c.subarray((steps + 1) * unit);
  const p = given.peephole?.values ?? new Float64Array(3 * hidden);
  const d = new Float64Array(4 * hidden);
  for (let u = 0; u < hidden; u++) {
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => gate[gates(4) + k * hidden + u]);
    const t = Math.tanh(c[next + u]);
    const dO = dh[row + u] * t * o * (1 - o);
    const dAfter = dc[row + u] + dh[row + u] * o * (1 - t * t) + p[hidden + u] * dO;
    const dI = dAfter * g * i * (1 - i);
    const dF = dAfter * c[prev + u] * f * (1 - f);
    const dG = dAfter * i * (1 - g * g);
    dc[row + u] = dAfter * f + p[u] * dI + p[2 * hidden + u] * dF;
    dh[row + u] = 0;
    for (const [k, value] of [dI, dF, dG, dO].entries()) d[k * hidden + u] = value;
  }
  out.set(d, gates(4));
  addRecurrent(sequence, given.weight?.values as Values, d, dh, row);
};

const gruBackward: BackwardStep = (sequence, { dh, saved, out }, { row, prev, gates }) => {
  const { hidden, given, steps, batch } = sequence;
  const gate = saved.subarray(cells.gru.results(steps) * batch * hidden);
  const dx = new Float64Array(3 * hidden);
  const d = new Float64Array(3 * hidden);
  for (let u = 0; u < hidden; u++) {
    const [r, z, n, m] = [0, 1, 2, 3].map((k) => gate[gates(4) + k * hidden + u]);
    const g = dh[row + u];
    const dN = g * (1 - z) * (1 - n * n);
    const dZ = g * (saved[prev + u] - n) * z * (1 - z);
    const dR = dN * m * r * (1 - r);
    dh[row + u] = g * z;
    for (const [k, value] of [dR, dZ, dN].entries()) dx[k * hidden + u] = value;
    for (const [k, value] of [dR, dZ, dN * r].entries()) d[k * hidden + u] = value;
  }
  out.set(dx, gates(3));
  out.set(d, 3 * steps * batch * hidden + gates(3));
  addRecurrent(sequence, given.weight?.values as Values, d, dh, row);
};

const rnnBackward: BackwardStep = (sequence, { dh, saved, out }, { row, next, gates }) => {
  const { hidden, given, relu } = sequence;
  const d = new Float64Array(hidden);
  for (let u = 0; u < hidden; u++) {
    const h = saved[next + u];
    d[u] = dh[row + u] * (relu ? Number(h > 0) : 1 - h * h);
    dh[row + u] = 0;
  }
  out.set(d, gates(1));
  addRecurrent(sequence, given.weight?.values as Values, d, dh, row);
};

const backwards = { lstm: lstmBackward, gru: gruBackward, rnn: rnnBackward };

/** Fills the result of a backward primitive. */
export function recurrentBackward(cell: CellName, options: SequenceOptions, out: ReferenceArray): void {
  const [, batch, hidden] = out.shape;
  const sequence = { ...options, batch, hidden, gates: cells[cell].gates };
  const { steps, reverse, given } = options;
  const unit = batch * hidden;
  const saved = given.saved?.values as Values;
  const dh = given.dhn?.values.slice() ?? new Float64Array(unit);
  const dc = given.dcn?.values.slice() ?? new Float64Array(unit);
  for (const place of places(sequence, true)) {
    const { row, next, valid } = place;
    const dy = next - (reverse ? 0 : unit);
    if (given.dy) for (let u = 0; u < hidden; u++) dh[row + u] += given.dy.values[dy + u];
    if (valid) backwards[cell](sequence, { dh, dc, saved, out: out.values }, place);
  }
  const end = cells[cell].gradients * steps * unit;
  out.values.set(dh, end);
  if (cell === 'lstm') out.values.set(dc, end + unit);
}
