// Reading and adding at positions given by an index tensor.
//
// All tensors are contiguous. Indices are int32 or int64 (index_bytes is 4 or 8) and must lie in [0, axis_x);
// anything else reports Fault::kIndexOutOfRange with the index and axis_x. Elements are moved by size: the suffix s1,
// s4 or s8 is the number of bytes.
//
//   index_gather_<s1|s4|s8>              "x index -> y", params "outer axis_x axis_index inner index_bytes"
//     x [outer, axis_x, inner], index and y [outer, axis_index, inner]; y[o,a,i] = x[o, index[o,a,i], i]
//     (torch.gather where the other dimensions agree)
//   index_select_<s1|s4|s8>              "x index -> y", params "outer axis_x count inner index_bytes"
//     index [count], y [outer, count, inner]; y[o,c,i] = x[o, index[c], i] (torch.index_select, embedding)
//   index_scatterAdd_<f32|f64|i32|i64>   "base? src index -> y", params as index_gather
//     base and y [outer, axis_x, inner], src and index [outer, axis_index, inner]; y = base, then
//     y[o, index[o,a,i], i] += src[o,a,i] in the order of a (torch.scatter_add, the gradient of index_gather)
//   index_selectAdd_<f32|f64|i32|i64>    "base? src index -> y", params as index_select
//     src [outer, count, inner]; y = base, then y[o, index[c], i] += src[o,c,i] in the order of c (torch.index_add,
//     the gradient of index_select)
//
// A null base stands for zeros; y may be base. Additions never race: a task owns a range of y (an outer index, a
// block of columns and a range of the axis) and reads all the indices, so every sum runs in the order of the indices.
#pragma once
#include "kernel.h"

namespace brawn {

struct IndexReadArgs {
  const void* x;
  const void* index;
  void* y;
  int64_t outer, axis_x, count, inner, index_bytes;
};

struct IndexAddArgs {
  const void* base;
  const void* src;
  const void* index;
  void* y;
  int64_t outer, axis_x, count, inner, index_bytes;
};

constexpr int64_t kIndexGrain = 16 * 1024;  // least elements of one task
constexpr int64_t kIndexTasks = 32;         // tasks wanted for a large addition
constexpr int64_t kIndexRanges = 8;         // most ranges of the axis, as each reads all the indices
constexpr int64_t kIndexColumns = 64;       // least columns of a block

}  // namespace brawn
