// The Winograd convolutions of winograd.h: weights, then tiles.
#pragma once
#if BRAWN_ISA_ENABLED
#include "kernels/gemm/epilogue.inl"
#include "kernels/winograd/tiles.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kWeightChunk = 64;                // input channels per task of the weight transform
constexpr int64_t kTileBytes = int64_t{320} << 10;  // of transformed tiles per task: they stay in L2
constexpr int64_t kPanelsAtOnce = 4;                // panels of output channels between two runs of the epilogue
constexpr int64_t kLeastTasks = 8;

template <class Tile>
struct WinogradWeights {
  static constexpr int64_t kPositions = Tile::kIn * Tile::kIn;
  static constexpr int64_t kKernel = Tile::kKernel, kTaps = kKernel * kKernel;
  static constexpr int64_t kWidth = kPanel<float>;
  static const WinogradWeightArgs& read(const void* args) { return *static_cast<const WinogradWeightArgs*>(args); }
  static int64_t chunks(const WinogradWeightArgs& a) { return ceil_div(a.in_channels, kWeightChunk); }

  static int64_t tasks(const void* args, int) {
    const WinogradWeightArgs& a = read(args);
    return ceil_div(a.out_channels, kWidth) * chunks(a);
  }
  static int64_t local_bytes(const void*) { return kTaps * kWeightChunk * kWidth * int64_t{sizeof(float)}; }

  static void run(const void* args, int, int64_t begin, int64_t end, const Context& context) {
    const WinogradWeightArgs& a = read(args);
    float* taps = static_cast<float*>(context.local);
    for (int64_t t = begin; t < end; ++t) {
      const int64_t panel = t / chunks(a), c0 = t % chunks(a) * kWeightChunk;
      const int64_t c = min64(kWeightChunk, a.in_channels - c0), o0 = panel * kWidth;
      const float* w = static_cast<const float*>(a.w) + o0 * a.strides[0] + c0 * a.strides[3];
      const Taps from = gather_taps(w, a.strides, min64(kWidth, a.out_channels - o0), c, taps);
      float* u = static_cast<float*>(a.u) + (panel * kPositions * a.in_channels + c0) * kWidth;
      for (int64_t i = 0; i < c; ++i) {
        for (int64_t v = 0; v < kWidth; v += F32::kLanes) {
          transform(from.data + i * from.channel + v, from.tap, u + i * kWidth + v, a.in_channels * kWidth);
        }
      }
    }
  }

  static constexpr KernelRow row(const char* name) {
    return {
        name, Micro<float>::kTileName, "w -> u", "in_channels out_channels strides:i[]", 1, tasks, nullptr, local_bytes,
        run};
  }

 private:
  struct Taps {  // rows of kWidth output channels: tap t of input channel i starts at data + i * channel + t * tap
    const float* data;
    int64_t channel;
    int64_t tap;
  };

  // n output and c input channels. Where taps lie side by side, forwards or backwards, all of a channel come at once.
  static Taps gather_taps(const float* w, Span<int64_t> strides, int64_t n, int64_t c, float* to) {
    const int64_t out = strides[0], row = strides[1], column = strides[2], in = strides[3];
    if ((column != 1 && column != -1) || row != column * kKernel) {
      for (int64_t t = 0; t < kTaps; ++t) {
        pack_b(w + t / kKernel * row + t % kKernel * column, in, out, n, c, to + t * kWeightChunk * kWidth);
      }
      return {to, kWidth, kWeightChunk * kWidth};
    }
    const int64_t last = kTaps - 1;
    if (column < 0) w -= last;
    if (in == kTaps) {
      pack_b_transposed(w, out, n, c * kTaps, to);
    } else {
      for (int64_t i = 0; i < c; ++i) pack_b_transposed(w + i * in, out, n, kTaps, to + i * kTaps * kWidth);
    }
    return {column < 0 ? to + last * kWidth : to, kTaps * kWidth, column * kWidth};
  }

  static void transform(const float* taps, int64_t tap, float* u, int64_t position) {
    transform_square<kKernel, Tile::kIn>([=](int i, int j) { return F32::load(taps + (i * kKernel + j) * tap); },
                                         Tile::weights,
                                         [=](int i, int j, F32 v) { v.store(u + (i * Tile::kIn + j) * position); });
  }
};

template <class Tile>
class Winograd {
  static constexpr int kIn = Tile::kIn, kOut = Tile::kOut;
  static constexpr int64_t kPositions = kIn * kIn, kPixels = kOut * kOut;
  static constexpr int64_t kWidth = kPanel<float>, kRows = Micro<float>::kRows;

