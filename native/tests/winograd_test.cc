// Winograd convolutions against plain loops: both tile sizes, turned kernels, cut tiles, with the epilogues of
// epilogue_case.h and the same bits for every order of tasks; and the steps of the weight gradient.
#include "epilogue_case.h"
#include "kernels/winograd/winograd.h"

BRAWN_TEST_FAMILY(winograd)

using namespace brawn;
using namespace kernel_test;

namespace {

struct Case {
  int64_t batch, in, out;
  std::vector<int64_t> size;
  std::vector<int64_t> pad;
  std::vector<int64_t> out_size() const { return {size[0] + 2 * pad[0] - 2, size[1] + 2 * pad[1] - 2}; }
};

// Calls visit(x index, tap, output pixel) for every pair of pixels that a tap joins; indices count pixels.
template <class Visit>
void each_meeting(const Case& c, const Visit& visit) {
  const std::vector<int64_t> dims = c.out_size();
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t p = 0; p < dims[0] * dims[1]; ++p) {
      for (int64_t t = 0; t < 9; ++t) {
        const int64_t h = p / dims[1] + t / 3 - c.pad[0], w = p % dims[1] + t % 3 - c.pad[1];
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

int64_t floats_of_weights(int64_t positions, const Case& c) { return positions * c.in * round_up(c.out, 32); }

void test_product(const IsaTable& table, const Case& c, int tile, bool turned) {
  const auto x = random_values<float>(static_cast<size_t>(c.batch * c.size[0] * c.size[1] * c.in), 1);
  const auto w = random_values<float>(static_cast<size_t>(c.out * 9 * c.in), 2);
  const std::vector<int64_t> dims = c.out_size();
  const int64_t pixels = c.batch * dims[0] * dims[1];
  // Plain: w [out, 3, 3, in]. Turned: w [in, 3, 3, out] read backwards, as the input gradient does.
  const std::vector<int64_t> strides = turned ? std::vector<int64_t>{1, -3 * c.out, -c.out, 9 * c.out}
                                              : std::vector<int64_t>{9 * c.in, 3 * c.in, c.in, 1};
  const float* first = w.data() + (turned ? 8 * c.out : 0);
  std::vector<double> y(static_cast<size_t>(pixels * c.out), 0);
  each_meeting(c, [&](int64_t xi, int64_t tap, int64_t yi) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < c.in; ++i) {
        const double weight = first[o * strides[0] + tap / 3 * strides[1] + tap % 3 * strides[2] + i * strides[3]];
        y[static_cast<size_t>(yi * c.out + o)] += x[static_cast<size_t>(xi * c.in + i)] * weight;
      }
    }
  });
  using E = EpilogueCase;
  const std::string name = "winograd" + std::to_string(tile);
  std::vector<float> u(static_cast<size_t>(floats_of_weights((tile + 2) * (tile + 2), c)), 77);
  const WinogradWeightArgs weight_args = {first, u.data(), c.in, c.out, E::span(strides)};
  run_all_orders(find_row(table, name + "_weights_f32"), &weight_args, u);
  char what[160];
  std::snprintf(what, sizeof what, "%s %s n%d c%d o%d %dx%d pad %d%s", table.isa.c_str(), name.c_str(),
                static_cast<int>(c.batch), static_cast<int>(c.in), static_cast<int>(c.out), static_cast<int>(c.size[0]),
                static_cast<int>(c.size[1]), static_cast<int>(c.pad[0]), turned ? " turned" : "");
  for (int kind = 0; kind < static_cast<int>(EpilogueKind::kCount); ++kind) {
    EpilogueRun<float> epilogue(static_cast<EpilogueKind>(kind), 1, pixels, c.out);
    const WinogradArgs args = {
        x.data(),        u.data(),      epilogue.ep.inputs(), epilogue.ep.outputs(), c.batch, c.in, c.out,
        E::span(c.size), E::span(dims), E::span(c.pad),       epilogue.ep.params()};
    epilogue.run(find_row(table, name + "_f32"), &args, y, (tile == 4 ? 2e-5 : 2e-6) * largest(y), what);
  }
}

void test_weight_gradient(const IsaTable& table, const Case& c) {
  using E = EpilogueCase;
  const std::vector<int64_t> dims = c.out_size(), none = {0, 0};
  const auto x = random_values<float>(static_cast<size_t>(c.batch * c.size[0] * c.size[1] * c.in), 1);
  const auto g = random_values<float>(static_cast<size_t>(c.batch * dims[0] * dims[1] * c.out), 3);
  std::vector<double> expected(static_cast<size_t>(c.out * 9 * c.in), 0);
  each_meeting(c, [&](int64_t xi, int64_t tap, int64_t yi) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < c.in; ++i) {
        expected[static_cast<size_t>((o * 9 + tap) * c.in + i)] +=
            static_cast<double>(x[static_cast<size_t>(xi * c.in + i)]) * g[static_cast<size_t>(yi * c.out + o)];
      }
    }
  });
  const std::vector<int64_t> grid = {ceil_div(dims[0], 4), ceil_div(dims[1], 4)};
  const int64_t tiles = c.batch * grid[0] * grid[1];
  std::vector<float> v(static_cast<size_t>(36 * tiles * c.in), 77), u(static_cast<size_t>(36 * tiles * c.out), 77);
  const WinogradTilesArgs inputs = {x.data(), v.data(), c.batch, c.in, E::span(c.size), E::span(grid), E::span(c.pad)};
  const WinogradTilesArgs gradients = {g.data(), u.data(), c.batch, c.out, E::span(dims), E::span(grid), E::span(none)};
  run_all_orders(find_row(table, "winograd4_inputs_f32"), &inputs, v);
  run_all_orders(find_row(table, "winograd4_gradients_f32"), &gradients, u);
  std::vector<float> m(static_cast<size_t>(36 * c.out * c.in));
  for (int64_t p = 0; p < 36; ++p) {
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
  run_all_orders(find_row(table, "winograd4_kernel_f32"), &kernel, w);
  const double tolerance = 2e-5 * largest(expected);
  for (size_t i = 0; i < w.size(); ++i) {
    CHECK(close(w[i], expected[i], tolerance), "%s weight gradient %zu is %g, expected %g (c %d o %d)",
          table.isa.c_str(), i, static_cast<double>(w[i]), expected[i], static_cast<int>(c.in),
          static_cast<int>(c.out));
  }
}

}  // namespace

int main() {
  const std::vector<Case> cases = {
      {1, 1, 1, {4, 4}, {1, 1}},     {1, 16, 32, {8, 8}, {1, 1}}, {2, 5, 7, {9, 6}, {0, 1}},
      {1, 20, 33, {7, 7}, {1, 1}},   {3, 3, 70, {5, 13}, {2, 2}}, {1, 48, 16, {1, 1}, {1, 1}},
      {2, 33, 40, {30, 31}, {1, 0}}, {1, 8, 300, {6, 6}, {1, 1}},
  };
  for (const IsaTable& table : winograd_tables()) {
    for (const Case& c : cases) {
      for (const int tile : {2, 4}) {
        test_product(table, c, tile, false);
        test_product(table, c, tile, true);
      }
      test_weight_gradient(table, c);
    }
  }
  std::printf("winograd: ok\n");
  return 0;
}
