// Run-time checks of values.
//
// Rows "check_finite_<f32|f64>": operands "x ->" (no output), params "n". Reports Fault::kNotFinite with the position
// of the first NaN or infinity. Phase 0 finds the first one of every chunk (shared scratch holds one int64 per chunk);
// phase 1 reports the first of all, so the position does not depend on the order of tasks.
#pragma once
#include "kernel.h"

namespace brawn {

struct CheckArgs {
  const void* x;
  int64_t n;
};

constexpr int64_t kCheckChunk = 64 * 1024;  // elements of one task

}  // namespace brawn
