// NEON (aarch64) implementation of the vector layer: 4 floats or 2 doubles. The API and its rules are described in
// ref.h; the functions on top of it (exp, tanh, ...) are in math.h.
#pragma once
#define BRAWN_ISA neon
#define BRAWN_ISA_NAME "neon"
#if defined(__aarch64__)
#define BRAWN_ISA_ENABLED 1
#define BRAWN_HAS_NEON 1
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define BRAWN_INLINE inline __attribute__((always_inline))

namespace brawn {
namespace BRAWN_ISA {
namespace {

struct M32 {
  uint32x4_t v;
};
struct M64 {
  uint64x2_t v;
};

BRAWN_INLINE M32 operator&(M32 a, M32 b) { return {vandq_u32(a.v, b.v)}; }
BRAWN_INLINE M32 operator|(M32 a, M32 b) { return {vorrq_u32(a.v, b.v)}; }
BRAWN_INLINE M32 operator^(M32 a, M32 b) { return {veorq_u32(a.v, b.v)}; }
BRAWN_INLINE M32 operator!(M32 a) { return {vmvnq_u32(a.v)}; }
BRAWN_INLINE bool any(M32 a) { return vmaxvq_u32(a.v) != 0; }
BRAWN_INLINE bool all(M32 a) { return vminvq_u32(a.v) != 0; }
BRAWN_INLINE M64 operator&(M64 a, M64 b) { return {vandq_u64(a.v, b.v)}; }
BRAWN_INLINE M64 operator|(M64 a, M64 b) { return {vorrq_u64(a.v, b.v)}; }
BRAWN_INLINE M64 operator!(M64 a) { return {veorq_u64(a.v, vdupq_n_u64(~0ull))}; }
BRAWN_INLINE bool any(M64 a) { return vmaxvq_u32(vreinterpretq_u32_u64(a.v)) != 0; }
BRAWN_INLINE bool all(M64 a) { return vminvq_u32(vreinterpretq_u32_u64(a.v)) != 0; }

struct F32 {
  static constexpr int kLanes = 4;
  float32x4_t v;
  static BRAWN_INLINE F32 load(const float* p) { return {vld1q_f32(p)}; }
  static BRAWN_INLINE F32 load_partial(const float* p, int64_t n) {
    float lanes[4] = {0, 0, 0, 0};
    __builtin_memcpy(lanes, p, static_cast<size_t>(n) * sizeof(float));
    return load(lanes);
  }
  static BRAWN_INLINE F32 set(float x) { return {vdupq_n_f32(x)}; }
  static BRAWN_INLINE F32 zero() { return {vdupq_n_f32(0)}; }
  BRAWN_INLINE void store(float* p) const { vst1q_f32(p, v); }
  BRAWN_INLINE void store_partial(float* p, int64_t n) const {
    float lanes[4];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(n) * sizeof(float));
  }
};

BRAWN_INLINE F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
BRAWN_INLINE F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
BRAWN_INLINE F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a) { return {vnegq_f32(a.v)}; }
BRAWN_INLINE F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
BRAWN_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
BRAWN_INLINE F32 in_register(F32 a) {
  asm("" : "+w"(a.v));
  return a;
}
BRAWN_INLINE F32 abs(F32 a) { return {vabsq_f32(a.v)}; }
BRAWN_INLINE F32 sqrt(F32 a) { return {vsqrtq_f32(a.v)}; }
BRAWN_INLINE F32 floor(F32 a) { return {vrndmq_f32(a.v)}; }
BRAWN_INLINE F32 ceil(F32 a) { return {vrndpq_f32(a.v)}; }
BRAWN_INLINE F32 trunc(F32 a) { return {vrndq_f32(a.v)}; }
BRAWN_INLINE F32 round_even(F32 a) { return {vrndnq_f32(a.v)}; }
BRAWN_INLINE M32 lt(F32 a, F32 b) { return {vcltq_f32(a.v, b.v)}; }
BRAWN_INLINE M32 le(F32 a, F32 b) { return {vcleq_f32(a.v, b.v)}; }
BRAWN_INLINE M32 gt(F32 a, F32 b) { return {vcgtq_f32(a.v, b.v)}; }
BRAWN_INLINE M32 ge(F32 a, F32 b) { return {vcgeq_f32(a.v, b.v)}; }
BRAWN_INLINE M32 eq(F32 a, F32 b) { return {vceqq_f32(a.v, b.v)}; }
BRAWN_INLINE M32 ne(F32 a, F32 b) { return {vmvnq_u32(vceqq_f32(a.v, b.v))}; }
BRAWN_INLINE F32 select(M32 m, F32 a, F32 b) { return {vbslq_f32(m.v, a.v, b.v)}; }
BRAWN_INLINE F32 copysign(F32 a, F32 sign) { return {vbslq_f32(vdupq_n_u32(0x7fffffff), a.v, sign.v)}; }
BRAWN_INLINE M32 is_nan(F32 a) { return ne(a, a); }
BRAWN_INLINE F32 min(F32 a, F32 b) { return select(lt(a, b), a, b); }
BRAWN_INLINE F32 max(F32 a, F32 b) { return select(gt(a, b), a, b); }
BRAWN_INLINE F32 min_nan(F32 a, F32 b) { return {vminq_f32(a.v, b.v)}; }
BRAWN_INLINE F32 max_nan(F32 a, F32 b) { return {vmaxq_f32(a.v, b.v)}; }

struct I32 {
  static constexpr int kLanes = 4;
  int32x4_t v;
  static BRAWN_INLINE I32 load(const int32_t* p) { return {vld1q_s32(p)}; }
  static BRAWN_INLINE I32 load_partial(const int32_t* p, int64_t n) {
    int32_t lanes[4] = {0, 0, 0, 0};
    __builtin_memcpy(lanes, p, static_cast<size_t>(n) * sizeof(int32_t));
    return load(lanes);
  }
  static BRAWN_INLINE I32 set(int32_t x) { return {vdupq_n_s32(x)}; }
  static BRAWN_INLINE I32 zero() { return {vdupq_n_s32(0)}; }
  static BRAWN_INLINE I32 load_bytes(const uint8_t* p) {
    uint32_t bytes;
    __builtin_memcpy(&bytes, p, 4);
    const uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(bytes)));
    return {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide)))};
  }
  BRAWN_INLINE void store_bytes(uint8_t* p) const {
    const uint16x4_t half = vmovn_u32(vreinterpretq_u32_s32(v));
    const uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(half, half))), 0);
    __builtin_memcpy(p, &bytes, 4);
  }
  BRAWN_INLINE void store(int32_t* p) const { vst1q_s32(p, v); }
  BRAWN_INLINE void store_partial(int32_t* p, int64_t n) const {
    int32_t lanes[4];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(n) * sizeof(int32_t));
  }
};

