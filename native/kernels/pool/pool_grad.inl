// Gradients of pooling and reading at the positions of maxima. Included by pool.inl inside the ISA namespace.

// Adds g / divisor to the inputs of one output pixel that lie in one input row; y points at that row.
template <class T>
void pool_spread(const PoolTaps& taps, int64_t divisor, const T* g, T* y, int64_t channels, int64_t width) {
  using V = typename PoolTypes<T>::V;
  const V scale = V::set(static_cast<T>(divisor));
  int64_t c = 0;
  for (; c + V::kLanes <= width; c += V::kLanes) {
    const V share = V::load(g + c) / scale;
    T* to = y + taps.first * channels + c;
    for (int64_t k = 0; k < taps.count; ++k, to += taps.step * channels) (V::load(to) + share).store(to);
  }
  for (; c < width; ++c) {
    const T share = g[c] / static_cast<T>(divisor);
    T* to = y + taps.first * channels + c;
    for (int64_t k = 0; k < taps.count; ++k, to += taps.step * channels) *to += share;
  }
}

template <class T>
void pool_clear(T* y, int64_t lines, int64_t channels, int64_t width) {
  if (width == channels) {
    memset(y, 0, sizeof(T) * lines * channels);
  } else {
    for (int64_t i = 0; i < lines; ++i) memset(y + i * channels, 0, sizeof(T) * width);
  }
}

// One row of the input's gradient. s.x is the output's gradient, s.y the input's.
template <class T>
void pool_avg_grad_row(const PoolShape& s, int64_t row, const PoolPart& part) {
  const int64_t h = row % s.h.in, d = row / s.h.in % s.d.in, n = row / s.h.in / s.d.in;
  T* y = static_cast<T*>(s.y) + row * s.w.in * s.channels + part.channel;
  pool_clear(y, s.w.in, s.channels, part.width);
  const PoolOutputs depth = pool_outputs(s.d, d), height = pool_outputs(s.h, h);
  for (int64_t od = depth.first; od < depth.last; ++od) {
    const PoolTaps d_taps = pool_taps(s.d, od);
    if (!d_taps.contains(d)) continue;
    for (int64_t oh = height.first; oh < height.last; ++oh) {
      const PoolTaps h_taps = pool_taps(s.h, oh);
      if (!h_taps.contains(h)) continue;
      const int64_t out_row = (n * s.d.out + od) * s.h.out + oh;
      const T* g = static_cast<const T*>(s.x) + out_row * s.w.out * s.channels + part.channel;
      for (int64_t ow = 0; ow < s.w.out; ++ow) {
        const PoolTaps taps = pool_taps(s.w, ow);
        const int64_t divisor = s.divisor > 0 ? s.divisor : d_taps.divisor * h_taps.divisor * taps.divisor;
        pool_spread(taps, divisor, g + ow * s.channels, y, s.channels, part.width);
      }
    }
  }
}

template <class Args>
int64_t pool_avg_grad_tasks(const void* raw, int) {
  return pool_input_row_plan(pool_shape<Args>(raw)).tasks();
}

template <class Args, class T>
void pool_avg_grad_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const PoolShape s = pool_shape<Args>(raw);
  const PoolPlan plan = pool_input_row_plan(s);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, s.channels, t);
    for (int64_t row = part.first; row < part.last; ++row) pool_avg_grad_row<T>(s, row, part);
  }
}

inline bool pool_position_ok(const PoolIndexArgs& args, int64_t position, const Context& context) {
  if (position >= 0 && position < args.in_size) return true;
  report_fault(context.status, Fault::kIndexOutOfRange, position, args.in_size);
  return false;
}

int64_t pool_gather_tasks(const void* raw, int) {
  const PoolIndexArgs& args = *static_cast<const PoolIndexArgs*>(raw);
  return pool_plan(args.batch * args.out_size, args.channels, args.channels).tasks();
}

template <class T>
void pool_gather_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const PoolIndexArgs& args = *static_cast<const PoolIndexArgs*>(raw);
  const PoolPlan plan = pool_plan(args.batch * args.out_size, args.channels, args.channels);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, args.channels, t);
    for (int64_t line = part.first; line < part.last; ++line) {
      const int64_t start = line * args.channels + part.channel;
      const T* x = static_cast<const T*>(args.x) + line / args.out_size * args.in_size * args.channels + part.channel;
      T* y = static_cast<T*>(args.y) + start;
      for (int64_t c = 0; c < part.width; ++c) {
        const int64_t position = args.index[start + c];
        if (pool_position_ok(args, position, context)) y[c] = x[position * args.channels + c];
      }
    }
  }
}

PoolPlan pool_max_grad_plan(const PoolIndexArgs& args) {
  return pool_plan(args.batch, (args.in_size + args.out_size) * args.channels, args.channels);
}

int64_t pool_max_grad_tasks(const void* raw, int) {
  return pool_max_grad_plan(*static_cast<const PoolIndexArgs*>(raw)).tasks();
}

