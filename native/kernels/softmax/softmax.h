// Softmax and log-softmax over the middle axis of a contiguous [rows, cols, inner] tensor (inner = 1: whole rows).
//
// Rows "softmax_<f32|f64>" and "logSoftmax_<f32|f64>": operands "x -> y", params "rows cols inner". y may be x.
// softmax = exp(x - max) / sum(exp(x - max)), logSoftmax = x - max - log(sum(exp(x - max))). As in PyTorch a line of
// -inf only, or one holding NaN or +inf, gives NaN. A line is read and written while it is in cache; lines are never
// cut, so the results do not depend on how they are shared out.
#pragma once
#include "kernel.h"

namespace brawn {

struct SoftmaxArgs {
  const void* x;
  void* y;
  int64_t rows, cols, inner;
};

constexpr int64_t kSoftmaxGrain = 8 * 1024;  // least elements of one task
constexpr int64_t kSoftmaxColumns = 256;     // neighbouring lines handled together when inner > 1
constexpr int64_t kSoftmaxAdds = 256;        // exponentials that a lane adds up before the sum goes on in double

}  // namespace brawn
