// Channels-first depthwise convolutions and their input gradients, vectorised over the pixels of a line, for images
// that lie in memory plane by plane. A strip of lines is copied with the zeros around it and computed while it is in
// the first-level cache. The input gradient is the forward kernel over each residue class of image pixels (im2col.inl).
#pragma once
#include "kernels/conv/depthwise.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kStripElements = 6144;  // of a strip
constexpr int64_t kStripLines = 8;        // computed together, so that they share what they load
constexpr int64_t kStripSlack = 64;       // elements after a strip that whole vectors may read

// How planes are cut into strips, and how these lie in scratch: lines of pixels split by their place within the step
// along a line, so that what a tap meets of neighbouring grid points is contiguous. A strip serves all residue classes.
template <class T, bool kGradient>
class Strips {
  using V = typename VectorOf<T>::V;

 public:
  explicit Strips(const ConvGeometry& g) : g_(g) {
    for (int d = 1; d < 3; ++d) {
      low_[d] = INT64_MAX, reach_[d] = 0;
      for (int64_t r = 0; r < classes(d); ++r) low_[d] = min64(low_[d], axis(d, r).first);
      for (int64_t r = 0; r < classes(d); ++r) {
        const Axis a = axis(d, r);
        reach_[d] = max64(reach_[d], a.first - low_[d] + (a.taps - 1) * a.tap_step);
      }
      step_[d] = kGradient ? 1 : g.stride[d];
    }
    entries_ = round_up(grid(2) + ceil_div(reach_[2], step_[2]), V::kLanes);
    pitch_ = step_[2] * entries_;
    const int64_t most = (kStripElements / pitch_ - reach_[1]) / step_[1] / kStripLines * kStripLines;
    lines_ = min64(grid(1), max64(kStripLines, most));
    strips_ = ceil_div(grid(1), lines_);
  }

  int64_t classes(int d) const { return kGradient ? min64(g_.stride[d], g_.in_dims[d]) : 1; }
  Axis axis(int d, int64_t residue) const { return kGradient ? gradient_axis(g_, d, residue) : forward_axis(g_, d); }
  int64_t grid(int d) const { return axis(d, 0).grid; }
  int64_t planes() const { return g_.batch * g_.in_channels; }
  int64_t strips() const { return strips_; }
  int64_t lines() const { return lines_; }  // grid lines of a strip
  int64_t pitch() const { return pitch_; }
  int64_t down() const { return pitch_ * step_[1]; }  // from one grid line to the next
  int64_t bytes() const { return round_up((span(lines_) * pitch_ + kStripSlack) * int64_t{sizeof(T)}, 64); }
  // The strip in its `bytes` of scratch, so that the image's pixels are aligned.
  T* place(void* scratch) const {
    const int64_t zeros = step_[2] == 1 ? max64(0, -low_[2]) : 0;
    return static_cast<T*>(scratch) + (round_up(zeros, V::kLanes) - zeros);
  }
  int64_t work() const { return lines_ * grid(2) * (g_.taps() + 8); }

  // Where tap `t` of an axis starts in a strip.
  int64_t line_of(const Axis& h, int64_t t) const { return (h.first - low_[1] + t * h.tap_step) * pitch_; }
  int64_t column_of(const Axis& w, int64_t t) const {
    const int64_t q = w.first - low_[2] + t * w.tap_step;
    return q % step_[2] * entries_ + q / step_[2];
  }

  // The pixels of `image` that strip number `index` needs; strips are numbered plane by plane.
  const T* pixels(const T* image, int64_t index, int64_t* count) const {
    const int64_t first = index % strips_ * lines_, height = image_dim(1), width = image_dim(2);
    const int64_t begin = min64(height, max64(0, first * step_[1] + low_[1]));
    const int64_t end = min64(height, first * step_[1] + low_[1] + span(min64(lines_, grid(1) - first)));
    *count = max64(0, end - begin) * width;
    return image + (index / strips_ * height + begin) * width;
  }

  void copy(const T* image, int64_t index, T* to) const {
    const int64_t first = index % strips_ * lines_, height = image_dim(1), width = image_dim(2), step = step_[2];
    const int64_t top = first * step_[1] + low_[1], count = span(min64(lines_, grid(1) - first));
    const T* plane = image + (index / strips_ * height + top) * width;
    for (int64_t f = 0; f < step; ++f, to += entries_) {
      // Entry j is at column j * step + column.
      const int64_t column = f + low_[2];
      const int64_t low = min64(entries_, ceil_div(max64(0, -column), step));
      const int64_t high = max64(low, min64(entries_, ceil_div(max64(0, width - column), step)));
      for (int64_t l = 0; l < count; ++l) {
        T* line = to + l * pitch_;
        if (top + l < 0 || top + l >= height) {
          for (int64_t j = 0; j < entries_; j += V::kLanes) V::zero().store(line + j);
        } else {
          copy_entries(plane + l * width + low * step + column, low, high, line);
        }
      }
    }
  }

