// The forward pass of a block of sequences through all steps; recurrent.h describes the whole.
//
// Units are handled in groups: one vector of units with all their gates, two vectors for a cell with one gate. The
// product of a few groups goes to a small tile, on which the cell then works while it is in the first-level cache; few
// and not one, so that the cell walks through longer pieces of the many rows that it reads and writes. Packed
// weights hold group after group, each as panels [hidden][one or two vectors of columns]. The block's h is kept in
// scratch, with rows that do not share cache sets.
#pragma once
#include "kernels/recurrent/cells.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kBlockSequences = 16;  // most sequences of one task, in fours of tasks that share evenly
constexpr int64_t kPairSequences = 24;   // from kLeastPair to so many are two tasks, fewer are one
constexpr int64_t kLeastPair = 4;
constexpr int64_t kDirectRows = 16;       // so many states in all steps do not pay for packing the weights
constexpr int64_t kStepUnits = 64;        // units of one task in a single step
constexpr int64_t kTileGroups = 4;        // groups whose products the cell works on at a time
constexpr int64_t kPackElements = 32768;  // least elements that one task packs

// How sequences and, in a single step, units are cut into tasks.
struct RecurrentTasks {
  int64_t sequences, blocks, groups, parts;
  bool direct;
  int64_t tasks() const { return blocks * parts; }
};

inline bool reads_directly(const RecurrentSizes& sizes) { return sizes.batch * sizes.steps <= kDirectRows; }

inline int64_t sequences_of_task(int64_t batch) {
  if (batch < kLeastPair) return batch;
  const int64_t tasks = batch <= kPairSequences ? 2 : round_up(ceil_div(batch, kBlockSequences), 4);
  return ceil_div(batch, tasks);
}

// One column vector of a panel: kLanes rows of the weight, transposed; zeros beyond n.
template <class T>
void pack_columns(const T* rows, int64_t row_stride, int64_t n, int64_t k, T* to, int64_t to_stride) {
  constexpr int64_t kLanes = Micro<T>::kLanes;
  constexpr int64_t kSide = kSquareOf<T>;
  const int64_t whole_k = k / kSide * kSide, whole_n = n / kSide * kSide;
  for (int64_t j = 0; j < whole_n; j += kSide) {
    for (int64_t l = 0; l < whole_k; l += kSide) {
      transpose_square(rows + j * row_stride + l, row_stride, to + l * to_stride + j, to_stride);
    }
  }
  for (int64_t l = 0; l < k; ++l) {
    T* row = to + l * to_stride;
    for (int64_t j = l < whole_k ? whole_n : 0; j < n; ++j) row[j] = rows[j * row_stride + l];
    for (int64_t j = max64(n, 0); j < kLanes; ++j) row[j] = 0;
  }
}

template <class T, class Cell>
class ForwardRow {
  static constexpr int64_t kLanes = Micro<T>::kLanes;
  static constexpr int64_t kRows = Micro<T>::kRows;
  static constexpr int64_t kVectors = Cell::kGates == 1 ? 2 : Cell::kGates;  // columns of a group
  static constexpr int64_t kGroupUnits = Cell::kGates == 1 ? 2 * kLanes : kLanes;
  static constexpr int64_t kColumns = kVectors * kLanes;
  static constexpr int64_t kTileColumns = kTileGroups * kColumns;
  static_assert(VectorOf<T>::V::kLanes == kLanes, "tiles and cells use one vector");

 public:
  static int64_t tasks(const void* raw, int phase) {
    const RecurrentSizes& sizes = read(raw).sizes;
    const RecurrentTasks plan = plan_of(sizes);
    if (phase == 1) return plan.tasks();
    return plan.direct ? 0 : ceil_div(plan.groups, groups_per_pack(sizes));
  }
  static int64_t shared_bytes(const void* raw) {
    const RecurrentSizes& sizes = read(raw).sizes;
    const RecurrentTasks plan = plan_of(sizes);
    return plan.direct ? 0 : round_up(plan.groups * kColumns * sizes.hidden * int64_t{sizeof(T)}, 64);
  }
  static int64_t local_bytes(const void* raw) { return ForwardRow(raw, nullptr, nullptr).bytes_; }

  static void run(const void* raw, int phase, int64_t begin, int64_t end, const Context& context) {
    T* packed = static_cast<T*>(context.shared);
    if (phase == 0) {
      for (int64_t t = begin; t < end; ++t) pack(read(raw), t, packed);
      return;
    }
    ForwardRow row(raw, packed, static_cast<char*>(context.local));
    for (int64_t t = begin; t < end; ++t) row.block(t);
  }

