// AVX-512 (F, BW, DQ, VL) implementation of the vector layer: 16 floats or 8 doubles. The API and its rules are
// described in ref.h; the functions on top of it (exp, tanh, ...) are in math.h.
#pragma once
#define BRAWN_ISA avx512
#define BRAWN_ISA_NAME "avx512"
#if defined(__x86_64__)
#define BRAWN_ISA_ENABLED 1
#include <stddef.h>
#include <stdint.h>

// GCC 12 reports its own _mm512_undefined_* helpers as uninitialized.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#define BRAWN_INLINE inline __attribute__((always_inline))

namespace brawn {
namespace BRAWN_ISA {
namespace {

struct M32 {
  __mmask16 v;
};
struct M64 {
  __mmask8 v;
};

BRAWN_INLINE M32 operator&(M32 a, M32 b) { return {static_cast<__mmask16>(a.v & b.v)}; }
BRAWN_INLINE M32 operator|(M32 a, M32 b) { return {static_cast<__mmask16>(a.v | b.v)}; }
BRAWN_INLINE M32 operator^(M32 a, M32 b) { return {static_cast<__mmask16>(a.v ^ b.v)}; }
BRAWN_INLINE M32 operator!(M32 a) { return {static_cast<__mmask16>(~a.v)}; }
BRAWN_INLINE bool any(M32 a) { return a.v != 0; }
BRAWN_INLINE bool all(M32 a) { return a.v == 0xffff; }
BRAWN_INLINE M64 operator&(M64 a, M64 b) { return {static_cast<__mmask8>(a.v & b.v)}; }
BRAWN_INLINE M64 operator|(M64 a, M64 b) { return {static_cast<__mmask8>(a.v | b.v)}; }
BRAWN_INLINE M64 operator!(M64 a) { return {static_cast<__mmask8>(~a.v)}; }
BRAWN_INLINE bool any(M64 a) { return a.v != 0; }
BRAWN_INLINE bool all(M64 a) { return a.v == 0xff; }

BRAWN_INLINE __mmask16 first_lanes16(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
BRAWN_INLINE __mmask8 first_lanes8(int64_t n) { return static_cast<__mmask8>((1u << n) - 1u); }

struct F32 {
  static constexpr int kLanes = 16;
  __m512 v;
  static BRAWN_INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static BRAWN_INLINE F32 load_partial(const float* p, int64_t n) {
    return {_mm512_maskz_loadu_ps(first_lanes16(n), p)};
  }
  static BRAWN_INLINE F32 set(float x) { return {_mm512_set1_ps(x)}; }
  static BRAWN_INLINE F32 zero() { return {_mm512_setzero_ps()}; }
  BRAWN_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  BRAWN_INLINE void store_partial(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, first_lanes16(n), v); }
};

BRAWN_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
BRAWN_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
BRAWN_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
BRAWN_INLINE F32 in_register(F32 a) {
  asm("" : "+v"(a.v));
  return a;
}
BRAWN_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
BRAWN_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
BRAWN_INLINE F32 abs(F32 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
BRAWN_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
BRAWN_INLINE F32 floor(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE F32 ceil(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE F32 trunc(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE F32 round_even(F32 a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
BRAWN_INLINE M32 lt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
BRAWN_INLINE M32 le(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
BRAWN_INLINE M32 gt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
BRAWN_INLINE M32 ge(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
BRAWN_INLINE M32 eq(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
BRAWN_INLINE M32 ne(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
BRAWN_INLINE F32 select(M32 m, F32 a, F32 b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
BRAWN_INLINE F32 copysign(F32 a, F32 sign) {
  const __m512 bit = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(bit, a.v), _mm512_and_ps(bit, sign.v))};
}
BRAWN_INLINE M32 is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
BRAWN_INLINE F32 min_nan(F32 a, F32 b) { return select(is_nan(a), a, min(a, b)); }
BRAWN_INLINE F32 max_nan(F32 a, F32 b) { return select(is_nan(a), a, max(a, b)); }

struct I32 {
  static constexpr int kLanes = 16;
  __m512i v;
  static BRAWN_INLINE I32 load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
  static BRAWN_INLINE I32 load_partial(const int32_t* p, int64_t n) {
    return {_mm512_maskz_loadu_epi32(first_lanes16(n), p)};
  }
  static BRAWN_INLINE I32 set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static BRAWN_INLINE I32 zero() { return {_mm512_setzero_si512()}; }
  static BRAWN_INLINE I32 load_bytes(const uint8_t* p) {
    return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  BRAWN_INLINE void store_bytes(uint8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
  }
  BRAWN_INLINE void store(int32_t* p) const { _mm512_storeu_si512(p, v); }
  BRAWN_INLINE void store_partial(int32_t* p, int64_t n) const { _mm512_mask_storeu_epi32(p, first_lanes16(n), v); }
};

BRAWN_INLINE I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator*(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
BRAWN_INLINE I32 operator|(I32 a, I32 b) { return {_mm512_or_si512(a.v, b.v)}; }
BRAWN_INLINE I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int kBits>
BRAWN_INLINE I32 shl(I32 a) {
  return {_mm512_slli_epi32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 sar(I32 a) {
  return {_mm512_srai_epi32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 shr(I32 a) {
  return {_mm512_srli_epi32(a.v, kBits)};
}
BRAWN_INLINE I32 min(I32 a, I32 b) { return {_mm512_min_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 max(I32 a, I32 b) { return {_mm512_max_epi32(a.v, b.v)}; }
BRAWN_INLINE M32 lt(I32 a, I32 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
BRAWN_INLINE M32 gt(I32 a, I32 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
BRAWN_INLINE M32 eq(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
BRAWN_INLINE I32 select(M32 m, I32 a, I32 b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }

BRAWN_INLINE I32 as_i32(F32 a) { return {_mm512_castps_si512(a.v)}; }
BRAWN_INLINE F32 as_f32(I32 a) { return {_mm512_castsi512_ps(a.v)}; }
BRAWN_INLINE I32 round_to_i32(F32 a) { return {_mm512_cvtps_epi32(a.v)}; }
BRAWN_INLINE I32 trunc_to_i32(F32 a) { return {_mm512_cvttps_epi32(a.v)}; }
BRAWN_INLINE F32 to_f32(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }

// x * 2^n for integral n, correctly rounded; math.h has it for the other instruction sets.
#define BRAWN_HAS_LDEXP 1
BRAWN_INLINE F32 ldexp(F32 x, F32 n) { return {_mm512_scalef_ps(x.v, n.v)}; }

struct F64 {
  static constexpr int kLanes = 8;
  __m512d v;
  static BRAWN_INLINE F64 load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static BRAWN_INLINE F64 load_partial(const double* p, int64_t n) {
    return {_mm512_maskz_loadu_pd(first_lanes8(n), p)};
  }
  static BRAWN_INLINE F64 set(double x) { return {_mm512_set1_pd(x)}; }
  static BRAWN_INLINE F64 zero() { return {_mm512_setzero_pd()}; }
  BRAWN_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
  BRAWN_INLINE void store_partial(double* p, int64_t n) const { _mm512_mask_storeu_pd(p, first_lanes8(n), v); }
};

BRAWN_INLINE F64 operator+(F64 a, F64 b) { return {_mm512_add_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a, F64 b) { return {_mm512_sub_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator*(F64 a, F64 b) { return {_mm512_mul_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator/(F64 a, F64 b) { return {_mm512_div_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a) { return {_mm512_xor_pd(a.v, _mm512_set1_pd(-0.0))}; }
BRAWN_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
BRAWN_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
BRAWN_INLINE F64 in_register(F64 a) {
  asm("" : "+v"(a.v));
  return a;
}
BRAWN_INLINE F64 min(F64 a, F64 b) { return {_mm512_min_pd(a.v, b.v)}; }
BRAWN_INLINE F64 max(F64 a, F64 b) { return {_mm512_max_pd(a.v, b.v)}; }
BRAWN_INLINE F64 abs(F64 a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.v)}; }
BRAWN_INLINE F64 sqrt(F64 a) { return {_mm512_sqrt_pd(a.v)}; }
BRAWN_INLINE F64 round_even(F64 a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
BRAWN_INLINE M64 lt(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ)}; }
BRAWN_INLINE M64 le(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ)}; }
BRAWN_INLINE M64 gt(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ)}; }
BRAWN_INLINE M64 ge(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ)}; }
BRAWN_INLINE M64 eq(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ)}; }
BRAWN_INLINE M64 ne(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
BRAWN_INLINE F64 select(M64 m, F64 a, F64 b) { return {_mm512_mask_blend_pd(m.v, b.v, a.v)}; }
BRAWN_INLINE M64 is_nan(F64 a) { return {_mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q)}; }
BRAWN_INLINE F64 min_nan(F64 a, F64 b) { return select(is_nan(a), a, min(a, b)); }
BRAWN_INLINE F64 max_nan(F64 a, F64 b) { return select(is_nan(a), a, max(a, b)); }

BRAWN_INLINE F64 low_f64(F32 a) { return {_mm512_cvtps_pd(_mm512_castps512_ps256(a.v))}; }
BRAWN_INLINE F64 high_f64(F32 a) { return {_mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1))}; }
BRAWN_INLINE F32 to_f32(F64 low, F64 high) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)), _mm512_cvtpd_ps(high.v), 1)};
}

BRAWN_INLINE float reduce_add(F32 a) {
  __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
BRAWN_INLINE float reduce_max(F32 a) { return any(is_nan(a)) ? __builtin_nanf("") : _mm512_reduce_max_ps(a.v); }
BRAWN_INLINE float reduce_min(F32 a) { return any(is_nan(a)) ? __builtin_nanf("") : _mm512_reduce_min_ps(a.v); }
BRAWN_INLINE double reduce_add(F64 a) {
  __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  __m128d q = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
  return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
}
BRAWN_INLINE double reduce_max(F64 a) { return any(is_nan(a)) ? __builtin_nan("") : _mm512_reduce_max_pd(a.v); }
BRAWN_INLINE double reduce_min(F64 a) { return any(is_nan(a)) ? __builtin_nan("") : _mm512_reduce_min_pd(a.v); }

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#else
#define BRAWN_ISA_ENABLED 0
#endif
