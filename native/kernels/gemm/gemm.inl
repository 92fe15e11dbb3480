// The gemm family: strided batched matrices as a problem for the driver, and plain loops for integers.
#pragma once
#if BRAWN_ISA_ENABLED
#include "kernels/gemm/driver.inl"
#include "kernels/gemm/skinny.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Where batch `index` of a strided batched matrix starts, in elements.
inline int64_t batch_offset(int64_t index, Span<int64_t> dims, Span<int64_t> strides) {
  int64_t offset = 0;
  for (int64_t d = dims.size - 1; d >= 0; --d) {
    offset += index % dims[d] * strides[d];
    index /= dims[d];
  }
  return offset;
}

template <class Element>
class GemmProblem : public Problem<Element> {
 public:
  using T = Element;
  explicit GemmProblem(const void* args) : args_(*static_cast<const GemmArgs*>(args)) {
    if (args_.n == 1 && args_.m > 1) transpose();
    b_varies_ = false;
    for (int64_t d = 0; d < args_.b_batch.size; ++d) b_varies_ |= args_.b_batch[d] != 0;
  }

  GemmProblem(const GemmProblem&) = delete;

  int64_t batches() const { return args_.batch; }
  int64_t distinct_b() const { return b_varies_ ? args_.batch : 1; }
  int64_t b_of(int64_t batch) const { return b_varies_ ? batch : 0; }
  int64_t rows() const { return args_.m; }
  int64_t rows(int64_t) const { return args_.m; }
  int64_t cols() const { return args_.n; }
  int64_t depth() const { return args_.k; }
  int64_t depth(int64_t) const { return args_.k; }
  int64_t depth_of(int64_t) const { return args_.k; }
  bool split() const { return true; }
  bool share_b() const { return true; }
  int64_t block_rows() const { return 140; }  // ten tiles of AVX-512
  bool straight() const { return true; }
  int64_t output_row(int64_t batch, int64_t m) const { return batch * args_.m + m; }
  int64_t epilogue_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_batch(int64_t batch) const { return batch; }
  int64_t columns() const { return args_.n; }
  int64_t column(int64_t) const { return 0; }
  const EpilogueParams& epilogue() const { return args_.ep; }
  Span<const void*> inputs() const { return args_.in; }
  Span<void*> outputs() const { return args_.out; }

  ABlock<T> a_block(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const int64_t row = args_.a_strides[0], col = args_.a_strides[1];
    const T* a = this->a(batch) + m0 * row + k0 * col;
    if (read_a_directly<T>(row, col, cols)) return {a, row, col, row * panel_rows};
    return pack_a(a, row, col, m, k, panel_rows, buffer);
  }

  BBlock<T> b_block(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    const int64_t row = args_.b_strides[0], col = args_.b_strides[1];
    return pack_b(this->b(b) + k0 * row + n0 * col, row, col, n, k, to);
  }

  void ask_a(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, Ahead* ahead) const {
    constexpr int64_t kSize = sizeof(T);
    const int64_t row = args_.a_strides[0], col = args_.a_strides[1];
    const T* a = this->a(batch) + m0 * row + k0 * col;
    if (col == 1) ahead->add_rows(a, m, k * kSize, row * kSize);
    if (row == 1 && col != 1) ahead->add_rows(a, k, m * kSize, col * kSize);
  }
  void ask_b(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, Ahead* ahead) const {
    constexpr int64_t kSize = sizeof(T);
    const int64_t row = args_.b_strides[0], col = args_.b_strides[1];
    if (col == 1) ahead->add_rows(this->b(b) + k0 * row + n0, k, n * kSize, row * kSize);
  }
  bool whole_depth() const { return true; }
  void ask(int64_t batch, int64_t m0, int64_t m, Ahead* ahead) const {
    const int64_t row = args_.a_strides[0];
    if (args_.a_strides[1] == 1 && row == args_.k) ahead->add(a(batch) + m0 * row, m * row * int64_t{sizeof(T)});
  }
  bool rows_of_b() const { return args_.b_strides[1] == 1; }

  const T* b_row(int64_t b, int64_t n0, int64_t k0, int64_t* distance) const {
    *distance = args_.b_strides[0];
    return this->b(b) + k0 * args_.b_strides[0] + n0;
  }

