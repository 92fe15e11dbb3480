// Arguments of the recurrent kernels: whole sequences of an LSTM, GRU or RNN layer, forward and backward.
//
// Rows "recurrent_<lstm|gru|rnn>_<f32|f64>" and "recurrent_<lstm|gru|rnn>_backward_<f32|f64>". With G gates per unit
// (4, 3, 1), T steps, B sequences and H units, all contiguous:
//
//   gates    [T, B, G H]  the input's share of the gates, biases included (GRU: without b_hn)
//   weight   [G H, H]     recurrent weights, gates in PyTorch's order: i f g o, r z n
//   h0 c0    [B, H]       null: zeros
//   lengths  int32 [B]    null: T. From its length on a sequence's state is carried through unchanged
//   peephole [3, H]       LSTM: from c to i, o, f
//   bias     [H]          GRU: b_hn
//   result   rows of [B, H]: T + 1 of h in the order of time (the initial state first, or last when reverse is not 0),
//            h_n, LSTM: c_n. When saves is not 0, what the backward row needs follows. LSTM: T + 1 of c likewise, then
//            the activated gates [T, B, 4 H]. GRU: r, z, n and W_hn h + b_hn as [T, B, 4 H]. RNN: nothing.
//
//   saved    a result with saves
//   dy       [T, B, H]    gradients of the outputs, dhn dcn [B, H] of the final states; null: zeros
//   dgates   [T, B, G H]  gradients of the gates. GRU: then those of the recurrent products, likewise.
//            Then dh0 [B, H], LSTM: dc0 [B, H]
//
// relu: the RNN's nonlinearity is max(x, 0) and not tanh. No operand may overlap the result.
//
// Threads share the work by sequences: a task takes a block of them through all steps, so nothing waits for another
// thread inside a sequence. Phase 0 packs the weights for the micro-kernel of gemm/, once; for few sequences and
// steps the weights are read as they lie and phase 0 has no tasks. A single step (T = 1) is split by units as well.
// float32 sigmoids and tanhs are those of simd/math.h (2.4 ulp); float64 ones those of the C library.
#pragma once
#include "kernel.h"

namespace brawn {

struct RecurrentSizes {
  int64_t steps, batch, hidden, reverse, relu, saves;
};

struct RecurrentArgs {
  const void* gates;
  const void* weight;
  const void* h0;
  const void* c0;
  const int32_t* lengths;
  const void* peephole;
  const void* bias;
  void* result;
  RecurrentSizes sizes;
};

struct RecurrentBackwardArgs {
  const void* saved;
  const void* weight;
  const void* dy;
  const void* dhn;
  const void* dcn;
  const int32_t* lengths;
  const void* peephole;
  void* dgates;
  RecurrentSizes sizes;
};

#define BRAWN_RECURRENT_OPERANDS "gates weight h0? c0? lengths? peephole? bias? -> result"
#define BRAWN_RECURRENT_BACKWARD_OPERANDS "saved weight dy? dhn? dcn? lengths? peephole? -> dgates"
#define BRAWN_RECURRENT_PARAMS "steps batch hidden reverse relu saves"

}  // namespace brawn
