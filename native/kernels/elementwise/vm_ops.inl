// The elementwise machine's operations for one instruction set: every row of kernels.inc becomes a function per dtype.
// Ends with the two exports of vm.h. Most loops are plain ones that the compiler vectorises; float32 mathematics uses
// simd/math.h, float64 mathematics calls the C library per element.
#pragma once
#include "kernels/elementwise/vm.h"
#include "kernels/elementwise/vm_scalar.inl"
#include "simd/math.h"

// dst may be a source: same index, so there is no dependence between iterations. Loops of one vector run at memory
// speed or at half of it depending on where they lie in the code; four vectors at a time are indifferent to that.
#if defined(__clang__)
#define BRAWN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define BRAWN_INDEPENDENT _Pragma("GCC ivdep") _Pragma("GCC unroll 4")
#endif

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class Op, class Out, class In>
void map1(void* dst, const void* a, const void*, const void*, int64_t n) {
  Out* d = static_cast<Out*>(dst);
  const In* x = static_cast<const In*>(a);
  BRAWN_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) d[i] = Op::run(x[i]);
}

template <class Op, class Out, class In>
void map2(void* dst, const void* a, const void* b, const void*, int64_t n) {
  Out* d = static_cast<Out*>(dst);
  const In* x = static_cast<const In*>(a);
  const In* y = static_cast<const In*>(b);
  BRAWN_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) d[i] = Op::run(x[i], y[i]);
}

template <class Op, class Out, class In>
void map3(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  Out* d = static_cast<Out*>(dst);
  const In* x = static_cast<const In*>(a);
  const In* y = static_cast<const In*>(b);
  const In* z = static_cast<const In*>(c);
  BRAWN_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) d[i] = Op::run(x[i], y[i], z[i]);
}

template <class T>
void where(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  T* d = static_cast<T*>(dst);
  const uint8_t* condition = static_cast<const uint8_t*>(a);
  const T* x = static_cast<const T*>(b);
  const T* y = static_cast<const T*>(c);
  BRAWN_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const T yes = x[i], no = y[i];
    d[i] = condition[i] != 0 ? yes : no;
  }
}

// One body for whole vectors and the rest, because these functions are inlined and long.
template <class Op>
void map1_vector(void* dst, const void* a, const void*, const void*, int64_t n) {
  float* d = static_cast<float*>(dst);
  const float* x = static_cast<const float*>(a);
  for (int64_t i = 0; i < n; i += F32::kLanes) {
    const int64_t left = n - i;
    const bool whole = left >= F32::kLanes;
    const F32 r = Op::run(whole ? F32::load(x + i) : F32::load_partial(x + i, left));
    if (whole) {
      r.store(d + i);
    } else {
      r.store_partial(d + i, left);
    }
  }
}

template <class Op>
void map2_vector(void* dst, const void* a, const void* b, const void*, int64_t n) {
  float* d = static_cast<float*>(dst);
  const float* x = static_cast<const float*>(a);
  const float* y = static_cast<const float*>(b);
  for (int64_t i = 0; i < n; i += F32::kLanes) {
    const int64_t left = n - i;
    const bool whole = left >= F32::kLanes;
    const F32 r = Op::run(whole ? F32::load(x + i) : F32::load_partial(x + i, left),
                          whole ? F32::load(y + i) : F32::load_partial(y + i, left));
    if (whole) {
      r.store(d + i);
    } else {
      r.store_partial(d + i, left);
    }
  }
}

// First pass over the rows: a functor each.
#define BRAWN_UNARY(op, dtypes, ...) \
  struct op##Unary {                 \
    template <class T>               \
    static BRAWN_INLINE T run(T x) { \
      return __VA_ARGS__;            \
    }                                \
  };
#define BRAWN_BINARY(op, dtypes, ...)     \
  struct op##Binary {                     \
    template <class T>                    \
    static BRAWN_INLINE T run(T x, T y) { \
      return __VA_ARGS__;                 \
    }                                     \
  };
#define BRAWN_TERNARY(op, dtypes, ...)         \
  struct op##Ternary {                         \
    template <class T>                         \
    static BRAWN_INLINE T run(T x, T y, T z) { \
      return __VA_ARGS__;                      \
    }                                          \
  };
#define BRAWN_TEST(op, dtypes, ...)        \
  struct op##Test {                        \
    template <class T>                     \
    static BRAWN_INLINE b8 run(T x) {      \
      return static_cast<b8>(__VA_ARGS__); \
    }                                      \
  };
#define BRAWN_COMPARE(op, dtypes, ...)     \
  struct op##Compare {                     \
    template <class T>                     \
    static BRAWN_INLINE b8 run(T x, T y) { \
      return static_cast<b8>(__VA_ARGS__); \
    }                                      \
  };
#define BRAWN_MATH1(op, vector, scalar)                   \
  struct op##Math1 {                                      \
    static BRAWN_INLINE F32 run(F32 x) { return vector; } \
    static BRAWN_INLINE f64 run(f64 x) { return scalar; } \
  };
