// NEON micro-kernel rows: 12 x 8 float32, 12 x 4 float64. One asm statement per row: left alone, GCC loads the whole
// column of A at once and spills accumulators.
#pragma once
#include "kernel.h"

#if BRAWN_ISA_ENABLED
namespace brawn {
namespace BRAWN_ISA {
namespace {

#define BRAWN_ROWS(size, kind, lanes)                                                                                  \
  template <int kVectors, int kOffset>                                                                                 \
  static inline void step(V& c0, [[maybe_unused]] V& c1, const char* p, int64_t stride, V b0, [[maybe_unused]] V b1) { \
    const T& a = *reinterpret_cast<const T*>(p + kOffset * stride);                                                    \
    V t;                                                                                                               \
    if constexpr (kVectors > 1) {                                                                                      \
      asm("ldr %" size                                                                                                 \
          "[t], %[a]\n\t"                                                                                              \
          "fmla %[c0]." lanes ", %[b0]." lanes ", %[t]." kind                                                          \
          "[0]\n\t"                                                                                                    \
          "fmla %[c1]." lanes ", %[b1]." lanes ", %[t]." kind "[0]"                                                    \
          : [c0] "+w"(c0), [c1] "+w"(c1), [t] "=&w"(t)                                                                 \
          : [a] "m"(a), [b0] "w"(b0), [b1] "w"(b1));                                                                   \
    } else {                                                                                                           \
      asm("ldr %" size "[t], %[a]\n\tfmla %[c0]." lanes ", %[b0]." lanes ", %[t]." kind "[0]"                          \
          : [c0] "+w"(c0), [t] "=&w"(t)                                                                                \
          : [a] "m"(a), [b0] "w"(b0));                                                                                 \
    }                                                                                                                  \
  }

template <class Element>
struct Micro;

template <>
struct Micro<float> {
  using T = float;
  typedef float V __attribute__((vector_size(16)));
  typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
  static constexpr int kLanes = 4;
  static constexpr int kRows = 12;
  static constexpr const char* kTileName = "12x8";
  BRAWN_ROWS("s", "s", "4s")
};

template <>
struct Micro<double> {
  using T = double;
  typedef double V __attribute__((vector_size(16)));
  typedef double Unaligned __attribute__((vector_size(16), aligned(8), may_alias));
  static constexpr int kLanes = 2;
  static constexpr int kRows = 12;
  static constexpr const char* kTileName = "12x4";
  BRAWN_ROWS("d", "d", "2d")
};

#undef BRAWN_ROWS

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
