// The three convolutions as problems for the GEMM driver (see problem.inl of gemm for what the members mean), and the
// packing of weights that do not change.
#pragma once
#include "kernels/conv/depthwise.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Forward: m = output pixels, n = output channels of a group, k = taps x input channels of a group.
template <class Element>
class ForwardProblem : public Problem<Element> {
 public:
  using T = Element;
  explicit ForwardProblem(const void* args) : args_(*static_cast<const ConvArgs*>(args)), g_(args_.geometry) {}

  int64_t batches() const { return g_.groups; }
  int64_t distinct_b() const { return g_.groups; }
  int64_t b_of(int64_t batch) const { return batch; }
  int64_t rows() const { return g_.batch * g_.out_dims[0] * g_.out_dims[1] * g_.out_dims[2]; }
  int64_t rows(int64_t) const { return rows(); }
  int64_t cols() const { return g_.out_group(); }
  int64_t depth() const { return g_.taps() * g_.in_group(); }
  int64_t depth(int64_t) const { return depth(); }
  int64_t depth_of(int64_t) const { return depth(); }
  bool split() const { return false; }
  bool share_b() const { return true; }
  bool straight() const { return true; }
  int64_t block_rows() const { return kBlockRows; }
  int64_t output_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_batch(int64_t) const { return 0; }
  int64_t columns() const { return g_.out_channels; }
  int64_t column(int64_t batch) const { return batch * g_.out_group(); }
  const EpilogueParams& epilogue() const { return args_.ep; }
  Span<const void*> inputs() const { return args_.in; }
  Span<void*> outputs() const { return args_.out; }
  bool whole_depth() const { return true; }
  void ask(int64_t batch, int64_t m0, int64_t m, Ahead* ahead) const {
    const Image<T> image(args_.image, forward_axis(g_, 0), forward_axis(g_, 1), forward_axis(g_, 2), g_.in_channels,
                         batch * g_.in_group(), g_.in_group());
    if (image.pixels()) ahead->add(image.pixel(m0), m * g_.in_channels * int64_t{sizeof(T)});
  }
  const T* packed_b() const { return args_.packed != 0 ? static_cast<const T*>(args_.weight) : nullptr; }

  ABlock<T> a_block(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const Image<T> image(args_.image, forward_axis(g_, 0), forward_axis(g_, 1), forward_axis(g_, 2), g_.in_channels,
                         batch * g_.in_group(), g_.in_group());
    return gather_a(image, m0, m, k0, k, panel_rows, cols, buffer);
  }

  BBlock<T> b_block(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    const T* w = static_cast<const T*>(args_.weight) + (b * g_.out_group() + n0) * depth() + k0;
    return pack_b(w, 1, depth(), n, k, to);
  }

 private:
  const ConvArgs& args_;
  const ConvGeometry& g_;
};

// Input gradient: one product per residue class of input pixels (see gradient_axis) and group; m = pixels of the
// class, n = input channels of the group, k = taps that land x output channels of the group.
template <class Element>
class InputGradProblem : public Problem<Element> {
 public:
  using T = Element;
  explicit InputGradProblem(const void* args) : args_(*static_cast<const ConvArgs*>(args)), g_(args_.geometry) {}
  InputGradProblem(const InputGradProblem&) = delete;

  int64_t batches() const { return g_.stride[0] * g_.stride[1] * g_.stride[2] * g_.groups; }
  int64_t distinct_b() const { return batches(); }
  int64_t b_of(int64_t batch) const { return batch; }
  int64_t rows() const { return rows(0); }
  int64_t rows(int64_t batch) const {
    const Axis* a = axes(batch);
    return g_.batch * a[0].grid * a[1].grid * a[2].grid;
  }
  int64_t cols() const { return g_.in_group(); }
  int64_t depth() const {
    int64_t most = g_.out_group();
    for (int d = 0; d < 3; ++d) {
      int64_t taps = 0;
      for (int64_t r = 0; r < g_.stride[d]; ++r) taps = max64(taps, gradient_axis(g_, d, r).taps);
      most *= taps;
    }
    return most;
  }
  int64_t depth(int64_t batch) const {
    const Axis* a = axes(batch);
    return a[0].taps * a[1].taps * a[2].taps * g_.out_group();
  }
  int64_t depth_of(int64_t b) const { return depth(b); }
  bool split() const { return false; }
  bool share_b() const { return true; }
  bool straight() const { return g_.stride[0] * g_.stride[1] * g_.stride[2] == 1; }
  int64_t block_rows() const { return kBlockRows; }
  int64_t output_row(int64_t batch, int64_t m) const {
    if (straight()) return m;
    const Axis* a = axes(batch);
    const int64_t jw = m % a[2].grid, jh = m / a[2].grid % a[1].grid, jd = m / a[2].grid / a[1].grid % a[0].grid;
    const int64_t n = m / a[2].grid / a[1].grid / a[0].grid;
    const int64_t row = (n * g_.in_dims[0] + position(0, jd)) * g_.in_dims[1] + position(1, jh);
    return row * g_.in_dims[2] + position(2, jw);
  }
  int64_t epilogue_row(int64_t batch, int64_t m) const { return output_row(batch, m); }
  int64_t epilogue_batch(int64_t) const { return 0; }
  int64_t columns() const { return g_.in_channels; }
  int64_t column(int64_t batch) const { return batch % g_.groups * g_.in_group(); }
  const EpilogueParams& epilogue() const { return args_.ep; }
  Span<const void*> inputs() const { return args_.in; }
  Span<void*> outputs() const { return args_.out; }
  bool whole_depth() const { return true; }
  void ask(int64_t batch, int64_t m0, int64_t m, Ahead* ahead) const {
    const Axis* a = axes(batch);
    const Image<T> image(args_.image, a[0], a[1], a[2], g_.out_channels, batch % g_.groups * g_.out_group(),
                         g_.out_group());
    if (image.pixels()) ahead->add(image.pixel(m0), m * g_.out_channels * int64_t{sizeof(T)});
  }

