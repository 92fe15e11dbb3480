// The elementwise kernels: strided and broadcast inputs, transposes, aliasing, several outputs, against plain loops, on
// every instruction set this CPU has and in several task orders. Sweeps and sums are tested in
// elementwise_sweep_test.cc, the operations themselves in vm_test.cc.
#include <cmath>
#include <type_traits>

#include "elementwise_case.h"

BRAWN_TEST_FAMILY(elementwise)

namespace {

using brawn::ElementwiseArgs;
using kernel_test::IsaTable;
using kernel_test::Order;

// tanh(a * b + a) * sigmoid(b) - a * 0.5, with b read through any strides.
void test_chain(const Machine& m, const std::vector<int64_t>& dims, const std::vector<int64_t>& b_strides) {
  Call call;
  call.dims = dims;
  const int64_t n = call.count();
  const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 1);
  const auto b = kernel_test::random_values<float>(static_cast<size_t>(n), 2);
  std::vector<float> y(static_cast<size_t>(n), -1);
  call.inputs = {{a.data(), 4, row_major(dims)}, {b.data(), 4, b_strides}};
  call.consts = {float_bits(0.5f)};
  call.const_sizes = {4};
  call.temporaries = 2;
  call.code = {m.op("mul_f32"),     3, 0, 1,  -1, m.op("add_f32"), 3, 3, 0, -1, m.op("tanh_f32"), 3, 3, -1, -1,
               m.op("sigmoid_f32"), 4, 1, -1, -1, m.op("mul_f32"), 3, 3, 4, -1, m.op("mul_f32"),  4, 0, 2,  -1,
               m.op("sub_f32"),     4, 3, 4,  -1};
  call.outputs = {{y.data(), 4, 4}};
  kernel_test::run_all_orders(m.row(), call.finish(), y);
  for (int64_t i = 0; i < n; ++i) {
    const double u = static_cast<double>(a[static_cast<size_t>(i)]);
    const double v = static_cast<double>(b[static_cast<size_t>(index_of(dims, b_strides, i))]);
    const double want = std::tanh(u * v + u) / (1 + std::exp(-v)) - u * 0.5;
    CHECK(kernel_test::close(static_cast<double>(y[static_cast<size_t>(i)]), want, 1e-6), "chain at %ld", long(i));
  }
}

// One copy of any view of a big buffer, exact.
template <class T>
void test_view(const Machine& m, const std::vector<int64_t>& dims, const std::vector<int64_t>& strides) {
  Call call;
  call.dims = dims;
  const int64_t n = call.count();
  int64_t low = 0, high = 0;
  for (size_t d = 0; d < dims.size(); ++d) {
    const int64_t reach = (dims[d] - 1) * strides[d];
    (reach < 0 ? low : high) += reach;
  }
  std::vector<T> x(static_cast<size_t>(high - low + 1)), y(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 7 + 3);
  call.inputs = {{x.data() - low, sizeof(T), strides}};
  call.outputs = {{y.data(), sizeof(T), 0}};
  kernel_test::run_all_orders(m.row(), call.finish(), y);
  for (int64_t i = 0; i < n; ++i) {
    const T want = x[static_cast<size_t>(index_of(dims, strides, i) - low)];
    CHECK(y[static_cast<size_t>(i)] == want, "view of rank %d at %ld of %ld", int(dims.size()), long(i), long(n));
  }
  // The same view through the machine: x + x.
  if (!std::is_same<T, int32_t>::value) return;
  Call sum = Call();
  sum.dims = dims;
  sum.inputs = {{x.data() - low, sizeof(T), strides}, {x.data() - low, sizeof(T), strides}};
  sum.temporaries = 1;
  sum.code = {m.op("add_i32"), 2, 0, 1, -1};
  sum.outputs = {{y.data(), sizeof(T), 2}};
  kernel_test::run_all_orders(m.row(), sum.finish(), y);
  for (int64_t i = 0; i < n; ++i) {
    const T want = static_cast<T>(2 * x[static_cast<size_t>(index_of(dims, strides, i) - low)]);
    CHECK(y[static_cast<size_t>(i)] == want, "sum over a view at %ld", long(i));
  }
}

void test_views(const Machine& m, const std::vector<int64_t>& dims, const std::vector<int64_t>& strides) {
  test_view<uint8_t>(m, dims, strides);
  test_view<int32_t>(m, dims, strides);
  test_view<int64_t>(m, dims, strides);
}

