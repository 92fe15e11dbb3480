// How a task of the driver (driver.inl) multiplies its block of the product: packs what the plan says, and goes through
// panels and tiles in the order that fits where A, B and the results lie. `multiply` takes blocks of k and groups of
// columns; `multiply_by_tiles` and `multiply_by_rows` take a block over all of k.
#pragma once
#include "kernels/gemm/dots.inl"
#include "kernels/gemm/plan.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class T>
struct LocalScratch {
  T* a;
  T* b;
  T* c;
  T* tile;
  char* epilogue;
  int64_t bytes;
};

// Lays out a task's private memory; with a null base only `bytes` matters.
template <class P>
LocalScratch<typename P::T> local_scratch(const P& p, const Plan& plan, char* base) {
  using T = typename P::T;
  LocalScratch<T> s{};
  const auto take = [&](int64_t elements) {
    T* at = reinterpret_cast<T*>(base + s.bytes);
    s.bytes = round_up(s.bytes + elements * int64_t{sizeof(T)}, 64);
    return at;
  };
  const int64_t rows = plan.by_rows ? Micro<T>::kRows : round_up(plan.block_m, Micro<T>::kRows);
  s.a = take(packed_a_size(rows, plan.block_k));
  const int64_t columns =
      plan.packing == Packing::kLocal ? round_up(min64(plan.group, plan.block_n), kPanel<T>) : kPanel<T>;
  s.b = take((columns + kRowPad) * plan.block_k);
  const bool stored = plan.by_rows ? !plan.in_place : !plan.in_place && !plan.by_tiles;
  s.c = take(plan.splits > 1 ? kReduceElements : stored ? rows * (plan.block_n + kRowPad) : 0);
  s.tile = take(max64(Micro<T>::kRows * kPanel<T>, kDotCols<T> * kBlockDepth));
  s.epilogue = base + s.bytes;
  s.bytes += Epilogue::scratch_bytes(p.epilogue(), p.inputs().size, p.outputs().size);
  return s;
}

// A block of the product in memory: c points at its first element, rows are `stride` apart.
template <class T>
struct Block {
  T* c;
  int64_t stride;
  int64_t batch, m0, m, n0, n, k0, k;
};

template <class T>
void multiply_panel(const ABlock<T>& a, int64_t rows, int64_t panel_rows, int64_t k, const T* b, int64_t b_row, T* c,
                    int64_t stride, int64_t cols, bool accumulate, T* tile, Ahead* ahead = nullptr) {
  using M = Micro<T>;
  using V = typename VectorOf<T>::V;
  const int64_t dots = dot_columns(a, rows, k, cols);
  if (dots > 0) {
    const int64_t first = cols - dots;
    multiply_dot_columns(a, rows, panel_rows, k, b + first, b_row, c + first, stride, dots, accumulate, tile);
    if (first == 0) return;
    cols = first;
  }
  const int64_t vectors = ceil_div(cols, M::kLanes);
  const bool whole = cols == vectors * M::kLanes;
  const MicroFunction<T> main = micro_for<M>(panel_rows, vectors);
  const AskingMicroFunction<T> asking = asking_micro_for<M>(panel_rows, vectors);
  const T* panel = a.data;
  for (int64_t i = 0; i < rows; i += panel_rows, panel += a.panel) {
    const int64_t height = min64(panel_rows, rows - i);
    const MicroFunction<T> run = height == panel_rows ? main : micro_for<M>(height, vectors);
    T* to = c + i * stride;
    if (whole && ahead != nullptr) {
      ahead->run(run, height == panel_rows ? asking : asking_micro_for<M>(height, vectors), k, panel, a.row, a.k, b,
                 b_row, to, stride, accumulate);
      continue;
    }
    if (whole) {
      run(k, panel, a.row, a.k, b, b_row, to, stride, accumulate);
      continue;
    }
    run(k, panel, a.row, a.k, b, b_row, tile, kPanel<T>, false);
    for (int64_t r = 0; r < height; ++r) {
      for (int64_t j = 0; j < cols; j += V::kLanes) {
        const int64_t count = min64(V::kLanes, cols - j);
        V sum = V::load_partial(tile + r * kPanel<T> + j, count);
        if (accumulate) sum = sum + V::load_partial(to + r * stride + j, count);
        sum.store_partial(to + r * stride + j, count);
      }
    }
  }
}

