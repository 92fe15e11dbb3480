// What the driver (driver.inl) knows of a matrix product or convolution. A problem P says what its matrices are:
//
//   T                                element type
//   batches(), distinct_b()          independent products, and how many different B they use
//   b_of(batch), depth_of(b)
//   rows(), cols(), depth()          largest m, n, k of any batch; rows(batch) and depth(batch) may be smaller
//   a_block(batch, m0, m, k0, k, panel_rows, cols, buffer)     an ABlock, packed into buffer or the matrix itself
//   b_block(b, n0, n, k0, k, buffer)                           a BBlock; always panels when share_b()
//   whole_depth()                    whether b_block takes any k, not just kBlockDepth at most
//   ask(batch, m0, m, ahead)         adds the memory of these rows of A, where it is one piece
//   ask_a(batch, m0, m, k0, k, ahead), ask_b(batch, n0, n, k0, k, ahead)   the same for parts along k
//   packed_b()                       B as panels over the whole k, one batch after the other, or null
//   rows_of_b(), b_row(b, n0, k0, &distance)                   whether and where rows of B are contiguous in memory
//   skinny(...)                      computes a block in its own way and says so, or returns false
//   split()                          whether a long k may be cut into partial sums
//   share_b()                        whether packed B may live in shared memory for all tasks
//   block_rows()                     most rows per task
//   turned()                         whether plain results are stored as columns: element (m, n) in row n, at
//                                    output_row(batch, m); not straight then
//   straight()                       rows of a batch are consecutive rows of the output
//   output_row(batch, m), epilogue_row(batch, m), epilogue_batch(batch), columns(), column(batch)
#pragma once
#include "kernels/gemm/ahead.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
struct Block;

// What most problems say.
template <class Element>
class Problem {
 public:
  using T = Element;
  void ask(int64_t, int64_t, int64_t, Ahead*) const {}
  void ask_a(int64_t, int64_t, int64_t, int64_t, int64_t, Ahead*) const {}
  void ask_b(int64_t, int64_t, int64_t, int64_t, int64_t, Ahead*) const {}
  const T* packed_b() const { return nullptr; }
  bool rows_of_b() const { return false; }
  const T* b_row(int64_t, int64_t, int64_t, int64_t*) const { return nullptr; }
  bool skinny(const Block<T>&, T*) const { return false; }
  bool turned() const { return false; }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
