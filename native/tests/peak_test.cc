// The peak measurement: every task says what it did.
#include "kernel_test.h"
#include "kernels/peak/peak.h"

BRAWN_TEST_FAMILY(peak)

using namespace brawn;
using namespace kernel_test;

int main() {
  for (const IsaTable& table : peak_tables()) {
    const KernelRow& row = find_row(table, "peak_fma_f32");
    std::vector<double> few(3), many(3);
    const PeakArgs short_args = {few.data(), 3, 10}, long_args = {many.data(), 3, 1000};
    run(row, &short_args, Order::kShuffled);
    run(row, &long_args, Order::kOneCall);
    for (size_t t = 0; t < 3; ++t) {
      CHECK(few[t] > 0 && few[t] == few[0], "task %zu of %s says %g", t, table.isa.c_str(), few[t]);
      CHECK(many[t] == 100 * few[t], "task %zu of %s: %g for 100 times %g", t, table.isa.c_str(), many[t], few[t]);
    }
  }
  std::printf("peak: ok\n");
  return 0;
}
