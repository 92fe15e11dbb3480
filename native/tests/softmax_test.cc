// The softmax family against naive double loops, also in place and on lines of infinities and NaN.
#include "kernels/softmax/softmax.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(softmax)

using namespace brawn;
using namespace kernel_test;

template <class T>
static std::vector<double> expected_line(const std::vector<T>& x, const SoftmaxArgs& a, int64_t row, int64_t i,
                                         bool log) {
  double top = -INFINITY, sum = 0;
  const auto at = [&](int64_t c) { return static_cast<double>(x[(row * a.cols + c) * a.inner + i]); };
  for (int64_t c = 0; c < a.cols; ++c) top = at(c) > top ? at(c) : top;
  for (int64_t c = 0; c < a.cols; ++c) sum += std::exp(at(c) - top);
  std::vector<double> y;
  for (int64_t c = 0; c < a.cols; ++c) y.push_back(log ? at(c) - top - std::log(sum) : std::exp(at(c) - top) / sum);
  return y;
}

template <class T>
static void check(const IsaTable& table, int64_t rows, int64_t cols, int64_t inner, bool log, bool special) {
  const KernelRow& row = find_row(table, std::string(log ? "logSoftmax_" : "softmax_") + dtype_name<T>());
  std::vector<T> x = random_values<T>(rows * cols * inner, 5, -20, 20);
  if (special) {
    for (size_t i = 0; i < x.size(); ++i) {
      const int64_t r = static_cast<int64_t>(i) / (cols * inner);
      if (r % 4 == 0 || (r % 4 == 1 && i % 3 != 0)) x[i] = -static_cast<T>(INFINITY);
      if (r % 4 == 2 && i % 5 == 1) x[i] = static_cast<T>(NAN);
      if (r % 4 == 3 && i % 7 == 1) x[i] = static_cast<T>(INFINITY);
    }
  }
  std::vector<T> y(x.size());
  SoftmaxArgs args = {x.data(), y.data(), rows, cols, inner};
  run_all_orders(row, &args, y);
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < inner; ++i) {
      const std::vector<double> e = expected_line(x, args, r, i, log);
      for (int64_t c = 0; c < cols; ++c) {
        const double a = y[(r * cols + c) * inner + i];
        CHECK(close(a, e[c], tolerance) &&
                  (log || std::isnan(e[c]) || e[c] < 1e-30 || std::fabs(a / e[c] - 1) < tolerance * 2),
              "%s %s [%lld,%lld,%lld]: %g, expected %g", table.isa.c_str(), row.name, (long long)rows, (long long)cols,
              (long long)inner, a, e[c]);
      }
    }
  }
  args.y = x.data();
  run(row, &args);
  CHECK(std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0, "%s in place", row.name);
}

// A million terms of one size, which plain float32 sums would get wrong.
static void check_long(const IsaTable& table, int64_t inner) {
  const int64_t cols = 1 << 20;
  const std::vector<float> x = random_values<float>(cols * inner, 5, 0, 1);
  std::vector<float> y(x.size());
  SoftmaxArgs args = {x.data(), y.data(), 1, cols, inner};
  run(find_row(table, "softmax_f32"), &args);
  for (int64_t i = 0; i < inner; ++i) {
    const std::vector<double> e = expected_line(x, args, 0, i, false);
    for (int64_t c = 0; c < cols; ++c) {
      CHECK(std::fabs(y[c * inner + i] / e[c] - 1) < 1e-6, "%s softmax_f32 of %lld lines: %g, expected %g",
            table.isa.c_str(), (long long)inner, y[c * inner + i], e[c]);
    }
  }
}

int main() {
  for (const IsaTable& table : softmax_tables()) {
    for (int64_t inner : {1, 3}) check_long(table, inner);
    for (bool log : {false, true}) {
      for (bool special : {false, true}) {
        for (int64_t cols : {1, 3, 10, 16, 33, 1000}) {
          for (int64_t inner : {1, 2, 37, 300}) {
            check<float>(table, 9, cols, inner, log, special);
            check<double>(table, 9, cols, inner, log, special);
          }
          check<float>(table, 601, cols, 1, log, special);
        }
      }
    }
    std::printf("softmax %s ok\n", table.isa.c_str());
  }
  return 0;
}
