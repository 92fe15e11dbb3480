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
  const int64_t cols = a.shape.cols;
  const auto at = [&](int64_t c) { return static_cast<double>(x[(row * cols + c) * a.shape.inner + i]); };
  for (int64_t c = 0; c < cols; ++c) top = at(c) > top ? at(c) : top;
  for (int64_t c = 0; c < cols; ++c) sum += std::exp(at(c) - top);
  std::vector<double> y;
  for (int64_t c = 0; c < cols; ++c) y.push_back(log ? at(c) - top - std::log(sum) : std::exp(at(c) - top) / sum);
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
  SoftmaxArgs args = {x.data(), y.data(), {rows, cols, inner}};
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

// The logarithm at one class of each line, and its gradient.
template <class T, class I>
static void check_at(const IsaTable& table, int64_t rows, int64_t cols, int64_t inner) {
  const int64_t lines = rows * inner;
  const double tolerance = sizeof(T) == 4 ? 4e-6 : 1e-14;
  const std::vector<T> x = random_values<T>(lines * cols, 5, -20, 20), g = random_values<T>(3 * lines, 6, -1, 1);
  std::vector<T> terms(3 * lines), y(x.size());
  std::vector<I> index(lines);
  for (int64_t i = 0; i < lines; ++i) index[i] = static_cast<I>(i * 7919 % cols);
  const SoftmaxShape shape = {rows, cols, inner};
  const SoftmaxArgs whole = {x.data(), y.data(), shape};
  SoftmaxAtArgs args = {x.data(), index.data(), terms.data(), shape, sizeof(I)};
  run_all_orders(find_row(table, std::string("softmaxAt_") + dtype_name<T>()), &args, terms);
  const KernelRow& grad = find_row(table, std::string("softmaxAtGrad_") + dtype_name<T>());
  SoftmaxAtGradArgs grad_args = {x.data(), index.data(), terms.data(), g.data(), y.data(), shape, sizeof(I)};
  run_all_orders(grad, &grad_args, y);
  for (int64_t l = 0; l < lines; ++l) {
    const std::vector<double> logs = expected_line(x, whole, l / inner, l % inner, true);
    CHECK(close(terms[2 * lines + l], logs[index[l]], tolerance), "%s softmaxAt of %lld: %g, expected %g",
          table.isa.c_str(), (long long)cols, double(terms[2 * lines + l]), logs[index[l]]);
    const double slope = double(g[lines + l]) - g[2 * lines + l];
    for (int64_t c = 0; c < cols; ++c) {
      const double e = std::exp(logs[c]) * slope + (c == index[l] ? g[2 * lines + l] : 0);
      const double a = y[(l / inner * cols + c) * inner + l % inner];
      CHECK(close(a, e, tolerance), "%s %s [%lld,%lld,%lld]: %g, expected %g", table.isa.c_str(), grad.name,
            (long long)rows, (long long)cols, (long long)inner, a, e);
    }
  }
}

// A million terms of one size, which plain float32 sums would get wrong.
static void check_long(const IsaTable& table, int64_t inner) {
  const int64_t cols = 1 << 20;
  const std::vector<float> x = random_values<float>(cols * inner, 5, 0, 1);
  std::vector<float> y(x.size());
  SoftmaxArgs args = {x.data(), y.data(), {1, cols, inner}};
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
    for (int64_t cols : {1, 3, 16, 33, 1000}) {
      for (int64_t inner : {1, 2, 300}) {
        check_at<float, int64_t>(table, 9, cols, inner);
        check_at<double, int32_t>(table, 9, cols, inner);
      }
    }
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