template <class T>
void pool_max_grad_run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
  const PoolIndexArgs& args = *static_cast<const PoolIndexArgs*>(raw);
  const PoolPlan plan = pool_max_grad_plan(args);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, args.channels, t);
    for (int64_t n = part.first; n < part.last; ++n) {
      const T* g = static_cast<const T*>(args.x) + n * args.out_size * args.channels + part.channel;
      const int64_t* index = args.index + n * args.out_size * args.channels + part.channel;
      T* y = static_cast<T*>(args.y) + n * args.in_size * args.channels + part.channel;
      pool_clear(y, args.in_size, args.channels, part.width);
      for (int64_t o = 0; o < args.out_size; ++o, g += args.channels, index += args.channels) {
        for (int64_t c = 0; c < part.width; ++c) {
          if (pool_position_ok(args, index[c], context)) y[index[c] * args.channels + c] += g[c];
        }
      }
    }
  }
}

// The windows that reach an input, along each axis.
struct PoolReach {
  PoolOutputs d, h, w;
};

// Which tap of window o meets input i along an axis; negative where none does.
inline int64_t pool_tap(const PoolAxis& axis, int64_t o, int64_t i) {
  const int64_t distance = i + axis.pad - o * axis.stride;
  if (axis.dilation == 1) return distance;
  return distance % axis.dilation == 0 ? distance / axis.dilation : -1;
}

inline F32 pool_is(const uint8_t* where, int64_t tap, F32 share) {
  return select(eq(I32::load_bytes(where), I32::set(static_cast<int32_t>(tap))), share, F32::zero());
}
inline F64 pool_is(const uint8_t* where, int64_t tap, F64 share) {
  double taps[F64::kLanes];
  for (int i = 0; i < F64::kLanes; ++i) taps[i] = where[i];
  return select(eq(F64::load(taps), F64::set(static_cast<double>(tap))), share, F64::zero());
}

// Adds up what the windows give to one input, in their order. g, where and y point at the channels.
template <class T, int kVectors>
BRAWN_INLINE void pool_collect(const PoolShape& s, const PoolReach& reach, int64_t d, int64_t h, int64_t w, const T* g,
                               const uint8_t* where, T* y, int64_t left) {
  using V = typename PoolTypes<T>::V;
  PoolLanes<T, kVectors> lanes;
  lanes.left = left;
  V sum[kVectors];
  for (V& v : sum) v = V::zero();
  for (int64_t od = reach.d.first; od < reach.d.last; ++od) {
    const int64_t kd = pool_tap(s.d, od, d);
    for (int64_t oh = reach.h.first; oh < reach.h.last; ++oh) {
      const int64_t kh = pool_tap(s.h, oh, h), row = (kd * s.h.kernel + kh) * s.w.kernel;
      int64_t at = ((od * s.h.out + oh) * s.w.out + reach.w.first) * s.channels;
      for (int64_t ow = reach.w.first; ow < reach.w.last; ++ow, at += s.channels) {
        const int64_t kw = pool_tap(s.w, ow, w);
        if ((kd | kh | kw) < 0) continue;
        uint8_t some[V::kLanes];
        if (left != 0) memcpy(some, where + at, static_cast<size_t>(left));
        for (int v = 0; v < kVectors; ++v) {
          const uint8_t* from = left != 0 ? some : where + at + v * V::kLanes;
          sum[v] = sum[v] + pool_is(from, row + kw, lanes.load(g + at, v));
        }
      }
    }
  }
  for (int v = 0; v < kVectors; ++v) lanes.store(sum[v], y, v);
}

PoolShape pool_shape(const PoolWhereGradArgs& a) {
  const PoolArgs args = {a.g,      a.y,      a.batch, a.channels, a.in_dims,           a.out_dims,
                         a.kernel, a.stride, a.pad,   a.dilation, a.count_include_pad, a.divisor};
  return pool_shape<PoolArgs>(&args);
}

int64_t pool_where_grad_tasks(const void* raw, int) {
  return pool_input_row_plan(pool_shape(*static_cast<const PoolWhereGradArgs*>(raw))).tasks();
}

template <class T>
void pool_where_grad_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  constexpr int kLanes = PoolTypes<T>::V::kLanes;
  const PoolWhereGradArgs& args = *static_cast<const PoolWhereGradArgs*>(raw);
  const PoolShape s = pool_shape(args);
  const PoolPlan plan = pool_input_row_plan(s);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, s.channels, t);
    for (int64_t row = part.first; row < part.last; ++row) {
      const int64_t h = row % s.h.in, d = row / s.h.in % s.d.in, n = row / s.h.in / s.d.in;
      const int64_t out = n * s.out_size() * s.channels + part.channel;
      const T* g = static_cast<const T*>(args.g) + out;
      const uint8_t* where = args.where + out;
      T* y = static_cast<T*>(args.y) + row * s.w.in * s.channels + part.channel;
      PoolReach reach = {pool_outputs(s.d, d), pool_outputs(s.h, h), {}};
      for (int64_t w = 0; w < s.w.in; ++w, y += s.channels) {
        reach.w = pool_outputs(s.w, w);
        int64_t c = 0;
        for (; c + 4 * kLanes <= part.width; c += 4 * kLanes) {
          pool_collect<T, 4>(s, reach, d, h, w, g + c, where + c, y + c, 0);
        }
        for (; c + kLanes <= part.width; c += kLanes) {
          pool_collect<T, 1>(s, reach, d, h, w, g + c, where + c, y + c, 0);
        }
        if (c < part.width) pool_collect<T, 1>(s, reach, d, h, w, g + c, where + c, y + c, part.width - c);
      }
    }
  }
}
