// The reduce family against naive double loops: every row, odd sizes, special values, any order of tasks.
#include "kernels/reduce/reduce.h"
#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(reduce)

using namespace brawn;
using namespace kernel_test;

struct Shape {
  int64_t outer, reduce, inner;
};

static const Shape kShapes[] = {
    {1, 1, 1},     {3, 1, 5},      {2, 7, 1},      {5, 64, 1},     {3, 129, 1},     {2, 1000, 1},  {1, 100003, 1},
    {1, 70000, 3}, {2, 33, 7},     {1, 5000, 31},  {1, 3001, 64},  {1, 1024, 1000}, {4, 17, 1025}, {2, 300, 2500},
    {300, 5, 3},   {1, 2, 100000}, {1, 300000, 1}, {2000, 200, 1}, {17, 9000, 1},
};

template <class T>
static std::vector<T> line(const std::vector<T>& x, const Shape& s, int64_t o, int64_t i) {
  std::vector<T> values;
  for (int64_t r = 0; r < s.reduce; ++r) values.push_back(x[(o * s.reduce + r) * s.inner + i]);
  return values;
}

template <class T, class Out>
static void check_lines(const IsaTable& table, const std::string& op, const std::vector<T>& x, const Shape& s,
                        double tolerance, const std::function<double(const std::vector<T>&)>& expect,
                        double correction = 0) {
  const std::string name = "reduce_" + op;
  const KernelRow& row = find_row(table, name);
  std::vector<Out> y(s.outer * s.inner);
  const ReduceVarArgs args = {x.data(), y.data(), s.outer, s.reduce, s.inner, correction};
  run_all_orders(row, &args, y);
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < s.inner; i += 1 + s.inner / 97) {
      const double e = expect(line(x, s, o, i));
      const double a = static_cast<double>(y[o * s.inner + i]);
      CHECK(close(a, e, tolerance), "%s %s [%lld,%lld,%lld] at %lld,%lld: %.17g, expected %.17g", table.isa.c_str(),
            name.c_str(), (long long)s.outer, (long long)s.reduce, (long long)s.inner, (long long)o, (long long)i, a,
            e);
    }
  }
}

template <class T>
static double sum_of(const std::vector<T>& v) {
  double sum = 0;
  for (T x : v) sum += static_cast<double>(x);
  return sum;
}

template <class T>
static bool better(T candidate, T best, bool largest) {
  if (best != best) return false;
  return candidate != candidate || (largest ? candidate > best : candidate < best);
}

template <class T>
static double arg_of(const std::vector<T>& v, bool largest) {
  size_t best = 0;
  for (size_t i = 1; i < v.size(); ++i) best = better(v[i], v[best], largest) ? i : best;
  return static_cast<double>(best);
}

static double variance_of(const std::vector<double>& v, double correction) {
  const double mean = sum_of(v) / v.size();
  double m2 = 0;
  for (double x : v) m2 += (x - mean) * (x - mean);
  return m2 / std::fmax(0, v.size() - correction);
}

static double log_sum_exp_of(const std::vector<double>& v) {
  double top = -INFINITY;
  for (double x : v) top = x > top || std::isnan(x) ? x : top;
  if (std::isinf(top)) return top;
  double sum = 0;
  for (double x : v) sum += std::exp(x - top);
  return top + std::log(sum);
}

template <class T>
static void check_extrema(const IsaTable& table, const std::vector<T>& x, const Shape& s) {
  const std::string d = std::string("_") + dtype_name<T>();
  for (bool largest : {true, false}) {
    check_lines<T, T>(table, (largest ? "max" : "min") + d, x, s, 0, [=](const std::vector<T>& v) {
      return static_cast<double>(v[static_cast<size_t>(arg_of(v, largest))]);
    });
    check_lines<T, int32_t>(table, (largest ? "argMax" : "argMin") + d, x, s, 0,
                            [=](const std::vector<T>& v) { return arg_of(v, largest); });
  }
}

