// Builds the epilogue of a product in tests: operands, constants and operations by name, in the layout of gemm.h.
#pragma once
#include "kernels/elementwise/vm.h"
#include "kernels/gemm/gemm.h"
#include "kernel_test.h"

struct EpilogueCase {
  std::vector<const void*> in;
  std::vector<void*> out;
  std::vector<int64_t> row, col, batch, sizes, consts, const_sizes, code, out_regs, out_sizes, out_rows;
  int64_t registers = 1;
  bool far = false;

  // Operands first, then constants, then operations; each returns its register.
  int64_t operand(const void* data, int64_t size, int64_t row_stride, int64_t col_stride, int64_t batch_stride = 0) {
    in.push_back(data);
    row.push_back(row_stride);
    col.push_back(col_stride);
    batch.push_back(batch_stride);
    sizes.push_back(size);
    return registers++;
  }

  template <class T>
  int64_t constant(T value) {
    int64_t pattern = 0;
    std::memcpy(&pattern, &value, sizeof(T));
    consts.push_back(pattern);
    const_sizes.push_back(sizeof(T));
    return registers++;
  }

  int64_t op(const std::string& name, int64_t a, int64_t b = -1, int64_t c = -1) {
    const brawn::VmTable table = brawn::ref::vm_table();
    for (int i = 0; i < table.count; ++i) {
      if (name != table.ops[i].name) continue;
      code.insert(code.end(), {i, registers, a, b, c});
      return registers++;
    }
    CHECK(false, "no operation %s", name.c_str());
    return -1;
  }

  // `distance`: elements between rows, for all outputs of a case or for none.
  void output(void* data, int64_t reg, int64_t size, int64_t distance = 0) {
    if (distance > 0) out_rows.push_back(distance);
    out.push_back(data);
    out_regs.push_back(reg);
    out_sizes.push_back(size);
  }

  brawn::EpilogueParams params() const {
    return {span(row),  span(col),      span(batch),     span(sizes),    span(consts), span(const_sizes),
            span(code), span(out_regs), span(out_sizes), span(out_rows), registers,    far};
  }
  brawn::Span<const void*> inputs() const { return span(in); }
  brawn::Span<void*> outputs() const { return span(out); }

  template <class T>
  static brawn::Span<T> span(const std::vector<T>& v) {
    return {v.data(), static_cast<int64_t>(v.size())};
  }
};

// The epilogues every product is tested with, on outputs of `rows` x `cols` per batch.
// The last three write rows that are apart.
enum class EpilogueKind {
  kPlain,
  kBiasRelu,
  kResidualInPlace,
  kTwoOutputs,
  kRowScale,
  kBiasResidualClamp,
  kRowBias,
  kMask,
  kResidualMasks,
  kBiasReluFar,
  kPlainApart,
  kBiasReluApart,
  kTwoOutputsApart,
  kCount
};

template <class T>
struct EpilogueRun {
  EpilogueKind kind;
  std::vector<T> bias, scale, result, second;
  std::vector<uint8_t> flags;
  std::vector<T> residual;  // the start of `result` when it is also an operand
  EpilogueCase ep;
  int64_t cols, rows;
  bool apart;
  int64_t distance;  // between rows of `result`
  size_t start = 0;  // where the first one is in it

