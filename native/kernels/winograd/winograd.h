// Arguments of the Winograd convolutions: 3x3 kernels, stride 1, no dilation, no groups, float32, channels-last.
//
//   x  [batch, H, W, in_channels]      the result  [batch, OH, OW, out_channels]
//   w  any element strides: [out, row, column, in]; negative ones turn the kernel, which makes the input gradient
//
// F(m x m, 3 x 3) computes tiles of m x m outputs from (m + 2)^2 inputs: with A, B, G of Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2016), y = A^T [(G w G^T) * (B^T x B)] A. The products in the middle
// are one small matrix product per position of the transformed tile, [tiles, in] x [in, out]; m = 4 needs 36 products
// where a direct convolution needs 144, m = 2 needs 16 for 36. Error relative to the output's norm: m = 4 about 1e-5,
// m = 2 that of a direct convolution.
//
//   winograd<m>_weights_f32  "w -> u"                      u = G w G^T, in panels of output channels as the
//                                                          micro-kernel reads them: kernel-private order, with room for
//                                                          (m + 2)^2 * in * (out rounded up to 32) floats
//   winograd<m>_f32          "x u epilogue_in* -> out*"    the epilogue is the one of gemm.h: rows are output pixels
//
// The weight gradient F(3 x 3, 4 x 4) is four steps, so that the products are ordinary ones:
//
//   winograd4_inputs_f32     "x -> v"    v [36, tiles, channels], tiles of 6x6 pixels of x that start at 4 t - pad
//   winograd4_gradients_f32  "x -> v"    the same for tiles of 4x4 output gradients; pad is 0
//   gemm_f32                             m [36, out, in] = gradients^T inputs, for every position
//   winograd4_kernel_f32     "m -> w"    w [out, 3, 3, in]
//
// A task of winograd<m>_f32 transforms a block of tiles into private memory that stays in L2, multiplies it panel by
// panel with u, and transforms each panel's products back.
#pragma once
#include "kernels/gemm/gemm.h"

namespace brawn {

struct WinogradWeightArgs {
  const void* w;
  void* u;
  int64_t in_channels;
  int64_t out_channels;
  Span<int64_t> strides;
};

struct WinogradArgs {
  const void* x;
  const void* u;
  Span<const void*> in;
  Span<void*> out;
  int64_t batch;
  int64_t in_channels;
  int64_t out_channels;
  Span<int64_t> in_dims;   // H, W
  Span<int64_t> out_dims;  // OH, OW
  Span<int64_t> pad;       // leading
  EpilogueParams ep;
};

struct WinogradTilesArgs {
  const void* x;
  void* v;
  int64_t batch;
  int64_t channels;
  Span<int64_t> dims;  // H, W
  Span<int64_t> grid;  // tiles along each
  Span<int64_t> pad;   // leading
};

struct WinogradKernelArgs {
  const void* m;
  void* w;
  int64_t in_channels;
  int64_t out_channels;
};

}  // namespace brawn