template <class T>
static void check_floats(const IsaTable& table, const Shape& s) {
  const std::string d = std::string("_") + dtype_name<T>();
  const double eps = sizeof(T) == 4 ? 1e-6 : 1e-14;
  std::vector<T> x = random_values<T>(s.outer * s.reduce * s.inner, 11, -3, 5);
  const double sum_tolerance = (sizeof(T) == 4 ? 6e-8 : 1e-16) * (4 + 4 * s.reduce);
  check_lines<T, T>(table, "sum" + d, x, s, sum_tolerance, [](const std::vector<T>& v) { return sum_of(v); });
  check_extrema(table, x, s);
  for (double correction : {0.0, 1.0}) {
    const auto expect = [=](const std::vector<T>& v) {
      return variance_of(std::vector<double>(v.begin(), v.end()), correction);
    };
    check_lines<T, T>(table, "var" + d, x, s, 3 * eps, expect, correction);
  }
  const auto lse = [](const std::vector<T>& v) { return log_sum_exp_of(std::vector<double>(v.begin(), v.end())); };
  check_lines<T, T>(table, "logSumExp" + d, x, s, eps, lse);
  std::vector<T> special = x;
  for (size_t i = 0; i < special.size(); i += 1 + i % 89) {
    special[i] = static_cast<T>(i % 7 == 0 ? NAN : i % 7 == 3 ? -INFINITY : i % 7 == 5 ? INFINITY : 2);
  }
  check_extrema(table, special, s);
  check_lines<T, T>(table, "logSumExp" + d, std::vector<T>(x.size(), -INFINITY), s, 0, lse);
  for (size_t i = 0; i < special.size(); ++i) special[i] = i % 3 == 0 ? x[i] : static_cast<T>(-INFINITY);
  check_lines<T, T>(table, "logSumExp" + d, special, s, eps, lse);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(1 + (x[i] - 1) / 1000);
  check_lines<T, T>(table, "prod" + d, x, s, 1e-6, [](const std::vector<T>& v) {
    double product = 1;
    for (T a : v) product *= static_cast<double>(a);
    return product;
  });
}

template <class T>
static void check_integers(const IsaTable& table, const Shape& s) {
  const std::string d = std::string("_") + dtype_name<T>();
  const std::vector<T> x = random_values<T>(s.outer * s.reduce * s.inner, 5, sizeof(T) == 1 ? 0 : -100, 100);
  check_lines<T, T>(table, "sum" + d, x, s, 0, [](const std::vector<T>& v) {
    uint64_t sum = 0;
    for (T a : v) sum += static_cast<uint64_t>(a);
    return static_cast<double>(static_cast<T>(sum));
  });
  check_lines<T, T>(table, "prod" + d, x, s, 1e-12, [](const std::vector<T>& v) {
    uint64_t product = 1;
    for (T a : v) product *= static_cast<uint64_t>(a);
    return static_cast<double>(static_cast<T>(product));
  });
  check_extrema(table, x, s);
}

static void check_bools(const IsaTable& table, const Shape& s) {
  std::vector<uint8_t> x = random_values<uint8_t>(s.outer * s.reduce * s.inner, 3, 0, 256);
  for (int kind = 0; kind < 3; ++kind) {
    if (kind == 1) std::fill(x.begin(), x.end(), 0);
    if (kind == 2) std::fill(x.begin(), x.end(), 1);
    if (kind == 2) x[x.size() / 2] = 0;
    check_lines<uint8_t, uint8_t>(table, "any_b8", x, s, 0, [](const std::vector<uint8_t>& v) {
      for (uint8_t a : v)
        if (a) return 1.0;
      return 0.0;
    });
    check_lines<uint8_t, uint8_t>(table, "all_b8", x, s, 0, [](const std::vector<uint8_t>& v) {
      for (uint8_t a : v)
        if (!a) return 0.0;
      return 1.0;
    });
  }
}

// A large mean, and `apart` rows at the start that are far from it.
static void check_moments(const IsaTable& table, const Shape& s, int64_t apart) {
  std::vector<float> x = random_values<float>(s.outer * s.reduce * s.inner, 23, 1000, 1001);
  for (int64_t o = 0; o < s.outer; ++o) {
    std::fill_n(x.begin() + o * s.reduce * s.inner, apart * s.inner, 0.5f);
  }
  std::vector<float> mean(s.outer * s.inner), var(s.outer * s.inner);
  const ReduceMomentsArgs args = {x.data(), mean.data(), var.data(), s.outer, s.reduce, s.inner, 1};
  run_all_orders(find_row(table, "reduce_moments_f32"), &args, var);
  for (int64_t i = 0; i < s.inner; ++i) {
    const std::vector<float> v = line(x, s, 1, i);
    CHECK(close(mean[s.inner + i], sum_of(v) / v.size(), 1e-7), "mean %g", mean[s.inner + i]);
    const double expected = variance_of({v.begin(), v.end()}, 1);
    CHECK(std::fabs(var[s.inner + i] / expected - 1) < 1e-6, "var of a large mean: %.9g, expected %.9g",
          var[s.inner + i], expected);
  }
}

int main() {
  for (const IsaTable& table : reduce_tables()) {
    for (const Shape& s : kShapes) {
      check_floats<float>(table, s);
      check_floats<double>(table, s);
      check_integers<int32_t>(table, s);
      check_integers<int64_t>(table, s);
      check_integers<uint8_t>(table, s);
      check_bools(table, s);
    }
    check_moments(table, {2, 5000, 37}, 0);
    for (int64_t apart : {1, 8, 9}) check_moments(table, {2, 128, 64}, apart);
    std::printf("reduce %s ok\n", table.isa.c_str());
  }
  return 0;
}