  ABlock<T> a_block(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const Axis* a = axes(batch);
    const Image<T> image(args_.image, a[0], a[1], a[2], g_.out_channels, batch % g_.groups * g_.out_group(),
                         g_.out_group());
    return gather_a(image, m0, m, k0, k, panel_rows, cols, buffer);
  }

  BBlock<T> b_block(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    const Axis d = axes(b)[0], h = axes(b)[1], w = axes(b)[2];
    const int64_t channels = g_.out_group(), first = b % g_.groups * channels;
    for (int64_t l = 0; l < k; ++l) {
      const int64_t tap = (k0 + l) / channels, o = first + (k0 + l) % channels;
      const int64_t kw = kernel_position(w, tap % w.taps), kh = kernel_position(h, tap / w.taps % h.taps);
      const int64_t kd = kernel_position(d, tap / w.taps / h.taps);
      const int64_t at = ((o * g_.kernel[0] + kd) * g_.kernel[1] + kh) * g_.kernel[2] + kw;
      pack_b_row(static_cast<const T*>(args_.weight) + at * g_.in_group() + n0, n, k, to + l * kPanel<T>);
    }
    return {to, kPanel<T>, k};
  }

 private:
  static int64_t kernel_position(const Axis& a, int64_t tap) { return a.weight_first + tap * a.weight_step; }
  int64_t position(int d, int64_t j) const { return residue_[d] + j * g_.stride[d]; }

  // The axes of a batch's residue class; a task asks for the same ones again and again.
  const Axis* axes(int64_t batch) const {
    const int64_t wanted = batch / g_.groups;
    if (wanted == class_) return axes_;
    int64_t index = wanted;
    for (int d = 2; d >= 0; --d) {
      residue_[d] = index % g_.stride[d];
      index /= g_.stride[d];
      axes_[d] = gradient_axis(g_, d, residue_[d]);
    }
    class_ = wanted;
    return axes_;
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  mutable int64_t class_ = -1;
  mutable int64_t residue_[3] = {};
  mutable Axis axes_[3] = {};
};

// Weight gradient: m = output channels of a group, n = taps x input channels of the group, k = output pixels. When the
// image is read where it lies and has the fewer channels, at most a panel's, the two sides are exchanged.
template <class Element>
class WeightGradProblem : public Problem<Element> {
 public:
  using T = Element;
  explicit WeightGradProblem(const void* args) : args_(*static_cast<const ConvWeightArgs*>(args)), g_(args_.geometry) {
    ep_ = EpilogueParams{};
    ep_.out_regs = {&register_, 1};
    ep_.registers = 1;
    turned_ = g_.groups == 1 && image(0).pixels() && g_.in_channels < kPanel<T> && g_.out_channels > g_.in_channels;
  }
  WeightGradProblem(const WeightGradProblem&) = delete;

