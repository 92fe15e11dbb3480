// Depthwise convolutions, vectorised over channels: each channel has its own little kernel, so there is no matrix
// product to build. The input gradient is the forward kernel over each residue class of input pixels (see im2col.inl).
#pragma once
#include "kernels/conv/im2col.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kDepthwiseWork = 1 << 18;  // multiply-adds per task
constexpr int64_t kPixels = 4;               // pixels that share one load of the weights
constexpr int64_t kWeightGradChunks = 32;    // most partial sums of the weight gradient

// Forward (kGradient false) or input gradient. Phase 0 brings the weights into [tap][channel] order, phase 1 computes
// lines of pixels.
template <class T, bool kGradient>
class Depthwise {
  using V = typename VectorOf<T>::V;

 public:
  explicit Depthwise(const ConvArgs& args) : args_(args), g_(args.geometry), channels_(g_.in_channels) {
    classes_ = kGradient ? g_.stride[0] * g_.stride[1] * g_.stride[2] : 1;
    const Span<int64_t> dims = kGradient ? g_.in_dims : g_.out_dims;
    lines_ = g_.batch;
    for (int d = 0; d < 3; ++d) {
      const int64_t longest = kGradient ? ceil_div(dims[d], g_.stride[d]) : dims[d];
      if (d < 2) lines_ *= longest;
      if (d == 2) width_ = longest;
    }
    lines_per_task_ = max64(1, kDepthwiseWork / max64(1, width_ * channels_ * g_.taps()));
    chunk_ = min64(width_, max64(kPixels, 8192 / channels_));
  }
  Depthwise(const Depthwise&) = delete;

  int64_t tasks(int phase) const { return phase == 0 ? 1 : phase == 1 ? classes_ * class_tasks() : 0; }
  int64_t shared_bytes() const { return round_up(g_.taps() * channels_ * int64_t{sizeof(T)}, 64); }
  int64_t line_bytes() const { return round_up(chunk_ * channels_ * int64_t{sizeof(T)}, 64); }
  int64_t tap_bytes() const { return round_up(g_.kernel[0] * g_.kernel[1] * 2 * int64_t{sizeof(void*)}, 64); }
  int64_t local_bytes() const {
    return line_bytes() + tap_bytes() + Epilogue::scratch_bytes(args_.ep, args_.in.size, args_.out.size);
  }

