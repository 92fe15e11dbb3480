// Channels-first convolutions with one group, for images that lie in memory plane by plane. Lines of the image are
// first copied with their padding, split by their place within the stride, so that what a tap reads of an output line
// is contiguous. The forward product is weights [out_channels, channels x taps] times patches [channels x taps,
// pixels]; the weight gradient is patches [channels x taps, pixels] times gradients [pixels, out_channels].
#pragma once
#include "kernels/conv/conv.h"
#include "kernels/gemm/driver.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// A run of pixels of one output line: where it starts in a tap's plane, and in the row or panel that it is copied to.
struct Run {
  int64_t from;
  int64_t to;
  int64_t length;
};

template <class T>
class Planes {
  using V = typename VectorOf<T>::V;

 public:
  static constexpr int64_t kTaskElements = 16384;
  static constexpr int64_t kSlack = 64;  // elements after the last plane that whole vectors may read

  // `may_share`: patches may be the image's own lines, those of a 1x1 convolution with stride 1.
  Planes(const ConvGeometry& g, const void* x, bool may_share) : g_(g), x_(static_cast<const T*>(x)) {
    lines_ = (g.out_dims[1] - 1) * g.stride[1] + (g.kernel[1] - 1) * g.dilation[1] + 1;
    phases_ = g.stride[2];
    entries_ = g.out_dims[2] + (g.kernel[2] - 1) * g.dilation[2] / g.stride[2];
    line_ = phases_ * entries_;
    plane_ = lines_ * line_;
    planes_ = g.batch * g.in_channels;
    per_task_ = max64(1, kTaskElements / plane_);
    whole_ = may_share && g.taps() == 1 && g.stride[1] == 1 && g.stride[2] == 1 && g.pad[1] == 0 && g.pad[2] == 0 &&
             g.out_dims[1] == g.in_dims[1] && g.out_dims[2] == g.in_dims[2];
  }

  // True when nothing is copied.
  bool whole() const { return whole_; }

  int64_t tasks() const { return whole_ ? 0 : ceil_div(planes_, per_task_); }
  int64_t bytes() const { return whole_ ? 0 : round_up((planes_ * plane_ + kSlack) * int64_t{sizeof(T)}, 64); }

  void copy(int64_t begin, int64_t end, T* to) const {
    const int64_t last = min64(planes_, end * per_task_);
    for (int64_t i = begin * per_task_; i < last; ++i) copy_plane(i, to + i * plane_);
    if (last == planes_) zero_run(to + planes_ * plane_, kSlack);
  }

  int64_t width() const { return whole_ ? g_.out_dims[1] * g_.out_dims[2] : g_.out_dims[2]; }
  int64_t pixels() const { return g_.out_dims[1] * g_.out_dims[2]; }
  int64_t image() const { return g_.in_channels * plane_; }

  // The runs of output pixels [first, first + count) of one image.
  int64_t runs(int64_t first, int64_t count, Run* to) const {
    const int64_t width = this->width();
    int64_t n = 0, line = first / width, at = first % width;
    for (int64_t done = 0; done < count; ++n, ++line, at = 0) {
      const int64_t length = min64(width - at, count - done);
      to[n] = {line * g_.stride[1] * line_ + at, done, length};
      done += length;
    }
    return n;
  }

  // Where the taps [k0, k0 + count) of all channels, in the order of the weights, start in an image.
  void taps(int64_t k0, int64_t count, int64_t* to) const {
    int64_t channel = k0 / g_.taps(), kh = k0 % g_.taps() / g_.kernel[2], kw = k0 % g_.kernel[2];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t q = kw * g_.dilation[2];
      to[i] = channel * plane_ + kh * g_.dilation[1] * line_ + q % phases_ * entries_ + q / phases_;
      if (++kw < g_.kernel[2]) continue;
      kw = 0;
      if (++kh < g_.kernel[1]) continue;
      kh = 0;
      ++channel;
    }
  }

 private:
  // Every kStride-th element; 0 stands for any stride.
  template <int kStride>
  static void take(const T* from, int64_t stride, int64_t n, T* to) {
    const int64_t step = kStride > 0 ? kStride : stride;
    for (int64_t j = 0; j < n; ++j) to[j] = from[j * step];
  }

  void copy_plane(int64_t index, T* to) const {
    const int64_t width = g_.in_dims[2], pad = g_.pad[2];
    for (int64_t l = 0; l < lines_; ++l, to += line_) {
      const int64_t h = l - g_.pad[1];
      if (h < 0 || h >= g_.in_dims[1]) {
        zero_run(to, line_);
        continue;
      }
      const T* from = x_ + (index * g_.in_dims[1] + h) * width;
      for (int64_t f = 0; f < phases_; ++f) {
        // Entry j is at column j * phases + f - pad.
        const int64_t low = min64(entries_, max64(0, ceil_div(pad - f, phases_)));
        const int64_t high = max64(low, min64(entries_, ceil_div(max64(0, width + pad - f), phases_)));
        T* entry = to + f * entries_;
        zero_run(entry, low);
        const T* first = from + low * phases_ + f - pad;
        const int64_t n = high - low;
        if (phases_ == 1) {
          copy_run(entry + low, first, n);
        } else if (phases_ == 2) {
          take<2>(first, 2, n, entry + low);
        } else if (phases_ == 4) {
          take<4>(first, 4, n, entry + low);
        } else {
          take<0>(first, phases_, n, entry + low);
        }
        zero_run(entry + high, entries_ - high);
      }
    }
  }

  const ConvGeometry& g_;
  const T* x_;
  int64_t lines_, phases_, entries_, line_, plane_, planes_, per_task_;
  bool whole_;
};

