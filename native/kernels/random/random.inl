// The bodies of the random family; random.h defines every bit of them.
#include <math.h>
#include <string.h>

#include "kernels/random/random.h"
#include "simd/math.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

inline uint32_t low_word(uint64_t v) { return static_cast<uint32_t>(v); }
inline uint32_t high_word(uint64_t v) { return static_cast<uint32_t>(v >> 32); }

// The words of a batch of blocks, one array per word.
struct PhiloxBatch {
  uint32_t w[4][kRandomBatch];
};

// A plain loop over blocks, which compilers turn into vector code.
void philox(const RandomArgs& args, uint64_t first_block, PhiloxBatch* batch) {
  const uint64_t seed = static_cast<uint64_t>(args.key[0]), counter = static_cast<uint64_t>(args.key[1]);
  const uint32_t key0 = low_word(seed), key1 = high_word(seed) ^ high_word(counter);
  const uint32_t stream = low_word(static_cast<uint64_t>(args.stream)), low_counter = low_word(counter);
  for (int b = 0; b < kRandomBatch; ++b) {
    batch->w[0][b] = low_word(first_block + static_cast<uint64_t>(b));
    batch->w[1][b] = high_word(first_block + static_cast<uint64_t>(b));
  }
  for (int b = 0; b < kRandomBatch; ++b) {
    uint32_t c0 = batch->w[0][b], c1 = batch->w[1][b], c2 = stream, c3 = low_counter;
    uint32_t k0 = key0, k1 = key1;
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53} * c0, p1 = uint64_t{0xCD9E8D57} * c2;
      c0 = high_word(p1) ^ c1 ^ k0;
      c1 = low_word(p1);
      c2 = high_word(p0) ^ c3 ^ k1;
      c3 = low_word(p0);
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    batch->w[0][b] = c0;
    batch->w[1][b] = c1;
    batch->w[2][b] = c2;
    batch->w[3][b] = c3;
  }
}

inline double uniform53(uint32_t a, uint32_t b) {
  return (static_cast<double>(a >> 5) * 67108864.0 + static_cast<double>(b >> 6)) * 0x1p-53;
}

// A generator turns a batch into kPerBlock * kRandomBatch elements.
struct BitsI32 {
  using T = int32_t;
  static constexpr int kPerBlock = 4;
  static void fill(const PhiloxBatch& batch, T* y) {
    for (int b = 0; b < kRandomBatch; ++b) {
      for (int l = 0; l < 4; ++l) y[4 * b + l] = static_cast<int32_t>(batch.w[l][b]);
    }
  }
};

struct BitsI64 {
  using T = int64_t;
  static constexpr int kPerBlock = 2;
  static void fill(const PhiloxBatch& batch, T* y) {
    for (int b = 0; b < kRandomBatch; ++b) {
      for (int l = 0; l < 2; ++l) {
        y[2 * b + l] = static_cast<int64_t>(uint64_t{batch.w[2 * l][b]} << 32 | batch.w[2 * l + 1][b]);
      }
    }
  }
};

struct UniformF32 {
  using T = float;
  static constexpr int kPerBlock = 4;
  static void fill(const PhiloxBatch& batch, T* y) {
    for (int b = 0; b < kRandomBatch; ++b) {
      for (int l = 0; l < 4; ++l)
        y[4 * b + l] = static_cast<float>(static_cast<int32_t>(batch.w[l][b] >> 8)) * 0x1p-24f;
    }
  }
};

struct UniformF64 {
  using T = double;
  static constexpr int kPerBlock = 2;
  static void fill(const PhiloxBatch& batch, T* y) {
    for (int b = 0; b < kRandomBatch; ++b) {
      for (int l = 0; l < 2; ++l) y[2 * b + l] = uniform53(batch.w[2 * l][b], batch.w[2 * l + 1][b]);
    }
  }
};

// turns holds v 2^24. Its nearest quarter turn is taken off exactly, so sin and cos see at most pi/4.
BRAWN_INLINE void sin_cos_turns(I32 turns, F32* sine, F32* cosine) {
  const I32 quarter = shr<22>(turns + I32::set(1 << 21));
  const F32 angle = to_f32(turns - shl<22>(quarter)) * F32::set(static_cast<float>(6.283185307179586 * 0x1p-24));
  const F32 s = sin(angle), c = cos(angle);
  const I32 odd = quarter & I32::set(1);
  const M32 swapped = eq(odd, I32::set(1));
  const I32 flip_sine = shl<30>(quarter & I32::set(2));
  const I32 flip_cosine = shl<31>(shr<1>(quarter) ^ odd);
  *sine = as_f32(as_i32(select(swapped, c, s)) ^ flip_sine);
  *cosine = as_f32(as_i32(select(swapped, s, c)) ^ flip_cosine);
}

