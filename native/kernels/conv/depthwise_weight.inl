// The weight gradient of depthwise convolutions, vectorised over channels like the other two (depthwise.inl).
#pragma once
#include "kernels/conv/depthwise.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int kGroup = 4;                  // output pixels whose products share loads of the image
constexpr int64_t kWeightGradChunks = 32;  // most partial sums of the weight gradient

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
    chunk_ = max64(2 * kGroup, 4096 / channels_);
    image_lines_ = g_.batch * g_.in_dims[0] * g_.in_dims[1];
    far_ = image_lines_ * g_.in_dims[2] * channels_ * int64_t{sizeof(T)} > kFarBytes;
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
  // Grid points [low, high) of a line whose positions under tap `t` lie inside it.
  static int64_t low(const Axis& w, int64_t t) {
    const int64_t offset = w.first + t * w.tap_step;
    return offset < 0 ? ceil_div(-offset, w.step) : 0;
  }
  static int64_t high(const Axis& w, int64_t t) {
    const int64_t offset = w.first + t * w.tap_step;
    return offset < w.size ? min64(w.grid, (w.size - 1 - offset) / w.step + 1) : 0;
  }

  void line(int64_t index, T* sums) const {
    const Axis d = forward_axis(g_, 0), h = forward_axis(g_, 1), w = forward_axis(g_, 2);
    const int64_t jh = index % h.grid, jd = index / h.grid % d.grid, n = index / h.grid / d.grid;
    const T* g = static_cast<const T*>(args_.g) + index * w.grid * channels_;
    const T* x = static_cast<const T*>(args_.x);
    for (int64_t first = 0; first < w.grid; first += chunk_) {
      const int64_t last = min64(w.grid, first + chunk_);
      for (int64_t td = 0; td < d.taps; ++td) {
        const int64_t pd = jd * d.step + d.first + td * d.tap_step;
        for (int64_t th = 0; th < h.taps; ++th) {
          const int64_t ph = jh * h.step + h.first + th * h.tap_step;
          if (pd < 0 || pd >= d.size || ph < 0 || ph >= h.size) continue;
          const int64_t image_line = (n * d.size + pd) * h.size + ph;
          const T* image = x + image_line * w.size * channels_;
          const bool ahead = far_ && th == h.taps - 1 && image_line + 1 < image_lines_ && index + 1 < lines_;
          T* to = sums + (td * h.taps + th) * w.taps * channels_;
          int64_t tw = 0;
          for (; tw + 3 <= w.taps; tw += 3) add_taps<3>(w, g, image, first, last, tw, ahead, to);
          if (w.taps - tw == 2) add_taps<2>(w, g, image, first, last, tw, ahead, to);
          if (w.taps - tw == 1) add_taps<1>(w, g, image, first, last, tw, ahead, to);
        }
      }
    }
  }

  // Taps [tw, tw + kTaps) of a kernel row over grid points [first, last): together where all lie inside the image.
  template <int kTaps>
  void add_taps(const Axis& w, const T* g, const T* image, int64_t first, int64_t last, int64_t tw, bool ahead,
                T* sums) const {
    const int64_t begin = min64(last, max64(first, low(w, tw)));
    const int64_t end = max64(begin, min64(last, high(w, tw + kTaps - 1)));
    const T* x = image + (begin * w.step + w.first + tw * w.tap_step) * channels_;
    const bool dense = w.step == 1 && w.tap_step == 1;
    if (end > begin && dense)
      add_products<kTaps, true>(w, g + begin * channels_, x, end - begin, ahead, sums + tw * channels_);
    if (end > begin && !dense) {
      add_products<kTaps, false>(w, g + begin * channels_, x, end - begin, ahead, sums + tw * channels_);
    }
    for (int64_t t = tw; t < tw + kTaps; ++t) {
      const int64_t from = min64(begin, max64(first, low(w, t))), to = max64(end, min64(last, high(w, t)));
      const T* tap = image + (w.first + t * w.tap_step) * channels_;
      if (from < begin) {
        add_products<1, false>(w, g + from * channels_, tap + from * w.step * channels_, begin - from, false,
                               sums + t * channels_);
      }
      if (end < to) {
        add_products<1, false>(w, g + end * channels_, tap + end * w.step * channels_, to - end, false,
                               sums + t * channels_);
      }
    }
  }

  template <int kTaps, bool kDense>
  void add_products(const Axis& w, const T* g, const T* x, int64_t count, bool ahead, T* sums) const {
    int64_t c = 0;
    for (; c + 2 * V::kLanes <= channels_; c += 2 * V::kLanes) {
      add_channels<kTaps, kDense, 2, true>(w, g + c, x + c, count, ahead, sums + c, 0);
    }
    for (; c + V::kLanes <= channels_; c += V::kLanes) {
      add_channels<kTaps, kDense, 1, true>(w, g + c, x + c, count, ahead, sums + c, 0);
    }
    if (c < channels_) add_channels<kTaps, kDense, 1, false>(w, g + c, x + c, count, ahead, sums + c, channels_ - c);
  }

  template <int kTaps, bool kDense, int kVectors, bool kWhole>
  void add_channels(const Axis& w, const T* g, const T* x, int64_t count, [[maybe_unused]] bool ahead, T* sums,
                    int64_t lanes) const {
    V s[kVectors][kTaps];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (int t = 0; t < kTaps; ++t) s[v][t] = load<kWhole>(sums + t * channels_ + v * V::kLanes, lanes);
    }
    const int64_t step = w.step * channels_, tap_step = w.tap_step * channels_;
    int64_t i = 0;
    if constexpr (kDense && kTaps > 1) {
      const int64_t x_line = w.size * channels_, g_line = w.grid * channels_;
      for (; i + kGroup <= count; i += kGroup, g += kGroup * channels_, x += kGroup * channels_) {
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          if (ahead) {
#pragma GCC unroll 16
            for (int p = 0; p < kGroup; ++p) {
              __builtin_prefetch(g + g_line + p * channels_ + v * V::kLanes, 0, 2);
              __builtin_prefetch(x + x_line + p * channels_ + v * V::kLanes, 0, 2);
            }
          }
          V pixel[kGroup];
#pragma GCC unroll 16
          for (int p = 0; p < kGroup; ++p) pixel[p] = load<kWhole>(g + p * channels_ + v * V::kLanes, lanes);
#pragma GCC unroll 16
          for (int p = 0; p < kGroup + kTaps - 1; ++p) {
            const V value = load<kWhole>(x + p * channels_ + v * V::kLanes, lanes);
#pragma GCC unroll 16
            for (int t = 0; t < kTaps; ++t) {
              if (p >= t && p - t < kGroup) s[v][t] = fma(value, pixel[p - t], s[v][t]);
            }
          }
        }
      }
    }
    for (; i < count; ++i, g += channels_, x += step) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const V pixel = load<kWhole>(g + v * V::kLanes, lanes);
#pragma GCC unroll 16
        for (int t = 0; t < kTaps; ++t) {
          s[v][t] = fma(load<kWhole>(x + t * tap_step + v * V::kLanes, lanes), pixel, s[v][t]);
        }
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (int t = 0; t < kTaps; ++t) {
        T* to = sums + t * channels_ + v * V::kLanes;
        if constexpr (kWhole) {
          s[v][t].store(to);
        } else {
          s[v][t].store_partial(to, lanes);
        }
      }
    }
  }

  const ConvWeightArgs& args_;
  const ConvGeometry& g_;
  int64_t channels_, size_, lines_, chunks_, lines_per_chunk_;
  int64_t image_lines_;
  bool far_;       // the image does not stay near: its lines are asked for one output line ahead, like those of g
  int64_t chunk_;  // grid points of a line at a time, so that they stay near for all kernel rows
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
