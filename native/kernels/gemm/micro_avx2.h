// AVX2 micro-kernel rows: 6 x 16 float32, 6 x 8 float64. One asm statement per row keeps GCC from turning the loads
// of B into repeated memory operands.
#pragma once
#include "kernel.h"

#if BRAWN_ISA_ENABLED
namespace brawn {
namespace BRAWN_ISA {
namespace {

#define BRAWN_ROW(address, kind)                                                         \
  if constexpr (kVectors > 1) {                                                          \
    asm("vbroadcasts" kind " " address                                                   \
        ", %[t]\n\t"                                                                     \
        "vfmadd231p" kind                                                                \
        " %[b0], %[t], %[c0]\n\t"                                                        \
        "vfmadd231p" kind " %[b1], %[t], %[c1]"                                          \
        : [c0] "+x"(c0), [c1] "+x"(c1), [t] "=&x"(t)                                     \
        : [p] "r"(p), [s] "r"(stride), [b0] "x"(b0), [b1] "x"(b1)                        \
        : "memory");                                                                     \
  } else {                                                                               \
    asm("vbroadcasts" kind " " address ", %[t]\n\tvfmadd231p" kind " %[b0], %[t], %[c0]" \
        : [c0] "+x"(c0), [t] "=&x"(t)                                                    \
        : [p] "r"(p), [s] "r"(stride), [b0] "x"(b0)                                      \
        : "memory");                                                                     \
  }

#define BRAWN_ROWS_OF_THREE(kind)                                                                                      \
  template <int kVectors, int kOffset>                                                                                 \
  static inline void step(V& c0, [[maybe_unused]] V& c1, const char* p, int64_t stride, V b0, [[maybe_unused]] V b1) { \
    V t;                                                                                                               \
    if constexpr (kOffset == 0) {                                                                                      \
      BRAWN_ROW("(%[p])", kind)                                                                                        \
    } else if constexpr (kOffset == 1) {                                                                               \
      BRAWN_ROW("(%[p],%[s])", kind)                                                                                   \
    } else {                                                                                                           \
      BRAWN_ROW("(%[p],%[s],2)", kind)                                                                                 \
    }                                                                                                                  \
  }

template <class Element>
struct Micro;

template <>
struct Micro<float> {
  using T = float;
  typedef float V __attribute__((vector_size(32)));
  typedef float Unaligned __attribute__((vector_size(32), aligned(4), may_alias));
  static constexpr int kLanes = 8;
  static constexpr int kRows = 6;
  static constexpr const char* kTileName = "6x16";
  BRAWN_ROWS_OF_THREE("s")
};

template <>
struct Micro<double> {
  using T = double;
  typedef double V __attribute__((vector_size(32)));
  typedef double Unaligned __attribute__((vector_size(32), aligned(8), may_alias));
  static constexpr int kLanes = 4;
  static constexpr int kRows = 6;
  static constexpr const char* kTileName = "6x8";
  BRAWN_ROWS_OF_THREE("d")
};

#undef BRAWN_ROW
#undef BRAWN_ROWS_OF_THREE

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
