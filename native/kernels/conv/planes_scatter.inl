// The channels-first input gradient for few input channels. A panel of output pixels times all weights, [taps x
// channels, pixels], gives what every tap adds to the image; a few rows at a time are added to planes laid out as
// planes.inl has them, where what a tap reaches from an output line is contiguous. Tasks are strips of image lines, so
// the order of additions is fixed; output lines that reach two strips are multiplied twice.
#pragma once
#include "kernels/conv/planes.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
class PlanesScatter {
  using V = typename VectorOf<T>::V;
  static constexpr int64_t kRows = Micro<T>::kRows, kWidth = kPanel<T>, kLine = 64 / sizeof(T);

 public:
  explicit PlanesScatter(const void* args)
      : args_(*static_cast<const ConvArgs*>(args)),
        g_(args_.geometry),
        phases_(g_.stride[2]),
        entries_(ceil_div(g_.pad[2] + g_.in_dims[2], phases_)),
        depth_(g_.out_channels),
        rows_(g_.taps() * g_.in_channels),
        height_(g_.in_dims[1]),
        width_(g_.in_dims[2]),
        out_width_(g_.out_dims[2]) {
    entries_ = max64(entries_, out_width_ + (g_.kernel[2] - 1) * g_.dilation[2] / phases_);
    line_ = phases_ * entries_;
    panel_rows_ = ceil_div(rows_, ceil_div(rows_, kRows));
    const int64_t extent = (g_.kernel[1] - 1) * g_.dilation[1] + 1;
    const int64_t flops = 2 * g_.batch * g_.out_dims[1] * out_width_ * rows_ * depth_;
    const int64_t wanted = max64(1, min64(kFewTasks, flops / kTaskFlops));
    strip_ = ceil_div(height_, max64(1, min64(ceil_div(wanted, g_.batch), height_ / (2 * extent))));
    strips_ = ceil_div(height_, strip_);
  }
  PlanesScatter(const PlanesScatter&) = delete;

