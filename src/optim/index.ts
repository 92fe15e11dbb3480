/** Optimizers, with PyTorch's formulas and state; schedules of their rates; averages and sums over steps. */
export { Adadelta, type AdadeltaOptions, Adagrad, type AdagradOptions, adadelta, adagrad } from './adagrad.js';
export { Adam, type AdamOptions, AdamW, adam, adamW } from './adam.js';
export {
  Adamax,
  adamax,
  type MomentsOptions,
  NAdam,
  type NAdamOptions,
  nadam,
  RAdam,
  radam,
} from './adam-variants.js';
export { EMA, type EmaOptions, ema, GradientAccumulator, gradientAccumulator } from './average.js';
export { clipGradNorm, clipGradValue } from './clip.js';
export { type Closure, LBFGS, type LbfgsOptions, type LbfgsState, lbfgs } from './lbfgs.js';
export { Lion, type LionOptions, lion } from './lion.js';
export { type OneCycleOptions, oneCycleLR } from './one-cycle.js';
export {
  type BaseOptions,
  type Gradients,
  type MinimizeOptions,
  Optimizer,
  type ParameterGroup,
  type Trained,
} from './optimizer.js';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau, reduceLROnPlateau } from './plateau.js';
export { RMSprop, type RmspropOptions, rmsprop } from './rmsprop.js';
export { Schedule, type Scheduled, type ScheduledGroup, type ScheduleState } from './schedule.js';
export {
  chainedLR,
  constantLR,
  cosineAnnealingLR,
  cosineAnnealingWarmRestarts,
  exponentialLR,
  type LinearOptions,
  lambdaLR,
  linearLR,
  multiStepLR,
  polynomialLR,
  sequentialLR,
  stepLR,
} from './schedules.js';
export { SGD, type SgdOptions, sgd } from './sgd.js';
export type { GroupState, OptimizerState } from './state.js';
