// Convolutions and their gradients against plain loops over many geometries, with the epilogues of epilogue_case.h and
// the same bits for every order of tasks.
#include "epilogue_case.h"
#include "kernels/conv/conv.h"

BRAWN_TEST_FAMILY(conv)

using namespace brawn;
using namespace kernel_test;

namespace {

struct Case {
  int64_t batch, groups, in_channels, out_channels;
  std::vector<int64_t> in, kernel, stride, pad, dilation;
  int64_t trailing;  // extra trailing padding per dimension, where it makes the output larger
  std::vector<int64_t> out;

  void finish() {
    for (size_t d = 0; d < 3; ++d) {
      const int64_t trailing_pad = in[d] > 1 ? pad[d] + trailing : pad[d];
      out.push_back((in[d] + pad[d] + trailing_pad - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1);
    }
  }
  ConvGeometry geometry() const {
    using E = EpilogueCase;
    return {batch,        groups,          in_channels,     out_channels, E::span(in),
            E::span(out), E::span(kernel), E::span(stride), E::span(pad), E::span(dilation)};
  }
  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t packed_size() const {
    if (geometry().depthwise()) return weight_size();
    return groups * round_up(out_channels / groups, 32) * taps() * (in_channels / groups);
  }
  int64_t weight_size() const { return out_channels * taps() * (in_channels / groups); }
};

// Calls visit(x index, w index, out index) for every product of the convolution.
template <class Visit>
void each_product(const Case& c, const Visit& visit) {
  const int64_t in_group = c.in_channels / c.groups, out_group = c.out_channels / c.groups;
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t p = 0; p < c.out_pixels(); ++p) {
      const int64_t o[3] = {p / c.out[2] / c.out[1], p / c.out[2] % c.out[1], p % c.out[2]};
      for (int64_t t = 0; t < c.taps(); ++t) {
        const int64_t k[3] = {t / c.kernel[2] / c.kernel[1], t / c.kernel[2] % c.kernel[1], t % c.kernel[2]};
        int64_t at = n;
        bool inside = true;
        for (size_t d = 0; d < 3; ++d) {
          const int64_t i = o[d] * c.stride[d] + k[d] * c.dilation[d] - c.pad[d];
          inside = inside && i >= 0 && i < c.in[d];
          at = at * c.in[d] + i;
        }
        if (!inside) continue;
        for (int64_t f = 0; f < c.out_channels; ++f) {
          for (int64_t q = 0; q < in_group; ++q) {
            visit(at * c.in_channels + f / out_group * in_group + q, (f * c.taps() + t) * in_group + q,
                  (n * c.out_pixels() + p) * c.out_channels + f);
          }
        }
      }
    }
  }
}

// The result as the epilogue sees it: `batch` matrices of rows x columns.
template <class T>
void test_product(const Case& c, const IsaTable& table, const char* op, const std::vector<T>& image,
                  const std::vector<T>& weight, const std::vector<double>& expected, int64_t batch, int64_t rows,
                  int64_t columns, double tolerance, int64_t packed = 0) {
  const KernelRow& row = find_row(table, std::string(op) + dtype_name<T>());
  for (int kind = 0; kind < static_cast<int>(EpilogueKind::kCount); ++kind) {
    EpilogueRun<T> epilogue(static_cast<EpilogueKind>(kind), batch, rows, columns);
    const ConvArgs args = {image.data(), weight.data(), epilogue.ep.inputs(), epilogue.ep.outputs(),
                           c.geometry(), packed,        epilogue.ep.params()};
    char what[200];
    std::snprintf(what, sizeof what, "%s %s%s n%d g%d c%d o%d in %dx%dx%d k %dx%dx%d s %d p %d d %d", table.isa.c_str(),
                  row.name, packed != 0 ? " packed" : "", static_cast<int>(c.batch), static_cast<int>(c.groups),
                  static_cast<int>(c.in_channels), static_cast<int>(c.out_channels), static_cast<int>(c.in[0]),
                  static_cast<int>(c.in[1]), static_cast<int>(c.in[2]), static_cast<int>(c.kernel[0]),
                  static_cast<int>(c.kernel[1]), static_cast<int>(c.kernel[2]), static_cast<int>(c.stride[2]),
                  static_cast<int>(c.pad[2]), static_cast<int>(c.dilation[2]));
    epilogue.run(row, &args, expected, tolerance, what);
  }
}

