// The random family: a scalar Philox checked against the known answers published with Random123, then every row
// against that generator, and the moments of the distributions.
#include "kernels/random/random.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(random)

using namespace brawn;
using namespace kernel_test;

struct Block {
  uint32_t w[4];
};

static Block philox(Block c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c.w[0], p1 = uint64_t{0xCD9E8D57} * c.w[2];
    c = {{static_cast<uint32_t>(p1 >> 32) ^ c.w[1] ^ k0, static_cast<uint32_t>(p1),
          static_cast<uint32_t>(p0 >> 32) ^ c.w[3] ^ k1, static_cast<uint32_t>(p0)}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

static void check_known_answers() {
  const struct {
    Block counter;
    uint32_t key[2];
    Block answer;
  } known[] = {
      {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
       {0xffffffff, 0xffffffff},
       {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       {0xa4093822, 0x299f31d0},
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const auto& k : known) {
    const Block b = philox(k.counter, k.key[0], k.key[1]);
    CHECK(std::memcmp(&b, &k.answer, sizeof(b)) == 0, "known answer %08x", b.w[0]);
  }
}

struct Source {
  int64_t key[2];
  int64_t stream;
  Block block(int64_t b) const {
    const uint64_t seed = key[0], counter = key[1], n = b;
    const Block c = {{static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32), static_cast<uint32_t>(stream),
                      static_cast<uint32_t>(counter)}};
    return philox(c, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32 ^ counter >> 32));
  }
  double uniform53(int64_t i) const {
    const Block b = block(i / 2);
    return ((b.w[i % 2 * 2] >> 5) * 67108864.0 + (b.w[i % 2 * 2 + 1] >> 6)) / 9007199254740992.0;
  }
  double uniform24(int64_t i) const { return (block(i / 4).w[i % 4] >> 8) / 16777216.0; }
  double normal(double u, double v, bool odd) const {
    const double turn = 2 * 3.14159265358979323846 * v;
    return std::sqrt(-2 * std::log(u)) * (odd ? std::sin(turn) : std::cos(turn));
  }
};

template <class T, class Expect>
static void check_row(const IsaTable& table, const char* name, const Source& source, int64_t n, double tolerance,
                      const Expect& expect) {
  std::vector<T> y(n);
  const RandomArgs args = {source.key, y.data(), n, source.stream};
  run_all_orders(find_row(table, name), &args, y);
  for (int64_t i = 0; i < n; ++i) {
    const T e = static_cast<T>(expect(i));
    CHECK(tolerance == 0 ? y[i] == e : std::fabs(static_cast<double>(y[i]) - static_cast<double>(e)) <= tolerance,
          "%s %s at %lld: %.17g, expected %.17g", table.isa.c_str(), name, (long long)i, (double)y[i], (double)e);
  }
}

static void check_all(const IsaTable& table, const Source& s, int64_t n) {
  check_row<int32_t>(table, "random_bits_i32", s, n, 0, [&](int64_t i) { return s.block(i / 4).w[i % 4]; });
  check_row<int64_t>(table, "random_bits_i64", s, n, 0, [&](int64_t i) {
    const Block b = s.block(i / 2);
    return uint64_t{b.w[i % 2 * 2]} << 32 | b.w[i % 2 * 2 + 1];
  });
  check_row<float>(table, "random_uniform_f32", s, n, 0, [&](int64_t i) { return s.uniform24(i); });
  check_row<double>(table, "random_uniform_f64", s, n, 0, [&](int64_t i) { return s.uniform53(i); });
  check_row<float>(table, "random_normal_f32", s, n, 1e-6, [&](int64_t i) {
    const int64_t pair = i / 2 * 2;
    return s.normal(s.uniform24(pair) + 1 / 16777216.0, s.uniform24(pair + 1), i % 2);
  });
  check_row<double>(table, "random_normal_f64", s, n, 1e-14, [&](int64_t i) {
    const int64_t pair = i / 2 * 2;
    return s.normal(s.uniform53(pair) + 1 / 9007199254740992.0, s.uniform53(pair + 1), i % 2);
  });
  std::vector<int64_t> order(n);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  for (int64_t i = 1; i < n; ++i) std::swap(order[i], order[static_cast<int64_t>(s.uniform53(i) * (i + 1.0))]);
  check_row<int64_t>(table, "random_permutation_i64", s, n, 0, [&](int64_t i) { return order[i]; });
}

static void check_moments(const IsaTable& table) {
  const int64_t n = 1000000;
  const Source s = {{42, 7}, 3};
  std::vector<float> y(n);
  const RandomArgs args = {s.key, y.data(), n, s.stream};
  double sums[2][5] = {};
  const char* names[] = {"random_uniform_f32", "random_normal_f32"};
  for (int kind = 0; kind < 2; ++kind) {
    run(find_row(table, names[kind]), &args);
    for (float v : y) {
      double power = 1;
      for (int p = 0; p < 5; ++p, power *= kind == 0 ? v - 0.5 : v) sums[kind][p] += power / n;
    }
  }
  CHECK(std::fabs(sums[0][1]) < 1e-3 && std::fabs(sums[0][2] - 1 / 12.0) < 5e-4, "uniform moments");
  CHECK(std::fabs(sums[1][1]) < 4e-3 && std::fabs(sums[1][2] - 1) < 5e-3, "normal moments");
  CHECK(std::fabs(sums[1][3]) < 1e-2 && std::fabs(sums[1][4] - 3) < 4e-2, "normal tails");
}

int main() {
  check_known_answers();
  for (const IsaTable& table : random_tables()) {
    for (int64_t n : {1, 3, 257, 70001}) {
      check_all(table, {{0, 0}, 0}, n);
      check_all(table, {{0x123456789abcdef0, -5}, 0x1ffffffff}, n);
    }
    check_moments(table);
    std::printf("random %s ok\n", table.isa.c_str());
  }
  return 0;
}