void test_random_views(const Machine& m) {
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    const size_t rank = 1 + random() % 5;
    std::vector<int64_t> dims(rank), order(rank), strides(rank);
    const int64_t limit = rank == 1 ? 3000 : rank == 2 ? 200 : rank == 3 ? 40 : 12;
    for (int64_t& d : dims) d = 1 + static_cast<int64_t>(random() % static_cast<uint32_t>(limit));
    for (size_t d = 0; d < rank; ++d) order[d] = static_cast<int64_t>(d);
    for (size_t d = rank; d > 1; --d) std::swap(order[d - 1], order[random() % d]);
    int64_t stride = 1 + random() % 2;
    for (int64_t d : order) {
      strides[static_cast<size_t>(d)] = stride * (random() % 4 == 0 ? 0 : random() % 5 == 0 ? -1 : 1);
      stride *= dims[static_cast<size_t>(d)];
    }
    test_views(m, dims, strides);
  }
}

void test_aliasing(const Machine& m) {
  for (int64_t n : {int64_t{5}, int64_t{70000}}) {
    const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 5);
    const auto b = kernel_test::random_values<float>(static_cast<size_t>(n), 6);
    const size_t bytes = static_cast<size_t>(n) * 4;

    // In place: a = a * b + a.
    std::vector<float> y = a;
    Call in_place;
    in_place.dims = {n};
    in_place.inputs = {{y.data(), 4, {1}}, {b.data(), 4, {1}}};
    in_place.temporaries = 1;
    in_place.code = {m.op("mul_f32"), 2, 0, 1, -1, m.op("add_f32"), 2, 2, 0, -1};
    in_place.outputs = {{y.data(), 4, 2}};
    kernel_test::run_all_orders(m.row(), in_place.finish(), y);
    for (size_t i = 0; i < y.size(); ++i) {
      const volatile float product = a[i] * b[i];  // volatile: never fused
      CHECK(y[i] == product + a[i], "in place at %d", int(i));
    }

    // An output over an input that is read later and stored by another output: swap, and a sum of the old values.
    std::vector<float> p = a, q = b, s(p.size());
    Call swap;
    swap.dims = {n};
    swap.inputs = {{p.data(), 4, {1}}, {q.data(), 4, {1}}};
    swap.temporaries = 2;
    swap.code = {m.op("neg_f32"), 2, 1, -1, -1, m.op("add_f32"), 3, 0, 1, -1};
    swap.outputs = {{p.data(), 4, 2}, {s.data(), 4, 3}, {q.data(), 4, 1}};
    kernel_test::run(m.row(), swap.finish());
    for (size_t i = 0; i < p.size(); ++i) {
      CHECK(p[i] == -b[i] && q[i] == b[i] && s[i] == a[i] + b[i], "swap at %d", int(i));
    }
    Call stored;
    p = a;
    std::vector<float> old(p.size());
    stored.dims = {n};
    stored.inputs = {{p.data(), 4, {1}}};
    stored.temporaries = 1;
    stored.code = {m.op("neg_f32"), 1, 0, -1, -1};
    stored.outputs = {{p.data(), 4, 1}, {old.data(), 4, 0}};
    kernel_test::run(m.row(), stored.finish());
    CHECK(std::memcmp(old.data(), a.data(), bytes) == 0 && p[0] == -a[0], "old value");
  }
}

// A register reused with other element sizes, one register to two outputs, a constant as output.
void test_registers(const Machine& m) {
  const int64_t n = 1500;
  const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 8, -100, 100);
  std::vector<float> y(static_cast<size_t>(n)), z(y), c(y);
  std::vector<uint8_t> positive(static_cast<size_t>(n) + 64, 9);
  std::vector<double> wide(static_cast<size_t>(n));
  Call call;
  call.dims = {3, 500};
  call.inputs = {{a.data(), 4, {500, 1}}};
  call.consts = {float_bits(2.5f)};
  call.const_sizes = {4};
  call.temporaries = 2;
  call.code = {m.op("cast_f32_f64"), 2, 0, -1, -1, m.op("square_f64"), 2, 2, -1, -1, m.op("cast_f64_f32"), 3, 2, -1, -1,
               m.op("gt_f32"),       2, 0, 1,  -1, m.op("where_f32"),  3, 2, 3,  1};
  call.outputs = {{y.data(), 4, 3}, {z.data(), 4, 3}, {positive.data(), 1, 2}, {c.data(), 4, 1}};
  kernel_test::run(m.row(), call.finish());
  for (size_t i = 0; i < y.size(); ++i) {
    const float square = static_cast<float>(static_cast<double>(a[i]) * static_cast<double>(a[i]));
    const float want = a[i] > 2.5f ? square : 2.5f;
    CHECK(y[i] == want && z[i] == want && positive[i] == (a[i] > 2.5f) && c[i] == 2.5f, "registers at %d", int(i));
  }
  for (size_t i = 0; i < 64; ++i) CHECK(positive[static_cast<size_t>(n) + i] == 9, "wrote past a byte output");
  Call fills;
  fills.dims = {n};
  fills.inputs = {{a.data(), 4, {0}}};
  fills.consts = {float_bits(-1)};
  fills.const_sizes = {4};
  fills.outputs = {{y.data(), 4, 0}, {z.data(), 4, 1}};
  kernel_test::run(m.row(), fills.finish());
  for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == a[0] && z[i] == -1, "fill at %d", int(i));
}

