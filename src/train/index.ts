/** brawn/train: the training loop, metrics, checkpoints, reports, curves and the learning-rate finder. */
export type {
  Callback,
  EndReport,
  EpochReport,
  StartReport,
  StepReport,
  TrainContext,
  WatchReport,
} from './callbacks.js';
export { accuracyOf, type LabelledBatch, labelsOf, predict } from './classifier.js';
export { drawCurves, drawSvg, type Panel, type Series } from './curves.js';
export { svgToPng, vegaToSvg } from './drawing.js';
export type { EarlyStoppingOptions } from './early-stopping.js';
export { fit } from './fit.js';
export type { CheckpointOptions, FitData, FitOptions, FitResult, TrainBatches } from './fit-options.js';
export { findLearningRate, type LearningRateFinding, type LearningRateOptions } from './lr-finder.js';
export {
  type Averaging,
  accuracy,
  confusionMatrix,
  f1,
  type Metric,
  type MetricValue,
  perplexity,
  precision,
  recall,
  type Totals,
  topKAccuracy,
} from './metrics.js';
export { type ProgressOutput, type ProgressStyle, progressCallback } from './progress.js';
export { type MetricsLine, readMetrics } from './run-folder.js';
export type { MetricScheduleLike, ScheduleLike } from './schedules.js';
export type { Objective, ReluReport, Scores, UpdateOptions } from './step.js';
