// CPUID and XGETBV on x86, affinity and quota for threads; see cpu.h.
#include "cpu.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "limits.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace brawn {
namespace {

#if defined(__x86_64__)
constexpr const char* kArch = "x64";

bool has_bit(unsigned word, int bit) { return (word >> bit & 1) != 0; }

// Which register files the operating system saves when it switches threads.
unsigned read_xcr0() {
  unsigned low;
  unsigned high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::vector<Isa> find_isas() {
  std::vector<Isa> isas = {Isa::kRef};
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return isas;
  const bool fma = has_bit(c, 12);
  const bool osxsave = has_bit(c, 27);
  const bool avx = has_bit(c, 28);
  const bool f16c = has_bit(c, 29);
  if (!osxsave || !avx || !fma || !f16c) return isas;
  const unsigned xcr0 = read_xcr0();
  if ((xcr0 & 0x6) != 0x6) return isas;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || !has_bit(b, 5)) return isas;
  isas.push_back(Isa::kAvx2);
  const bool avx512 = has_bit(b, 16) && has_bit(b, 17) && has_bit(b, 30) && has_bit(b, 31);
#if defined(__APPLE__)
  // macOS turns the AVX-512 state on at a thread's first use, so XCR0 does not show it beforehand.
  const bool saved = true;
#else
  const bool saved = (xcr0 & 0xe6) == 0xe6;
#endif
  if (avx512 && saved) isas.push_back(Isa::kAvx512);
  return isas;
}

std::string find_model() {
  unsigned words[12];
  if (__get_cpuid_max(0x80000000u, nullptr) < 0x80000004u) return "";
  for (unsigned i = 0; i < 3; ++i) {
    unsigned* w = words + 4 * i;
    __get_cpuid(0x80000002u + i, &w[0], &w[1], &w[2], &w[3]);
  }
  char text[sizeof words + 1] = {};
  memcpy(text, words, sizeof words);
  std::string model = text;
  while (!model.empty() && model.back() == ' ') model.pop_back();
  model.erase(0, model.find_first_not_of(' '));
  return model;
}
#else
constexpr const char* kArch = "arm64";

std::vector<Isa> find_isas() { return {Isa::kRef, Isa::kNeon}; }

std::string find_model() {
#if defined(__APPLE__)
  char text[128] = {};
  size_t size = sizeof text - 1;
  if (sysctlbyname("machdep.cpu.brand_string", text, &size, nullptr, 0) == 0) return text;
#endif
  return "";
}
#endif

int count_cpus() {
#if defined(__linux__)
  // Machines with more CPUs than cpu_set_t holds make the call fail until the set is large enough.
  for (int capacity = CPU_SETSIZE; capacity <= 1 << 16; capacity *= 4) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    const size_t size = CPU_ALLOC_SIZE(capacity);
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  const unsigned hardware = std::thread::hardware_concurrency();
  return hardware > 0 ? static_cast<int>(hardware) : 1;
}

std::string list_names(const std::vector<Isa>& isas) {
  std::string names;
  for (Isa isa : isas) names += (names.empty() ? "" : ", ") + std::string(isa_name(isa));
  return names;
}

void apply_isa(const char* wanted, Cpu* cpu) {
  for (Isa isa : cpu->available) {
    if (strcmp(isa_name(isa), wanted) != 0) continue;
    cpu->isa = isa;
    return;
  }
  for (Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    if (strcmp(isa_name(isa), wanted) != 0) continue;
    cpu->error =
        "BRAWN_ISA=" + std::string(wanted) + ": this CPU cannot run it (it can run " + list_names(cpu->available) + ")";
    return;
  }
  cpu->error = "BRAWN_ISA=" + std::string(wanted) + " is not an instruction set (expected one of " +
               list_names({Isa::kRef, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) + ")";
}

void apply_threads(const char* wanted, Cpu* cpu) {
  char* end = nullptr;
  const long threads = strtol(wanted, &end, 10);
  if (*end == '\0' && threads >= 1 && threads <= kMaxThreads) {
    cpu->threads = static_cast<int>(threads);
  } else {
    cpu->error =
        "BRAWN_THREADS=" + std::string(wanted) + ": expected an integer from 1 to " + std::to_string(kMaxThreads);
  }
}

}  // namespace

const char* isa_name(Isa isa) {
  static constexpr const char* kNames[] = {"ref", "avx2", "avx512", "neon"};
  return kNames[static_cast<int>(isa)];
}

Cpu detect_cpu(const char* isa_override, const char* threads_override) {
  Cpu cpu;
  cpu.arch = kArch;
  cpu.model = find_model();
  cpu.available = find_isas();
  cpu.isa = cpu.available.back();
  cpu.affinity = count_cpus();
  cpu.quota = cgroup_cpu_quota();
  cpu.threads = cpu.affinity;
  if (cpu.quota > 0 && std::ceil(cpu.quota) < cpu.threads) cpu.threads = static_cast<int>(std::ceil(cpu.quota));
  if (cpu.threads > kMaxThreads) cpu.threads = kMaxThreads;
  if (isa_override != nullptr && *isa_override != '\0') apply_isa(isa_override, &cpu);
  if (threads_override != nullptr && *threads_override != '\0') apply_threads(threads_override, &cpu);
  return cpu;
}

const Cpu& cpu() {
  static const Cpu* cpu = new Cpu(detect_cpu(getenv("BRAWN_ISA"), getenv("BRAWN_THREADS")));
  return *cpu;
}

int usable_cpus() { return detect_cpu(nullptr, nullptr).threads; }

}  // namespace brawn
