/** What `fit` tells while it goes on, and who may listen. */
import type { AnyModule } from '../nn/index.js';
import type { LBFGS, Optimizer } from '../optim/index.js';
import type { ReluReport, Scores } from './step.js';

/** One epoch, done. */
export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the whole training so far. */
  readonly globalStep: number;
  /** Loss (a mean over samples) and metrics, as training went. */
  readonly train: Scores;
  /** On the validation data, in evaluation mode, after the epoch. */
  readonly validation?: Scores;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  /** Training alone, without validation. */
  readonly seconds: number;
  readonly samples: number;
}

/** One step, done. */
export interface StepReport {
  readonly epoch: number;
  /** In the epoch, from 1. */
  readonly step: number;
  /** In the epoch; unknown for some streams. */
  readonly steps: number | undefined;
  readonly globalStep: number;
  readonly loss: number;
  readonly lr: number;
  /** Samples of the step. */
  readonly samples: number;
  /** Metrics of the epoch so far. */
  readonly scores: () => Scores;
}

/** Gradients and ReLUs of a watched step. */
export interface WatchReport {
  readonly epoch: number;
  readonly globalStep: number;
  /** Euclidean norm of the gradient of each parameter, before clipping. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  readonly relus: Readonly<Record<string, ReluReport>>;
}

/** What is about to be trained. */
export interface StartReport {
  readonly epochs: number;
  readonly steps: number | undefined;
  readonly parameters: number;
  readonly threads: number;
  /** Epochs and steps that a resumed training has behind it. */
  readonly resumed?: { readonly epoch: number; readonly globalStep: number; readonly from: string };
}

/** How it ended. */
export interface EndReport {
  readonly reason: 'epochs' | 'early stopping' | 'stopped';
  readonly history: readonly EpochReport[];
  /** The epoch whose weights the model has, when the best were restored. */
  readonly restored?: number;
}

/** What a callback can reach. */
export interface TrainContext {
  readonly model: AnyModule;
  readonly optimizer: Optimizer | LBFGS;
  readonly history: readonly EpochReport[];
  /** Ends the training after the present step; what has been learnt stays. */
  stop(): void;
}

/** Functions called as training goes on; `fit` waits for promises. */
export interface Callback {
  onTrainStart?(report: StartReport, context: TrainContext): void | Promise<void>;
  onEpochStart?(epoch: number, context: TrainContext): void | Promise<void>;
  onStep?(report: StepReport, context: TrainContext): void | Promise<void>;
  onWatch?(report: WatchReport, context: TrainContext): void | Promise<void>;
  onEpochEnd?(report: EpochReport, context: TrainContext): void | Promise<void>;
  onTrainEnd?(report: EndReport, context: TrainContext): void | Promise<void>;
}
