// Winograd convolutions against plain loops: all tiles and kernels, turned kernels, cut tiles, with the epilogues of
// epilogue_case.h and the same bits for every order of tasks; and the steps of the weight gradient.
#include "epilogue_case.h"
#include "kernels/winograd/winograd.h"

BRAWN_TEST_FAMILY(winograd)

using namespace brawn;
using namespace kernel_test;

namespace {

// F(tile x tile, kernel x kernel).
struct Method {
  const char* name;
  int64_t tile, kernel;
  double tolerance;
  bool has_weight_gradient;
  int64_t taps() const { return kernel * kernel; }
  int64_t positions() const { return (tile + kernel - 1) * (tile + kernel - 1); }
};

constexpr Method kMethods[] = {
    {"winograd2", 2, 3, 2e-6, false}, {"winograd4", 4, 3, 2e-5, true}, {"winograd4_5x5", 4, 5, 2e-5, true}};

struct Case {
  int64_t batch, in, out;
  std::vector<int64_t> size;
  std::vector<int64_t> pad;
  std::vector<int64_t> out_size(const Method& method) const {
    return {size[0] + 2 * pad[0] - method.kernel + 1, size[1] + 2 * pad[1] - method.kernel + 1};
  }
};

// Calls visit(x index, tap, output pixel) for every pair of pixels that a tap joins; indices count pixels.
template <class Visit>
void each_meeting(const Case& c, const Method& method, const Visit& visit) {
  const std::vector<int64_t> dims = c.out_size(method);
  const int64_t k = method.kernel;
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t p = 0; p < dims[0] * dims[1]; ++p) {
      for (int64_t t = 0; t < method.taps(); ++t) {
        const int64_t h = p / dims[1] + t / k - c.pad[0], w = p % dims[1] + t % k - c.pad[1];
        if (h < 0 || h >= c.size[0] || w < 0 || w >= c.size[1]) continue;
        visit((n * c.size[0] + h) * c.size[1] + w, t, n * dims[0] * dims[1] + p);
      }
    }
  }
}

// Errors are relative to the size of the results, not of each.
double largest(const std::vector<double>& values) {
  double most = 1;
  for (double v : values) most = std::fmax(most, std::fabs(v));
  return most;
}

// Element strides of w: out, row, column, in; and where its first tap is.
struct WeightOrder {
  std::vector<int64_t> strides;
  int64_t first;
};

// w [out, k, k, in] or, as planes, [out, in, k, k]. Turned, as the input gradient reads it: [in, k, k, out] or
// [in, out, k, k] backwards.
WeightOrder weight_order(const Case& c, const Method& method, bool turned, bool planes) {
  const int64_t k = method.kernel, taps = method.taps();
  if (planes) {
    if (turned) return {{taps, -k, -1, taps * c.out}, taps - 1};
    return {{taps * c.in, k, 1, taps}, 0};
  }
  if (turned) return {{1, -k * c.out, -c.out, taps * c.out}, (taps - 1) * c.out};
  return {{taps * c.in, k * c.in, c.in, 1}, 0};
}

void test_product(const IsaTable& table, const Case& c, const Method& method, bool turned, bool planes) {
  const int64_t k = method.kernel, taps = method.taps();
  const auto x = random_values<float>(static_cast<size_t>(c.batch * c.size[0] * c.size[1] * c.in), 1);
  const auto w = random_values<float>(static_cast<size_t>(c.out * taps * c.in), 2);
  const std::vector<int64_t> dims = c.out_size(method);
  const int64_t pixels = c.batch * dims[0] * dims[1];
  const WeightOrder order = weight_order(c, method, turned, planes);
  const std::vector<int64_t>& strides = order.strides;
  const float* first = w.data() + order.first;
  std::vector<double> y(static_cast<size_t>(pixels * c.out), 0);
  each_meeting(c, method, [&](int64_t xi, int64_t tap, int64_t yi) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < c.in; ++i) {
        const double weight = first[o * strides[0] + tap / k * strides[1] + tap % k * strides[2] + i * strides[3]];
        y[static_cast<size_t>(yi * c.out + o)] += x[static_cast<size_t>(xi * c.in + i)] * weight;
      }
    }
  });
  using E = EpilogueCase;
  const std::string name = method.name;
  std::vector<float> u(static_cast<size_t>(method.positions() * c.in * round_up(c.out, 32)), 77);
  const WinogradWeightArgs weight_args = {first, u.data(), c.in, c.out, E::span(strides)};
  run_all_orders(find_row(table, name + "_weights_f32"), &weight_args, u);
  char what[160];
  std::snprintf(what, sizeof what, "%s %s n%d c%d o%d %dx%d pad %d%s%s", table.isa.c_str(), name.c_str(),
                static_cast<int>(c.batch), static_cast<int>(c.in), static_cast<int>(c.out), static_cast<int>(c.size[0]),
                static_cast<int>(c.size[1]), static_cast<int>(c.pad[0]), turned ? " turned" : "",
                planes ? " planes" : "");
  for (int kind = 0; kind < static_cast<int>(EpilogueKind::kCount); ++kind) {
    EpilogueRun<float> epilogue(static_cast<EpilogueKind>(kind), 1, pixels, c.out);
    const WinogradArgs args = {
        x.data(),        u.data(),      epilogue.ep.inputs(), epilogue.ep.outputs(), c.batch, c.in, c.out,
        E::span(c.size), E::span(dims), E::span(c.pad),       epilogue.ep.params()};
    epilogue.run(find_row(table, name + "_f32"), &args, y, method.tolerance * largest(y), what);
  }
}

