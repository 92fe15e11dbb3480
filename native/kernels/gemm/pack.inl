// Copies that bring blocks of A and B into the order the micro-kernel reads.
//
// A block stays row-major (rows of contiguous k, so packing is plain copying) or, when its columns are contiguous,
// becomes panels of a few rows. B becomes panels of two vectors of columns, k after k, padded with zeros.
#pragma once
#include "kernels/gemm/micro.inl"
#include "simd/transpose.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// The vector type of simd/ for an element type.
template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using V = F32;
};
template <>
struct VectorOf<double> {
  using V = F64;
};

template <class T>
constexpr int64_t kPanel = 2 * Micro<T>::kLanes;  // columns of one packed panel of B

constexpr int64_t kRowPad = 16;  // elements between rows of a packed A, so that rows do not share cache sets
constexpr int64_t kAheadA = 16;  // columns of a transposed A that are asked for ahead of time

// A block of A as the micro-kernel walks it: panel p starts at data + p * panel.
template <class T>
struct ABlock {
  const T* data;
  int64_t row;
  int64_t k;
  int64_t panel;
};

// A block of B: the panel of column j (a multiple of kPanel) starts at data + j * column, its rows are `row` apart.
template <class T>
struct BBlock {
  const T* data;
  int64_t row;
  int64_t column;
};

template <int kBytes>
inline void copy_piece(char* to, const char* from) {
  __builtin_memcpy(to, from, kBytes);
}

// Copies n elements of 4 or 8 bytes; short runs cost a few overlapping moves instead of a call.
template <class T>
inline void copy_run(T* to, const T* from, int64_t n) {
  constexpr int64_t kWide = sizeof(typename Micro<T>::V);
  char* d = reinterpret_cast<char*>(to);
  const char* s = reinterpret_cast<const char*>(from);
  const int64_t bytes = n * int64_t{sizeof(T)};
  if (bytes >= kWide) {
    int64_t i = 0;
    for (; i + kWide <= bytes; i += kWide) copy_piece<kWide>(d + i, s + i);
    if (i < bytes) copy_piece<kWide>(d + bytes - kWide, s + bytes - kWide);
    return;
  }
  if (bytes >= 32) {
    copy_piece<32>(d, s);
    copy_piece<32>(d + bytes - 32, s + bytes - 32);
  } else if (bytes >= 16) {
    copy_piece<16>(d, s);
    copy_piece<16>(d + bytes - 16, s + bytes - 16);
  } else if (bytes >= 8) {
    copy_piece<8>(d, s);
    copy_piece<8>(d + bytes - 8, s + bytes - 8);
  } else if (bytes == 4) {
    copy_piece<4>(d, s);
  }
}

template <int kBytes>
inline void zero_piece(char* to) {
  __builtin_memset(to, 0, kBytes);
}

template <class T>
inline void zero_run(T* to, int64_t n) {
  constexpr int64_t kWide = sizeof(typename Micro<T>::V);
  char* d = reinterpret_cast<char*>(to);
  const int64_t bytes = n * int64_t{sizeof(T)};
  if (bytes >= kWide) {
    for (int64_t i = 0; i + kWide <= bytes; i += kWide) zero_piece<kWide>(d + i);
    zero_piece<kWide>(d + bytes - kWide);
  } else if (bytes >= 16) {
    for (int64_t i = 0; i + 16 <= bytes; i += 16) zero_piece<16>(d + i);
    zero_piece<16>(d + bytes - 16);
  } else if (bytes >= 8) {
    zero_piece<8>(d);
    zero_piece<8>(d + bytes - 8);
  } else if (bytes == 4) {
    zero_piece<4>(d);
  }
}

// Packing A pays when its block is used for many columns and its rows, or its columns of contiguous rows, share cache
// sets.
template <class T>
inline bool read_a_directly(int64_t row, int64_t col, int64_t cols) {
  if (cols <= 2 * kPanel<T>) return true;
  const int64_t apart = (row == 1 ? col : row) * int64_t{sizeof(T)}, period = row == 1 ? 2048 : 4096;
  const int64_t offset = apart % period;
  return apart > 0 && (apart <= 512 || (offset >= 128 && offset <= period - 128));
}

// Elements needed for a packed block of A in either order.
inline int64_t packed_a_size(int64_t rows, int64_t k) { return rows * (k + kRowPad) + 64; }

// Short runs far apart in memory are not foreseen by the hardware.
template <class T>
inline void prefetch_run(const T* from, int64_t n) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < n; i += kLine) __builtin_prefetch(from + i, 0, 2);
}

