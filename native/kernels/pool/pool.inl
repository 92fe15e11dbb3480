// The bodies of the pooling family; pool.h describes them. Loops over a window are written once (pool_window) and run
// over vectors of channels.
#include <math.h>
#include <string.h>

#include "kernels/pool/pool.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

#include "kernels/pool/pool_shape.inl"

// A vector of one lane, for element types without vectors.
template <class T>
struct One {
  static constexpr int kLanes = 1;
  T v;
  static One load(const T* p) { return {*p}; }
  static One load_partial(const T* p, int64_t) { return {*p}; }
  static One set(T x) { return {x}; }
  void store(T* p) const { *p = v; }
  void store_partial(T* p, int64_t) const { *p = v; }
};
template <class T>
One<T> max_nan(One<T> a, One<T> b) {
  return a.v > b.v ? a : b;
}

// Vector, position and lowest value of an element type. Positions of float32 maxima are int32 lanes; those of
// float64 are doubles, which hold them exactly.
template <class T>
struct PoolTypes {
  using V = One<T>;
  static T lowest() { return static_cast<T>(sizeof(T) == 1 ? 0 : uint64_t{1} << (sizeof(T) * 8 - 1)); }
};
template <>
struct PoolTypes<float> {
  using V = F32;
  using Positions = I32;
  using Position = int32_t;
  static float lowest() { return -HUGE_VALF; }
};
template <>
struct PoolTypes<double> {
  using V = F64;
  using Positions = F64;
  using Position = double;
  static double lowest() { return -HUGE_VAL; }
};

// One output pixel: its batch index and taps along the axes.
struct PoolWindow {
  int64_t n;
  PoolTaps d, h, w;
};

// Calls op.row() at the end of every row of the window and op.tap(x, position) for every tap in it.
template <class T, class Op>
BRAWN_INLINE void pool_window(const PoolShape& s, const PoolWindow& window, T* x, Op& op) {
  for (int64_t i = 0; i < window.d.count; ++i) {
    const int64_t plane = (window.d.first + i * window.d.step) * s.h.in;
    for (int64_t j = 0; j < window.h.count; ++j) {
      int64_t position = (plane + window.h.first + j * window.h.step) * s.w.in + window.w.first;
      for (int64_t k = 0; k < window.w.count; ++k, position += window.w.step) {
        op.tap(x + position * s.channels, position);
      }
      op.row();
    }
  }
}

// The operations below handle kVectors whole vectors of channels, or one partial vector of `left` channels.
template <class T, int kVectors>
struct PoolLanes {
  using V = typename PoolTypes<T>::V;
  int64_t left;
  BRAWN_INLINE V load(const T* p, int v) const {
    return left != 0 ? V::load_partial(p, left) : V::load(p + v * V::kLanes);
  }
  BRAWN_INLINE void store(V value, T* p, int v) const {
    if (left != 0) {
      value.store_partial(p, left);
    } else {
      value.store(p + v * V::kLanes);
    }
  }
};

template <class T, int kVectors>
struct PoolMax : PoolLanes<T, kVectors> {
  using Out = T;
  using V = typename PoolTypes<T>::V;
  V best[kVectors];
  BRAWN_INLINE void start(const PoolShape&, const PoolWindow&) {
    for (V& b : best) b = V::set(PoolTypes<T>::lowest());
  }
  BRAWN_INLINE void tap(const T* x, int64_t) {
    for (int v = 0; v < kVectors; ++v) best[v] = max_nan(best[v], this->load(x, v));
  }
  BRAWN_INLINE void row() {}
  BRAWN_INLINE void finish(T* y) {
    for (int v = 0; v < kVectors; ++v) this->store(best[v], y, v);
  }
};

template <class T, int kVectors>
struct PoolMaxIndex : PoolLanes<T, kVectors> {
  using Out = int64_t;
  using V = typename PoolTypes<T>::V;
  using Position = typename PoolTypes<T>::Position;
  using Positions = typename PoolTypes<T>::Positions;
  V best[kVectors];
  Positions at[kVectors];
  BRAWN_INLINE void start(const PoolShape& s, const PoolWindow& window) {
    const int64_t first = (window.d.first * s.h.in + window.h.first) * s.w.in + window.w.first;
    for (int v = 0; v < kVectors; ++v) {
      best[v] = V::set(PoolTypes<T>::lowest());
      at[v] = Positions::set(static_cast<Position>(first));
    }
  }
  BRAWN_INLINE void tap(const T* x, int64_t position) {
    const Positions here = Positions::set(static_cast<Position>(position));
    for (int v = 0; v < kVectors; ++v) {
      const V value = this->load(x, v);
      const auto better = gt(value, best[v]) | is_nan(value);
      best[v] = select(better, value, best[v]);
      at[v] = select(better, here, at[v]);
    }
  }
  BRAWN_INLINE void row() {}
  BRAWN_INLINE void finish(int64_t* y) {
    for (int v = 0; v < kVectors; ++v) {
      Position lanes[V::kLanes];
      at[v].store(lanes);
      const int n = this->left != 0 ? static_cast<int>(this->left) : V::kLanes;
      for (int i = 0; i < n; ++i) y[v * V::kLanes + i] = static_cast<int64_t>(lanes[i]);
    }
  }
};

