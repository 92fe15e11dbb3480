// Depthwise convolutions, vectorised over channels: each channel has its own little kernel, so there is no matrix
// product to build. The input gradient is the forward kernel over each residue class of input pixels (see im2col.inl);
// the weight gradient is in depthwise_weight.inl.
#pragma once
#include "kernels/conv/im2col.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kDepthwiseWork = 1 << 18;  // multiply-adds per task
constexpr int64_t kLeastChunk = 8;           // pixels of a line computed before their epilogue

// A whole vector of channels, or the last few.
template <bool kWhole, class T>
inline typename VectorOf<T>::V load(const T* p, int64_t lanes) {
  using V = typename VectorOf<T>::V;
  if constexpr (kWhole) return V::load(p);
  return V::load_partial(p, lanes);
}

// Forward (kGradient false) or input gradient. Phase 0 brings the weights into [tap][channel] order unless they came
// so, phase 1 computes lines of pixels.
template <class T, bool kGradient>
class Depthwise {
  using V = typename VectorOf<T>::V;

 public:
  explicit Depthwise(const ConvArgs& args) : args_(args), g_(args.geometry), channels_(g_.in_channels) {
    classes_ = kGradient ? g_.stride[0] * g_.stride[1] : 1;
    columns_apart_ = kGradient ? g_.stride[2] : 1;
    const Span<int64_t> dims = kGradient ? g_.in_dims : g_.out_dims;
    lines_ = g_.batch;
    for (int d = 0; d < 3; ++d) {
      const int64_t longest = kGradient ? ceil_div(dims[d], g_.stride[d]) : dims[d];
      if (d < 2) lines_ *= longest;
      if (d == 2) width_ = longest;
    }
    lines_per_task_ = max64(1, kDepthwiseWork / max64(1, width_ * channels_ * g_.taps()));
    ShortEpilogue epilogue;
    direct_ = !kGradient && sizeof(T) == sizeof(float) && Epilogue::row_distance(args.ep, 0, channels_) == channels_ &&
              epilogue.read_columns(args.ep, args.in, args.out.size, &columns_);
    large_ = g_.batch * dims[0] * dims[1] * dims[2] * channels_ * int64_t{sizeof(T)} >= kStreamBytes;
    chunk_ = direct_ && !large_ ? width_ : min64(width_, max64(kLeastChunk, 8192 / (channels_ * columns_apart_)));
  }
  Depthwise(const Depthwise&) = delete;

  int64_t tasks(int phase) const { return phase == 0 ? args_.packed == 0 : phase == 1 ? classes_ * class_tasks() : 0; }
  int64_t shared_bytes() const {
    return args_.packed != 0 ? 0 : round_up(g_.taps() * channels_ * int64_t{sizeof(T)}, 64);
  }
  int64_t line_bytes() const {
    return direct_ && !large_ ? 0 : round_up(chunk_ * columns_apart_ * channels_ * int64_t{sizeof(T)}, 64);
  }
  int64_t tap_bytes() const { return round_up(g_.kernel[0] * g_.kernel[1] * 2 * int64_t{sizeof(void*)}, 64); }
  int64_t local_bytes() const {
    return line_bytes() + tap_bytes() + Epilogue::scratch_bytes(args_.ep, args_.in.size, args_.out.size);
  }

  void prepare(T* to) const { order_weights(g_, static_cast<const T*>(args_.weight), to); }

