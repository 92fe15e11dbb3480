// Stores past the caches, for results that are larger than what the caches keep until somebody reads them: a line that
// is written whole need not be read from memory first. A task ends with stream_fence(), so that other threads see what
// it has stored.
#pragma once

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kStreamBytes = int64_t{8} << 20;  // results from here on leave past the caches
constexpr int64_t kStreamLine = 64;

#if defined(__x86_64__)
BRAWN_INLINE void stream_line(char* to, const char* from) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_loadu_si512(from));
#elif defined(__AVX2__)
  for (int i = 0; i < 64; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
#else
  __builtin_memcpy(to, from, 64);
#endif
}
// `to` is aligned to the vector; all vectors of a line are stored so.
BRAWN_INLINE void stream_vector(float* to, F32 v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, v.v);
#elif defined(__AVX2__)
  _mm256_stream_ps(to, v.v);
#else
  v.store(to);
#endif
}
BRAWN_INLINE void stream_fence() { __builtin_ia32_sfence(); }
#else
BRAWN_INLINE void stream_line(char* to, const char* from) { __builtin_memcpy(to, from, 64); }
BRAWN_INLINE void stream_vector(float* to, F32 v) { v.store(to); }
BRAWN_INLINE void stream_fence() {}
#endif

// Bytes up to the first whole line and behind the last one are stored as usual.
inline void stream_run(char* to, const char* from, int64_t bytes) {
  const int64_t past = reinterpret_cast<uintptr_t>(to) % kStreamLine;
  const int64_t head = past == 0 ? 0 : kStreamLine - past;
  if (head + kStreamLine > bytes) {
    __builtin_memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  if (head > 0) __builtin_memcpy(to, from, static_cast<size_t>(head));
  int64_t i = head;
  for (; i + kStreamLine <= bytes; i += kStreamLine) stream_line(to + i, from + i);
  if (i < bytes) __builtin_memcpy(to + i, from + i, static_cast<size_t>(bytes - i));
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