#define BRAWN_MATH2(op, vector, scalar)                          \
  struct op##Math2 {                                             \
    static BRAWN_INLINE F32 run(F32 x, F32 y) { return vector; } \
    static BRAWN_INLINE f64 run(f64 x, f64 y) { return scalar; } \
  };
#include "kernels/elementwise/kernels.inc"
#undef BRAWN_UNARY
#undef BRAWN_BINARY
#undef BRAWN_TERNARY
#undef BRAWN_TEST
#undef BRAWN_COMPARE
#undef BRAWN_MATH1
#undef BRAWN_MATH2

// Second pass: the table. BRAWN_EACH_<dtypes>(row, ...) repeats a row for every dtype of a group.
#define BRAWN_EACH_FLOAT(row, ...) row(f32, __VA_ARGS__) row(f64, __VA_ARGS__)
#define BRAWN_EACH_INT(row, ...) row(i32, __VA_ARGS__) row(i64, __VA_ARGS__) row(u8, __VA_ARGS__)
#define BRAWN_EACH_BOOL(row, ...) row(b8, __VA_ARGS__)
#define BRAWN_EACH_NUMERIC(row, ...) BRAWN_EACH_FLOAT(row, __VA_ARGS__) BRAWN_EACH_INT(row, __VA_ARGS__)
#define BRAWN_EACH_ALL(row, ...) BRAWN_EACH_NUMERIC(row, __VA_ARGS__) BRAWN_EACH_BOOL(row, __VA_ARGS__)
#define BRAWN_SAME_ROW(T, map, op, functor) {#op "_" #T, map<functor, T, T>},
#define BRAWN_TEST_ROW(T, map, op, functor) {#op "_" #T, map<functor, b8, T>},
#define BRAWN_WHERE_ROW(T, ...) {"where_" #T, where<T>},
#define BRAWN_CAST_ROW(From, To) {"cast_" #From "_" #To, map1<Cast<To, From>, To, From>},

#define BRAWN_UNARY(op, dtypes, ...) BRAWN_EACH_##dtypes(BRAWN_SAME_ROW, map1, op, op##Unary)
#define BRAWN_BINARY(op, dtypes, ...) BRAWN_EACH_##dtypes(BRAWN_SAME_ROW, map2, op, op##Binary)
#define BRAWN_TERNARY(op, dtypes, ...) BRAWN_EACH_##dtypes(BRAWN_SAME_ROW, map3, op, op##Ternary)
#define BRAWN_TEST(op, dtypes, ...) BRAWN_EACH_##dtypes(BRAWN_TEST_ROW, map1, op, op##Test)
#define BRAWN_COMPARE(op, dtypes, ...) BRAWN_EACH_##dtypes(BRAWN_TEST_ROW, map2, op, op##Compare)
#define BRAWN_MATH1(op, vector, scalar) {#op "_f32", map1_vector<op##Math1>}, {#op "_f64", map1<op##Math1, f64, f64>},
#define BRAWN_MATH2(op, vector, scalar) {#op "_f32", map2_vector<op##Math2>}, {#op "_f64", map2<op##Math2, f64, f64>},

// clang-format off
constexpr VmOp kVmOps[] = {
#include "kernels/elementwise/kernels.inc"
    BRAWN_EACH_ALL(BRAWN_WHERE_ROW, )
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, f32)
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, f64)
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, i32)
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, i64)
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, u8)
    BRAWN_EACH_ALL(BRAWN_CAST_ROW, b8)
};
// clang-format on
#undef BRAWN_UNARY
#undef BRAWN_BINARY
#undef BRAWN_TERNARY
#undef BRAWN_TEST
#undef BRAWN_COMPARE
#undef BRAWN_MATH1
#undef BRAWN_MATH2
#undef BRAWN_EACH_FLOAT
#undef BRAWN_EACH_INT
#undef BRAWN_EACH_BOOL
#undef BRAWN_EACH_NUMERIC
#undef BRAWN_EACH_ALL
#undef BRAWN_SAME_ROW
#undef BRAWN_TEST_ROW
#undef BRAWN_WHERE_ROW
#undef BRAWN_CAST_ROW

constexpr int kVmOpCount = sizeof(kVmOps) / sizeof(kVmOps[0]);

struct VmFunctions {
  VmFunction list[kVmOpCount];
};

constexpr VmFunctions list_functions() {
  VmFunctions functions{};
  for (int i = 0; i < kVmOpCount; ++i) functions.list[i] = kVmOps[i].run;
  return functions;
}

constexpr VmFunctions kVmFunctions = list_functions();

}  // namespace

VmTable vm_table() { return {kVmOps, kVmOpCount}; }

const VmFunction* vm_functions() { return kVmFunctions.list; }

}  // namespace BRAWN_ISA
}  // namespace brawn