  EpilogueRun(EpilogueKind which, int64_t batch, int64_t m, int64_t n)
      : kind(which),
        cols(n),
        rows(m),
        apart(which >= EpilogueKind::kPlainApart && n > 1),
        distance(n + (apart ? 3 : 0)) {
    if (kind == EpilogueKind::kPlainApart) kind = EpilogueKind::kPlain;
    ep.far = kind == EpilogueKind::kBiasReluFar;
    if (kind == EpilogueKind::kBiasReluApart || ep.far) kind = EpilogueKind::kBiasRelu;
    if (kind == EpilogueKind::kTwoOutputsApart) kind = EpilogueKind::kTwoOutputs;
    const size_t count = static_cast<size_t>(batch * m * n);
    const std::string t = kernel_test::dtype_name<T>();
    bias = kernel_test::random_values<T>(static_cast<size_t>(n), 11);
    scale = kernel_test::random_values<T>(static_cast<size_t>(m), 12);
    result.assign(static_cast<size_t>(batch * m * distance), T(77));
    const int64_t size = sizeof(T);
    if (ep.far) {
      constexpr size_t kLine = 64;
      result.resize(result.size() + kLine / sizeof(T), T(77));
      start = (kLine - reinterpret_cast<uintptr_t>(result.data()) % kLine) % kLine / sizeof(T);
    }
    if (kind == EpilogueKind::kPlain) {
      ep.output(result.data(), 0, size, apart ? distance : 0);
    } else if (kind == EpilogueKind::kBiasRelu) {
      const int64_t b = ep.operand(bias.data(), size, 0, 1);
      ep.output(result.data() + start, ep.op("relu_" + t, ep.op("add_" + t, 0, b)), size, apart ? distance : 0);
    } else if (kind == EpilogueKind::kResidualInPlace) {
      residual = kernel_test::random_values<T>(count, 13);
      result = residual;
      const int64_t r = ep.operand(result.data(), size, n, 1, m * n);
      const int64_t half = ep.constant(T(0.5));
      ep.output(result.data(), ep.op("add_" + t, ep.op("mul_" + t, 0, half), r), size);
    } else if (kind == EpilogueKind::kTwoOutputs) {
      flags.assign(count, 9);
      second.assign(count, T(5));
      const int64_t zero = ep.constant(T(0));
      ep.output(second.data(), 0, size, apart ? n : 0);
      const int64_t relu = ep.op("relu_" + t, 0);
      ep.output(flags.data(), ep.op("gt_" + t, 0, zero), 1, apart ? n : 0);
      ep.output(result.data(), relu, size, apart ? distance : 0);
    } else if (kind == EpilogueKind::kBiasResidualClamp) {
      residual = kernel_test::random_values<T>(count, 13);
      result = residual;
      const int64_t b = ep.operand(bias.data(), size, 0, 1);
      const int64_t r = ep.operand(result.data(), size, n, 1, m * n);
      const int64_t low = ep.constant(T(-0.25)), high = ep.constant(T(1.5));
      const int64_t sum = ep.op("add_" + t, r, ep.op("add_" + t, 0, b));
      ep.output(result.data(), ep.op("clamp_" + t, sum, low, high), size);
    } else if (kind == EpilogueKind::kRowBias) {
      residual = kernel_test::random_values<T>(count, 13);
      result = residual;
      const int64_t b = ep.operand(scale.data(), size, 1, 0);
      const int64_t r = ep.operand(result.data(), size, n, 1, m * n);
      ep.output(result.data(), ep.op("relu_" + t, ep.op("add_" + t, ep.op("add_" + t, 0, b), r)), size);
    } else if (kind == EpilogueKind::kMask || kind == EpilogueKind::kResidualMasks) {
      for (size_t i = 0; i < 2 * count; ++i) flags.push_back(i * 2654435761u >> 7 & 1);
      if (kind == EpilogueKind::kMask) {
        const int64_t mask = ep.operand(flags.data(), 1, n, 1, m * n);
        const int64_t zero = ep.constant(T(0));
        ep.output(result.data(), ep.op("where_" + t, mask, zero, 0), size);
        return;
      }
      residual = kernel_test::random_values<T>(count, 13);
      result = residual;
      const int64_t r = ep.operand(result.data(), size, n, 1, m * n);
      const int64_t inner = ep.operand(flags.data(), 1, n, 1, m * n);
      const int64_t outer = ep.operand(flags.data() + count, 1, n, 1, m * n);
      const int64_t zero = ep.constant(T(0));
      const int64_t masked = ep.op("where_" + t, inner, zero, ep.op("add_" + t, 0, r));
      ep.output(result.data(), ep.op("where_" + t, outer, zero, masked), size);
    } else {
      const int64_t s = ep.operand(scale.data(), size, 1, 0);
      const int64_t all = ep.operand(bias.data(), size, 0, 0);
      ep.output(result.data(), ep.op("add_" + t, ep.op("mul_" + t, 0, s), all), size);
    }
  }

  void reset() {
    if (!residual.empty()) {
      std::copy(residual.begin(), residual.end(), result.begin());
    } else {
      std::fill(result.begin(), result.end(), T(77));
    }
  }

  double expected(double value, int64_t index) const {
    const size_t i = static_cast<size_t>(index);
    if (kind == EpilogueKind::kPlain) return value;
    if (kind == EpilogueKind::kBiasRelu) return std::fmax(0, value + bias[i % static_cast<size_t>(cols)]);
    if (kind == EpilogueKind::kResidualInPlace) return value * 0.5 + residual[i];
    if (kind == EpilogueKind::kTwoOutputs) return std::fmax(0, value);
    if (kind == EpilogueKind::kBiasResidualClamp)
      return std::fmin(std::fmax(value + bias[i % static_cast<size_t>(cols)] + residual[i], -0.25), 1.5);
    if (kind == EpilogueKind::kMask) return flags[i] != 0 ? 0 : value;
    if (kind == EpilogueKind::kResidualMasks)
      return (flags[i] | flags[flags.size() / 2 + i]) != 0 ? 0 : value + residual[i];
    const T row = scale[i / static_cast<size_t>(cols) % static_cast<size_t>(rows)];
    return kind == EpilogueKind::kRowBias ? std::fmax(0, value + row + residual[i]) : value * row + bias[0];
  }

  void check(const std::vector<double>& product, double tolerance, const char* what) const {
    for (size_t i = 0; i < product.size(); ++i) {
      const double want = expected(product[i], static_cast<int64_t>(i));
      const size_t row = i / static_cast<size_t>(cols), column = i % static_cast<size_t>(cols);
      const T got = result[start + row * static_cast<size_t>(distance) + column];
      CHECK(kernel_test::close(got, want, tolerance), "%s: epilogue %d element %zu is %g, expected %g", what,
            static_cast<int>(kind), i, static_cast<double>(got), want);
      if (kind != EpilogueKind::kTwoOutputs) continue;
      CHECK(kernel_test::close(second[i], product[i], tolerance), "%s: second output %zu", what, i);
      CHECK(flags[i] == (second[i] > 0 ? 1 : 0), "%s: flag %zu", what, i);
    }
    for (size_t i = 0; apart && i < result.size(); ++i) {
      if (static_cast<int64_t>(i) % distance >= cols) CHECK(result[i] == T(77), "%s: written between rows", what);
    }
  }

  // Runs the row forward, checks the values, then in other orders and compares the bits.
  void run(const brawn::KernelRow& row, const void* args, const std::vector<double>& product, double tolerance,
           const char* what) {
    kernel_test::run(row, args);
    check(product, tolerance, what);
    const std::vector<T> first = result;
    using kernel_test::Order;
    for (Order order : {Order::kBackward, Order::kShuffled, Order::kOneCall}) {
      reset();
      kernel_test::run(row, args, order);
      CHECK(std::memcmp(first.data(), result.data(), first.size() * sizeof(T)) == 0, "%s depends on the task order",
            what);
    }
  }
};
