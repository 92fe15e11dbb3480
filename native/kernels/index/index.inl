// The bodies of the index family; index.h describes them.
#include <string.h>

#include "kernels/index/index.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

inline bool in_range(int64_t index, int64_t size, const Context& context) {
  if (index >= 0 && index < size) return true;
  report_fault(context.status, Fault::kIndexOutOfRange, index, size);
  return false;
}

// Small rows are copied in line: a call per row would cost more than the row.
template <class E>
void copy_row(E* to, const E* from, int64_t n) {
  if (n > 16) {
    memcpy(to, from, sizeof(E) * n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

int64_t index_read_tasks(const void* raw, int) {
  const IndexReadArgs& args = *static_cast<const IndexReadArgs*>(raw);
  return ceil_div(args.outer * args.count * args.inner, kIndexGrain);
}

// The reading kernels cut the flat output into equal chunks; `read(o, c, first, n, y)` fills n elements of one output
// row from its element `first` on.
template <class E, class Read>
void for_output_rows(const IndexReadArgs& args, int64_t begin, int64_t end, const Read& read) {
  const int64_t last = min64(end * kIndexGrain, args.outer * args.count * args.inner);
  int64_t at = begin * kIndexGrain;
  const int64_t row = at / args.inner;
  int64_t o = row / args.count, c = row % args.count, first = at % args.inner;
  while (at < last) {
    const int64_t n = min64(args.inner - first, last - at);
    read(o, c, first, n, static_cast<E*>(args.y) + at);
    at += n;
    first = 0;
    if (++c == args.count) {
      c = 0;
      ++o;
    }
  }
}

template <class E, class I>
struct Gather {
  static void run(const IndexReadArgs& args, int64_t begin, int64_t end, const Context& context) {
    const E* x = static_cast<const E*>(args.x);
    const I* index = static_cast<const I*>(args.index);
    for_output_rows<E>(args, begin, end, [&](int64_t o, int64_t c, int64_t first, int64_t n, E* y) {
      const E* plane = x + o * args.axis_x * args.inner + first;
      const I* positions = index + (o * args.count + c) * args.inner + first;
      for (int64_t i = 0; i < n; ++i) {
        if (in_range(positions[i], args.axis_x, context)) y[i] = plane[positions[i] * args.inner + i];
      }
    });
  }
};

template <class E, class I>
struct Select {
  static void run(const IndexReadArgs& args, int64_t begin, int64_t end, const Context& context) {
    const E* x = static_cast<const E*>(args.x);
    const I* index = static_cast<const I*>(args.index);
    for_output_rows<E>(args, begin, end, [&](int64_t o, int64_t c, int64_t first, int64_t n, E* y) {
      const int64_t position = index[c];
      if (in_range(position, args.axis_x, context)) {
        copy_row(y, x + (o * args.axis_x + position) * args.inner + first, n);
      }
    });
  }
};

// How an addition is cut: units of one outer index, one block of columns and one range of the axis.
struct AddPlan {
  int64_t width, blocks;
  int64_t length, ranges;
  int64_t units, group;  // group: units of one task
};

AddPlan add_plan(const IndexAddArgs& args) {
  AddPlan plan;
  const int64_t lines = max64(args.axis_x, args.count);
  const int64_t total = args.outer * lines * args.inner;
  const int64_t wanted = max64(1, min64(kIndexTasks, total / kIndexGrain));
  const int64_t blocks = min64(ceil_div(args.inner, kIndexColumns), ceil_div(wanted, args.outer));
  plan.width = min64(args.inner, round_up(ceil_div(args.inner, blocks), 16));
  plan.blocks = ceil_div(args.inner, plan.width);
  const int64_t ranges = min64(min64(kIndexRanges, args.axis_x), ceil_div(wanted, args.outer * plan.blocks));
  plan.length = ceil_div(args.axis_x, ranges);
  plan.ranges = ceil_div(args.axis_x, plan.length);
  plan.units = args.outer * plan.blocks * plan.ranges;
  plan.group = max64(1, kIndexGrain * plan.units / total);
  return plan;
}

int64_t index_add_tasks(const void* raw, int) {
  const AddPlan plan = add_plan(*static_cast<const IndexAddArgs*>(raw));
  return ceil_div(plan.units, plan.group);
}

// The part of y that one unit owns.
struct AddUnit {
  int64_t o, column, width, first, last;
};

AddUnit add_unit(const IndexAddArgs& args, const AddPlan& plan, int64_t u) {
  AddUnit unit;
  unit.first = u % plan.ranges * plan.length;
  unit.last = min64(args.axis_x, unit.first + plan.length);
  u /= plan.ranges;
  unit.column = u % plan.blocks * plan.width;
  unit.width = min64(plan.width, args.inner - unit.column);
  unit.o = u / plan.blocks;
  return unit;
}

template <class E>
void start_unit(const IndexAddArgs& args, const AddUnit& unit) {
  if (args.base == args.y) return;
  const bool whole = unit.width == args.inner;
  const int64_t rows = whole ? 1 : unit.last - unit.first;
  const size_t bytes = sizeof(E) * (whole ? unit.width * (unit.last - unit.first) : unit.width);
  const int64_t start = (unit.o * args.axis_x + unit.first) * args.inner + unit.column;
  for (int64_t r = 0; r < rows; ++r) {
    E* y = static_cast<E*>(args.y) + start + r * args.inner;
    if (args.base == nullptr) {
      memset(y, 0, bytes);
    } else {
      memcpy(y, static_cast<const E*>(args.base) + start + r * args.inner, bytes);
    }
  }
}

template <class E, class I>
struct ScatterAdd {
  static void unit(const IndexAddArgs& args, const AddUnit& unit, const Context& context) {
    const I* index = static_cast<const I*>(args.index);
    const E* src = static_cast<const E*>(args.src);
    E* y = static_cast<E*>(args.y) + unit.o * args.axis_x * args.inner + unit.column;
    for (int64_t a = 0; a < args.count; ++a) {
      const int64_t start = (unit.o * args.count + a) * args.inner + unit.column;
      for (int64_t i = 0; i < unit.width; ++i) {
        const int64_t position = index[start + i];
        if (position >= unit.first && position < unit.last) {
          y[position * args.inner + i] += src[start + i];
        } else {
          in_range(position, args.axis_x, context);
        }
      }
    }
  }
};

template <class E, class I>
struct SelectAdd {
  static void unit(const IndexAddArgs& args, const AddUnit& unit, const Context& context) {
    const I* index = static_cast<const I*>(args.index);
    for (int64_t c = 0; c < args.count; ++c) {
      const int64_t position = index[c];
      if (position < unit.first || position >= unit.last) {
        in_range(position, args.axis_x, context);
        continue;
      }
      const E* from = static_cast<const E*>(args.src) + (unit.o * args.count + c) * args.inner + unit.column;
      E* to = static_cast<E*>(args.y) + (unit.o * args.axis_x + position) * args.inner + unit.column;
      for (int64_t i = 0; i < unit.width; ++i) to[i] += from[i];
    }
  }
};

template <class E, template <class, class> class Op>
void index_read_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const IndexReadArgs& args = *static_cast<const IndexReadArgs*>(raw);
  if (args.index_bytes == 4) {
    Op<E, int32_t>::run(args, begin, end, context);
  } else {
    Op<E, int64_t>::run(args, begin, end, context);
  }
}

template <class E, template <class, class> class Op>
void index_add_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const IndexAddArgs& args = *static_cast<const IndexAddArgs*>(raw);
  const AddPlan plan = add_plan(args);
  const int64_t last = min64(plan.units, end * plan.group);
  for (int64_t u = begin * plan.group; u < last; ++u) {
    const AddUnit unit = add_unit(args, plan, u);
    start_unit<E>(args, unit);
    if (args.index_bytes == 4) {
      Op<E, int32_t>::unit(args, unit, context);
    } else {
      Op<E, int64_t>::unit(args, unit, context);
    }
  }
}

#define BRAWN_INDEX_READ(name, params, E, Op) \
  { name, "", "x index -> y", params, 1, index_read_tasks, nullptr, nullptr, index_read_run<E, Op> }
#define BRAWN_INDEX_ADD(name, params, E, Op) \
  { name, "", "base? src index -> y", params, 1, index_add_tasks, nullptr, nullptr, index_add_run<E, Op> }
#define BRAWN_GATHER_PARAMS "outer axis_x axis_index inner index_bytes"
#define BRAWN_SELECT_PARAMS "outer axis_x count inner index_bytes"

const KernelRow kIndexRows[] = {
    BRAWN_INDEX_READ("index_gather_s1", BRAWN_GATHER_PARAMS, uint8_t, Gather),
    BRAWN_INDEX_READ("index_gather_s4", BRAWN_GATHER_PARAMS, uint32_t, Gather),
    BRAWN_INDEX_READ("index_gather_s8", BRAWN_GATHER_PARAMS, uint64_t, Gather),
    BRAWN_INDEX_READ("index_select_s1", BRAWN_SELECT_PARAMS, uint8_t, Select),
    BRAWN_INDEX_READ("index_select_s4", BRAWN_SELECT_PARAMS, uint32_t, Select),
    BRAWN_INDEX_READ("index_select_s8", BRAWN_SELECT_PARAMS, uint64_t, Select),
    BRAWN_INDEX_ADD("index_scatterAdd_f32", BRAWN_GATHER_PARAMS, float, ScatterAdd),
    BRAWN_INDEX_ADD("index_scatterAdd_f64", BRAWN_GATHER_PARAMS, double, ScatterAdd),
    BRAWN_INDEX_ADD("index_scatterAdd_i32", BRAWN_GATHER_PARAMS, uint32_t, ScatterAdd),
    BRAWN_INDEX_ADD("index_scatterAdd_i64", BRAWN_GATHER_PARAMS, uint64_t, ScatterAdd),
    BRAWN_INDEX_ADD("index_selectAdd_f32", BRAWN_SELECT_PARAMS, float, SelectAdd),
    BRAWN_INDEX_ADD("index_selectAdd_f64", BRAWN_SELECT_PARAMS, double, SelectAdd),
    BRAWN_INDEX_ADD("index_selectAdd_i32", BRAWN_SELECT_PARAMS, uint32_t, SelectAdd),
    BRAWN_INDEX_ADD("index_selectAdd_i64", BRAWN_SELECT_PARAMS, uint64_t, SelectAdd),
};

#undef BRAWN_INDEX_READ
#undef BRAWN_INDEX_ADD
#undef BRAWN_GATHER_PARAMS
#undef BRAWN_SELECT_PARAMS

}  // namespace

KernelTable index_table() { return {kIndexRows, static_cast<int>(sizeof(kIndexRows) / sizeof(kIndexRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
