// The contract of the `elementwise` kernel: a program of the elementwise machine (vm.h) over whole tensors. It serves
// fused chains, and with an empty program every copy, broadcast and transpose. `elementwise_sweep` runs one program
// over many sets of tensors at once: the updates of all parameters of a model are one. `elementwise_sums` adds up
// columns of what it computes: the gradients of biases and of batch norm.
//
// Signature of `elementwise`
//   operands  "in* -> out*"
//   params    "n dims:i[] strides:i[] in_sizes:i[] consts:i[] const_sizes:i[] code:i[] out_regs:i[] out_sizes:i[]
//              registers row out_rows:i[]"
//
// The iteration space is `dims` in row-major order, n elements. Outputs are contiguous in that order unless out_rows is
// given: then each `row` elements of output o start out_rows[o] elements after the row before, in a larger tensor of
// which the output is a part. That takes a program with instructions. Input i is read with the element strides
// strides[i * rank ...]: 0 broadcasts, negative strides walk backwards, and the operand pointer is the address of
// element [0, 0, ...]. At most kMaxRank dims; callers merge neighbouring dims first, which is what makes inner runs
// long.
//
// Registers are numbered inputs, constants, temporaries; `registers` is their total. consts[j] holds constant j in its
// own dtype in the low bytes. out_regs[o] is the register that output o gets; it may be an input or a constant. A
// register is written once per instruction that names it and may be reused; its elements have any of the sizes 1, 4, 8.
//
// Aliasing: a contiguous output may start at the same address as a contiguous input with elements of the same size, in
// programs with any number of outputs; otherwise outputs overlap nothing. Only two outputs that both pass an input
// through unchanged must not lie over each other's input.
//
// How inputs are read, decided once per task:
//   contiguous   the register points into the tensor
//   scalar       all strides 0: the register is filled once
//   periodic     outer strides 0 and the trailing dims contiguous with at most kTile elements (a bias, a channel
//                scale): a repeated copy is made once and the register points to its phase
//   strided      gathered per tile by an odometer over inner runs; a run that covers the tile is used in place
//
// A program without instructions, one input and a transposition in it (the input's unit stride is not in the innermost
// dim) is cut into blocks that stay in L2 instead.
//
// Large outputs (kStreamBytes of simd/stream.h) that lie over no input are made in registers and stored past the
// caches.
//
// Tasks hold kTaskElements elements. Scratch per thread: the registers, one doubled register per input, and pointers.
//
// Signature of `elementwise_sweep`
//   operands  "in* -> out*"
//   params    "counts:i[] ranks:i[] dims:i[] strides:i[] in_sizes:i[] consts:i[] const_sizes:i[] code:i[]
//              out_regs:i[] out_sizes:i[] registers"
//
// Segment s is what `elementwise` would do with n = counts[s], dims of rank ranks[s], and the operands of its place in
// the lists: all segments have the program, its constants and the element sizes in common, and `in`, `out`, `dims` and
// `strides` are those of one segment after the other. What may alias within a segment may do so here; no segment
// writes what another one touches. Transposing copies are no part of a sweep. The bits are those of one call per
// segment. Every segment counts in multiples of kSegmentElements, and tasks hold kTaskElements of the sum: small
// segments share a task, large ones are cut between cache lines.
//
// Signature of `elementwise_sums`
//   operands  "in* -> out* sums*"
//   params    those of `elementwise`, then "columns sum_regs:i[]"
//
// The iteration space is seen as n / columns rows: sums[s] [columns] gets the sum over all rows of register
// sum_regs[s], float32 and not overwritten by an output. `out` may be empty: then nothing but the sums is written. Task
// and phase count depend on n and columns alone: phase 0 runs the machine over blocks of whole rows and keeps a line of
// double sums per task in shared scratch, phase 1 adds the lines in order. A float32 lane takes at most kSumRows rows,
// four at a time, before it is added to a double.
#pragma once
#include "kernel.h"

namespace brawn {

constexpr int64_t kMaxRank = 16;
constexpr int64_t kTaskElements = 32768;
constexpr int64_t kSegmentElements = 64;
constexpr int64_t kSumRows = 64;   // rows that a float32 lane adds up
constexpr int64_t kSumTasks = 64;  // most blocks of rows

struct ElementwiseArgs {
  Span<const void*> in;
  Span<void*> out;
  int64_t n;
  Span<int64_t> dims;
  Span<int64_t> strides;
  Span<int64_t> in_sizes;
  Span<int64_t> consts;
  Span<int64_t> const_sizes;
  Span<int64_t> code;
  Span<int64_t> out_regs;
  Span<int64_t> out_sizes;
  int64_t registers;
  int64_t row;
  Span<int64_t> out_rows;
};

struct ElementwiseSweepArgs {
  Span<const void*> in;
  Span<void*> out;
  Span<int64_t> counts;
  Span<int64_t> ranks;
  Span<int64_t> dims;
  Span<int64_t> strides;
  Span<int64_t> in_sizes;
  Span<int64_t> consts;
  Span<int64_t> const_sizes;
  Span<int64_t> code;
  Span<int64_t> out_regs;
  Span<int64_t> out_sizes;
  int64_t registers;
};

struct ElementwiseSumsArgs {
  Span<const void*> in;
  Span<void*> out;
  Span<void*> sums;
  int64_t n;
  Span<int64_t> dims;
  Span<int64_t> strides;
  Span<int64_t> in_sizes;
  Span<int64_t> consts;
  Span<int64_t> const_sizes;
  Span<int64_t> code;
  Span<int64_t> out_regs;
  Span<int64_t> out_sizes;
  int64_t registers;
  int64_t columns;
  Span<int64_t> sum_regs;
};

}  // namespace brawn
