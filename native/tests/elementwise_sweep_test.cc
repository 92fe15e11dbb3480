// Elementwise programs over many tensors in one call, against single calls, and those that also add up columns, against
// plain loops, on every instruction set this CPU has and in several task orders.
#include <cmath>

#include "elementwise_case.h"

BRAWN_TEST_FAMILY(elementwise)

namespace {

using brawn::ElementwiseArgs;
using kernel_test::IsaTable;
using kernel_test::Order;

// Joins calls of one program into the arguments of a sweep. The calls must outlive it.
struct Sweep {
  std::vector<const void*> in;
  std::vector<void*> out;
  std::vector<int64_t> counts, ranks, dims, strides;
  brawn::ElementwiseSweepArgs args;

  explicit Sweep(const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      in.insert(in.end(), call.in.begin(), call.in.end());
      out.insert(out.end(), call.out.begin(), call.out.end());
      counts.push_back(call.count());
      ranks.push_back(static_cast<int64_t>(call.dims.size()));
      dims.insert(dims.end(), call.dims.begin(), call.dims.end());
      strides.insert(strides.end(), call.strides.begin(), call.strides.end());
    }
    const auto list = [](const std::vector<int64_t>& v) {
      return brawn::Span<int64_t>{v.data(), static_cast<int64_t>(v.size())};
    };
    const ElementwiseArgs& one = calls[0].args;
    args = {{in.data(), static_cast<int64_t>(in.size())},
            {out.data(), static_cast<int64_t>(out.size())},
            list(counts),
            list(ranks),
            list(dims),
            list(strides),
            one.in_sizes,
            one.consts,
            one.const_sizes,
            one.code,
            one.out_regs,
            one.out_sizes,
            one.registers};
  }
};

// Parameter updates: m = m * c + g, p = p - m * rate, in place, for tensors of these shapes; the rate is one number for
// all, the gradient of every third is transposed, and every fourth writes its new parameter beside the old one.
class Updates {
 public:
  Updates(const Machine& m, const std::vector<std::vector<int64_t>>& shapes) : calls(shapes.size()) {
    size_t total = 0;
    for (size_t s = 0; s < shapes.size(); ++s) {
      calls[s].dims = shapes[s];
      total += static_cast<size_t>(calls[s].count());
    }
    gradients_ = kernel_test::random_values<float>(total, 11);
    values = kernel_test::random_values<float>(3 * total, 12);
    size_t at = 0;
    for (size_t s = 0; s < shapes.size(); ++s) {
      Call& call = calls[s];
      const std::vector<int64_t>& dims = call.dims;
      const std::vector<int64_t> own = row_major(dims), scalar(dims.size(), 0);
      const bool transposed = s % 3 == 2 && dims.size() == 2;
      float* mean = values.data() + 3 * at;
      float* p = mean + call.count();
      call.inputs = {{mean, 4, own},
                     {gradients_.data() + at, 4, transposed ? std::vector<int64_t>{1, dims[0]} : own},
                     {p, 4, own},
                     {&rate_, 4, scalar}};
      call.consts = {float_bits(0.9f)};
      call.const_sizes = {4};
      call.temporaries = 3;
      call.code = {m.op("mul_f32"), 5, 0, 4, -1, m.op("add_f32"), 6, 5, 1, -1,
                   m.op("mul_f32"), 5, 6, 3, -1, m.op("sub_f32"), 7, 2, 5, -1};
      call.outputs = {{mean, 4, 6}, {s % 4 == 3 ? p + call.count() : p, 4, 7}};
      call.finish();
      at += static_cast<size_t>(call.count());
    }
  }
  std::vector<Call> calls;
  std::vector<float> values;  // per tensor: mean, parameter, room for another parameter

 private:
  std::vector<float> gradients_;
  float rate_ = 0.01f;
};

void test_sweep(const Machine& m, const std::vector<std::vector<int64_t>>& shapes, int64_t tasks) {
  Updates updates(m, shapes);
  const std::vector<float> before = updates.values;
  for (Call& call : updates.calls) kernel_test::run(m.row(), &call.args);
  const std::vector<float> expected = updates.values;
  updates.values = before;
  const Sweep sweep(updates.calls);
  CHECK(m.sweep_row().tasks(&sweep.args, 0) == tasks, "tasks");
  kernel_test::run_all_orders(m.sweep_row(), &sweep.args, updates.values);
  CHECK(std::memcmp(updates.values.data(), expected.data(), expected.size() * 4) == 0, "a sweep of %d tensors",
        int(shapes.size()));
  CHECK(std::memcmp(before.data(), expected.data(), expected.size() * 4) != 0, "nothing was updated");
}

