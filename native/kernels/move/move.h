// Writing elements without computing: filling memory, and copying between any two strided tensors. Concatenation,
// padding and the gradients of slices are made of these. Elements are moved as bytes of their size (1, 4 or 8).
//
//   move_fill   "-> y", params "n size low high"
//     n elements get the bit pattern whose low and high 32 bits are given (size 1 and 4 read `low` alone)
//   move_copy   "x -> y", params "dims:i[] x_strides:i[] y_strides:i[] size"
//     y[i0, i1, ...] = x[i0, i1, ...] over `dims` (any rank, at least 1, no size 0). The operands point at element
//     [0, 0, ...]; strides are in elements, may be negative, and 0 in x broadcasts. No two elements of y share a place
//     and y overlaps x nowhere. Callers merge neighbouring dims first, which is what makes inner runs long.
//
// Where x has a smaller stride outside of the innermost dim (a transposition), the plane of both dims is walked in
// blocks that stay in L1; everything else goes row by row. Scratch per thread: the coordinates of a row.
#pragma once
#include "kernel.h"

namespace brawn {

struct MoveFillArgs {
  void* y;
  int64_t n, size, low, high;
};

struct MoveCopyArgs {
  const void* x;
  void* y;
  Span<int64_t> dims, x_strides, y_strides;
  int64_t size;
};

constexpr int64_t kMoveGrain = 32 * 1024;  // elements of one task
constexpr int64_t kMoveBlock = 64;         // side of a transposed block
constexpr int64_t kMoveShortRun = 32;      // runs up to this length are copied in line

}  // namespace brawn
