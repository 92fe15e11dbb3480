// The rows of a convolution's image matrix, gathered on demand: one row per pixel of a grid, columns ordered by depth
// tap, height tap, width tap, channel.
#pragma once
#include "kernels/conv/conv.h"
#include "kernels/gemm/driver.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Along one dimension, grid point j and tap t read position j * step + first + t * tap_step of the image.
struct Axis {
  int64_t size;  // of the image
  int64_t grid;
  int64_t step;
  int64_t first;
  int64_t taps;
  int64_t tap_step;
  int64_t weight_first;  // tap t uses kernel position weight_first + t * weight_step
  int64_t weight_step;
};

inline Axis forward_axis(const ConvGeometry& g, int d) {
  return {g.in_dims[d], g.out_dims[d], g.stride[d], -g.pad[d], g.kernel[d], g.dilation[d], 0, 1};
}

// The input gradient at positions residue + j * stride: only every q-th tap lands on an output pixel there, and the
// output positions are consecutive in j. Taps run backwards so that positions ascend.
inline Axis gradient_axis(const ConvGeometry& g, int d, int64_t residue) {
  const int64_t stride = g.stride[d], dilation = g.dilation[d], kernel = g.kernel[d];
  const int64_t grid = residue < g.in_dims[d] ? ceil_div(g.in_dims[d] - residue, stride) : 0;
  int64_t common = stride, rest = dilation;
  while (rest != 0) {
    const int64_t next = common % rest;
    common = rest;
    rest = next;
  }
  const int64_t q = stride / common, target = residue + g.pad[d];
  int64_t t = 0;
  while (t < q && (target - t * dilation) % stride != 0) ++t;
  if (t == q || t >= kernel) return {g.out_dims[d], grid, 1, 0, 0, 1, 0, 1};
  const int64_t count = (kernel - 1 - t) / q + 1, last = t + (count - 1) * q;
  return {g.out_dims[d], grid, 1, (target - last * dilation) / stride, count, dilation / common, last, -q};
}

template <class T>
class Image {
 public:
  Image(const void* data, const Axis& d, const Axis& h, const Axis& w, int64_t channels, int64_t first_channel,
        int64_t group_channels)
      : data_(static_cast<const T*>(data) + first_channel),
        d_(d),
        h_(h),
        w_(w),
        channels_(channels),
        group_(group_channels) {
    joined_ = w.taps == 1 || (w.tap_step == 1 && group_channels == channels);
    run_ = joined_ ? w.taps * group_channels : group_channels;
    runs_w_ = joined_ ? 1 : w.taps;
  }

  // True when rows are the image's own pixels: a 1x1 convolution with stride 1.
  bool pixels() const { return own(d_) && own(h_) && own(w_); }
  const T* pixel(int64_t index) const { return data_ + index * channels_; }
  int64_t channels() const { return channels_; }

  // Columns [k0, k0 + k) of grid rows [m0, m0 + m); emit(i) says where row m0 + i goes, done(i) that it is there. Rows
  // need room for kRowPad more elements.
  template <class Emit, class Done>
  void gather(int64_t m0, int64_t m, int64_t k0, int64_t k, const Emit& emit, const Done& done) const {
    int64_t w = m0 % w_.grid, h = m0 / w_.grid % h_.grid, d = m0 / w_.grid / h_.grid % d_.grid;
    int64_t n = m0 / w_.grid / h_.grid / d_.grid;
    const int64_t first_run = k0 / run_, skip = k0 - first_run * run_;
    const int64_t tw = first_run % runs_w_, th = first_run / runs_w_ % h_.taps, td = first_run / runs_w_ / h_.taps;
    const bool short_runs = joined_ && run_ <= 2 * kPanel<T> && k == run_ * h_.taps * d_.taps;
    for (int64_t i = 0; i < m; ++i) {
      if (short_runs && inside(d_, d) && inside(h_, h) && inside(w_, w)) {
        gather_inside(emit(i), n, d, h, w);
      } else {
        gather_row(emit(i), n, d, h, w, td, th, tw, skip, k);
      }
      done(i);
      if (++w < w_.grid) continue;
      w = 0;
      if (++h < h_.grid) continue;
      h = 0;
      if (++d < d_.grid) continue;
      d = 0;
      ++n;
    }
  }

 private:
  static bool own(const Axis& a) { return a.taps == 1 && a.step == 1 && a.first == 0 && a.grid == a.size; }

  static bool inside(const Axis& a, int64_t j) {
    const int64_t low = j * a.step + a.first;
    return low >= 0 && low + (a.taps - 1) * a.tap_step < a.size;
  }