  int64_t batches() const { return g_.groups; }
  int64_t distinct_b() const { return g_.groups; }
  int64_t b_of(int64_t batch) const { return batch; }
  int64_t rows() const { return turned_ ? g_.in_channels : g_.out_group(); }
  int64_t rows(int64_t) const { return rows(); }
  int64_t cols() const { return turned_ ? g_.out_channels : g_.taps() * g_.in_group(); }
  int64_t depth() const { return g_.batch * g_.out_dims[0] * g_.out_dims[1] * g_.out_dims[2]; }
  int64_t depth(int64_t) const { return depth(); }
  int64_t depth_of(int64_t) const { return depth(); }
  bool split() const { return true; }
  bool share_b() const { return false; }
  bool straight() const { return !turned_; }
  bool turned() const { return turned_; }
  int64_t block_rows() const { return 2 * kBlockRows; }
  int64_t output_row(int64_t batch, int64_t m) const { return batch * rows() + m; }
  int64_t epilogue_row(int64_t, int64_t m) const { return m; }
  int64_t epilogue_batch(int64_t) const { return 0; }
  int64_t columns() const { return g_.taps() * g_.in_group(); }
  int64_t column(int64_t) const { return 0; }
  const EpilogueParams& epilogue() const { return ep_; }
  Span<const void*> inputs() const { return {nullptr, 0}; }
  Span<void*> outputs() const { return {&args_.out, 1}; }
  void ask_a(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, Ahead* ahead) const {
    ahead->add_rows(left(batch, m0, k0), k, m * int64_t{sizeof(T)}, left_row() * int64_t{sizeof(T)});
  }
  void ask_b(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, Ahead* ahead) const {
    if (!rows_of_b()) return;
    int64_t row = 0;
    const T* from = b_row(b, n0, k0, &row);
    ahead->add_rows(from, k, n * int64_t{sizeof(T)}, row * int64_t{sizeof(T)});
  }
  bool whole_depth() const { return false; }
  bool rows_of_b() const { return image(0).pixels(); }
  const T* b_row(int64_t b, int64_t n0, int64_t k0, int64_t* distance) const {
    *distance = turned_ ? g_.out_channels : g_.in_channels;
    return turned_ ? gradient(b, n0, k0) : image(b).pixel(k0) + n0;
  }

  ABlock<T> a_block(int64_t batch, int64_t m0, int64_t m, int64_t k0, int64_t k, int64_t panel_rows, int64_t cols,
                    T* buffer) const {
    const T* a = left(batch, m0, k0);
    if (read_a_directly<T>(1, left_row(), cols)) return {a, 1, left_row(), panel_rows};
    return pack_a(a, 1, left_row(), m, k, panel_rows, buffer);
  }

  BBlock<T> b_block(int64_t b, int64_t n0, int64_t n, int64_t k0, int64_t k, T* to) const {
    return turned_ ? pack_b(gradient(b, n0, k0), g_.out_channels, 1, n, k, to) : gather_b(image(b), n0, n, k0, k, to);
  }

 private:
  Image<T> image(int64_t batch) const {
    return {args_.x,        forward_axis(g_, 0),   forward_axis(g_, 1), forward_axis(g_, 2),
            g_.in_channels, batch * g_.in_group(), g_.in_group()};
  }

  const T* gradient(int64_t batch, int64_t channel, int64_t pixel) const {
    return static_cast<const T*>(args_.g) + pixel * g_.out_channels + batch * g_.out_group() + channel;
  }
  const T* left(int64_t batch, int64_t m0, int64_t k0) const {
    return turned_ ? image(batch).pixel(k0) + m0 : gradient(batch, m0, k0);
  }
  int64_t left_row() const { return turned_ ? g_.in_channels : g_.out_channels; }

  const ConvWeightArgs& args_;
  const ConvGeometry& g_;
  EpilogueParams ep_;
  int64_t register_ = 0;
  bool turned_;
};

// Weights in the order that the forward kernels read: panels of columns for the driver, [tap][channel] for depthwise
// ones.
template <class T>
struct ConvPack {
  static const ConvPackArgs& read(const void* args) { return *static_cast<const ConvPackArgs*>(args); }
  static int64_t panels(const ConvGeometry& g) { return ceil_div(g.out_group(), kPanel<T>); }

  static int64_t tasks(const void* args, int) {
    const ConvGeometry& g = read(args).geometry;
    return g.depthwise() ? 1 : g.groups * panels(g);
  }

  static void run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
    const ConvPackArgs& args = read(raw);
    const ConvGeometry& g = args.geometry;
    const T* w = static_cast<const T*>(args.weight);
    T* to = static_cast<T*>(args.out);
    if (g.depthwise()) {
      Depthwise<T, false>::order_weights(g, w, to);
      return;
    }
    const int64_t depth = g.taps() * g.in_group();
    for (int64_t t = begin; t < end; ++t) {
      const int64_t n0 = t % panels(g) * kPanel<T>, first = t / panels(g) * g.out_group() + n0;
      pack_b(w + first * depth, 1, depth, min64(kPanel<T>, g.out_group() - n0), depth, to + t * kPanel<T> * depth);
    }
  }

  static constexpr KernelRow row(const char* name) {
    return {name, Micro<T>::kTileName, "w -> out", BRAWN_CONV_PARAMS, 1, tasks, nullptr, nullptr, run};
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