  static int64_t tasks(const void* args, int phase) {
    const PlanesScatter s(args);
    return phase == 0 ? 1 : s.g_.batch * s.strips_;
  }
  static int64_t shared_bytes(const void* args) {
    const PlanesScatter s(args);
    return s.weight_bytes() + s.rows_ * int64_t{sizeof(Reach)};
  }
  static int64_t local_bytes(const void* args) {
    const PlanesScatter s(args);
    const int64_t elements = s.planes_size() + s.panel_size() + s.product_size() + s.row_size();
    return elements * int64_t{sizeof(T)} + Epilogue::scratch_bytes(s.args_.ep, s.args_.in.size, s.args_.out.size);
  }

  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    PlanesScatter s(args);
    s.weights_ = static_cast<T*>(context.shared);
    s.reaches_ = reinterpret_cast<Reach*>(static_cast<char*>(context.shared) + s.weight_bytes());
    if (phase == 0) {
      s.prepare();
      return;
    }
    s.planes_ = static_cast<T*>(context.local);
    s.panel_ = s.planes_ + s.planes_size();
    s.products_ = s.panel_ + s.panel_size();
    s.row_ = s.products_ + s.product_size();
    s.epilogue_.begin(s.args_.ep, s.args_.in, s.args_.out, s.height_ * s.width_, sizeof(T),
                      reinterpret_cast<char*>(s.row_ + s.row_size()));
    for (int64_t t = begin; t < end; ++t) s.strip(t / s.strips_, t % s.strips_ * s.strip_);
  }

  static constexpr KernelRow row(const char* name) {
    return {name,
            Micro<T>::kTileName,
            "g w epilogue_in* -> out*",
            BRAWN_CONV_PARAMS " packed " BRAWN_EPILOGUE_PARAMS,
            2,
            tasks,
            shared_bytes,
            local_bytes,
            run};
  }

 private:
  static int64_t whole_lines(int64_t elements) { return round_up(elements, 64); }
  int64_t weight_bytes() const { return round_up(round_up(rows_, panel_rows_) * depth_ * int64_t{sizeof(T)}, 64); }
  int64_t planes_size() const { return whole_lines(g_.in_channels * strip_ * line_); }
  int64_t panel_size() const { return whole_lines(depth_ * kWidth); }
  int64_t product_size() const { return whole_lines(kRows * kWidth); }
  int64_t row_size() const { return whole_lines(width_); }

  // What a row of the product is added to: the image line that it reaches from output line 0, and where its pixels
  // start in that line's place in the planes.
  struct Reach {
    int64_t line;
    int64_t at;
  };

  // Rows are ordered by width tap, channel, height tap: neighbours are added to different lines, as a load right after
  // an overlapping store would wait for it.
  void prepare() const {
    const T* w = static_cast<const T*>(args_.weight);
    int64_t j = 0;
    for (int64_t kw = 0; kw < g_.kernel[2]; ++kw) {
      const int64_t q = kw * g_.dilation[2];
      for (int64_t c = 0; c < g_.in_channels; ++c) {
        for (int64_t kh = 0; kh < g_.kernel[1]; ++kh, ++j) {
          reaches_[j] = {kh * g_.dilation[1] - g_.pad[1], c * strip_ * line_ + q % phases_ * entries_ + q / phases_};
          const T* from = w + (c * g_.kernel[1] + kh) * g_.kernel[2] + kw;
          T* to = weights_ + j / panel_rows_ * panel_rows_ * depth_ + j % panel_rows_;
          for (int64_t o = 0; o < depth_; ++o) to[o * panel_rows_] = from[o * rows_];
        }
      }
    }
  }

  void strip(int64_t image, int64_t first) {
    const int64_t lines = min64(strip_, height_ - first), stride = g_.stride[1];
    const int64_t reach = (g_.kernel[1] - 1) * g_.dilation[1];
    const int64_t begin = ceil_div(max64(0, first + g_.pad[1] - reach), stride);
    const int64_t end = min64(g_.out_dims[1], (first + lines - 1 + g_.pad[1]) / stride + 1);
    zero_run(planes_, planes_size());
    const int64_t pixels = max64(0, end - begin) * out_width_, plane = g_.out_dims[1] * out_width_;
    const T* g = static_cast<const T*>(args_.image) + image * depth_ * plane + begin * out_width_;
    for (int64_t p = 0; p < pixels; p += kWidth) {
      const int64_t count = min64(kWidth, pixels - p);
      for (int64_t o = 0; o < depth_; ++o) {
        // So many streams are not foreseen by the hardware.
        for (int64_t i = 0; i < kWidth; i += kLine) __builtin_prefetch(g + o * plane + p + kWidth + i);
        copy_run(panel_ + o * kWidth, g + o * plane + p, count);
        zero_run(panel_ + o * kWidth + count, kWidth - count);
      }
      Part parts[kWidth];
      const int64_t runs = find_parts(begin * out_width_ + p, count, first, parts);
      for (int64_t j = 0; j < rows_; j += panel_rows_) {
        const int64_t height = min64(panel_rows_, rows_ - j);
        micro_for<Micro<T>>(height, 2)(depth_, weights_ + j * depth_, 1, panel_rows_, panel_, kWidth, products_, kWidth,
                                       false);
        for (int64_t i = 0; i < height; ++i) scatter(reaches_[j + i], lines, parts, runs, products_ + i * kWidth);
      }
    }
    epilogue_.begin_batch(image);
    for (int64_t c = 0; c < g_.in_channels; ++c) {
      for (int64_t l = 0; l < lines; ++l) finish(image, c, first + l, planes_ + (c * strip_ + l) * line_);
    }
  }

  // Pixels as runs of output lines: the image line above which they reach, in the strip, their first column, their
  // place in the panel.
  struct Part {
    int64_t line, from, to, length;
  };
  int64_t find_parts(int64_t first_pixel, int64_t count, int64_t first_line, Part* parts) const {
    int64_t n = 0, line = first_pixel / out_width_, at = first_pixel % out_width_;
    for (int64_t done = 0; done < count; ++n, ++line, at = 0) {
      parts[n] = {line * g_.stride[1] - first_line, at, done, min64(out_width_ - at, count - done)};
      done += parts[n].length;
    }
    return n;
  }

  void scatter(const Reach& reach, int64_t lines, const Part* parts, int64_t count, const T* from) const {
    T* plane = planes_ + reach.at;
    for (int64_t r = 0; r < count; ++r) {
      const int64_t l = parts[r].line + reach.line, n = parts[r].length;
      if (l < 0 || l >= lines) continue;
      T* to = plane + l * line_ + parts[r].from;
      const T* value = from + parts[r].to;
      int64_t i = 0;
      for (; i + V::kLanes <= n; i += V::kLanes) (V::load(to + i) + V::load(value + i)).store(to + i);
      if (i == n) continue;
      (V::load_partial(to + i, n - i) + V::load_partial(value + i, n - i)).store_partial(to + i, n - i);
    }
  }

  // To every kStride-th place; 0 stands for any stride.
  template <int kStride>
  static void spread(const T* from, int64_t stride, int64_t n, T* to) {
    const int64_t step = kStride > 0 ? kStride : stride;
    for (int64_t j = 0; j < n; ++j) to[j * step] = from[j];
  }

  // A line of the image from its phases.
  void finish(int64_t image, int64_t channel, int64_t h, const T* from) {
    const int64_t out_row = image * g_.in_channels + channel, pad = g_.pad[2];
    const bool plain = epilogue_.copies_lines();
    T* to = plain ? static_cast<T*>(epilogue_.plain_output()) + (out_row * height_ + h) * width_ : row_;
    for (int64_t f = 0; f < phases_; ++f) {
      const int64_t w = (f + phases_ - pad % phases_) % phases_;  // the first column of this phase
      const T* entry = from + f * entries_ + (w + pad) / phases_;
      const int64_t n = ceil_div(max64(0, width_ - w), phases_);
      if (phases_ == 1) {
        copy_run(to, entry, n);
      } else if (phases_ == 2) {
        spread<2>(entry, 2, n, to + w);
      } else if (phases_ == 4) {
        spread<4>(entry, 4, n, to + w);
      } else {
        spread<0>(entry, phases_, n, to + w);
      }
    }
    if (!plain) epilogue_.run(reinterpret_cast<char*>(to), width_, channel, out_row, 1, h * width_, width_);
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  int64_t phases_, entries_, depth_, rows_, height_, width_, out_width_;
  int64_t line_;        // elements of a line of the planes: its phases, one after the other
  int64_t panel_rows_;  // rows of the product that are computed together
  int64_t strip_, strips_;
  T* weights_;
  Reach* reaches_;
  T* planes_;
  T* panel_;
  T* products_;
  T* row_;
  Epilogue epilogue_;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
