/** brawn's main entry: tensors, ops, gradients, compilation and the runtime's controls. */

export * as data from './data/index.js';
export type {
  Beside,
  DType,
  FloatDType,
  FloatOf,
  IntDType,
  ItemOf,
  Promote,
  TypedArray,
  TypedArrayOf,
} from './dtype.js';
export * from './errors.js';
export { type GradOptions, grad } from './grad/backward.js';
export { type GradCheckOptions, gradCheck } from './grad/check.js';
export { stopGradient } from './grad/stop.js';
export * as io from './io/index.js';
export * as nn from './nn/index.js';
export * from './ops/index.js';

import './ops/methods.js';

export type { Numerics } from './graph/node.js';
export * as optim from './optim/index.js';
export type { Choice, Measured } from './plan/choose.js';
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './random.js';
export { setAnomalyMode } from './runtime/anomaly.js';
export { type CompiledFunction, type CompileOptions, compile } from './runtime/compile.js';
export { type Explanation, explain, type KernelCall } from './runtime/explain.js';
export { getNumerics, setNumerics } from './runtime/numerics.js';
export type { Profile, ProfiledCall } from './runtime/profile.js';
export { type Backend, evaluate, getBackend, setBackend } from './runtime/run.js';
export { getThreads, setThreads, systemInfo } from './runtime/threads.js';
export { getTuning, setTuning } from './runtime/tuning.js';
export type { Shape } from './shape.js';
export { type DataOptions, type NestedArray, type RunOptions, Tensor, tensor } from './tensor.js';
export { Parameter, Variable } from './variable.js';
