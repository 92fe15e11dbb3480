// Micro-kernel rows in plain vector extensions, for any CPU: 4 x 8 float32, 4 x 4 float64. The compiler contracts
// multiply and add where the target has a fused instruction.
#pragma once
#include "kernel.h"

#if BRAWN_ISA_ENABLED
namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class Element>
struct Micro {
  using T = Element;
  typedef T V __attribute__((vector_size(16)));
  typedef T Unaligned __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
  static constexpr int kLanes = 16 / sizeof(T);
  static constexpr int kRows = 4;
  static constexpr const char* kTileName = sizeof(T) == 4 ? "4x8" : "4x4";
  template <int kVectors, int kOffset>
  static inline void step(V& c0, [[maybe_unused]] V& c1, const char* p, int64_t stride, V b0, [[maybe_unused]] V b1) {
    const T a = *reinterpret_cast<const T*>(p + kOffset * stride);
    c0 += b0 * a;
    if constexpr (kVectors > 1) c1 += b1 * a;
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
