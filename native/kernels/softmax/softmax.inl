// The bodies of softmax, log-softmax and the latter at one element of each line; softmax.h describes them.
#include <math.h>
#include <string.h>

#include "kernels/softmax/softmax.h"
#include "simd/math.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
struct SoftmaxVector;
template <>
struct SoftmaxVector<float> {
  using type = F32;
};
template <>
struct SoftmaxVector<double> {
  using type = F64;
};

BRAWN_INLINE F32 softmax_exp(F32 x) { return exp(x); }
BRAWN_INLINE F64 softmax_exp(F64 x) {
  double lanes[F64::kLanes];
  x.store(lanes);
  for (int i = 0; i < F64::kLanes; ++i) lanes[i] = ::exp(lanes[i]);
  return F64::load(lanes);
}

// The maximum of a contiguous line, and the sum of exp(x - maximum), which go to y with kStore. Lanes past the end hold
// exp of something arbitrary, so they are read back as zeros.
template <class T, bool kStore>
T softmax_sum(const T* x, T* y, int64_t n, T* sum) {
  using V = typename SoftmaxVector<T>::type;
  V tops = V::set(-static_cast<T>(HUGE_VAL));
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) tops = max(V::load(x + i), tops);
  T top = reduce_max(tops);
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;

  const V shift = V::set(top);
  double total = 0;
  for (i = 0; i < n;) {
    V sums = V::zero();
    const int64_t end = min64(n, i + kSoftmaxAdds * V::kLanes);
    for (; i + V::kLanes <= end; i += V::kLanes) {
      const V e = softmax_exp(V::load(x + i) - shift);
      if constexpr (kStore) e.store(y + i);
      sums = sums + e;
    }
    if (i < end) {
      T tail[V::kLanes];
      softmax_exp(V::load_partial(x + i, end - i) - shift).store(tail);
      const V e = V::load_partial(tail, end - i);
      if constexpr (kStore) e.store_partial(y + i, end - i);
      sums = sums + e;
      i = end;
    }
    total += reduce_add(sums);
  }
  *sum = static_cast<T>(total);
  return top;
}

template <class T>
T softmax_log(T sum) {
  return static_cast<T>(::log(static_cast<double>(sum)));
}

// One contiguous line.
template <class T, bool kLog>
void softmax_line(const T* x, T* y, int64_t n) {
  using V = typename SoftmaxVector<T>::type;
  T sum;
  const V shift = V::set(softmax_sum<T, !kLog>(x, y, n, &sum));
  const V scale = V::set(1 / sum), log_sum = V::set(softmax_log(sum));
  for (int64_t i = 0; i < n; i += V::kLanes) {
    if (i + V::kLanes <= n) {
      (kLog ? V::load(x + i) - shift - log_sum : V::load(y + i) * scale).store(y + i);
    } else {
      const V v = V::load_partial((kLog ? x : y) + i, n - i);
      (kLog ? v - shift - log_sum : v * scale).store_partial(y + i, n - i);
    }
  }
}

// Adds exp(x - top) to sum and, with kStore, writes it to y.
template <class T, bool kStore>
void softmax_accumulate(const T* x, const T* top, T* sum, T* y, int64_t width) {
  using V = typename SoftmaxVector<T>::type;
  int64_t j = 0;
  for (; j + V::kLanes <= width; j += V::kLanes) {
    const V e = softmax_exp(V::load(x + j) - V::load(top + j));
    if constexpr (kStore) e.store(y + j);
    (V::load(sum + j) + e).store(sum + j);
  }
  if (j < width) {
    const int64_t left = width - j;
    const V e = softmax_exp(V::load_partial(x + j, left) - V::load_partial(top + j, left));
    if constexpr (kStore) e.store_partial(y + j, left);
    (V::load_partial(sum + j, left) + e).store_partial(sum + j, left);
  }
}

// softmax_sum of `width` neighbouring lines whose elements lie `stride` apart.
template <class T, bool kStore>
void softmax_column_sums(const T* x, T* y, int64_t cols, int64_t stride, int64_t width, T* top, double* total) {
  T sum[kSoftmaxColumns];
  memcpy(top, x, sizeof(T) * width);
  for (int64_t c = 1; c < cols; ++c) {
    const T* p = x + c * stride;
    for (int64_t j = 0; j < width; ++j) top[j] = p[j] > top[j] ? p[j] : top[j];
  }
  memset(total, 0, sizeof(double) * width);
  for (int64_t c = 0; c < cols;) {
    memset(sum, 0, sizeof(T) * width);
    for (const int64_t last = min64(cols, c + kSoftmaxAdds); c < last; ++c) {
      softmax_accumulate<T, kStore>(x + c * stride, top, sum, kStore ? y + c * stride : nullptr, width);
    }
    for (int64_t j = 0; j < width; ++j) total[j] += sum[j];
  }
}

