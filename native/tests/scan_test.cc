// The scan family against naive loops: both directions, in place, integer wrap-around.
#include "kernels/scan/scan.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(scan)

using namespace brawn;
using namespace kernel_test;

template <class T, class Total>
static void check(const IsaTable& table, const ScanArgs& shape, bool product, double tolerance) {
  const KernelRow& row = find_row(table, std::string(product ? "scan_prod_" : "scan_sum_") + dtype_name<T>());
  const size_t n = shape.outer * shape.axis * shape.inner;
  std::vector<T> x = random_values<T>(n, 8, product ? -1.2 : -50, product ? 1.2 : 50);
  if (product && !std::is_floating_point<T>::value) x = random_values<T>(n, 8, -9, 9);
  std::vector<T> y(n);
  ScanArgs args = shape;
  args.x = x.data();
  args.y = y.data();
  run_all_orders(row, &args, y);
  for (int64_t o = 0; o < args.outer; ++o) {
    for (int64_t i = 0; i < args.inner; ++i) {
      Total total = product ? 1 : 0;
      for (int64_t a = 0; a < args.axis; ++a) {
        const int64_t at = (o * args.axis + (args.reverse ? args.axis - 1 - a : a)) * args.inner + i;
        total = product ? total * static_cast<Total>(x[at]) : total + static_cast<Total>(x[at]);
        CHECK(close(static_cast<double>(y[at]), static_cast<double>(static_cast<T>(total)), tolerance), "%s %s at %lld",
              table.isa.c_str(), row.name, (long long)at);
      }
    }
  }
  args.y = x.data();
  run(row, &args);
  CHECK(std::memcmp(x.data(), y.data(), n * sizeof(T)) == 0, "%s in place", row.name);
}

int main() {
  for (const IsaTable& table : scan_tables()) {
    for (int64_t reverse : {0, 1}) {
      for (const ScanArgs& s : {ScanArgs{nullptr, nullptr, 1, 1, 1, reverse},
                                {nullptr, nullptr, 3, 70, 5, reverse},
                                {nullptr, nullptr, 2, 100, 259, reverse},
                                {nullptr, nullptr, 5000, 9, 1, reverse},
                                {nullptr, nullptr, 1, 50000, 1, reverse},
                                {nullptr, nullptr, 40, 2, 600, reverse}}) {
        for (bool product : {false, true}) {
          check<float, double>(table, s, product, 0);
          check<double, double>(table, s, product, 0);
          check<int32_t, uint32_t>(table, s, product, 0);
          check<int64_t, uint64_t>(table, s, product, 0);
        }
      }
    }
    std::printf("scan %s ok\n", table.isa.c_str());
  }
  return 0;
}
