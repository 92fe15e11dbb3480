// The sort family against std::stable_sort: both directions, ties, NaN, signed zeros, top-k, every sort path.
#include "kernels/sort/sort.h"

#include <algorithm>
#include <numeric>

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(sort)

using namespace brawn;
using namespace kernel_test;

// NaN is greater than everything and equal to itself.
template <class T>
static bool less(T a, T b) {
  if (a != a) return false;
  return b != b || a < b;
}

template <class T>
static void check(const IsaTable& table, int64_t outer, int64_t axis, int64_t inner, int64_t k, bool descending,
                  double range) {
  const KernelRow& row = find_row(table, std::string("sort_index_") + dtype_name<T>());
  std::vector<T> x = random_values<T>(outer * axis * inner, 31, sizeof(T) == 1 ? 0 : -range, range);
  if (std::is_floating_point<T>::value) {
    for (size_t i = 0; i < x.size(); ++i) {
      if (range < 100) x[i] = static_cast<T>(std::round(static_cast<double>(x[i])));
      if (i % 11 == 3) x[i] = static_cast<T>(i % 2 ? NAN : -NAN);
      if (i % 11 == 5) x[i] = static_cast<T>(i % 2 ? INFINITY : -INFINITY);
      if (i % 11 == 7) x[i] = static_cast<T>(i % 2 ? 0.0 : -0.0);
    }
  }
  std::vector<int64_t> index(outer * k * inner);
  const SortArgs args = {x.data(), index.data(), outer, axis, inner, descending, k};
  run_all_orders(row, &args, index);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      const auto at = [&](int64_t a) { return x[(o * axis + a) * inner + i]; };
      std::vector<int64_t> order(axis);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return descending ? less(at(b), at(a)) : less(at(a), at(b)); });
      for (int64_t r = 0; r < k; ++r) {
        CHECK(index[(o * k + r) * inner + i] == order[r], "%s %s axis %lld k %lld rank %lld", table.isa.c_str(),
              row.name, (long long)axis, (long long)k, (long long)r);
      }
    }
  }
}

template <class T>
static void check_type(const IsaTable& table) {
  for (bool descending : {false, true}) {
    for (double range : {5.0, 120.0, sizeof(T) == 1 ? 255.0 : 2e9}) {
      check<T>(table, 1, 1, 1, 1, descending, range);
      check<T>(table, 3, 10, 7, 10, descending, range);
      check<T>(table, 3, 10, 7, 2, descending, range);
      check<T>(table, 2, 300, 3, 300, descending, range);
      check<T>(table, 2, 300, 3, 40, descending, range);
      check<T>(table, 50, 1000, 1, 5, descending, range);
      check<T>(table, 1, 20000, 1, 20000, descending, range);
    }
  }
}

int main() {
  for (const IsaTable& table : sort_tables()) {
    check_type<float>(table);
    check_type<double>(table);
    check_type<int32_t>(table);
    check_type<int64_t>(table);
    check_type<uint8_t>(table);
    std::printf("sort %s ok\n", table.isa.c_str());
  }
  return 0;
}
