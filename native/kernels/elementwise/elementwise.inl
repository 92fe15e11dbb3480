// The bodies of the elementwise kernels; the contract is in elementwise.h. A task resolves its inputs and code once,
// or once per segment, then runs the machine (vm.h) tile by tile.
#include "kernels/elementwise/elementwise.h"

#if BRAWN_ISA_ENABLED
#include "kernels/elementwise/strided.inl"
#include "kernels/elementwise/transpose.inl"
#include "kernels/elementwise/vm_ops.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Half a register of padding: float32 registers would otherwise share half of the L1 sets.
constexpr int64_t kRegisterStride = kRegisterBytes + kRegisterBytes / 2 + 64;

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
  return static_cast<int64_t>(next - start);
}

// Whether an output has rows that are apart.
bool is_apart(const ElementwiseArgs& args, int64_t output) {
  return args.out_rows.size != 0 && args.out_rows[output] != args.row;
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
    int64_t earlier = 0;
    while (args.out_regs[earlier] != reg) ++earlier;
    if (earlier < o) {
      w.sources[o] = w.sources[earlier];
      continue;
    }
    if (is_apart(args, o)) continue;
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
      if (w.pointers[source] != dst) memcpy(dst, w.pointers[source], static_cast<size_t>(n * size));
    }
  }
}

// With inputs and constants prepared and code resolved.
struct Machine {
  const ElementwiseArgs& args;
  const Workspace& w;
  bool strided = false;

  Machine(const ElementwiseArgs& all, const Workspace& workspace) : args(all), w(workspace) {
    for (int64_t i = 0; i < args.in.size; ++i) strided |= w.inputs[i].access == Access::kStrided;
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
    vm_run({kVmFunctions.list, w.code, args.code.size / 5}, w.pointers, n);
    store_rest(args, w, offset, n);
  }

  void run(int64_t begin, int64_t end) const {
    for (int64_t offset = begin; offset < end; offset += kTile) tile(offset, min64(kTile, end - offset));
  }
};

// A program without instructions: every output is one input or constant, moved in one go.
void run_copies(const ElementwiseArgs& args, int64_t begin, int64_t end) {
  const int64_t n = end - begin;
  for (int64_t o = 0; o < args.out.size; ++o) {
    const int64_t reg = args.out_regs[o], size = args.out_sizes[o];
    char* dst = static_cast<char*>(args.out[o]) + begin * size;
    if (reg >= args.in.size) {
      fill(dst, args.consts.data + (reg - args.in.size), size, n);
      continue;
    }
    const Input input = resolve_input(args, reg);
    if (input.access == Access::kContiguous) {
      const char* src = input.data + begin * size;
      if (src != dst) memcpy(dst, src, static_cast<size_t>(n * size));
    } else if (input.access == Access::kScalar) {
      fill(dst, input.data, size, n);
    } else {
      int64_t position[kMaxRank];
      locate(args.dims, begin, position);
      gather(dst, input.data, size, args.dims, input.strides, position, n);
    }
  }
}

int64_t elementwise_tasks(const void* memory, int) {
  const ElementwiseArgs& args = *static_cast<const ElementwiseArgs*>(memory);
  Transposition t;
  return find_transposition(args, &t) ? transposition_tasks(t) : ceil_div(args.n, kTaskElements);
}

int64_t elementwise_local_bytes(const void* memory) {
  const ElementwiseArgs& args = *static_cast<const ElementwiseArgs*>(memory);
  Workspace w;
  return args.code.size == 0 ? 0 : workspace(args, nullptr, &w);
}

void elementwise_run(const void* memory, int, int64_t begin, int64_t end, const Context& context) {
  const ElementwiseArgs& args = *static_cast<const ElementwiseArgs*>(memory);
  Transposition t;
  if (find_transposition(args, &t)) return run_transposition(args, t, begin, end);
  const int64_t first = begin * kTaskElements, stop = min64(end * kTaskElements, args.n);
  if (args.code.size == 0) return run_copies(args, first, stop);
  Workspace w;
  workspace(args, context.local, &w);
  prepare_inputs(args, w);
  prepare_constants(args, w, min64(args.n, kTile));
  resolve_code(args, w);
  Machine(args, w).run(first, stop);
}

// Walks the segments of a sweep: `args` is what the elementwise kernel would get for the present one.
struct Segment {
  const ElementwiseSweepArgs& sweep;
  int64_t index = 0;
  int64_t start = 0;  // elements of the segments before
  ElementwiseArgs args;