void test_weight_gradient(const IsaTable& table, const Case& c, const Method& method) {
  using E = EpilogueCase;
  const int64_t taps = method.taps(), positions = method.positions();
  const std::string name = method.name;
  const std::vector<int64_t> dims = c.out_size(method), none = {0, 0};
  const auto x = random_values<float>(static_cast<size_t>(c.batch * c.size[0] * c.size[1] * c.in), 1);
  const auto g = random_values<float>(static_cast<size_t>(c.batch * dims[0] * dims[1] * c.out), 3);
  std::vector<double> expected(static_cast<size_t>(c.out * taps * c.in), 0);
  each_meeting(c, method, [&](int64_t xi, int64_t tap, int64_t yi) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < c.in; ++i) {
        expected[static_cast<size_t>((o * taps + tap) * c.in + i)] +=
            static_cast<double>(x[static_cast<size_t>(xi * c.in + i)]) * g[static_cast<size_t>(yi * c.out + o)];
      }
    }
  });
  const std::vector<int64_t> grid = {ceil_div(dims[0], method.tile), ceil_div(dims[1], method.tile)};
  const int64_t tiles = c.batch * grid[0] * grid[1];
  std::vector<float> v(static_cast<size_t>(positions * tiles * c.in), 77),
      u(static_cast<size_t>(positions * tiles * c.out), 77);
  const WinogradTilesArgs inputs = {x.data(), v.data(), c.batch, c.in, E::span(c.size), E::span(grid), E::span(c.pad)};
  const WinogradTilesArgs gradients = {g.data(), u.data(), c.batch, c.out, E::span(dims), E::span(grid), E::span(none)};
  run_all_orders(find_row(table, name + "_inputs_f32"), &inputs, v);
  run_all_orders(find_row(table, name + "_gradients_f32"), &gradients, u);
  std::vector<float> m(static_cast<size_t>(positions * c.out * c.in));
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < c.in; ++i) {
        double sum = 0;
        for (int64_t t = 0; t < tiles; ++t) {
          sum += static_cast<double>(u[static_cast<size_t>((p * tiles + t) * c.out + o)]) *
                 v[static_cast<size_t>((p * tiles + t) * c.in + i)];
        }
        m[static_cast<size_t>((p * c.out + o) * c.in + i)] = static_cast<float>(sum);
      }
    }
  }
  std::vector<float> w(expected.size(), 77);
  const WinogradKernelArgs kernel = {m.data(), w.data(), c.in, c.out};
  run_all_orders(find_row(table, name + "_kernel_f32"), &kernel, w);
  const double tolerance = method.tolerance * largest(expected);
  for (size_t i = 0; i < w.size(); ++i) {
    CHECK(close(w[i], expected[i], tolerance), "%s %s weight gradient %zu is %g, expected %g (c %d o %d)",
          table.isa.c_str(), method.name, i, static_cast<double>(w[i]), expected[i], static_cast<int>(c.in),
          static_cast<int>(c.out));
  }
}

}  // namespace

int main() {
  const std::vector<Case> cases = {
      {1, 1, 1, {4, 4}, {1, 1}},     {1, 16, 32, {8, 8}, {1, 1}}, {2, 5, 7, {9, 6}, {0, 1}},
      {1, 20, 33, {7, 7}, {1, 1}},   {3, 3, 70, {5, 13}, {2, 2}}, {1, 48, 16, {1, 1}, {1, 1}},
      {2, 33, 40, {30, 31}, {1, 0}}, {1, 8, 300, {6, 6}, {1, 1}}, {1, 24, 40, {7, 7}, {2, 2}},
      {2, 16, 33, {3, 10}, {4, 3}},
  };
  for (const IsaTable& table : winograd_tables()) {
    for (const Method& method : kMethods) {
      for (const Case& c : cases) {
        if (c.out_size(method)[0] < 1 || c.out_size(method)[1] < 1) continue;
        for (const bool planes : {false, true}) {
          test_product(table, c, method, false, planes);
          test_product(table, c, method, true, planes);
        }
        if (method.has_weight_gradient) test_weight_gradient(table, c, method);
      }
    }
  }
  std::printf("winograd: ok\n");
  return 0;
}