// Copies and fills: no instructions.
void test_copy_sweep(const Machine& m) {
  const std::vector<int64_t> sizes = {3, 70000, 1, 64, 65};
  std::vector<std::vector<float>> from, to;
  for (int64_t n : sizes) {
    from.push_back(kernel_test::random_values<float>(static_cast<size_t>(n), 21));
    to.emplace_back(static_cast<size_t>(n));
  }
  std::vector<Call> calls(sizes.size());
  for (size_t s = 0; s < sizes.size(); ++s) {
    calls[s].dims = {sizes[s]};
    calls[s].inputs = {{from[s].data(), 4, {s == 4 ? 0 : 1}}};
    calls[s].outputs = {{to[s].data(), 4, 0}};
    calls[s].finish();
  }
  const Sweep sweep(calls);
  kernel_test::run(m.sweep_row(), &sweep.args, Order::kShuffled);
  for (size_t s = 0; s < sizes.size(); ++s) {
    for (size_t i = 0; i < to[s].size(); ++i) CHECK(to[s][i] == from[s][s == 4 ? 0 : i], "copy %d", int(s));
  }
}

void test_sweeps(const Machine& m) {
  test_sweep(m, {{5}}, 1);
  test_sweep(m, {{1}, {}, {1}, {7}}, 1);
  test_sweep(m, {{16, 16}, {16}, {33, 20}, {512}, {513}, {20, 31}}, 1);
  test_sweep(m, {{300, 400}, {10}, {70, 500}, {32768}, {3}, {90, 80}, {100000}}, 10);
  test_sweep(m, std::vector<std::vector<int64_t>>(1000, {1}), 2);
  test_copy_sweep(m);
}

// (a - b) * a with b a line per column: stored over a, and added up down the columns together with a second input.
void test_sums(const Machine& m, int64_t rows, int64_t columns, bool in_place) {
  const int64_t n = rows * columns;
  const auto a = kernel_test::random_values<float>(static_cast<size_t>(n), 11);
  const auto b = kernel_test::random_values<float>(static_cast<size_t>(columns), 12);
  const auto c = kernel_test::random_values<float>(static_cast<size_t>(n), 13);
  std::vector<double> product(static_cast<size_t>(columns)), plain(product);
  for (int64_t i = 0; i < n; ++i) {
    product[static_cast<size_t>(i % columns)] += (a[i] - b[i % columns]) * a[i];
    plain[static_cast<size_t>(i % columns)] += c[i];
  }
  std::vector<float> first, y(static_cast<size_t>(n));
  for (Order order : {Order::kForward, Order::kBackward, Order::kShuffled, Order::kOneCall}) {
    std::vector<float> from = a, sums(2 * static_cast<size_t>(columns), -1);
    float* to = in_place ? from.data() : y.data();
    Call call;
    call.dims = {rows, columns};
    call.inputs = {{from.data(), 4, {columns, 1}}, {b.data(), 4, {0, 1}}, {c.data(), 4, {columns, 1}}};
    call.temporaries = 2;
    call.code = {m.op("sub_f32"), 3, 0, 1, -1, m.op("mul_f32"), 4, 3, 0, -1};
    call.outputs = {{to, 4, 4}};
    const ElementwiseArgs& e = *call.finish();
    const std::vector<int64_t> registers = {4, 2};
    void* const results[] = {sums.data(), sums.data() + columns};
    const brawn::ElementwiseSumsArgs args = {
        e.in,          e.out,  {results, 2}, e.n,         e.dims,      e.strides, e.in_sizes,           e.consts,
        e.const_sizes, e.code, e.out_regs,   e.out_sizes, e.registers, columns,   {registers.data(), 2}};
    kernel_test::run(m.sums_row(), &args, order);
    for (int64_t i = 0; i < n; ++i) {
      CHECK(to[i] == (a[i] - b[i % columns]) * a[i], "stored at %d of %d x %d", int(i), int(rows), int(columns));
    }
    for (size_t j = 0; j < product.size(); ++j) {
      const double bound = 1e-6 * static_cast<double>(rows);
      CHECK(std::fabs(sums[j] - product[j]) <= bound && std::fabs(sums[j + product.size()] - plain[j]) <= bound,
            "sum of column %d of %d x %d", int(j), int(rows), int(columns));
    }
    if (first.empty()) first = sums;
    CHECK(first == sums, "sums depend on the order of tasks");
  }
}

void test_all_sums(const Machine& m) {
  const int64_t sizes[][2] = {{1, 8},     {3, 17},   {70, 8},   {129, 64}, {5000, 64},
                              {900, 130}, {40, 512}, {41, 513}, {7, 4096}};
  for (const auto& [rows, columns] : sizes) {
    for (bool in_place : {false, true}) test_sums(m, rows, columns, in_place);
  }
}

void test_isa(const IsaTable& table) {
  const Machine m(table);
  test_sweeps(m);
  test_all_sums(m);
  std::printf("%s: ok\n", table.isa.c_str());
}

}  // namespace

int main() {
  for (const IsaTable& table : elementwise_tables()) test_isa(table);
  return 0;
}
