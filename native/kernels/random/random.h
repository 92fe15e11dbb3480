// Random numbers from a counter: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// Same key, same stream, same numbers, whatever the number of threads; no state is kept.
//
// Operands "key -> y", params "n stream". key points at two int64: seed and counter. Block b is the four 32-bit words
// w0 w1 w2 w3 that ten rounds of Philox make of
//   counter words  [ b mod 2^32, b div 2^32, stream mod 2^32, counter mod 2^32 ]
//   key words      [ seed mod 2^32, (seed div 2^32) xor (counter div 2^32) ]
// where seed and counter are taken as unsigned 64-bit numbers. A round maps counter (c0 c1 c2 c3) under key (k0 k1) to
//   (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)),  M0 = 0xD2511F53, M1 = 0xCD9E8D57
// and between rounds k0 += 0x9E3779B9, k1 += 0xBB67AE85.
//
//   random_bits_i32       y[i] = word i mod 4 of block i div 4, as int32
//   random_bits_i64       y[i] = wa 2^32 + wb as int64; block i div 2, (a, b) = (0, 1) for even and (2, 3) for odd i
//   random_uniform_f32    y[i] = (w div 2^8) 2^-24 in [0, 1), w as for bits_i32
//   random_uniform_f64    y[i] = ((wa div 2^5) 2^26 + (wb div 2^6)) 2^-53 in [0, 1), words as for bits_i64
//   random_normal_f32     Box-Muller on word pairs: block i div 4, (a, b) = (0, 1) for i mod 4 < 2, otherwise (2, 3);
//                         u = ((wa div 2^8) + 1) 2^-24, v = (wb div 2^8) 2^-24, r = sqrt(-2 ln u);
//                         y[i] = r cos(2 pi v) for even i, r sin(2 pi v) for odd i. Evaluated in float32 with an exact
//                         reduction of v to an eighth of a turn: within 1e-6 of the same formula in double.
//   random_normal_f64     block i div 2: u = (uniform_f64 of words 0 and 1) + 2^-53, v = uniform_f64 of words 2 and 3,
//                         y[i] = r cos(2 pi v) for even i, r sin(2 pi v) for odd i
//   random_permutation_i64  y = 0, 1, ..., n - 1; for i = 1, ..., n - 1 in order: swap y[i] with y[floor(U (i + 1))],
//                         U = element i of random_uniform_f64 with the same key and stream (Fisher-Yates)
#pragma once
#include "kernel.h"

namespace brawn {

struct RandomArgs {
  const int64_t* key;
  void* y;
  int64_t n, stream;
};

constexpr int64_t kRandomBatch = 64;  // blocks made at once
constexpr int64_t kRandomTask = 64;   // batches of one task: 16K words

}  // namespace brawn
