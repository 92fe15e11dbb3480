// The bodies of softmax and log-softmax; softmax.h describes them.
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

// One contiguous line. Lanes past the end hold exp of something arbitrary, so they are read back as zeros.
template <class T, bool kLog>
void softmax_line(const T* x, T* y, int64_t n) {
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
      if constexpr (!kLog) e.store(y + i);
      sums = sums + e;
    }
    if (i < end) {
      T tail[V::kLanes];
      softmax_exp(V::load_partial(x + i, end - i) - shift).store(tail);
      const V e = V::load_partial(tail, end - i);
      if constexpr (!kLog) e.store_partial(y + i, end - i);
      sums = sums + e;
      i = end;
    }
    total += reduce_add(sums);
  }
  const T sum = static_cast<T>(total);

  const V scale = V::set(1 / sum);
  const V log_sum = V::set(static_cast<T>(::log(static_cast<double>(sum))));
  for (i = 0; i < n; i += V::kLanes) {
    if (i + V::kLanes <= n) {
      (kLog ? V::load(x + i) - shift - log_sum : V::load(y + i) * scale).store(y + i);
    } else {
      const V v = V::load_partial((kLog ? x : y) + i, n - i);
      (kLog ? v - shift - log_sum : v * scale).store_partial(y + i, n - i);
    }
  }
}

// Adds exp(x - top) to sum and, for softmax, writes it to y.
template <class T, bool kLog>
void softmax_accumulate(const T* x, const T* top, T* sum, T* y, int64_t width) {
  using V = typename SoftmaxVector<T>::type;
  int64_t j = 0;
  for (; j + V::kLanes <= width; j += V::kLanes) {
    const V e = softmax_exp(V::load(x + j) - V::load(top + j));
    if constexpr (!kLog) e.store(y + j);
    (V::load(sum + j) + e).store(sum + j);
  }
  if (j < width) {
    const int64_t left = width - j;
    const V e = softmax_exp(V::load_partial(x + j, left) - V::load_partial(top + j, left));
    if constexpr (!kLog) e.store_partial(y + j, left);
    (V::load_partial(sum + j, left) + e).store_partial(sum + j, left);
  }
}

// `width` neighbouring lines whose elements lie `stride` apart.
template <class T, bool kLog>
void softmax_columns(const T* x, T* y, int64_t cols, int64_t stride, int64_t width) {
  T top[kSoftmaxColumns], sum[kSoftmaxColumns];
  memcpy(top, x, sizeof(T) * width);
  for (int64_t c = 1; c < cols; ++c) {
    const T* p = x + c * stride;
    for (int64_t j = 0; j < width; ++j) top[j] = p[j] > top[j] ? p[j] : top[j];
  }
  double total[kSoftmaxColumns];
  memset(total, 0, sizeof(double) * width);
  for (int64_t c = 0; c < cols;) {
    memset(sum, 0, sizeof(T) * width);
    for (const int64_t last = min64(cols, c + kSoftmaxAdds); c < last; ++c) {
      softmax_accumulate<T, kLog>(x + c * stride, top, sum, y + c * stride, width);
    }
    for (int64_t j = 0; j < width; ++j) total[j] += sum[j];
  }
  for (int64_t j = 0; j < width; ++j) sum[j] = static_cast<T>(kLog ? ::log(total[j]) : 1 / total[j]);
  for (int64_t c = 0; c < cols; ++c) {
    const T* p = x + c * stride;
    T* q = y + c * stride;
    for (int64_t j = 0; j < width; ++j) q[j] = kLog ? p[j] - top[j] - sum[j] : q[j] * sum[j];
  }
}

inline int64_t softmax_blocks(const SoftmaxArgs& args) { return ceil_div(args.inner, kSoftmaxColumns); }

// Units (lines, or blocks of lines) of one task.
inline int64_t softmax_group(const SoftmaxArgs& args) {
  return max64(1, kSoftmaxGrain / (args.cols * min64(args.inner, kSoftmaxColumns)));
}

int64_t softmax_tasks(const void* raw, int) {
  const SoftmaxArgs& args = *static_cast<const SoftmaxArgs*>(raw);
  return ceil_div(args.rows * softmax_blocks(args), softmax_group(args));
}

template <class T, bool kLog>
void softmax_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const SoftmaxArgs& args = *static_cast<const SoftmaxArgs*>(raw);
  const int64_t blocks = softmax_blocks(args), group = softmax_group(args);
  const int64_t last = min64(args.rows * blocks, end * group);
  for (int64_t u = begin * group; u < last; ++u) {
    const int64_t column = u % blocks * kSoftmaxColumns;
    const int64_t start = u / blocks * args.cols * args.inner + column;
    const T* x = static_cast<const T*>(args.x) + start;
    T* y = static_cast<T*>(args.y) + start;
    if (args.inner == 1) {
      softmax_line<T, kLog>(x, y, args.cols);
    } else {
      softmax_columns<T, kLog>(x, y, args.cols, args.inner, min64(kSoftmaxColumns, args.inner - column));
    }
  }
}

#define BRAWN_SOFTMAX(name, T, log) \
  { name, "", "x -> y", "rows cols inner", 1, softmax_tasks, nullptr, nullptr, softmax_run<T, log> }

const KernelRow kSoftmaxRows[] = {
    BRAWN_SOFTMAX("softmax_f32", float, false),
    BRAWN_SOFTMAX("softmax_f64", double, false),
    BRAWN_SOFTMAX("logSoftmax_f32", float, true),
    BRAWN_SOFTMAX("logSoftmax_f64", double, true),
};

#undef BRAWN_SOFTMAX

}  // namespace

KernelTable softmax_table() { return {kSoftmaxRows, static_cast<int>(sizeof(kSoftmaxRows) / sizeof(kSoftmaxRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