// What the driver hands to a problem: the kernel's arguments and the copied planes.
struct PlanesCall {
  const void* args;
  const void* planes;
};

// Forward: one product per image, m = output channels, n = output pixels.
template <class Element>
class PlanesForward : public Problem<Element> {
 public:
  using T = Element;
  using Args = ConvArgs;
  static constexpr bool kMayShare = false;
  using V = typename VectorOf<T>::V;
  static const void* image_of(const Args& args) { return args.image; }

  explicit PlanesForward(const void* call)
      : args_(*static_cast<const Args*>(static_cast<const PlanesCall*>(call)->args)),
        g_(args_.geometry),
        planes_(g_, args_.image, kMayShare),
        x_(static_cast<const T*>(static_cast<const PlanesCall*>(call)->planes)) {}
  PlanesForward(const PlanesForward&) = delete;

  int64_t batches() const { return g_.batch; }
  int64_t distinct_b() const { return g_.batch; }
  int64_t b_of(int64_t batch) const { return batch; }
  int64_t rows() const { return g_.out_channels; }
  int64_t rows(int64_t) const { return rows(); }
  int64_t cols() const { return planes_.pixels(); }
  int64_t depth() const { return g_.taps() * g_.in_channels; }
  int64_t depth(int64_t) const { return depth(); }
  int64_t depth_of(int64_t) const { return depth(); }
  bool split() const { return false; }
  bool share_b() const { return true; }
  bool straight() const { return true; }
  int64_t block_rows() const { return kBlockRows; }
  int64_t output_row(int64_t batch, int64_t m) const { return batch * g_.out_channels + m; }
  int64_t epilogue_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_batch(int64_t batch) const { return batch; }
  int64_t columns() const { return cols(); }
  int64_t column(int64_t) const { return 0; }
  const EpilogueParams& epilogue() const { return args_.ep; }
  Span<const void*> inputs() const { return args_.in; }
  Span<void*> outputs() const { return args_.out; }
  bool whole_depth() const { return false; }

  ABlock<T> a_block(int64_t, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const int64_t row = depth();
    const T* a = static_cast<const T*>(args_.weight) + m0 * row + k0;
    if (read_a_directly<T>(row, 1, cols)) return {a, row, 1, row * panel_rows};
    return pack_a(a, row, 1, m, k, panel_rows, buffer);
  }

  BBlock<T> b_block(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    int64_t taps[kBlockDepth];
    planes_.taps(k0, k, taps);
    for (int64_t j = 0; j < n; j += kPanel<T>) {
      pack_panel(x_ + b * planes_.image(), n0 + j, min64(kPanel<T>, n - j), taps, k, to + j * k);
    }
    return {to, kPanel<T>, k};
  }

 private:
  // Where a vector of pixels comes from, in a tap's plane, and where it goes, in a row of the panel.
  struct Move {
    int64_t from, to;
  };