 private:
  int64_t image_dim(int d) const { return kGradient ? g_.out_dims[d] : g_.in_dims[d]; }
  int64_t span(int64_t lines) const { return (lines - 1) * step_[1] + reach_[1] + 1; }

  // Every kStep-th element; 0 stands for any step.
  template <int kStep>
  static void take(const T* from, int64_t step, int64_t n, T* to) {
    const int64_t apart = kStep > 0 ? kStep : step;
    for (int64_t j = 0; j < n; ++j) to[j] = from[j * apart];
  }

  // Entries [low, high) of a line from `from` on, zeros before and after them.
  void copy_entries(const T* from, int64_t low, int64_t high, T* to) const {
    int64_t j = low;
    if (step_[2] == 1) {
      // Whole vectors run over the end of the line, into what is written later.
      for (; j + V::kLanes <= high; j += V::kLanes) V::load(from + (j - low)).store(to + j);
      if (j < high) V::load_partial(from + (j - low), high - j).store(to + j);
      if (j < high) j += V::kLanes;
      for (; j < entries_; j += V::kLanes) V::zero().store(to + j);
      for (j = 0; j < low; j += V::kLanes) V::zero().store_partial(to + j, min64(V::kLanes, low - j));
      return;
    }
    zero_run(to, low);
    if (step_[2] == 2) {
      take<2>(from, 2, high - low, to + low);
    } else {
      take<0>(from, step_[2], high - low, to + low);
    }
    zero_run(to + high, entries_ - high);
  }

  const ConvGeometry& g_;
  int64_t low_[3], reach_[3], step_[3];  // of the height and width axes: first position of all classes and what follows
  int64_t entries_, pitch_, lines_, strips_;
};

// Asks for memory a little at a time.
struct Fetch {
  const char* next = nullptr;
  int64_t left = 0, share = 0;
  void begin(const void* from, int64_t bytes, int64_t parts) {
    next = static_cast<const char*>(from);
    left = bytes, share = ceil_div(bytes, max64(1, parts));
  }
  void next_share() {
    const int64_t bytes = min64(left, share);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(next + i, 0, 2);
    next += bytes, left -= bytes;
  }
};

// What finishes a sum in registers: nothing for float64.
template <class T>
struct RowFinish {
  const T* bias = nullptr;
  ColumnEpilogue bounds;
  template <class V>
  BRAWN_INLINE V operator()(V sum) const {
    if constexpr (sizeof(T) == sizeof(float)) {
      // Nothing is added where there is no bias: -0 + 0 would lose its sign.
      return bounds.bounded(bias == nullptr ? sum : sum + V::set(*bias));
    }
    return sum;
  }
};

// Forward (kGradient false) or input gradient.
template <class T, bool kGradient>
class DepthwisePlanes {
  using V = typename VectorOf<T>::V;

 public:
  explicit DepthwisePlanes(const void* args)
      : args_(*static_cast<const ConvArgs*>(args)), g_(args_.geometry), strips_(g_) {
    height_ = kGradient ? g_.in_dims[1] : g_.out_dims[1];
    width_ = kGradient ? g_.in_dims[2] : g_.out_dims[2];
    h_step_ = kGradient ? g_.stride[1] : 1;
    w_step_ = kGradient ? g_.stride[2] : 1;
    per_task_ = max64(1, kDepthwiseWork / strips_.work());
    ShortEpilogue epilogue;
    in_registers_ = Epilogue::is_plain(args_.ep, args_.out.size);
    if (!in_registers_ && sizeof(T) == sizeof(float)) {
      in_registers_ = epilogue.read_rows(args_.ep, args_.in, args_.out.size, &rows_);
    }
    const int64_t pixels = height_ * width_;
    in_registers_ = in_registers_ && Epilogue::row_distance(args_.ep, 0, pixels) == pixels;
  }
  DepthwisePlanes(const DepthwisePlanes&) = delete;

  static int64_t tasks(const void* args, int) {
    const DepthwisePlanes d(args);
    return ceil_div(d.strips_.planes() * d.strips_.strips(), d.per_task_);
  }
  static int64_t local_bytes(const void* args) {
    const DepthwisePlanes d(args);
    return d.strips_.bytes() + d.weight_bytes() + d.column_bytes() + d.line_bytes() + d.result_bytes() +
           Epilogue::scratch_bytes(d.args_.ep, d.args_.in.size, d.args_.out.size);
  }
  static void run(const void* args, int, int64_t begin, int64_t end, const Context& context) {
    DepthwisePlanes d(args);
    d.run(begin, end, static_cast<char*>(context.local));
  }
  static constexpr KernelRow row(const char* name, const char* operands) {
    return {name,
            Micro<T>::kTileName,
            operands,
            BRAWN_CONV_PARAMS " packed " BRAWN_EPILOGUE_PARAMS,
            1,
            tasks,
            nullptr,
            local_bytes,
            DepthwisePlanes::run};
  }

