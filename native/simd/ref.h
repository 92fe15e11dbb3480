// The vector layer: one API, implemented here portably and by avx2.h, avx512.h and neon.h with intrinsics. A kernel
// body (.inl) is written once against it and compiled once per instruction set.
//
//   F32, I32      kLanes floats / int32s; M32 is the mask both use
//   F64           kLanes doubles (half as many); M64 is its mask
//   T::load(p) T::load_partial(p, n) T::set(x) T::zero() x.store(p) x.store_partial(p, n)
//   I32::load_bytes(p) x.store_bytes(p)   kLanes bytes without sign
//                 never need alignment; the partial forms touch only n elements (0 <= n <= kLanes), other lanes read 0
//   + - * / -x    fma(a, b, c) = a * b + c and fnma(a, b, c) = c - a * b: fused where the CPU can, two roundings in
//                 this file, so no algorithm may rely on the single rounding
//   in_register(x)  x, loaded once: left alone, GCC loads what several operations read for each of them
//   min max       a < b ? a : b and a > b ? a : b: the SECOND operand comes back when either is NaN
//   min_nan max_nan  NaN when either operand is NaN, as torch.minimum and torch.maximum
//   abs sqrt floor ceil trunc round_even copysign is_nan     (F64: abs sqrt round_even is_nan)
//   lt le gt ge eq ne (I32: lt gt eq)  -> mask; false on NaN except ne;  mask & | ^ !  any(m) all(m)
//   select(m, a, b)  a where the mask is set, else b
//   shl<k> sar<k> shr<k>  I32 shifts: left, arithmetic right, logical right
//   as_i32 as_f32    bit casts;  to_f32(I32) round_to_i32 (half to even) trunc_to_i32: values outside int32 are
//                    unspecified, but never trap
//   low_f64(F32) high_f64(F32) to_f32(F64 low, F64 high)   widen and narrow
//   reduce_add       a fixed tree (halves are added); reduce_max reduce_min: NaN when any lane is NaN
//
// This file uses the vector extensions of GCC and Clang, which lower to whatever the target's baseline has.
#pragma once
#define BRAWN_ISA ref
#define BRAWN_ISA_NAME "ref"
#define BRAWN_ISA_ENABLED 1
#include <stddef.h>
#include <stdint.h>

#define BRAWN_INLINE inline __attribute__((always_inline))

