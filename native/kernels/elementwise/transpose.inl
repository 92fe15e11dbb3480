// Blocked transposition for copies whose unit stride moves to another dim, such as NCHW <-> NHWC. A plane of `rows`
// (contiguous in the input) by `cols` (contiguous in the output) is cut into blocks that stay in L2, longer along its
// longer side.
#pragma once
#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/strided.inl"
#include "simd/transpose.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kBlockElements = 16384;
constexpr int64_t kBlockSide = 64;
constexpr int64_t kSmallestTransposed = 1024;

struct Transposition {
  int64_t row_dim, col_dim;        // the dim with unit stride in the input, and in the output
  int64_t rows, cols;              // their sizes
  int64_t src_stride, dst_stride;  // of cols in the input, of rows in the output
  int64_t block_rows, block_cols;
  int64_t row_blocks, col_blocks;
  int64_t planes;  // product of the other dims
  int64_t blocks_per_task;
};

// False when the program is not one plain transposing copy.
bool find_transposition(const ElementwiseArgs& args, Transposition* t) {
  if (args.code.size != 0 || args.in.size != 1 || args.out.size != 1 || args.out_regs[0] != 0) return false;
  if (args.n < kSmallestTransposed) return false;
  t->col_dim = args.dims.size - 1;
  while (args.dims[t->col_dim] == 1) --t->col_dim;
  t->src_stride = args.strides[t->col_dim];
  if (t->src_stride == 0 || t->src_stride == 1) return false;
  t->row_dim = t->col_dim - 1;
  t->dst_stride = args.dims[t->col_dim];
  while (t->row_dim >= 0 && (args.strides[t->row_dim] != 1 || args.dims[t->row_dim] == 1)) {
    t->dst_stride *= args.dims[t->row_dim--];
  }
  if (t->row_dim < 0) return false;
  t->rows = args.dims[t->row_dim];
  t->cols = args.dims[t->col_dim];
  t->planes = args.n / (t->rows * t->cols);
  if (t->cols >= t->rows) {
    t->block_rows = min64(t->rows, kBlockSide);
    t->block_cols = min64(t->cols, round_up(kBlockElements / t->block_rows, 16));
  } else {
    t->block_cols = min64(t->cols, kBlockSide);
    t->block_rows = min64(t->rows, round_up(kBlockElements / t->block_cols, 16));
  }
  t->row_blocks = ceil_div(t->rows, t->block_rows);
  t->col_blocks = ceil_div(t->cols, t->block_cols);
  t->blocks_per_task = max64(1, kTaskElements / (t->block_rows * t->block_cols));
  return true;
}

int64_t transposition_tasks(const Transposition& t) {
  return ceil_div(t.planes * t.row_blocks * t.col_blocks, t.blocks_per_task);
}

template <class T>
void transpose_scalar(T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows, int64_t cols) {
  if (rows < cols) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) dst[r * dst_stride + c] = src[c * src_stride + r];
    }
  } else if (cols == 3) {
    for (int64_t r = 0; r < rows; ++r) {
      const T a = src[r], b = src[src_stride + r], c = src[2 * src_stride + r];
      dst[r * dst_stride] = a;
      dst[r * dst_stride + 1] = b;
      dst[r * dst_stride + 2] = c;
    }
  } else {
    for (int64_t c = 0; c < cols; ++c) {
      for (int64_t r = 0; r < rows; ++r) dst[r * dst_stride + c] = src[c * src_stride + r];
    }
  }
}

template <class T>
void transpose_block(T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows, int64_t cols) {
  transpose_scalar(dst, dst_stride, src, src_stride, rows, cols);
}

// A group is kGroup rows by kGroup columns: it uses up whole cache lines on both sides.
constexpr int64_t kGroup = 16;

void transpose_group(Bytes4* dst, int64_t dst_stride, const Bytes4* src, int64_t src_stride, int64_t rows,
                     int64_t cols) {
  for (int64_t r = 0; r < rows; r += kSquare) {
    for (int64_t c = 0; c < cols; c += kSquare) {
      transpose_square(reinterpret_cast<const float*>(src + c * src_stride + r), src_stride,
                       reinterpret_cast<float*>(dst + r * dst_stride + c), dst_stride);
    }
  }
}

// Walks along the longer side. Along columns the input is read with a stride, which no hardware foresees.
template <>
void transpose_block(Bytes4* dst, int64_t dst_stride, const Bytes4* src, int64_t src_stride, int64_t rows,
                     int64_t cols) {
  const int64_t whole_rows = rows - rows % kSquare, whole_cols = cols - cols % kSquare;
  const auto group = [&](int64_t r, int64_t c) {
    transpose_group(dst + r * dst_stride + c, dst_stride, src + c * src_stride + r, src_stride,
                    min64(kGroup, whole_rows - r), min64(kGroup, whole_cols - c));
  };
  if (cols >= rows) {
    for (int64_t r = 0; r < whole_rows; r += kGroup) {
      for (int64_t c = 0; c < whole_cols; c += kGroup) {
        const int64_t next = min64(c + 2 * kGroup, cols);
        for (int64_t i = c + kGroup; i < next; ++i) __builtin_prefetch(src + i * src_stride + r);
        group(r, c);
      }
    }
  } else {
    for (int64_t c = 0; c < whole_cols; c += kGroup) {
      for (int64_t r = 0; r < whole_rows; r += kGroup) group(r, c);
    }
  }
  transpose_scalar(dst + whole_rows * dst_stride, dst_stride, src + whole_rows, src_stride, rows - whole_rows, cols);
  transpose_scalar(dst + whole_cols, dst_stride, src + whole_cols * src_stride, src_stride, whole_rows,
                   cols - whole_cols);
}

// Offsets of a plane in the input and the output, in elements.
void locate_plane(const ElementwiseArgs& args, const Transposition& t, int64_t plane, int64_t* src, int64_t* dst) {
  int64_t dst_stride = 1;
  *src = *dst = 0;
  for (int64_t d = args.dims.size - 1; d >= 0; --d) {
    const int64_t dim = args.dims[d];
    if (d != t.row_dim && d != t.col_dim) {
      const int64_t index = plane % dim;
      plane /= dim;
      *src += index * args.strides[d];
      *dst += index * dst_stride;
    }
    dst_stride *= dim;
  }
}

template <class T>
void run_transposition(const ElementwiseArgs& args, const Transposition& t, int64_t begin, int64_t end) {
  const int64_t per_plane = t.row_blocks * t.col_blocks;
  const int64_t stop = min64(end * t.blocks_per_task, t.planes * per_plane);
  for (int64_t block = begin * t.blocks_per_task; block < stop; ++block) {
    int64_t src, dst;
    locate_plane(args, t, block / per_plane, &src, &dst);
    const int64_t row = block % per_plane / t.col_blocks * t.block_rows;
    const int64_t col = block % t.col_blocks * t.block_cols;
    transpose_block(static_cast<T*>(args.out[0]) + dst + row * t.dst_stride + col, t.dst_stride,
                    static_cast<const T*>(args.in[0]) + src + col * t.src_stride + row, t.src_stride,
                    min64(t.block_rows, t.rows - row), min64(t.block_cols, t.cols - col));
  }
}

void run_transposition(const ElementwiseArgs& args, const Transposition& t, int64_t begin, int64_t end) {
  switch (args.in_sizes[0]) {
    case 1:
      return run_transposition<Bytes1>(args, t, begin, end);
    case 4:
      return run_transposition<Bytes4>(args, t, begin, end);
    default:
      return run_transposition<Bytes8>(args, t, begin, end);
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
