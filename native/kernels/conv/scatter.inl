// The input gradient for few input channels (first layers), where the columns of the usual product would fill a small
// part of a vector. A few output pixels times all weights, [pixels, taps x channels], give what every tap adds to the
// image; the sums are kept in a ring of image lines that is as tall as the kernel, and a line is finished as soon as no
// further output line reaches it. Tasks are strips of image lines, so the order of additions is fixed; output lines
// that reach two strips are multiplied twice.
#pragma once
#include "kernels/conv/im2col.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kScatterBytes = 24576;  // of products at a time: they stay in L1

template <class T>
class ScatterGrad {
  using V = typename VectorOf<T>::V;
  static constexpr int64_t kRows = Micro<T>::kRows;

 public:
  explicit ScatterGrad(const ConvArgs& args)
      : args_(args),
        g_(args.geometry),
        channels_(g_.in_channels),
        depth_(g_.out_channels),
        run_(g_.kernel[2] * channels_),
        columns_(g_.taps() * channels_),
        padded_(round_up(columns_, kPanel<T>)),
        images_(g_.batch * g_.in_dims[0]),
        height_(g_.in_dims[1]),
        extent_((g_.kernel[1] - 1) * g_.dilation[1] + 1) {
    const int64_t flops = 2 * images_ * g_.out_dims[1] * g_.out_dims[2] * columns_ * depth_;
    wanted_ = max64(1, min64(kFewTasks, flops / kTaskFlops));
    const int64_t strips = max64(1, min64(ceil_div(wanted_, max64(1, images_)), height_ / (2 * extent_)));
    strip_ = max64(1, ceil_div(height_, strips));
    strips_ = ceil_div(height_, strip_);
    line_ = max64(g_.pad[2] + g_.in_dims[2], (g_.out_dims[2] - 1) * g_.stride[2] + g_.kernel[2]) * channels_;
    row_ = padded_ + kRowPad;
    block_ = max64(1, kScatterBytes / (row_ * kRows * int64_t{sizeof(T)})) * kRows;
  }
  ScatterGrad(const ScatterGrad&) = delete;

  // Whether this takes at most half of the multiplications of the usual product, and cuts into enough tasks.
  bool worthwhile() const {
    if (g_.groups != 1 || g_.kernel[0] != 1 || g_.stride[0] != 1 || g_.pad[0] != 0) return false;
    if (g_.in_dims[0] != g_.out_dims[0] || g_.dilation[2] != 1) return false;
    return 2 * padded_ <= g_.taps() * Micro<T>::kLanes && 2 * images_ * strips_ >= wanted_;
  }

  int64_t tasks(int phase) const { return phase == 0 ? 1 : phase == 1 ? images_ * strips_ : 0; }
  int64_t shared_bytes() const { return round_up(padded_ * depth_ * int64_t{sizeof(T)}, 64); }
  int64_t local_bytes() const {
    return ring_bytes() + product_bytes() + Epilogue::scratch_bytes(args_.ep, args_.in.size, args_.out.size);
  }

  void prepare(T* to) const { pack_b(static_cast<const T*>(args_.weight), columns_, 1, columns_, depth_, to); }

  void run(int64_t begin, int64_t end, const Context& context) {
    char* local = static_cast<char*>(context.local);
    weights_ = static_cast<const T*>(context.shared);
    ring_ = reinterpret_cast<T*>(local);
    products_ = reinterpret_cast<T*>(local + ring_bytes());
    epilogue_.begin(args_.ep, args_.in, args_.out, channels_, sizeof(T), local + ring_bytes() + product_bytes());
    zero_run(ring_, extent_ * line_);
    for (int64_t t = begin; t < end; ++t) strip(t / strips_, t % strips_ * strip_);
  }

 private:
  int64_t ring_bytes() const { return round_up(extent_ * line_ * int64_t{sizeof(T)}, 64); }
  int64_t product_bytes() const { return round_up(block_ * row_ * int64_t{sizeof(T)}, 64); }

