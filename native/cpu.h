// Which instruction sets this CPU and its operating system can run, which one is used, and how many threads are
// sensible. Asked once, when the addon loads; BRAWN_ISA and BRAWN_THREADS override the answers.
#pragma once
#include <string>
#include <vector>

namespace brawn {

// In rising order of preference on each architecture. ref is the baseline that every CPU of the architecture has.
enum class Isa { kRef, kAvx2, kAvx512, kNeon };

const char* isa_name(Isa isa);

struct Cpu {
  std::string arch;            // "x64" or "arm64"
  std::string model;           // as the CPU calls itself; "" when it does not say
  std::vector<Isa> available;  // what can run here, worst first
  Isa isa = Isa::kRef;         // what is used
  int affinity = 1;            // CPUs this process may be scheduled on
  double quota = 0;            // CPUs allowed by cgroup; 0: no limit
  int threads = 1;             // default number of compute threads
  std::string error;           // why an override cannot be followed; "" when all is well
};

constexpr int kMaxThreads = 1024;

// The overrides are the texts of BRAWN_ISA and BRAWN_THREADS; null or "" means not set.
Cpu detect_cpu(const char* isa_override, const char* threads_override);

// detect_cpu with this process's environment, asked once.
const Cpu& cpu();

// Threads that can run at once in this process, whatever BRAWN_THREADS says.
int usable_cpus();

}  // namespace brawn
