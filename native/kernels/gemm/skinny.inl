// Products with few rows, bound by reading B once: no packing of B in either orientation.
//
// When B's columns are contiguous along k every result is a dot product, computed for a few rows of A and a few
// columns of B at a time. When B's rows are contiguous and A has very few rows, rows of B stream past the results.
#pragma once
#include "kernels/gemm/block.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kStreamRows = 4;   // rows of A for which streaming B beats the micro-kernel
constexpr int64_t kDotDepth = 2048;  // k per pass, so that the rows of A stay in cache

// c = a * transpose(b), both with contiguous k.
template <class T>
void multiply_dots(const Block<T>& block, const T* a, int64_t a_row, const T* b, int64_t b_col) {
  using V = typename VectorOf<T>::V;
  constexpr int kWide = Micro<T>::kRows >= 12 ? 4 : 3;
  for (int64_t l = 0; l < block.k; l += kDotDepth) {
    const int64_t k = min64(kDotDepth, block.k - l);
    int64_t j = 0;
    for (; j + kWide <= block.n; j += kWide) {
      dot_cols<V, T, kWide>(block.m, k, a + l, a_row, b + j * b_col + l, b_col, block.c + j, block.stride, l > 0);
    }
    for (; j < block.n; ++j) {
      dot_cols<V, T, 1>(block.m, k, a + l, a_row, b + j * b_col + l, b_col, block.c + j, block.stride, l > 0);
    }
  }
}

// c += a[0..kDepth) * rows of b.
template <class V, class T, int kDepth>
void stream_rows(int64_t n, const T* a, int64_t a_col, const T* b, int64_t b_row, T* c) {
  V left[kDepth];
  for (int l = 0; l < kDepth; ++l) left[l] = V::set(a[l * a_col]);
  int64_t j = 0;
  for (; j + V::kLanes <= n; j += V::kLanes) {
    V sum = V::load(c + j);
    for (int l = 0; l < kDepth; ++l) sum = fma(left[l], V::load(b + l * b_row + j), sum);
    sum.store(c + j);
  }
  if (j < n) {
    V sum = V::load_partial(c + j, n - j);
    for (int l = 0; l < kDepth; ++l) sum = fma(left[l], V::load_partial(b + l * b_row + j, n - j), sum);
    sum.store_partial(c + j, n - j);
  }
}

template <class T>
void multiply_streams(const Block<T>& block, const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row) {
  using V = typename VectorOf<T>::V;
  for (int64_t i = 0; i < block.m; ++i) zero_run(block.c + i * block.stride, block.n);
  int64_t l = 0;
  for (; l + 8 <= block.k; l += 8) {
    for (int64_t i = 0; i < block.m; ++i) {
      stream_rows<V, T, 8>(block.n, a + i * a_row + l * a_col, a_col, b + l * b_row, b_row, block.c + i * block.stride);
    }
  }
  for (; l < block.k; ++l) {
    for (int64_t i = 0; i < block.m; ++i) {
      stream_rows<V, T, 1>(block.n, a + i * a_row + l * a_col, a_col, b + l * b_row, b_row, block.c + i * block.stride);
    }
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