 private:
  int64_t weight_bytes() const { return round_up(g_.taps() * int64_t{sizeof(T)}, 64); }
  int64_t column_bytes() const { return round_up(g_.kernel[2] * int64_t{sizeof(int64_t)}, 64); }
  // Lines of one class, between which those of others lie in the result.
  int64_t line_pitch() const { return round_up(strips_.grid(2), V::kLanes); }
  int64_t line_bytes() const { return w_step_ == 1 ? 0 : kStripLines * line_pitch() * int64_t{sizeof(T)}; }
  int64_t result_bytes() const {
    return in_registers_ ? 0 : round_up(strips_.lines() * h_step_ * width_ * int64_t{sizeof(T)}, 64);
  }

  void run(int64_t begin, int64_t end, char* scratch) {
    strip_ = strips_.place(scratch);
    weights_ = reinterpret_cast<T*>(scratch += strips_.bytes());
    columns_ = reinterpret_cast<int64_t*>(scratch += weight_bytes());
    line_buffer_ = reinterpret_cast<T*>(scratch += column_bytes());
    T* result = reinterpret_cast<T*>(scratch += line_bytes());
    Epilogue epilogue;
    if (!in_registers_)
      epilogue.begin(args_.ep, args_.in, args_.out, height_ * width_, sizeof(T), scratch + result_bytes());
    const T* image = static_cast<const T*>(args_.image);
    const int64_t last = min64(strips_.planes() * strips_.strips(), end * per_task_);
    int64_t batch = -1;
    for (int64_t i = begin * per_task_; i < last; ++i) {
      const int64_t plane = i / strips_.strips(), n = plane / g_.in_channels, channel = plane % g_.in_channels;
      const int64_t first = i % strips_.strips() * strips_.lines() * h_step_;
      strips_.copy(image, i, strip_);
      int64_t next = 0;
      if (i + 1 < last) {
        const T* pixels = strips_.pixels(image, i + 1, &next);
        fetch_.begin(pixels, next * int64_t{sizeof(T)}, ceil_div(strips_.lines(), kStripLines));
      }
      if (in_registers_) {
        if constexpr (sizeof(T) == sizeof(float)) {
          finish_.bias = rows_.bias == nullptr ? nullptr : rows_.bias + n * rows_.batch + channel * rows_.row;
          finish_.bounds = rows_.bounds;
        }
        compute(channel, first, static_cast<T*>(args_.out[0]) + (plane * height_ + first) * width_);
        continue;
      }
      compute(channel, first, result);
      if (n != batch) epilogue.begin_batch(n);
      batch = n;
      const int64_t pixels = min64(strips_.lines() * h_step_, height_ - first) * width_;
      epilogue.run(reinterpret_cast<char*>(result), pixels, channel, plane, 1, first * width_, pixels);
    }
  }

  // All classes of the lines of a strip, which start at line `first`.
  void compute(int64_t channel, int64_t first, T* to) {
    const int64_t grid_line = first / h_step_;
    for (int64_t rh = 0; rh < strips_.classes(1); ++rh) {
      const Axis h = strips_.axis(1, rh);
      const int64_t lines = min64(strips_.lines(), h.grid - grid_line);
      for (int64_t rw = 0; rw < strips_.classes(2); ++rw) {
        const Axis w = strips_.axis(2, rw);
        const T* weights = static_cast<const T*>(args_.weight) + channel * g_.taps();
        for (int64_t t = 0; t < w.taps; ++t) {
          columns_[t] = strips_.column_of(w, t);
          const T* column = weights + w.weight_first + t * w.weight_step;
          for (int64_t k = 0; k < h.taps; ++k) {
            weights_[t * h.taps + k] = column[(h.weight_first + k * h.weight_step) * g_.kernel[2]];
          }
        }
        compute_class(h, w, lines, to + rh * width_ + rw);
      }
    }
  }

  void compute_class(const Axis& h, const Axis& w, int64_t lines, T* to) {
    const bool dense = h.tap_step == 1 && strips_.down() == strips_.pitch();
    if (dense && h.taps == 1) return blocks<1>(h, w, lines, to);
    if (dense && h.taps == 2) return blocks<2>(h, w, lines, to);
    if (dense && h.taps == 3) return blocks<3>(h, w, lines, to);
    if (dense && h.taps == 5) return blocks<5>(h, w, lines, to);
    if (dense && h.taps == 7) return blocks<7>(h, w, lines, to);
    blocks<0>(h, w, lines, to);
  }

