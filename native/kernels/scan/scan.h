// Running sums and products along the middle axis of a contiguous [outer, axis, inner] tensor.
//
// Rows "scan_<sum|prod>_<f32|f64|i32|i64>": operands "x -> y", params "outer axis inner reverse". y may be x.
// y[o, a, i] combines x[o, 0..a, i], or x[o, a.., i] when reverse is not 0. float32 runs in double and is rounded
// once per output; integers wrap around. A line is never cut.
#pragma once
#include "kernel.h"

namespace brawn {

struct ScanArgs {
  const void* x;
  void* y;
  int64_t outer, axis, inner, reverse;
};

constexpr int64_t kScanGrain = 16 * 1024;  // least elements of one task
constexpr int64_t kScanColumns = 256;      // neighbouring lines handled together when inner > 1

}  // namespace brawn