// The maximum and the number of its tap.
template <class T, int kVectors>
struct PoolMaxWhere : PoolLanes<T, kVectors> {
  using Out = T;
  using V = typename PoolTypes<T>::V;
  using Position = typename PoolTypes<T>::Position;
  using Positions = typename PoolTypes<T>::Positions;
  const PoolShape* shape;
  V best[kVectors];
  Positions at[kVectors];
  int64_t next, rows, height, row_gap, plane_gap;
  BRAWN_INLINE void start(const PoolShape& s, const PoolWindow& window) {
    shape = &s;
    const bool empty = window.d.count * window.h.count * window.w.count == 0;
    next = (window.d.skipped * s.h.kernel + window.h.skipped) * s.w.kernel + window.w.skipped;
    rows = 0, height = window.h.count;
    row_gap = s.w.kernel - window.w.count, plane_gap = (s.h.kernel - height) * s.w.kernel;
    for (int v = 0; v < kVectors; ++v) {
      best[v] = V::set(PoolTypes<T>::lowest());
      at[v] = Positions::set(static_cast<Position>(empty ? kPoolWhere : next));
    }
  }
  BRAWN_INLINE void tap(const T* x, int64_t) {
    const Positions here = Positions::set(static_cast<Position>(next++));
    for (int v = 0; v < kVectors; ++v) {
      const V value = this->load(x, v);
      const auto better = gt(value, best[v]) | is_nan(value);
      best[v] = select(better, value, best[v]);
      at[v] = select(better, here, at[v]);
    }
  }
  BRAWN_INLINE void row() {
    next += row_gap;
    if (++rows % height == 0) next += plane_gap;
  }
  BRAWN_INLINE void finish(T* y) {
    uint8_t* where = shape->where + (y - static_cast<const T*>(shape->y));
    for (int v = 0; v < kVectors; ++v) {
      this->store(best[v], y, v);
      if (this->left == 0) {
        store_bytes(at[v], where + v * V::kLanes);
      } else {
        uint8_t all[V::kLanes];
        store_bytes(at[v], all);
        memcpy(where, all, static_cast<size_t>(this->left));
      }
    }
  }

 private:
  static BRAWN_INLINE void store_bytes(I32 taps, uint8_t* to) { taps.store_bytes(to); }
  static BRAWN_INLINE void store_bytes(F64 taps, uint8_t* to) {
    double lanes[F64::kLanes];
    taps.store(lanes);
    for (int i = 0; i < F64::kLanes; ++i) to[i] = static_cast<uint8_t>(lanes[i]);
  }
};

template <class T, int kVectors>
struct PoolAvg : PoolLanes<T, kVectors> {
  using Out = T;
  using V = typename PoolTypes<T>::V;
  V line[kVectors], sum[kVectors];
  int64_t divisor;
  BRAWN_INLINE void start(const PoolShape& s, const PoolWindow& window) {
    divisor = s.divisor > 0 ? s.divisor : window.d.divisor * window.h.divisor * window.w.divisor;
    for (int v = 0; v < kVectors; ++v) line[v] = sum[v] = V::zero();
  }
  BRAWN_INLINE void tap(const T* x, int64_t) {
    for (int v = 0; v < kVectors; ++v) line[v] = line[v] + this->load(x, v);
  }
  BRAWN_INLINE void row() {
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = sum[v] + line[v];
      line[v] = V::zero();
    }
  }
  BRAWN_INLINE void finish(T* y) {
    const V scale = V::set(static_cast<T>(divisor));
    for (int v = 0; v < kVectors; ++v) this->store(sum[v] / scale, y, v);
  }
};

