// The way back of a block of sequences through all steps; recurrent.h describes the whole.
//
// Per step the cell turns gradients of the states into those of the gates, and their product with the recurrent weights
// gives the gradients of the states one step earlier. Packed weights are panels [gates hidden][two vectors of units].
#pragma once
#include "kernels/recurrent/forward.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T, class Cell>
class BackwardRow {
  static constexpr int64_t kLanes = Micro<T>::kLanes;
  static constexpr int64_t kRows = Micro<T>::kRows;

 public:
  static int64_t tasks(const void* raw, int phase) {
    const RecurrentSizes& sizes = read(raw).sizes;
    if (phase == 1) return ceil_div(sizes.batch, sequences_of_task(sizes.batch));
    return reads_directly(sizes) ? 0 : ceil_div(sizes.hidden, pack_columns_per_task(sizes));
  }
  static int64_t shared_bytes(const void* raw) {
    const RecurrentSizes& sizes = read(raw).sizes;
    if (reads_directly(sizes)) return 0;
    return round_up(Cell::kGates * sizes.hidden * round_up(sizes.hidden, kPanel<T>) * int64_t{sizeof(T)}, 64);
  }
  static int64_t local_bytes(const void* raw) { return BackwardRow(raw, nullptr, nullptr).bytes_; }

  static void run(const void* raw, int phase, int64_t begin, int64_t end, const Context& context) {
    T* packed = static_cast<T*>(context.shared);
    if (phase == 0) {
      for (int64_t t = begin; t < end; ++t) pack(read(raw), t, packed);
      return;
    }
    BackwardRow row(raw, packed, static_cast<char*>(context.local));
    for (int64_t t = begin; t < end; ++t) row.block(t);
  }

 private:
  static const RecurrentBackwardArgs& read(const void* raw) { return *static_cast<const RecurrentBackwardArgs*>(raw); }

  static int64_t pack_columns_per_task(const RecurrentSizes& sizes) {
    return round_up(max64(1, kPackElements / (Cell::kGates * sizes.hidden)), kPanel<T>);
  }

  static void pack(const RecurrentBackwardArgs& args, int64_t task, T* packed) {
    const int64_t hidden = args.sizes.hidden, each = pack_columns_per_task(args.sizes), first = task * each;
    const int64_t depth = Cell::kGates * hidden;
    pack_b(static_cast<const T*>(args.weight) + first, hidden, 1, min64(each, hidden - first), depth,
           packed + first * depth);
  }

  BackwardRow(const void* raw, const T* packed, char* local) : args_(read(raw)), sizes_(args_.sizes), packed_(packed) {
    const auto take = [&](int64_t elements) {
      T* at = reinterpret_cast<T*>(local + bytes_);
      bytes_ = round_up(bytes_ + elements * int64_t{sizeof(T)}, 64);
      return at;
    };
    sequences_ = sequences_of_task(sizes_.batch);
    stride_ = round_up(sizes_.hidden, kPanel<T>) + kRowPad;
    left_stride_ = Cell::kGates * sizes_.hidden + kRowPad;
    dh_ = take(sequences_ * stride_);
    dc_ = take(Cell::kHasCell ? sequences_ * stride_ : 0);
    left_ = take(sequences_ * left_stride_);
  }

  const T* saved(int64_t row, int64_t sequence) const {
    return static_cast<const T*>(args_.saved) + (row * sizes_.batch + sequence) * sizes_.hidden;
  }
  T* gradients(int64_t row, int64_t sequence) const {
    return static_cast<T*>(args_.dgates) + (row * sizes_.batch + sequence) * sizes_.hidden;
  }

  void block(int64_t task) {
    first_ = task * sequences_;
    count_ = min64(sequences_, sizes_.batch - first_);
    const int64_t steps = sizes_.steps, hidden = sizes_.hidden;
    for (int64_t i = 0; i < count_; ++i) {
      zero_run(dh_ + i * stride_, stride_);
      final_state(args_.dhn, i, dh_);
      if (Cell::kHasCell) final_state(args_.dcn, i, dc_);
    }
    for (int64_t s = steps - 1; s >= 0; --s) {
      const int64_t t = sizes_.reverse ? steps - 1 - s : s;
      for (int64_t i = 0; i < count_; ++i) {
        if (args_.lengths == nullptr || t < args_.lengths[first_ + i]) {
          step(i, t);
        } else {
          carry(i, t);
        }
      }
      multiply();
    }
    const int64_t end = Cell::kGradients * steps;
    for (int64_t i = 0; i < count_; ++i) {
      copy_run(gradients(end, first_ + i), dh_ + i * stride_, hidden);
      if (Cell::kHasCell) copy_run(gradients(end + 1, first_ + i), dc_ + i * stride_, hidden);
    }
  }

