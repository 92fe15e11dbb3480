/**
 * Metrics: small sums that the step computes beside the loss, in the same native program, and what they come to when
 * all batches have been added up. `step.ts` computes them, `fit.ts` reports them.
 */
import { ArgumentError } from '../errors.js';
import {
  argMax,
  cast,
  crossEntropy,
  equal,
  gather,
  greater,
  less,
  matmul,
  oneHot,
  sum,
  transpose,
  unsqueeze,
} from '../ops/index.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** What a metric comes to: a number, or a table such as a confusion matrix. */
export type MetricValue = number | readonly (readonly number[])[];

/** Sums over all batches so far, by name. */
export type Totals = Readonly<Record<string, Float64Array>>;

/** A metric of one's own is an object like this. */
export interface Metric<Value extends MetricValue = MetricValue> {
  /**
   * Called while the step is traced: small tensors whose elements are added up over the batches. `output` is what the
   * model gave, `target` what it should have given.
   */
  readonly sums: (output: F, target: Tensor) => Readonly<Record<string, Tensor>>;
  /** The metric of the totals; `samples` is how many samples they are of. */
  readonly value: (totals: Totals, samples: number) => Value;
  /** Whether more is better; true unless told. Asked by early stopping and by the choice of the best checkpoints. */
  readonly higherIsBetter?: boolean;
}

type Labels = Tensor<'int32'>;

function classes(output: F, where: string): number {
  if (output.rank !== 2) throw new ArgumentError(`${where}: needs scores [N, classes], got ${output}`);
  return output.shape[1];
}

/** Share of samples whose highest score is that of the right class. Scores [N, classes], labels [N]. */
export function accuracy(): Metric<number> {
  return {
    sums: (output, target) => {
      classes(output, 'accuracy');
      return { right: sum(equal(argMax(output, 1), target as Labels)) };
    },
    value: ({ right }, samples) => right[0] / samples,
  };
}

/**
 * Share of samples for which fewer than `k` classes score higher than the right one.
 * @throws ArgumentError unless k is a whole number of at least 1.
 */
export function topKAccuracy(k: number): Metric<number> {
  if (!Number.isSafeInteger(k) || k < 1)
    throw new ArgumentError(`topKAccuracy: k must be a whole number of at least 1, got ${k}`);
  return {
    sums: (output, target) => {
      classes(output, 'topKAccuracy');
      const own = gather(output, 1, unsqueeze(target as Labels, 1));
      return { right: sum(less(sum(cast(greater(output, own), 'float32'), 1), k)) };
    },
    value: ({ right }, samples) => right[0] / samples,
  };
}

/** Counts [true class, predicted class] of the batch. */
function counts(output: F, target: Tensor, where: string): { counts: Tensor } {
  const n = classes(output, where);
  const truth = oneHot(target as Labels, n, { dtype: 'float32' });
  const predicted = oneHot(argMax(output, 1), n, { dtype: 'float32' });
  return { counts: matmul(transpose(truth, 0, 1), predicted) };
}

function table(flat: Float64Array): number[][] {
  const n = Math.round(Math.sqrt(flat.length));
  return Array.from({ length: n }, (_, row) => Array.from(flat.subarray(row * n, (row + 1) * n)));
}

/** How often each class (row) was taken for each class (column). */
export function confusionMatrix(): Metric<readonly (readonly number[])[]> {
  return {
    sums: (output, target) => counts(output, target, 'confusionMatrix'),
    value: (totals) => table(totals.counts),
  };
}

/** How the scores of the classes become one. */
export type Averaging = 'macro' | 'micro';

/** True positives, predictions and samples of each class. */
function perClass(rows: readonly (readonly number[])[]) {
  return rows.map((row, i) => ({
    hit: row[i],
    predicted: rows.reduce((total, other) => total + other[i], 0),
    actual: row.reduce((a, b) => a + b, 0),
  }));
}

type ClassCounts = ReturnType<typeof perClass>[number];

/** 0 where a class was never predicted, or never there (as scikit-learn's zero_division=0). */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function averaged(where: string, average: Averaging, score: (counts: ClassCounts) => number): Metric<number> {
  if (average !== 'macro' && average !== 'micro')
    throw new ArgumentError(`${where}: average must be 'macro' or 'micro', got ${JSON.stringify(average)}`);
  return {
    sums: (output, target) => counts(output, target, where),
    value: (totals) => {
      const all = perClass(table(totals.counts));
      const add = (of: (counts: ClassCounts) => number) => all.reduce((total, each) => total + of(each), 0);
      if (average === 'macro') return add(score) / all.length;
      return score({
        hit: add(({ hit }) => hit),
        predicted: add(({ predicted }) => predicted),
        actual: add(({ actual }) => actual),
      });
    },
  };
}

/** Of what was taken for a class, the share that is of it. Macro (mean over classes) unless told. */
export const precision = (average: Averaging = 'macro'): Metric<number> =>
  averaged('precision', average, ({ hit, predicted }) => ratio(hit, predicted));

/** Of what is of a class, the share that was taken for it. Macro (mean over classes) unless told. */
export const recall = (average: Averaging = 'macro'): Metric<number> =>
  averaged('recall', average, ({ hit, actual }) => ratio(hit, actual));

/** 2 * precision * recall / (precision + recall). Macro (mean over classes) unless told. */
export const f1 = (average: Averaging = 'macro'): Metric<number> =>
  averaged('f1', average, ({ hit, predicted, actual }) => ratio(2 * hit, predicted + actual));

/** e to the mean negative log-likelihood of the right class. Scores [N, classes] or [N, classes, ...]. */
export function perplexity(): Metric<number> {
  return {
    sums: (output, target) => ({
      nats: crossEntropy(output, target as Labels, { reduction: 'sum' }),
      count: sum(cast(equal(target as Labels, target as Labels), 'float32')),
    }),
    value: ({ nats, count }) => Math.exp(nats[0] / count[0]),
    higherIsBetter: false,
  };
}

/** Adds `sums` to `totals`, in place. */
export async function addTo(
  totals: Record<string, Float64Array>,
  sums: Readonly<Record<string, Tensor>>,
): Promise<void> {
  for (const [name, tensor] of Object.entries(sums)) {
    const values = await tensor.data();
    let total = totals[name];
    if (total === undefined) totals[name] = total = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) total[i] += Number(values[i]);
  }
}
