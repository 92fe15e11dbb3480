// The driver and the rows of the reduction family; reduce.h describes the arguments and the split into tasks.
#include <math.h>
#include <string.h>

#include "kernels/reduce/reduce.h"
#include "simd/math.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

#include "kernels/reduce/reduce_fold.inl"
#include "kernels/reduce/reduce_arg.inl"
#include "kernels/reduce/reduce_moments.inl"

// How one reduction is cut into tasks; a function of the three sizes alone.
struct ReducePlan {
  int64_t width, blocks;   // columns per unit, units per outer index
  int64_t units;           // outer * blocks
  int64_t splits, length;  // cuts of the reduced axis, and rows of each
  int64_t group;           // units of one task when splits == 1
};

ReducePlan reduce_plan(int64_t outer, int64_t reduce, int64_t inner) {
  ReducePlan plan;
  plan.blocks = ceil_div(inner, kReduceWidth);
  plan.width = min64(inner, round_up(ceil_div(inner, plan.blocks), 64));
  plan.blocks = ceil_div(inner, plan.width);
  plan.units = outer * plan.blocks;
  const int64_t work = reduce * plan.width;
  const int64_t wanted = min64(kReduceTasks, plan.units * work / kReduceGrain);
  plan.splits = plan.units < wanted ? min64(ceil_div(wanted, plan.units), max64(1, work / kReduceGrain)) : 1;
  plan.length = ceil_div(reduce, plan.splits);
  if (plan.splits > 1) plan.length = round_up(plan.length, inner == 1 ? 1024 : 8);
  plan.splits = ceil_div(reduce, plan.length);
  plan.group = max64(1, kReduceGrain / work);
  return plan;
}

// Neighbouring rows seen as one wide row, so that narrow and single columns still fill vectors.
inline int64_t reduce_groups(int64_t rows, int64_t inner) {
  if (inner >= 32) return 1;
  int64_t groups = 1;
  while (groups * 2 * inner <= kReduceWidth / 2 && groups * 2 * 16 <= rows) groups *= 2;
  return groups;
}

// Reduces rows [first, first + rows) of one unit to acc[width]; x points at element [first, column].
template <class Op>
void reduce_rows(const typename Op::T* x, int64_t first, int64_t rows, int64_t inner, int64_t width,
                 typename Op::A* acc) {
  using A = typename Op::A;
  A other[kReduceWidth];
  int64_t groups = width == inner ? reduce_groups(rows, inner) : 1;
  bool fresh = true;
  for (int64_t done = 0; done < rows;) {
    const int64_t left = rows - done;
    A* out = fresh ? acc : other;
    int64_t count = left;
    if (inner == 1 && left <= Op::kLine) {
      *out = Op::line(x + done, left);
    } else {
      if (left < groups) groups = reduce_groups(left, inner);
      const int64_t limit = min64(kReduceRows, max64(1, kReduceBlock / (width * groups)));
      count = min64(left / groups, limit);
      Op::block(x + done * inner, count, groups * inner, width, groups, out);
      count *= groups;
    }
    for (int64_t j = 0; j < width; ++j) Op::offset(out[j], first + done);
    if (!fresh) {
      for (int64_t j = 0; j < width; ++j) acc[j] = Op::merge(acc[j], other[j]);
    }
    fresh = false;
    done += count;
  }
}

template <class Op>
struct Reduce {
  using Args = typename Op::Args;
  using T = typename Op::T;
  using A = typename Op::A;

  static int64_t tasks(const void* raw, int phase) {
    const Args& args = *static_cast<const Args*>(raw);
    const ReducePlan plan = reduce_plan(args.outer, args.reduce, args.inner);
    if (phase == 1) return plan.splits > 1 ? ceil_div(args.outer * args.inner, kReduceWidth) : 0;
    return plan.splits > 1 ? plan.units * plan.splits : ceil_div(plan.units, plan.group);
  }

  static int64_t shared_bytes(const void* raw) {
    const Args& args = *static_cast<const Args*>(raw);
    const ReducePlan plan = reduce_plan(args.outer, args.reduce, args.inner);
    return plan.splits > 1 ? plan.splits * args.outer * args.inner * static_cast<int64_t>(sizeof(A)) : 0;
  }

  static void unit(const Args& args, const ReducePlan& plan, int64_t unit, int64_t split, A* partials) {
    const int64_t o = unit / plan.blocks;
    const int64_t column = unit % plan.blocks * plan.width;
    const int64_t width = min64(plan.width, args.inner - column);
    const int64_t first = split * plan.length;
    const int64_t rows = min64(plan.length, args.reduce - first);
    const T* x = static_cast<const T*>(args.x) + (o * args.reduce + first) * args.inner + column;
    A acc[kReduceWidth];
    if (args.inner == 1 && args.reduce <= Op::kLine) {
      Op::store(args, o, Op::line(x, rows));
      return;
    }
    reduce_rows<Op>(x, first, rows, args.inner, width, acc);
    if (plan.splits > 1) {
      memcpy(partials + (split * args.outer + o) * args.inner + column, acc, sizeof(A) * width);
    } else {
      for (int64_t j = 0; j < width; ++j) Op::store(args, o * args.inner + column + j, acc[j]);
    }
  }