  // Whole vectors run over the end of a run of pixels, and of a row of the panel, into what is written later; the last
  // row is exact.
  void pack_panel(const T* image, int64_t first, int64_t pixels, const int64_t* taps, int64_t k, T* to) const {
    Run runs[kPanel<T>];
    Move moves[kPanel<T>];
    const int64_t count = planes_.runs(first, pixels, runs);
    int64_t vectors = 0;
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t i = 0; i < runs[r].length; i += V::kLanes) moves[vectors++] = {runs[r].from + i, runs[r].to + i};
    }
    if (pixels < kPanel<T>) zero_run(to, k * kPanel<T>);
    if (vectors == 2) {
      pack_rows<2>(image, taps, k - 1, moves, vectors, to);
    } else if (vectors == 3) {
      pack_rows<3>(image, taps, k - 1, moves, vectors, to);
    } else {
      pack_rows<0>(image, taps, k - 1, moves, vectors, to);
    }
    to += (k - 1) * kPanel<T>;
    for (int64_t r = 0; r < count; ++r) copy_run(to + runs[r].to, image + taps[k - 1] + runs[r].from, runs[r].length);
  }

  // kCount vectors a row; 0 stands for any number.
  template <int kCount>
  static void pack_rows(const T* image, const int64_t* taps, int64_t k, const Move* moves, int64_t count, T* to) {
    Move fixed[kCount > 0 ? kCount : 1];
    for (int i = 0; i < kCount; ++i) fixed[i] = moves[i];
    for (int64_t l = 0; l < k; ++l, to += kPanel<T>) {
      const T* from = image + taps[l];
      for (int i = 0; i < kCount; ++i) V::load(from + fixed[i].from).store(to + fixed[i].to);
      for (int64_t i = 0; kCount == 0 && i < count; ++i) V::load(from + moves[i].from).store(to + moves[i].to);
    }
  }

  const Args& args_;
  const ConvGeometry& g_;
  Planes<T> planes_;
  const T* x_;
};

// Weight gradient: m = input channels x taps, n = output channels, k = output pixels of all images.
template <class Element>
class PlanesWeightGrad : public Problem<Element> {
 public:
  using T = Element;
  using Args = ConvPlanesWeightArgs;
  static constexpr bool kMayShare = true;
  static constexpr int64_t kAskedBytes = 16 << 20;
  static const void* image_of(const Args& args) { return args.x; }

  explicit PlanesWeightGrad(const void* call)
      : args_(*static_cast<const Args*>(static_cast<const PlanesCall*>(call)->args)),
        g_(args_.geometry),
        planes_(g_, args_.x, kMayShare),
        x_(static_cast<const T*>(planes_.whole() ? args_.x : static_cast<const PlanesCall*>(call)->planes)) {
    ep_ = EpilogueParams{};
    ep_.out_regs = {&register_, 1};
    ep_.registers = 1;
    far_ = depth() * (g_.in_channels + cols()) * int64_t{sizeof(T)} >= kAskedBytes;
  }
  PlanesWeightGrad(const PlanesWeightGrad&) = delete;

  int64_t batches() const { return 1; }
  int64_t distinct_b() const { return 1; }
  int64_t b_of(int64_t) const { return 0; }
  int64_t rows() const { return g_.taps() * g_.in_channels; }
  int64_t rows(int64_t) const { return rows(); }
  int64_t cols() const { return g_.out_channels; }
  int64_t depth() const { return g_.batch * planes_.pixels(); }
  int64_t depth(int64_t) const { return depth(); }
  int64_t depth_of(int64_t) const { return depth(); }
  bool split() const { return true; }
  bool share_b() const { return false; }
  bool straight() const { return true; }
  int64_t block_rows() const { return 2 * kBlockRows; }
  int64_t output_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_batch(int64_t) const { return 0; }
  int64_t columns() const { return cols(); }
  int64_t column(int64_t) const { return 0; }
  const EpilogueParams& epilogue() const { return ep_; }
  Span<const void*> inputs() const { return {nullptr, 0}; }
  Span<void*> outputs() const { return {&args_.out, 1}; }
  void ask_a(int64_t, int64_t m0, int64_t m, int64_t k0, int64_t k, Ahead* ahead) const {
    if (far_ && planes_.whole()) ask_planes(x_, g_.in_channels, m0, m, k0, k, ahead);
  }
  void ask_b(int64_t, int64_t n0, int64_t n, int64_t k0, int64_t k, Ahead* ahead) const {
    constexpr int64_t kSize = sizeof(T);
    const T* g = static_cast<const T*>(args_.g);
    if (!far_) return;
    if (args_.g_last != 0) {
      ahead->add_rows(g + k0 * g_.out_channels + n0, k, n * kSize, g_.out_channels * kSize);
    } else {
      ask_planes(g, g_.out_channels, n0, n, k0, k, ahead);
    }
  }
  bool whole_depth() const { return false; }
  bool rows_of_b() const { return args_.g_last != 0; }

  const T* b_row(int64_t, int64_t n0, int64_t k0, int64_t* distance) const {
    *distance = g_.out_channels;
    return static_cast<const T*>(args_.g) + k0 * g_.out_channels + n0;
  }

