// Reductions along one axis: sum, product, extrema and their positions, any/all, variance, moments, log-sum-exp.
//
// x is a contiguous [outer, reduce, inner] tensor and y is [outer, inner]; TypeScript folds any set of neighbouring
// axes into these three. The element type is the suffix of the row; y has the same type except for argMax/argMin,
// which write int32 positions along the reduced axis, and any/all, which read and write bytes 0 or 1.
//
// Semantics follow PyTorch: max and min propagate NaN; argMax and argMin take the first occurrence and a NaN wins;
// integer sums and products wrap around; variance is the squared deviation over max(0, reduce - correction);
// log-sum-exp of a line of -inf is -inf. `reduce` is at least 1.
//
// Accuracy: float32 sums add at most 16 trees of eight rows per lane, then a tree over lanes, and everything above
// that (at most 128 rows) in double. Variance takes deviations from the mean of each cached block and merges blocks
// by Chan's formula, so it needs one pass over memory and never subtracts large squares.
//
// Work is a grid of units (one `outer` index times up to kReduceWidth columns). When there are few units the reduced
// axis is cut into a fixed number of splits whose partial results lie in shared scratch as [split, outer, inner] and
// are merged, in order, by phase 1; otherwise phase 1 has no tasks. The scratch of a row is splits * outer * inner
// partials of at most 24 bytes.
#pragma once
#include "kernel.h"

namespace brawn {

// operands "x -> y", params "outer reduce inner"
struct ReduceArgs {
  const void* x;
  void* y;
  int64_t outer, reduce, inner;
};

// operands "x -> y", params "outer reduce inner correction:f"
struct ReduceVarArgs {
  const void* x;
  void* y;
  int64_t outer, reduce, inner;
  double correction;
};

// operands "x -> mean var", params "outer reduce inner correction:f"; mean and var are both [outer, inner].
struct ReduceMomentsArgs {
  const void* x;
  void* mean;
  void* var;
  int64_t outer, reduce, inner;
  double correction;
};

constexpr int64_t kReduceWidth = 1024;       // columns of one unit
constexpr int64_t kReduceRows = 128;         // most rows an operation folds at once
constexpr int64_t kReduceBlock = 32 * 1024;  // elements an operation folds at once (stays in the L2 cache)
constexpr int64_t kReduceGrain = 32 * 1024;  // least elements of one task
constexpr int64_t kReduceTasks = 64;         // tasks wanted for a large reduction

}  // namespace brawn