struct NormalF32 {
  using T = float;
  static constexpr int kPerBlock = 4;
  static void fill(const PhiloxBatch& batch, T* y) {
    float z[4][kRandomBatch];
    for (int pair = 0; pair < 4; pair += 2) {
      for (int b = 0; b < kRandomBatch; b += F32::kLanes) {
        int32_t words[2][F32::kLanes];
        memcpy(words[0], batch.w[pair] + b, sizeof(words[0]));
        memcpy(words[1], batch.w[pair + 1] + b, sizeof(words[1]));
        const F32 u = to_f32(shr<8>(I32::load(words[0])) + I32::set(1)) * F32::set(0x1p-24f);
        const F32 r = sqrt(F32::set(-2) * log(u));
        F32 s, c;
        sin_cos_turns(shr<8>(I32::load(words[1])), &s, &c);
        (r * c).store(z[pair] + b);
        (r * s).store(z[pair + 1] + b);
      }
    }
    for (int b = 0; b < kRandomBatch; ++b) {
      for (int l = 0; l < 4; ++l) y[4 * b + l] = z[l][b];
    }
  }
};

struct NormalF64 {
  using T = double;
  static constexpr int kPerBlock = 2;
  static void fill(const PhiloxBatch& batch, T* y) {
    for (int b = 0; b < kRandomBatch; ++b) {
      const double u = uniform53(batch.w[0][b], batch.w[1][b]) + 0x1p-53;
      const double angle = 6.283185307179586 * uniform53(batch.w[2][b], batch.w[3][b]);
      const double r = ::sqrt(-2 * ::log(u));
      y[2 * b] = r * ::cos(angle);
      y[2 * b + 1] = r * ::sin(angle);
    }
  }
};

template <class Generator>
int64_t random_tasks(const void* raw, int) {
  return ceil_div(static_cast<const RandomArgs*>(raw)->n, Generator::kPerBlock * kRandomBatch * kRandomTask);
}

template <class Generator>
void random_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  using T = typename Generator::T;
  constexpr int64_t kBatchElements = Generator::kPerBlock * kRandomBatch;
  const RandomArgs& args = *static_cast<const RandomArgs*>(raw);
  const int64_t last = min64(args.n, end * kRandomTask * kBatchElements);
  for (int64_t at = begin * kRandomTask * kBatchElements; at < last; at += kBatchElements) {
    PhiloxBatch batch;
    philox(args, static_cast<uint64_t>(at / Generator::kPerBlock), &batch);
    T* y = static_cast<T*>(args.y) + at;
    if (at + kBatchElements <= last) {
      Generator::fill(batch, y);
    } else {
      T part[kBatchElements];
      Generator::fill(batch, part);
      memcpy(y, part, sizeof(T) * (last - at));
    }
  }
}

int64_t permutation_tasks(const void*, int) { return 1; }

void permutation_run(const void* raw, int, int64_t, int64_t, const Context&) {
  constexpr int64_t kBatchElements = UniformF64::kPerBlock * kRandomBatch;
  const RandomArgs& args = *static_cast<const RandomArgs*>(raw);
  int64_t* y = static_cast<int64_t*>(args.y);
  double uniform[kBatchElements];
  for (int64_t i = 0; i < args.n; ++i) {
    if (i % kBatchElements == 0) {
      PhiloxBatch batch;
      philox(args, static_cast<uint64_t>(i / UniformF64::kPerBlock), &batch);
      UniformF64::fill(batch, uniform);
    }
    const int64_t j = static_cast<int64_t>(uniform[i % kBatchElements] * static_cast<double>(i + 1));
    y[i] = i;
    y[i] = y[j];
    y[j] = i;
  }
}

#define BRAWN_RANDOM(name, Generator) \
  { name, "", "key -> y", "n stream", 1, random_tasks<Generator>, nullptr, nullptr, random_run<Generator> }

const KernelRow kRandomRows[] = {
    BRAWN_RANDOM("random_bits_i32", BitsI32),
    BRAWN_RANDOM("random_bits_i64", BitsI64),
    BRAWN_RANDOM("random_uniform_f32", UniformF32),
    BRAWN_RANDOM("random_uniform_f64", UniformF64),
    BRAWN_RANDOM("random_normal_f32", NormalF32),
    BRAWN_RANDOM("random_normal_f64", NormalF64),
    {"random_permutation_i64", "", "key -> y", "n stream", 1, permutation_tasks, nullptr, nullptr, permutation_run},
};

#undef BRAWN_RANDOM

}  // namespace

KernelTable random_table() { return {kRandomRows, static_cast<int>(sizeof(kRandomRows) / sizeof(kRandomRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
