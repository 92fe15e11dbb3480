// Elementary functions on F32, written once against the vector layer (include an instruction set's header first).
// Special values follow C99. Error is the largest one found against double precision libm over one float in 61 of
// all 2^32 (pow: random pairs), in units in the last place; denormal results included.
//
//             AVX2 / AVX-512 / NEON   ref (no fused multiply-add)
//   exp                 1.01                  0.98
//   expm1               1.40                  1.55
//   log                 0.82                  0.82
//   log1p               1.44                  1.44
//   tanh                1.85                  1.92
//   sigmoid             2.31                  2.31
//   erf                 1.02                  1.18
//   sin                 1.56                  1.56
//   cos                 1.55                  1.57
//   pow                 0.75                  0.75
//   rsqrt               1.49                  1.49
//
// Polynomials: exp, log, sin and cos from Cephes (Moshier, netlib.org/cephes, single precision); erf from Juffa
// (forums.developer.nvidia.com, "A more accurate and faster implementation of erff"); the argument reduction of sin and
// cos splits pi/2 as fdlibm does. pow works in double precision, so it needs no double-float tricks.
#pragma once
#include <math.h>

namespace brawn {
namespace BRAWN_ISA {
namespace {

// (((first * x + c0) * x + c1) * x + ...): coefficients from the highest power down.
template <class V>
BRAWN_INLINE V horner(V, V sum) {
  return sum;
}
template <class V, class... Rest>
BRAWN_INLINE V horner(V x, V sum, double next, Rest... rest) {
  return horner(x, fma(sum, x, V::set(next)), rest...);
}

BRAWN_INLINE F32 sign_bit(F32 x) { return as_f32(as_i32(x) & I32::set(INT32_MIN)); }
BRAWN_INLINE F32 flip_sign(F32 x, F32 sign) { return as_f32(as_i32(x) ^ as_i32(sign)); }
BRAWN_INLINE F32 infinity_f32() { return F32::set(__builtin_inff()); }
BRAWN_INLINE F32 nan_f32() { return F32::set(__builtin_nanf("")); }

// 2^n for integral n in [-126, 127].
BRAWN_INLINE F32 pow2(I32 n) { return as_f32(shl<23>(n + I32::set(127))); }

#ifndef BRAWN_HAS_LDEXP
// Two factors, so that the product may pass into the denormals or to infinity; |n| <= 250.
BRAWN_INLINE F32 ldexp(F32 x, F32 n) {
  const I32 whole = round_to_i32(n);
  const I32 half = sar<1>(whole);
  return x * pow2(half) * pow2(whole - half);
}
#endif

// exp(r) - 1 for |r| <= ln(2) / 2 (Cephes expf).
BRAWN_INLINE F32 expm1_reduced(F32 r) {
  const F32 p = horner(r, F32::set(1.9875691500e-4f), 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                       1.6666665459e-1, 5.0000001201e-1);
  return fma(r * r, p, r);
}

// x = n ln(2) + r. The first part of ln(2) has 9 bits, so its product with n is exact.
BRAWN_INLINE F32 exp_reduce(F32 x, F32* n) {
  *n = round_even(x * F32::set(1.44269504088896341f));
  return fnma(*n, F32::set(-2.12194440e-4f), fnma(*n, F32::set(0.693359375f), x));
}

BRAWN_INLINE F32 exp(F32 x) {
  x = max(F32::set(-104.0f), min(F32::set(89.0f), x));
  F32 n;
  const F32 r = exp_reduce(x, &n);
  return ldexp(expm1_reduced(r) + F32::set(1), n);
}

BRAWN_INLINE F32 expm1(F32 x) {
  const F32 y = max(F32::set(-18.0f), min(F32::set(89.0f), x));
  F32 n;
  const F32 p = expm1_reduced(exp_reduce(y, &n));
  // Half of 2^n, because 2^128 is not a float.
  const F32 half = pow2(round_to_i32(n) - I32::set(1));
  const F32 sum = fma(half, p, half - F32::set(0.5f));
  return select(eq(n, F32::zero()), select(eq(x, F32::zero()), x, p), sum + sum);
}

// tanh|x| = (1 - e) / (1 + e) with e = exp(-2|x|); both parts come from expm1, so small x lose nothing.
BRAWN_INLINE F32 tanh(F32 x) {
  const F32 y = max(F32::set(-20.0f), F32::set(-2.0f) * abs(x));
  F32 n;
  const F32 p = expm1_reduced(exp_reduce(y, &n));
  const F32 scale = pow2(round_to_i32(n));
  const F32 one = F32::set(1);
  return copysign(fma(scale, p, scale - one) / fma(scale, p, scale + one), x);
}

BRAWN_INLINE F32 sigmoid(F32 x) {
  const F32 e = exp(-abs(x));
  return select(lt(x, F32::zero()), e, F32::set(1)) / (F32::set(1) + e);
}

// Splits a positive normal x into m in [sqrt(1/2), sqrt(2)) and an exponent: x = m 2^e.
BRAWN_INLINE F32 split_exponent(F32 x, F32* e) {
  const I32 offset = I32::set(0x3f3504f3);
  const I32 shifted = as_i32(x) - offset;
  *e = to_f32(sar<23>(shifted));
  return as_f32((shifted & I32::set(0x007fffff)) + offset);
}

// As split_exponent, for denormals too.
BRAWN_INLINE F32 split_exponent_any(F32 x, F32* e) {
  const M32 tiny = lt(x, F32::set(1.17549435e-38f));
  const F32 m = split_exponent(select(tiny, x * F32::set(8388608.0f), x), e);
  *e = *e - select(tiny, F32::set(23), F32::zero());
  return m;
}

BRAWN_INLINE F32 log(F32 x) {
  F32 e;
  const F32 r = split_exponent_any(x, &e) - F32::set(1);
  const F32 p = horner(r, F32::set(7.0376836292e-2f), -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
                       1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1);
  const F32 rr = r * r;
  F32 tail = fma(rr * r, p, e * F32::set(-2.12194440e-4f));
  tail = fma(rr, F32::set(-0.5f), tail);
  const F32 y = fma(e, F32::set(0.693359375f), r + tail);
  const F32 edge = select(eq(x, F32::zero()), -infinity_f32(), nan_f32());
  return select(gt(x, F32::zero()), select(eq(x, infinity_f32()), x, y), edge);
}

// log(1 + x) = log(u) + c, where c makes up for what rounding lost in u = 1 + x.
BRAWN_INLINE F32 log1p(F32 x) {
  const F32 u = F32::set(1) + x;
  const F32 c = (x - (u - F32::set(1))) / u;
  const F32 y = log(u);
  const M32 ordinary = gt(x, F32::set(-1)) & lt(x, infinity_f32());
  return select(eq(u, F32::set(1)), x, select(ordinary, y + c, y));
}

BRAWN_INLINE F32 erf(F32 x) {
  const F32 t = abs(x);
  const F32 s = x * x;
  F32 large = fma(F32::set(-1.72853470e-5f), t, F32::set(3.83197126e-4f));
  large = fma(large, s, fma(F32::set(-3.88396438e-3f), t, F32::set(2.42546219e-2f)));
  large = horner(t, large, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1);
  large = F32::set(1) - exp(fma(large, t, -t));
  const F32 small =
      horner(s, F32::set(-5.96761703e-4f), 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1);
  return select(gt(t, F32::set(0.927734375f)), copysign(large, x), fma(small, x, x));
}

// |x| = n pi/2 + r with |r| <= pi/4. pi/2's first part has 33 bits, so its product with n is exact.
BRAWN_INLINE F64 reduce_quadrant(F64 x, F64* n) {
  *n = round_even(x * F64::set(6.36619772367581382433e-1));
  return fnma(*n, F64::set(6.07710050650619224932e-11), fnma(*n, F64::set(1.57079632673412561417), x));
}

constexpr float kLargestReduced = 1048576.0f;

BRAWN_INLINE F32 sin_quadrant(F32 size, F32 sign, int quarter_turns) {
  F64 n_low, n_high;
  const F64 r_low = reduce_quadrant(low_f64(size), &n_low);
  const F64 r_high = reduce_quadrant(high_f64(size), &n_high);
  const F32 r = to_f32(r_low, r_high);
  const I32 quadrant = round_to_i32(to_f32(n_low, n_high)) + I32::set(quarter_turns);
  const F32 rr = r * r;
  const F32 s = horner(rr, F32::set(-1.9515295891e-4f), 8.3321608736e-3, -1.6666654611e-1);
  const F32 c = horner(rr, F32::set(2.443315711809948e-5f), -1.388731625493765e-3, 4.166664568298827e-2);
  const F32 sine = fma(s * rr, r, r);
  const F32 cosine = fma(c * rr, rr, fma(rr, F32::set(-0.5f), F32::set(1)));
  const M32 odd = eq(quadrant & I32::set(1), I32::set(1));
  const F32 turn = as_f32(shl<30>(quadrant & I32::set(2)));
  return flip_sign(flip_sign(select(odd, cosine, sine), turn), sign);
}

// Lanes too large for the vector reduction (infinities too) go through the C library in double precision.
inline F32 replace_large(F32 x, F32 y, double (*function)(double)) {
  float in[F32::kLanes], out[F32::kLanes];
  x.store(in);
  y.store(out);
  for (int i = 0; i < F32::kLanes; ++i) {
    if (!(::fabsf(in[i]) <= kLargestReduced)) out[i] = static_cast<float>(function(static_cast<double>(in[i])));
  }
  return F32::load(out);
}

inline double sin_scalar(double x) { return ::sin(x); }
inline double cos_scalar(double x) { return ::cos(x); }

BRAWN_INLINE F32 sin(F32 x) {
  const F32 size = abs(x);
  const M32 large = gt(size, F32::set(kLargestReduced));
  const F32 y = sin_quadrant(size, sign_bit(x), 0);
  return any(large) ? replace_large(x, y, sin_scalar) : y;
}

BRAWN_INLINE F32 cos(F32 x) {
  const F32 size = abs(x);
  const M32 large = gt(size, F32::set(kLargestReduced));
  const F32 y = sin_quadrant(size, F32::zero(), 1);
  return any(large) ? replace_large(x, y, cos_scalar) : y;
}

// log2(m) for m in [sqrt(1/2), sqrt(2)]: the series of 2 atanh((m - 1) / (m + 1)), error below 1e-12.
BRAWN_INLINE F64 log2_reduced(F64 m) {
  const F64 s = (m - F64::set(1)) / (m + F64::set(1));
  const F64 series = horner(s * s, F64::set(1.0 / 13), 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0);
  return s * series * F64::set(2.88539008177792681472);
}

// 2^f for |f| <= 1/2: the Taylor series, error below 1e-11.
BRAWN_INLINE F64 exp2_reduced(F64 f) {
  return horner(f * F64::set(0.693147180559945309417), F64::set(1.0 / 362880), 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
                1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0);
}

// Splits 2^(y log2) into a float in [0.7, 1.5] and a power of two.
BRAWN_INLINE F64 pow_half(F64 m, F64 e, F64 y, F64* n) {
  const F64 power = y * (e + log2_reduced(m));
  const F64 clamped = max(F64::set(-200), min(F64::set(200), power));
  *n = round_even(clamped);
  return exp2_reduced(clamped - *n);
}

BRAWN_INLINE F32 pow(F32 x, F32 y) {
  const F32 one = F32::set(1);
  const F32 size = abs(x);
  F32 e;
  const F32 m = split_exponent_any(size, &e);
  e = select(eq(size, F32::zero()), -infinity_f32(), select(lt(size, infinity_f32()), e, size));
  F64 n_low, n_high;
  const F64 low = pow_half(low_f64(m), low_f64(e), low_f64(y), &n_low);
  const F64 high = pow_half(high_f64(m), high_f64(e), high_f64(y), &n_high);
  F32 r = ldexp(to_f32(low, high), to_f32(n_low, n_high));
  r = select(is_nan(x) | is_nan(y), x + y, select(eq(size, one), one, r));

  const F32 half = y * F32::set(0.5f);
  const M32 integral = eq(trunc(y), y);
  const M32 odd = integral & ne(trunc(half), half);
  r = flip_sign(r, select(odd, sign_bit(x), F32::zero()));
  const M32 undefined = lt(x, F32::zero()) & lt(size, infinity_f32()) & !integral;
  r = select(undefined, nan_f32(), r);
  return select(eq(y, F32::zero()) | eq(x, one), one, r);
}

BRAWN_INLINE F32 rsqrt(F32 x) { return F32::set(1) / sqrt(x); }

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