// Outputs whose rows are apart, also of a register that a contiguous output has too, and of an input.
void test_apart(const Machine& m) {
  const int64_t rows = 700, row = 33, n = rows * row, distance[] = {40, 33, 50, 35};
  const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 8);
  std::vector<float> y[4];
  Call call;
  call.dims = {n};
  call.inputs = {{a.data(), 4, {1}}};
  call.temporaries = 2;
  call.code = {m.op("neg_f32"), 1, 0, -1, -1, m.op("add_f32"), 2, 1, 1, -1};
  const int64_t registers[] = {2, 1, 1, 0};
  for (int o = 0; o < 4; ++o) {
    y[o].assign(static_cast<size_t>(rows * distance[o]), 9);
    call.outputs.push_back({y[o].data(), 4, registers[o]});
  }
  call.finish();
  call.args.row = row;
  call.args.out_rows = {distance, 4};
  for (Order order : {Order::kForward, Order::kShuffled, Order::kOneCall}) {
    kernel_test::run(m.row(), &call.args, order);
    for (int o = 0; o < 4; ++o) {
      const float factor = o == 0 ? -2 : o == 3 ? 1 : -1;
      for (int64_t i = 0; i < rows * distance[o]; ++i) {
        const int64_t r = i / distance[o], c = i % distance[o];
        const float want = c < row ? factor * a[static_cast<size_t>(r * row + c)] : 9;
        CHECK(y[o][static_cast<size_t>(i)] == want, "output %d apart at %d", o, int(i));
      }
      std::fill(y[o].begin(), y[o].end(), 9.0f);
    }
  }
}

// Results that are larger than the caches keep, a byte and a float, not aligned and with something behind them.
void test_large(const Machine& m) {
  const int64_t n = (8 << 20) + 777;
  const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 9);
  std::vector<float> y(static_cast<size_t>(n) + 8);
  std::vector<uint8_t> positive(y.size());
  Call call;
  call.dims = {n};
  call.inputs = {{a.data(), 4, {1}}};
  call.consts = {float_bits(0)};
  call.const_sizes = {4};
  call.temporaries = 2;
  call.code = {m.op("gt_f32"), 2, 0, 1, -1, m.op("neg_f32"), 3, 0, -1, -1};
  call.outputs = {{y.data() + 3, 4, 3}, {positive.data() + 3, 1, 2}};
  call.finish();
  for (Order order : {Order::kShuffled, Order::kOneCall}) {
    std::fill(y.begin(), y.end(), 9.0f);
    std::fill(positive.begin(), positive.end(), uint8_t{9});
    kernel_test::run(m.row(), &call.args, order);
    for (size_t i = 0; i < y.size(); ++i) {
      const bool inside = i >= 3 && i < static_cast<size_t>(n) + 3;
      const float want = inside ? -a[i - 3] : 9;
      CHECK(y[i] == want && positive[i] == (inside ? uint8_t{want < 0} : 9), "large result at %d", int(i));
    }
  }
}

void test_isa(const IsaTable& table) {
  const Machine m(table);
  for (int64_t n : {1, 7, 16, 511, 512, 513, 32768, 32769, 100003}) test_chain(m, {n}, {1});
  test_chain(m, {30, 40}, {0, 0});
  test_chain(m, {700, 33}, {0, 1});
  test_chain(m, {80, 512}, {0, 1});
  test_chain(m, {80, 513}, {0, 1});
  test_chain(m, {60, 1000}, {1, 0});
  test_chain(m, {6, 70, 90}, {70, 1, 0});
  test_chain(m, {200, 300}, {1, 200});
  test_chain(m, {2, 3, 50, 60}, {0, 1, 180, 3});
  test_view<float>(m, {}, {});
  test_views(m, {1}, {1});
  test_views(m, {4, 3, 37, 41}, {3 * 37 * 41, 1, 41 * 3, 3});
  test_views(m, {2, 37, 41, 3}, {37 * 41 * 3, 41, 1, 37 * 41});
  test_views(m, {3, 64, 25}, {1600, 1, 64});
  test_views(m, {513, 257}, {1, 513});
  test_views(m, {1024, 64}, {1, 1024});
  test_views(m, {100, 2, 100}, {1, 10000, 100});
  test_views(m, {70, 5, 1}, {1, 70, 9});
  test_random_views(m);
  test_aliasing(m);
  test_registers(m);
  test_apart(m);
  test_large(m);
  std::printf("%s: ok\n", table.isa.c_str());
}

}  // namespace

int main() {
  for (const IsaTable& table : elementwise_tables()) test_isa(table);
  return 0;
}
