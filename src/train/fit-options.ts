/** What `fit` is given, and what it gives. */
import type { BatchPosition, Sample } from '../data/index.js';
import { ArgumentError } from '../errors.js';
import { type EMA, LBFGS, type Optimizer } from '../optim/index.js';
import type { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';
import type { Callback, EndReport } from './callbacks.js';
import type { EarlyStoppingOptions } from './early-stopping.js';
import type { ProgressStyle } from './progress.js';
import type { MetricScheduleLike, ScheduleLike } from './schedules.js';
import type { Objective, UpdateOptions } from './step.js';

/** Batches that can be read from any position, as `Batches` can. */
export interface TrainBatches<B extends Sample> extends AsyncIterable<B> {
  /** Batches in an epoch, where that is known. */
  steps(): Promise<number | undefined>;
  state(): BatchPosition;
  restore(position: BatchPosition): void;
}

/** What to train on, and what to measure on after each epoch. */
export interface FitData<B extends Sample> {
  readonly train: TrainBatches<B>;
  readonly validation?: AsyncIterable<B>;
}

/** Options of checkpoints. */
export interface CheckpointOptions {
  /** Also within epochs, after so many steps; only after epochs unless told. */
  readonly everySteps?: number;
  /** Of how many of the best epochs the weights are kept; 1 unless told. */
  readonly keepBest?: number;
}

/** Options of `fit`. */
export interface FitOptions<B extends Sample = Sample, Output = Tensor<'float32'>>
  extends Omit<Objective<B, Output>, 'model'>,
    Omit<UpdateOptions, 'optimizer'> {
  readonly epochs: number;
  /** L-BFGS wants batches that are the whole data; it does not go with clipping, `accumulate` and `memoryBudget`. */
  readonly optimizer: Optimizer | LBFGS;
  /** An update after so many batches, with the mean of their gradients; 1 unless told. */
  readonly accumulate?: number;
  /**
   * Takes in the weights after each update. Validation measures the average, and the best weights are averages; the
   * model keeps its own.
   */
  readonly average?: EMA;
  /** Moved on after each epoch; one that follows a number is given the monitored one. */
  readonly schedule?: ScheduleLike | MetricScheduleLike;
  /** Moved on after each update. */
  readonly stepSchedule?: ScheduleLike;
  /** The number that says how good an epoch is; `validation.loss`, or `train.loss` without validation, unless told. */
  readonly monitor?: string;
  readonly earlyStopping?: EarlyStoppingOptions;
  /** Where configuration, metrics, checkpoints and curves go; nothing is written without it. */
  readonly folder?: string;
  /** Written into the folder as `config.json`. */
  readonly config?: unknown;
  /** Checkpoints in the folder; after each epoch unless told, none when false. */
  readonly checkpoints?: CheckpointOptions | false;
  /**
   * Variables beside those of model and optimizer that steps change, by name: kept in checkpoints, such as the state that a
   * recurrent network carries from batch to batch.
   */
  readonly variables?: Readonly<Record<string, Variable>>;
  /** True: go on from the folder's checkpoint, or start if it has none. A path: go on from the checkpoint there. */
  readonly resume?: boolean | string;
  /** Report norms of gradients and dead ReLUs every so many steps; never unless told. */
  readonly watch?: number;
  /** Write every so many steps into the file of metrics; 10 unless told. */
  readonly logEvery?: number;
  /** Draw `curves.svg` and `curves.png` into the folder at the end. Needs `vega` and `@resvg/resvg-js`. */
  readonly curves?: boolean;
  readonly callbacks?: readonly Callback[];
  /** `auto` unless told. */
  readonly progress?: ProgressStyle;
  readonly signal?: AbortSignal;
}

/** What `fit` gives. */
export interface FitResult extends EndReport {
  /** The file with the weights of the best epoch, when checkpoints are kept. */
  readonly best?: string;
}

function checkCount(value: number | undefined, name: string): void {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
    throw new ArgumentError(`fit: ${name} must be a whole number of at least 1, got ${value}`);
}

/** @throws ArgumentError for options that make no sense, or not together. */
export function checkFitOptions<B extends Sample, Output>(options: FitOptions<B, Output>): void {
  const { optimizer, folder, checkpoints, clipNorm, clipValue, accumulate, memoryBudget } = options;
  for (const name of ['epochs', 'accumulate', 'watch', 'logEvery'] as const) checkCount(options[name], name);
  checkCount(options.epochs ?? Number.NaN, 'epochs');
  if (checkpoints) checkCount(checkpoints.everySteps, 'checkpoints.everySteps');
  if (folder === undefined && (options.curves || options.resume === true || checkpoints))
    throw new ArgumentError('fit: checkpoints, curves and resume: true need a folder');
  if (optimizer instanceof LBFGS)
    for (const [name, value] of Object.entries({ clipNorm, clipValue, accumulate, memoryBudget }))
      if (value !== undefined)
        throw new ArgumentError(
          `fit: ${name} does not go with lbfgs, whose line search computes loss and gradient as they are; leave it out`,
        );
}
