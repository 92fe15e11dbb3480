// The bodies of the move family; move.h describes them.
#include <string.h>

#include "kernels/move/move.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

struct __attribute__((may_alias)) Move1 {
  uint8_t bits;
};
struct __attribute__((may_alias)) Move4 {
  uint32_t bits;
};
struct __attribute__((may_alias)) Move8 {
  uint64_t bits;
};

int64_t move_fill_tasks(const void* raw, int) { return ceil_div(static_cast<const MoveFillArgs*>(raw)->n, kMoveGrain); }

template <class T>
void fill_range(void* y, int64_t first, int64_t last, T value) {
  T* to = static_cast<T*>(y);
  for (int64_t i = first; i < last; ++i) to[i] = value;
}

void move_fill_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const MoveFillArgs& args = *static_cast<const MoveFillArgs*>(raw);
  const int64_t first = begin * kMoveGrain, last = min64(end * kMoveGrain, args.n);
  const uint32_t low = static_cast<uint32_t>(args.low);
  if (args.size == 1) {
    memset(static_cast<uint8_t*>(args.y) + first, static_cast<uint8_t>(low), static_cast<size_t>(last - first));
  } else if (args.size == 4) {
    fill_range(args.y, first, last, Move4{low});
  } else {
    fill_range(args.y, first, last, Move8{static_cast<uint64_t>(static_cast<uint32_t>(args.high)) << 32 | low});
  }
}

int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

// How a copy is cut into units, and units into tasks. Without a transposition `across` is the innermost dim itself and
// a unit is a piece of one row; with one, a unit is a block of the plane of `across` and the innermost dim.
struct CopyPlan {
  int64_t inner, across;
  bool transposed;
  int64_t cols, rows;  // sizes of the innermost dim and, when transposed, of `across`
  int64_t col_pieces, row_pieces;
  int64_t width, height;  // of a unit
  int64_t units, group;   // group: units of one task
};

CopyPlan copy_plan(const MoveCopyArgs& args) {
  CopyPlan plan;
  plan.inner = plan.across = args.dims.size - 1;
  int64_t n = 1;
  for (int64_t d = 0; d < args.dims.size; ++d) {
    n *= args.dims[d];
    const int64_t stride = magnitude(args.x_strides[d]);
    if (stride != 0 && args.dims[d] > 1 && stride < magnitude(args.x_strides[plan.across])) plan.across = d;
  }
  plan.transposed = plan.across != plan.inner;
  plan.cols = args.dims[plan.inner];
  plan.rows = plan.transposed ? args.dims[plan.across] : 1;
  plan.width = min64(plan.cols, plan.transposed ? kMoveBlock : kMoveGrain);
  plan.height = min64(plan.rows, kMoveBlock);
  plan.col_pieces = ceil_div(plan.cols, plan.width);
  plan.row_pieces = ceil_div(plan.rows, plan.height);
  plan.units = n / (plan.rows * plan.cols) * plan.row_pieces * plan.col_pieces;
  plan.group = max64(1, kMoveGrain / (plan.width * plan.height));
  return plan;
}

int64_t move_copy_tasks(const void* raw, int) {
  const CopyPlan plan = copy_plan(*static_cast<const MoveCopyArgs*>(raw));
  return ceil_div(plan.units, plan.group);
}

int64_t move_copy_local_bytes(const void* raw) {
  return static_cast<const MoveCopyArgs*>(raw)->dims.size * static_cast<int64_t>(sizeof(int64_t));
}

// Walks the dims that are not part of a unit in row-major order.
struct Odometer {
  const MoveCopyArgs& args;
  const CopyPlan& plan;
  int64_t* position;
  int64_t x, y;

  bool counts(int64_t d) const { return d != plan.inner && d != plan.across; }

  void locate(int64_t flat) {
    x = y = 0;
    for (int64_t d = args.dims.size - 1; d >= 0; --d) {
      if (!counts(d)) continue;
      position[d] = flat % args.dims[d];
      flat /= args.dims[d];
      x += position[d] * args.x_strides[d];
      y += position[d] * args.y_strides[d];
    }
  }

  void advance() {
    for (int64_t d = args.dims.size - 1; d >= 0; --d) {
      if (!counts(d)) continue;
      x += args.x_strides[d];
      y += args.y_strides[d];
      if (++position[d] < args.dims[d]) return;
      position[d] = 0;
      x -= args.dims[d] * args.x_strides[d];
      y -= args.dims[d] * args.y_strides[d];
    }
  }
};

template <class T>
void copy_run(T* y, int64_t y_stride, const T* x, int64_t x_stride, int64_t n) {
  if (y_stride != 1) {
    for (int64_t i = 0; i < n; ++i) y[i * y_stride] = x[i * x_stride];
  } else if (x_stride == 1 && n > kMoveShortRun) {
    memcpy(y, x, static_cast<size_t>(n) * sizeof(T));
  } else if (x_stride == 0) {
    const T value = *x;
    for (int64_t i = 0; i < n; ++i) y[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * x_stride];
  }
}

template <class T>
void copy_units(const MoveCopyArgs& args, int64_t begin, int64_t end, int64_t* position) {
  const CopyPlan plan = copy_plan(args);
  const int64_t last = min64(end * plan.group, plan.units);
  const int64_t pieces = plan.row_pieces * plan.col_pieces;
  const int64_t x_col = args.x_strides[plan.inner], y_col = args.y_strides[plan.inner];
  const int64_t x_row = args.x_strides[plan.across], y_row = args.y_strides[plan.across];
  int64_t unit = begin * plan.group;
  Odometer at = {args, plan, position, 0, 0};
  at.locate(unit / pieces);
  int64_t piece = unit % pieces;
  for (; unit < last; ++unit) {
    const int64_t row = piece / plan.col_pieces * plan.height, col = piece % plan.col_pieces * plan.width;
    const int64_t width = min64(plan.width, plan.cols - col);
    const int64_t bottom = min64(row + plan.height, plan.rows);
    for (int64_t r = row; r < bottom; ++r) {
      const int64_t x_start = at.x + (plan.transposed ? r * x_row : 0) + col * x_col;
      const int64_t y_start = at.y + (plan.transposed ? r * y_row : 0) + col * y_col;
      copy_run(static_cast<T*>(args.y) + y_start, y_col, static_cast<const T*>(args.x) + x_start, x_col, width);
    }
    if (++piece == pieces) {
      piece = 0;
      at.advance();
    }
  }
}

void move_copy_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const MoveCopyArgs& args = *static_cast<const MoveCopyArgs*>(raw);
  int64_t* position = static_cast<int64_t*>(context.local);
  if (args.size == 1) {
    copy_units<Move1>(args, begin, end, position);
  } else if (args.size == 4) {
    copy_units<Move4>(args, begin, end, position);
  } else {
    copy_units<Move8>(args, begin, end, position);
  }
}

const KernelRow kMoveRows[] = {
    {"move_fill", "", "-> y", "n size low high", 1, move_fill_tasks, nullptr, nullptr, move_fill_run},
    {"move_copy", "", "x -> y", "dims:i[] x_strides:i[] y_strides:i[] size", 1, move_copy_tasks, nullptr,
     move_copy_local_bytes, move_copy_run},
};

}  // namespace

KernelTable move_table() { return {kMoveRows, static_cast<int>(sizeof(kMoveRows) / sizeof(kMoveRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
