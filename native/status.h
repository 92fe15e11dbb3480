// Where a run keeps the first fault its kernels report; kernels see it through report_fault (kernel.h) only.
#pragma once
#include <atomic>

#include "kernel.h"

namespace brawn {

struct Status {
  std::atomic<bool> taken{false};
  Fault fault = Fault::kNone;
  int64_t value = 0;
  int64_t limit = 0;
};

}  // namespace brawn