  void order_weights(T* to) const {
    const T* w = static_cast<const T*>(args_.weight);
    const int64_t taps = g_.taps();
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t c = 0; c < channels_; ++c) to[t * channels_ + c] = w[c * taps + t];
    }
  }

  void run(int64_t begin, int64_t end, const Context& context) {
    char* local = static_cast<char*>(context.local);
    weights_ = static_cast<const T*>(context.shared);
    buffer_ = reinterpret_cast<T*>(local);
    taps_ = reinterpret_cast<Tap*>(local + line_bytes());
    epilogue_.begin(args_.ep, args_.in, args_.out, channels_, sizeof(T), local + line_bytes() + tap_bytes());
    for (int64_t t = begin; t < end; ++t) {
      select_class(t / class_tasks());
      const int64_t lines = g_.batch * axes_[0].grid * axes_[1].grid;
      const int64_t first = t % class_tasks() * lines_per_task_;
      for (int64_t l = first; l < min64(lines, first + lines_per_task_); ++l) line(l);
    }
  }

 private:
  struct Tap {  // a kernel row that lies inside the image: its image line and its weights
    const T* line;
    const T* weights;
  };

  int64_t class_tasks() const { return ceil_div(lines_, lines_per_task_); }

  void select_class(int64_t index) {
    for (int d = 2; d >= 0; --d) {
      if constexpr (kGradient) {
        residue_[d] = index % g_.stride[d];
        index /= g_.stride[d];
        axes_[d] = gradient_axis(g_, d, residue_[d]);
      } else {
        axes_[d] = forward_axis(g_, d);
      }
    }
  }

  void line(int64_t index) {
    const Axis &d = axes_[0], &h = axes_[1], &w = axes_[2];
    const int64_t jh = index % h.grid, jd = index / h.grid % d.grid, n = index / h.grid / d.grid;
    const T* image = static_cast<const T*>(args_.image);
    tap_count_ = 0;
    for (int64_t td = 0; td < d.taps; ++td) {
      const int64_t pd = jd * d.step + d.first + td * d.tap_step, kd = d.weight_first + td * d.weight_step;
      for (int64_t th = 0; th < h.taps; ++th) {
        const int64_t ph = jh * h.step + h.first + th * h.tap_step, kh = h.weight_first + th * h.weight_step;
        if (pd < 0 || pd >= d.size || ph < 0 || ph >= h.size) continue;
        taps_[tap_count_++] = {image + ((n * d.size + pd) * h.size + ph) * w.size * channels_,
                               weights_ + ((kd * g_.kernel[1] + kh) * g_.kernel[2] + w.weight_first) * channels_};
      }
    }
    const int64_t width = kGradient ? g_.in_dims[2] : g_.out_dims[2], stride = kGradient ? g_.stride[2] : 1;
    int64_t row = n * (kGradient ? g_.in_dims[0] : g_.out_dims[0]) + (kGradient ? residue_[0] + jd * g_.stride[0] : jd);
    row = row * (kGradient ? g_.in_dims[1] : g_.out_dims[1]) + (kGradient ? residue_[1] + jh * g_.stride[1] : jh);
    row = row * width + (kGradient ? residue_[2] : 0);
    const bool in_place = epilogue_.plain() && stride == 1;
    for (int64_t j = 0; j < w.grid; j += chunk_) {
      const int64_t count = min64(chunk_, w.grid - j);
      T* to = in_place ? static_cast<T*>(epilogue_.plain_output()) + (row + j) * channels_ : buffer_;
      pixels(j, count, to);
      if (in_place) continue;
      const int64_t rows = stride == 1 ? count : 1;
      for (int64_t i = 0; i < count; i += rows) {
        const int64_t at = row + (j + i) * stride;
        epilogue_.run(reinterpret_cast<char*>(to + i * channels_), channels_, at, at, rows, 0, channels_);
      }
    }
  }

  // Grid points [first, first + count) of the line.
  void pixels(int64_t first, int64_t count, T* to) const {
    const Axis& w = axes_[2];
    int64_t i = 0;
    while (i < count) {
      const int64_t at = (first + i) * w.step + w.first;
      const int64_t last = at + (kPixels - 1) * w.step + (w.taps - 1) * w.tap_step;
      if (i + kPixels <= count && at >= 0 && last < w.size && w.taps > 0) {
        inside(at, to + i * channels_);
        i += kPixels;
      } else {
        border(at, to + i * channels_);
        ++i;
      }
    }
  }

  void inside(int64_t at, T* to) const {
    int64_t c = 0;
    for (; c + V::kLanes <= channels_; c += V::kLanes) {
      inside_channels(
          at, c, to, [](const T* p) { return V::load(p); }, [](V v, T* p) { v.store(p); });
    }
    const int64_t rest = channels_ - c;
    if (rest > 0) {
      inside_channels(
          at, c, to, [rest](const T* p) { return V::load_partial(p, rest); },
          [rest](V v, T* p) { v.store_partial(p, rest); });
    }
  }

  template <class Load, class Store>
  void inside_channels(int64_t at, int64_t c, T* to, const Load& load, const Store& store) const {
    const Axis& w = axes_[2];
    const int64_t step = w.step * channels_, tap_step = w.tap_step * channels_, weight_step = w.weight_step * channels_;
    V s0 = V::zero(), s1 = V::zero(), s2 = V::zero(), s3 = V::zero();
    for (int64_t t = 0; t < tap_count_; ++t) {
      const T* from = taps_[t].line + at * channels_ + c;
      const T* weights = taps_[t].weights + c;
      for (int64_t tw = 0; tw < w.taps; ++tw) {
        const V weight = load(weights);
        s0 = fma(load(from), weight, s0);
        s1 = fma(load(from + step), weight, s1);
        s2 = fma(load(from + 2 * step), weight, s2);
        s3 = fma(load(from + 3 * step), weight, s3);
        from += tap_step;
        weights += weight_step;
      }
    }
    store(s0, to + c);
    store(s1, to + channels_ + c);
    store(s2, to + 2 * channels_ + c);
    store(s3, to + 3 * channels_ + c);
  }

  void border(int64_t at, T* to) const {
    const Axis& w = axes_[2];
    for (int64_t c = 0; c < channels_; c += V::kLanes) {
      const int64_t lanes = min64(V::kLanes, channels_ - c);
      V sum = V::zero();
      for (int64_t t = 0; t < tap_count_; ++t) {
        for (int64_t tw = 0; tw < w.taps; ++tw) {
          const int64_t p = at + tw * w.tap_step;
          if (p < 0 || p >= w.size) continue;
          const T* weights = taps_[t].weights + tw * w.weight_step * channels_ + c;
          sum = fma(V::load_partial(taps_[t].line + p * channels_ + c, lanes), V::load_partial(weights, lanes), sum);
        }
      }
      sum.store_partial(to + c, lanes);
    }
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  int64_t channels_, classes_, lines_, width_, lines_per_task_, chunk_;
  const T* weights_;
  T* buffer_;
  Tap* taps_;
  int64_t tap_count_;
  Axis axes_[3];
  int64_t residue_[3];
  Epilogue epilogue_;
};