 public:
  explicit Winograd(const void* args) : a_(*static_cast<const WinogradArgs*>(args)) {
    tiles_h_ = ceil_div(a_.out_dims[0], kOut), tiles_w_ = ceil_div(a_.out_dims[1], kOut);
    tiles_ = a_.batch * tiles_h_ * tiles_w_;
    stride_ = round_up(a_.in_channels, F32::kLanes) + kRowPad;
    const int64_t fit = kTileBytes / (kPositions * stride_ * int64_t{sizeof(float)});
    const int64_t most = max64(1, min64(4, fit / kRows)) * kRows;
    block_ = ceil_div(tiles_, ceil_div(tiles_, most));
    blocks_ = ceil_div(tiles_, block_);
    panels_ = ceil_div(a_.out_channels, kWidth);
    group_ = max64(1, panels_ / max64(1, min64(ceil_div(kLeastTasks, blocks_), panels_)));
    groups_ = ceil_div(panels_, group_);
    plain_ = Epilogue::is_plain(a_.ep, a_.out.size);
    columns_ = plain_ ? 0 : min64(group_, kPanelsAtOnce) * kWidth;
  }
  Winograd(const Winograd&) = delete;

  static int64_t tasks(const void* args, int) {
    const Winograd w(args);
    return w.blocks_ * w.groups_;
  }
  static int64_t local_bytes(const void* args) {
    const Winograd w(args);
    return (w.data_size() + w.product_size() + w.result_size() + w.stride_) * int64_t{sizeof(float)} +
           Epilogue::scratch_bytes(w.a_.ep, w.a_.in.size, w.a_.out.size);
  }

  static void run(const void* args, int, int64_t begin, int64_t end, const Context& context) {
    Winograd w(args);
    w.data_ = static_cast<float*>(context.local);
    w.products_ = w.data_ + w.data_size();
    w.results_ = w.products_ + w.product_size();
    w.zeros_ = w.results_ + w.result_size();
    zero_run(w.zeros_, w.stride_);
    w.epilogue_.begin(w.a_.ep, w.a_.in, w.a_.out, w.a_.out_channels, sizeof(float),
                      reinterpret_cast<char*>(w.zeros_ + w.stride_));
    int64_t transformed = -1;
    for (int64_t t = begin; t < end; ++t) {
      const int64_t block = t / w.groups_;
      w.first_ = block * w.block_;
      w.count_ = min64(w.block_, w.tiles_ - w.first_);
      if (block != transformed) w.transform_inputs();
      transformed = block;
      w.multiply(t % w.groups_ * w.group_);
    }
  }

  static constexpr KernelRow row(const char* name) {
    return {name,
            Micro<float>::kTileName,
            "x u epilogue_in* -> out*",
            "batch in_channels out_channels in_dims:i[] out_dims:i[] pad:i[] " BRAWN_EPILOGUE_PARAMS,
            1,
            tasks,
            nullptr,
            local_bytes,
            run};
  }

 private:
  int64_t data_size() const { return kPositions * block_ * stride_; }
  int64_t product_size() const { return kPositions * block_ * kWidth; }
  int64_t result_size() const { return block_ * kPixels * columns_; }

  struct Corner {  // of a tile: image, first output row and column
    int64_t n, h, w;
  };
  Corner corner(int64_t tile) const {
    return {tile / tiles_w_ / tiles_h_, tile / tiles_w_ % tiles_h_ * kOut, tile % tiles_w_ * kOut};
  }

  void transform_inputs() const {
    const float* pixels[2][kPositions];
    find_tile(first_, pixels[0]);
    for (int64_t t = 0; t < count_; ++t) {
      const float** next = pixels[(t + 1) % 2];
      find_tile(min64(first_ + t + 1, tiles_ - 1), next);
      prefetch_pixels<kIn, kOut>(next, a_.in_channels);
      transform_tile<kIn, kIn, Tile::input>(pixels[t % 2], a_.in_channels, data_ + t * stride_, block_ * stride_);
    }
  }

  void find_tile(int64_t tile, const float** pixels) const {
    const Corner at = corner(tile);
    find_pixels<kIn>(static_cast<const float*>(a_.x), a_.in_dims, a_.in_channels, at.n, at.h - a_.pad[0],
                     at.w - a_.pad[1], zeros_, pixels);
  }

  void multiply(int64_t first_panel) {
    const int64_t last_panel = min64(panels_, first_panel + group_);
    for (int64_t p = first_panel; p < last_panel; p += kPanelsAtOnce) {
      const int64_t count = min64(kPanelsAtOnce, last_panel - p);
      const int64_t columns = min64(count * kWidth, a_.out_channels - p * kWidth);
      for (int64_t q = 0; q < count; ++q) {
        multiply_panel(p + q);
        transform_products(p + q, q * kWidth, columns);
      }
      if (!plain_) finish(p * kWidth, columns);
    }
  }

  void multiply_panel(int64_t panel) const {
    using M = Micro<float>;
    const int64_t k = a_.in_channels, width = min64(kWidth, a_.out_channels - panel * kWidth);
    const int64_t vectors = ceil_div(width, F32::kLanes), parts = ceil_div(count_, kRows);
    const int64_t height = ceil_div(count_, parts);
    const float* u = static_cast<const float*>(a_.u) + panel * kPositions * k * kWidth;
    for (int64_t p = 0; p < kPositions; ++p, u += k * kWidth) {
      for (int64_t i = 0; i < count_; i += height) {
        const int64_t rows = min64(height, count_ - i);
        micro_for<M>(rows, vectors)(k, data_ + (p * block_ + i) * stride_, stride_, 1, u, kWidth,
                                    products_ + (p * block_ + i) * kWidth, kWidth, false);
      }
    }
  }

