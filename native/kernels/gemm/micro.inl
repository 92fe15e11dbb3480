// The GEMM micro-kernel: a tile of kRows x (kVectors vectors) of C kept in registers over one block of k.
//
// The body is written once; an instruction set gives `Micro<T>` (micro_<isa>.h, micro_generic.h) with
// its vector type, tile height and `step`, which adds one row of A times the current row of B. A is read through a row
// and a k stride, so packed panels, plain row-major rows and transposed matrices all serve without a copy; B rows
// are contiguous with any distance. Accumulators are named, not an array: GCC spills arrays inside the loop.
//
// The packing variant also copies the rows of B that it reads into a packed panel, so that the first rows of A pack B
// for the others at no cost, and asks ahead of time for the panel that is `next` elements further on.
#pragma once
#include "kernel.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
using MicroFunction = void (*)(int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k, T* c,
                               int64_t c_row, bool accumulate);

template <class T>
using PackingMicroFunction = void (*)(int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k, T* c,
                                      int64_t c_row, bool accumulate, T* packed, int64_t next);

template <class T>
using AskingMicroFunction = void (*)(int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k, T* c,
                                     int64_t c_row, bool accumulate, const void* ahead, int64_t step, int64_t jump);

constexpr int64_t kAskingRun = 16;

template <class M>
inline typename M::V micro_load(const typename M::T* p) {
  return *reinterpret_cast<const typename M::Unaligned*>(p);
}

template <class M>
inline void micro_store(typename M::T* p, typename M::V v) {
  *reinterpret_cast<typename M::Unaligned*>(p) = v;
}

template <class M, int kVectors>
inline void micro_finish(typename M::T* c, bool accumulate, typename M::V v0, typename M::V v1) {
  if (accumulate) {
    v0 += micro_load<M>(c);
    if constexpr (kVectors > 1) v1 += micro_load<M>(c + M::kLanes);
  }
  micro_store<M>(c, v0);
  if constexpr (kVectors > 1) micro_store<M>(c + M::kLanes, v1);
}

