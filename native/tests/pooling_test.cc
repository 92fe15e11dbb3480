// The pool family against naive loops over taps: odd sizes, padding, dilation, ceil mode, adaptive windows, NaN, and
// gradients as sums over all windows.
#include "kernels/pool/pool.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(pool)

using namespace brawn;
using namespace kernel_test;

struct Dims {
  int64_t v[3];
  int64_t size() const { return v[0] * v[1] * v[2]; }
  Span<int64_t> span() const { return {v, 3}; }
};

struct Case {
  int64_t batch, channels;
  Dims in, kernel, stride, pad, dilation;
  bool ceil;
  int64_t count_include_pad, divisor;
  Dims out;
};

static const Case kCases[] = {
    {1, 1, {{1, 1, 5}}, {{1, 1, 2}}, {{1, 1, 2}}, {{0, 0, 0}}, {{1, 1, 1}}, false, 1, 0, {}},
    {2, 3, {{1, 7, 9}}, {{1, 3, 3}}, {{1, 2, 2}}, {{0, 1, 1}}, {{1, 1, 1}}, false, 1, 0, {}},
    {2, 70, {{1, 8, 6}}, {{1, 3, 2}}, {{1, 2, 3}}, {{0, 1, 1}}, {{1, 1, 1}}, true, 1, 0, {}},
    {1, 64, {{1, 13, 13}}, {{1, 3, 3}}, {{1, 1, 1}}, {{0, 1, 1}}, {{1, 1, 1}}, true, 0, 0, {}},
    {3, 131, {{5, 6, 7}}, {{2, 3, 3}}, {{2, 1, 2}}, {{1, 1, 0}}, {{1, 2, 3}}, false, 0, 0, {}},
    {1, 5, {{4, 9, 3}}, {{3, 2, 3}}, {{1, 3, 1}}, {{1, 0, 1}}, {{1, 1, 1}}, true, 1, 7, {}},
    {1, 300, {{1, 56, 56}}, {{1, 2, 2}}, {{1, 2, 2}}, {{0, 0, 0}}, {{1, 1, 1}}, false, 1, 0, {}},
};

static Dims out_dims(const Case& c) {
  Dims out;
  for (int i = 0; i < 3; ++i) {
    const int64_t room = c.in.v[i] + 2 * c.pad.v[i] - c.dilation.v[i] * (c.kernel.v[i] - 1) - 1;
    out.v[i] = (room + (c.ceil ? c.stride.v[i] - 1 : 0)) / c.stride.v[i] + 1;
    if (c.ceil && (out.v[i] - 1) * c.stride.v[i] >= c.in.v[i] + c.pad.v[i]) --out.v[i];
  }
  return out;
}

// Positions of the taps of one axis that lie inside, and how many the divisor counts.
struct Line {
  std::vector<int64_t> inside;
  int64_t divisor;
};

static Line window_line(const Case& c, int axis, int64_t o) {
  Line line = {{}, 0};
  for (int64_t k = 0; k < c.kernel.v[axis]; ++k) {
    const int64_t i = o * c.stride.v[axis] - c.pad.v[axis] + k * c.dilation.v[axis];
    if (i >= 0 && i < c.in.v[axis]) line.inside.push_back(i);
    if (i < c.in.v[axis] + c.pad.v[axis]) ++line.divisor;
  }
  if (!c.count_include_pad) line.divisor = line.inside.size();
  return line;
}

static Line adaptive_line(int64_t in, int64_t out, int64_t o) {
  Line line = {{}, 0};
  for (int64_t i = o * in / out; i < (int64_t)std::ceil((o + 1.0) * in / out - 1e-9); ++i) line.inside.push_back(i);
  line.divisor = line.inside.size();
  return line;
}

// The taps (positions in the plane) of every output pixel of one plane.
struct Window {
  std::vector<int64_t> taps;
  int64_t divisor;
};

static std::vector<Window> windows(const Case& c, bool adaptive) {
  std::vector<Window> all;
  for (int64_t o = 0; o < c.out.size(); ++o) {
    const int64_t at[3] = {o / (c.out.v[1] * c.out.v[2]), o / c.out.v[2] % c.out.v[1], o % c.out.v[2]};
    Line lines[3];
    for (int i = 0; i < 3; ++i) {
      lines[i] = adaptive ? adaptive_line(c.in.v[i], c.out.v[i], at[i]) : window_line(c, i, at[i]);
    }
    Window w = {{}, lines[0].divisor * lines[1].divisor * lines[2].divisor};
    if (c.divisor > 0) w.divisor = c.divisor;
    for (int64_t d : lines[0].inside)
      for (int64_t h : lines[1].inside)
        for (int64_t x : lines[2].inside) w.taps.push_back((d * c.in.v[1] + h) * c.in.v[2] + x);
    all.push_back(w);
  }
  return all;
}

