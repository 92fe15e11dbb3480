// What the arithmetic units can do, for comparison: benchmarks show a kernel's rate as a share of it.
//
// Row "peak_fma_f32": operands "-> flops" (float64 [tasks]), params "tasks rounds". Every task keeps independent chains
// of multiply-adds in registers, touches no memory, and writes how many floating-point operations it did, two for each
// lane of a multiply-add. One task per `rounds` steps of all chains; time and threads are the caller's.
#pragma once
#include "kernel.h"

namespace brawn {

struct PeakArgs {
  double* flops;
  int64_t tasks;
  int64_t rounds;
};

}  // namespace brawn