#define BRAWN_EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define BRAWN_DECLARE(i) [[maybe_unused]] V c##i##_0 = {}, c##i##_1 = {};
#define BRAWN_STEP(i) \
  if constexpr (kRows > i) M::template step<kVectors, i % 3>(c##i##_0, c##i##_1, rows[i / 3], a_row_bytes, b0, b1);
#define BRAWN_FINISH(i) \
  if constexpr (kRows > i) micro_finish<M, kVectors>(c + i * c_row, accumulate, c##i##_0, c##i##_1);

// The lines of one row of a panel, however it is aligned.
template <class M>
inline void prefetch_panel_row(const typename M::T* b) {
  constexpr int kPanelBytes = 2 * sizeof(typename M::V), kLine = 64;
  const char* last = reinterpret_cast<const char*>(b) + kPanelBytes - 1;
  for (int i = 0; i < kPanelBytes; i += kLine) __builtin_prefetch(last - i, 0, 2);
}

template <class M, int kRows, int kVectors, bool kPacking, bool kAhead = false>
inline __attribute__((always_inline)) void micro_body(
    int64_t k, const typename M::T* a, int64_t a_row, int64_t a_k, const typename M::T* b, int64_t b_k,
    typename M::T* c, int64_t c_row, bool accumulate, [[maybe_unused]] typename M::T* packed,
    [[maybe_unused]] int64_t next, [[maybe_unused]] const char* ahead = nullptr, [[maybe_unused]] int64_t jump = 0) {
  using T = typename M::T;
  using V = typename M::V;
  constexpr int kBases = (kRows + 2) / 3;  // one address register serves three rows: p, p + s, p + 2 s
  const int64_t a_row_bytes = a_row * int64_t{sizeof(T)};
  const int64_t a_k_bytes = a_k * int64_t{sizeof(T)};
  const char* rows[5] = {};
  rows[0] = reinterpret_cast<const char*>(a);
  if constexpr (kBases > 1) rows[1] = rows[0] + 3 * a_row_bytes;
  if constexpr (kBases > 2) rows[2] = rows[0] + 6 * a_row_bytes;
  if constexpr (kBases > 3) rows[3] = rows[0] + 9 * a_row_bytes;
  if constexpr (kBases > 4) rows[4] = rows[0] + 12 * a_row_bytes;
  BRAWN_EACH_ROW(BRAWN_DECLARE)
  for (; k > 0; --k) {
    const V b0 = micro_load<M>(b);
    V b1 = b0;
    if constexpr (kVectors > 1) b1 = micro_load<M>(b + M::kLanes);
    if constexpr (kAhead) {
      __builtin_prefetch(ahead, 0, 2);
      ahead += next + (k % kAskingRun == 1 ? jump : 0);
    }
    if constexpr (kPacking) {
      prefetch_panel_row<M>(b + next);
      micro_store<M>(packed, b0);
      micro_store<M>(packed + M::kLanes, b1);
      packed += 2 * M::kLanes;
    }
    BRAWN_EACH_ROW(BRAWN_STEP)
    rows[0] += a_k_bytes;
    if constexpr (kBases > 1) rows[1] += a_k_bytes;
    if constexpr (kBases > 2) rows[2] += a_k_bytes;
    if constexpr (kBases > 3) rows[3] += a_k_bytes;
    if constexpr (kBases > 4) rows[4] += a_k_bytes;
    b += b_k;
  }
  BRAWN_EACH_ROW(BRAWN_FINISH)
}

#undef BRAWN_EACH_ROW
#undef BRAWN_DECLARE
#undef BRAWN_STEP
#undef BRAWN_FINISH

template <class M, int kRows, int kVectors>
void micro(int64_t k, const typename M::T* a, int64_t a_row, int64_t a_k, const typename M::T* b, int64_t b_k,
           typename M::T* c, int64_t c_row, bool accumulate) {
  micro_body<M, kRows, kVectors, false>(k, a, a_row, a_k, b, b_k, c, c_row, accumulate, nullptr, 0);
}

template <class M, int kRows>
void packing_micro(int64_t k, const typename M::T* a, int64_t a_row, int64_t a_k, const typename M::T* b, int64_t b_k,
                   typename M::T* c, int64_t c_row, bool accumulate, typename M::T* packed, int64_t next) {
  micro_body<M, kRows, 2, true>(k, a, a_row, a_k, b, b_k, c, c_row, accumulate, packed, next);
}

// Asks for memory from `ahead` on, `step` bytes further for each row of B, `jump` more after kAskingRun rows.
template <class M, int kRows, int kVectors>
void asking_micro(int64_t k, const typename M::T* a, int64_t a_row, int64_t a_k, const typename M::T* b, int64_t b_k,
                  typename M::T* c, int64_t c_row, bool accumulate, const void* ahead, int64_t step, int64_t jump) {
  micro_body<M, kRows, kVectors, false, true>(k, a, a_row, a_k, b, b_k, c, c_row, accumulate, nullptr, step,
                                              static_cast<const char*>(ahead), jump);
}

template <class M, int kVectors, int kRows = M::kRows>
inline MicroFunction<typename M::T> micro_with(int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return micro_with<M, kVectors, kRows - 1>(rows);
  }
  return micro<M, kRows, kVectors>;
}

// The packing kernel for `rows` (1..kRows) and a whole panel of columns.
template <class M, int kRows = M::kRows>
inline PackingMicroFunction<typename M::T> packing_micro_for(int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return packing_micro_for<M, kRows - 1>(rows);
  }
  return packing_micro<M, kRows>;
}

template <class M, int kVectors, int kRows = M::kRows>
inline AskingMicroFunction<typename M::T> asking_micro_with(int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return asking_micro_with<M, kVectors, kRows - 1>(rows);
  }
  return asking_micro<M, kRows, kVectors>;
}

// The kernel that asks for memory ahead of time.
template <class M>
inline AskingMicroFunction<typename M::T> asking_micro_for(int64_t rows, int64_t vectors) {
  return vectors > 1 ? asking_micro_with<M, 2>(rows) : asking_micro_with<M, 1>(rows);
}

// The kernel for `rows` (1..kRows) and one or two vectors of columns.
template <class M>
inline MicroFunction<typename M::T> micro_for(int64_t rows, int64_t vectors) {
  return vectors > 1 ? micro_with<M, 2>(rows) : micro_with<M, 1>(rows);
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