template <class T, class Op>
BRAWN_INLINE void pool_lanes(const PoolShape& s, const PoolWindow& window, const T* x, typename Op::Out* y,
                             int64_t left) {
  Op op;
  op.left = left;
  op.start(s, window);
  pool_window(s, window, x, op);
  op.finish(y);
}

// All channels [0, width) of one output pixel.
template <class T, template <class, int> class Op, class Out>
void pool_pixel(const PoolShape& s, const PoolWindow& window, const T* x, Out* y, int64_t width) {
  constexpr int kLanes = PoolTypes<T>::V::kLanes;
  int64_t c = 0;
  for (; c + 4 * kLanes <= width; c += 4 * kLanes) pool_lanes<T, Op<T, 4>>(s, window, x + c, y + c, 0);
  if (c + 2 * kLanes <= width) {
    pool_lanes<T, Op<T, 2>>(s, window, x + c, y + c, 0);
    c += 2 * kLanes;
  }
  for (; c + kLanes <= width; c += kLanes) pool_lanes<T, Op<T, 1>>(s, window, x + c, y + c, 0);
  if (c < width) pool_lanes<T, Op<T, 1>>(s, window, x + c, y + c, width - c);
}

// Asks for the pixels below a window, which the next row of windows will read first. With a stride that is most of what
// a window reads from far.
template <class T>
BRAWN_INLINE void pool_ahead(const PoolShape& s, const PoolWindow& window, const T* x, int64_t width) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t first = window.h.first + (window.h.count - 1) * window.h.step + 1;
  const int64_t last = min64(s.h.in, first + s.h.stride);
  for (int64_t h = first; h < last; ++h) {
    for (int64_t w = 0; w < min64(s.w.stride, window.w.count); ++w) {
      const T* from = x + ((window.d.first * s.h.in + h) * s.w.in + window.w.first + w) * s.channels;
      for (int64_t c = 0; c < width; c += kLine) __builtin_prefetch(from + c, 0, 2);
    }
  }
}

template <class Args>
int64_t pool_tasks(const void* raw, int) {
  return pool_output_plan(pool_shape<Args>(raw)).tasks();
}

template <class Args, class T, template <class, int> class Op>
void pool_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  using Out = typename Op<T, 1>::Out;
  const PoolShape s = pool_shape<Args>(raw);
  const PoolPlan plan = pool_output_plan(s);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, s.channels, t);
    PoolWindow window = {};
    bool fresh = true;
    for (int64_t pixel = part.first; pixel < part.last; ++pixel) {
      const int64_t ow = pixel % s.w.out;
      if (fresh || ow == 0) {
        const int64_t row = pixel / s.w.out;
        window.h = pool_taps(s.h, row % s.h.out);
        window.d = pool_taps(s.d, row / s.h.out % s.d.out);
        window.n = row / s.h.out / s.d.out;
        fresh = false;
      }
      window.w = pool_taps(s.w, ow);
      const T* x = static_cast<const T*>(s.x) + window.n * s.in_size() * s.channels + part.channel;
      Out* y = static_cast<Out*>(s.y) + pixel * s.channels + part.channel;
      if (s.h.stride > 1) pool_ahead(s, window, x, part.width);
      pool_pixel<T, Op>(s, window, x, y, part.width);
    }
  }
}

#include "kernels/pool/pool_grad.inl"

#define BRAWN_POOL_WINDOW_PARAMS \
  "batch channels in_dims:i[] out_dims:i[] kernel:i[] stride:i[] pad:i[] dilation:i[] count_include_pad divisor"
#define BRAWN_POOL_WINDOW(name, operands, T, Op) \
  { name, "", operands, BRAWN_POOL_WINDOW_PARAMS, 1, pool_tasks<PoolArgs>, nullptr, nullptr, pool_run<PoolArgs, T, Op> }
#define BRAWN_POOL_ADAPTIVE(name, operands, T, Op)                                                                    \
  {                                                                                                                   \
    name, "", operands, "batch channels in_dims:i[] out_dims:i[]", 1, pool_tasks<PoolAdaptiveArgs>, nullptr, nullptr, \
        pool_run<PoolAdaptiveArgs, T, Op>                                                                             \
  }
#define BRAWN_POOL_AVG_GRAD(name, params, Args, T) \
  { name, "", "g -> y", params, 1, pool_avg_grad_tasks<Args>, nullptr, nullptr, pool_avg_grad_run<Args, T> }
