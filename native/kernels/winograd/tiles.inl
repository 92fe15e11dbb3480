// Tiles of pixels and their transforms; with them the steps around the products of the weight gradient (see
// winograd.h).
#pragma once
#include "kernels/winograd/transforms.inl"
#include "kernels/winograd/winograd.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kTaskValues = 1 << 16;  // transformed values per task

// The kSide x kSide pixels from (h0, w0) of image n; those outside are `zeros`, at least as many as there are channels.
template <int kSide>
inline void find_pixels(const float* x, Span<int64_t> dims, int64_t channels, int64_t n, int64_t h0, int64_t w0,
                        const float* zeros, const float** pixels) {
  for (int64_t i = 0; i < kSide; ++i) {
    const int64_t h = h0 + i;
    for (int64_t j = 0; j < kSide; ++j) {
      const int64_t w = w0 + j;
      const bool inside = h >= 0 && h < dims[0] && w >= 0 && w < dims[1];
      pixels[i * kSide + j] = inside ? x + ((n * dims[0] + h) * dims[1] + w) * channels : zeros;
    }
  }
}

// Asks for the last kColumns columns of pixels, those that the tile before does not have.
template <int kSide, int kColumns>
inline void prefetch_pixels(const float* const* pixels, int64_t channels) {
  for (int i = 0; i < kSide; ++i) {
    for (int j = kSide - kColumns; j < kSide; ++j) prefetch_run(pixels[i * kSide + j], channels);
  }
}

using TransformLine = void (*)(const F32*, F32*);

// All channels of a tile; position p of the result goes to `to + p * position`, in whole vectors when kWhole.
template <int kFrom, int kTo, TransformLine kLine, bool kWhole = true>
inline void transform_tile(const float* const* pixels, int64_t channels, float* to, int64_t position) {
  int64_t c = 0;
  for (; c + F32::kLanes <= channels; c += F32::kLanes) {
    transform_square<kFrom, kTo>([=](int i, int j) { return F32::load(pixels[i * kFrom + j] + c); }, kLine,
                                 [=](int i, int j, F32 v) { v.store(to + (i * kTo + j) * position + c); });
  }
  const int64_t rest = channels - c;
  if (rest == 0) return;
  transform_square<kFrom, kTo>([=](int i, int j) { return F32::load_partial(pixels[i * kFrom + j] + c, rest); }, kLine,
                               [=](int i, int j, F32 v) {
                                 float* at = to + (i * kTo + j) * position + c;
                                 if constexpr (kWhole) {
                                   v.store(at);
                                 } else {
                                   v.store_partial(at, rest);
                                 }
                               });
}

// Squares of kSide x kSide pixels, as far apart as the outputs of tiles, to v [positions, tiles, channels].
template <class Tile, int kSide, TransformLine kLine>
struct WinogradTiles {
  static constexpr int64_t kPositions = Tile::kIn * Tile::kIn;
  static const WinogradTilesArgs& read(const void* args) { return *static_cast<const WinogradTilesArgs*>(args); }
  static int64_t tiles(const WinogradTilesArgs& a) { return a.batch * a.grid[0] * a.grid[1]; }
  static int64_t each(const WinogradTilesArgs& a) { return max64(1, kTaskValues / (kPositions * a.channels)); }
  static int64_t tasks(const void* args, int) { return ceil_div(tiles(read(args)), each(read(args))); }
  static int64_t local_bytes(const void* args) { return read(args).channels * int64_t{sizeof(float)}; }

  static void run(const void* args, int, int64_t begin, int64_t end, const Context& context) {
    const WinogradTilesArgs& a = read(args);
    float* zeros = static_cast<float*>(context.local);
    zero_run(zeros, a.channels);
    const int64_t first = begin * each(a), last = min64(tiles(a), end * each(a));
    const float* pixels[2][kSide * kSide];
    find_tile(a, first, zeros, pixels[first % 2]);
    for (int64_t t = first; t < last; ++t) {
      const float** next = pixels[(t + 1) % 2];
      find_tile(a, min64(t + 1, tiles(a) - 1), zeros, next);
      prefetch_pixels<kSide, Tile::kOut>(next, a.channels);
      transform_tile<kSide, Tile::kIn, kLine, false>(pixels[t % 2], a.channels,
                                                     static_cast<float*>(a.v) + t * a.channels, tiles(a) * a.channels);
    }
  }

  static void find_tile(const WinogradTilesArgs& a, int64_t t, const float* zeros, const float** pixels) {
    find_pixels<kSide>(static_cast<const float*>(a.x), a.dims, a.channels, t / a.grid[1] / a.grid[0],
                       t / a.grid[1] % a.grid[0] * Tile::kOut - a.pad[0], t % a.grid[1] * Tile::kOut - a.pad[1], zeros,
                       pixels);
  }

  static constexpr KernelRow row(const char* name) {
    return {name, "", "x -> v", "batch channels dims:i[] grid:i[] pad:i[]", 1, tasks, nullptr, local_bytes, run};
  }
};

template <class Tile>
using WinogradInputs = WinogradTiles<Tile, Tile::kIn, Tile::input>;

template <class Tile>
using WinogradGradients = WinogradTiles<Tile, Tile::kOut, Tile::gradients>;

// m [positions, out, in] to w [out, kKernel, kKernel, in].
template <class Tile>
struct WinogradKernel {
  static constexpr int kIn = Tile::kIn, kKernel = Tile::kKernel;
  static const WinogradKernelArgs& read(const void* args) { return *static_cast<const WinogradKernelArgs*>(args); }
  static int64_t each(const WinogradKernelArgs& a) { return max64(1, kTaskValues / (kIn * kIn * a.in_channels)); }
  static int64_t tasks(const void* args, int) { return ceil_div(read(args).out_channels, each(read(args))); }

  static void run(const void* args, int, int64_t begin, int64_t end, const Context&) {
    const WinogradKernelArgs& a = read(args);
    const int64_t last = min64(a.out_channels, end * each(a)), position = a.out_channels * a.in_channels;
    for (int64_t o = begin * each(a); o < last; ++o) {
      const float* positions[kIn * kIn];
      for (int64_t p = 0; p < kIn * kIn; ++p) {
        positions[p] = static_cast<const float*>(a.m) + p * position + o * a.in_channels;
      }
      transform_tile<kIn, kKernel, Tile::kernel, false>(
          positions, a.in_channels, static_cast<float*>(a.w) + o * kKernel * kKernel * a.in_channels, a.in_channels);
    }
  }

  static constexpr KernelRow row(const char* name) {
    return {name, "", "m -> w", "in_channels out_channels", 1, tasks, nullptr, nullptr, run};
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
