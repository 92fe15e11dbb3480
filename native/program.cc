// Decoding and validation; see program.h.
#include "program.h"

#include <algorithm>
#include <cstring>

namespace brawn {
namespace {

constexpr int64_t kLargestBytes = int64_t{1} << 46;

}  // namespace

// Reads the code word by word. Every method returns false after the first error.
class ProgramDecoder {
 public:
  ProgramDecoder(Program* program, const Registry& registry, std::string* error)
      : program_(*program), spec_(program->spec_), registry_(registry), error_(*error) {}

  bool decode() {
    if (!check_spec()) return false;
    while (next_ < static_cast<int64_t>(spec_.code.size())) {
      if (!decode_instruction()) return false;
    }
    const int64_t count = static_cast<int64_t>(program_.instructions_.size());
    if (spec_.commit_start < 0 || spec_.commit_start > count) {
      return fail("commitStart " + std::to_string(spec_.commit_start) + " is not within 0.." + std::to_string(count));
    }
    return lay_out();
  }

 private:
  bool fail(const std::string& what) {
    error_ = "program: " + what;
    return false;
  }

  bool fail_here(const std::string& what) {
    const std::string name = kernel_ == nullptr ? "" : " (" + std::string(kernel_->row->name) + ")";
    return fail("instruction " + std::to_string(program_.instructions_.size()) + name + ": " + what);
  }

  bool check_spec() {
    if (spec_.abi != kAbiVersion) {
      return fail("format " + std::to_string(spec_.abi) + " but this addon runs format " + std::to_string(kAbiVersion));
    }
    if (spec_.arena_bytes < 0 || spec_.arena_bytes > kLargestBytes) {
      return fail("arenaBytes " + std::to_string(spec_.arena_bytes) + " is out of range");
    }
    for (size_t i = 0; i < spec_.bindings.size(); ++i) {
      const int64_t bytes = spec_.bindings[i].min_bytes;
      if (bytes >= 0 && bytes <= kLargestBytes) continue;
      return fail("binding " + std::to_string(i) + ": " + std::to_string(bytes) + " bytes is out of range");
    }
    for (size_t i = 0; i < spec_.buffers.size(); ++i) {
      const BufferSpec& buffer = spec_.buffers[i];
      const int64_t limit = buffer.binding ? static_cast<int64_t>(spec_.bindings.size()) - 1 : spec_.arena_bytes;
      if (buffer.value >= 0 && buffer.value <= limit) continue;
      return fail("buffer " + std::to_string(i) + ": " + (buffer.binding ? "binding " : "offset ") +
                  std::to_string(buffer.value) + " is not within 0.." + std::to_string(limit));
    }
    return true;
  }

  bool take(int64_t* word, const char* what) {
    if (next_ >= static_cast<int64_t>(spec_.code.size())) {
      return fail_here("the code ends where " + std::string(what) + " is expected");
    }
    *word = spec_.code[next_++];
    return true;
  }

  // A count of items of `words` words each, all of which must be there.
  bool take_count(const std::string& name, int64_t words, int64_t* count) {
    if (!take(count, "a count")) return false;
    const int64_t left = (static_cast<int64_t>(spec_.code.size()) - next_) / words;
    if (*count >= 0 && *count <= left) return true;
    return fail_here(name + ": count " + std::to_string(*count) + " is not within 0.." + std::to_string(left));
  }

  bool decode_instruction() {
    int64_t id = 0;
    kernel_ = nullptr;
    if (!take(&id, "a kernel id")) return false;
    if (id < 0 || id >= static_cast<int64_t>(registry_.kernels().size())) {
      return fail_here("kernel " + std::to_string(id) + " does not exist (there are " +
                       std::to_string(registry_.kernels().size()) + ")");
    }
    kernel_ = &registry_.kernels()[id];
    const int64_t start = static_cast<int64_t>(program_.arguments_.size());
    lists_.clear();
    for (const OperandSpec& operand : kernel_->operands) {
      if (!(operand.list ? decode_operand_list(operand) : decode_operand(operand))) return false;
    }
    for (const ParamSpec& param : kernel_->params) {
      if (!decode_param(param)) return false;
    }
    append_lists();
    program_.instructions_.push_back({kernel_->row, start});
    return true;
  }

  bool decode_operand(const OperandSpec& operand) {
    Relocation relocation = {static_cast<int64_t>(program_.arguments_.size()), 0, 0};
    bool present = false;
    if (!decode_address(operand, &relocation, &present)) return false;
    program_.arguments_.push_back(0);
    if (present) program_.relocations_.push_back(relocation);
    return true;
  }

  bool decode_operand_list(const OperandSpec& operand) {
    PendingList list = {static_cast<int64_t>(program_.arguments_.size()), {}};
    int64_t count = 0;
    if (!take_count(operand.name, 2, &count)) return false;
    for (int64_t i = 0; i < count; ++i) {
      Relocation relocation = {};
      bool present = false;
      if (!decode_address(operand, &relocation, &present)) return false;
      list.items.push_back(relocation);
    }
    program_.arguments_.push_back(0);
    program_.arguments_.push_back(count);
    lists_.push_back(list);
    return true;
  }

