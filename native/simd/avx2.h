// AVX2 and FMA implementation of the vector layer: 8 floats or 4 doubles. The API and its rules are described in
// ref.h; the functions on top of it (exp, tanh, ...) are in math.h.
#pragma once
#define BRAWN_ISA avx2
#define BRAWN_ISA_NAME "avx2"
#if defined(__x86_64__)
#define BRAWN_ISA_ENABLED 1
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define BRAWN_INLINE inline __attribute__((always_inline))

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Masks are all-ones or all-zeros per lane, kept as floating point so that blends need no casts.
struct M32 {
  __m256 v;
};
struct M64 {
  __m256d v;
};

BRAWN_INLINE M32 operator&(M32 a, M32 b) { return {_mm256_and_ps(a.v, b.v)}; }
BRAWN_INLINE M32 operator|(M32 a, M32 b) { return {_mm256_or_ps(a.v, b.v)}; }
BRAWN_INLINE M32 operator^(M32 a, M32 b) { return {_mm256_xor_ps(a.v, b.v)}; }
BRAWN_INLINE M32 operator!(M32 a) { return {_mm256_xor_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
BRAWN_INLINE bool any(M32 a) { return _mm256_movemask_ps(a.v) != 0; }
BRAWN_INLINE bool all(M32 a) { return _mm256_movemask_ps(a.v) == 0xff; }
BRAWN_INLINE M64 operator&(M64 a, M64 b) { return {_mm256_and_pd(a.v, b.v)}; }
BRAWN_INLINE M64 operator|(M64 a, M64 b) { return {_mm256_or_pd(a.v, b.v)}; }
BRAWN_INLINE M64 operator!(M64 a) { return {_mm256_xor_pd(a.v, _mm256_castsi256_pd(_mm256_set1_epi32(-1)))}; }
BRAWN_INLINE bool any(M64 a) { return _mm256_movemask_pd(a.v) != 0; }
BRAWN_INLINE bool all(M64 a) { return _mm256_movemask_pd(a.v) == 0xf; }

BRAWN_INLINE __m256i first_lanes8(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
BRAWN_INLINE __m256i first_lanes4(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

struct F32 {
  static constexpr int kLanes = 8;
  __m256 v;
  static BRAWN_INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static BRAWN_INLINE F32 load_partial(const float* p, int64_t n) { return {_mm256_maskload_ps(p, first_lanes8(n))}; }
  static BRAWN_INLINE F32 set(float x) { return {_mm256_set1_ps(x)}; }
  static BRAWN_INLINE F32 zero() { return {_mm256_setzero_ps()}; }
  BRAWN_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  BRAWN_INLINE void store_partial(float* p, int64_t n) const { _mm256_maskstore_ps(p, first_lanes8(n), v); }
};

BRAWN_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
BRAWN_INLINE F32 operator-(F32 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
BRAWN_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
BRAWN_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
BRAWN_INLINE F32 in_register(F32 a) {
  asm("" : "+x"(a.v));
  return a;
}
BRAWN_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
BRAWN_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
BRAWN_INLINE F32 abs(F32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
BRAWN_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
BRAWN_INLINE F32 floor(F32 a) { return {_mm256_floor_ps(a.v)}; }
BRAWN_INLINE F32 ceil(F32 a) { return {_mm256_ceil_ps(a.v)}; }
BRAWN_INLINE F32 trunc(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE F32 round_even(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE M32 lt(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
BRAWN_INLINE M32 le(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
BRAWN_INLINE M32 gt(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
BRAWN_INLINE M32 ge(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
BRAWN_INLINE M32 eq(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
BRAWN_INLINE M32 ne(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
BRAWN_INLINE F32 select(M32 m, F32 a, F32 b) { return {_mm256_blendv_ps(b.v, a.v, m.v)}; }
BRAWN_INLINE F32 copysign(F32 a, F32 sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, a.v), _mm256_and_ps(bit, sign.v))};
}
BRAWN_INLINE M32 is_nan(F32 a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
BRAWN_INLINE F32 min_nan(F32 a, F32 b) { return select(is_nan(a), a, min(a, b)); }
BRAWN_INLINE F32 max_nan(F32 a, F32 b) { return select(is_nan(a), a, max(a, b)); }

struct I32 {
  static constexpr int kLanes = 8;
  __m256i v;
  static BRAWN_INLINE I32 load(const int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  static BRAWN_INLINE I32 load_partial(const int32_t* p, int64_t n) {
    return {_mm256_maskload_epi32(p, first_lanes8(n))};
  }
  static BRAWN_INLINE I32 set(int32_t x) { return {_mm256_set1_epi32(x)}; }
  static BRAWN_INLINE I32 zero() { return {_mm256_setzero_si256()}; }
  static BRAWN_INLINE I32 load_bytes(const uint8_t* p) {
    return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
  }
  BRAWN_INLINE void store_bytes(uint8_t* p) const {
    const __m128i lows = _mm_set1_epi32(0x0c080400);
    const __m128i low = _mm_shuffle_epi8(_mm256_castsi256_si128(v), lows);
    const __m128i high = _mm_shuffle_epi8(_mm256_extracti128_si256(v, 1), lows);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi32(low, high));
  }
  BRAWN_INLINE void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  BRAWN_INLINE void store_partial(int32_t* p, int64_t n) const { _mm256_maskstore_epi32(p, first_lanes8(n), v); }
};

BRAWN_INLINE I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator*(I32 a, I32 b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 operator&(I32 a, I32 b) { return {_mm256_and_si256(a.v, b.v)}; }
BRAWN_INLINE I32 operator|(I32 a, I32 b) { return {_mm256_or_si256(a.v, b.v)}; }
BRAWN_INLINE I32 operator^(I32 a, I32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int kBits>
BRAWN_INLINE I32 shl(I32 a) {
  return {_mm256_slli_epi32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 sar(I32 a) {
  return {_mm256_srai_epi32(a.v, kBits)};
}
template <int kBits>
BRAWN_INLINE I32 shr(I32 a) {
  return {_mm256_srli_epi32(a.v, kBits)};
}
BRAWN_INLINE I32 min(I32 a, I32 b) { return {_mm256_min_epi32(a.v, b.v)}; }
BRAWN_INLINE I32 max(I32 a, I32 b) { return {_mm256_max_epi32(a.v, b.v)}; }
BRAWN_INLINE M32 lt(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v))}; }
BRAWN_INLINE M32 gt(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v))}; }
BRAWN_INLINE M32 eq(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
BRAWN_INLINE I32 select(M32 m, I32 a, I32 b) {
  return {_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(b.v), _mm256_castsi256_ps(a.v), m.v))};
}

BRAWN_INLINE I32 as_i32(F32 a) { return {_mm256_castps_si256(a.v)}; }
BRAWN_INLINE F32 as_f32(I32 a) { return {_mm256_castsi256_ps(a.v)}; }
BRAWN_INLINE I32 round_to_i32(F32 a) { return {_mm256_cvtps_epi32(a.v)}; }
BRAWN_INLINE I32 trunc_to_i32(F32 a) { return {_mm256_cvttps_epi32(a.v)}; }
BRAWN_INLINE F32 to_f32(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }

struct F64 {
  static constexpr int kLanes = 4;
  __m256d v;
  static BRAWN_INLINE F64 load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static BRAWN_INLINE F64 load_partial(const double* p, int64_t n) { return {_mm256_maskload_pd(p, first_lanes4(n))}; }
  static BRAWN_INLINE F64 set(double x) { return {_mm256_set1_pd(x)}; }
  static BRAWN_INLINE F64 zero() { return {_mm256_setzero_pd()}; }
  BRAWN_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  BRAWN_INLINE void store_partial(double* p, int64_t n) const { _mm256_maskstore_pd(p, first_lanes4(n), v); }
};

BRAWN_INLINE F64 operator+(F64 a, F64 b) { return {_mm256_add_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a, F64 b) { return {_mm256_sub_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator*(F64 a, F64 b) { return {_mm256_mul_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator/(F64 a, F64 b) { return {_mm256_div_pd(a.v, b.v)}; }
BRAWN_INLINE F64 operator-(F64 a) { return {_mm256_xor_pd(a.v, _mm256_set1_pd(-0.0))}; }
BRAWN_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
BRAWN_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
BRAWN_INLINE F64 in_register(F64 a) {
  asm("" : "+x"(a.v));
  return a;
}
BRAWN_INLINE F64 min(F64 a, F64 b) { return {_mm256_min_pd(a.v, b.v)}; }
BRAWN_INLINE F64 max(F64 a, F64 b) { return {_mm256_max_pd(a.v, b.v)}; }
BRAWN_INLINE F64 abs(F64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
BRAWN_INLINE F64 sqrt(F64 a) { return {_mm256_sqrt_pd(a.v)}; }
BRAWN_INLINE F64 round_even(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
BRAWN_INLINE M64 lt(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)}; }
BRAWN_INLINE M64 le(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)}; }
BRAWN_INLINE M64 gt(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)}; }
BRAWN_INLINE M64 ge(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ)}; }
BRAWN_INLINE M64 eq(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)}; }
BRAWN_INLINE M64 ne(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ)}; }
BRAWN_INLINE F64 select(M64 m, F64 a, F64 b) { return {_mm256_blendv_pd(b.v, a.v, m.v)}; }
BRAWN_INLINE M64 is_nan(F64 a) { return {_mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q)}; }
BRAWN_INLINE F64 min_nan(F64 a, F64 b) { return select(is_nan(a), a, min(a, b)); }
BRAWN_INLINE F64 max_nan(F64 a, F64 b) { return select(is_nan(a), a, max(a, b)); }

BRAWN_INLINE F64 low_f64(F32 a) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.v))}; }
BRAWN_INLINE F64 high_f64(F32 a) { return {_mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1))}; }
BRAWN_INLINE F32 to_f32(F64 low, F64 high) {
  return {_mm256_set_m128(_mm256_cvtpd_ps(high.v), _mm256_cvtpd_ps(low.v))};
}

BRAWN_INLINE float reduce_add(F32 a) {
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
BRAWN_INLINE float reduce_max(F32 a) {
  if (any(is_nan(a))) return __builtin_nanf("");
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}
BRAWN_INLINE float reduce_min(F32 a) {
  if (any(is_nan(a))) return __builtin_nanf("");
  __m128 q = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_min_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_movehdup_ps(q)));
}
BRAWN_INLINE double reduce_add(F64 a) {
  __m128d q = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
}
BRAWN_INLINE double reduce_max(F64 a) {
  if (any(is_nan(a))) return __builtin_nan("");
  __m128d q = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_max_sd(q, _mm_unpackhi_pd(q, q)));
}
BRAWN_INLINE double reduce_min(F64 a) {
  if (any(is_nan(a))) return __builtin_nan("");
  __m128d q = _mm_min_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_min_sd(q, _mm_unpackhi_pd(q, q)));
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#else
#define BRAWN_ISA_ENABLED 0
#endif
