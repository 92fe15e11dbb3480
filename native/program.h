// A decoded and validated program: a list of kernel calls whose argument structs are laid out and only lack the
// addresses that change from run to run. TypeScript encodes it; decoding refuses whatever is not well formed, with a
// message that names instruction and operand. run.h executes it.
//
// Code is a list of int64 words. Per instruction: the kernel id, then for each operand in the order
// of its signature two words (buffer index, byte offset), or for a list operand a count and that many pairs; an absent
// optional operand is (-1, 0). Then for each parameter one word (a double as its bits), or a count and that many words.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "registry.h"

namespace brawn {

struct BufferSpec {
  bool binding;  // value is an index of a binding, else a byte offset in the arena
  int64_t value;
};

struct BindingSpec {
  int64_t min_bytes;  // what the memory bound at run time must hold at least
  bool writes;        // whether the program writes it
};

struct ProgramSpec {
  int64_t abi = 0;
  int64_t arena_bytes = 0;
  int64_t commit_start = 0;  // the first instruction that writes state; from there on a run is not aborted
  std::vector<BufferSpec> buffers;
  std::vector<BindingSpec> bindings;
  std::vector<int64_t> code;
};

// Where the block of memory of a run is divided: arena, argument structs, shared scratch, local scratch per thread.
struct BlockLayout {
  int64_t arguments = 0;
  int64_t shared = 0;
  int64_t local = 0;
  int64_t local_stride = 0;
  int64_t total(int threads) const { return local + local_stride * threads; }
};

// A word of the arguments that gets an address at run time: base + offset.
struct Relocation {
  static constexpr int32_t kArena = -1;
  static constexpr int32_t kArguments = -2;
  int64_t word;
  int32_t base;  // an index of a binding, or one of the above
  int64_t offset;
};

struct Instruction {
  const KernelRow* row;
  int64_t word;  // where its argument struct starts in the arguments
};

class Program {
 public:
  // Null, with *error set, when the specification is not valid.
  static std::unique_ptr<const Program> create(ProgramSpec spec, const Registry& registry, std::string* error);

  const std::vector<BindingSpec>& bindings() const { return spec_.bindings; }
  const std::vector<Instruction>& instructions() const { return instructions_; }
  int64_t commit_start() const { return spec_.commit_start; }
  const BlockLayout& layout() const { return layout_; }
  int64_t scratch_bytes(int threads) const { return layout_.total(threads) - layout_.shared; }

  // Bytes the program itself occupies.
  int64_t own_bytes() const;

  // Writes the argument structs to the block of a run, with addresses filled in.
  void write_arguments(char* block, void* const* bindings) const;

 private:
  friend class ProgramDecoder;
  Program() = default;

  ProgramSpec spec_;
  std::vector<Instruction> instructions_;
  std::vector<int64_t> arguments_;
  std::vector<Relocation> relocations_;
  BlockLayout layout_;
};

}  // namespace brawn
