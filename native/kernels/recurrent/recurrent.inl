// The rows of the recurrent family; recurrent.h describes them, forward.inl and backward.inl are their bodies.
#if BRAWN_ISA_ENABLED
#include "kernels/recurrent/backward.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class Row>
constexpr KernelRow recurrent_row(const char* name, const char* variant, const char* operands) {
  return {name,    variant, operands, BRAWN_RECURRENT_PARAMS, 2, Row::tasks, Row::shared_bytes, Row::local_bytes,
          Row::run};
}

#define BRAWN_RECURRENT(cell, Cell, dtype, T)                                                                     \
  recurrent_row<ForwardRow<T, Cell>>("recurrent_" cell "_" dtype, Micro<T>::kTileName, BRAWN_RECURRENT_OPERANDS), \
      recurrent_row<BackwardRow<T, Cell>>("recurrent_" cell "_backward_" dtype, Micro<T>::kTileName,              \
                                          BRAWN_RECURRENT_BACKWARD_OPERANDS)

const KernelRow kRecurrentRows[] = {
    BRAWN_RECURRENT("lstm", LstmCell, "f32", float), BRAWN_RECURRENT("lstm", LstmCell, "f64", double),
    BRAWN_RECURRENT("gru", GruCell, "f32", float),   BRAWN_RECURRENT("gru", GruCell, "f64", double),
    BRAWN_RECURRENT("rnn", RnnCell, "f32", float),   BRAWN_RECURRENT("rnn", RnnCell, "f64", double),
};

#undef BRAWN_RECURRENT

}  // namespace

KernelTable recurrent_table() {
  return {kRecurrentRows, static_cast<int>(sizeof(kRecurrentRows) / sizeof(kRecurrentRows[0]))};
}

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