template <class T, class Args>
void test_weight_grad(const Case& c, const IsaTable& table, const char* op, Args args,
                      const std::vector<double>& expected) {
  std::vector<T> out(expected.size(), T(77));
  args.out = out.data();
  run_all_orders(find_row(table, std::string(op) + dtype_name<T>()), &args, out);
  const double tolerance = (sizeof(T) == 4 ? 1e-6 : 2e-15) * (20 + static_cast<double>(c.batch * c.out_pixels()));
  for (size_t i = 0; i < out.size(); ++i) {
    CHECK(close(out[i], expected[i], tolerance), "%s %s %zu is %g, expected %g (c %d o %d g %d)", table.isa.c_str(), op,
          i, static_cast<double>(out[i]), expected[i], static_cast<int>(c.in_channels),
          static_cast<int>(c.out_channels), static_cast<int>(c.groups));
  }
}

// [batch, rows, columns] as [batch, columns, rows].
template <class T>
std::vector<T> exchanged(const std::vector<T>& values, int64_t batch, int64_t rows, int64_t columns) {
  std::vector<T> to(values.size());
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        to[static_cast<size_t>((b * columns + c) * rows + r)] =
            values[static_cast<size_t>((b * rows + r) * columns + c)];
      }
    }
  }
  return to;
}

// The channels-first kernels, given everything channels-last.
template <class T>
void test_planes(const Case& c, const IsaTable& table, const std::vector<T>& x, const std::vector<T>& w,
                 const std::vector<T>& g, const std::vector<double>& y, const std::vector<double>& dx,
                 const std::vector<double>& dw) {
  const std::vector<T> image = exchanged(x, c.batch, c.in_pixels(), c.in_channels);
  const std::vector<T> weight = exchanged(w, c.out_channels, c.taps(), c.in_channels);
  const std::vector<T> gradient = exchanged(g, c.batch, c.out_pixels(), c.out_channels);
  const std::vector<double> expected =
      exchanged(exchanged(dw, c.out_channels, c.taps(), c.in_channels), 1, c.out_channels, c.taps() * c.in_channels);
  const double unit = sizeof(T) == 4 ? 1e-6 : 2e-15;
  test_product<T>(c, table, "conv_planes_forward_", image, weight,
                  exchanged(y, c.batch, c.out_pixels(), c.out_channels), c.batch, c.out_channels, c.out_pixels(),
                  unit * (20 + static_cast<double>(c.taps() * c.in_channels)));
  test_product<T>(c, table, "conv_planes_input_grad_", gradient, weight,
                  exchanged(dx, c.batch, c.in_pixels(), c.in_channels), c.batch, c.in_channels, c.in_pixels(),
                  unit * (20 + static_cast<double>(c.taps() * c.out_channels)));
  for (int64_t last = 0; last < 2; ++last) {
    const ConvPlanesWeightArgs args = {image.data(), (last ? g : gradient).data(), nullptr, c.geometry(), last};
    test_weight_grad<T>(c, table, "conv_planes_weight_grad_", args, expected);
  }
}

template <class T>
void test_depthwise_planes(const Case& c, const IsaTable& table, const std::vector<T>& x, const std::vector<T>& w,
                           const std::vector<T>& g, const std::vector<double>& y, const std::vector<double>& dx,
                           const std::vector<double>& dw) {
  const int64_t channels = c.in_channels;
  const std::vector<T> image = exchanged(x, c.batch, c.in_pixels(), channels);
  const std::vector<T> gradient = exchanged(g, c.batch, c.out_pixels(), channels);
  const double tolerance = (sizeof(T) == 4 ? 1e-6 : 2e-15) * (20 + static_cast<double>(c.taps()));
  test_product<T>(c, table, "conv_planes_depthwise_", image, w, exchanged(y, c.batch, c.out_pixels(), channels),
                  c.batch, channels, c.out_pixels(), tolerance);
  test_product<T>(c, table, "conv_planes_depthwise_input_grad_", gradient, w,
                  exchanged(dx, c.batch, c.in_pixels(), channels), c.batch, channels, c.in_pixels(), tolerance);
  const ConvWeightArgs args = {image.data(), gradient.data(), nullptr, c.geometry()};
  test_weight_grad<T>(c, table, "conv_planes_depthwise_weight_grad_", args, dw);
}

