/** Optimizers, with PyTorch's formulas and state. */
export { Adam, type AdamOptions, AdamW, adam, adamW } from './adam.js';
export { clipGradNorm, clipGradValue } from './clip.js';
export {
  type BaseOptions,
  type Gradients,
  type MinimizeOptions,
  Optimizer,
  type ParameterGroup,
  type Trained,
} from './optimizer.js';
export { SGD, type SgdOptions, sgd } from './sgd.js';
export type { GroupState, OptimizerState } from './state.js';
