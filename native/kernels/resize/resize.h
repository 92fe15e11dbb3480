// Bilinear resizing of channels-last images: x [batch, H, W, channels], y [batch, OH, OW, channels].
//
// Rows "resize_bilinear_<f32|f64>" ("x -> y") and "resize_bilinearGrad_<f32|f64>" ("g -> y": g shaped as the output,
// y as the input), params "batch channels in_dims:i[] out_dims:i[] align_corners scale_h:f scale_w:f" with in_dims =
// [H, W] and out_dims = [OH, OW] in both rows. As torch.nn.functional.interpolate(mode="bilinear"): output o reads
// input position
//   align_corners   o (in - 1) / (out - 1)            (0 when out is 1)
//   otherwise       max(0, (o + 1/2) scale - 1/2)     scale = scale_h or scale_w if positive, otherwise in / out
// between its two neighbours; positions are computed in double. The gradient is gathered per input row.
#pragma once
#include "kernel.h"

namespace brawn {

struct ResizeArgs {
  const void* x;
  void* y;
  int64_t batch, channels;
  Span<int64_t> in_dims, out_dims;
  int64_t align_corners;
  double scale_h, scale_w;
};

constexpr int64_t kResizeGrain = 8 * 1024;  // least elements of one task

}  // namespace brawn