// One whole panel of columns from rows of B that are `b_row` apart; the first rows of A copy it to `near` for the
// others. The next panel is `next` elements further on.
template <class T>
void multiply_rows(const ABlock<T>& a, int64_t rows, int64_t panel_rows, int64_t k, const T* b, int64_t b_row, T* c,
                   int64_t stride, bool accumulate, T* near, int64_t next, Ahead* ahead) {
  using M = Micro<T>;
  const int64_t first = min64(panel_rows, rows);
  packing_micro_for<M>(first)(k, a.data, a.row, a.k, b, b_row, c, stride, accumulate, near, next);
  const ABlock<T> rest = {a.data + a.panel, a.row, a.k, a.panel};
  multiply_panel<T>(rest, rows - first, panel_rows, k, near, kPanel<T>, c + first * stride, stride, kPanel<T>,
                    accumulate, nullptr, ahead);
}

// The last columns, fewer than a panel, of rows of B in place. Whole vectors may be read as long as they end inside the
// matrix; the rows where they would not are packed.
template <class P>
void multiply_last_columns(const P& p, const ABlock<typename P::T>& a, const Block<typename P::T>& block, int64_t j,
                           typename P::T* c, int64_t panel_rows, int64_t k0, int64_t k, bool accumulate,
                           const LocalScratch<typename P::T>& local) {
  using T = typename P::T;
  int64_t row = 0;
  const int64_t b_index = p.b_of(block.batch), cols = block.n - j;
  const T* b = p.b_row(b_index, block.n0 + j, k0, &row);
  const int64_t beyond = round_up(cols, Micro<T>::kLanes) - cols;
  const int64_t last = beyond == 0 ? 0 : row > 0 ? min64(k, ceil_div(beyond, row)) : k;
  if (last < k) {
    multiply_panel(a, block.m, panel_rows, k - last, b, row, c, block.stride, cols, accumulate, local.tile);
  }
  if (last == 0) return;
  const BBlock<T> packed = p.b_block(b_index, block.n0 + j, cols, k0 + k - last, last, local.b);
  const ABlock<T> rest = {a.data + (k - last) * a.k, a.row, a.k, a.panel};
  multiply_panel(rest, block.m, panel_rows, last, packed.data, packed.row, c, block.stride, cols,
                 accumulate || last < k, local.tile);
}

// Packed columns from n0 on over one block of k.
template <class P>
BBlock<typename P::T> packed_block(const P& p, const Plan& plan, int64_t b, int64_t n0, int64_t k0, int64_t k,
                                   const typename P::T* shared) {
  using T = typename P::T;
  if (plan.packing == Packing::kShared) {
    return {shared + (b * plan.k + k0) * plan.padded_n + n0 * k, kPanel<T>, k};
  }
  return {p.packed_b() + (b * plan.padded_n + n0) * plan.k + k0 * kPanel<T>, kPanel<T>, plan.k};
}

// One panel of B over all of k; `copy` is where the first tile that reads it puts it for the others, or null.
template <class T>
struct PanelB {
  const T* data;
  int64_t row;
  T* copy;
};

template <class P>
PanelB<typename P::T> panel_in_rows(const P& p, int64_t b, int64_t n0, int64_t cols, int64_t k, typename P::T* near) {
  using T = typename P::T;
  if (cols < kPanel<T>) {
    const BBlock<T> last = p.b_block(b, n0, cols, 0, k, near);
    return {last.data, last.row, nullptr};
  }
  int64_t row = 0;
  const T* data = p.b_row(b, n0, 0, &row);
  return {data, row, near};
}

