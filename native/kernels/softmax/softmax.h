// Softmax and log-softmax over the middle axis of a contiguous [rows, cols, inner] tensor (inner = 1: whole rows).
//
// Rows "softmax_<f32|f64>" and "logSoftmax_<f32|f64>": operands "x -> y", params "rows cols inner". y may be x.
// softmax = exp(x - max) / sum(exp(x - max)), logSoftmax = x - max - log(sum(exp(x - max))). As in PyTorch a line of
// -inf only, or one holding NaN or +inf, gives NaN.
//
// Rows "softmaxAt_<f32|f64>": operands "x index -> y", params "rows cols inner index_bytes". index is [rows, inner],
// int32 or int64 (index_bytes 4 or 8), y [3, rows, inner]: max, log(sum(exp(x - max))), and logSoftmax at the index.
//
// Rows "softmaxAtGrad_<f32|f64>": operands "x index terms g -> y", params likewise; terms is that y, and g [3, rows,
// inner] are the gradients of its parts, of which the first counts for nothing: y [rows, cols, inner] is exp(x -
// terms[0] - terms[1]) * (g[1] - g[2]), and g[2] is added at the index. y may be x.
//
// An index outside of [0, cols) reports Fault::kIndexOutOfRange. A line is read and written while it is in cache; lines
// are never cut, so the results do not depend on how they are shared out.
#pragma once
#include "kernel.h"

namespace brawn {

struct SoftmaxShape {
  int64_t rows, cols, inner;
};

struct SoftmaxArgs {
  const void* x;
  void* y;
  SoftmaxShape shape;
};

struct SoftmaxAtArgs {
  const void* x;
  const void* index;
  void* y;
  SoftmaxShape shape;
  int64_t index_bytes;
};

struct SoftmaxAtGradArgs {
  const void* x;
  const void* index;
  const void* terms;
  const void* g;
  void* y;
  SoftmaxShape shape;
  int64_t index_bytes;
};

constexpr int64_t kSoftmaxGrain = 8 * 1024;  // least elements of one task
constexpr int64_t kSoftmaxColumns = 256;     // neighbouring lines handled together when inner > 1
constexpr int64_t kSoftmaxAdds = 256;        // exponentials that a lane adds up before the sum goes on in double

}  // namespace brawn
