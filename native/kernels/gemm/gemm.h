// Arguments of the matrix products, and of the epilogue that GEMM and convolution share.
//
// gemm_<f32|f64|i32|i64>: out[b, i, j] = sum over l of A[b, i, l] * B[b, l, j], then the epilogue, on contiguous
// outputs [batch, m, n]. A and B may have any element strides (0 and transposed included): a_strides = [row, column],
// b_strides = [row (k), column (n)]. batch_dims lists the batch dimensions (empty when batch is 1) with one stride per
// dimension in a_batch and b_batch, 0 to broadcast. k >= 1. Outputs must not overlap A or B.
//
// The epilogue is a program of the elementwise machine (elementwise/vm.h) run on finished pieces of the result while
// they are in cache. Register 0 is the result in the kernel's own type; then one register per operand epilogue_in, one
// per constant (8-byte patterns in ep_consts, element sizes in ep_const_sizes), then temporaries: ep_registers in all.
// Operand e has ep_sizes[e] bytes per element and is read at batch * ep_batch[e] + row * ep_row[e] + column *
// ep_col[e] elements. Output o receives register ep_out_regs[o], of ep_out_sizes[o] bytes per element. An output may
// be the same memory as an epilogue operand of the same shape and element size that is not read after that output's
// register was last written. Empty ep_code with ep_out_regs = [0] stores the result. Integer products take no code.
// Rows of output o, counted over all batches, are ep_out_rows[o] elements apart: more than their length when the output
// is part of a larger tensor. An empty ep_out_rows means that all are contiguous, as those of integer products and of
// products with one column have to be. ep_far = 1: nobody reads the outputs before they have left the caches.
//
// Phases: 0 packs B when its rows are not contiguous and several tasks read it, 1 computes tiles (or partial sums over
// a fixed split of k), 2 adds the partial sums in order. Phases without work have no tasks.
#pragma once
#include "kernel.h"

namespace brawn {

struct EpilogueParams {
  Span<int64_t> row;
  Span<int64_t> col;
  Span<int64_t> batch;
  Span<int64_t> sizes;
  Span<int64_t> consts;
  Span<int64_t> const_sizes;
  Span<int64_t> code;
  Span<int64_t> out_regs;
  Span<int64_t> out_sizes;
  Span<int64_t> out_rows;
  int64_t registers;
  int64_t far;
};

#define BRAWN_EPILOGUE_PARAMS                                                                                     \
  "ep_row:i[] ep_col:i[] ep_batch:i[] ep_sizes:i[] ep_consts:i[] ep_const_sizes:i[] ep_code:i[] ep_out_regs:i[] " \
  "ep_out_sizes:i[] ep_out_rows:i[] ep_registers ep_far"

struct GemmArgs {
  const void* a;
  const void* b;
  Span<const void*> in;
  Span<void*> out;
  int64_t batch;
  int64_t m;
  int64_t n;
  int64_t k;
  Span<int64_t> a_strides;
  Span<int64_t> b_strides;
  Span<int64_t> batch_dims;
  Span<int64_t> a_batch;
  Span<int64_t> b_batch;
  EpilogueParams ep;
};

#define BRAWN_GEMM_OPERANDS "a b epilogue_in* -> out*"
#define BRAWN_GEMM_PARAMS \
  "batch m n k a_strides:i[] b_strides:i[] batch_dims:i[] a_batch:i[] b_batch:i[] " BRAWN_EPILOGUE_PARAMS

}  // namespace brawn
