// Reading strided tensors: runs, rows and the odometer over a row-major iteration space. Elements are moved as bytes of
// their size, whatever their dtype.
#pragma once
#include <string.h>

namespace brawn {
namespace BRAWN_ISA {
namespace {

struct __attribute__((may_alias)) Bytes1 {
  uint8_t bits;
};
struct __attribute__((may_alias)) Bytes4 {
  uint32_t bits;
};
struct __attribute__((may_alias)) Bytes8 {
  uint64_t bits;
};

template <class T>
void fill_run(T* dst, T value, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = value;
}

void fill(void* dst, const void* value, int64_t size, int64_t n) {
  switch (size) {
    case 1:
      return fill_run(static_cast<Bytes1*>(dst), *static_cast<const Bytes1*>(value), n);
    case 4:
      return fill_run(static_cast<Bytes4*>(dst), *static_cast<const Bytes4*>(value), n);
    default:
      return fill_run(static_cast<Bytes8*>(dst), *static_cast<const Bytes8*>(value), n);
  }
}

// Few elements, without a call.
template <class T>
void copy_short(T* dst, const T* src, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) __builtin_memcpy(dst + i, src + i, 16 * sizeof(T));
  if (i + 8 <= n) {
    __builtin_memcpy(dst + i, src + i, 8 * sizeof(T));
    i += 8;
  }
  for (; i < n; ++i) dst[i] = src[i];
}

// dst is [rows, cols] contiguous; src has any strides.
template <class T>
void copy_rows(T* dst, const T* src, int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride) {
  constexpr int64_t kShortRun = 32;
  for (int64_t r = 0; r < rows; ++r, dst += cols, src += row_stride) {
    if (col_stride == 0) {
      fill_run(dst, *src, cols);
    } else if (col_stride == 1 && cols > kShortRun) {
      memcpy(dst, src, static_cast<size_t>(cols) * sizeof(T));
    } else if (col_stride == 1) {
      copy_short(dst, src, cols);
    } else {
      for (int64_t c = 0; c < cols; ++c) dst[c] = src[c * col_stride];
    }
  }
}

// The coordinates of element `flat` of the iteration space.
void locate(const Span<int64_t>& dims, int64_t flat, int64_t* position) {
  for (int64_t d = dims.size - 1; d >= 0; --d) {
    const int64_t quotient = flat / dims[d];
    position[d] = flat - quotient * dims[d];
    flat = quotient;
  }
}

int64_t strided_offset(const Span<int64_t>& dims, const int64_t* strides, const int64_t* position) {
  int64_t offset = 0;
  for (int64_t d = 0; d < dims.size; ++d) offset += position[d] * strides[d];
  return offset;
}

// Copies n elements in iteration order, starting at `start` (rank >= 1).
template <class T>
void gather(T* dst, const T* src, const Span<int64_t>& dims, const int64_t* strides, const int64_t* start, int64_t n) {
  int64_t position[kMaxRank];
  for (int64_t d = 0; d < dims.size; ++d) position[d] = start[d];
  const int64_t last = dims.size - 1;
  const int64_t cols = dims[last], col_stride = strides[last];
  const int64_t row_stride = last > 0 ? strides[last - 1] : 0;
  int64_t offset = strided_offset(dims, strides, position);
  while (n > 0) {
    if (position[last] != 0 || n < cols || last == 0) {
      const int64_t run = min64(cols - position[last], n);
      copy_rows(dst, src + offset, 1, run, 0, col_stride);
      dst += run;
      n -= run;
      if (n == 0) return;
      offset -= position[last] * col_stride;
      position[last] = 0;
      position[last - 1] += 1;
      offset += row_stride;
    } else {
      const int64_t rows = min64(n / cols, dims[last - 1] - position[last - 1]);
      copy_rows(dst, src + offset, rows, cols, row_stride, col_stride);
      dst += rows * cols;
      n -= rows * cols;
      position[last - 1] += rows;
      offset += rows * row_stride;
    }
    for (int64_t d = last - 1; d > 0 && position[d] == dims[d]; --d) {
      offset += strides[d - 1] - dims[d] * strides[d];
      position[d] = 0;
      position[d - 1] += 1;
    }
  }
}

void gather(void* dst, const void* src, int64_t size, const Span<int64_t>& dims, const int64_t* strides,
            const int64_t* start, int64_t n) {
  switch (size) {
    case 1:
      return gather(static_cast<Bytes1*>(dst), static_cast<const Bytes1*>(src), dims, strides, start, n);
    case 4:
      return gather(static_cast<Bytes4*>(dst), static_cast<const Bytes4*>(src), dims, strides, start, n);
    default:
      return gather(static_cast<Bytes8*>(dst), static_cast<const Bytes8*>(src), dims, strides, start, n);
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