// Tiles of all rows of a block along one panel of B, from column n0 on. What a tile will be written to is fetched while
// it is computed.
template <class P>
void multiply_tiles(const P& p, const Block<typename P::T>& block, const ABlock<typename P::T>& a, int64_t panel_rows,
                    PanelB<typename P::T> b, int64_t n0, int64_t cols, typename P::T* tile, Epilogue& epilogue) {
  using T = typename P::T;
  using M = Micro<T>;
  const int64_t vectors = ceil_div(cols, M::kLanes), column = p.column(block.batch) + n0;
  const int64_t row = p.epilogue_row(block.batch, block.m0), out_row = p.output_row(block.batch, block.m0);
  for (int64_t i = 0; i < block.m; i += panel_rows) {
    const int64_t height = min64(panel_rows, block.m - i);
    const T* rows = a.data + i / panel_rows * a.panel;
    epilogue.expect(out_row + i, height, column, cols);
    if (b.copy != nullptr) {
      packing_micro_for<M>(height)(block.k, rows, a.row, a.k, b.data, b.row, tile, kPanel<T>, false, b.copy, kPanel<T>);
      b = {b.copy, kPanel<T>, nullptr};
    } else {
      micro_for<M>(height, vectors)(block.k, rows, a.row, a.k, b.data, b.row, tile, kPanel<T>, false);
    }
    epilogue.run(reinterpret_cast<char*>(tile), kPanel<T>, row + i, out_row + i, height, column, cols);
  }
}

// A block with a short epilogue over all of k, tile by tile.
template <class P>
void multiply_by_tiles(const P& p, const Plan& plan, const Block<typename P::T>& block, const typename P::T* packed,
                       const LocalScratch<typename P::T>& local, Epilogue& epilogue) {
  using T = typename P::T;
  const int64_t panels = ceil_div(block.m, Micro<T>::kRows), panel_rows = ceil_div(block.m, panels);
  const int64_t b_index = p.b_of(block.batch);
  const ABlock<T> a = p.a_block(block.batch, block.m0, block.m, 0, block.k, panel_rows, block.n, local.a);
  const bool in_rows = plan.packing == Packing::kNone || plan.packing == Packing::kFirst;
  for (int64_t g = 0; g < block.n; g += plan.group) {
    const int64_t width = min64(plan.group, block.n - g);
    BBlock<T> b{};
    if (plan.packing == Packing::kLocal) {
      b = p.b_block(b_index, block.n0 + g, width, 0, block.k, local.b);
    } else if (!in_rows) {
      b = packed_block(p, plan, b_index, block.n0 + g, 0, block.k, packed);
    }
    for (int64_t j = 0; j < width; j += kPanel<T>) {
      const int64_t cols = min64(kPanel<T>, width - j), n0 = block.n0 + g + j;
      const PanelB<T> panel = in_rows ? panel_in_rows(p, b_index, n0, cols, block.k, local.b)
                                      : PanelB<T>{b.data + j * b.column, b.row, nullptr};
      multiply_tiles(p, block, a, panel_rows, panel, n0, cols, local.tile, epilogue);
    }
  }
}

// Sends columns [first, first + columns) of a finished block through the epilogue.
template <class P>
void finish_rows(const P& p, Epilogue& epilogue, const Block<typename P::T>& block, int64_t first, int64_t columns) {
  if (p.turned()) {
    typename P::T* out = static_cast<typename P::T*>(epilogue.plain_output());
    for (int64_t i = 0; i < block.m; ++i) {
      const int64_t row = p.output_row(block.batch, block.m0 + i);
      const typename P::T* from = block.c + i * block.stride + first;
      for (int64_t j = 0; j < columns; ++j) out[(block.n0 + first + j) * p.columns() + row] = from[j];
    }
    return;
  }
  const int64_t rows = p.straight() ? block.m : 1, column = p.column(block.batch) + block.n0 + first;
  for (int64_t i = 0; i < block.m; i += rows) {
    epilogue.run(reinterpret_cast<char*>(block.c + first + i * block.stride), block.stride,
                 p.epilogue_row(block.batch, block.m0 + i), p.output_row(block.batch, block.m0 + i), rows, column,
                 columns);
  }
}

