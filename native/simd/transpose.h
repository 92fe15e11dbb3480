// Transposes a small square of 4-byte elements in registers: kSquare x kSquare, dst[j][i] = src[i][j], strides in
// elements. Any 4-byte dtype may travel as float: the moves keep every bit.
#pragma once

namespace brawn {
namespace BRAWN_ISA {
namespace {

#if defined(__AVX2__)
constexpr int64_t kSquare = 8;
inline void transpose_square(const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(src + i * src_stride);
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(dst + i * dst_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(dst + (i + 4) * dst_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
#elif defined(BRAWN_HAS_NEON)
constexpr int64_t kSquare = 4;
inline void transpose_square(const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  const float32x4x2_t a = vtrnq_f32(F32::load(src).v, F32::load(src + src_stride).v);
  const float32x4x2_t b = vtrnq_f32(F32::load(src + 2 * src_stride).v, F32::load(src + 3 * src_stride).v);
  for (int i = 0; i < 2; ++i) {
    vst1q_f32(dst + i * dst_stride, vcombine_f32(vget_low_f32(a.val[i]), vget_low_f32(b.val[i])));
    vst1q_f32(dst + (i + 2) * dst_stride, vcombine_f32(vget_high_f32(a.val[i]), vget_high_f32(b.val[i])));
  }
}
#else
constexpr int64_t kSquare = 4;
inline void transpose_square(const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  for (int i = 0; i < 4; ++i) {
    const float a = src[i], b = src[src_stride + i], c = src[2 * src_stride + i], d = src[3 * src_stride + i];
    F32{F32x4{a, b, c, d}}.store(dst + i * dst_stride);
  }
}
#endif

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
