// The transforms of Winograd tiles, one dimension at a time, on vectors of channels.
#pragma once
#include "kernels/gemm/pack.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// A set of points is 0, pairs of p and -p, and infinity; `input` is B^T of its products. `kZero` and `kScale` are what
// is left for the other operand: one over the product of a point's distances from all others.

// 0, 1, -1 and infinity.
struct Points4 {
  static constexpr int kCount = 4, kPairs = 1;
  static constexpr float kZero = 1;
  static constexpr float kPoint[] = {1};
  static constexpr float kScale[] = {1.0f / 2};

  static BRAWN_INLINE void input(const F32* d, F32* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
  }
};

// And 2, -2.
struct Points6 {
  static constexpr int kCount = 6, kPairs = 2;
  static constexpr float kZero = 1.0f / 4;
  static constexpr float kPoint[] = {1, 2};
  static constexpr float kScale[] = {-1.0f / 6, 1.0f / 24};

  static BRAWN_INLINE void input(const F32* d, F32* t) {
    const F32 four = F32::set(4), five = F32::set(5), two = F32::set(2);
    const F32 a = fnma(four, d[2], d[4]), b = fnma(four, d[1], d[3]);
    const F32 c = d[4] - d[2], e = two * (d[3] - d[1]);
    t[0] = fma(four, d[0], fnma(five, d[2], d[4]));
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = fma(four, d[1], fnma(five, d[3], d[5]));
  }
};

// And 1/2, -1/2.
struct Points8 {
  static constexpr int kCount = 8, kPairs = 3;
  static constexpr float kZero = 1;
  static constexpr float kPoint[] = {1, 2, 0.5f};
  static constexpr float kScale[] = {-2.0f / 9, 1.0f / 90, 32.0f / 45};

  static BRAWN_INLINE void input(const F32* d, F32* t) {
    const F32 inner = F32::set(5.25f), near = F32::set(4.25f), quarter = F32::set(0.25f);
    const F32 half = F32::set(0.5f), middle = F32::set(2.5f), two = F32::set(2), four = F32::set(4);
    const F32 a = fnma(near, d[4], d[2] + d[6]), b = fnma(near, d[3], d[1] + d[5]);
    const F32 c = fma(quarter, d[2], fnma(F32::set(1.25f), d[4], d[6]));
    const F32 e = fma(half, d[1], fma(two, d[5], -(middle * d[3])));
    const F32 f = fma(four, d[2], fnma(F32::set(5), d[4], d[6]));
    const F32 g = fma(two, d[1], fma(half, d[5], -(middle * d[3])));
    t[0] = fma(inner, d[4] - d[2], d[0] - d[6]);
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = f + g;
    t[6] = f - g;
    t[7] = fma(inner, d[3] - d[5], d[7] - d[1]);
  }
};

constexpr float power(float base, int exponent) { return exponent == 0 ? 1.0f : base * power(base, exponent - 1); }

// G: the polynomial of kCount coefficients w at all points, scaled.
template <class Points, int kCount>
BRAWN_INLINE void spread(const F32* w, F32* t) {
  t[0] = F32::set(Points::kZero) * w[0];
#pragma GCC unroll 4
  for (int pair = 0; pair < Points::kPairs; ++pair) {
    const float scale = Points::kScale[pair], point = Points::kPoint[pair];
    F32 even = F32::set(scale) * w[0], odd = F32::set(scale * point) * w[1];
#pragma GCC unroll 8
    for (int i = 2; i < kCount; ++i) {
      F32& sum = i % 2 == 0 ? even : odd;
      sum = fma(F32::set(scale * power(point, i)), w[i], sum);
    }
    t[1 + 2 * pair] = even + odd;
    t[2 + 2 * pair] = even - odd;
  }
  t[Points::kCount - 1] = w[kCount - 1];
}

// A^T, the transpose of `spread` without the scales: kCount sums of products m.
template <class Points, int kCount>
BRAWN_INLINE void gather(const F32* m, F32* y) {
  F32 both[] = {m[1] + m[2], m[1] - m[2]};
  y[0] = m[0] + both[0];
#pragma GCC unroll 8
  for (int i = 1; i < kCount; ++i) y[i] = both[i % 2];
#pragma GCC unroll 4
  for (int pair = 1; pair < Points::kPairs; ++pair) {
    const F32 sum = m[1 + 2 * pair] + m[2 + 2 * pair], difference = m[1 + 2 * pair] - m[2 + 2 * pair];
    y[0] = y[0] + sum;
#pragma GCC unroll 8
    for (int i = 1; i < kCount; ++i) {
      y[i] = fma(F32::set(power(Points::kPoint[pair], i)), i % 2 == 0 ? sum : difference, y[i]);
    }
  }
  y[kCount - 1] = y[kCount - 1] + m[Points::kCount - 1];
}

// F(kOut x kOut, kKernel x kKernel). In the weight gradient F(kKernel x kKernel, kOut x kOut) the gradients of a tile
// take the place of the kernel.
template <class Points, int kOutputs, int kTaps>
struct Tile {
  static constexpr int kOut = kOutputs, kKernel = kTaps, kIn = Points::kCount;
  static_assert(kOut + kKernel - 1 == kIn, "as many points as a tile has inputs");

  static BRAWN_INLINE void input(const F32* d, F32* t) { Points::input(d, t); }
  static BRAWN_INLINE void weights(const F32* w, F32* t) { spread<Points, kKernel>(w, t); }
  static BRAWN_INLINE void output(const F32* m, F32* y) { gather<Points, kOut>(m, y); }
  static BRAWN_INLINE void gradients(const F32* g, F32* t) { spread<Points, kOut>(g, t); }
  static BRAWN_INLINE void kernel(const F32* m, F32* w) { gather<Points, kKernel>(m, w); }
};

using Tile2 = Tile<Points4, 2, 3>;
using Tile4 = Tile<Points6, 4, 3>;
using Tile4Of5 = Tile<Points8, 4, 5>;

// L x L^T for a square x of kFrom x kFrom vectors; `line` applies L to one line of kFrom vectors and gives kTo.
template <int kFrom, int kTo, class Load, class Line, class Store>
BRAWN_INLINE void transform_square(const Load& load, const Line& line, const Store& store) {
  F32 half[kTo][kFrom];
#pragma GCC unroll 8
  for (int j = 0; j < kFrom; ++j) {
    F32 column[kFrom], result[kTo];
#pragma GCC unroll 8
    for (int i = 0; i < kFrom; ++i) column[i] = load(i, j);
    line(column, result);
#pragma GCC unroll 8
    for (int i = 0; i < kTo; ++i) half[i][j] = result[i];
  }
#pragma GCC unroll 8
  for (int i = 0; i < kTo; ++i) {
    F32 result[kTo];
    line(half[i], result);
#pragma GCC unroll 8
    for (int j = 0; j < kTo; ++j) store(i, j, result[j]);
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
