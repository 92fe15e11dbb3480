// Scalar building blocks of the elementwise operations. Loops over them are written so that compilers vectorise them:
// no branches, and nothing that may trap behind a condition. Included by vm_ops.inl only.
#pragma once
#include <math.h>
#include <stdint.h>

namespace brawn {
namespace BRAWN_ISA {
namespace {

// The dtypes under the names that rows carry. A b8 byte is written as 0 or 1 and read as "not zero".
typedef float f32;
typedef double f64;
typedef int32_t i32;
typedef int64_t i64;
typedef uint8_t u8;
enum b8 : uint8_t {};

template <class T>
struct Type;
template <>
struct Type<f32> {
  static constexpr bool kFloat = true;
};
template <>
struct Type<f64> {
  static constexpr bool kFloat = true;
};
template <>
struct Type<i32> {
  static constexpr bool kFloat = false;
  typedef uint32_t Unsigned;
  static constexpr i32 kMin = INT32_MIN;
  static constexpr i32 kMax = INT32_MAX;
};
template <>
struct Type<i64> {
  static constexpr bool kFloat = false;
  typedef uint64_t Unsigned;
  static constexpr i64 kMin = INT64_MIN;
  static constexpr i64 kMax = INT64_MAX;
};
template <>
struct Type<u8> {
  static constexpr bool kFloat = false;
  typedef uint8_t Unsigned;
  static constexpr u8 kMin = 0;
  static constexpr u8 kMax = 255;
};

// Integer arithmetic wraps around, as in PyTorch; computed unsigned, where that is defined.
template <class T>
BRAWN_INLINE T wrap_add(T x, T y) {
  if constexpr (Type<T>::kFloat) {
    return x + y;
  } else {
    typedef typename Type<T>::Unsigned U;
    return static_cast<T>(static_cast<U>(x) + static_cast<U>(y));
  }
}
template <class T>
BRAWN_INLINE T wrap_sub(T x, T y) {
  if constexpr (Type<T>::kFloat) {
    return x - y;
  } else {
    typedef typename Type<T>::Unsigned U;
    return static_cast<T>(static_cast<U>(x) - static_cast<U>(y));
  }
}
template <class T>
BRAWN_INLINE T wrap_mul(T x, T y) {
  if constexpr (Type<T>::kFloat) {
    return x * y;
  } else {
    typedef typename Type<T>::Unsigned U;
    return static_cast<T>(static_cast<U>(x) * static_cast<U>(y));
  }
}
template <class T>
BRAWN_INLINE T wrap_neg(T x) {
  if constexpr (Type<T>::kFloat) {
    return -x;
  } else {
    return wrap_sub(T(0), x);
  }
}

BRAWN_INLINE f32 abs_of(f32 x) { return __builtin_fabsf(x); }
BRAWN_INLINE f64 abs_of(f64 x) { return __builtin_fabs(x); }
BRAWN_INLINE u8 abs_of(u8 x) { return x; }
BRAWN_INLINE i32 abs_of(i32 x) { return x < 0 ? wrap_neg(x) : x; }
BRAWN_INLINE i64 abs_of(i64 x) { return x < 0 ? wrap_neg(x) : x; }

// 0 for NaN, as torch.sign.
template <class T>
BRAWN_INLINE T sign_of(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0);
}

// NaN in either operand gives NaN.
template <class T>
BRAWN_INLINE T max_of(T x, T y) {
  const T greater = x < y ? y : x;
  return y != y ? y : greater;
}
template <class T>
BRAWN_INLINE T min_of(T x, T y) {
  const T lesser = y < x ? y : x;
  return y != y ? y : lesser;
}

// Integer division truncates; x / 0 is 0 and INT_MIN / -1 wraps to INT_MIN.
template <class T>
BRAWN_INLINE T div_of(T x, T y) {
  if constexpr (Type<T>::kFloat) {
    return x / y;
  } else {
    if (y == 0) return T(0);
    if (Type<T>::kMin != 0 && y == static_cast<T>(-1)) return wrap_neg(x);
    return static_cast<T>(x / y);
  }
}

BRAWN_INLINE f32 fmod_of(f32 x, f32 y) { return ::fmodf(x, y); }
BRAWN_INLINE f64 fmod_of(f64 x, f64 y) { return ::fmod(x, y); }

// The remainder with the sign of the divisor (torch.remainder, Python's %); integer x mod 0 is 0.
template <class T>
BRAWN_INLINE T mod_of(T x, T y) {
  if constexpr (Type<T>::kFloat) {
    const T r = fmod_of(x, y);
    return r != T(0) && (r < T(0)) != (y < T(0)) ? r + y : r;
  } else {
    if (y == 0 || (Type<T>::kMin != 0 && y == static_cast<T>(-1))) return T(0);
    const T r = static_cast<T>(x % y);
    return r != 0 && (r < 0) != (y < 0) ? static_cast<T>(r + y) : r;
  }
}

// Wraps around; a negative exponent gives the truncated quotient 1 / x^|y| (0 for x = 0).
template <class T>
BRAWN_INLINE T int_pow(T x, T y) {
  if (y < 0) {
    if (x == T(1)) return T(1);
    return x == static_cast<T>(-1) ? ((y & 1) != 0 ? x : T(1)) : T(0);
  }
  T result = 1;
  for (T power = x; y != 0; y = static_cast<T>(y >> 1), power = wrap_mul(power, power)) {
    if ((y & 1) != 0) result = wrap_mul(result, power);
  }
  return result;
}

BRAWN_INLINE f64 sigmoid_of(f64 x) {
  const f64 e = ::exp(-__builtin_fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

// Float to integer truncates and saturates, NaN becomes 0; integer to integer wraps; to b8 is "not zero".
template <class To, class From>
BRAWN_INLINE To saturate(From x) {
  // Clamped first, so that the conversion itself is always defined. The upper limit may round up to kMax + 1.
  const From limit = static_cast<From>(Type<To>::kMax);
  From y = x != x ? From(0) : x;
  y = y < static_cast<From>(Type<To>::kMin) ? static_cast<From>(Type<To>::kMin) : y;
  const To converted = static_cast<To>(y < limit ? y : From(0));
  return y >= limit ? Type<To>::kMax : converted;
}

template <class To, class From>
struct Cast {
  static BRAWN_INLINE To run(From x) {
    if constexpr (Type<From>::kFloat && !Type<To>::kFloat) {
      return saturate<To, From>(x);
    } else {
      return static_cast<To>(x);
    }
  }
};
template <class From>
struct Cast<b8, From> {
  static BRAWN_INLINE b8 run(From x) { return static_cast<b8>(x != From(0)); }
};
template <class To>
struct Cast<To, b8> {
  static BRAWN_INLINE To run(b8 x) { return static_cast<To>(x != 0); }
};
template <>
struct Cast<b8, b8> {
  static BRAWN_INLINE b8 run(b8 x) { return static_cast<b8>(x != 0); }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