  T* line(int64_t index) const { return ring_ + index % extent_ * line_; }

  void strip(int64_t image, int64_t first) {
    const int64_t stride = g_.stride[1], pad = g_.pad[1], last = min64(height_, first + strip_);
    const int64_t begin = max64(0, first + pad - extent_ + 1);  // first position reached, of the padded image
    int64_t next = first;
    for (int64_t o = ceil_div(begin, stride); o < g_.out_dims[1] && o * stride - pad < last; ++o) {
      for (; next < o * stride - pad; ++next) finish(image, next);
      for (int64_t p = 0; p < g_.out_dims[2]; p += block_) {
        const int64_t count = min64(block_, g_.out_dims[2] - p);
        multiply_pixels(((image * g_.out_dims[1] + o) * g_.out_dims[2] + p) * depth_, count);
        for (int64_t th = 0; th < g_.kernel[1]; ++th) {
          const int64_t l = o * stride - pad + th * g_.dilation[1];
          if (l >= first && l < last) scatter(products_ + th * run_, count, line(l) + p * g_.stride[2] * channels_);
        }
      }
    }
    for (; next < last; ++next) finish(image, next);
  }

  void multiply_pixels(int64_t at, int64_t count) const {
    const int64_t panel_rows = ceil_div(count, ceil_div(count, kRows));
    const ABlock<T> a = {static_cast<const T*>(args_.image) + at, depth_, 1, depth_ * panel_rows};
    for (int64_t j = 0; j < padded_; j += kPanel<T>) {
      multiply_panel<T>(a, count, panel_rows, depth_, weights_ + j * depth_, kPanel<T>, products_ + j, row_, kPanel<T>,
                        false, nullptr);
    }
  }

  // Adds one kernel row's products of `count` pixels to an image line. Pixels whose runs overlap are not neighbours in
  // the order, as a load right after an overlapping store would wait for it.
  void scatter(const T* from, int64_t count, T* to) const {
    const int64_t step = g_.stride[2] * channels_, apart = ceil_div(g_.kernel[2], g_.stride[2]);
    const int64_t whole = run_ / V::kLanes * V::kLanes, rest = run_ - whole;
    for (int64_t start = 0; start < apart; ++start) {
      for (int64_t i = start; i < count; i += apart) {
        const T* f = from + i * row_;
        T* t = to + i * step;
        for (int64_t j = 0; j < whole; j += V::kLanes) (V::load(t + j) + V::load(f + j)).store(t + j);
        if (rest == 0) continue;
        (V::load_partial(t + whole, rest) + V::load_partial(f + whole, rest)).store_partial(t + whole, rest);
      }
    }
  }

  void finish(int64_t image, int64_t index) {
    const int64_t width = g_.in_dims[2], row = (image * height_ + index) * width;
    T* from = line(index) + g_.pad[2] * channels_;
    if (epilogue_.copies_lines()) {
      copy_run(static_cast<T*>(epilogue_.plain_output()) + row * channels_, from, width * channels_);
    } else {
      epilogue_.run(reinterpret_cast<char*>(from), channels_, row, row, width, 0, channels_);
    }
    zero_run(line(index), line_);
  }

  const ConvArgs& args_;
  const ConvGeometry& g_;
  int64_t channels_, depth_;
  int64_t run_;      // elements of one kernel row and output channel
  int64_t columns_;  // of the product
  int64_t padded_, images_, height_;
  int64_t extent_;  // lines an output line reaches
  int64_t wanted_, strip_, strips_;
  int64_t line_;   // elements of a line of the ring, which has the padding on both sides
  int64_t row_;    // elements between rows of the product
  int64_t block_;  // pixels multiplied at a time
  const T* weights_;
  T* ring_;
  T* products_;
  Epilogue epilogue_;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
