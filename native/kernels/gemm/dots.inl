// Results as dot products of rows of A and columns of B, both contiguous along k: for products with few rows
// (skinny.inl), and for last columns too few for a vector.
#pragma once
#include "kernels/gemm/pack.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class V, class T, int kRows, int kCols>
void dot_tile(int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_col, T* c, int64_t stride, bool accumulate) {
  V sum[kRows][kCols];
  for (auto& row : sum) {
    for (V& v : row) v = V::zero();
  }
  int64_t l = 0;
  for (; l + V::kLanes <= k; l += V::kLanes) {
    V right[kCols];
    for (int j = 0; j < kCols; ++j) right[j] = V::load(b + j * b_col + l);
    for (int i = 0; i < kRows; ++i) {
      const V left = V::load(a + i * a_row + l);
      for (int j = 0; j < kCols; ++j) sum[i][j] = fma(left, right[j], sum[i][j]);
    }
  }
  if (l < k) {
    for (int i = 0; i < kRows; ++i) {
      const V left = V::load_partial(a + i * a_row + l, k - l);
      for (int j = 0; j < kCols; ++j) sum[i][j] = fma(left, V::load_partial(b + j * b_col + l, k - l), sum[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kCols; ++j) {
      const T total = reduce_add(sum[i][j]);
      c[i * stride + j] = accumulate ? c[i * stride + j] + total : total;
    }
  }
}

// A few columns of b against all rows of a: they come from far once and are then near.
template <class V, class T, int kCols>
void dot_cols(int64_t rows, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_col, T* c, int64_t stride,
              bool accumulate) {
  constexpr int kTall = Micro<T>::kRows >= 6 ? 4 : 2;  // rows of a tile whose sums fit the registers
  int64_t i = 0;
  for (; i + kTall <= rows; i += kTall) {
    dot_tile<V, T, kTall, kCols>(k, a + i * a_row, a_row, b, b_col, c + i * stride, stride, accumulate);
  }
  for (; i < rows; ++i) {
    dot_tile<V, T, 1, kCols>(k, a + i * a_row, a_row, b, b_col, c + i * stride, stride, accumulate);
  }
}

// Last columns that are cheaper as dot products than as a vector mostly of nothing.
template <class T>
constexpr int64_t kDotCols = Micro<T>::kLanes / 4;
constexpr int64_t kLeastDotDepth = 64;
constexpr int64_t kLeastDotRows = 16;

// How many of `cols` columns are.
template <class T>
inline int64_t dot_columns(const ABlock<T>& a, int64_t rows, int64_t k, int64_t cols) {
  const int64_t rest = cols % Micro<T>::kLanes;
  return a.k == 1 && rows >= kLeastDotRows && k >= kLeastDotDepth && rest <= kDotCols<T> ? rest : 0;
}

// These columns of rows of B that are `b_row` apart, times all rows of A; `near` has room for them.
template <class T>
void multiply_dot_columns(const ABlock<T>& a, int64_t rows, int64_t panel_rows, int64_t k, const T* b, int64_t b_row,
                          T* c, int64_t stride, int64_t cols, bool accumulate, T* near) {
  using V = typename VectorOf<T>::V;
  for (int64_t l = 0; l < k; ++l) {
    for (int64_t j = 0; j < cols; ++j) near[j * k + l] = b[l * b_row + j];
  }
  for (int64_t i = 0; i < rows; i += panel_rows) {
    const T* panel = a.data + i / panel_rows * a.panel;
    const int64_t height = min64(panel_rows, rows - i);
    T* to = c + i * stride;
    int64_t j = 0;
    for (; j + 2 <= cols; j += 2)
      dot_cols<V, T, 2>(height, k, panel, a.row, near + j * k, k, to + j, stride, accumulate);
    if (j < cols) dot_cols<V, T, 1>(height, k, panel, a.row, near + j * k, k, to + j, stride, accumulate);
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
