// The elementwise virtual machine: a short list of vector operations over one tile that stays in L1.
//
// The elementwise kernel runs it over whole tensors; GEMM and convolution run it over their output tile as an
// epilogue. A register is `kTile` elements (8 bytes each reserved); registers 0..inputs-1 are the inputs, then one
// per constant, then temporaries. Every element type is stored packed in its register (float32 uses half of it).
#pragma once
#include "kernel.h"

namespace brawn {

constexpr int64_t kTile = 512;  // elements per register
constexpr int64_t kRegisterBytes = kTile * 8;

// One operation: dst[i] = f(a[i], b[i], c[i]) for i < n. Unused sources are null. dst may equal a source of the same
// or smaller element size only when source and destination types have the same size.
using VmFunction = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

struct VmOp {
  const char* name;  // "<op>_<dtype>", e.g. "add_f32"; casts are "cast_<from>_<to>"
  VmFunction run;
};

struct VmTable {
  const VmOp* ops;
  int count;
};

// Each instruction set's table, defined in vm_ops.inl. vm_functions() is the same table without the names, which is
// what `VmCode::table` wants. Inside `namespace brawn::BRAWN_ISA` the plain name finds the right one.
#define BRAWN_VM_TABLES(isa)        \
  namespace isa {                   \
  VmTable vm_table();               \
  const VmFunction* vm_functions(); \
  }
BRAWN_VM_TABLES(ref)
BRAWN_VM_TABLES(avx2)
BRAWN_VM_TABLES(avx512)
BRAWN_VM_TABLES(neon)
#undef BRAWN_VM_TABLES

// A program's code is a list of groups of five integers: op index (in the table the addon listed), dst, a, b, c
// registers (-1 when unused). The order of the table is the same for every instruction set.
struct VmCode {
  const VmFunction* table;  // by op index
  const int64_t* code;
  int64_t instructions;
};

// registers[r] points at the tile of register r. Source registers may point straight into tensors.
// Static: every instruction set's files need their own copy, never one the linker picked.
static inline void vm_run(const VmCode& vm, void* const* registers, int64_t n) {
  const int64_t* ins = vm.code;
  for (int64_t i = 0; i < vm.instructions; ++i, ins += 5) {
    vm.table[ins[0]](registers[ins[1]], ins[2] < 0 ? nullptr : registers[ins[2]],
                     ins[3] < 0 ? nullptr : registers[ins[3]], ins[4] < 0 ? nullptr : registers[ins[4]], n);
  }
}

}  // namespace brawn
