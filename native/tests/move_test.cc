// The move family against naive loops: fills of every size, and copies between strided tensors of ranks 1 to 17.
#include "kernels/move/move.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(move)

using namespace brawn;
using namespace kernel_test;

using List = std::vector<int64_t>;

static Span<int64_t> span(const List& list) { return {list.data(), static_cast<int64_t>(list.size())}; }

template <class T>
static void check_fill(const IsaTable& table, int64_t n) {
  std::vector<T> y(n + 1, 7);
  const uint64_t pattern = 0xfedcba9876543210u;
  MoveFillArgs args = {y.data(), n, sizeof(T), static_cast<int64_t>(pattern & 0xffffffffu),
                       static_cast<int64_t>(pattern >> 32)};
  run_all_orders(find_row(table, "move_fill"), &args, y);
  for (int64_t i = 0; i < n; ++i)
    CHECK(y[i] == static_cast<T>(pattern), "fill %s at %lld", table.isa.c_str(), (long long)i);
  CHECK(y[n] == 7, "fill wrote past its end");
}

// The lowest and highest place that strides reach from element [0, 0, ...].
static void reach(const List& dims, const List& strides, int64_t* low, int64_t* high) {
  *low = *high = 0;
  for (size_t d = 0; d < dims.size(); ++d) (strides[d] < 0 ? *low : *high) += (dims[d] - 1) * strides[d];
}

template <class T>
static void check_copy(const IsaTable& table, const List& dims, const List& xs, const List& ys) {
  int64_t x_low, x_high, y_low, y_high;
  reach(dims, xs, &x_low, &x_high);
  reach(dims, ys, &y_low, &y_high);
  const std::vector<T> x = random_values<T>(x_high - x_low + 1, 5, 0, 250);
  std::vector<T> y(y_high - y_low + 1, 99);
  std::vector<T> expected = y;
  int64_t n = 1;
  for (int64_t dim : dims) n *= dim;
  for (int64_t i = 0; i < n; ++i) {
    int64_t rest = i, from = -x_low, to = -y_low;
    for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) {
      from += rest % dims[d] * xs[d];
      to += rest % dims[d] * ys[d];
    }
    expected[to] = x[from];
  }
  const MoveCopyArgs args = {x.data() - x_low, y.data() - y_low, span(dims), span(xs), span(ys), sizeof(T)};
  run_all_orders(find_row(table, "move_copy"), &args, y);
  CHECK(std::memcmp(y.data(), expected.data(), y.size() * sizeof(T)) == 0, "copy %s of rank %zu", table.isa.c_str(),
        dims.size());
}

template <class T>
static void check_all(const IsaTable& table) {
  for (int64_t n : {1, 3, 1000, 32768, 32769, 100001}) check_fill<T>(table, n);
  check_copy<T>(table, {1}, {0}, {0});
  check_copy<T>(table, {200001}, {1}, {1});
  check_copy<T>(table, {70001}, {-1}, {1});
  check_copy<T>(table, {5000}, {0}, {2});
  check_copy<T>(table, {300, 7}, {7, 1}, {20, 1});
  check_copy<T>(table, {4, 9000}, {0, 1}, {20000, 2});
  check_copy<T>(table, {130, 200}, {1, 130}, {200, 1});
  check_copy<T>(table, {3, 65, 67, 5}, {65 * 67 * 5, 1, 65, 65 * 67}, {65 * 67 * 7, 67 * 7, 7, 1});
  check_copy<T>(table, {2, 65, 3, 100}, {65 * 300, -1, 6500, 65}, {65 * 300, 300, -100, 1});
  check_copy<T>(table, {3, 1, 4, 2}, {-8, 5, 2, 1}, {40, 1, -8, 3});
  List dims, xs, ys;
  for (int64_t d = 0; d < 17; ++d) {
    dims.push_back(d < 3 ? 1 : 2);
    xs.push_back(int64_t{1} << d);
    ys.push_back(int64_t{1} << (16 - d));
  }
  check_copy<T>(table, dims, xs, ys);
}

int main() {
  for (const IsaTable& table : move_tables()) {
    check_all<uint8_t>(table);
    check_all<uint32_t>(table);
    check_all<uint64_t>(table);
    std::printf("move %s ok\n", table.isa.c_str());
  }
  return 0;
}
