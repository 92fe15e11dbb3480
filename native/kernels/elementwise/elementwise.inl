// The bodies of the elementwise kernels; the contract is in elementwise.h. A task resolves its inputs and code once,
// or once per segment, then runs the machine (machine.inl).
#include "kernels/elementwise/elementwise.h"

#if BRAWN_ISA_ENABLED
#include "kernels/elementwise/machine.inl"
#include "kernels/elementwise/transpose.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

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
