// Every operation of the elementwise machine, on every instruction set this CPU has, against scalar references: exact
// for arithmetic, comparisons and casts, within a bound in units in the last place for float32 mathematics.
//
//   vm_test          a few seconds
//   vm_test <step>   checks one float in <step> and prints the largest error per function (the table in simd/math.h)
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/elementwise/vm.h"

namespace {

using brawn::VmOp;
using brawn::VmTable;

int g_failures = 0;
const char* g_isa = "";

void fail(const std::string& what) {
  if (++g_failures <= 40) fprintf(stderr, "FAIL [%s] %s\n", g_isa, what.c_str());
}

const VmOp* find(const VmTable& table, const std::string& name) {
  for (int i = 0; i < table.count; ++i) {
    if (name == table.ops[i].name) return &table.ops[i];
  }
  fail("no operation " + name);
  return nullptr;
}

struct Random {
  uint64_t state = 88172645463325252ull;
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  double uniform() { return static_cast<double>(next() >> 11) / 9007199254740992.0; }
};

float float_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

// Distance of a float result from the exact value, in units in the last place of the exact one.
double ulp_error(float got, double exact) {
  if (exact != exact) return got != got ? 0 : 1e30;
  if (got != got) return 1e30;
  const float rounded = static_cast<float>(exact);
  if (isinf(rounded) || isinf(got)) return rounded == got ? 0 : 1e30;
  if (got == 0 && rounded == 0) return signbit(got) == signbit(exact) ? 0 : 1e30;
  int exponent;
  frexp(exact, &exponent);
  if (exponent < -125) exponent = -125;
  return fabs(static_cast<double>(got) - exact) / ldexp(1.0, exponent - 24);
}

double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
double rsqrt(double x) { return 1 / sqrt(x); }
double reciprocal(double x) { return 1 / x; }

struct MathCase {
  const char* name;
  double (*exact)(double);
  double limit;  // ulp
};
const MathCase kMath[] = {
    {"exp", exp, 1.5},     {"expm1", expm1, 2.0},     {"log", log, 1.5},
    {"log1p", log1p, 2.0}, {"sqrt", sqrt, 0.501},     {"rsqrt", rsqrt, 1.5},
    {"tanh", tanh, 2.5},   {"sigmoid", sigmoid, 2.5}, {"reciprocal", reciprocal, 0.501},
    {"round", rint, 0},    {"floor", floor, 0},       {"ceil", ceil, 0},
    {"trunc", trunc, 0},   {"sin", sin, 2.0},         {"cos", cos, 2.0},
    {"erf", erf, 2.0},
};

void test_math(const VmTable& table, uint64_t step, bool print) {
  for (const MathCase& c : kMath) {
    const VmOp* op = find(table, std::string(c.name) + "_f32");
    if (op == nullptr) continue;
    double worst = 0;
    float worst_at = 0;
    float x[512], y[512];
    for (uint64_t bits = 0; bits < (1ull << 32);) {
      int64_t n = 0;
      for (; n < 509 && bits < (1ull << 32); bits += step) x[n++] = float_from_bits(static_cast<uint32_t>(bits));
      op->run(y, x, nullptr, nullptr, n);
      for (int64_t i = 0; i < n; ++i) {
        const double error = ulp_error(y[i], c.exact(static_cast<double>(x[i])));
        if (error > worst) worst = error, worst_at = x[i];
      }
    }
    const float edges[] = {0.0f,        -0.0f,       1.0f,       -1.0f,      INFINITY,
                           -INFINITY,   NAN,         1e-45f,     -1e-45f,    1.17549435e-38f,
                           88.72283f,   88.72284f,   -103.97f,   -103.98f,   -87.3f,
                           3.4e38f,     -3.4e38f,    1048576.0f, 1048577.0f, 0.5f,
                           1.5f,        2.5f,        -0.5f,      8388607.5f, 8388608.0f,
                           0.99999994f, 1.0000001f,  0.92773f,   0.92774f,   3.14159265f,
                           1.57079633f, 16777216.0f, 10.0f,      20.0f};
    const int64_t count = sizeof(edges) / sizeof(edges[0]);
    op->run(y, edges, nullptr, nullptr, count);
    for (int64_t i = 0; i < count; ++i) {
      const double error = ulp_error(y[i], c.exact(static_cast<double>(edges[i])));
      if (error > worst) worst = error, worst_at = edges[i];
    }
    if (print) printf("%-7s %-10s %.3f ulp at %.9g\n", g_isa, c.name, worst, static_cast<double>(worst_at));
    if (worst > c.limit) {
      fail(std::string(c.name) + "_f32: " + std::to_string(worst) + " ulp at " + std::to_string(worst_at));
    }
    const VmOp* wide = find(table, std::string(c.name) + "_f64");
    double a[64], b[64];
    for (int64_t i = 0; i < count; ++i) a[i] = static_cast<double>(edges[i]);
    wide->run(b, a, nullptr, nullptr, count);
    for (int64_t i = 0; i < count; ++i) {
      const double want = c.exact(a[i]);
      const bool same = want == b[i] || (want != want && b[i] != b[i]) || fabs(want - b[i]) <= 1e-15 * fabs(want);
      if (!same) fail(std::string(c.name) + "_f64 at " + std::to_string(a[i]));
    }
  }
}

void test_pow(const VmTable& table, int64_t pairs, bool print) {
  const float edges[] = {0.0f,        -0.0f,   1.0f,     -1.0f,    2.0f,        -2.0f,       0.5f,
                         -0.5f,       3.0f,    -3.0f,    INFINITY, -INFINITY,   NAN,         1e-45f,
                         -1e-45f,     3.4e38f, -3.4e38f, 1e-38f,   16777215.0f, 16777216.0f, 1.0000001f,
                         0.99999994f, 127.5f,  -149.5f,  33.0f,    -33.0f,      1e10f,       0.3333333f};
  std::vector<float> x, y;
  for (float a : edges) {
    for (float b : edges) x.push_back(a), y.push_back(b);
  }
  Random random;
  for (int64_t i = 0; i < pairs; ++i) {
    const float a = float_from_bits(static_cast<uint32_t>(random.next()) & 0x7fffffffu);
    x.push_back(a);
    const double bound = 155 / fabs(log2(static_cast<double>(a)));
    y.push_back(static_cast<float>((random.uniform() * 2 - 1) * (i % 2 ? bound : 8.0)));
  }
  const VmOp* op = find(table, "pow_f32");
  double worst = 0;
  size_t at = 0;
  std::vector<float> r(x.size());
  for (size_t i = 0; i < x.size(); i += 512) {
    const int64_t n = static_cast<int64_t>(x.size() - i < 512 ? x.size() - i : 512);
    op->run(&r[i], &x[i], &y[i], nullptr, n);
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = ulp_error(r[i], pow(static_cast<double>(x[i]), static_cast<double>(y[i])));
    if (error > worst) worst = error, at = i;
  }
  if (print)
    printf("%-7s %-10s %.3f ulp at %.9g, %.9g\n", g_isa, "pow", worst, static_cast<double>(x[at]),
           static_cast<double>(y[at]));
  if (worst > 1.5)
    fail("pow_f32: " + std::to_string(worst) + " ulp at " + std::to_string(x[at]) + " " + std::to_string(y[at]));
}

template <class T>
std::vector<T> samples() {
  std::vector<T> values;
  Random random;
  if constexpr (std::is_floating_point<T>::value) {
    typedef std::numeric_limits<T> Limits;
    values = {T(0),
              -T(0),
              T(1),
              T(-1),
              T(2.5),
              T(-2.5),
              T(3),
              T(-3),
              T(0.5),
              T(7),
              T(255),
              T(256),
              T(-256),
              T(2147483647.0),
              T(2147483648.0),
              T(-2147483648.0),
              T(-2147483904.0),
              T(9223372036854775807.0),
              T(-9223372036854775808.0),
              T(1e30),
              T(-1e30),
              Limits::infinity(),
              -Limits::infinity(),
              Limits::quiet_NaN(),
              Limits::denorm_min(),
              Limits::min(),
              Limits::max()};
    for (int i = 0; i < 40; ++i) values.push_back(static_cast<T>((random.uniform() - 0.5) * (i % 2 ? 8 : 4000)));
  } else {
    typedef std::numeric_limits<T> Limits;
    values = {T(0), T(1), T(2), T(3), T(7), T(-1), T(-2), T(-7), Limits::max(), Limits::min(), T(Limits::max() - 1)};
    for (int i = 0; i < 40; ++i) values.push_back(static_cast<T>(random.next() >> (i % 2 ? 3 : 60)));
  }
  return values;
}

template <class T>
bool same(T a, T b) {
  return memcmp(&a, &b, sizeof(T)) == 0 || a == b || (a != a && b != b);
}

template <class T, class R, class F>
void check1(const VmTable& table, const std::string& name, F want) {
  const VmOp* op = find(table, name);
  if (op == nullptr) return;
  const std::vector<T> x = samples<T>();
  std::vector<R> r(x.size());
  op->run(r.data(), x.data(), nullptr, nullptr, static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    if (!same<R>(r[i], want(x[i]))) fail(name + " at " + std::to_string(x[i]) + " gives " + std::to_string(r[i]));
  }
}

template <class T, class R, class F>
void check2(const VmTable& table, const std::string& name, F want) {
  const VmOp* op = find(table, name);
  if (op == nullptr) return;
  const std::vector<T> values = samples<T>();
  std::vector<T> x, y;
  for (T a : values) {
    for (T b : values) x.push_back(a), y.push_back(b);
  }
  std::vector<R> r(x.size());
  op->run(r.data(), x.data(), y.data(), nullptr, static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    if (!same<R>(r[i], want(x[i], y[i]))) {
      fail(name + " at " + std::to_string(x[i]) + ", " + std::to_string(y[i]) + " gives " + std::to_string(r[i]));
    }
  }
}

// Integer arithmetic modulo 2^bits, computed in 128 bits; plain arithmetic for floats.
template <class T>
T modular(__int128 exact) {
  typedef typename std::make_unsigned<T>::type U;
  return static_cast<T>(static_cast<U>(exact));
}

template <class T>
void test_numeric(const VmTable& table, const std::string& dtype) {
  constexpr bool kFloat = std::is_floating_point<T>::value;
  const auto name = [&](const char* op) { return std::string(op) + "_" + dtype; };
  if constexpr (kFloat) {
    check1<T, T>(table, name("neg"), [](T x) { return -x; });
    check1<T, T>(table, name("abs"), [](T x) { return static_cast<T>(fabs(x)); });
    check1<T, T>(table, name("square"), [](T x) { return x * x; });
    check1<T, uint8_t>(table, name("isNaN"), [](T x) -> uint8_t { return isnan(x); });
    check1<T, uint8_t>(table, name("isFinite"), [](T x) -> uint8_t { return isfinite(x); });
    check2<T, T>(table, name("add"), [](T x, T y) { return x + y; });
    check2<T, T>(table, name("sub"), [](T x, T y) { return x - y; });
    check2<T, T>(table, name("mul"), [](T x, T y) { return x * y; });
    check2<T, T>(table, name("div"), [](T x, T y) { return x / y; });
    check2<T, T>(table, name("mod"), [](T x, T y) {
      const T r = static_cast<T>(fmod(x, y));
      return r != 0 && (r < 0) != (y < 0) ? r + y : r;
    });
  } else {
    check1<T, T>(table, name("neg"), [](T x) { return modular<T>(-static_cast<__int128>(x)); });
    check1<T, T>(table, name("abs"), [](T x) { return modular<T>(x < 0 ? -static_cast<__int128>(x) : x); });
    check1<T, T>(table, name("square"), [](T x) { return modular<T>(static_cast<__int128>(x) * x); });
    check2<T, T>(table, name("add"), [](T x, T y) { return modular<T>(static_cast<__int128>(x) + y); });
    check2<T, T>(table, name("sub"), [](T x, T y) { return modular<T>(static_cast<__int128>(x) - y); });
    check2<T, T>(table, name("mul"), [](T x, T y) { return modular<T>(static_cast<__int128>(x) * y); });
    check2<T, T>(table, name("div"), [](T x, T y) { return y == 0 ? T(0) : modular<T>(static_cast<__int128>(x) / y); });
    check2<T, T>(table, name("mod"), [](T x, T y) {
      if (y == 0) return T(0);
      const __int128 r = static_cast<__int128>(x) % y;
      return modular<T>(r != 0 && (r < 0) != (y < 0) ? r + y : r);
    });
    check2<T, T>(table, name("pow"), [](T x, T y) {
      if (y < 0) return x == 1 ? T(1) : static_cast<__int128>(x) == -1 ? T(y % 2 ? -1 : 1) : T(0);
      __int128 r = 1, p = x;
      for (T e = y; e > 0; e = static_cast<T>(e / 2), p = modular<T>(p * p)) {
        if (e % 2) r = modular<T>(r * p);
      }
      return static_cast<T>(r);
    });
  }
  check1<T, T>(table, name("sign"), [](T x) { return T((x > 0) - (x < 0)); });
  check1<T, T>(table, name("relu"), [](T x) { return x < 0 ? T(0) : x; });
  check2<T, T>(table, name("maximum"), [](T x, T y) { return x != x ? x : y != y ? y : x > y ? x : y; });
  check2<T, T>(table, name("minimum"), [](T x, T y) { return x != x ? x : y != y ? y : x < y ? x : y; });
}

template <class T>
void test_all(const VmTable& table, const std::string& dtype) {
  const auto name = [&](const char* op) { return std::string(op) + "_" + dtype; };
  check1<T, T>(table, name("copy"), [](T x) { return x; });
  check2<T, uint8_t>(table, name("lt"), [](T x, T y) -> uint8_t { return x < y; });
  check2<T, uint8_t>(table, name("le"), [](T x, T y) -> uint8_t { return x <= y; });
  check2<T, uint8_t>(table, name("gt"), [](T x, T y) -> uint8_t { return x > y; });
  check2<T, uint8_t>(table, name("ge"), [](T x, T y) -> uint8_t { return x >= y; });
  check2<T, uint8_t>(table, name("eq"), [](T x, T y) -> uint8_t { return x == y; });
  check2<T, uint8_t>(table, name("ne"), [](T x, T y) -> uint8_t { return x != y; });
  const std::vector<T> x = samples<T>();
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<T> y(x.rbegin(), x.rend()), r(x.size());
  std::vector<uint8_t> condition(x.size());
  for (size_t i = 0; i < x.size(); ++i) condition[i] = static_cast<uint8_t>(i % 3 == 0 ? 0 : i % 3);
  find(table, name("where"))->run(r.data(), condition.data(), x.data(), y.data(), n);
  for (size_t i = 0; i < x.size(); ++i) {
    if (!same<T>(r[i], condition[i] ? x[i] : y[i])) fail(name("where"));
  }
}

template <class T>
void test_clamp(const VmTable& table, const std::string& dtype) {
  const std::vector<T> values = samples<T>();
  for (T lo : {T(0), T(3), values.back()}) {
    for (T hi : {T(2), T(100), values[3]}) {
      const size_t n = values.size();
      std::vector<T> a(n, lo), b(n, hi), r(values);
      find(table, "clamp_" + dtype)->run(r.data(), r.data(), a.data(), b.data(), static_cast<int64_t>(n));
      for (size_t i = 0; i < n; ++i) {
        const T x = values[i];
        const T lower = x != x ? x : x > lo ? x : lo;
        if (!same<T>(r[i], lower != lower ? lower : lower < hi ? lower : hi)) fail("clamp_" + dtype);
      }
    }
  }
}

template <class To, class From>
To cast_exact(From x) {
  if constexpr (std::is_floating_point<From>::value && !std::is_floating_point<To>::value) {
    if (x != x) return 0;
    const long double t = truncl(x);
    if (t >= static_cast<long double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    if (t <= static_cast<long double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(t);
  } else {
    return static_cast<To>(x);
  }
}

template <class From>
void test_casts(const VmTable& table, const std::string& from) {
  const std::string prefix = "cast_" + from + "_";
  check1<From, float>(table, prefix + "f32", cast_exact<float, From>);
  check1<From, double>(table, prefix + "f64", cast_exact<double, From>);
  check1<From, int32_t>(table, prefix + "i32", cast_exact<int32_t, From>);
  check1<From, int64_t>(table, prefix + "i64", cast_exact<int64_t, From>);
  check1<From, uint8_t>(table, prefix + "u8", cast_exact<uint8_t, From>);
  check1<From, uint8_t>(table, prefix + "b8", [](From x) -> uint8_t { return x != 0; });
}

void test_bool(const VmTable& table) {
  const uint8_t a[4] = {0, 0, 1, 1}, b[4] = {0, 1, 0, 1};
  const struct {
    const char* name;
    uint8_t want[4];
  } cases[] = {{"logicalAnd_b8", {0, 0, 0, 1}}, {"logicalOr_b8", {0, 1, 1, 1}}, {"logicalXor_b8", {0, 1, 1, 0}},
               {"logicalNot_b8", {1, 1, 0, 0}}, {"lt_b8", {0, 1, 0, 0}},        {"le_b8", {1, 1, 0, 1}},
               {"gt_b8", {0, 0, 1, 0}},         {"ge_b8", {1, 0, 1, 1}},        {"eq_b8", {1, 0, 0, 1}},
               {"ne_b8", {0, 1, 1, 0}},         {"copy_b8", {0, 0, 1, 1}},      {"cast_b8_u8", {0, 0, 1, 1}}};
  for (const auto& c : cases) {
    uint8_t r[4];
    find(table, c.name)->run(r, a, b, nullptr, 4);
    if (memcmp(r, c.want, 4) != 0) fail(c.name);
  }
  float f[4];
  find(table, "cast_b8_f32")->run(f, a, nullptr, nullptr, 4);
  if (f[0] != 0 || f[3] != 1) fail("cast_b8_f32");
  float yes[4] = {1, 2, 3, 4}, no[4] = {5, 6, 7, 8}, r[4];
  find(table, "where_f32")->run(r, a, yes, no, 4);
  if (r[0] != 5 || r[2] != 3) fail("where_f32");
}

void test_table(const char* isa, const VmTable& table, uint64_t step, bool print) {
  g_isa = isa;
  std::map<std::string, int> seen;
  for (int i = 0; i < table.count; ++i) {
    if (seen[table.ops[i].name]++ != 0) fail(std::string("twice in the table: ") + table.ops[i].name);
  }
  test_math(table, step, print);
  test_pow(table, print ? 4000000 : 200000, print);
  test_numeric<float>(table, "f32");
  test_numeric<double>(table, "f64");
  test_numeric<int32_t>(table, "i32");
  test_numeric<int64_t>(table, "i64");
  test_numeric<uint8_t>(table, "u8");
  test_all<float>(table, "f32");
  test_all<double>(table, "f64");
  test_all<int32_t>(table, "i32");
  test_all<int64_t>(table, "i64");
  test_all<uint8_t>(table, "u8");
  test_clamp<float>(table, "f32");
  test_clamp<double>(table, "f64");
  test_clamp<int32_t>(table, "i32");
  test_clamp<int64_t>(table, "i64");
  test_clamp<uint8_t>(table, "u8");
  test_casts<float>(table, "f32");
  test_casts<double>(table, "f64");
  test_casts<int32_t>(table, "i32");
  test_casts<int64_t>(table, "i64");
  test_casts<uint8_t>(table, "u8");
  test_bool(table);
  printf("%s: %d operations\n", isa, table.count);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t step = argc > 1 ? strtoull(argv[1], nullptr, 10) : 10007;
  const bool print = argc > 1;
  test_table("ref", brawn::ref::vm_table(), step, print);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    test_table("avx2", brawn::avx2::vm_table(), step, print);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    test_table("avx512", brawn::avx512::vm_table(), step, print);
  }
#elif defined(__aarch64__)
  test_table("neon", brawn::neon::vm_table(), step, print);
#endif
  return g_failures == 0 ? 0 : 1;
}