  // Products of one panel into the output, or into column `column` of the results the epilogue will see.
  void transform_products(int64_t panel, int64_t column, int64_t columns) const {
    const int64_t width = min64(kWidth, a_.out_channels - panel * kWidth);
    for (int64_t t = 0; t < count_; ++t) {
      const Corner at = corner(first_ + t);
      const int64_t row = (at.n * a_.out_dims[0] + at.h) * a_.out_dims[1] + at.w;
      const int64_t high = min64(kOut, a_.out_dims[0] - at.h), wide = min64(kOut, a_.out_dims[1] - at.w);
      const int64_t pixel = plain_ ? epilogue_.row_distance(0) : columns;
      const int64_t line = plain_ ? a_.out_dims[1] * pixel : kOut * columns;
      float* to = plain_ ? static_cast<float*>(epilogue_.plain_output()) + row * pixel + panel * kWidth
                         : results_ + t * kPixels * columns + column;
      if (plain_) prefetch_outputs(min64(first_ + t + 1, tiles_ - 1), panel * kWidth, width);
      for (int64_t v = 0; v < width; v += F32::kLanes) {
        const float* from = products_ + t * kWidth + v;
        if (v + F32::kLanes <= width) {
          transform_out(from, [=](int i, int j, F32 y) {
            if (i < high && j < wide) y.store(to + i * line + j * pixel + v);
          });
        } else {
          transform_out(from, [=](int i, int j, F32 y) {
            if (i < high && j < wide) y.store_partial(to + i * line + j * pixel + v, width - v);
          });
        }
      }
    }
  }

  void prefetch_outputs(int64_t tile, int64_t column, int64_t width) const {
    const Corner at = corner(tile);
    const int64_t high = min64(kOut, a_.out_dims[0] - at.h), wide = min64(kOut, a_.out_dims[1] - at.w);
    const float* to = static_cast<float*>(epilogue_.plain_output()) + column;
    for (int64_t i = 0; i < high; ++i) {
      const int64_t row = (at.n * a_.out_dims[0] + at.h + i) * a_.out_dims[1] + at.w;
      for (int64_t j = 0; j < wide; ++j) prefetch_run(to + (row + j) * a_.out_channels, width);
    }
  }

  template <class Store>
  void transform_out(const float* from, const Store& store) const {
    const int64_t position = block_ * kWidth;
    transform_square<kIn, kOut>([=](int i, int j) { return F32::load(from + (i * kIn + j) * position); }, Tile::output,
                                store);
  }

  void finish(int64_t column, int64_t columns) {
    for (int64_t t = 0; t < count_; ++t) {
      const Corner at = corner(first_ + t);
      const int64_t high = min64(kOut, a_.out_dims[0] - at.h), wide = min64(kOut, a_.out_dims[1] - at.w);
      for (int64_t i = 0; i < high; ++i) {
        const int64_t row = (at.n * a_.out_dims[0] + at.h + i) * a_.out_dims[1] + at.w;
        float* from = results_ + (t * kPixels + i * kOut) * columns;
        epilogue_.run(reinterpret_cast<char*>(from), columns, row, row, wide, column, columns);
      }
    }
  }

  const WinogradArgs& a_;
  int64_t tiles_h_, tiles_w_, tiles_, stride_, block_, blocks_, panels_, group_, groups_, columns_;
  bool plain_;
  int64_t first_, count_;  // the task's tiles
  float* data_;
  float* products_;
  float* results_;
  float* zeros_;
  Epilogue epilogue_;
};

constexpr KernelRow kWinogradRows[] = {
    WinogradWeights<Tile2>::row("winograd2_weights_f32"),
    Winograd<Tile2>::row("winograd2_f32"),
    WinogradWeights<Tile4>::row("winograd4_weights_f32"),
    Winograd<Tile4>::row("winograd4_f32"),
    WinogradInputs<Tile4>::row("winograd4_inputs_f32"),
    WinogradGradients<Tile4>::row("winograd4_gradients_f32"),
    WinogradKernel<Tile4>::row("winograd4_kernel_f32"),
    WinogradWeights<Tile4Of5>::row("winograd4_5x5_weights_f32"),
    Winograd<Tile4Of5>::row("winograd4_5x5_f32"),
    WinogradInputs<Tile4Of5>::row("winograd4_5x5_inputs_f32"),
    WinogradGradients<Tile4Of5>::row("winograd4_5x5_gradients_f32"),
    WinogradKernel<Tile4Of5>::row("winograd4_5x5_kernel_f32"),
};

}  // namespace

KernelTable winograd_table() { return {kWinogradRows, sizeof(kWinogradRows) / sizeof(kWinogradRows[0])}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