// Weight gradient: every task sums a fixed chunk of output lines into [tap][channel], phase 2 adds the chunks in order.
template <class T>
class DepthwiseWeightGrad {
  using V = typename VectorOf<T>::V;

 public:
  explicit DepthwiseWeightGrad(const ConvWeightArgs& args)
      : args_(args), g_(args.geometry), channels_(g_.in_channels), size_(g_.taps() * channels_) {
    lines_ = g_.batch * g_.out_dims[0] * g_.out_dims[1];
    const int64_t work = lines_ * g_.out_dims[2] * size_;
    chunks_ = max64(1, min64(min64(lines_, kWeightGradChunks), work / (4 * kDepthwiseWork)));
    lines_per_chunk_ = ceil_div(lines_, chunks_);
    chunks_ = ceil_div(lines_, lines_per_chunk_);
  }

  int64_t tasks(int phase) const { return phase == 0 ? 0 : phase == 1 ? chunks_ : 1; }
  int64_t shared_bytes() const { return round_up(chunks_ * size_ * int64_t{sizeof(T)}, 64); }

  void sum_chunk(int64_t chunk, T* shared) const {
    T* sums = shared + chunk * size_;
    zero_run(sums, size_);
    const int64_t last = min64(lines_, (chunk + 1) * lines_per_chunk_);
    for (int64_t l = chunk * lines_per_chunk_; l < last; ++l) line(l, sums);
  }

  void add_chunks(const T* shared) const {
    T* out = static_cast<T*>(args_.out);
    const int64_t taps = g_.taps();
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t c = 0; c < channels_; ++c) {
        T sum = 0;
        for (int64_t s = 0; s < chunks_; ++s) sum += shared[s * size_ + t * channels_ + c];
        out[c * taps + t] = sum;
      }
    }
  }

 private:
  void line(int64_t index, T* sums) const {
    const Axis d = forward_axis(g_, 0), h = forward_axis(g_, 1), w = forward_axis(g_, 2);
    const int64_t jh = index % h.grid, jd = index / h.grid % d.grid, n = index / h.grid / d.grid;
    const T* g = static_cast<const T*>(args_.g) + index * w.grid * channels_;
    const T* x = static_cast<const T*>(args_.x);
    for (int64_t td = 0; td < d.taps; ++td) {
      const int64_t pd = jd * d.step + d.first + td * d.tap_step;
      for (int64_t th = 0; th < h.taps; ++th) {
        const int64_t ph = jh * h.step + h.first + th * h.tap_step;
        if (pd < 0 || pd >= d.size || ph < 0 || ph >= h.size) continue;
        for (int64_t tw = 0; tw < w.taps; ++tw) {
          const int64_t offset = w.first + tw * w.tap_step;  // grid points whose position lies inside the line
          const int64_t low = offset < 0 ? ceil_div(-offset, w.step) : 0;
          const int64_t high = offset < w.size ? min64(w.grid, (w.size - 1 - offset) / w.step + 1) : 0;
          if (low >= high) continue;
          const T* from = x + (((n * d.size + pd) * h.size + ph) * w.size + low * w.step + offset) * channels_;
          add_products(g + low * channels_, from, high - low, w.step * channels_,
                       sums + ((td * h.taps + th) * w.taps + tw) * channels_);
        }
      }
    }
  }

  void add_products(const T* g, const T* x, int64_t count, int64_t x_step, T* sums) const {
    int64_t c = 0;
    for (; c + 4 * V::kLanes <= channels_; c += 4 * V::kLanes) {
      V s[4] = {V::load(sums + c), V::load(sums + c + V::kLanes), V::load(sums + c + 2 * V::kLanes),
                V::load(sums + c + 3 * V::kLanes)};
      for (int64_t i = 0; i < count; ++i) {
        for (int v = 0; v < 4; ++v) {
          s[v] = fma(V::load(g + i * channels_ + c + v * V::kLanes), V::load(x + i * x_step + c + v * V::kLanes), s[v]);
        }
      }
      for (int v = 0; v < 4; ++v) s[v].store(sums + c + v * V::kLanes);
    }
    for (; c < channels_; c += V::kLanes) {
      const int64_t lanes = min64(V::kLanes, channels_ - c);
      V s = V::load_partial(sums + c, lanes);
      for (int64_t i = 0; i < count; ++i) {
        s = fma(V::load_partial(g + i * channels_ + c, lanes), V::load_partial(x + i * x_step + c, lanes), s);
      }
      s.store_partial(sums + c, lanes);
    }
  }

  const ConvWeightArgs& args_;
  const ConvGeometry& g_;
  int64_t channels_, size_, lines_, chunks_, lines_per_chunk_;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
