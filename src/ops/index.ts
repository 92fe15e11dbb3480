/** Every op that users call. */
export {
  celu,
  elu,
  type GeluOptions,
  gelu,
  glu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu,
  relu6,
  type SoftplusOptions,
  selu,
  silu,
  softplus,
} from './activation.js';
export { type AttentionOptions, scaledDotProductAttention } from './attention.js';
export { bilinear } from './bilinear.js';
export { cast } from './cast.js';
export { checkFinite } from './check-finite.js';
export { equal, greater, greaterEqual, isFinite, isNaN, less, lessEqual, notEqual, where } from './compare.js';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  type Padding,
} from './conv.js';
export {
  arange,
  type CreateOptions,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from './create.js';
export { alphaDropout, type DropoutOptions, dropout, dropout2d } from './dropout.js';
export { einsum } from './einsum.js';
export {
  abs,
  add,
  clamp,
  div,
  floorDivide,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  remainder,
  sign,
  square,
  sub,
} from './elementwise.js';
export {
  ceil,
  cos,
  erf,
  exp,
  expm1,
  floor,
  isInf,
  log,
  log1p,
  log2,
  round,
  rsqrt,
  sigmoid,
  sin,
  sqrt,
  tan,
  tanh,
  trunc,
} from './elementwise-math.js';
export {
  embedding,
  gather,
  indexAdd,
  indexSelect,
  type OneHotOptions,
  oneHot,
  scatterAdd,
} from './index-ops.js';
export { type InterpolateOptions, interpolate } from './interpolate.js';
export { concat, stack, tile } from './join.js';
export { logicalAnd, logicalNot, logicalOr, logicalXor } from './logic.js';
export {
  type BinaryLossOptions,
  binaryCrossEntropyWithLogits,
  type ClassLossOptions,
  type CrossEntropyOptions,
  crossEntropy,
  huberLoss,
  type Labels,
  type LossOptions,
  l1Loss,
  mseLoss,
  nllLoss,
  type Reduction,
  smoothL1Loss,
} from './loss.js';
export {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  hingeLoss,
  type KlDivOptions,
  klDiv,
  type MarginOptions,
  type MultiMarginOptions,
  marginRankingLoss,
  multiMarginLoss,
  type Signs,
  softMarginLoss,
  type TripletOptions,
  tripletMarginLoss,
} from './margin-loss.js';
export { linear, matmul } from './matmul.js';
export {
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  type LocalResponseNormOptions,
  layerNorm,
  localResponseNorm,
} from './norm.js';
export { type PadOptions, pad } from './pad.js';
export {
  type AdaptiveSize,
  type AvgPoolOptions,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  globalAvgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from './pool.js';
export {
  bernoulli,
  type NormalOptions,
  normal,
  type RandomOptions,
  rand,
  randInt,
  randn,
  randPerm,
  type UniformOptions,
  uniform,
} from './random.js';
export {
  type GruOptions,
  gru,
  type LstmOptions,
  type LstmResult,
  lstm,
  type RecurrentOptions,
  type RecurrentResult,
  type RnnOptions,
  rnn,
} from './recurrent.js';
export { type Axes, type ReduceOptions, sum } from './reduce.js';
export { all, any, argMax, argMin, max, min } from './reduce-extrema.js';
export { logSumExp, mean, type NormOptions, norm, std, type VarianceOptions, variance } from './reduce-moments.js';
export { cumProd, cumSum, prod } from './scan.js';
export { expand, flatten, permute, reshape, squeeze, transpose, unsqueeze } from './shape-ops.js';
export { chunk, flip, narrow, roll, type SliceRange, select, slice, split } from './slicing.js';
export { logSoftmax, softmax } from './softmax.js';
export { argSort, type Sorted, type SortOptions, sort, type TopKOptions, topK } from './sort.js';
export { tril, triu } from './triangle.js';
export type { Dims } from './window.js';