template <class T, bool kLog>
void softmax_columns(const T* x, T* y, int64_t cols, int64_t stride, int64_t width) {
  T top[kSoftmaxColumns], sum[kSoftmaxColumns];
  double total[kSoftmaxColumns];
  softmax_column_sums<T, !kLog>(x, y, cols, stride, width, top, total);
  for (int64_t j = 0; j < width; ++j) sum[j] = static_cast<T>(kLog ? ::log(total[j]) : 1 / total[j]);
  for (int64_t c = 0; c < cols; ++c) {
    const T* p = x + c * stride;
    T* q = y + c * stride;
    for (int64_t j = 0; j < width; ++j) q[j] = kLog ? p[j] - top[j] - sum[j] : q[j] * sum[j];
  }
}

inline int64_t softmax_blocks(const SoftmaxShape& shape) { return ceil_div(shape.inner, kSoftmaxColumns); }

// Units (lines, or blocks of lines) of one task.
inline int64_t softmax_group(const SoftmaxShape& shape) {
  return max64(1, kSoftmaxGrain / (shape.cols * min64(shape.inner, kSoftmaxColumns)));
}

template <class Args>
int64_t softmax_tasks(const void* raw, int) {
  const SoftmaxShape& shape = static_cast<const Args*>(raw)->shape;
  return ceil_div(shape.rows * softmax_blocks(shape), softmax_group(shape));
}

// Calls unit(row, column) for every unit of the tasks: its first line is number `column` of the row's `inner` ones.
template <class Unit>
void softmax_units(const SoftmaxShape& shape, int64_t begin, int64_t end, Unit&& unit) {
  const int64_t blocks = softmax_blocks(shape), group = softmax_group(shape);
  const int64_t last = min64(shape.rows * blocks, end * group);
  for (int64_t u = begin * group; u < last; ++u) unit(u / blocks, u % blocks * kSoftmaxColumns);
}

template <class T, bool kLog>
void softmax_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const SoftmaxArgs& args = *static_cast<const SoftmaxArgs*>(raw);
  const int64_t cols = args.shape.cols, inner = args.shape.inner;
  softmax_units(args.shape, begin, end, [&](int64_t row, int64_t column) {
    const int64_t start = row * cols * inner + column;
    const T* x = static_cast<const T*>(args.x) + start;
    T* y = static_cast<T*>(args.y) + start;
    if (inner == 1) {
      softmax_line<T, kLog>(x, y, cols);
    } else {
      softmax_columns<T, kLog>(x, y, cols, inner, min64(kSoftmaxColumns, inner - column));
    }
  });
}

// The class at place i of the index; negative, and reported, when there is none such.
inline int64_t softmax_class(const void* index, int64_t bytes, int64_t i, int64_t cols, const Context& context) {
  const int64_t at = bytes == 4 ? static_cast<const int32_t*>(index)[i] : static_cast<const int64_t*>(index)[i];
  if (at >= 0 && at < cols) return at;
  report_fault(context.status, Fault::kIndexOutOfRange, at, cols);
  return -1;
}

template <class T>
void softmax_at_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const SoftmaxAtArgs& args = *static_cast<const SoftmaxAtArgs*>(raw);
  const int64_t cols = args.shape.cols, inner = args.shape.inner, lines = args.shape.rows * inner;
  softmax_units(args.shape, begin, end, [&](int64_t row, int64_t column) {
    const int64_t line = row * inner + column, width = min64(kSoftmaxColumns, inner - column);
    const T* x = static_cast<const T*>(args.x) + row * cols * inner + column;
    T* top = static_cast<T*>(args.y) + line;
    T* log = top + lines;
    if (inner == 1) {
      T sum;
      *top = softmax_sum<T, false>(x, nullptr, cols, &sum);
      *log = softmax_log(sum);
    } else {
      double total[kSoftmaxColumns];
      softmax_column_sums<T, false>(x, nullptr, cols, inner, width, top, total);
      for (int64_t j = 0; j < width; ++j) log[j] = static_cast<T>(::log(total[j]));
    }
    for (int64_t j = 0; j < width; ++j) {
      const int64_t at = softmax_class(args.index, args.index_bytes, line + j, cols, context);
      if (at >= 0) log[lines + j] = x[at * inner + j] - top[j] - log[j];
    }
  });
}