  bool skinny(const Block<T>& block, T*) const {
    const int64_t a_row = args_.a_strides[0], a_col = args_.a_strides[1];
    const int64_t b_row = args_.b_strides[0], b_col = args_.b_strides[1];
    const T* a = this->a(block.batch) + block.m0 * a_row + block.k0 * a_col;
    const T* b = this->b(b_of(block.batch)) + block.k0 * b_row + block.n0 * b_col;
    if (b_row == 1 && a_col == 1 && args_.m <= kDotRows && (b_col != 1 || args_.n == 1)) {
      multiply_dots(block, a, a_row, b, b_col);
      return true;
    }
    if (b_col == 1 && args_.m <= kStreamRows) {
      multiply_streams(block, a, a_row, a_col, b, b_row);
      return true;
    }
    return false;
  }

 private:
  const T* a(int64_t batch) const {
    return static_cast<const T*>(args_.a) + batch_offset(batch, args_.batch_dims, args_.a_batch);
  }
  const T* b(int64_t index) const {
    return static_cast<const T*>(args_.b) + (b_varies_ ? batch_offset(index, args_.batch_dims, args_.b_batch) : 0);
  }

  // A matrix times a vector is computed as the vector times the transposed matrix: one row, many columns.
  void transpose() {
    const auto exchange = [](auto& x, auto& y) {
      const auto old = x;
      x = y;
      y = old;
    };
    exchange(args_.a, args_.b);
    exchange(args_.m, args_.n);
    exchange(args_.a_batch, args_.b_batch);
    exchange(args_.ep.row, args_.ep.col);
    const Span<int64_t> a = args_.a_strides, b = args_.b_strides;
    strides_[0] = b[1], strides_[1] = b[0], strides_[2] = a[1], strides_[3] = a[0];
    args_.a_strides = {strides_, 2};
    args_.b_strides = {strides_ + 2, 2};
  }

  GemmArgs args_;
  int64_t strides_[4];
  bool b_varies_;
};

// Integer products: rows of results, wrapping on overflow.
template <class U>
struct IntegerGemm {
  static int64_t rows_per_task(const GemmArgs& args) { return max64(1, (1 << 18) / max64(1, args.n * args.k)); }

  static int64_t tasks(const void* raw, int phase) {
    const GemmArgs& args = *static_cast<const GemmArgs*>(raw);
    return phase == 1 ? ceil_div(args.batch * args.m, rows_per_task(args)) : 0;
  }

  static void run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
    const GemmArgs& args = *static_cast<const GemmArgs*>(raw);
    const int64_t rows = rows_per_task(args), last = min64(args.batch * args.m, end * rows);
    for (int64_t r = begin * rows; r < last; ++r) row(args, r / args.m, r % args.m, r);
  }

  static void row(const GemmArgs& args, int64_t batch, int64_t i, int64_t out_row) {
    const U* a = static_cast<const U*>(args.a) + batch_offset(batch, args.batch_dims, args.a_batch);
    const U* b = static_cast<const U*>(args.b) + batch_offset(batch, args.batch_dims, args.b_batch);
    U* c = static_cast<U*>(args.out[0]) + out_row * args.n;
    const int64_t b_row = args.b_strides[0], b_col = args.b_strides[1];
    a += i * args.a_strides[0];
    for (int64_t j = 0; j < args.n; ++j) c[j] = 0;
    for (int64_t l = 0; l < args.k; ++l) {
      const U left = a[l * args.a_strides[1]];
      const U* right = b + l * b_row;
      if (b_col == 1) {
        for (int64_t j = 0; j < args.n; ++j) c[j] += left * right[j];
      } else {
        for (int64_t j = 0; j < args.n; ++j) c[j] += left * right[j * b_col];
      }
    }
  }
};

template <class T>
constexpr KernelRow gemm_row(const char* name) {
  using D = Driver<GemmProblem<T>>;
  return {
      name,  Micro<T>::kTileName, BRAWN_GEMM_OPERANDS, BRAWN_GEMM_PARAMS, 3, D::tasks, D::shared_bytes, D::local_bytes,
      D::run};
}

template <class U>
constexpr KernelRow integer_gemm_row(const char* name) {
  using G = IntegerGemm<U>;
  return {name, "", BRAWN_GEMM_OPERANDS, BRAWN_GEMM_PARAMS, 2, G::tasks, nullptr, nullptr, G::run};
}

constexpr KernelRow kGemmRows[] = {
    gemm_row<float>("gemm_f32"),
    gemm_row<double>("gemm_f64"),
    integer_gemm_row<uint32_t>("gemm_i32"),
    integer_gemm_row<uint64_t>("gemm_i64"),
};

}  // namespace

KernelTable gemm_table() { return {kGemmRows, sizeof(kGemmRows) / sizeof(kGemmRows[0])}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