  static void merge_splits(const Args& args, const ReducePlan& plan, int64_t begin, int64_t end, const A* partials) {
    const int64_t outputs = args.outer * args.inner;
    for (int64_t i = begin; i < end; ++i) {
      A a = partials[i];
      for (int64_t s = 1; s < plan.splits; ++s) a = Op::merge(a, partials[s * outputs + i]);
      Op::store(args, i, a);
    }
  }

  static void run(const void* raw, int phase, int64_t begin, int64_t end, const Context& context) {
    const Args& args = *static_cast<const Args*>(raw);
    const ReducePlan plan = reduce_plan(args.outer, args.reduce, args.inner);
    A* partials = static_cast<A*>(context.shared);
    for (int64_t t = begin; t < end; ++t) {
      if (phase == 1) {
        const int64_t outputs = args.outer * args.inner;
        merge_splits(args, plan, t * kReduceWidth, min64(outputs, (t + 1) * kReduceWidth), partials);
      } else if (plan.splits > 1) {
        unit(args, plan, t % plan.units, t / plan.units, partials);
      } else {
        const int64_t last = min64(plan.units, (t + 1) * plan.group);
        for (int64_t u = t * plan.group; u < last; ++u) unit(args, plan, u, 0, partials);
      }
    }
  }
};

#define BRAWN_REDUCE(name, ...)                                                                                 \
  {                                                                                                             \
    name, "", "x -> y", "outer reduce inner", 2, Reduce<__VA_ARGS__>::tasks, Reduce<__VA_ARGS__>::shared_bytes, \
        nullptr, Reduce<__VA_ARGS__>::run                                                                       \
  }
#define BRAWN_REDUCE_MOMENTS(name, operands, ...)                                         \
  {                                                                                       \
    name, "", operands, "outer reduce inner correction:f", 2, Reduce<__VA_ARGS__>::tasks, \
        Reduce<__VA_ARGS__>::shared_bytes, nullptr, Reduce<__VA_ARGS__>::run              \
  }
#define BRAWN_REDUCE_ALL_TYPES(name, Outer, Inner)                                                        \
  BRAWN_REDUCE(name "_f32", Outer<Inner<float>>), BRAWN_REDUCE(name "_f64", Outer<Inner<double>>),        \
      BRAWN_REDUCE(name "_i32", Outer<Inner<int32_t>>), BRAWN_REDUCE(name "_i64", Outer<Inner<int64_t>>), \
      BRAWN_REDUCE(name "_u8", Outer<Inner<uint8_t>>)

const KernelRow kReduceRowTable[] = {
    BRAWN_REDUCE_ALL_TYPES("reduce_sum", SimpleReduce, SumFold),
    BRAWN_REDUCE_ALL_TYPES("reduce_prod", SimpleReduce, ProdFold),
    BRAWN_REDUCE_ALL_TYPES("reduce_max", SimpleReduce, MaxFold),
    BRAWN_REDUCE_ALL_TYPES("reduce_min", SimpleReduce, MinFold),
    BRAWN_REDUCE("reduce_any_b8", SimpleReduce<AnyFold>),
    BRAWN_REDUCE("reduce_all_b8", SimpleReduce<AllFold>),
    BRAWN_REDUCE_ALL_TYPES("reduce_argMax", ArgReduce, Greater),
    BRAWN_REDUCE_ALL_TYPES("reduce_argMin", ArgReduce, Less),
    BRAWN_REDUCE_MOMENTS("reduce_var_f32", "x -> y", VarReduce<float>),
    BRAWN_REDUCE_MOMENTS("reduce_var_f64", "x -> y", VarReduce<double>),
    BRAWN_REDUCE_MOMENTS("reduce_moments_f32", "x -> mean var", MomentsReduce<float>),
    BRAWN_REDUCE_MOMENTS("reduce_moments_f64", "x -> mean var", MomentsReduce<double>),
    BRAWN_REDUCE("reduce_logSumExp_f32", LogSumExpReduce<float>),
    BRAWN_REDUCE("reduce_logSumExp_f64", LogSumExpReduce<double>),
};

#undef BRAWN_REDUCE
#undef BRAWN_REDUCE_MOMENTS
#undef BRAWN_REDUCE_ALL_TYPES

}  // namespace

KernelTable reduce_table() {
  return {kReduceRowTable, static_cast<int>(sizeof(kReduceRowTable) / sizeof(kReduceRowTable[0]))};
}

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
