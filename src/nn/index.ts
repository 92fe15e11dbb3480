/** Neural networks: modules, layers, first values and losses, with PyTorch's names in camelCase. */
export {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  l1Loss as l1,
  mseLoss,
  mseLoss as mse,
  nllLoss,
  smoothL1Loss,
} from '../ops/loss.js';
export {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  hingeLoss,
  klDiv,
  marginRankingLoss,
  multiMarginLoss,
  softMarginLoss,
  tripletMarginLoss,
} from '../ops/margin-loss.js';
export {
  AdditiveAttention,
  type AdditiveAttentionMasks,
  type Attention,
  additiveAttention,
  MultiheadAttention,
  type MultiheadAttentionMasks,
  type MultiheadAttentionOptions,
  multiheadAttention,
} from './attention.js';
export {
  type CellOptions,
  GRUCell,
  gruCell,
  LSTMCell,
  type LstmCellOptions,
  lstmCell,
  RNNCell,
  type RnnCellOptions,
  rnnCell,
} from './cells.js';
export {
  type CompiledModel,
  type CompiledModelInfo,
  type CompileModelOptions,
  compileModel,
  type ModelInput,
} from './compile-model.js';
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  type ConvTransposeLayerOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
} from './conv.js';
export { FunctionLayer, functionLayer } from './function-layer.js';
export {
  Highway,
  HighwayConv2d,
  type HighwayOptions,
  highway,
  highwayConv2d,
  Residual,
  type ResidualOptions,
  residual,
} from './highway.js';
export * as init from './init.js';
export * from './layers.js';
export {
  Bilinear,
  bilinear,
  Embedding,
  type EmbeddingOptions,
  embedding,
  Linear,
  type LinearOptions,
  linear,
} from './linear.js';
export { type AnyModule, Module, type NameFilter } from './module.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
  batchNorm1d,
  batchNorm2d,
  batchNorm3d,
  GroupNorm,
  groupNorm,
  LayerNorm,
  layerNorm,
  type NormOptions,
} from './norm.js';
export {
  GRU,
  gru,
  LSTM,
  type LstmLayerOptions,
  lstm,
  type RecurrentLayerOptions,
  type RecurrentWeights,
  RNN,
  type RnnLayerOptions,
  rnn,
  type SequenceOptions,
} from './recurrent.js';
export type { LstmState, RnnNonlinearity } from './recurrent-checks.js';
export { Flatten, flatten, Identity, identity, Sequential, sequential } from './sequential.js';
export type { SharedModel, SharedTensor } from './shared-model.js';
export type { LoadReport, LoadStateOptions } from './state.js';
export { type WeightNormOptions, weightNorm } from './weight-norm.js';
