// The elementwise machine over whole tensors: resolves inputs and code for a task, then runs the program (vm.h) tile by
// tile. While a tile is computed, the next one of inputs that come from memory is asked for, and large results leave
// past the caches. elementwise.inl and sums.inl use it.
#pragma once
#include "kernels/elementwise/strided.inl"
#include "kernels/elementwise/vm_ops.inl"
#include "simd/stream.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Half a register of padding: float32 registers would otherwise share half of the L1 sets.
constexpr int64_t kRegisterStride = kRegisterBytes + kRegisterBytes / 2 + 64;

constexpr int64_t kFarInput = int64_t{1} << 20;  // bytes from which on an input is not in the second cache

enum class Access { kContiguous, kScalar, kPeriodic, kStrided };

struct Input {
  Access access;
  int64_t size;      // bytes per element
  int64_t period;    // kPeriodic: elements before the data repeats
  const char* data;  // element [0, 0, ...]
  const int64_t* strides;
  char* repeated;  // kPeriodic: the data, repeated for period + kTile elements
};

// Trailing dims that are contiguous, under leading ones of stride 0.
Access classify(const Span<int64_t>& dims, const int64_t* strides, int64_t n, int64_t* period) {
  int64_t d = dims.size - 1;
  *period = 1;
  for (; d >= 0 && (dims[d] == 1 || strides[d] == *period); --d) *period *= dims[d];
  for (; d >= 0; --d) {
    if (dims[d] != 1 && strides[d] != 0) return Access::kStrided;
  }
  if (*period == n) return Access::kContiguous;
  if (*period == 1) return Access::kScalar;
  return *period <= kTile ? Access::kPeriodic : Access::kStrided;
}

Input resolve_input(const ElementwiseArgs& args, int64_t i) {
  Input input;
  input.size = args.in_sizes[i];
  input.data = static_cast<const char*>(args.in[i]);
  input.strides = args.strides.data + i * args.dims.size;
  input.access = classify(args.dims, input.strides, args.n, &input.period);
  input.repeated = nullptr;
  return input;
}

// The scratch of one thread, in this order.
struct Workspace {
  char* registers;  // registers * kRegisterStride
  char* repeated;   // inputs * 2 * kRegisterBytes
  Input* inputs;
  void** pointers;   // of every register, then of every output's own one
  int64_t* sources;  // the register that ends up with each output's value
  int64_t* code;     // the instructions with their final registers
  bool* streams;     // outputs that leave past the caches
};

int64_t workspace(const ElementwiseArgs& args, void* memory, Workspace* w) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(memory);
  uintptr_t next = start;
  const auto take = [&next](int64_t bytes) {
    char* here = reinterpret_cast<char*>(next);
    next += static_cast<uintptr_t>(round_up(bytes, 64));
    return here;
  };
  w->registers = take(args.registers * kRegisterStride);
  w->repeated = take(args.in.size * 2 * kRegisterBytes);
  w->inputs = reinterpret_cast<Input*>(take(args.in.size * static_cast<int64_t>(sizeof(Input))));
  w->pointers = reinterpret_cast<void**>(take((args.registers + args.out.size) * 8));
  w->sources = reinterpret_cast<int64_t*>(take(args.out.size * 8));
  w->code = reinterpret_cast<int64_t*>(take(args.code.size * 8));
  w->streams = reinterpret_cast<bool*>(take(args.out.size));
  return static_cast<int64_t>(next - start);
}

// Whether an output has rows that are apart.
bool is_apart(const ElementwiseArgs& args, int64_t output) {
  return args.out_rows.size != 0 && args.out_rows[output] != args.row;
}

// Whether an output is too large for the caches, and is not there already because an input lies under it.
bool is_streamed(const ElementwiseArgs& args, int64_t output) {
  if (args.n * args.out_sizes[output] < kStreamBytes || is_apart(args, output)) return false;
  for (int64_t i = 0; i < args.in.size; ++i) {
    if (args.in[i] == args.out[output]) return false;
  }
  return true;
}

