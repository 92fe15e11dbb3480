// The weight gradient of channels-first depthwise convolutions: products of lines of the gradient with lines of the
// image, which are copied strip by strip as for the other two (depthwise_planes.inl).
#pragma once
#include "kernels/conv/depthwise_planes.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kWeightGradParts = 32;  // channels, or parts of the batch for each of fewer channels

// Phase 0 sums images of one channel, phase 1 adds up the parts of the batch in order.
template <class T>
class DepthwisePlanesWeightGrad {
  using V = typename VectorOf<T>::V;
  // As many lines of the gradient as there are registers for, beside nine sums.
  static constexpr int kLines = sizeof(V) >= 64 ? 8 : 4;

 public:
  explicit DepthwisePlanesWeightGrad(const void* args)
      : args_(*static_cast<const ConvWeightArgs*>(args)),
        g_(args_.geometry),
        strips_(g_),
        h_(forward_axis(g_, 1)),
        w_(forward_axis(g_, 2)) {
    images_ = ceil_div(g_.batch, min64(g_.batch, ceil_div(kWeightGradParts, g_.in_channels)));
    parts_ = ceil_div(g_.batch, images_);
    per_task_ = max64(1, kDepthwiseWork / (images_ * strips_.strips() * strips_.work()));
  }
  DepthwisePlanesWeightGrad(const DepthwisePlanesWeightGrad&) = delete;