#define BRAWN_POOL_MAX_WHERE(name, T)                                                                   \
  {                                                                                                     \
    name, "", "x -> y where", BRAWN_POOL_WINDOW_PARAMS, 1, pool_tasks<PoolWhereArgs>, nullptr, nullptr, \
        pool_run<PoolWhereArgs, T, PoolMaxWhere>                                                        \
  }
#define BRAWN_POOL_WHERE_GRAD(name, T)                                                              \
  {                                                                                                 \
    name, "", "g where -> y", BRAWN_POOL_WINDOW_PARAMS, 1, pool_where_grad_tasks, nullptr, nullptr, \
        pool_where_grad_run<T>                                                                      \
  }
#define BRAWN_POOL_INDEX(name, operands, tasks, run) \
  { name, "", operands, "batch channels in_size out_size", 1, tasks, nullptr, nullptr, run }

const KernelRow kPoolRows[] = {
    BRAWN_POOL_WINDOW("pool_max_f32", "x -> y", float, PoolMax),
    BRAWN_POOL_WINDOW("pool_max_f64", "x -> y", double, PoolMax),
    BRAWN_POOL_WINDOW("pool_max_i32", "x -> y", int32_t, PoolMax),
    BRAWN_POOL_WINDOW("pool_max_i64", "x -> y", int64_t, PoolMax),
    BRAWN_POOL_WINDOW("pool_max_u8", "x -> y", uint8_t, PoolMax),
    BRAWN_POOL_WINDOW("pool_maxIndex_f32", "x -> index", float, PoolMaxIndex),
    BRAWN_POOL_WINDOW("pool_maxIndex_f64", "x -> index", double, PoolMaxIndex),
    BRAWN_POOL_WINDOW("pool_avg_f32", "x -> y", float, PoolAvg),
    BRAWN_POOL_WINDOW("pool_avg_f64", "x -> y", double, PoolAvg),
    BRAWN_POOL_ADAPTIVE("pool_adaptiveAvg_f32", "x -> y", float, PoolAvg),
    BRAWN_POOL_ADAPTIVE("pool_adaptiveAvg_f64", "x -> y", double, PoolAvg),
    BRAWN_POOL_ADAPTIVE("pool_adaptiveMaxIndex_f32", "x -> index", float, PoolMaxIndex),
    BRAWN_POOL_ADAPTIVE("pool_adaptiveMaxIndex_f64", "x -> index", double, PoolMaxIndex),
    BRAWN_POOL_AVG_GRAD("pool_avgGrad_f32", BRAWN_POOL_WINDOW_PARAMS, PoolArgs, float),
    BRAWN_POOL_AVG_GRAD("pool_avgGrad_f64", BRAWN_POOL_WINDOW_PARAMS, PoolArgs, double),
    BRAWN_POOL_AVG_GRAD("pool_adaptiveAvgGrad_f32", "batch channels in_dims:i[] out_dims:i[]", PoolAdaptiveArgs, float),
    BRAWN_POOL_AVG_GRAD("pool_adaptiveAvgGrad_f64", "batch channels in_dims:i[] out_dims:i[]", PoolAdaptiveArgs,
                        double),
    BRAWN_POOL_MAX_WHERE("pool_maxWhere_f32", float),
    BRAWN_POOL_MAX_WHERE("pool_maxWhere_f64", double),
    BRAWN_POOL_WHERE_GRAD("pool_whereGrad_f32", float),
    BRAWN_POOL_WHERE_GRAD("pool_whereGrad_f64", double),
    BRAWN_POOL_INDEX("pool_gatherIndex_f32", "x index -> y", pool_gather_tasks, pool_gather_run<float>),
    BRAWN_POOL_INDEX("pool_gatherIndex_f64", "x index -> y", pool_gather_tasks, pool_gather_run<double>),
    BRAWN_POOL_INDEX("pool_maxGrad_f32", "g index -> y", pool_max_grad_tasks, pool_max_grad_run<float>),
    BRAWN_POOL_INDEX("pool_maxGrad_f64", "g index -> y", pool_max_grad_tasks, pool_max_grad_run<double>),
};

#undef BRAWN_POOL_WINDOW_PARAMS
#undef BRAWN_POOL_WINDOW
#undef BRAWN_POOL_ADAPTIVE
#undef BRAWN_POOL_AVG_GRAD
#undef BRAWN_POOL_MAX_WHERE
#undef BRAWN_POOL_WHERE_GRAD
#undef BRAWN_POOL_INDEX

}  // namespace

KernelTable pool_table() { return {kPoolRows, static_cast<int>(sizeof(kPoolRows) / sizeof(kPoolRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