// One tile of rows along all columns, over all of k. Plain results go to their place, those of a short epilogue leave
// as tiles.
template <class P>
void multiply_row(const P& p, const Block<typename P::T>& block, const BBlock<typename P::T>& b,
                  const LocalScratch<typename P::T>& local, Ahead* ahead, Epilogue& epilogue) {
  using T = typename P::T;
  using M = Micro<T>;
  const int64_t row = p.epilogue_row(block.batch, block.m0), out_row = p.output_row(block.batch, block.m0);
  const int64_t column = p.column(block.batch) + block.n0;
  const bool tiles = p.straight() && (epilogue.in_registers() || epilogue.leaves());
  const bool direct = p.straight() && epilogue.plain() && !tiles;
  const int64_t stride = direct ? epilogue.row_distance(0) : block.stride;
  T* c = direct ? static_cast<T*>(epilogue.plain_output()) + out_row * stride + column : local.c;
  ABlock<T> a{};
  if (block.k > 0) a = p.a_block(block.batch, block.m0, block.m, 0, block.k, block.m, block.n, local.a);
  for (int64_t j = 0; j < block.n; j += kPanel<T>) {
    const int64_t cols = min64(kPanel<T>, block.n - j), vectors = ceil_div(cols, M::kLanes);
    const bool in_tile = tiles || cols != vectors * M::kLanes;
    ahead->run(micro_for<M>(block.m, vectors), asking_micro_for<M>(block.m, vectors), block.k, a.data, a.row, a.k,
               b.data + j * b.column, b.row, in_tile ? local.tile : c + j, in_tile ? kPanel<T> : stride, false);
    if (tiles) {
      epilogue.run(reinterpret_cast<char*>(local.tile), kPanel<T>, row, out_row, block.m, column + j, cols);
    } else if (in_tile) {
      for (int64_t i = 0; i < block.m; ++i) copy_run(c + i * stride + j, local.tile + i * kPanel<T>, cols);
    }
  }
  if (!direct && !tiles) finish_rows(p, epilogue, block, 0, block.n);
}

// A block whose B is near, over all of k: a tile of rows goes along all columns while it is in the first cache, and
// what the next one needs is asked for meanwhile, so that A, results and residuals stream past.
template <class P>
void multiply_by_rows(const P& p, const Plan& plan, Block<typename P::T> block, const typename P::T* packed,
                      const LocalScratch<typename P::T>& local, Epilogue& epilogue) {
  using T = typename P::T;
  const int64_t most = ceil_div(block.m, ceil_div(block.m, Micro<T>::kRows)), end = block.m0 + block.m;
  const int64_t b_index = p.b_of(block.batch);
  const BBlock<T> b = plan.packing == Packing::kLocal ? p.b_block(b_index, block.n0, block.n, 0, block.k, local.b)
                                                      : packed_block(p, plan, b_index, block.n0, 0, block.k, packed);
  const int64_t steps = ceil_div(block.n, kPanel<T>) * block.k;
  for (; block.m0 < end; block.m0 += most) {
    block.m = min64(most, end - block.m0);
    Ahead ahead(steps);
    if (block.m0 + most < end) {
      const int64_t next = block.m0 + most, rows = min64(most, end - next);
      p.ask(block.batch, next, rows, &ahead);
      if (p.straight()) {
        epilogue.ask(p.epilogue_row(block.batch, next), p.output_row(block.batch, next), rows,
                     p.column(block.batch) + block.n0, block.n, &ahead);
      }
    }
    multiply_row(p, block, b, local, &ahead, epilogue);
  }
}