template <class T>
void test_case(const std::vector<IsaTable>& tables, Case c) {
  c.finish();
  const auto x = random_values<T>(static_cast<size_t>(c.batch * c.in_pixels() * c.in_channels), 1);
  const auto w = random_values<T>(static_cast<size_t>(c.weight_size()), 2);
  const auto g = random_values<T>(static_cast<size_t>(c.batch * c.out_pixels() * c.out_channels), 3);
  std::vector<double> y(g.size(), 0), dx(x.size(), 0), dw(w.size(), 0);
  each_product(c, [&](int64_t xi, int64_t wi, int64_t yi) {
    const size_t a = static_cast<size_t>(xi), b = static_cast<size_t>(wi), o = static_cast<size_t>(yi);
    y[o] += static_cast<double>(x[a]) * w[b];
    dx[a] += static_cast<double>(g[o]) * w[b];
    dw[b] += static_cast<double>(x[a]) * g[o];
  });
  const double unit = sizeof(T) == 4 ? 1e-6 : 2e-15;
  const double depth = static_cast<double>(c.taps() * (c.in_channels + c.out_channels) / c.groups);
  for (const IsaTable& table : tables) {
    const int64_t out_rows = c.batch * c.out_pixels(), in_rows = c.batch * c.in_pixels();
    test_product<T>(c, table, "conv_forward_", x, w, y, 1, out_rows, c.out_channels, unit * (20 + depth));
    std::vector<T> packed(static_cast<size_t>(c.packed_size()), T(55));
    const ConvPackArgs pack = {w.data(), packed.data(), c.geometry()};
    kernel_test::run(find_row(table, std::string("conv_pack_") + dtype_name<T>()), &pack);
    test_product<T>(c, table, "conv_forward_", x, packed, y, 1, out_rows, c.out_channels, unit * (20 + depth), 1);
    test_product<T>(c, table, "conv_input_grad_", g, w, dx, 1, in_rows, c.in_channels, unit * (20 + depth));
    const ConvWeightArgs args = {x.data(), g.data(), nullptr, c.geometry()};
    test_weight_grad<T>(c, table, "conv_weight_grad_", args, dw);
    const bool is_flat = c.in[0] == 1 && c.kernel[0] == 1 && c.pad[0] == 0;
    if (is_flat && c.geometry().depthwise()) test_depthwise_planes<T>(c, table, x, w, g, y, dx, dw);
    if (c.groups == 1 && is_flat) test_planes<T>(c, table, x, w, g, y, dx, dw);
  }
}

Case image(int64_t batch, int64_t groups, int64_t in, int64_t out, int64_t height, int64_t width, int64_t kernel,
           int64_t stride, int64_t pad, int64_t dilation = 1, int64_t trailing = 0) {
  return {batch,
          groups,
          in,
          out,
          {1, height, width},
          {1, kernel, kernel},
          {1, stride, stride},
          {0, pad, pad},
          {1, dilation, dilation},
          trailing,
          {}};
}