  void final_state(const void* given, int64_t i, T* to) const {
    if (given == nullptr) {
      zero_run(to + i * stride_, sizes_.hidden);
    } else {
      copy_run(to + i * stride_, static_cast<const T*>(given) + (first_ + i) * sizes_.hidden, sizes_.hidden);
    }
  }

  const T* output_gradient(int64_t t, int64_t sequence) const {
    if (args_.dy == nullptr) return nullptr;
    return static_cast<const T*>(args_.dy) + (t * sizes_.batch + sequence) * sizes_.hidden;
  }

  T* gate_gradients(int64_t t, int64_t sequence, bool products) const {
    const int64_t before = products ? Cell::kGates * sizes_.steps : 0;
    return gradients(before, 0) + (t * sizes_.batch + sequence) * Cell::kGates * sizes_.hidden;
  }

  void step(int64_t i, int64_t t) {
    const int64_t hidden = sizes_.hidden, steps = sizes_.steps, sequence = first_ + i;
    const int64_t before = sizes_.reverse ? t + 1 : t, after = sizes_.reverse ? t : t + 1;
    const int64_t cells = steps + 1 + Cell::kResults, gates = cells + (Cell::kHasCell ? steps + 1 : 0);
    const T* dy = output_gradient(t, sequence);
    for (int64_t unit = 0; unit < hidden; unit += kLanes) {
      BackwardPlace<T> at{};
      at.h_before = saved(before, sequence) + unit;
      at.h_after = saved(after, sequence) + unit;
      at.c_before = saved(cells + before, sequence) + unit;
      at.c_after = saved(cells + after, sequence) + unit;
      at.gates_saved = saved(gates, 0) + (t * sizes_.batch + sequence) * Cell::kSavedGates * hidden + unit;
      if (args_.peephole != nullptr) at.peephole = static_cast<const T*>(args_.peephole) + unit;
      if (dy != nullptr) at.dy = dy + unit;
      at.dh = dh_ + i * stride_ + unit;
      at.dc = dc_ + i * stride_ + unit;
      at.dgates = gate_gradients(t, sequence, false) + unit;
      at.dproducts = gate_gradients(t, sequence, true) + unit;
      at.left = left_ + i * left_stride_ + unit;
      at.hidden = hidden;
      at.relu = sizes_.relu != 0;
      Cell::backward(at, Units<T>{min64(kLanes, hidden - unit)});
    }
  }

  // A step behind the end of a sequence: gradients of its states pass through, those of its gates are 0.
  void carry(int64_t i, int64_t t) {
    const int64_t hidden = sizes_.hidden, sequence = first_ + i;
    const T* dy = output_gradient(t, sequence);
    T* dh = dh_ + i * stride_;
    for (int64_t u = 0; dy != nullptr && u < hidden; ++u) dh[u] += dy[u];
    zero_run(gate_gradients(t, sequence, false), Cell::kGates * hidden);
    if (Cell::kHasProducts) zero_run(gate_gradients(t, sequence, true), Cell::kGates * hidden);
    zero_run(left_ + i * left_stride_, Cell::kGates * hidden);
  }

  // dh += left times the weights.
  void multiply() {
    const int64_t hidden = sizes_.hidden, depth = Cell::kGates * hidden;
    if (reads_directly(sizes_)) {
      for (int64_t i = 0; i < count_; ++i) add_product(left_ + i * left_stride_, dh_ + i * stride_);
      return;
    }
    const int64_t rows = ceil_div(count_, ceil_div(count_, kRows));
    for (int64_t unit = 0; unit < hidden; unit += kPanel<T>) {
      const int64_t vectors = unit + kLanes < hidden ? 2 : 1;
      for (int64_t i = 0; i < count_; i += rows) {
        micro_for<Micro<T>>(min64(rows, count_ - i), vectors)(depth, left_ + i * left_stride_, left_stride_, 1,
                                                              packed_ + unit * depth, kPanel<T>,
                                                              dh_ + i * stride_ + unit, stride_, true);
      }
    }
  }

  // The same for one sequence, with rows of the weights as they lie.
  void add_product(const T* left, T* dh) const {
    using V = typename VectorOf<T>::V;
    const int64_t hidden = sizes_.hidden, depth = Cell::kGates * hidden;
    const T* weight = static_cast<const T*>(args_.weight);
    int64_t l = 0;
    for (; l + 8 <= depth; l += 8) stream_rows<V, T, 8>(hidden, left + l, 1, weight + l * hidden, hidden, dh);
    for (; l < depth; ++l) stream_rows<V, T, 1>(hidden, left + l, 1, weight + l * hidden, hidden, dh);
  }

  const RecurrentBackwardArgs& args_;
  const RecurrentSizes& sizes_;
  const T* packed_;
  int64_t bytes_ = 0;
  int64_t sequences_ = 0;
  int64_t stride_ = 0;
  int64_t left_stride_ = 0;
  T* dh_ = nullptr;
  T* dc_ = nullptr;
  T* left_ = nullptr;
  int64_t first_ = 0;
  int64_t count_ = 0;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