  ABlock<T> a_block(int64_t, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const int64_t pixels = planes_.pixels(), image = k0 / pixels, first = k0 % pixels;
    if (planes_.whole() && first + k <= pixels && read_a_directly<T>(pixels, 1, cols)) {
      return {x_ + image * planes_.image() + m0 * pixels + first, pixels, 1, pixels * panel_rows};
    }
    Run runs[kBlockDepth];
    int64_t count = 0;
    each_image(k0, k, [&](int64_t n, int64_t from, int64_t at, int64_t length) {
      const int64_t more = planes_.runs(from, length, runs + count);
      for (int64_t end = count + more; count < end; ++count) {
        runs[count].from += n * planes_.image();
        runs[count].to += at;
      }
    });
    const int64_t stride = k + kRowPad;
    for (int64_t i = 0; i < m; ++i) {
      int64_t tap = 0;
      planes_.taps(m0 + i, 1, &tap);
      const T* from = x_ + tap;
      T* to = buffer + i * stride;
      for (int64_t r = 0; r < count; ++r) copy_run(to + runs[r].to, from + runs[r].from, runs[r].length);
    }
    return {buffer, stride, 1, stride * panel_rows};
  }

  BBlock<T> b_block(int64_t, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    const int64_t pixels = planes_.pixels();
    if (rows_of_b()) {
      int64_t row = 0;
      const T* g = b_row(0, n0, k0, &row);
      return pack_b(g, row, 1, n, k, to);
    }
    each_image(k0, k, [&](int64_t image, int64_t from, int64_t at, int64_t length) {
      const T* g = static_cast<const T*>(args_.g) + (image * g_.out_channels + n0) * pixels + from;
      for (int64_t j = 0; j < n; j += kPanel<T>) {
        pack_b_transposed(g + j * pixels, pixels, min64(kPanel<T>, n - j), length, to + j * k + at * kPanel<T>);
      }
    });
    return {to, kPanel<T>, k};
  }

 private:
  // The parts of pixels [k0, k0 + k) that lie in one image: visit(image, first pixel, where in the block, length).
  template <class Visit>
  void each_image(int64_t k0, int64_t k, const Visit& visit) const {
    const int64_t pixels = planes_.pixels();
    for (int64_t at = 0; at < k;) {
      const int64_t image = (k0 + at) / pixels, first = (k0 + at) % pixels, length = min64(pixels - first, k - at);
      visit(image, first, at, length);
      at += length;
    }
  }

  // Pixels [k0, k0 + k) of `count` of the `channels` planes.
  void ask_planes(const T* planes, int64_t channels, int64_t first, int64_t count, int64_t k0, int64_t k,
                  Ahead* ahead) const {
    constexpr int64_t kSize = sizeof(T);
    const int64_t pixels = planes_.pixels();
    each_image(k0, k, [&](int64_t image, int64_t from, int64_t, int64_t length) {
      ahead->add_rows(planes + (image * channels + first) * pixels + from, count, length * kSize, pixels * kSize);
    });
  }

  const Args& args_;
  const ConvGeometry& g_;
  Planes<T> planes_;
  const T* x_;
  EpilogueParams ep_;
  int64_t register_ = 0;
  bool far_;  // the tensors come from memory and not from the last cache
};

// Phase 0 copies the planes, the others are the driver's.
template <class Problem>
struct PlanesRow {
  using T = typename Problem::T;
  using Args = typename Problem::Args;
  using Product = Driver<Problem>;
  static constexpr int kPhases = 4;

  static Planes<T> planes(const void* args) {
    const Args& a = *static_cast<const Args*>(args);
    return Planes<T>(a.geometry, Problem::image_of(a), Problem::kMayShare);
  }
  static int64_t tasks(const void* args, int phase) {
    if (phase == 0) return planes(args).tasks();
    const PlanesCall call = {args, nullptr};
    return Product::tasks(&call, phase - 1);
  }
  static int64_t shared_bytes(const void* args) {
    const PlanesCall call = {args, nullptr};
    return planes(args).bytes() + Product::shared_bytes(&call);
  }
  static int64_t local_bytes(const void* args) {
    const PlanesCall call = {args, nullptr};
    return Product::local_bytes(&call);
  }
  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    if (phase == 0) {
      planes(args).copy(begin, end, static_cast<T*>(context.shared));
      return;
    }
    const PlanesCall call = {args, context.shared};
    Context rest = context;
    rest.shared = static_cast<char*>(context.shared) + planes(args).bytes();
    Product::run(&call, phase - 1, begin, end, rest);
  }
  static constexpr KernelRow row(const char* name, const char* operands, const char* params) {
    return {name, Micro<T>::kTileName, operands, params, kPhases, tasks, shared_bytes, local_bytes, run};
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