BRAWN_INLINE I32 operator+(I32 a, I32 b) { return {vaddq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 operator-(I32 a, I32 b) { return {vsubq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 operator*(I32 a, I32 b) { return {vmulq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 operator&(I32 a, I32 b) { return {vandq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 operator|(I32 a, I32 b) { return {vorrq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 operator^(I32 a, I32 b) { return {veorq_s32(a.v, b.v)}; }
template <int kBits>
BRAWN_INLINE I32 shl(I32 a) {
  return {vshlq_n_s32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 sar(I32 a) {
  return {vshrq_n_s32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 shr(I32 a) {
  return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v), kBits))};
}
BRAWN_INLINE I32 min(I32 a, I32 b) { return {vminq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 max(I32 a, I32 b) { return {vmaxq_s32(a.v, b.v)}; }
BRAWN_INLINE M32 lt(I32 a, I32 b) { return {vcltq_s32(a.v, b.v)}; }
BRAWN_INLINE M32 gt(I32 a, I32 b) { return {vcgtq_s32(a.v, b.v)}; }
BRAWN_INLINE M32 eq(I32 a, I32 b) { return {vceqq_s32(a.v, b.v)}; }
BRAWN_INLINE I32 select(M32 m, I32 a, I32 b) { return {vbslq_s32(m.v, a.v, b.v)}; }

BRAWN_INLINE I32 as_i32(F32 a) { return {vreinterpretq_s32_f32(a.v)}; }
BRAWN_INLINE F32 as_f32(I32 a) { return {vreinterpretq_f32_s32(a.v)}; }
BRAWN_INLINE I32 round_to_i32(F32 a) { return {vcvtnq_s32_f32(a.v)}; }
BRAWN_INLINE I32 trunc_to_i32(F32 a) { return {vcvtq_s32_f32(a.v)}; }
BRAWN_INLINE F32 to_f32(I32 a) { return {vcvtq_f32_s32(a.v)}; }

struct F64 {
  static constexpr int kLanes = 2;
  float64x2_t v;
  static BRAWN_INLINE F64 load(const double* p) { return {vld1q_f64(p)}; }
  static BRAWN_INLINE F64 load_partial(const double* p, int64_t n) {
    double lanes[2] = {0, 0};
    __builtin_memcpy(lanes, p, static_cast<size_t>(n) * sizeof(double));
    return load(lanes);
  }
  static BRAWN_INLINE F64 set(double x) { return {vdupq_n_f64(x)}; }
  static BRAWN_INLINE F64 zero() { return {vdupq_n_f64(0)}; }
  BRAWN_INLINE void store(double* p) const { vst1q_f64(p, v); }
  BRAWN_INLINE void store_partial(double* p, int64_t n) const {
    double lanes[2];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(n) * sizeof(double));
  }
};

BRAWN_INLINE F64 operator+(F64 a, F64 b) { return {vaddq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a, F64 b) { return {vsubq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 operator*(F64 a, F64 b) { return {vmulq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 operator/(F64 a, F64 b) { return {vdivq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a) { return {vnegq_f64(a.v)}; }
BRAWN_INLINE F64 fma(F64 a, F64 b, F64 c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
BRAWN_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {vfmsq_f64(c.v, a.v, b.v)}; }
BRAWN_INLINE F64 in_register(F64 a) {
  asm("" : "+w"(a.v));
  return a;
}
BRAWN_INLINE F64 abs(F64 a) { return {vabsq_f64(a.v)}; }
BRAWN_INLINE F64 sqrt(F64 a) { return {vsqrtq_f64(a.v)}; }
BRAWN_INLINE F64 round_even(F64 a) { return {vrndnq_f64(a.v)}; }
BRAWN_INLINE M64 lt(F64 a, F64 b) { return {vcltq_f64(a.v, b.v)}; }
BRAWN_INLINE M64 le(F64 a, F64 b) { return {vcleq_f64(a.v, b.v)}; }
BRAWN_INLINE M64 gt(F64 a, F64 b) { return {vcgtq_f64(a.v, b.v)}; }
BRAWN_INLINE M64 ge(F64 a, F64 b) { return {vcgeq_f64(a.v, b.v)}; }
BRAWN_INLINE M64 eq(F64 a, F64 b) { return {vceqq_f64(a.v, b.v)}; }
BRAWN_INLINE M64 ne(F64 a, F64 b) { return !M64{vceqq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 select(M64 m, F64 a, F64 b) { return {vbslq_f64(m.v, a.v, b.v)}; }
BRAWN_INLINE M64 is_nan(F64 a) { return ne(a, a); }
BRAWN_INLINE F64 min(F64 a, F64 b) { return select(lt(a, b), a, b); }
BRAWN_INLINE F64 max(F64 a, F64 b) { return select(gt(a, b), a, b); }
BRAWN_INLINE F64 min_nan(F64 a, F64 b) { return {vminq_f64(a.v, b.v)}; }
BRAWN_INLINE F64 max_nan(F64 a, F64 b) { return {vmaxq_f64(a.v, b.v)}; }

BRAWN_INLINE F64 low_f64(F32 a) { return {vcvt_f64_f32(vget_low_f32(a.v))}; }
BRAWN_INLINE F64 high_f64(F32 a) { return {vcvt_high_f64_f32(a.v)}; }
BRAWN_INLINE F32 to_f32(F64 low, F64 high) { return {vcvt_high_f32_f64(vcvt_f32_f64(low.v), high.v)}; }

BRAWN_INLINE float reduce_add(F32 a) {
  const float32x2_t half = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(half, 0) + vget_lane_f32(half, 1);
}
BRAWN_INLINE float reduce_max(F32 a) { return vmaxvq_f32(a.v); }
BRAWN_INLINE float reduce_min(F32 a) { return vminvq_f32(a.v); }
BRAWN_INLINE double reduce_add(F64 a) { return vgetq_lane_f64(a.v, 0) + vgetq_lane_f64(a.v, 1); }
BRAWN_INLINE double reduce_max(F64 a) { return vmaxvq_f64(a.v); }
BRAWN_INLINE double reduce_min(F64 a) { return vminvq_f64(a.v); }

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#else
#define BRAWN_ISA_ENABLED 0
#endif