 private:
  static const RecurrentArgs& read(const void* raw) { return *static_cast<const RecurrentArgs*>(raw); }

  static RecurrentTasks plan_of(const RecurrentSizes& sizes) {
    RecurrentTasks plan{};
    plan.sequences = sequences_of_task(sizes.batch);
    plan.blocks = ceil_div(sizes.batch, plan.sequences);
    plan.groups = ceil_div(sizes.hidden, kGroupUnits);
    plan.parts = sizes.steps == 1 ? ceil_div(sizes.hidden, kStepUnits) : 1;
    plan.direct = reads_directly(sizes);
    return plan;
  }

  static int64_t groups_per_pack(const RecurrentSizes& sizes) {
    return max64(1, kPackElements / (kColumns * sizes.hidden));
  }

  // The row of the weight, and how many units from there on, behind vector v of a group.
  static int64_t weight_row(int64_t group, int64_t v, int64_t hidden, int64_t* n) {
    const int64_t unit = group * kGroupUnits + (Cell::kGates == 1 ? v * kLanes : 0);
    *n = min64(kLanes, hidden - unit);
    return Cell::kGates == 1 ? unit : v * hidden + unit;
  }

  static void pack(const RecurrentArgs& args, int64_t task, T* packed) {
    const int64_t hidden = args.sizes.hidden, each = groups_per_pack(args.sizes);
    const int64_t last = min64((task + 1) * each, ceil_div(hidden, kGroupUnits));
    for (int64_t group = task * each; group < last; ++group) {
      for (int64_t v = 0; v < kVectors; ++v) {
        int64_t n = 0;
        const int64_t row = weight_row(group, v, hidden, &n);
        const int64_t width = min64(2, kVectors - v / 2 * 2) * kLanes;
        T* panel = packed + (group * kColumns + v / 2 * 2 * kLanes) * hidden + v % 2 * kLanes;
        pack_columns(static_cast<const T*>(args.weight) + row * hidden, hidden, n, hidden, panel, width);
      }
    }
  }

  ForwardRow(const void* raw, const T* packed, char* local)
      : args_(read(raw)), sizes_(args_.sizes), plan_(plan_of(sizes_)), packed_(packed) {
    const auto take = [&](int64_t elements) {
      T* at = reinterpret_cast<T*>(local + bytes_);
      bytes_ = round_up(bytes_ + elements * int64_t{sizeof(T)}, 64);
      return at;
    };
    stride_ = round_up(sizes_.hidden, kLanes) + kRowPad;
    for (T*& h : h_) h = take(plan_.sequences * stride_);
    c_ = take(Cell::kHasCell ? plan_.sequences * stride_ : 0);
    tile_ = take(plan_.sequences * kTileColumns);
  }

  // Row r of the result, for the sequence at hand.
  T* result(int64_t row, int64_t sequence) const {
    return static_cast<T*>(args_.result) + (row * sizes_.batch + sequence) * sizes_.hidden;
  }

  void block(int64_t task) {
    const int64_t part = task % plan_.parts, steps = sizes_.steps;
    first_ = task / plan_.parts * plan_.sequences;
    count_ = min64(plan_.sequences, sizes_.batch - first_);
    const int64_t group0 = part * ceil_div(plan_.groups, plan_.parts);
    const int64_t group1 = min64(plan_.groups, group0 + ceil_div(plan_.groups, plan_.parts));
    const int64_t unit0 = group0 * kGroupUnits, units = min64(sizes_.hidden, group1 * kGroupUnits) - unit0;
    if (units <= 0) return;
    begin(unit0, units);
    for (int64_t s = 0; s < steps; ++s) {
      const int64_t t = sizes_.reverse ? steps - 1 - s : s;
      for (int64_t group = group0; group < group1; group += kTileGroups) {
        const int64_t groups = min64(kTileGroups, group1 - group);
        for (int64_t g = 0; g < groups; ++g) multiply(group + g, h_[s % 2], tile_ + g * kColumns);
        for (int64_t i = 0; i < count_; ++i) {
          for (int64_t g = 0; g < groups; ++g) {
            finish(group + g, i, t, tile_ + i * kTileColumns + g * kColumns, h_[s % 2], h_[(s + 1) % 2]);
          }
        }
      }
    }
    for (int64_t i = 0; i < count_; ++i) {
      copy_run(result(steps + 1, first_ + i) + unit0, h_[steps % 2] + i * stride_ + unit0, units);
      if (Cell::kHasCell) copy_run(result(steps + 2, first_ + i) + unit0, c_ + i * stride_ + unit0, units);
    }
  }

