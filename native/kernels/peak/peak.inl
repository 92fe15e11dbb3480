// The body of the peak measurement; peak.h describes it.
#include "kernels/peak/peak.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

// Enough chains to hide the latency of a multiply-add in every unit, few enough for the registers.
#if defined(__aarch64__)
constexpr int kChains = 24;
#else
constexpr int kChains = 12;
#endif

// Every task starts elsewhere, or the compiler would do one for all.
double fma_chains(int64_t task, int64_t rounds) {
  const F32 half = F32::set(0.5f), one = F32::set(1.0f);
  F32 chain[kChains];
  for (int c = 0; c < kChains; ++c) chain[c] = F32::set(static_cast<float>(task + c));
  for (int64_t r = 0; r < rounds; ++r) {
    for (int c = 0; c < kChains; ++c) chain[c] = fma(chain[c], half, one);
  }
  F32 sum = chain[0];
  for (int c = 1; c < kChains; ++c) sum = sum + chain[c];
  // The chains tend to 2; looking at them keeps the compiler from leaving them out.
  return any(is_nan(sum)) ? 0 : 2.0 * kChains * F32::kLanes * static_cast<double>(rounds);
}

int64_t peak_tasks(const void* raw, int) { return static_cast<const PeakArgs*>(raw)->tasks; }

void peak_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const PeakArgs& args = *static_cast<const PeakArgs*>(raw);
  for (int64_t t = begin; t < end; ++t) args.flops[t] = fma_chains(t, args.rounds);
}

const KernelRow kPeakRows[] = {
    {"peak_fma_f32", "", "-> flops", "tasks rounds", 1, peak_tasks, nullptr, nullptr, peak_run},
};

}  // namespace

KernelTable peak_table() { return {kPeakRows, static_cast<int>(sizeof(kPeakRows) / sizeof(kPeakRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