// Whether `output` may be written by instruction `writer` already: nobody reads an input stored there afterwards.
bool may_write_early(const ElementwiseArgs& args, const Workspace& w, int64_t output, int64_t writer) {
  const auto stored_there = [&](int64_t reg) {
    return reg >= 0 && reg < args.in.size && args.in[reg] == args.out[output] &&
           w.inputs[reg].access == Access::kContiguous;
  };
  for (int64_t k = writer + 5; k < args.code.size; k += 5) {
    for (int64_t s = 2; s < 5; ++s) {
      if (stored_there(args.code[k + s])) return false;
    }
  }
  for (int64_t o = 0; o < args.out.size; ++o) {
    if (stored_there(args.out_regs[o])) return false;
  }
  return true;
}

// The last instruction that writes an output's register gets register `registers + output` instead, which points into
// the output tensor; later reads follow it. A second output of the same register copies from the first.
void resolve_code(const ElementwiseArgs& args, const Workspace& w) {
  memcpy(w.code, args.code.data, static_cast<size_t>(args.code.size) * 8);
  for (int64_t r = 0; r < args.registers; ++r) w.pointers[r] = w.registers + r * kRegisterStride;
  for (int64_t o = 0; o < args.out.size; ++o) {
    const int64_t reg = args.out_regs[o], direct = args.registers + o;
    w.sources[o] = reg;
    w.streams[o] = is_streamed(args, o);
    int64_t earlier = 0;
    while (args.out_regs[earlier] != reg) ++earlier;
    if (earlier < o) {
      w.sources[o] = w.sources[earlier];
      continue;
    }
    if (is_apart(args, o) || w.streams[o]) continue;
    int64_t writer = args.code.size - 5;
    while (writer >= 0 && args.code[writer + 1] != reg) writer -= 5;
    if (writer < 0 || !may_write_early(args, w, o, writer)) continue;
    w.sources[o] = direct;
    w.code[writer + 1] = direct;
    for (int64_t k = writer + 5; k < args.code.size; k += 5) {
      for (int64_t s = 2; s < 5; ++s) {
        if (args.code[k + s] == reg) w.code[k + s] = direct;
      }
    }
  }
}

void prepare_inputs(const ElementwiseArgs& args, const Workspace& w) {
  const int64_t longest = min64(args.n, kTile);
  for (int64_t i = 0; i < args.in.size; ++i) {
    Input& input = w.inputs[i];
    input = resolve_input(args, i);
    if (input.access == Access::kScalar) fill(w.registers + i * kRegisterStride, input.data, input.size, longest);
    if (input.access != Access::kPeriodic) continue;
    input.repeated = w.repeated + i * 2 * kRegisterBytes;
    const int64_t bytes = input.period * input.size;
    const int64_t total = (input.period + kTile) * input.size;
    for (int64_t b = 0; b < total; b += bytes) memcpy(input.repeated + b, input.data, min64(bytes, total - b));
  }
}

void prepare_constants(const ElementwiseArgs& args, const Workspace& w, int64_t longest) {
  for (int64_t c = 0; c < args.consts.size; ++c) {
    fill(w.registers + (args.in.size + c) * kRegisterStride, args.consts.data + c, args.const_sizes[c], longest);
  }
}

// Where this tile of the input is, gathering it into its register when it is nowhere in one piece.
void* tile_of(const ElementwiseArgs& args, const Input& input, char* reg, int64_t offset, const int64_t* position,
              int64_t n) {
  switch (input.access) {
    case Access::kContiguous:
      return const_cast<char*>(input.data) + offset * input.size;
    case Access::kScalar:
      return reg;
    case Access::kPeriodic:
      return input.repeated + offset % input.period * input.size;
    default:
      break;
  }
  const int64_t last = args.dims.size - 1;
  if (input.strides[last] == 1 && position[last] + n <= args.dims[last]) {
    return const_cast<char*>(input.data) + strided_offset(args.dims, input.strides, position) * input.size;
  }
  gather(reg, input.data, input.size, args.dims, input.strides, position, n);
  return reg;
}