template <class T>
ABlock<T> pack_a(const T* a, int64_t row, int64_t col, int64_t rows, int64_t k, int64_t panel_rows, T* to) {
  if (row == 1 && col != 1) {
    using V = typename VectorOf<T>::V;
    // Whole vectors run over into what is written next.
    const int64_t whole = V::kLanes < panel_rows ? 0 : rows - V::kLanes + 1;
    for (int64_t l = 0; l < k; ++l) {
      prefetch_run(a + (l + kAheadA) * col, rows);
      int64_t i = 0;
      for (; l + 1 < k && i < whole; i += panel_rows) V::load(a + l * col + i).store(to + i * k + l * panel_rows);
      for (; i < rows; i += panel_rows) {
        copy_run(to + i * k + l * panel_rows, a + l * col + i, min64(panel_rows, rows - i));
      }
    }
    return {to, 1, panel_rows, panel_rows * k};
  }
  const int64_t stride = k + kRowPad;
  for (int64_t i = 0; i < rows; ++i) {
    if (col == 1) {
      copy_run(to + i * stride, a + i * row, k);
    } else {
      for (int64_t l = 0; l < k; ++l) to[i * stride + l] = a[i * row + l * col];
    }
  }
  return {to, stride, 1, stride * panel_rows};
}

// One row of B (n contiguous elements) into its place in every panel.
template <class T>
inline void pack_b_row(const T* row, int64_t n, int64_t k, T* to) {
  for (; n >= kPanel<T>; n -= kPanel<T>) {
    copy_piece<kPanel<T> * sizeof(T)>(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(row));
    row += kPanel<T>;
    to += kPanel<T> * k;
  }
  if (n > 0) {
    copy_run(to, row, n);
    zero_run(to + n, kPanel<T> - n);
  }
}

#if defined(__clang__)
#define BRAWN_SHUFFLE2(a, b, i, j) __builtin_shufflevector(a, b, i, j)
#else
#define BRAWN_SHUFFLE2(a, b, i, j) __builtin_shuffle(a, b, Index2{i, j})
#endif

typedef double Pair __attribute__((vector_size(16)));
typedef double PairUnaligned __attribute__((vector_size(16), aligned(8), may_alias));
typedef int64_t Index2 __attribute__((vector_size(16)));

// A 2 x 2 square, as those of simd/transpose.h.
inline void transpose_square(const double* from, int64_t from_stride, double* to, int64_t to_stride) {
  const Pair a = *reinterpret_cast<const PairUnaligned*>(from);
  const Pair b = *reinterpret_cast<const PairUnaligned*>(from + from_stride);
  *reinterpret_cast<PairUnaligned*>(to) = BRAWN_SHUFFLE2(a, b, 0, 2);
  *reinterpret_cast<PairUnaligned*>(to + to_stride) = BRAWN_SHUFFLE2(a, b, 1, 3);
}

#undef BRAWN_SHUFFLE2

template <class T>
constexpr int64_t kSquareOf = sizeof(T) == 4 ? kSquare : 2;  // the side of the squares that transpose_square moves

// One panel of B whose columns are contiguous along k. Whole cache lines of the source are used before moving on; so
// many streams are not foreseen by the hardware.
template <class T>
void pack_b_transposed(const T* b, int64_t col, int64_t n, int64_t k, T* to) {
  constexpr int64_t kSide = kSquareOf<T>;
  constexpr int64_t kLine = 64 / sizeof(T), kAhead = 4 * kLine;
  const int64_t whole_n = n / kSide * kSide;
  const int64_t whole_k = k / kSide * kSide;
  for (int64_t l0 = 0; l0 < whole_k; l0 += kLine) {
    const int64_t l1 = min64(l0 + kLine, whole_k);
    for (int64_t j = 0; j < whole_n; j += kSide) {
      for (int64_t i = j; i < j + kSide; ++i) __builtin_prefetch(b + i * col + l0 + kAhead);
      for (int64_t l = l0; l < l1; l += kSide) {
        transpose_square(b + j * col + l, col, to + l * kPanel<T> + j, kPanel<T>);
      }
    }
  }
  for (int64_t l = 0; l < k; ++l) {
    T* row = to + l * kPanel<T>;
    for (int64_t j = l < whole_k ? whole_n : 0; j < n; ++j) row[j] = b[j * col + l];
    zero_run(row + n, kPanel<T> - n);
  }
}

// Columns [0, n) of a strided B into panels.
template <class T>
BBlock<T> pack_b(const T* b, int64_t row, int64_t col, int64_t n, int64_t k, T* to) {
  if (col == 1) {
    const int64_t ahead = n < 8 * kPanel<T> ? 8 : 2;
    for (int64_t l = 0; l < k; ++l) {
      if (l + ahead < k) prefetch_run(b + (l + ahead) * row, n);
      pack_b_row(b + l * row, n, k, to + l * kPanel<T>);
    }
    return {to, kPanel<T>, k};
  }
  for (int64_t j = 0; j < n; j += kPanel<T>) {
    const int64_t width = min64(kPanel<T>, n - j);
    T* panel = to + j * k;
    if (row == 1) {
      pack_b_transposed(b + j * col, col, width, k, panel);
      continue;
    }
    for (int64_t l = 0; l < k; ++l) {
      for (int64_t i = 0; i < width; ++i) panel[l * kPanel<T> + i] = b[l * row + (j + i) * col];
      zero_run(panel + l * kPanel<T> + width, kPanel<T> - width);
    }
  }
  return {to, kPanel<T>, k};
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
