// The kernel families compiled into this addon, joined into one registry for the instruction set in use.
#pragma once
#include "kernels/elementwise/vm.h"
#include "registry.h"

namespace brawn {

// Built once, from the reference rows up to those of cpu().isa.
const Registry& registry();

// The operations of the elementwise machine for cpu().isa; their order is the same for every instruction set.
VmTable vm_operations();

}  // namespace brawn