// Window and adaptive arguments for the same buffers.
struct Args {
  PoolArgs window;
  PoolAdaptiveArgs adaptive;
  const void* get(bool is_adaptive) const {
    return is_adaptive ? static_cast<const void*>(&adaptive) : static_cast<const void*>(&window);
  }
};

static Args make_args(const Case& c, const void* x, void* y) {
  return {{x, y, c.batch, c.channels, c.in.span(), c.out.span(), c.kernel.span(), c.stride.span(), c.pad.span(),
           c.dilation.span(), c.count_include_pad, c.divisor},
          {x, y, c.batch, c.channels, c.in.span(), c.out.span()}};
}

template <class T>
static std::string row_name(const char* window, const char* adaptive, bool is_adaptive) {
  return std::string("pool_") + (is_adaptive ? adaptive : window) + "_" + dtype_name<T>();
}

template <class T>
static std::vector<int64_t> check_max(const IsaTable& table, const Case& c, const std::vector<Window>& all,
                                      const std::vector<T>& x, bool adaptive) {
  const int64_t n_out = c.batch * c.out.size() * c.channels;
  std::vector<int64_t> index(n_out, -5), expected(n_out);
  std::vector<T> value(n_out), best(n_out);
  for (int64_t i = 0; i < n_out; ++i) {
    const int64_t ch = i % c.channels, o = i / c.channels % c.out.size(), n = i / c.channels / c.out.size();
    expected[i] = all[o].taps[0];
    best[i] = -INFINITY;
    for (int64_t tap : all[o].taps) {
      const T v = x[(n * c.in.size() + tap) * c.channels + ch];
      if (v > best[i] || v != v) {
        best[i] = v;
        expected[i] = tap;
      }
    }
  }
  const Args args = make_args(c, x.data(), index.data());
  run_all_orders(find_row(table, row_name<T>("maxIndex", "adaptiveMaxIndex", adaptive)), args.get(adaptive), index);
  CHECK(index == expected, "%s maxIndex", table.isa.c_str());
  const PoolIndexArgs gather = {x.data(), index.data(), value.data(), c.batch, c.channels, c.in.size(), c.out.size()};
  run_all_orders(find_row(table, row_name<T>("gatherIndex", "", false)), &gather, value);
  CHECK(std::memcmp(value.data(), best.data(), sizeof(T) * n_out) == 0, "%s gatherIndex", table.isa.c_str());
  if (!adaptive) {
    std::fill(value.begin(), value.end(), T{0});
    const Args max = make_args(c, x.data(), value.data());
    run_all_orders(find_row(table, row_name<T>("max", "", false)), max.get(false), value);
    for (int64_t i = 0; i < n_out; ++i) CHECK(close(value[i], best[i], 0), "%s max", table.isa.c_str());
  }
  return index;
}

// The numbers of the taps that have the maxima; the maxima themselves are those of the other row.
template <class T>
static std::vector<uint8_t> check_where(const IsaTable& table, const Case& c, const std::vector<T>& x) {
  const int64_t n_out = c.batch * c.out.size() * c.channels;
  std::vector<T> max(n_out), y(n_out);
  // The last bytes are guards.
  std::vector<uint8_t> where(n_out + 16, 250);
  const PoolArgs w = make_args(c, x.data(), max.data()).window;
  run_all_orders(find_row(table, row_name<T>("max", "", false)), &w, max);
  const PoolWhereArgs args = {w.x,      y.data(), where.data(), w.batch,    w.channels,          w.in_dims, w.out_dims,
                              w.kernel, w.stride, w.pad,        w.dilation, w.count_include_pad, w.divisor};
  run_all_orders(find_row(table, row_name<T>("maxWhere", "", false)), &args, where);
  for (int i = 0; i < 16; ++i) CHECK(where[n_out + i] == 250, "%s maxWhere writes too much", table.isa.c_str());
  CHECK(max == y, "%s maxWhere", table.isa.c_str());
  return where;
}

