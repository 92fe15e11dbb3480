// Calls of the elementwise kernels in tests: operands and outputs with their strides, and operations by name.
#pragma once
#include <cstring>
#include <vector>

#include "kernel_test.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/vm.h"

struct Operand {
  const void* data;
  int64_t size;
  std::vector<int64_t> strides;
};

struct Output {
  void* data;
  int64_t size;
  int64_t reg;
};

// Keeps the lists that the argument struct points to.
struct Call {
  std::vector<int64_t> dims;
  std::vector<Operand> inputs;
  std::vector<Output> outputs;
  std::vector<int64_t> consts, const_sizes, code;
  int64_t temporaries = 0;

  std::vector<const void*> in;
  std::vector<void*> out;
  std::vector<int64_t> strides, in_sizes, out_regs, out_sizes;
  brawn::ElementwiseArgs args;

  int64_t count() const {
    int64_t n = 1;
    for (int64_t d : dims) n *= d;
    return n;
  }

  const brawn::ElementwiseArgs* finish() {
    for (const Operand& x : inputs) {
      in.push_back(x.data);
      in_sizes.push_back(x.size);
      strides.insert(strides.end(), x.strides.begin(), x.strides.end());
    }
    for (const Output& y : outputs) {
      out.push_back(y.data);
      out_regs.push_back(y.reg);
      out_sizes.push_back(y.size);
    }
    const auto list = [](const std::vector<int64_t>& v) {
      return brawn::Span<int64_t>{v.data(), static_cast<int64_t>(v.size())};
    };
    args = {{in.data(), static_cast<int64_t>(in.size())},
            {out.data(), static_cast<int64_t>(out.size())},
            count(),
            list(dims),
            list(strides),
            list(in_sizes),
            list(consts),
            list(const_sizes),
            list(code),
            list(out_regs),
            list(out_sizes),
            static_cast<int64_t>(inputs.size() + consts.size()) + temporaries,
            0,
            {nullptr, 0}};
    return &args;
  }
};

inline std::vector<int64_t> row_major(const std::vector<int64_t>& dims) {
  std::vector<int64_t> strides(dims.size());
  int64_t stride = 1;
  for (size_t d = dims.size(); d-- > 0; stride *= dims[d]) strides[d] = stride;
  return strides;
}

// The element index that iteration position `flat` reads.
inline int64_t index_of(const std::vector<int64_t>& dims, const std::vector<int64_t>& strides, int64_t flat) {
  int64_t index = 0;
  for (size_t d = dims.size(); d-- > 0;) {
    index += flat % dims[d] * strides[d];
    flat /= dims[d];
  }
  return index;
}

class Machine {
 public:
  explicit Machine(const kernel_test::IsaTable& table) : table_(table) {
#if defined(__x86_64__)
    vm_ = table.isa == "ref"    ? brawn::ref::vm_table()
          : table.isa == "avx2" ? brawn::avx2::vm_table()
                                : brawn::avx512::vm_table();
#else
    vm_ = table.isa == "ref" ? brawn::ref::vm_table() : brawn::neon::vm_table();
#endif
  }
  int64_t op(const char* name) const {
    for (int i = 0; i < vm_.count; ++i) {
      if (std::strcmp(vm_.ops[i].name, name) == 0) return i;
    }
    CHECK(false, "no operation %s", name);
    return -1;
  }
  const brawn::KernelRow& row() const { return kernel_test::find_row(table_, "elementwise"); }
  const brawn::KernelRow& sums_row() const { return kernel_test::find_row(table_, "elementwise_sums"); }
  const brawn::KernelRow& sweep_row() const { return kernel_test::find_row(table_, "elementwise_sweep"); }

 private:
  kernel_test::IsaTable table_;
  brawn::VmTable vm_;
};

inline int64_t float_bits(float x) {
  int64_t word = 0;
  std::memcpy(&word, &x, sizeof(x));
  return word;
}
