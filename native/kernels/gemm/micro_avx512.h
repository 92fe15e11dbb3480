// AVX-512 micro-kernel rows: 14 x 32 float32, 14 x 16 float64. One asm statement per row keeps GCC from turning the
// loads of B into repeated memory operands. With one vector of columns the multiply broadcasts A itself, which is
// faster than a broadcast of its own that serves only one multiply.
#pragma once
#include "kernel.h"

#if BRAWN_ISA_ENABLED
namespace brawn {
namespace BRAWN_ISA {
namespace {

#define BRAWN_ROW(address, kind, lanes)                                \
  if constexpr (kVectors > 1) {                                        \
    asm("vbroadcasts" kind " " address                                 \
        ", %[t]\n\t"                                                   \
        "vfmadd231p" kind                                              \
        " %[b0], %[t], %[c0]\n\t"                                      \
        "vfmadd231p" kind " %[b1], %[t], %[c1]"                        \
        : [c0] "+v"(c0), [c1] "+v"(c1), [t] "=&v"(t)                   \
        : [p] "r"(p), [s] "r"(stride), [b0] "v"(b0), [b1] "v"(b1)      \
        : "memory");                                                   \
  } else {                                                             \
    asm("vfmadd231p" kind " " address "%{1to" lanes "%}, %[b0], %[c0]" \
        : [c0] "+v"(c0)                                                \
        : [p] "r"(p), [s] "r"(stride), [b0] "v"(b0)                    \
        : "memory");                                                   \
  }

#define BRAWN_ROWS_OF_THREE(kind, lanes)                                                                               \
  template <int kVectors, int kOffset>                                                                                 \
  static inline void step(V& c0, [[maybe_unused]] V& c1, const char* p, int64_t stride, V b0, [[maybe_unused]] V b1) { \
    [[maybe_unused]] V t;                                                                                              \
    if constexpr (kOffset == 0) {                                                                                      \
      BRAWN_ROW("(%[p])", kind, lanes)                                                                                 \
    } else if constexpr (kOffset == 1) {                                                                               \
      BRAWN_ROW("(%[p],%[s])", kind, lanes)                                                                            \
    } else {                                                                                                           \
      BRAWN_ROW("(%[p],%[s],2)", kind, lanes)                                                                          \
    }                                                                                                                  \
  }

template <class Element>
struct Micro;

template <>
struct Micro<float> {
  using T = float;
  typedef float V __attribute__((vector_size(64)));
  typedef float Unaligned __attribute__((vector_size(64), aligned(4), may_alias));
  static constexpr int kLanes = 16;
  static constexpr int kRows = 14;
  static constexpr const char* kTileName = "14x32";
  BRAWN_ROWS_OF_THREE("s", "16")
};

template <>
struct Micro<double> {
  using T = double;
  typedef double V __attribute__((vector_size(64)));
  typedef double Unaligned __attribute__((vector_size(64), aligned(8), may_alias));
  static constexpr int kLanes = 8;
  static constexpr int kRows = 14;
  static constexpr const char* kTileName = "14x16";
  BRAWN_ROWS_OF_THREE("d", "8")
};

#undef BRAWN_ROW
#undef BRAWN_ROWS_OF_THREE

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