template <class T>
static void check_grad(const IsaTable& table, const Case& c, const std::vector<Window>& all, bool adaptive,
                       const std::vector<T>& x, std::vector<int64_t> index) {
  const int64_t n_in = c.batch * c.in.size() * c.channels, n_out = c.batch * c.out.size() * c.channels;
  const std::vector<T> g = random_values<T>(n_out, 9);
  std::vector<T> y(n_in, 3);
  std::vector<double> max_grad(n_in), avg_grad(n_in);
  for (int64_t i = 0; i < n_out; ++i) {
    const int64_t ch = i % c.channels, o = i / c.channels % c.out.size(), n = i / c.channels / c.out.size();
    max_grad[(n * c.in.size() + index[i]) * c.channels + ch] += g[i];
    for (int64_t tap : all[o].taps)
      avg_grad[(n * c.in.size() + tap) * c.channels + ch] += g[i] / (double)all[o].divisor;
  }
  const PoolIndexArgs max = {g.data(), index.data(), y.data(), c.batch, c.channels, c.in.size(), c.out.size()};
  const KernelRow& max_row = find_row(table, row_name<T>("maxGrad", "", false));
  run_all_orders(max_row, &max, y);
  for (int64_t i = 0; i < n_in; ++i) CHECK(close(y[i], max_grad[i], 1e-5), "%s maxGrad", table.isa.c_str());
  if (!adaptive) {
    const std::vector<T> by_index = y;
    const std::vector<uint8_t> where = check_where(table, c, x);
    const PoolArgs w = make_args(c, x.data(), y.data()).window;
    const PoolWhereGradArgs window = {g.data(),   where.data(),        w.y,      w.batch,  w.channels,
                                      w.in_dims,  w.out_dims,          w.kernel, w.stride, w.pad,
                                      w.dilation, w.count_include_pad, w.divisor};
    run_all_orders(find_row(table, row_name<T>("whereGrad", "", false)), &window, y);
    CHECK(y == by_index, "%s whereGrad", table.isa.c_str());
  }
  const Args avg = make_args(c, g.data(), y.data());
  const KernelRow& avg_row = find_row(table, row_name<T>("avgGrad", "adaptiveAvgGrad", adaptive));
  run_all_orders(avg_row, avg.get(adaptive), y);
  for (int64_t i = 0; i < n_in; ++i) CHECK(close(y[i], avg_grad[i], 1e-5), "%s avgGrad", table.isa.c_str());
  index.back() = c.in.size();
  const PoolIndexArgs bad = {g.data(), index.data(), y.data(), c.batch, c.channels, c.in.size(), c.out.size()};
  expect_fault(max_row, &bad, Fault::kIndexOutOfRange, c.in.size(), c.in.size());
}

template <class T>
static void check_floats(const IsaTable& table, const Case& c, bool adaptive) {
  const std::vector<Window> all = windows(c, adaptive);
  std::vector<T> x = random_values<T>(c.batch * c.in.size() * c.channels, 21);
  for (T& v : x) v = std::round(v * 8) / 8;
  std::vector<T> y(c.batch * c.out.size() * c.channels);
  const Args args = make_args(c, x.data(), y.data());
  run_all_orders(find_row(table, row_name<T>("avg", "adaptiveAvg", adaptive)), args.get(adaptive), y);
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t ch = i % c.channels, o = i / c.channels % c.out.size(), n = i / c.channels / c.out.size();
    double sum = 0;
    for (int64_t tap : all[o].taps) sum += x[(n * c.in.size() + tap) * c.channels + ch];
    CHECK(close(y[i], sum / all[o].divisor, 1e-6), "%s avg: %g, expected %g", table.isa.c_str(), (double)y[i],
          sum / all[o].divisor);
  }
  check_grad<T>(table, c, all, adaptive, x, check_max(table, c, all, x, adaptive));
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 3 == 0 ? -INFINITY : i % 17 == 0 ? NAN : x[i];
  check_max(table, c, all, x, adaptive);
  std::fill(x.begin(), x.end(), -INFINITY);
  check_max(table, c, all, x, adaptive);
}

template <class T>
static void check_integer_max(const IsaTable& table, const Case& c) {
  const std::vector<Window> all = windows(c, false);
  const std::vector<T> x = random_values<T>(c.batch * c.in.size() * c.channels, 2, sizeof(T) == 1 ? 0 : -99, 99);
  std::vector<T> y(c.batch * c.out.size() * c.channels);
  const Args args = make_args(c, x.data(), y.data());
  run_all_orders(find_row(table, row_name<T>("max", "", false)), args.get(false), y);
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t ch = i % c.channels, o = i / c.channels % c.out.size(), n = i / c.channels / c.out.size();
    T best = std::numeric_limits<T>::lowest();
    for (int64_t tap : all[o].taps) best = std::max(best, x[(n * c.in.size() + tap) * c.channels + ch]);
    CHECK(y[i] == best, "%s integer max", table.isa.c_str());
  }
}

int main() {
  const Dims adaptive_out[] = {{{1, 1, 1}}, {{2, 3, 5}}, {{1, 7, 7}}, {{3, 2, 11}}};
  for (const IsaTable& table : pool_tables()) {
    for (Case c : kCases) {
      c.out = out_dims(c);
      check_floats<float>(table, c, false);
      check_floats<double>(table, c, false);
      check_integer_max<int32_t>(table, c);
      check_integer_max<int64_t>(table, c);
      check_integer_max<uint8_t>(table, c);
      c.divisor = 0;
      for (const Dims& out : adaptive_out) {
        c.out = out;
        check_floats<float>(table, c, true);
        check_floats<double>(table, c, true);
      }
    }
    std::printf("pool %s ok\n", table.isa.c_str());
  }
  return 0;
}
