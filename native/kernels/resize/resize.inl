// The bodies of bilinear resizing; resize.h describes them.
#include <string.h>

#include "kernels/resize/resize.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

// One axis: position = (o + offset) * scale - offset, not below 0.
struct ResizeAxis {
  int64_t in, out;
  double scale, offset;
};

ResizeAxis resize_axis(const ResizeArgs& args, int i, double scale) {
  const int64_t in = args.in_dims[i], out = args.out_dims[i];
  if (args.align_corners) return {in, out, out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0, 0};
  return {in, out, scale > 0 ? scale : static_cast<double>(in) / static_cast<double>(out), 0.5};
}

// The two inputs of an output and the weight of the second.
struct ResizeTap {
  int64_t low, high;
  double weight;
};

ResizeTap resize_tap(const ResizeAxis& axis, int64_t o) {
  double position = (static_cast<double>(o) + axis.offset) * axis.scale - axis.offset;
  if (position < 0) position = 0;
  const int64_t low = min64(static_cast<int64_t>(position), axis.in - 1);
  const double weight = position - static_cast<double>(low);
  return {low, min64(low + 1, axis.in - 1), weight < 1 ? weight : 1};
}

// The first output whose lower input is at least i; lower inputs never decrease.
int64_t resize_first_output(const ResizeAxis& axis, int64_t i) {
  int64_t first = 0, last = axis.out;
  while (first < last) {
    const int64_t middle = (first + last) / 2;
    if (resize_tap(axis, middle).low < i) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

template <class T>
void resize_row(const ResizeArgs& args, const ResizeAxis& h, const ResizeAxis& w, int64_t row) {
  const int64_t channels = args.channels;
  const ResizeTap rows = resize_tap(h, row % h.out);
  const T* x = static_cast<const T*>(args.x) + row / h.out * h.in * w.in * channels;
  const T *upper = x + rows.low * w.in * channels, *lower = x + rows.high * w.in * channels;
  T* y = static_cast<T*>(args.y) + row * w.out * channels;
  const T b = static_cast<T>(rows.weight), a = 1 - b;
  for (int64_t ow = 0; ow < w.out; ++ow, y += channels) {
    const ResizeTap tap = resize_tap(w, ow);
    const T d = static_cast<T>(tap.weight), c = 1 - d;
    const T *p = upper + tap.low * channels, *q = upper + tap.high * channels;
    const T *r = lower + tap.low * channels, *s = lower + tap.high * channels;
    for (int64_t i = 0; i < channels; ++i) y[i] = a * (c * p[i] + d * q[i]) + b * (c * r[i] + d * s[i]);
  }
}

// Adds the share of one output row, times `weight`, to an input row.
template <class T>
void resize_spread(const ResizeAxis& w, const T* g, T weight, T* y, int64_t channels) {
  for (int64_t ow = 0; ow < w.out; ++ow, g += channels) {
    const ResizeTap tap = resize_tap(w, ow);
    const T d = static_cast<T>(tap.weight) * weight, c = weight - d;
    T *p = y + tap.low * channels, *q = y + tap.high * channels;
    for (int64_t i = 0; i < channels; ++i) p[i] += c * g[i];
    for (int64_t i = 0; i < channels; ++i) q[i] += d * g[i];
  }
}

template <class T>
void resize_grad_row(const ResizeArgs& args, const ResizeAxis& h, const ResizeAxis& w, int64_t row) {
  const int64_t channels = args.channels, line = w.in * channels, ih = row % h.in;
  const T* g = static_cast<const T*>(args.x) + row / h.in * h.out * w.out * channels;
  T* y = static_cast<T*>(args.y) + row * line;
  memset(y, 0, sizeof(T) * line);
  for (int64_t oh = resize_first_output(h, ih - 1); oh < h.out; ++oh) {
    const ResizeTap tap = resize_tap(h, oh);
    if (tap.low > ih) break;
    const T second = static_cast<T>(tap.weight), first = 1 - second;
    const T weight = (tap.low == ih ? first : 0) + (tap.high == ih ? second : 0);
    if (weight != 0) resize_spread(w, g + oh * w.out * channels, weight, y, channels);
  }
}

// Rows written: of the output for the forward row, of the input for the gradient.
struct ResizePlan {
  int64_t rows, group;
};

ResizePlan resize_plan(const ResizeArgs& args, bool gradient) {
  const int64_t rows = gradient ? args.in_dims[0] : args.out_dims[0];
  const int64_t out_rows = ceil_div(args.out_dims[0], rows);
  const int64_t work = (args.out_dims[1] * out_rows + (gradient ? args.in_dims[1] : 0)) * args.channels;
  return {args.batch * rows, max64(1, kResizeGrain / work)};
}

template <bool kGradient>
int64_t resize_tasks(const void* raw, int) {
  const ResizePlan plan = resize_plan(*static_cast<const ResizeArgs*>(raw), kGradient);
  return ceil_div(plan.rows, plan.group);
}

template <class T, bool kGradient>
void resize_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const ResizeArgs& args = *static_cast<const ResizeArgs*>(raw);
  const ResizePlan plan = resize_plan(args, kGradient);
  const ResizeAxis h = resize_axis(args, 0, args.scale_h), w = resize_axis(args, 1, args.scale_w);
  const int64_t last = min64(plan.rows, end * plan.group);
  for (int64_t row = begin * plan.group; row < last; ++row) {
    if constexpr (kGradient) {
      resize_grad_row<T>(args, h, w, row);
    } else {
      resize_row<T>(args, h, w, row);
    }
  }
}

#define BRAWN_RESIZE(name, operands, T, gradient)                                                       \
  {                                                                                                     \
    name, "", operands, "batch channels in_dims:i[] out_dims:i[] align_corners scale_h:f scale_w:f", 1, \
        resize_tasks<gradient>, nullptr, nullptr, resize_run<T, gradient>                               \
  }

const KernelRow kResizeRows[] = {
    BRAWN_RESIZE("resize_bilinear_f32", "x -> y", float, false),
    BRAWN_RESIZE("resize_bilinear_f64", "x -> y", double, false),
    BRAWN_RESIZE("resize_bilinearGrad_f32", "g -> y", float, true),
    BRAWN_RESIZE("resize_bilinearGrad_f64", "g -> y", double, true),
};

#undef BRAWN_RESIZE

}  // namespace

KernelTable resize_table() { return {kResizeRows, static_cast<int>(sizeof(kResizeRows) / sizeof(kResizeRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
