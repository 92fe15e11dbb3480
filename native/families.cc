// Iterates over families.inc for every instruction set of the architecture; see families.h. This is the only file
// that names the tables, so a core without kernels can be linked and tested.
#include "families.h"

#include "cpu.h"

#define BRAWN_FAMILY(family) KernelTable family##_table();
namespace brawn {
namespace ref {
#include "kernels/families.inc"
VmTable vm_table();
}  // namespace ref
#if defined(__x86_64__)
namespace avx2 {
#include "kernels/families.inc"
VmTable vm_table();
}  // namespace avx2
namespace avx512 {
#include "kernels/families.inc"
VmTable vm_table();
}  // namespace avx512
#elif defined(__aarch64__)
namespace neon {
#include "kernels/families.inc"
VmTable vm_table();
}  // namespace neon
#endif
#undef BRAWN_FAMILY

namespace {

// The tables of one instruction set in the order of families.inc.
std::vector<KernelTable> tables_of(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
#define BRAWN_FAMILY(family) avx2::family##_table(),
    case Isa::kAvx2:
      return {
#include "kernels/families.inc"
      };
#undef BRAWN_FAMILY
#define BRAWN_FAMILY(family) avx512::family##_table(),
    case Isa::kAvx512:
      return {
#include "kernels/families.inc"
      };
#undef BRAWN_FAMILY
#elif defined(__aarch64__)
#define BRAWN_FAMILY(family) neon::family##_table(),
    case Isa::kNeon:
      return {
#include "kernels/families.inc"
      };
#undef BRAWN_FAMILY
#endif
#define BRAWN_FAMILY(family) ref::family##_table(),
    default:
      return {
#include "kernels/families.inc"
      };
#undef BRAWN_FAMILY
  }
}

Registry* build_registry() {
  Registry* registry = new Registry;
  for (Isa isa : cpu().available) {
    for (const KernelTable& table : tables_of(isa)) {
      if (!registry->add(table, isa_name(isa))) return registry;
    }
    if (isa == cpu().isa) break;
  }
  return registry;
}

}  // namespace

const Registry& registry() {
  static const Registry* registry = build_registry();
  return *registry;
}

VmTable vm_operations() {
  switch (cpu().isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return avx2::vm_table();
    case Isa::kAvx512:
      return avx512::vm_table();
#elif defined(__aarch64__)
    case Isa::kNeon:
      return neon::vm_table();
#endif
    default:
      return ref::vm_table();
  }
}

}  // namespace brawn