namespace brawn {
namespace BRAWN_ISA {
namespace {

typedef float F32x4 __attribute__((vector_size(16)));
typedef float F32x2 __attribute__((vector_size(8)));
typedef int32_t I32x4 __attribute__((vector_size(16)));
typedef uint32_t U32x4 __attribute__((vector_size(16)));
typedef double F64x2 __attribute__((vector_size(16)));
typedef int64_t I64x2 __attribute__((vector_size(16)));

// Masks are all-ones or all-zeros per lane.
struct M32 {
  I32x4 v;
};
struct M64 {
  I64x2 v;
};

BRAWN_INLINE M32 operator&(M32 a, M32 b) { return {a.v & b.v}; }
BRAWN_INLINE M32 operator|(M32 a, M32 b) { return {a.v | b.v}; }
BRAWN_INLINE M32 operator^(M32 a, M32 b) { return {a.v ^ b.v}; }
BRAWN_INLINE M32 operator!(M32 a) { return {~a.v}; }
BRAWN_INLINE bool any(M32 a) { return (a.v[0] | a.v[1] | a.v[2] | a.v[3]) != 0; }
BRAWN_INLINE bool all(M32 a) { return (a.v[0] & a.v[1] & a.v[2] & a.v[3]) != 0; }
BRAWN_INLINE M64 operator&(M64 a, M64 b) { return {a.v & b.v}; }
BRAWN_INLINE M64 operator|(M64 a, M64 b) { return {a.v | b.v}; }
BRAWN_INLINE M64 operator!(M64 a) { return {~a.v}; }
BRAWN_INLINE bool any(M64 a) { return (a.v[0] | a.v[1]) != 0; }
BRAWN_INLINE bool all(M64 a) { return (a.v[0] & a.v[1]) != 0; }

struct F32 {
  static constexpr int kLanes = 4;
  F32x4 v;
  static BRAWN_INLINE F32 load(const float* p) {
    F32 r;
    __builtin_memcpy(&r.v, p, sizeof(r.v));
    return r;
  }
  static BRAWN_INLINE F32 load_partial(const float* p, int64_t n) {
    F32 r = zero();
    __builtin_memcpy(&r.v, p, static_cast<size_t>(n) * sizeof(float));
    return r;
  }
  static BRAWN_INLINE F32 set(float x) { return {F32x4{x, x, x, x}}; }
  static BRAWN_INLINE F32 zero() { return {F32x4{0, 0, 0, 0}}; }
  BRAWN_INLINE void store(float* p) const { __builtin_memcpy(p, &v, sizeof(v)); }
  BRAWN_INLINE void store_partial(float* p, int64_t n) const {
    __builtin_memcpy(p, &v, static_cast<size_t>(n) * sizeof(float));
  }
};

struct I32 {
  static constexpr int kLanes = 4;
  I32x4 v;
  static BRAWN_INLINE I32 load(const int32_t* p) {
    I32 r;
    __builtin_memcpy(&r.v, p, sizeof(r.v));
    return r;
  }
  static BRAWN_INLINE I32 load_partial(const int32_t* p, int64_t n) {
    I32 r = zero();
    __builtin_memcpy(&r.v, p, static_cast<size_t>(n) * sizeof(int32_t));
    return r;
  }
  static BRAWN_INLINE I32 set(int32_t x) { return {I32x4{x, x, x, x}}; }
  static BRAWN_INLINE I32 zero() { return {I32x4{0, 0, 0, 0}}; }
  static BRAWN_INLINE I32 load_bytes(const uint8_t* p) { return {I32x4{p[0], p[1], p[2], p[3]}}; }
  BRAWN_INLINE void store_bytes(uint8_t* p) const {
    for (int i = 0; i < kLanes; ++i) p[i] = static_cast<uint8_t>(v[i]);
  }
  BRAWN_INLINE void store(int32_t* p) const { __builtin_memcpy(p, &v, sizeof(v)); }
  BRAWN_INLINE void store_partial(int32_t* p, int64_t n) const {
    __builtin_memcpy(p, &v, static_cast<size_t>(n) * sizeof(int32_t));
  }
};

struct F64 {
  static constexpr int kLanes = 2;
  F64x2 v;
  static BRAWN_INLINE F64 load(const double* p) {
    F64 r;
    __builtin_memcpy(&r.v, p, sizeof(r.v));
    return r;
  }
  static BRAWN_INLINE F64 load_partial(const double* p, int64_t n) {
    F64 r = zero();
    __builtin_memcpy(&r.v, p, static_cast<size_t>(n) * sizeof(double));
    return r;
  }
  static BRAWN_INLINE F64 set(double x) { return {F64x2{x, x}}; }
  static BRAWN_INLINE F64 zero() { return {F64x2{0, 0}}; }
  BRAWN_INLINE void store(double* p) const { __builtin_memcpy(p, &v, sizeof(v)); }
  BRAWN_INLINE void store_partial(double* p, int64_t n) const {
    __builtin_memcpy(p, &v, static_cast<size_t>(n) * sizeof(double));
  }
};

BRAWN_INLINE I32 as_i32(F32 a) { return {reinterpret_cast<I32x4>(a.v)}; }
BRAWN_INLINE F32 as_f32(I32 a) { return {reinterpret_cast<F32x4>(a.v)}; }
BRAWN_INLINE I32 select(M32 m, I32 a, I32 b) { return {(m.v & a.v) | (~m.v & b.v)}; }
BRAWN_INLINE F32 select(M32 m, F32 a, F32 b) { return as_f32(select(m, as_i32(a), as_i32(b))); }
BRAWN_INLINE F64 select(M64 m, F64 a, F64 b) {
  return {reinterpret_cast<F64x2>((m.v & reinterpret_cast<I64x2>(a.v)) | (~m.v & reinterpret_cast<I64x2>(b.v)))};
}

BRAWN_INLINE F32 operator+(F32 a, F32 b) { return {a.v + b.v}; }
BRAWN_INLINE F32 operator-(F32 a, F32 b) { return {a.v - b.v}; }
BRAWN_INLINE F32 operator*(F32 a, F32 b) { return {a.v * b.v}; }
BRAWN_INLINE F32 operator/(F32 a, F32 b) { return {a.v / b.v}; }
BRAWN_INLINE F32 operator-(F32 a) { return {-a.v}; }
BRAWN_INLINE F32 fma(F32 a, F32 b, F32 c) { return {a.v * b.v + c.v}; }
BRAWN_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {c.v - a.v * b.v}; }
BRAWN_INLINE F32 in_register(F32 a) { return a; }
BRAWN_INLINE M32 lt(F32 a, F32 b) { return {a.v < b.v}; }
BRAWN_INLINE M32 le(F32 a, F32 b) { return {a.v <= b.v}; }
BRAWN_INLINE M32 gt(F32 a, F32 b) { return {a.v > b.v}; }
BRAWN_INLINE M32 ge(F32 a, F32 b) { return {a.v >= b.v}; }
BRAWN_INLINE M32 eq(F32 a, F32 b) { return {a.v == b.v}; }
BRAWN_INLINE M32 ne(F32 a, F32 b) { return {a.v != b.v}; }
BRAWN_INLINE M32 is_nan(F32 a) { return ne(a, a); }
BRAWN_INLINE F32 min(F32 a, F32 b) { return select(lt(a, b), a, b); }
BRAWN_INLINE F32 max(F32 a, F32 b) { return select(gt(a, b), a, b); }
BRAWN_INLINE F32 min_nan(F32 a, F32 b) { return select(lt(a, b) | is_nan(a), a, b); }
BRAWN_INLINE F32 max_nan(F32 a, F32 b) { return select(gt(a, b) | is_nan(a), a, b); }
BRAWN_INLINE F32 abs(F32 a) { return as_f32({as_i32(a).v & I32::set(0x7fffffff).v}); }
BRAWN_INLINE F32 copysign(F32 a, F32 sign) { return select(M32{I32::set(0x7fffffff).v}, a, sign); }
BRAWN_INLINE F32 sqrt(F32 a) {
  for (int i = 0; i < F32::kLanes; ++i) a.v[i] = __builtin_sqrtf(a.v[i]);
  return a;
}
// Adding and subtracting 2^23 rounds to an integer; larger values are integers already.
BRAWN_INLINE F32 round_even(F32 a) {
  const F32 magic = F32::set(8388608.0f);
  const F32 size = abs(a);
  return select(lt(size, magic), copysign((size + magic) - magic, a), a);
}
BRAWN_INLINE F32 floor(F32 a) {
  const F32 r = round_even(a);
  return copysign(r - select(gt(r, a), F32::set(1), F32::zero()), a);
}
BRAWN_INLINE F32 ceil(F32 a) { return -floor(-a); }
BRAWN_INLINE F32 trunc(F32 a) { return copysign(floor(abs(a)), a); }

BRAWN_INLINE I32 operator+(I32 a, I32 b) {
  return {reinterpret_cast<I32x4>(reinterpret_cast<U32x4>(a.v) + reinterpret_cast<U32x4>(b.v))};
}
BRAWN_INLINE I32 operator-(I32 a, I32 b) {
  return {reinterpret_cast<I32x4>(reinterpret_cast<U32x4>(a.v) - reinterpret_cast<U32x4>(b.v))};
}
BRAWN_INLINE I32 operator*(I32 a, I32 b) {
  return {reinterpret_cast<I32x4>(reinterpret_cast<U32x4>(a.v) * reinterpret_cast<U32x4>(b.v))};
}
BRAWN_INLINE I32 operator&(I32 a, I32 b) { return {a.v & b.v}; }
BRAWN_INLINE I32 operator|(I32 a, I32 b) { return {a.v | b.v}; }
BRAWN_INLINE I32 operator^(I32 a, I32 b) { return {a.v ^ b.v}; }
template <int kBits>
BRAWN_INLINE I32 shl(I32 a) {
  return {reinterpret_cast<I32x4>(reinterpret_cast<U32x4>(a.v) << kBits)};
}
template <int kBits>
BRAWN_INLINE I32 sar(I32 a) {
  return {a.v >> kBits};
}
template <int kBits>
BRAWN_INLINE I32 shr(I32 a) {
  return {reinterpret_cast<I32x4>(reinterpret_cast<U32x4>(a.v) >> kBits)};
}
BRAWN_INLINE M32 lt(I32 a, I32 b) { return {a.v < b.v}; }
BRAWN_INLINE M32 gt(I32 a, I32 b) { return {a.v > b.v}; }
BRAWN_INLINE M32 eq(I32 a, I32 b) { return {a.v == b.v}; }
BRAWN_INLINE I32 min(I32 a, I32 b) { return select(lt(a, b), a, b); }
BRAWN_INLINE I32 max(I32 a, I32 b) { return select(gt(a, b), a, b); }

// Out-of-range values become 0 here, because converting them is undefined in C++.
BRAWN_INLINE I32 trunc_to_i32(F32 a) {
  const F32 kept = select(lt(abs(a), F32::set(2147483648.0f)), a, F32::zero());
  return {__builtin_convertvector(kept.v, I32x4)};
}
BRAWN_INLINE I32 round_to_i32(F32 a) { return trunc_to_i32(round_even(a)); }
BRAWN_INLINE F32 to_f32(I32 a) { return {__builtin_convertvector(a.v, F32x4)}; }

BRAWN_INLINE F64 operator+(F64 a, F64 b) { return {a.v + b.v}; }
BRAWN_INLINE F64 operator-(F64 a, F64 b) { return {a.v - b.v}; }
BRAWN_INLINE F64 operator*(F64 a, F64 b) { return {a.v * b.v}; }
BRAWN_INLINE F64 operator/(F64 a, F64 b) { return {a.v / b.v}; }
BRAWN_INLINE F64 operator-(F64 a) { return {-a.v}; }
BRAWN_INLINE F64 fma(F64 a, F64 b, F64 c) { return {a.v * b.v + c.v}; }
BRAWN_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {c.v - a.v * b.v}; }
BRAWN_INLINE F64 in_register(F64 a) { return a; }
BRAWN_INLINE M64 lt(F64 a, F64 b) { return {a.v < b.v}; }
BRAWN_INLINE M64 le(F64 a, F64 b) { return {a.v <= b.v}; }
BRAWN_INLINE M64 gt(F64 a, F64 b) { return {a.v > b.v}; }
BRAWN_INLINE M64 ge(F64 a, F64 b) { return {a.v >= b.v}; }
BRAWN_INLINE M64 eq(F64 a, F64 b) { return {a.v == b.v}; }
BRAWN_INLINE M64 ne(F64 a, F64 b) { return {a.v != b.v}; }
BRAWN_INLINE M64 is_nan(F64 a) { return ne(a, a); }
BRAWN_INLINE F64 min(F64 a, F64 b) { return select(lt(a, b), a, b); }
BRAWN_INLINE F64 max(F64 a, F64 b) { return select(gt(a, b), a, b); }
BRAWN_INLINE F64 min_nan(F64 a, F64 b) { return select(lt(a, b) | is_nan(a), a, b); }
BRAWN_INLINE F64 max_nan(F64 a, F64 b) { return select(gt(a, b) | is_nan(a), a, b); }
BRAWN_INLINE F64 abs(F64 a) {
  return {reinterpret_cast<F64x2>(reinterpret_cast<I64x2>(a.v) & I64x2{INT64_MAX, INT64_MAX})};
}
BRAWN_INLINE F64 sqrt(F64 a) { return {F64x2{__builtin_sqrt(a.v[0]), __builtin_sqrt(a.v[1])}}; }
BRAWN_INLINE F64 round_even(F64 a) {
  const F64 magic = F64::set(4503599627370496.0);
  const F64 size = abs(a);
  const F64 rounded = (size + magic) - magic;
  return select(lt(size, magic), select(M64{I64x2{INT64_MAX, INT64_MAX}}, rounded, a), a);
}

BRAWN_INLINE F64 low_f64(F32 a) { return {F64x2{a.v[0], a.v[1]}}; }
BRAWN_INLINE F64 high_f64(F32 a) { return {F64x2{a.v[2], a.v[3]}}; }
BRAWN_INLINE F32 to_f32(F64 low, F64 high) {
  const F32x2 l = __builtin_convertvector(low.v, F32x2);
  const F32x2 h = __builtin_convertvector(high.v, F32x2);
  return {F32x4{l[0], l[1], h[0], h[1]}};
}

BRAWN_INLINE float reduce_add(F32 a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
BRAWN_INLINE float reduce_max(F32 a) {
  float r = a.v[0];
  for (int i = 1; i < F32::kLanes; ++i) r = a.v[i] > r || a.v[i] != a.v[i] ? a.v[i] : r;
  return r;
}
BRAWN_INLINE float reduce_min(F32 a) {
  float r = a.v[0];
  for (int i = 1; i < F32::kLanes; ++i) r = a.v[i] < r || a.v[i] != a.v[i] ? a.v[i] : r;
  return r;
}
BRAWN_INLINE double reduce_add(F64 a) { return a.v[0] + a.v[1]; }
BRAWN_INLINE double reduce_max(F64 a) { return a.v[1] > a.v[0] || a.v[1] != a.v[1] ? a.v[1] : a.v[0]; }
BRAWN_INLINE double reduce_min(F64 a) { return a.v[1] < a.v[0] || a.v[1] != a.v[1] ? a.v[1] : a.v[0]; }

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