  // The initial states: all of h, as every unit's product reads it; in the results only this task's units.
  void begin(int64_t unit0, int64_t units) {
    const int64_t row = sizes_.reverse ? sizes_.steps : 0;
    for (int64_t i = 0; i < count_; ++i) {
      initial(args_.h0, i, h_[0]);
      copy_run(result(row, first_ + i) + unit0, h_[0] + i * stride_ + unit0, units);
      if (!Cell::kHasCell) continue;
      initial(args_.c0, i, c_);
      if (sizes_.saves) copy_run(result(cell_row() + row, first_ + i) + unit0, c_ + i * stride_ + unit0, units);
    }
  }

  void initial(const void* given, int64_t i, T* to) const {
    if (given == nullptr) {
      zero_run(to + i * stride_, sizes_.hidden);
    } else {
      copy_run(to + i * stride_, static_cast<const T*>(given) + (first_ + i) * sizes_.hidden, sizes_.hidden);
    }
  }

  int64_t cell_row() const { return sizes_.steps + 1 + Cell::kResults; }

  // A part of the tile becomes h times the weights of a group.
  void multiply(int64_t group, const T* h, T* tile) const {
    const int64_t hidden = sizes_.hidden;
    for (int64_t v = 0; v < kVectors; v += plan_.direct ? 1 : 2) {
      if (plan_.direct) {
        int64_t n = 0;
        const int64_t row = weight_row(group, v, hidden, &n);
        Block<T> block{};
        block.c = tile + v * kLanes, block.stride = kTileColumns;
        block.m = count_, block.n = max64(n, 0), block.k = hidden;
        multiply_dots(block, h, stride_, static_cast<const T*>(args_.weight) + row * hidden, hidden);
        continue;
      }
      const int64_t vectors = min64(2, kVectors - v);
      const T* panel = packed_ + (group * kColumns + v * kLanes) * hidden;
      const int64_t rows = ceil_div(count_, ceil_div(count_, kRows));
      for (int64_t i = 0; i < count_; i += rows) {
        micro_for<Micro<T>>(min64(rows, count_ - i), vectors)(hidden, h + i * stride_, stride_, 1, panel,
                                                              vectors * kLanes, tile + i * kTileColumns + v * kLanes,
                                                              kTileColumns, false);
      }
    }
  }

  // The cell on the units of a group in sequence i.
  void finish(int64_t group, int64_t i, int64_t t, const T* product, const T* before, T* after) const {
    const int64_t hidden = sizes_.hidden, steps = sizes_.steps, sequence = first_ + i;
    for (int64_t j = 0; j < kGroupUnits; j += kLanes) {
      const int64_t unit = group * kGroupUnits + j;
      if (unit >= hidden) return;
      const int64_t row = sizes_.reverse ? t : t + 1;
      ForwardPlace<T> at{};
      at.product = product + j;
      at.gates = static_cast<const T*>(args_.gates) + (t * sizes_.batch + sequence) * Cell::kGates * hidden + unit;
      if (args_.peephole != nullptr) at.peephole = static_cast<const T*>(args_.peephole) + unit;
      if (args_.bias != nullptr) at.bias = static_cast<const T*>(args_.bias) + unit;
      at.h_before = before + i * stride_ + unit;
      at.h_after = after + i * stride_ + unit;
      at.h_result = result(row, sequence) + unit;
      at.c = c_ + i * stride_ + unit;
      if (sizes_.saves) {
        const int64_t cells = Cell::kHasCell ? steps + 1 : 0;
        if (Cell::kHasCell) at.c_saved = result(cell_row() + row, sequence) + unit;
        at.gates_saved =
            result(cell_row() + cells, 0) + (t * sizes_.batch + sequence) * Cell::kSavedGates * hidden + unit;
      }
      at.hidden = hidden, at.lanes = kLanes;
      at.valid = args_.lengths == nullptr || t < args_.lengths[sequence];
      at.relu = sizes_.relu != 0;
      Cell::forward(at, Units<T>{min64(kLanes, hidden - unit)});
    }
  }

  const RecurrentArgs& args_;
  const RecurrentSizes& sizes_;
  RecurrentTasks plan_;
  const T* packed_;
  int64_t bytes_ = 0;
  int64_t stride_ = 0;
  T* h_[2] = {};
  T* c_ = nullptr;
  T* tile_ = nullptr;
  int64_t first_ = 0;
  int64_t count_ = 0;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
