// Drives kernel rows without the rest of the runtime: finds a family's rows for every instruction set this CPU has,
// gives them guarded scratch, and runs their tasks in different orders. Each family's test has its own main().
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernel.h"
#include "status.h"

// Declares the tables of a family and collects those that can run here as `family_tables()`.
#if defined(__x86_64__)
#define BRAWN_TEST_FAMILY(family)                                                                 \
  namespace brawn {                                                                               \
  namespace ref {                                                                                 \
  KernelTable family##_table();                                                                   \
  }                                                                                               \
  namespace avx2 {                                                                                \
  KernelTable family##_table();                                                                   \
  }                                                                                               \
  namespace avx512 {                                                                              \
  KernelTable family##_table();                                                                   \
  }                                                                                               \
  }                                                                                               \
  static std::vector<kernel_test::IsaTable> family##_tables() {                                   \
    std::vector<kernel_test::IsaTable> tables;                                                    \
    tables.push_back({"ref", brawn::ref::family##_table()});                                      \
    if (kernel_test::has_avx2()) tables.push_back({"avx2", brawn::avx2::family##_table()});       \
    if (kernel_test::has_avx512()) tables.push_back({"avx512", brawn::avx512::family##_table()}); \
    return tables;                                                                                \
  }
#else
#define BRAWN_TEST_FAMILY(family)                                                            \
  namespace brawn {                                                                          \
  namespace ref {                                                                            \
  KernelTable family##_table();                                                              \
  }                                                                                          \
  namespace neon {                                                                           \
  KernelTable family##_table();                                                              \
  }                                                                                          \
  }                                                                                          \
  static std::vector<kernel_test::IsaTable> family##_tables() {                              \
    return {{"ref", brawn::ref::family##_table()}, {"neon", brawn::neon::family##_table()}}; \
  }
#endif

#define CHECK(condition, ...)                                              \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                   \
      std::fprintf(stderr, "\n");                                          \
      std::exit(1);                                                        \
    }                                                                      \
  } while (0)

namespace kernel_test {

struct IsaTable {
  std::string isa;
  brawn::KernelTable table;
};

#if defined(__x86_64__)
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
inline bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

inline const brawn::KernelRow& find_row(const IsaTable& table, const std::string& name) {
  for (int i = 0; i < table.table.count; ++i) {
    if (name == table.table.rows[i].name) return table.table.rows[i];
  }
  CHECK(false, "no row %s for %s", name.c_str(), table.isa.c_str());
  std::abort();
}

// Scratch with guard bytes behind it; `check` fails when a kernel wrote past its end.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : bytes_(bytes), memory_(static_cast<size_t>(bytes + 128 + 64), 0xa5) {
    const auto address = reinterpret_cast<uintptr_t>(memory_.data());
    start_ = memory_.data() + (64 - address % 64) % 64;
  }
  void* data() { return start_; }
  void check(const char* what) const {
    for (int64_t i = 0; i < 64; ++i) CHECK(start_[bytes_ + i] == 0xa5, "%s scratch overrun", what);
  }

 private:
  int64_t bytes_;
  std::vector<uint8_t> memory_;
  uint8_t* start_;
};

enum class Order { kForward, kBackward, kShuffled, kOneCall };

inline void run(const brawn::KernelRow& row, const void* args, Order order = Order::kForward,
                brawn::Status* status = nullptr) {
  Scratch shared(row.shared_bytes ? row.shared_bytes(args) : 0);
  Scratch local(row.local_bytes ? row.local_bytes(args) : 0);
  brawn::Status ignored;
  const brawn::Context context = {shared.data(), local.data(), status != nullptr ? status : &ignored};
  for (int phase = 0; phase < row.phases; ++phase) {
    const int64_t tasks = row.tasks(args, phase);
    if (order == Order::kOneCall) {
      if (tasks > 0) row.run(args, phase, 0, tasks, context);
      continue;
    }
    std::vector<int64_t> sequence;
    for (int64_t t = 0; t < tasks; ++t) sequence.push_back(order == Order::kBackward ? tasks - 1 - t : t);
    if (order == Order::kShuffled) {
      std::mt19937 random(7);
      for (size_t i = sequence.size(); i > 1; --i) std::swap(sequence[i - 1], sequence[random() % i]);
    }
    for (int64_t t : sequence) row.run(args, phase, t, t + 1, context);
  }
  shared.check("shared");
  local.check("local");
}

// Runs the row in every order and compares the bytes of `output`, which starts out the same each time.
template <class T>
void run_all_orders(const brawn::KernelRow& row, const void* args, std::vector<T>& output) {
  const std::vector<T> before = output;
  run(row, args, Order::kForward);
  const std::vector<T> expected = output;
  for (Order order : {Order::kBackward, Order::kShuffled, Order::kOneCall}) {
    output = before;
    run(row, args, order);
    CHECK(std::memcmp(output.data(), expected.data(), output.size() * sizeof(T)) == 0, "%s depends on the task order",
          row.name);
  }
}

// Runs a row that must report `fault` with this value and limit.
inline void expect_fault(const brawn::KernelRow& row, const void* args, brawn::Fault fault, int64_t value,
                         int64_t limit) {
  for (Order order : {Order::kForward, Order::kBackward}) {
    brawn::Status status;
    run(row, args, order, &status);
    CHECK(status.fault == fault && status.value == value && status.limit == limit, "%s: fault %d %lld %lld", row.name,
          static_cast<int>(status.fault), static_cast<long long>(status.value), static_cast<long long>(status.limit));
  }
}

template <class T>
std::vector<T> random_values(size_t n, uint32_t seed, double low = -2, double high = 2) {
  std::mt19937 random(seed);
  std::vector<T> values(n);
  for (T& v : values) v = static_cast<T>(low + (high - low) * (random() / 4294967296.0));
  return values;
}

template <class T>
const char* dtype_name();
template <>
inline const char* dtype_name<float>() {
  return "f32";
}
template <>
inline const char* dtype_name<double>() {
  return "f64";
}
template <>
inline const char* dtype_name<int32_t>() {
  return "i32";
}
template <>
inline const char* dtype_name<int64_t>() {
  return "i64";
}
template <>
inline const char* dtype_name<uint8_t>() {
  return "u8";
}

// Equal, or both NaN, or within `tolerance` relative to max(1, |expected|).
inline bool close(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (actual == expected) return true;
  return std::fabs(actual - expected) <= tolerance * std::fmax(1, std::fabs(expected));
}

}  // namespace kernel_test