// n elements from `offset` on into rows that are apart.
void store_rows(const ElementwiseArgs& args, int64_t output, const char* from, int64_t offset, int64_t n) {
  const int64_t size = args.out_sizes[output];
  int64_t row = offset / args.row, column = offset % args.row;
  while (n > 0) {
    const int64_t run = min64(n, args.row - column);
    char* to = static_cast<char*>(args.out[output]) + (row * args.out_rows[output] + column) * size;
    memcpy(to, from, static_cast<size_t>(run * size));
    from += run * size;
    n -= run;
    column = 0;
    ++row;
  }
}

// Outputs that no instruction could write directly. Inputs go first: an output may lie over one.
void store_rest(const ElementwiseArgs& args, const Workspace& w, int64_t offset, int64_t n) {
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t o = 0; o < args.out.size; ++o) {
      const int64_t source = w.sources[o], size = args.out_sizes[o];
      if ((source < args.in.size) != (pass == 0)) continue;
      if (is_apart(args, o)) {
        store_rows(args, o, static_cast<const char*>(w.pointers[source]), offset, n);
        continue;
      }
      char* dst = static_cast<char*>(args.out[o]) + offset * size;
      if (w.streams[o]) {
        stream_run(dst, static_cast<const char*>(w.pointers[source]), n * size);
      } else if (w.pointers[source] != dst) {
        memcpy(dst, w.pointers[source], static_cast<size_t>(n * size));
      }
    }
  }
}

// With inputs and constants prepared and code resolved.
struct Machine {
  const ElementwiseArgs& args;
  const Workspace& w;
  bool strided = false;
  int64_t far_lines = 0;  // of a tile of the inputs that come from memory

  Machine(const ElementwiseArgs& all, const Workspace& workspace) : args(all), w(workspace) {
    for (int64_t i = 0; i < args.in.size; ++i) {
      strided |= w.inputs[i].access == Access::kStrided;
      if (is_far(i)) far_lines += kTile * w.inputs[i].size / kStreamLine;
    }
  }

  bool is_far(int64_t i) const {
    return args.code.size > 0 && w.inputs[i].access == Access::kContiguous && args.n * w.inputs[i].size >= kFarInput;
  }

  // Asks between instructions for the next tile of inputs that come from memory.
  void run_asking(int64_t n) const {
    const int64_t count = args.code.size / 5, share = ceil_div(far_lines, count);
    int64_t input = -1, line = 0, lines = 0;
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t s = 0; s < share; ++s, ++line) {
        while (line == lines && input + 1 < args.in.size) {
          ++input, line = 0;
          lines = is_far(input) ? n * w.inputs[input].size / kStreamLine : 0;
        }
        if (line == lines) break;
        __builtin_prefetch(static_cast<const char*>(w.pointers[input]) + n * w.inputs[input].size + line * kStreamLine,
                           0, 3);
      }
      vm_run({kVmFunctions.list, w.code + 5 * k, 1}, w.pointers, n);
    }
  }

  // At most kTile elements from `offset` on.
  void tile(int64_t offset, int64_t n) const {
    int64_t position[kMaxRank];
    if (strided) locate(args.dims, offset, position);
    for (int64_t i = 0; i < args.in.size; ++i) {
      w.pointers[i] = tile_of(args, w.inputs[i], w.registers + i * kRegisterStride, offset, position, n);
    }
    for (int64_t o = 0; o < args.out.size; ++o) {
      w.pointers[args.registers + o] = static_cast<char*>(args.out[o]) + offset * args.out_sizes[o];
    }
    if (far_lines > 0) {
      run_asking(n);
    } else {
      vm_run({kVmFunctions.list, w.code, args.code.size / 5}, w.pointers, n);
    }
    store_rest(args, w, offset, n);
  }

  void run(int64_t begin, int64_t end) const {
    for (int64_t offset = begin; offset < end; offset += kTile) tile(offset, min64(kTile, end - offset));
    stream_fence();
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