  // A whole row of short runs that all lie inside the image, with whole vector stores.
  void gather_inside(T* to, int64_t n, int64_t jd, int64_t jh, int64_t jw) const {
    using V = typename VectorOf<T>::V;
    const int64_t d = jd * d_.step + d_.first, h = jh * h_.step + h_.first, w = jw * w_.step + w_.first;
    const T* corner = data_ + (((n * d_.size + d) * h_.size + h) * w_.size + w) * channels_;
    const int64_t line = h_.tap_step * w_.size * channels_, slice = d_.tap_step * h_.size * w_.size * channels_;
    const int64_t whole = run_ / V::kLanes * V::kLanes, rest = run_ - whole;
    for (int64_t td = 0; td < d_.taps; ++td) {
      const T* from = corner + td * slice;
      for (int64_t th = 0; th < h_.taps; ++th) {
        for (int64_t c = 0; c < whole; c += V::kLanes) V::load(from + c).store(to + c);
        if (rest > 0) V::load_partial(from + whole, rest).store(to + whole);
        to += run_;
        from += line;
      }
    }
  }

  void gather_row(T* to, int64_t n, int64_t jd, int64_t jh, int64_t jw, int64_t td, int64_t th, int64_t tw,
                  int64_t skip, int64_t k) const {
    const int64_t w0 = jw * w_.step + w_.first;
    while (k > 0) {
      const int64_t length = min64(run_ - skip, k);
      const int64_t d = jd * d_.step + d_.first + td * d_.tap_step, h = jh * h_.step + h_.first + th * h_.tap_step;
      const int64_t w = w0 + tw * w_.tap_step;
      const T* from = data_ + (((n * d_.size + d) * h_.size + h) * w_.size + w) * channels_;
      if (d < 0 || d >= d_.size || h < 0 || h >= h_.size) {
        zero_run(to, length);
      } else if (!joined_ || w_.taps == 1) {
        if (w >= 0 && w < w_.size) {
          copy_run(to, from + skip, length);
        } else {
          zero_run(to, length);
        }
      } else if (w >= 0 && w + w_.taps <= w_.size) {
        copy_run(to, from + skip, length);
      } else {
        const int64_t low = min64(length, max64(0, -w * group_ - skip));
        const int64_t high = max64(low, min64(length, (w_.size - w) * group_ - skip));
        zero_run(to, low);
        copy_run(to + low, from + skip + low, high - low);
        zero_run(to + high, length - high);
      }
      to += length;
      k -= length;
      skip = 0;
      if (++tw < runs_w_) continue;
      tw = 0;
      if (++th < h_.taps) continue;
      th = 0;
      ++td;
    }
  }

  const T* data_;
  Axis d_, h_, w_;
  int64_t channels_, group_;
  bool joined_;     // one run covers all width taps of a row
  int64_t run_;     // contiguous elements
  int64_t runs_w_;  // runs per height tap
};

// Image rows as a block of A.
template <class T>
ABlock<T> gather_a(const Image<T>& image, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows,
                   int64_t cols, T* buffer) {
  if (image.pixels()) {
    const T* a = image.pixel(m0) + k0;
    const int64_t row = image.channels();
    if (cols <= 2 * kPanel<T> || row * int64_t{sizeof(T)} <= 512) return {a, row, 1, row * panel_rows};
    return pack_a(a, row, 1, m, k, panel_rows, buffer);
  }
  const int64_t stride = k + kRowPad;
  image.gather(
      m0, m, k0, k, [&](int64_t i) { return buffer + i * stride; }, [](int64_t) {});
  return {buffer, stride, 1, stride * panel_rows};
}

// Image rows as a block of B, kept as rows: row l is pixel k0 + l, columns [n0, n0 + n) and zeros to a whole panel.
template <class T>
BBlock<T> gather_b(const Image<T>& image, int64_t n0, int64_t n, int64_t k0, int64_t k, T* buffer) {
  const int64_t width = round_up(n, kPanel<T>), stride = width + kRowPad;
  const auto row = [&](int64_t l) { return buffer + l * stride; };
  if (image.pixels()) {
    for (int64_t l = 0; l < k; ++l) {
      copy_run(row(l), image.pixel(k0 + l) + n0, n);
      zero_run(row(l) + n, width - n);
    }
  } else {
    image.gather(k0, k, n0, n, row, [&](int64_t l) { zero_run(row(l) + n, width - n); });
  }
  return {buffer, stride, 1};
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
