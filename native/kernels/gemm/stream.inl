// Stores past the caches, for results that are not read again soon: no line is fetched before it is overwritten. Whole
// lines only; where the instruction set has none, they are plain stores.
#pragma once
#include "kernel.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// `p` is aligned to the vector.
BRAWN_INLINE void stream_vector(float* p, F32 v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, v.v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, v.v);
#else
  v.store(p);
#endif
}

// Such stores are not ordered with those that follow, which tell other threads that the results are there.
inline void finish_streams() {
#if defined(__AVX2__)
  _mm_sfence();
#endif
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