  static void order_weights(const ConvGeometry& g, const T* w, T* to) {
    const int64_t taps = g.taps(), channels = g.in_channels;
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t c = 0; c < channels; ++c) to[t * channels + c] = w[c * taps + t];
    }
  }

  void run(int64_t begin, int64_t end, const Context& context) {
    char* local = static_cast<char*>(context.local);
    weights_ = static_cast<const T*>(args_.packed != 0 ? args_.weight : context.shared);
    buffer_ = reinterpret_cast<T*>(local);
    taps_ = reinterpret_cast<Tap*>(local + line_bytes());
    epilogue_.begin(args_.ep, args_.in, args_.out, channels_, sizeof(T), local + line_bytes() + tap_bytes());
    const Span<int64_t> dims = kGradient ? g_.in_dims : g_.out_dims;
    if (large_) epilogue_.stream_large(g_.batch * dims[0] * dims[1] * dims[2]);
    for (int64_t t = begin; t < end; ++t) {
      select_class(t / class_tasks());
      const int64_t lines = g_.batch * axes_[0].grid * axes_[1].grid;
      const int64_t first = t % class_tasks() * lines_per_task_;
      for (int64_t l = first; l < min64(lines, first + lines_per_task_); ++l) line(l);
    }
    epilogue_.end();
  }

 private:
  struct Tap {  // a kernel row that lies inside the image: its image line and all of its weights
    const T* line;
    const T* weights;
  };

  // What the innermost loops need, in one place that no store can change; distances in elements.
  struct Steps {
    const Tap* list;
    int64_t rows, taps, channels, pixel, tap, weight_first, weight, to_pixel;
    ColumnEpilogue columns;
    bool direct;
  };

  int64_t class_tasks() const { return ceil_div(lines_, lines_per_task_); }

  // The class of lines; those of their pixels are selected one after the other, line by line.
  void select_class(int64_t index) {
    if constexpr (kGradient) {
      select_axis(0, index / g_.stride[1]);
      select_axis(1, index % g_.stride[1]);
    } else {
      for (int d = 0; d < 3; ++d) axes_[d] = forward_axis(g_, d);
    }
  }

  void select_axis(int d, int64_t residue) {
    residue_[d] = residue;
    axes_[d] = gradient_axis(g_, d, residue);
  }

  void line(int64_t index) {
    const Axis &d = axes_[0], &h = axes_[1];
    const int64_t jh = index % h.grid, jd = index / h.grid % d.grid, n = index / h.grid / d.grid;
    const int64_t line = (kGradient ? g_.out_dims[2] : g_.in_dims[2]) * channels_;
    const T* image = static_cast<const T*>(args_.image);
    tap_count_ = 0;
    next_ = next_line(n * d.size + jd * d.step + d.first, jh * h.step + h.first);
    for (int64_t td = 0; td < d.taps; ++td) {
      const int64_t pd = jd * d.step + d.first + td * d.tap_step, kd = d.weight_first + td * d.weight_step;
      for (int64_t th = 0; th < h.taps; ++th) {
        const int64_t ph = jh * h.step + h.first + th * h.tap_step, kh = h.weight_first + th * h.weight_step;
        if (pd < 0 || pd >= d.size || ph < 0 || ph >= h.size) continue;
        taps_[tap_count_++] = {image + ((n * d.size + pd) * h.size + ph) * line,
                               weights_ + (kd * g_.kernel[1] + kh) * g_.kernel[2] * channels_};
      }
    }
    const int64_t width = kGradient ? g_.in_dims[2] : g_.out_dims[2];
    int64_t row = n * (kGradient ? g_.in_dims[0] : g_.out_dims[0]) + (kGradient ? residue_[0] + jd * g_.stride[0] : jd);
    row = row * (kGradient ? g_.in_dims[1] : g_.out_dims[1]) + (kGradient ? residue_[1] + jh * g_.stride[1] : jh);
    row *= width;
    const bool in_place = (direct_ || epilogue_.copies_lines()) && !epilogue_.leaves();
    for (int64_t j = 0; j < width_; j += chunk_) {
      const int64_t at = row + j * columns_apart_, count = min64(chunk_ * columns_apart_, row + width - at);
      T* to = in_place ? static_cast<T*>(args_.out[0]) + at * channels_ : buffer_;
      for (int64_t r = 0; r < min64(columns_apart_, count); ++r) {
        if constexpr (kGradient) select_axis(2, r);
        pixels(j, min64(chunk_, axes_[2].grid - j), to + r * channels_);
      }
      if (in_place) continue;
      if (direct_) {
        epilogue_.leave(reinterpret_cast<const char*>(to), channels_, at, count, 0, channels_);
      } else {
        epilogue_.run(reinterpret_cast<char*>(to), channels_, at, at, count, 0, channels_);
      }
    }
  }

  // The image line below those that kernel position (slice, row) covers. The blocks of pixels read memory in an order
  // the processor does not foresee, so lines of large images are asked for one line of output ahead.
  const T* next_line(int64_t slice, int64_t row) const {
    const Axis &d = axes_[0], &h = axes_[1];
    const int64_t line = (kGradient ? g_.out_dims[2] : g_.in_dims[2]) * channels_;
    const int64_t lines = g_.batch * d.size * h.size, bytes = lines * line * int64_t{sizeof(T)};
    const int64_t below = (slice + (d.taps - 1) * d.tap_step) * h.size + row + h.taps * h.tap_step;
    if (bytes <= kFarBytes || below < 0 || below >= lines) return nullptr;
    return static_cast<const T*>(args_.image) + below * line;
  }

  static void fetch(const T* p, int64_t count) {
    constexpr int64_t kLine = 64 / sizeof(T);
    for (int64_t i = 0; i < count; i += kLine) __builtin_prefetch(p + i, 0, 2);
  }

  // Grid points [first, first + count) of the line. Where a block of pixels would end outside, it starts earlier and
  // computes some of them again.
  void pixels(int64_t first, int64_t count, T* to) const {
    const Axis& w = axes_[2];
    const int64_t last_tap = w.first + (w.taps - 1) * w.tap_step;
    const int64_t low = w.first < 0 ? ceil_div(-w.first, w.step) : 0;
    const int64_t high = last_tap < w.size ? (w.size - 1 - last_tap) / w.step + 1 : 0;
    const int64_t begin = max64(0, min64(count, low - first)), end = max64(begin, min64(count, high - first));
    const int64_t apart = columns_apart_ * channels_;
    for (int64_t i = 0; i < begin; ++i) border(first + i, to + i * apart);
    int64_t i = begin;
    for (; end - begin >= 8 && i < end; i += 8) {
      i = min64(i, end - 8);
      if (next_ != nullptr && residue_[2] == 0)
        fetch(next_ + ((first + i) * w.step + w.first) * channels_, 8 * w.step * channels_);
      inside<8>(first + i, to + i * apart);
    }
    for (; end - begin >= 4 && i < end; i += 4) {
      i = min64(i, end - 4);
      inside<4>(first + i, to + i * apart);
    }
    for (; i < end; ++i) inside<1>(first + i, to + i * apart);
    for (i = end; i < count; ++i) border(first + i, to + i * apart);
  }

  template <int kPixels>
  void inside(int64_t j, T* to) const {
    const Axis& w = axes_[2];
    if (w.step == 1 && w.tap_step == 1) {
      inside_line<kPixels, true>((j * w.step + w.first) * channels_, to);
    } else {
      inside_line<kPixels, false>((j * w.step + w.first) * channels_, to);
    }
  }

  template <int kPixels, bool kDense>
  void inside_line(int64_t at, T* to) const {
    const Axis& w = axes_[2];
    const Steps steps = {taps_,
                         tap_count_,
                         w.taps,
                         channels_,
                         w.step * channels_,
                         w.tap_step * channels_,
                         w.weight_first * channels_,
                         w.weight_step * channels_,
                         columns_apart_ * channels_,
                         columns_,
                         direct_};
    int64_t c = 0;
    for (; c + V::kLanes <= steps.channels; c += V::kLanes) {
      inside_channels<kPixels, kDense, true>(steps, at + c, c, 0, to + c);
    }
    if (c < steps.channels) {
      inside_channels<kPixels, false, false>(steps, at + c, c, steps.channels - c, to + c);
    }
  }

  template <int kPixels, bool kDense, bool kWhole>
  static BRAWN_INLINE void inside_channels(const Steps& steps, int64_t at, int64_t c, int64_t lanes, T* to) {
    V sums[kPixels];
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) sums[p] = V::zero();
    for (int64_t t = 0; t < steps.rows; ++t) {
      const T* from = steps.list[t].line + at;
      const T* weights = steps.list[t].weights + steps.weight_first + c;
      int64_t taps = steps.taps;
      for (; taps > 2; taps -= 3) add_taps<kPixels, 3, kDense, kWhole>(steps, from, weights, lanes, sums);
      if (taps == 2) add_taps<kPixels, 2, kDense, kWhole>(steps, from, weights, lanes, sums);
      if (taps == 1) add_taps<kPixels, 1, kDense, kWhole>(steps, from, weights, lanes, sums);
    }
    finish<kPixels, kWhole>(steps.direct, steps.columns, c, lanes, sums);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      if constexpr (kWhole) {
        sums[p].store(to + p * steps.to_pixel);
      } else {
        sums[p].store_partial(to + p * steps.to_pixel, lanes);
      }
    }
  }

  // The epilogue on sums that are in registers.
  template <int kPixels, bool kWhole>
  static BRAWN_INLINE void finish(bool direct, const ColumnEpilogue& columns, int64_t c, int64_t lanes,
                                  V (&sums)[kPixels]) {
    if constexpr (!kGradient && sizeof(T) == sizeof(float)) {
      if (!direct) return;
      const V bias = columns.bias == nullptr ? V::zero() : load<kWhole>(columns.bias + c, lanes);
      // Nothing is added where there is no bias: -0 + 0 would lose its sign.
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) {
        sums[p] = columns.bounded(columns.bias == nullptr ? sums[p] : sums[p] + bias);
      }
    }
  }

  // The next kTaps taps of a kernel row. Dense: neighbouring pixels and taps are neighbours in the image, so that an
  // element is loaded once for all pixels that meet it.
  template <int kPixels, int kTaps, bool kDense, bool kWhole>
  static BRAWN_INLINE void add_taps(const Steps& steps, const T*& from, const T*& weights, int64_t lanes,
                                    V (&sums)[kPixels]) {
    V weight[kTaps];
#pragma GCC unroll 16
    for (int t = 0; t < kTaps; ++t) weight[t] = load<kWhole>(weights + t * steps.weight, lanes);
    if constexpr (kDense) {
#pragma GCC unroll 16
      for (int p = 0; p < kPixels + kTaps - 1; ++p) {
        const V x = load<kWhole>(from + p * steps.channels, lanes);
#pragma GCC unroll 16
        for (int t = 0; t < kTaps; ++t) {
          if (p >= t && p - t < kPixels) sums[p - t] = fma(x, weight[t], sums[p - t]);
        }
      }
    } else {
#pragma GCC unroll 16
      for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 16
        for (int p = 0; p < kPixels; ++p) {
          sums[p] = fma(load<kWhole>(from + t * steps.tap + p * steps.pixel, lanes), weight[t], sums[p]);
        }
      }
    }
    from += kTaps * steps.tap;
    weights += kTaps * steps.weight;
  }

  void border(int64_t j, T* to) const {
    const Axis& w = axes_[2];
    const int64_t at = j * w.step + w.first;
    int64_t begin = 0, end = w.taps;
    while (begin < end && at + begin * w.tap_step < 0) ++begin;
    while (end > begin && at + (end - 1) * w.tap_step >= w.size) --end;
    int64_t c = 0;
    for (; c + V::kLanes <= channels_; c += V::kLanes) border_channels<true>(at, begin, end, c, to);
    if (c < channels_) border_channels<false>(at, begin, end, c, to);
  }

  template <bool kWhole>
  void border_channels(int64_t at, int64_t begin, int64_t end, int64_t c, T* to) const {
    const Axis& w = axes_[2];
    const int64_t lanes = channels_ - c;
    V sum = V::zero();
    for (int64_t t = 0; t < tap_count_; ++t) {
      const T* from = taps_[t].line + at * channels_ + c;
      const T* weights = taps_[t].weights + w.weight_first * channels_ + c;
      for (int64_t tw = begin; tw < end; ++tw) {
        sum = fma(load<kWhole>(from + tw * w.tap_step * channels_, lanes),
                  load<kWhole>(weights + tw * w.weight_step * channels_, lanes), sum);
      }
    }
    V sums[1] = {sum};
    finish<1, kWhole>(direct_, columns_, c, lanes, sums);
    if constexpr (kWhole) {
      sums[0].store(to + c);
    } else {
      sums[0].store_partial(to + c, lanes);
    }
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  int64_t channels_, classes_, lines_, width_, lines_per_task_, chunk_;
  int64_t columns_apart_;  // pixels of the result from one grid point to the next
  const T* weights_;
  T* buffer_;
  Tap* taps_;
  int64_t tap_count_;
  const T* next_;  // the image line that comes into reach next when it is far away, else null
  bool direct_;    // results go through `columns_` in registers
  bool large_;     // results may leave past the caches
  ColumnEpilogue columns_;
  Axis axes_[3];
  int64_t residue_[3] = {0, 0, 0};
  Epilogue epilogue_;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
