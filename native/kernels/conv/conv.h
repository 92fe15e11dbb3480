// Arguments of the convolutions. Everything is channels-last with three spatial dimensions: a 2-d convolution has depth
// 1 and kernel depth 1, a 1-d one also height 1. Dimension lists are [depth, height, width].
//
//   x  [batch, D, H, W, in_channels]         g and the result of forward  [batch, OD, OH, OW, out_channels]
//   w  [out_channels, KD, KH, KW, in_channels / groups]
//
// Output pixel o and tap t meet at input pixel o * stride + t * dilation - pad; outside the input is zero. `pad` is the
// leading padding; the trailing one follows from out_dims. Group q joins the q-th slice of input channels with the q-th
// slice of output channels.
//
//   conv_forward_<dtype>      "x w epilogue_in* -> out*"
//   conv_input_grad_<dtype>   "g w epilogue_in* -> out*", out like x: the sum over all output pixels and taps that meet
//                             each input pixel; input pixels no tap meets get 0
//   conv_weight_grad_<dtype>  "x g -> out", out like w; partial sums over a fixed split of the output pixels
//
//   conv_pack_<dtype>         "w -> out": the weights of conv_forward in the order in which its row of this instruction
//                             set reads them when `packed` is 1. Per group there is room for out_channels / groups
//                             rounded up to 32; depthwise ones take no more than w
//
// Channels-first, for two dimensions (depth 1) and one group, where image and result lie so in memory: x is
// [batch, in_channels, H, W], w [out_channels, in_channels, KH, KW], the result [batch, out_channels, OH, OW].
//
//   conv_planes_forward_<dtype>      "x w epilogue_in* -> out*"; for the epilogue rows are output channels, columns
//                                    pixels, batches images
//   conv_planes_input_grad_<dtype>   "g w epilogue_in* -> out*", the same for the input gradient; made for few input
//                                    channels
//   conv_planes_weight_grad_<dtype>  "x g -> out", out [in_channels, KH, KW, out_channels]; g is channels-first too, or
//                                    [batch, OH, OW, out_channels] with g_last = 1
//
// Channels-first and depthwise (groups = in_channels = out_channels), w [channels, KH, KW]:
//
//   conv_planes_depthwise_<dtype>              "x w epilogue_in* -> out*", as conv_planes_forward
//   conv_planes_depthwise_input_grad_<dtype>   "g w epilogue_in* -> out*", as conv_planes_input_grad
//   conv_planes_depthwise_weight_grad_<dtype>  "x g -> out", both channels-first, out like w
//
// The epilogue is the one of gemm.h: rows are pixels of the output (batch and space flattened), columns its channels;
// ep_batch is not used. Outputs must not overlap x, g or w.
//
// All are matrix products for the GEMM driver whose A (or B, for the weight gradient) is gathered from the image while
// packing. Depthwise convolutions (groups = in_channels = out_channels) have direct kernels, vectorised over channels;
// the input gradient with few input channels scatters whole products instead (scatter.inl).
#pragma once
#include "kernels/gemm/gemm.h"

namespace brawn {

struct ConvGeometry {
  int64_t batch;
  int64_t groups;
  int64_t in_channels;
  int64_t out_channels;
  Span<int64_t> in_dims;
  Span<int64_t> out_dims;
  Span<int64_t> kernel;
  Span<int64_t> stride;
  Span<int64_t> pad;
  Span<int64_t> dilation;

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t in_group() const { return in_channels / groups; }
  int64_t out_group() const { return out_channels / groups; }
  bool depthwise() const { return groups > 1 && groups == in_channels && groups == out_channels; }
};

#define BRAWN_CONV_PARAMS \
  "batch groups in_channels out_channels in_dims:i[] out_dims:i[] kernel:i[] stride:i[] pad:i[] dilation:i[]"

struct ConvArgs {
  const void* image;  // x, or g for the input gradient
  const void* weight;
  Span<const void*> in;
  Span<void*> out;
  ConvGeometry geometry;
  int64_t packed;  // forward alone: weight is what conv_pack made of w
  EpilogueParams ep;
};

struct ConvPackArgs {
  const void* weight;
  void* out;
  ConvGeometry geometry;
};

struct ConvWeightArgs {
  const void* x;
  const void* g;
  void* out;
  ConvGeometry geometry;
};

struct ConvPlanesWeightArgs {
  const void* x;
  const void* g;
  void* out;
  ConvGeometry geometry;
  int64_t g_last;
};

}  // namespace brawn