  explicit Segment(const ElementwiseSweepArgs& all) : sweep(all) {
    const int64_t rank = all.ranks[0];
    args = {{all.in.data, all.in_sizes.size},
            {all.out.data, all.out_sizes.size},
            all.counts[0],
            {all.dims.data, rank},
            {all.strides.data, rank * all.in_sizes.size},
            all.in_sizes,
            all.consts,
            all.const_sizes,
            all.code,
            all.out_regs,
            all.out_sizes,
            all.registers,
            0,
            {nullptr, 0}};
  }

  int64_t end() const { return start + round_up(args.n, kSegmentElements); }

  // False behind the last one.
  bool next() {
    start = end();
    if (++index == sweep.counts.size) return false;
    const int64_t rank = sweep.ranks[index];
    args.in.data += args.in.size;
    args.out.data += args.out.size;
    args.n = sweep.counts[index];
    args.dims = {args.dims.data + args.dims.size, rank};
    args.strides = {args.strides.data + args.strides.size, rank * args.in.size};
    return true;
  }
};

// Code is resolved for the inputs that outputs lie over; mostly these are the same in every segment.
bool same_aliasing(const ElementwiseArgs& a, const ElementwiseArgs& b) {
  for (int64_t o = 0; o < a.out.size; ++o) {
    for (int64_t i = 0; i < a.in.size; ++i) {
      if ((a.in[i] == a.out[o]) != (b.in[i] == b.out[o])) return false;
    }
  }
  return true;
}

int64_t sweep_tasks(const void* memory, int) {
  const ElementwiseSweepArgs& sweep = *static_cast<const ElementwiseSweepArgs*>(memory);
  int64_t total = 0;
  for (int64_t s = 0; s < sweep.counts.size; ++s) total += round_up(sweep.counts[s], kSegmentElements);
  return ceil_div(total, kTaskElements);
}

int64_t sweep_local_bytes(const void* memory) {
  const Segment first(*static_cast<const ElementwiseSweepArgs*>(memory));
  return elementwise_local_bytes(&first.args);
}

void sweep_run(const void* memory, int, int64_t begin, int64_t end, const Context& context) {
  Segment segment(*static_cast<const ElementwiseSweepArgs*>(memory));
  const bool copies = segment.args.code.size == 0;
  const int64_t first = begin * kTaskElements, stop = end * kTaskElements;
  Workspace w;
  if (!copies) {
    workspace(segment.args, context.local, &w);
    prepare_constants(segment.args, w, kTile);
  }
  ElementwiseArgs resolved = {};
  do {
    const ElementwiseArgs& args = segment.args;
    const int64_t from = max64(first - segment.start, 0), to = min64(stop - segment.start, args.n);
    if (from >= to) continue;
    if (copies) {
      run_copies(args, from, to);
      continue;
    }
    prepare_inputs(args, w);
    if (resolved.n == 0 || !same_aliasing(args, resolved)) resolve_code(args, w);
    resolved = args;
    Machine(args, w).run(from, to);
  } while (segment.next() && segment.start < stop);
}

#include "kernels/elementwise/sums.inl"

const KernelRow kRows[] = {
    {"elementwise", "tile512", "in* -> out*",
     "n dims:i[] strides:i[] in_sizes:i[] consts:i[] const_sizes:i[] code:i[] out_regs:i[] out_sizes:i[] registers "
     "row out_rows:i[]",
     1, elementwise_tasks, nullptr, elementwise_local_bytes, elementwise_run},
    {"elementwise_sweep", "tile512", "in* -> out*",
     "counts:i[] ranks:i[] dims:i[] strides:i[] in_sizes:i[] consts:i[] const_sizes:i[] code:i[] out_regs:i[] "
     "out_sizes:i[] registers",
     1, sweep_tasks, nullptr, sweep_local_bytes, sweep_run},
    {"elementwise_sums", "tile512", "in* -> out* sums*",
     "n dims:i[] strides:i[] in_sizes:i[] consts:i[] const_sizes:i[] code:i[] out_regs:i[] out_sizes:i[] registers "
     "columns sum_regs:i[]",
     2, sums_tasks, sums_shared_bytes, sums_local_bytes, sums_run},
};

}  // namespace

KernelTable elementwise_table() { return {kRows, 3}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
