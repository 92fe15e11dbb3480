// The bodies of the value checks; check.h describes them.
#include "kernels/check/check.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
struct CheckVector;
template <>
struct CheckVector<float> {
  using type = F32;
};
template <>
struct CheckVector<double> {
  using type = F64;
};

// x - x is 0 for finite x and NaN otherwise.
template <class T>
int64_t first_not_finite(const T* x, int64_t n) {
  using V = typename CheckVector<T>::type;
  constexpr int64_t kStep = 4 * V::kLanes;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const V a = V::load(x + i), b = V::load(x + i + V::kLanes);
    const V c = V::load(x + i + 2 * V::kLanes), d = V::load(x + i + 3 * V::kLanes);
    if (any(is_nan(((a - a) + (b - b)) + ((c - c) + (d - d))))) break;
  }
  for (; i < n; ++i) {
    if (x[i] - x[i] != 0) return i;
  }
  return -1;
}

int64_t check_tasks(const void* raw, int phase) {
  const CheckArgs& args = *static_cast<const CheckArgs*>(raw);
  return phase == 0 ? ceil_div(args.n, kCheckChunk) : 1;
}

int64_t check_shared_bytes(const void* raw) { return check_tasks(raw, 0) * static_cast<int64_t>(sizeof(int64_t)); }

template <class T>
void check_finite_run(const void* raw, int phase, int64_t begin, int64_t end, const Context& context) {
  const CheckArgs& args = *static_cast<const CheckArgs*>(raw);
  int64_t* found = static_cast<int64_t*>(context.shared);
  if (phase == 0) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t start = t * kCheckChunk;
      found[t] = first_not_finite(static_cast<const T*>(args.x) + start, min64(kCheckChunk, args.n - start));
    }
    return;
  }
  const int64_t chunks = check_tasks(raw, 0);
  for (int64_t c = 0; c < chunks; ++c) {
    if (found[c] < 0) continue;
    report_fault(context.status, Fault::kNotFinite, c * kCheckChunk + found[c], 0);
    return;
  }
}

const KernelRow kCheckRows[] = {
    {"check_finite_f32", "", "x ->", "n", 2, check_tasks, check_shared_bytes, nullptr, check_finite_run<float>},
    {"check_finite_f64", "", "x ->", "n", 2, check_tasks, check_shared_bytes, nullptr, check_finite_run<double>},
};

}  // namespace

KernelTable check_table() { return {kCheckRows, static_cast<int>(sizeof(kCheckRows) / sizeof(kCheckRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
