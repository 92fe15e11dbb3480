// Bilinear resizing against a direct formula; the gradient as the transpose of the forward map.
#include "kernels/resize/resize.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(resize)

using namespace brawn;
using namespace kernel_test;

struct Case {
  int64_t batch, channels, in[2], out[2];
  bool align;
  double scale;
};

static const Case kCases[] = {
    {1, 1, {1, 1}, {3, 4}, false, 0},      {2, 3, {5, 7}, {10, 14}, false, 0.5}, {2, 3, {5, 7}, {11, 3}, true, 0},
    {1, 16, {8, 8}, {3, 5}, false, 0},     {3, 37, {6, 4}, {1, 1}, true, 0},     {1, 2, {9, 9}, {13, 13}, false, 0.66},
    {1, 64, {28, 28}, {56, 56}, false, 0}, {1, 3, {40, 30}, {7, 90}, true, 0},   {1, 5, {4, 4}, {4, 4}, false, 0},
};

// Inputs and weights of one output along one axis.
static void weights(const Case& c, int axis, int64_t o, int64_t at[2], double w[2]) {
  const double in = c.in[axis], out = c.out[axis];
  double p = c.align ? (out > 1 ? o * (in - 1) / (out - 1) : 0) : (o + 0.5) * (c.scale > 0 ? c.scale : in / out) - 0.5;
  p = std::fmin(std::fmax(p, 0), in - 1);
  at[0] = static_cast<int64_t>(p);
  at[1] = std::min(at[0] + 1, c.in[axis] - 1);
  w[1] = p - at[0];
  w[0] = 1 - w[1];
}

template <class T>
static void check(const IsaTable& table, const Case& c) {
  const int64_t in_size = c.in[0] * c.in[1], out_size = c.out[0] * c.out[1];
  const std::vector<T> x = random_values<T>(c.batch * in_size * c.channels, 1);
  const std::vector<T> g = random_values<T>(c.batch * out_size * c.channels, 2);
  std::vector<T> y(g.size(), 9), dx(x.size(), 9);
  std::vector<double> expected(g.size()), gradient(x.size());
  for (size_t i = 0; i < g.size(); ++i) {
    const int64_t ch = i % c.channels, pixel = i / c.channels % out_size, n = i / c.channels / out_size;
    int64_t h[2], w[2];
    double a[2], b[2];
    weights(c, 0, pixel / c.out[1], h, a);
    weights(c, 1, pixel % c.out[1], w, b);
    for (int p = 0; p < 2; ++p) {
      for (int q = 0; q < 2; ++q) {
        const size_t at = ((n * c.in[0] + h[p]) * c.in[1] + w[q]) * c.channels + ch;
        expected[i] += a[p] * b[q] * x[at];
        gradient[at] += a[p] * b[q] * g[i];
      }
    }
  }
  const std::string suffix = std::string("_") + dtype_name<T>();
  ResizeArgs args = {x.data(), y.data(), c.batch, c.channels, {c.in, 2}, {c.out, 2}, c.align, c.scale, c.scale};
  run_all_orders(find_row(table, "resize_bilinear" + suffix), &args, y);
  for (size_t i = 0; i < y.size(); ++i) CHECK(close(y[i], expected[i], 2e-6), "%s forward", table.isa.c_str());
  args.x = g.data();
  args.y = dx.data();
  run_all_orders(find_row(table, "resize_bilinearGrad" + suffix), &args, dx);
  for (size_t i = 0; i < dx.size(); ++i) CHECK(close(dx[i], gradient[i], 1e-5), "%s gradient", table.isa.c_str());
}

int main() {
  for (const IsaTable& table : resize_tables()) {
    for (const Case& c : kCases) {
      check<float>(table, c);
      check<double>(table, c);
    }
    std::printf("resize %s ok\n", table.isa.c_str());
  }
  return 0;
}
