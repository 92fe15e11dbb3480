/** brawn's main entry: tensors, ops, gradients, compilation and the runtime's controls. */
export * from './errors.js';
export type { DType, FloatDType, IntDType, ItemOf, TypedArray, TypedArrayOf } from './dtype.js';
export type { Shape } from './shape.js';
export { type NestedArray, type RunOptions, Tensor, tensor } from './tensor.js';
export { Parameter, Variable } from './variable.js';
export * from './ops/index.js';
export { grad, type GradOptions } from './grad/backward.js';
export { gradCheck, type GradCheckOptions } from './grad/check.js';
export { stopGradient } from './grad/stop.js';
export { compile, type CompiledFunction, type CompileOptions } from './runtime/compile.js';
export { explain, type Explanation, type KernelCall } from './runtime/explain.js';
export { type Backend, evaluate, getBackend, setBackend } from './runtime/run.js';
export { setAnomalyMode } from './runtime/anomaly.js';
