// The kernels in use: the rows of every family for the instruction set in use, with their signatures parsed. A row's
// place in the list is the kernel id of an encoded program. The families themselves are joined in families.cc.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel.h"

namespace brawn {

struct OperandSpec {
  std::string name;
  bool optional;  // may be null
  bool list;      // a pointer to pointers and a count
  bool output;    // stands after "->"
};

struct ParamSpec {
  std::string name;
  bool real;  // a double rather than an int64
  bool list;  // a pointer and a count
};

struct Kernel {
  const KernelRow* row;
  const char* isa;
  std::vector<OperandSpec> operands;
  std::vector<ParamSpec> params;
};

class Registry {
 public:
  // Adds rows, replacing those of the same name: call it with the reference tables first and the best ones last.
  // False, with error() set, when a row's signature does not follow the grammar of kernel.h.
  bool add(const KernelTable& table, const char* isa);

  const std::vector<Kernel>& kernels() const { return kernels_; }
  int find(const std::string& name) const;  // -1 when there is no such kernel
  const std::string& error() const { return error_; }

 private:
  std::vector<Kernel> kernels_;
  std::unordered_map<std::string, int> ids_;
  std::string error_;
};

}  // namespace brawn