  bool decode_address(const OperandSpec& operand, Relocation* relocation, bool* present) {
    int64_t index = 0;
    int64_t offset = 0;
    if (!take(&index, "a buffer") || !take(&offset, "an offset")) return false;
    if (index == -1 && operand.optional) return true;
    const int64_t count = static_cast<int64_t>(spec_.buffers.size());
    if (index < 0 || index >= count) {
      return fail_here("operand " + operand.name + ": buffer " + std::to_string(index) + " does not exist (there are " +
                       std::to_string(count) + ")");
    }
    const BufferSpec& buffer = spec_.buffers[index];
    const int64_t size = buffer.binding ? spec_.bindings[buffer.value].min_bytes : spec_.arena_bytes - buffer.value;
    if (offset < 0 || offset >= size) {
      return fail_here("operand " + operand.name + ": offset " + std::to_string(offset) + " is outside buffer " +
                       std::to_string(index) + " of " + std::to_string(size) + " bytes");
    }
    if (operand.output && buffer.binding && !spec_.bindings[buffer.value].writes) {
      return fail_here("operand " + operand.name + " writes binding " + std::to_string(buffer.value) +
                       ", which is declared as read only");
    }
    *present = true;
    relocation->base = buffer.binding ? static_cast<int32_t>(buffer.value) : Relocation::kArena;
    relocation->offset = buffer.binding ? offset : buffer.value + offset;
    return true;
  }

  bool decode_param(const ParamSpec& param) {
    if (!param.list) {
      int64_t word = 0;
      if (!take(&word, "a parameter")) return false;
      program_.arguments_.push_back(word);
      return true;
    }
    int64_t count = 0;
    if (!take_count(param.name, 1, &count)) return false;
    // The code outlives every run, so the list is used where it stands.
    program_.arguments_.push_back(reinterpret_cast<int64_t>(spec_.code.data() + next_));
    program_.arguments_.push_back(count);
    next_ += count;
    return true;
  }

  // Puts the arrays that list operands point to behind the argument struct.
  void append_lists() {
    for (PendingList& list : lists_) {
      const int64_t first = static_cast<int64_t>(program_.arguments_.size());
      program_.relocations_.push_back({list.word, Relocation::kArguments, first * 8});
      for (size_t i = 0; i < list.items.size(); ++i) {
        list.items[i].word = first + static_cast<int64_t>(i);
        program_.relocations_.push_back(list.items[i]);
        program_.arguments_.push_back(0);
      }
    }
  }

  // Asks every kernel for its scratch. Operands that are present get an address, since a kernel may ask which are.
  bool lay_out() {
    std::vector<int64_t> words = program_.arguments_;
    for (const Relocation& relocation : program_.relocations_) {
      const bool inside = relocation.base == Relocation::kArguments;
      words[relocation.word] =
          inside ? reinterpret_cast<int64_t>(words.data()) + relocation.offset : reinterpret_cast<int64_t>(&kNowhere);
    }
    int64_t shared = 0;
    int64_t local = 0;
    for (size_t i = 0; i < program_.instructions_.size(); ++i) {
      const Instruction& instruction = program_.instructions_[i];
      const KernelRow& row = *instruction.row;
      const void* args = words.data() + instruction.word;
      const int64_t shared_here = row.shared_bytes == nullptr ? 0 : row.shared_bytes(args);
      const int64_t local_here = row.local_bytes == nullptr ? 0 : row.local_bytes(args);
      if (shared_here < 0 || shared_here > kLargestBytes || local_here < 0 || local_here > kLargestBytes) {
        return fail("instruction " + std::to_string(i) + " (" + row.name + "): asks for " +
                    std::to_string(shared_here) + " + " + std::to_string(local_here) + " bytes of scratch");
      }
      shared = max64(shared, shared_here);
      local = max64(local, local_here);
    }
    BlockLayout& layout = program_.layout_;
    layout.arguments = round_up(spec_.arena_bytes, 64);
    layout.shared = layout.arguments + round_up(static_cast<int64_t>(words.size()) * 8, 64);
    layout.local = layout.shared + round_up(shared, 64);
    layout.local_stride = round_up(local, 64);
    return true;
  }

  struct PendingList {
    int64_t word;
    std::vector<Relocation> items;
  };

  alignas(64) static constexpr char kNowhere[64] = {};

  Program& program_;
  const ProgramSpec& spec_;
  const Registry& registry_;
  std::string& error_;
  int64_t next_ = 0;
  const Kernel* kernel_ = nullptr;
  std::vector<PendingList> lists_;
};

std::unique_ptr<const Program> Program::create(ProgramSpec spec, const Registry& registry, std::string* error) {
  std::unique_ptr<Program> program(new Program);
  program->spec_ = std::move(spec);
  if (!ProgramDecoder(program.get(), registry, error).decode()) return nullptr;
  return program;
}

int64_t Program::own_bytes() const {
  return static_cast<int64_t>(sizeof(Program) + spec_.code.size() * sizeof(int64_t) +
                              arguments_.size() * sizeof(int64_t) + relocations_.size() * sizeof(Relocation) +
                              instructions_.size() * sizeof(Instruction));
}

void Program::write_arguments(char* block, void* const* bindings) const {
  char* arguments = block + layout_.arguments;
  std::copy(arguments_.begin(), arguments_.end(), reinterpret_cast<int64_t*>(arguments));
  for (const Relocation& relocation : relocations_) {
    char* base = block;
    if (relocation.base == Relocation::kArguments) base = arguments;
    if (relocation.base >= 0) base = static_cast<char*>(bindings[relocation.base]);
    const int64_t address = reinterpret_cast<int64_t>(base + relocation.offset);
    memcpy(arguments + relocation.word * 8, &address, sizeof address);
  }
}

}  // namespace brawn
