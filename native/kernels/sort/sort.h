// Sorting along the middle axis of a contiguous [outer, axis, inner] tensor.
//
// Rows "sort_index_<f32|f64|i32|i64|u8>": operands "x -> index", params "outer axis inner descending k".
// index is int64 [outer, k, inner], 1 <= k <= axis: the positions of the first k elements of the sorted line. The
// sort is stable in both directions (equal elements keep the order of their positions), -0 equals 0, and NaN is the
// greatest value: last when ascending, first when descending, as in PyTorch. axis is below 2^32.
//
// Elements become unsigned keys whose integer order is the order wanted. Then: few of many (top-k) by insertion into
// a short sorted buffer, short lines by insertion, others by a radix sort on bytes. Scratch per thread: two arrays of
// `axis` entries (key and position, 8 bytes each entry for elements up to 4 bytes, otherwise 16).
#pragma once
#include "kernel.h"

namespace brawn {

struct SortArgs {
  const void* x;
  int64_t* index;
  int64_t outer, axis, inner, descending, k;
};

constexpr int64_t kSortGrain = 4 * 1024;  // least elements of one task
constexpr int64_t kSortInsertion = 48;    // longest line sorted by insertion
constexpr int64_t kSortSelection = 32;    // most elements kept by selection

}  // namespace brawn