  static int64_t tasks(const void* args, int phase) {
    const DepthwisePlanesWeightGrad d(args);
    return phase == 0 ? ceil_div(d.items(), d.per_task_) : 1;
  }
  static int64_t shared_bytes(const void* args) {
    const DepthwisePlanesWeightGrad d(args);
    return round_up(d.items() * d.g_.taps() * int64_t{sizeof(double)}, 64);
  }
  static int64_t local_bytes(const void* args) {
    const DepthwisePlanesWeightGrad d(args);
    return d.strips_.bytes() + d.sum_bytes() + d.column_bytes();
  }
  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    DepthwisePlanesWeightGrad d(args);
    double* totals = static_cast<double*>(context.shared);
    if (phase == 1) return d.add_parts(totals);
    char* scratch = static_cast<char*>(context.local);
    d.strip_ = d.strips_.place(scratch);
    d.sums_ = reinterpret_cast<T*>(scratch += d.strips_.bytes());
    d.columns_ = reinterpret_cast<int64_t*>(scratch + d.sum_bytes());
    for (int64_t t = 0; t < d.w_.taps; ++t) d.columns_[t] = d.strips_.column_of(d.w_, t);
    const int64_t last = min64(d.items(), end * d.per_task_);
    for (int64_t i = begin * d.per_task_; i < last; ++i) d.sum_images(i, totals + i * d.g_.taps());
  }
  static constexpr KernelRow row(const char* name) {
    return {name,        Micro<T>::kTileName,           "x g -> out", BRAWN_CONV_PARAMS, 2, tasks, shared_bytes,
            local_bytes, DepthwisePlanesWeightGrad::run};
  }

 private:
  int64_t items() const { return parts_ * g_.in_channels; }
  int64_t sum_bytes() const { return round_up(g_.taps() * int64_t{sizeof(V)}, 64); }
  int64_t column_bytes() const { return round_up(g_.kernel[2] * int64_t{sizeof(int64_t)}, 64); }
  T* sums_of(int64_t h, int64_t w) const { return sums_ + (h * g_.kernel[2] + w) * V::kLanes; }

  void add_parts(const double* totals) const {
    const int64_t size = g_.in_channels * g_.taps();
    for (int64_t i = 0; i < size; ++i) {
      double sum = totals[i];
      for (int64_t p = 1; p < parts_; ++p) sum += totals[p * size + i];
      static_cast<T*>(args_.out)[i] = static_cast<T>(sum);
    }
  }

  // The order of `items` is part of the batch, channel.
  void sum_images(int64_t item, double* totals) {
    const int64_t channel = item % g_.in_channels, first = item / g_.in_channels * images_, taps = g_.taps();
    const T* x = static_cast<const T*>(args_.x);
    const int64_t count = min64(images_, g_.batch - first) * strips_.strips();
    for (int64_t t = 0; t < taps; ++t) totals[t] = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t n = first + i / strips_.strips(), s = i % strips_.strips();
      if (s == 0) zero_run(sums_, taps * V::kLanes);
      strips_.copy(x, strip_index(n, channel, s), strip_);
      if (i + 1 < count) expect(strip_index(first + (i + 1) / strips_.strips(), channel, (i + 1) % strips_.strips()));
      const int64_t line = s * strips_.lines(), lines = min64(strips_.lines(), h_.grid - line);
      const T* g = static_cast<const T*>(args_.g) + ((n * g_.in_channels + channel) * h_.grid + line) * w_.grid;
      add_strip(g, lines);
      if (s + 1 < strips_.strips()) continue;
      for (int64_t t = 0; t < taps; ++t) totals[t] += static_cast<double>(reduce_add(V::load(sums_ + t * V::kLanes)));
    }
  }

  int64_t strip_index(int64_t n, int64_t channel, int64_t strip) const {
    return (n * g_.in_channels + channel) * strips_.strips() + strip;
  }

  // Asks for a strip and the lines of the gradient that it meets.
  void expect(int64_t index) {
    int64_t count = 0;
    const T* pixels = strips_.pixels(static_cast<const T*>(args_.x), index, &count);
    const int64_t groups = ceil_div(w_.grid, V::kLanes), line = index % strips_.strips() * strips_.lines();
    image_.begin(pixels, count * int64_t{sizeof(T)}, groups);
    const T* g = static_cast<const T*>(args_.g) + (index / strips_.strips() * h_.grid + line) * w_.grid;
    gradient_.begin(g, min64(strips_.lines(), h_.grid - line) * w_.grid * int64_t{sizeof(T)}, groups);
  }

  void add_strip(const T* g, int64_t lines) {
    int64_t j = 0;
    for (; j + V::kLanes <= w_.grid; j += V::kLanes) {
      add_columns<true>(g + j, j, lines, V::kLanes);
      image_.next_share();
      gradient_.next_share();
    }
    if (j < w_.grid) add_columns<false>(g + j, j, lines, w_.grid - j);
    image_.next_share();
    gradient_.next_share();
  }

  // A vector of columns, from the top of the strip to its end.
  template <bool kWhole>
  void add_columns(const T* g, int64_t j, int64_t lines, int64_t lanes) const {
    const T* x = strip_ + j;
    const bool dense = h_.tap_step == 1 && strips_.down() == strips_.pitch();
    int64_t w = 0;
    if (dense && h_.taps == 3) {
      for (; w + 3 <= w_.taps; w += 3) add_taps<3, 3, kWhole>(g, x, w, lines, lanes);
      for (; w < w_.taps; ++w) add_taps<3, 1, kWhole>(g, x, w, lines, lanes);
    } else if (dense && h_.taps == 5) {
      for (; w < w_.taps; ++w) add_taps<5, 1, kWhole>(g, x, w, lines, lanes);
    } else if (dense && h_.taps == 7) {
      for (; w < w_.taps; ++w) add_taps<7, 1, kWhole>(g, x, w, lines, lanes);
    } else {
      for (int64_t h = 0; h < h_.taps; ++h) {
        const T* from = x + strips_.line_of(h_, h);
        for (w = 0; w + 3 <= w_.taps; w += 3) add_row<3, kWhole>(g, from, h, w, lines, lanes);
        for (; w < w_.taps; ++w) add_row<1, kWhole>(g, from, h, w, lines, lanes);
      }
    }
  }

  // Column taps [w, w + kColumns) of all kTaps neighbouring lines: what is loaded of the image serves all of them.
  template <int kTaps, int kColumns, bool kWhole>
  void add_taps(const T* g, const T* x, int64_t w, int64_t lines, int64_t lanes) const {
    V sums[kTaps][kColumns];
    const T* from[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) {
      from[c] = x + columns_[w + c];
#pragma GCC unroll 16
      for (int h = 0; h < kTaps; ++h) sums[h][c] = V::load(sums_of(h, w + c));
    }
    const int64_t pitch = strips_.pitch(), width = w_.grid;
    int64_t l = 0;
    for (; l + kLines <= lines; l += kLines) {
      add_lines<kTaps, kColumns, kLines, kWhole>(g + l * width, width, from, l * pitch, pitch, lanes, sums);
    }
    for (; l < lines; ++l) {
      add_lines<kTaps, kColumns, 1, kWhole>(g + l * width, width, from, l * pitch, pitch, lanes, sums);
    }
#pragma GCC unroll 16
    for (int h = 0; h < kTaps; ++h) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) sums[h][c].store(sums_of(h, w + c));
    }
  }

  // What lies behind a line must not count, not even times 0.
  template <int kTaps, int kColumns, int kCount, bool kWhole>
  static BRAWN_INLINE void add_lines(const T* g, int64_t width, const T* const (&from)[kColumns], int64_t at,
                                     int64_t pitch, int64_t lanes, V (&sums)[kTaps][kColumns]) {
    V gradient[kCount];
#pragma GCC unroll 16
    for (int l = 0; l < kCount; ++l) gradient[l] = load<kWhole>(g + l * width, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kCount + kTaps - 1; ++r, at += pitch) {
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
        const V x = in_register(load<kWhole>(from[c] + at, lanes));
#pragma GCC unroll 16
        for (int h = 0; h < kTaps; ++h) {
          if (r >= h && r - h < kCount) sums[h][c] = fma(x, gradient[r - h], sums[h][c]);
        }
      }
    }
  }

  template <int kColumns, bool kWhole>
  void add_row(const T* g, const T* x, int64_t h, int64_t w, int64_t lines, int64_t lanes) const {
    V sums[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) sums[c] = V::load(sums_of(h, w + c));
    for (int64_t l = 0; l < lines; ++l, g += w_.grid, x += strips_.down()) {
      const V gradient = load<kWhole>(g, lanes);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) sums[c] = fma(load<kWhole>(x + columns_[w + c], lanes), gradient, sums[c]);
    }
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) sums[c].store(sums_of(h, w + c));
  }

  const ConvWeightArgs& args_;
  const ConvGeometry& g_;
  Strips<T, false> strips_;
  Axis h_, w_;
  int64_t images_, parts_;  // of the batch: images of a part
  int64_t per_task_;
  Fetch image_, gradient_;
  T *strip_ = nullptr, *sums_ = nullptr;
  int64_t* columns_ = nullptr;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
