// check_finite: silent on finite values, the first bad position otherwise.
#include "kernels/check/check.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(check)

using namespace brawn;
using namespace kernel_test;

template <class T>
static void check(const IsaTable& table, int64_t n) {
  const KernelRow& row = find_row(table, std::string("check_finite_") + dtype_name<T>());
  std::vector<T> x = random_values<T>(n, 4);
  x[n / 2] = std::numeric_limits<T>::max();
  x[n / 3] = -std::numeric_limits<T>::max();
  const CheckArgs args = {x.data(), n};
  Status status;
  run(row, &args, Order::kForward, &status);
  CHECK(status.fault == Fault::kNone, "%s: false alarm", row.name);
  x[n - 1] = static_cast<T>(NAN);
  expect_fault(row, &args, Fault::kNotFinite, n - 1, 0);
  for (int64_t at : {n * 2 / 3, n / 5, int64_t{0}}) {
    x[at] = static_cast<T>(at % 2 ? INFINITY : -INFINITY);
    expect_fault(row, &args, Fault::kNotFinite, at, 0);
  }
}

int main() {
  for (const IsaTable& table : check_tables()) {
    for (int64_t n : {1, 2, 63, 64, 1000, 65536, 300001}) {
      check<float>(table, n);
      check<double>(table, n);
    }
    std::printf("check %s ok\n", table.isa.c_str());
  }
  return 0;
}
