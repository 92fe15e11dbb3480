// Arguments of the Winograd convolutions: kernels of 3x3 or 5x5, stride 1, no dilation, no groups, float32,
// channels-last.
//
//   x  [batch, H, W, in_channels]      the result  [batch, OH, OW, out_channels]
//   w  any element strides: [out, row, column, in]; negative ones turn the kernel, which makes the input gradient
//
// F(m x m, k x k) computes tiles of m x m outputs from (m + k - 1)^2 inputs: with A, B, G of Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2016), y = A^T [(G w G^T) * (B^T x B)] A. The products in the middle
// are one small matrix product per position of the transformed tile, [tiles, in] x [in, out].
//
//                     points                          products, direct     error relative to the output's norm
//   F(2 x 2, 3 x 3)   0, +-1, infinity                16, 36               that of a direct convolution
//   F(4 x 4, 3 x 3)   0, +-1, +-2, infinity           36, 144              a few 1e-6
//   F(4 x 4, 5 x 5)   0, +-1, +-2, +-1/2, infinity    64, 400              a few 1e-6, not twice that of F(4 x 4, 3 x
//   3)
//
// In names F is <m> for k = 3 and <m>_5x5 for k = 5:
//
//   winograd<F>_weights_f32  "w -> u"                      u = G w G^T, in panels of output channels as the
//                                                          micro-kernel reads them: kernel-private order, with room for
//                                                          (m + k - 1)^2 * in * (out rounded up to 32) floats
//   winograd<F>_f32          "x u epilogue_in* -> out*"    the epilogue is the one of gemm.h: rows are output pixels
//
// The weight gradient F(k x k, 4 x 4) is four steps, so that the products are ordinary ones:
//
//   winograd<F>_inputs_f32     "x -> v"    v [positions, tiles, channels], tiles of (m + k - 1)^2 pixels of x that
//   start
//                                          at m t - pad
//   winograd<F>_gradients_f32  "x -> v"    the same for tiles of m x m output gradients; pad is 0
//   gemm_f32                               m [positions, out, in] = gradients^T inputs, for every position
//   winograd<F>_kernel_f32     "m -> w"    w [out, k, k, in]
//
// A task of winograd<F>_f32 transforms a block of tiles into private memory that stays in L2, multiplies it panel by
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