template <class T>
void test_all(const std::vector<IsaTable>& tables) {
  test_case<T>(tables, image(1, 1, 1, 1, 1, 1, 1, 1, 0));
  test_case<T>(tables, image(2, 1, 1, 6, 12, 13, 5, 1, 2));
  test_case<T>(tables, image(2, 1, 3, 20, 23, 21, 7, 2, 3));
  test_case<T>(tables, image(1, 1, 3, 33, 35, 35, 11, 4, 2));
  test_case<T>(tables, image(3, 1, 16, 32, 9, 8, 1, 1, 0));
  test_case<T>(tables, image(2, 1, 130, 35, 7, 9, 1, 1, 0));
  test_case<T>(tables, image(5, 1, 7, 41, 30, 31, 1, 1, 0));
  test_case<T>(tables, image(2, 1, 8, 12, 9, 11, 1, 2, 0));
  test_case<T>(tables, image(2, 1, 20, 17, 14, 13, 3, 1, 1));
  test_case<T>(tables, image(1, 1, 40, 66, 7, 7, 3, 1, 1));
  test_case<T>(tables, image(2, 1, 9, 10, 11, 12, 3, 2, 1));
  test_case<T>(tables, image(2, 1, 9, 10, 11, 12, 3, 2, 1, 1, 1));
  test_case<T>(tables, image(1, 1, 5, 7, 15, 16, 3, 1, 2, 2));
  test_case<T>(tables, image(1, 1, 5, 7, 17, 16, 3, 2, 3, 3));
  test_case<T>(tables, image(1, 1, 5, 7, 17, 16, 3, 4, 2, 2));
  test_case<T>(tables, image(1, 1, 4, 6, 13, 13, 2, 3, 0));
  test_case<T>(tables, image(1, 1, 4, 6, 6, 5, 3, 1, 4));
  test_case<T>(tables, image(2, 2, 8, 12, 9, 8, 3, 1, 1));
  test_case<T>(tables, image(2, 4, 8, 4, 9, 8, 3, 2, 1));
  test_case<T>(tables, image(1, 3, 3, 9, 9, 8, 3, 1, 1, 2));
  test_case<T>(tables, image(2, 7, 7, 7, 10, 9, 3, 1, 1));
  test_case<T>(tables, image(2, 37, 37, 37, 12, 11, 3, 2, 1));
  test_case<T>(tables, image(1, 80, 80, 80, 9, 20, 5, 1, 2));
  test_case<T>(tables, image(1, 64, 64, 64, 13, 14, 3, 2, 2, 2, 1));
  test_case<T>(tables, image(1, 6, 6, 6, 9, 8, 2, 3, 0));
  test_case<T>(tables, {2, 1, 5, 6, {4, 5, 6}, {3, 2, 3}, {1, 2, 1}, {1, 0, 1}, {1, 1, 2}, 0, {}});
  test_case<T>(tables, {1, 2, 4, 6, {5, 6, 7}, {2, 3, 3}, {2, 1, 3}, {0, 1, 2}, {2, 1, 1}, 1, {}});
  test_case<T>(tables, {2, 5, 5, 5, {5, 4, 6}, {3, 3, 2}, {2, 1, 2}, {1, 1, 0}, {1, 1, 1}, 0, {}});
  test_case<T>(tables, {3, 1, 4, 8, {1, 1, 40}, {1, 1, 5}, {1, 1, 2}, {0, 0, 2}, {1, 1, 3}, 0, {}});
  test_case<T>(tables, image(20, 1, 1, 32, 28, 28, 5, 1, 2));
  // Few input channels: strips, gaps between output lines, dilated height, volumes of flat kernels.
  test_case<T>(tables, image(1, 1, 1, 40, 64, 40, 5, 1, 2));
  test_case<T>(tables, image(2, 1, 1, 5, 15, 14, 3, 4, 1));
  test_case<T>(tables, {2, 1, 1, 8, {1, 9, 20}, {1, 3, 7}, {1, 1, 3}, {0, 1, 3}, {1, 2, 1}, 0, {}});
  test_case<T>(tables, {1, 1, 2, 6, {4, 9, 40}, {1, 5, 5}, {1, 2, 2}, {0, 2, 1}, {1, 1, 1}, 1, {}});
  // Depthwise: lines of several chunks and blocks, kernels that are no multiple of three wide.
  test_case<T>(tables, {1, 64, 64, 64, {1, 2, 150}, {1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {1, 1, 1}, 0, {}});
  test_case<T>(tables, {2, 33, 33, 33, {1, 5, 30}, {1, 3, 4}, {1, 1, 1}, {0, 1, 2}, {1, 1, 1}, 0, {}});
  test_case<T>(tables, image(1, 48, 48, 48, 8, 19, 7, 1, 3));
  test_case<T>(tables, image(1, 18, 18, 18, 12, 40, 3, 2, 1));
  // Depthwise and channels-first: strips, remainders of lines and vectors, residue classes, large paddings.
  test_case<T>(tables, image(2, 3, 3, 3, 71, 120, 3, 1, 1));
  test_case<T>(tables, image(1, 2, 2, 2, 90, 130, 3, 2, 1));
  test_case<T>(tables, image(2, 5, 5, 5, 23, 17, 5, 2, 2));
  test_case<T>(tables, image(1, 4, 4, 4, 21, 37, 4, 3, 2, 2));
  test_case<T>(tables, image(40, 2, 2, 2, 9, 33, 7, 1, 3));
  test_case<T>(tables, image(1, 3, 3, 3, 9, 35, 3, 4, 0));
  test_case<T>(tables, image(1, 3, 3, 3, 6, 5, 3, 1, 4));
  test_case<T>(tables, image(2, 3, 3, 3, 1, 1, 1, 1, 0));
  test_case<T>(tables, {2, 3, 3, 3, {1, 1, 70}, {1, 1, 9}, {1, 1, 1}, {0, 0, 4}, {1, 1, 1}, 0, {}});
  test_case<T>(tables, {1, 3, 3, 3, {1, 40, 9}, {1, 5, 1}, {1, 2, 1}, {0, 2, 0}, {1, 3, 1}, 1, {}});
}

}  // namespace

int main() {
  const std::vector<IsaTable> tables = conv_tables();
  test_all<float>(tables);
  test_case<float>(tables, image(3, 40, 40, 40, 90, 100, 3, 1, 1));  // large enough to be fetched ahead
  test_all<double>(tables);
  std::printf("conv: ok\n");
  return 0;
}