// y = exp(x - top - log) * slope for n neighbouring elements: of one line, or of n lines.
template <class T, bool kLine>
void softmax_slope(const T* x, T* y, int64_t n, const T* top, const T* log, const T* slope) {
  using V = typename SoftmaxVector<T>::type;
  const V tops = V::set(*top), logs = V::set(*log), slopes = V::set(*slope);
  for (int64_t j = 0; j < n; j += V::kLanes) {
    const int64_t left = n - j;
    const auto load = [&](const T* p) { return left >= V::kLanes ? V::load(p + j) : V::load_partial(p + j, left); };
    const V power = load(x) - (kLine ? tops : load(top)) - (kLine ? logs : load(log));
    const V result = softmax_exp(power) * (kLine ? slopes : load(slope));
    if (left >= V::kLanes) {
      result.store(y + j);
    } else {
      result.store_partial(y + j, left);
    }
  }
}

template <class T>
void softmax_at_grad_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const SoftmaxAtGradArgs& args = *static_cast<const SoftmaxAtGradArgs*>(raw);
  const int64_t cols = args.shape.cols, inner = args.shape.inner, lines = args.shape.rows * inner;
  softmax_units(args.shape, begin, end, [&](int64_t row, int64_t column) {
    const int64_t line = row * inner + column, width = min64(kSoftmaxColumns, inner - column);
    const int64_t start = row * cols * inner + column;
    const T* x = static_cast<const T*>(args.x) + start;
    T* y = static_cast<T*>(args.y) + start;
    const T* top = static_cast<const T*>(args.terms) + line;
    const T* g = static_cast<const T*>(args.g) + lines + line;
    T slope[kSoftmaxColumns];
    for (int64_t j = 0; j < width; ++j) slope[j] = g[j] - g[lines + j];
    if (inner == 1) {
      softmax_slope<T, true>(x, y, cols, top, top + lines, slope);
    } else {
      for (int64_t c = 0; c < cols; ++c) {
        softmax_slope<T, false>(x + c * inner, y + c * inner, width, top, top + lines, slope);
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      const int64_t at = softmax_class(args.index, args.index_bytes, line + j, cols, context);
      if (at >= 0) y[at * inner + j] += g[lines + j];
    }
  });
}

#define BRAWN_SOFTMAX(name, run) \
  { name, "", "x -> y", "rows cols inner", 1, softmax_tasks<SoftmaxArgs>, nullptr, nullptr, run }
#define BRAWN_SOFTMAX_AT(name, operands, Args, run) \
  { name, "", operands, "rows cols inner index_bytes", 1, softmax_tasks<Args>, nullptr, nullptr, run }

const KernelRow kSoftmaxRows[] = {
    BRAWN_SOFTMAX("softmax_f32", (softmax_run<float, false>)),
    BRAWN_SOFTMAX("softmax_f64", (softmax_run<double, false>)),
    BRAWN_SOFTMAX("logSoftmax_f32", (softmax_run<float, true>)),
    BRAWN_SOFTMAX("logSoftmax_f64", (softmax_run<double, true>)),
    BRAWN_SOFTMAX_AT("softmaxAt_f32", "x index -> y", SoftmaxAtArgs, softmax_at_run<float>),
    BRAWN_SOFTMAX_AT("softmaxAt_f64", "x index -> y", SoftmaxAtArgs, softmax_at_run<double>),
    BRAWN_SOFTMAX_AT("softmaxAtGrad_f32", "x index terms g -> y", SoftmaxAtGradArgs, softmax_at_grad_run<float>),
    BRAWN_SOFTMAX_AT("softmaxAtGrad_f64", "x index terms g -> y", SoftmaxAtGradArgs, softmax_at_grad_run<double>),
};

#undef BRAWN_SOFTMAX
#undef BRAWN_SOFTMAX_AT

}  // namespace

KernelTable softmax_table() { return {kSoftmaxRows, static_cast<int>(sizeof(kSoftmaxRows) / sizeof(kSoftmaxRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