  // A block that would end behind the last line starts earlier and computes some lines again.
  template <int kTaps>
  void blocks(const Axis& h, const Axis& w, int64_t lines, T* to) {
    for (int64_t l = 0; l < lines;) {
      if (lines >= kStripLines) {
        l = min64(l, lines - kStripLines);
        block<kTaps, kStripLines>(h, w, l, to);
        l += kStripLines;
      } else if (lines >= kStripLines / 2) {
        l = min64(l, lines - kStripLines / 2);
        block<kTaps, kStripLines / 2>(h, w, l, to);
        l += kStripLines / 2;
      } else {
        block<kTaps, 1>(h, w, l, to);
        l += 1;
      }
      fetch_.next_share();
    }
  }

  template <int kTaps, int kLines>
  void block(const Axis& h, const Axis& w, int64_t line, T* to) {
    const int64_t apart = h_step_ * width_;
    to += line * apart;
    if (w_step_ == 1) return vectors<kTaps, kLines>(h, w, line, to, apart);
    vectors<kTaps, kLines>(h, w, line, line_buffer_, line_pitch());
    for (int l = 0; l < kLines; ++l) {
      const T* from = line_buffer_ + l * line_pitch();
      if (w_step_ == 2) {
        for (int64_t j = 0; j < w.grid; ++j) to[l * apart + j * 2] = from[j];
      } else {
        for (int64_t j = 0; j < w.grid; ++j) to[l * apart + j * w_step_] = from[j];
      }
    }
  }

  // Vectors that cover a line; the last one starts where it ends with the line.
  template <int kTaps, int kLines>
  void vectors(const Axis& h, const Axis& w, int64_t line, T* to, int64_t apart) {
    const Lines lines = {strip_ + line * strips_.down() + (h.taps > 0 ? strips_.line_of(h, 0) : 0),
                         strips_.down(),
                         h.tap_step * strips_.pitch(),
                         columns_,
                         weights_,
                         h.taps,
                         w.taps,
                         apart,
                         finish_};
    if (w.grid < V::kLanes) return add_taps<kTaps, kLines, false>(lines, lines.from, to, w.grid);
    for (int64_t j = 0; j < w.grid; j += V::kLanes) {
      const int64_t at = min64(j, w.grid - V::kLanes);
      add_taps<kTaps, kLines, true>(lines, lines.from + at, to + at, V::kLanes);
    }
  }

  // What the innermost loops need, in one place that no store can change.
  struct Lines {
    const T* from;
    int64_t down, tap_down;  // between lines of the result, and between taps
    const int64_t* columns;
    const T* weights;  // [column tap][line tap]
    int64_t h_taps, w_taps, apart;
    RowFinish<T> finish;
  };

  // kTaps > 0: lines of the result and taps are neighbouring lines of the strip, so that what is loaded serves all
  // lines that it meets. 0 stands for any other case.
  template <int kTaps, int kLines, bool kWhole>
  static BRAWN_INLINE void add_taps(const Lines& a, const T* strip, T* to, int64_t lanes) {
    V sums[kLines];
#pragma GCC unroll 16
    for (int l = 0; l < kLines; ++l) sums[l] = V::zero();
    const T* weights = a.weights;
    for (int64_t t = 0; t < a.w_taps; ++t) {
      const T* from = strip + a.columns[t];
      if constexpr (kTaps > 0) {
        V weight[kTaps];
#pragma GCC unroll 16
        for (int k = 0; k < kTaps; ++k) weight[k] = V::set(*weights++);
#pragma GCC unroll 16
        for (int r = 0; r < kLines + kTaps - 1; ++r, from += a.down) {
          const V x = in_register(V::load(from));
#pragma GCC unroll 16
          for (int l = 0; l < kLines; ++l) {
            if (r >= l && r - l < kTaps) sums[l] = fma(x, weight[r - l], sums[l]);
          }
        }
      } else {
        for (int64_t k = 0; k < a.h_taps; ++k, from += a.tap_down) {
          const V weight = V::set(*weights++);
#pragma GCC unroll 16
          for (int l = 0; l < kLines; ++l) sums[l] = fma(V::load(from + l * a.down), weight, sums[l]);
        }
      }
    }
#pragma GCC unroll 16
    for (int l = 0; l < kLines; ++l) {
      const V sum = a.finish(sums[l]);
      if constexpr (kWhole) {
        sum.store(to + l * a.apart);
      } else {
        sum.store_partial(to + l * a.apart, lanes);
      }
    }
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  Strips<T, kGradient> strips_;
  int64_t height_, width_, h_step_, w_step_;  // of the result, and from one grid point to the next in it
  int64_t per_task_;
  bool in_registers_;  // the whole epilogue is `finish_`
  RowEpilogue rows_;
  RowFinish<T> finish_;
  Fetch fetch_;
  T *strip_, *weights_, *line_buffer_;
  int64_t* columns_;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
