// The transforms of F(4x4, 3x3) and F(2x2, 3x3), one dimension at a time, on vectors of channels.
#pragma once
#include "kernels/gemm/pack.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Points 0, 1, -1, 2, -2 and infinity.
struct Tile4 {
  static constexpr int kOut = 4;
  static constexpr int kIn = 6;

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

  static BRAWN_INLINE void weights(const F32* w, F32* t) {
    const F32 sixth = F32::set(1.0f / 6), twelfth = F32::set(1.0f / 12), part = F32::set(1.0f / 24);
    const F32 even = -(sixth * (w[0] + w[2])), odd = -(sixth * w[1]);
    const F32 far_even = fma(part, w[0], sixth * w[2]), far_odd = twelfth * w[1];
    t[0] = F32::set(0.25f) * w[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = far_even + far_odd;
    t[4] = far_even - far_odd;
    t[5] = w[2];
  }

  static BRAWN_INLINE void output(const F32* m, F32* y) {
    const F32 s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    y[0] = m[0] + s1 + s2;
    y[1] = fma(F32::set(2), d2, d1);
    y[2] = fma(F32::set(4), s2, s1);
    y[3] = fma(F32::set(8), d2, d1) + m[5];
  }

  // The weight gradient is F(3x3, 4x4) over the same points: the 4x4 gradients of a tile take the place of the kernel.
  static BRAWN_INLINE void gradients(const F32* g, F32* t) {
    const F32 sixth = F32::set(1.0f / 6), part = F32::set(1.0f / 24);
    const F32 even = -(sixth * (g[0] + g[2])), odd = -(sixth * (g[1] + g[3]));
    const F32 far_even = part * fma(F32::set(4), g[2], g[0]),
              far_odd = part * fma(F32::set(8), g[3], F32::set(2) * g[1]);
    t[0] = F32::set(0.25f) * g[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = far_even + far_odd;
    t[4] = far_even - far_odd;
    t[5] = g[3];
  }

  static BRAWN_INLINE void kernel(const F32* m, F32* w) {
    const F32 s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    w[0] = m[0] + s1 + s2;
    w[1] = fma(F32::set(2), d2, d1);
    w[2] = fma(F32::set(4), s2, s1) + m[5];
  }
};

// Points 0, 1, -1 and infinity.
struct Tile2 {
  static constexpr int kOut = 2;
  static constexpr int kIn = 4;

  static BRAWN_INLINE void input(const F32* d, F32* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }

  static BRAWN_INLINE void weights(const F32* w, F32* t) {
    const F32 half = F32::set(0.5f);
    const F32 even = half * (w[0] + w[2]), odd = half * w[1];
    t[0] = w[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = w[2];
  }

  static BRAWN_INLINE void output(const F32* m, F32* y) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
};

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
