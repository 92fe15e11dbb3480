// Pooling over channels-last tensors: x is [batch, D, H, W, channels] and y [batch, OD, OH, OW, channels]. 2-D pooling
// has D = OD = 1 with kernel depth 1, 1-D pooling H = OH = 1 as well. in_dims, out_dims, kernel, stride, pad (leading)
// and dilation are lists of three; trailing padding and ceil mode are implied by out_dims.
//
// Window rows, params "batch channels in_dims:i[] out_dims:i[] kernel:i[] stride:i[] pad:i[] dilation:i[]
// count_include_pad divisor" (the last two matter to averages only):
//   pool_max_<f32|f64|i32|i64|u8>   "x -> y"       maximum of the window inside the input, NaN wins
//   pool_maxIndex_<f32|f64>         "x -> index"   int64 position of it in its D*H*W plane
//   pool_avg_<f32|f64>              "x -> y"
//   pool_avgGrad_<f32|f64>          "g -> y"       g shaped as the output, y as the input
//   pool_maxWhere_<f32|f64>         "x -> y where" pool_max, and as uint8 the number of the tap that has the maximum;
//                                                  windows have at most kPoolWhere taps. Of +0 and -0 the first counts
//   pool_whereGrad_<f32|f64>        "g where -> y" y = 0, then each g is added at the tap of its window, in their order
// Adaptive rows, params "batch channels in_dims:i[] out_dims:i[]"; output o covers the inputs from
// floor(o * in / out) to ceil((o + 1) * in / out):
//   pool_adaptiveAvg_<f32|f64>      "x -> y"
//   pool_adaptiveAvgGrad_<f32|f64>  "g -> y"
//   pool_adaptiveMaxIndex_<f32|f64> "x -> index"
// Rows on positions, params "batch channels in_size out_size" (products of in_dims and out_dims):
//   pool_gatherIndex_<f32|f64>      "x index -> y" y[n,o,c] = x[n, index[n,o,c], c]
//   pool_maxGrad_<f32|f64>          "g index -> y" y = 0, then y[n, index[n,o,c], c] += g[n,o,c] in the order of o
// A position outside [0, in_size) reports Fault::kIndexOutOfRange.
//
// As in PyTorch: the first of equal maxima is taken, but of several NaN the last; a window of -inf only gives its
// first position. The divisor of an average is `divisor` if positive; otherwise the taps inside the input, or with
// count_include_pad the taps inside the input and its padding (pad on both sides), not those beyond.
//
// Sums run along W first and then over the rows of the window. Gradients are gathered per input row (avgGrad,
// whereGrad) or per batch index and block of channels (maxGrad), so no two tasks write the same element.
#pragma once
#include "kernel.h"

namespace brawn {

struct PoolAdaptiveArgs {
  const void* x;
  void* y;
  int64_t batch, channels;
  Span<int64_t> in_dims, out_dims;
};

struct PoolArgs {
  const void* x;
  void* y;
  int64_t batch, channels;
  Span<int64_t> in_dims, out_dims, kernel, stride, pad, dilation;
  int64_t count_include_pad, divisor;
};

struct PoolWhereArgs {
  const void* x;
  void* y;
  uint8_t* where;
  int64_t batch, channels;
  Span<int64_t> in_dims, out_dims, kernel, stride, pad, dilation;
  int64_t count_include_pad, divisor;
};

struct PoolWhereGradArgs {
  const void* g;
  const uint8_t* where;
  void* y;
  int64_t batch, channels;
  Span<int64_t> in_dims, out_dims, kernel, stride, pad, dilation;
  int64_t count_include_pad, divisor;
};

struct PoolIndexArgs {
  const void* x;  // or g
  const int64_t* index;
  void* y;
  int64_t batch, channels, in_size, out_size;
};

constexpr int64_t kPoolWhere = 255;  // most taps of a window that are numbered; this number itself is none of them
constexpr int64_t kPoolGrain = 16 * 1024;  // least elements read by one task
constexpr int64_t kPoolTasks = 32;         // tasks wanted before channels stay together
constexpr int64_t kPoolMostTasks = 128;    // more would cut lines that share what they read
constexpr int64_t kPoolChannels = 64;      // least channels of a block

}  // namespace brawn
