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

// Adds g at the taps that PoolMaxIndex has found: kVectors vectors of channels of one window.
template <class T, int kVectors>
struct PoolMaxSpread : PoolLanes<T, kVectors> {
  using V = typename PoolTypes<T>::V;
  using Position = typename PoolTypes<T>::Position;
  using Positions = typename PoolTypes<T>::Positions;
  V g[kVectors];
  Positions at[kVectors];
  BRAWN_INLINE void tap(T* y, int64_t position) {
    const Positions here = Positions::set(static_cast<Position>(position));
    for (int v = 0; v < kVectors; ++v) {
      const V share = select(eq(at[v], here), g[v], V::zero());
      this->store(this->load(y, v) + share, y, v);
    }
  }
  BRAWN_INLINE void row() {}
};

template <class T, int kVectors>
BRAWN_INLINE void pool_max_spread(const PoolShape& s, const PoolWindow& window, const T* x, const T* g, T* y,
                                  int64_t left) {
  PoolMaxIndex<T, kVectors> find;
  find.left = left;
  find.start(s, window);
  pool_window(s, window, x, find);
  PoolMaxSpread<T, kVectors> spread;
  spread.left = left;
  for (int v = 0; v < kVectors; ++v) {
    spread.g[v] = spread.load(g, v);
    spread.at[v] = find.at[v];
  }
  pool_window(s, window, y, spread);
}

PoolShape pool_shape(const PoolMaxGradArgs& a) {
  const PoolArgs args = {a.x,      a.y,      a.batch, a.channels, a.in_dims,           a.out_dims,
                         a.kernel, a.stride, a.pad,   a.dilation, a.count_include_pad, a.divisor};
  return pool_shape<PoolArgs>(&args);
}

PoolPlan pool_window_max_grad_plan(const PoolShape& s) {
  const int64_t taps = min64(s.d.kernel, s.d.in) * min64(s.h.kernel, s.h.in) * min64(s.w.kernel, s.w.in);
  return pool_plan(s.batch, (s.in_size() + 2 * taps * s.out_size()) * s.channels, s.channels);
}

int64_t pool_window_max_grad_tasks(const void* raw, int) {
  return pool_window_max_grad_plan(pool_shape(*static_cast<const PoolMaxGradArgs*>(raw))).tasks();
}

// One image and block of channels. Rows of the result are cleared when the first window reaches them.
template <class T>
void pool_window_max_grad_image(const PoolShape& s, const T* x, const T* g, T* y, int64_t width) {
  constexpr int kLanes = PoolTypes<T>::V::kLanes;
  const int64_t line = s.w.in * s.channels, rows = s.d.in * s.h.in;
  int64_t cleared = 0;
  const auto clear = [&](int64_t end) {
    if (end > cleared) pool_clear(y + cleared * line, (end - cleared) * s.w.in, s.channels, width);
    cleared = max64(cleared, end);
  };
  for (int64_t row = 0; row < s.d.out * s.h.out; ++row) {
    PoolWindow window = {0, pool_taps(s.d, row / s.h.out), pool_taps(s.h, row % s.h.out), {}};
    const int64_t last_d = window.d.first + (window.d.count - 1) * window.d.step;
    clear(last_d * s.h.in + window.h.first + (window.h.count - 1) * window.h.step + 1);
    for (int64_t ow = 0; ow < s.w.out; ++ow, g += s.channels) {
      window.w = pool_taps(s.w, ow);
      int64_t c = 0;
      for (; c + 4 * kLanes <= width; c += 4 * kLanes) pool_max_spread<T, 4>(s, window, x + c, g + c, y + c, 0);
      for (; c + kLanes <= width; c += kLanes) pool_max_spread<T, 1>(s, window, x + c, g + c, y + c, 0);
      if (c < width) pool_max_spread<T, 1>(s, window, x + c, g + c, y + c, width - c);
    }
  }
  clear(rows);
}

template <class T>
void pool_window_max_grad_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const PoolMaxGradArgs& args = *static_cast<const PoolMaxGradArgs*>(raw);
  const PoolShape s = pool_shape(args);
  const PoolPlan plan = pool_window_max_grad_plan(s);
  for (int64_t t = begin; t < end; ++t) {
    const PoolPart part = pool_part(plan, s.channels, t);
    for (int64_t n = part.first; n < part.last; ++n) {
      const int64_t in = n * s.in_size() * s.channels + part.channel;
      const int64_t out = n * s.out_size() * s.channels + part.channel;
      pool_window_max_grad_image<T>(s, static_cast<const T*>(args.x) + in, static_cast<const T*>(args.g) + out,
                                    static_cast<T*>(args.y) + in, part.width);
    }
  }
}
