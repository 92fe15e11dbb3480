/**
 * The learning-rate range test: the rate grows step by step while the loss is watched. Smith, "Cyclical Learning Rates
 * for Training Neural Networks", 2017 (2015 as a preprint).
 */
import type { Sample } from '../data/index.js';
import { AnomalyError, ArgumentError } from '../errors.js';
import type { Module } from '../nn/index.js';
import type { GroupState } from '../optim/index.js';
import { defaultGenerator } from '../random.js';
import { evaluate } from '../runtime/run.js';
import type { Tensor } from '../tensor.js';
import { copies } from './copies.js';
import type { Series } from './curves.js';
import { type Objective, trainStep, type UpdateOptions } from './step.js';

/** Options of `findLearningRate`. */
export interface LearningRateOptions<B extends Sample, Output = Tensor<'float32'>>
  extends Omit<Objective<B, Output>, 'model' | 'metrics' | 'prediction'>,
    Omit<UpdateOptions, 'average'> {
  /** First rate; 1e-6 unless told. */
  readonly from?: number;
  /** Last rate; 10 unless told. */
  readonly to?: number;
  /** Steps; 100 unless told. */
  readonly steps?: number;
  readonly signal?: AbortSignal;
}

/** What was found. */
export interface LearningRateFinding {
  /** Rate and smoothed loss of each step; ends early where the loss explodes. */
  readonly curve: readonly { readonly lr: number; readonly loss: number }[];
  /** The rate at which the loss falls most steeply. */
  readonly suggestion: number;
  /** For `drawSvg`: `{ title, x: 'learning rate', series: [finding.series], logX: true }`. */
  readonly series: Series;
}

/** Weight of the past in the smoothed loss. */
const kSmoothing = 0.9;
/** A loss so many times the best ends the test. */
const kExplosion = 4;

/**
 * Trains for a while with a rate that grows from `from` to `to` by a constant factor, and gives the curve and the rate
 * of steepest descent. Afterwards model, optimizer and random numbers are as they were.
 * @throws ArgumentError when the range makes no sense or the loss is not finite from the start.
 */
export async function findLearningRate<B extends Sample, Output = Tensor<'float32'>>(
  model: Module<Output>,
  batches: AsyncIterable<B>,
  options: LearningRateOptions<B, Output>,
): Promise<LearningRateFinding> {
  const { from = 1e-6, to = 10, steps = 100, optimizer, signal } = options;
  if (!(from > 0 && to > from && Number.isFinite(to)))
    throw new ArgumentError(`findLearningRate: needs 0 < from < to, got ${from} and ${to}`);
  if (!Number.isSafeInteger(steps) || steps < 8)
    throw new ArgumentError(`findLearningRate: steps must be a whole number of at least 8, got ${steps}`);
  const generator = defaultGenerator.getState();
  const weights = await copies(model.stateDict());
  const before = optimizer.stateDict();
  const groups = JSON.parse(JSON.stringify(before.groups)) as GroupState[];
  const state = await copies(before.state);
  const { clipNorm, clipValue } = options;
  const step = trainStep({ ...options, model, metrics: {} }, { optimizer, clipNorm, clipValue });
  model.train();
  try {
    const curve = await sweep();
    const suggestion = steepest(curve);
    return { curve, suggestion, series: { name: 'loss', points: curve.map(({ lr, loss }) => [lr, loss] as const) } };
  } finally {
    model.loadStateDict(weights);
    optimizer.loadStateDict({ state, groups });
    await evaluate([]);
    defaultGenerator.setState(generator);
  }

  /** NaN where it is not finite; the step has then changed nothing. */
  async function lossAt(batch: B): Promise<number> {
    try {
      return (await step(batch, { isWatched: false, updates: true }, signal)).loss;
    } catch (error) {
      if (error instanceof AnomalyError) return Number.NaN;
      throw error;
    }
  }

  async function sweep() {
    const curve: { lr: number; loss: number }[] = [];
    let [average, best] = [0, Number.POSITIVE_INFINITY];
    for await (const batch of endless(batches)) {
      const lr = from * (to / from) ** (curve.length / (steps - 1));
      optimizer.lr = lr;
      const loss = await lossAt(batch);
      average = kSmoothing * average + (1 - kSmoothing) * loss;
      const smoothed = average / (1 - kSmoothing ** (curve.length + 1));
      best = Math.min(best, smoothed);
      if (!Number.isFinite(smoothed) || (curve.length > 0 && smoothed > kExplosion * best)) break;
      curve.push({ lr, loss: smoothed });
      if (curve.length === steps) break;
    }
    return curve;
  }
}

async function* endless<B>(batches: AsyncIterable<B>): AsyncGenerator<B, void> {
  for (;;) {
    let count = 0;
    for await (const batch of batches) {
      count++;
      yield batch;
    }
    if (count === 0) throw new ArgumentError('findLearningRate: the data is empty');
  }
}

function steepest(curve: readonly { readonly lr: number; readonly loss: number }[]): number {
  if (curve.length < 3)
    throw new ArgumentError('findLearningRate: the loss explodes at once; start from a smaller rate or check the data');
  let [at, slope] = [1, Number.POSITIVE_INFINITY];
  for (let i = 1; i + 1 < curve.length; i++) {
    const fall = curve[i + 1].loss - curve[i - 1].loss;
    if (fall < slope) [at, slope] = [i, fall];
  }
  return curve[at].lr;
}