// Columns [g, g + width) of a block over one block of k.
template <class P>
void multiply_group(const P& p, const Plan& plan, const Block<typename P::T>& block, const ABlock<typename P::T>& a,
                    int64_t g, int64_t width, int64_t panel_rows, int64_t k0, int64_t k, const typename P::T* packed,
                    const LocalScratch<typename P::T>& local, Ahead* ahead) {
  using T = typename P::T;
  const bool accumulate = k0 > block.k0;
  const int64_t b_index = p.b_of(block.batch), stride = block.stride;
  T* c = block.c + g;
  if (plan.packing == Packing::kLocal) {
    const BBlock<T> b = p.b_block(b_index, block.n0 + g, width, k0, k, local.b);
    for (int64_t j = 0; j < width; j += kPanel<T>) {
      multiply_panel(a, block.m, panel_rows, k, b.data + j * b.column, b.row, c + j, stride,
                     min64(kPanel<T>, width - j), accumulate, local.tile, ahead);
    }
    return;
  }
  const bool panels = plan.packing == Packing::kShared || plan.packing == Packing::kReady;
  const BBlock<T> found = panels ? packed_block(p, plan, b_index, block.n0 + g, k0, k, packed) : BBlock<T>{};
  int64_t row = kPanel<T>;
  const int64_t next = panels ? kPanel<T> * found.column : kPanel<T>;
  const T* b = panels ? found.data : p.b_row(b_index, block.n0 + g, k0, &row);
  int64_t j = 0;
  for (; j + kPanel<T> <= width; j += kPanel<T>, b += next) {
    if (plan.packing == Packing::kNone) {
      multiply_panel(a, block.m, panel_rows, k, b, row, c + j, stride, kPanel<T>, accumulate, local.tile, ahead);
    } else {
      multiply_rows(a, block.m, panel_rows, k, b, row, c + j, stride, accumulate, local.b, next, ahead);
    }
  }
  if (j == width) return;
  if (panels) {
    multiply_panel(a, block.m, panel_rows, k, b, row, c + j, stride, width - j, accumulate, local.tile);
  } else {
    multiply_last_columns(p, a, block, g + j, c + j, panel_rows, k0, k, accumulate, local);
  }
}

// Asks for what is multiplied after columns up to `g` over [k0, k0 + k): more columns, or the next block of k.
template <class P>
void ask_next(const P& p, const Plan& plan, const Block<typename P::T>& block, int64_t g, int64_t k0, int64_t k,
              Ahead* ahead) {
  const bool local = plan.packing == Packing::kLocal;
  if (g < block.n) {
    if (local) p.ask_b(block.batch, block.n0 + g, min64(plan.group, block.n - g), k0, k, ahead);
    return;
  }
  const int64_t next = k0 + k, count = min64(plan.block_k, block.k0 + block.k - next);
  if (count <= 0) return;
  p.ask_a(block.batch, block.m0, block.m, next, count, ahead);
  const int64_t columns = local ? plan.group : block.n <= kAskedCols ? block.n : kPanel<typename P::T>;
  p.ask_b(block.batch, block.n0, min64(columns, block.n), next, count, ahead);
}

// Computes a block; `finish(column, columns)` is called as soon as those columns have their last addition.
template <class P, class Finish>
void multiply(const P& p, const Plan& plan, const Block<typename P::T>& block, const typename P::T* packed,
              const LocalScratch<typename P::T>& local, const Finish& finish) {
  using T = typename P::T;
  if (block.k <= 0) {
    for (int64_t i = 0; i < block.m; ++i) zero_run(block.c + i * block.stride, block.n);
    finish(0, block.n);
    return;
  }
  if (p.skinny(block, local.a)) {
    finish(0, block.n);
    return;
  }
  const int64_t panels = ceil_div(block.m, Micro<T>::kRows), panel_rows = ceil_div(block.m, panels);
  for (int64_t l = 0; l < block.k; l += plan.block_k) {
    const int64_t k0 = block.k0 + l, k = min64(plan.block_k, block.k - l);
    const ABlock<T> a = p.a_block(block.batch, block.m0, block.m, k0, k, panel_rows, block.n, local.a);
    for (int64_t g = 0; g < block.n; g += plan.group) {
      const int64_t width = min64(plan.group, block.n - g);
      Ahead ahead(ceil_div(width, kPanel<T>) * panels * k);
      ask_next(p, plan, block, g + width, k0, k, &ahead);
      multiply_group(p, plan, block, a, g, width, panel_rows, k0, k, packed, local, &ahead);
      if (l + k >= block.k) finish(g, width);
    }
  }
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
