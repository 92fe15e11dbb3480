// Instruction-set detection and the overrides by environment.
#include "cpu.h"

#include "tests/check.h"

using namespace brawn;

int main() {
  const Cpu plain = detect_cpu(nullptr, nullptr);
  CHECK(plain.error.empty());
  CHECK(plain.available.front() == Isa::kRef);
  CHECK(plain.isa == plain.available.back());
  CHECK(plain.threads >= 1 && plain.threads <= plain.affinity);

  for (Isa isa : plain.available) {
    const Cpu forced = detect_cpu(isa_name(isa), "");
    CHECK(forced.error.empty());
    CHECK(forced.isa == isa);
  }
#if defined(__x86_64__)
  CHECK(detect_cpu("neon", nullptr).error.find("cannot run it") != std::string::npos);
#else
  CHECK(detect_cpu("avx2", nullptr).error.find("cannot run it") != std::string::npos);
#endif
  CHECK(detect_cpu("sse9", nullptr).error.find("BRAWN_ISA=sse9 is not an instruction set") == 0);

  CHECK_EQ(detect_cpu(nullptr, "3").threads, 3);
  for (const char* wrong : {"0", "-1", "two", "3x", "1.5", "99999"}) {
    CHECK(detect_cpu(nullptr, wrong).error.find("BRAWN_THREADS=") == 0);
  }
}
