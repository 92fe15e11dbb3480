// The one driver behind matrix products and convolutions: it cuts the work into tasks, has their blocks multiplied
// (block.inl), adds partial sums, and calls the epilogue. What a problem says of its matrices is in problem.inl.
#pragma once
#include "kernels/gemm/block.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class P>
struct Driver {
  using T = typename P::T;

  static int64_t tasks(const void* args, int phase) {
    const P p(args);
    const Plan plan = make_plan(p);
    if (phase == 0) return plan.packing == Packing::kShared ? p.distinct_b() * plan.blocks_k * pack_groups(plan) : 0;
    if (phase == 1) return plan.tasks();
    return plan.splits > 1 ? plan.batches * reduce_rows(plan) * reduce_cols(plan) : 0;
  }

  static int64_t shared_bytes(const void* args) {
    const P p(args);
    const Plan plan = make_plan(p);
    int64_t elements = 0;
    if (plan.packing == Packing::kShared) elements = p.distinct_b() * plan.padded_n * plan.k;
    if (plan.splits > 1) elements = plan.batches * plan.splits * plan.m * plan.n;
    return round_up(elements * int64_t{sizeof(T)}, 64);
  }

  static int64_t local_bytes(const void* args) {
    const P p(args);
    return local_scratch(p, make_plan(p), nullptr).bytes;
  }

  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    const P p(args);
    const Plan plan = make_plan(p);
    const LocalScratch<T> local = local_scratch(p, plan, static_cast<char*>(context.local));
    T* shared = static_cast<T*>(context.shared);
    if (phase == 0) {
      for (int64_t t = begin; t < end; ++t) pack(p, plan, t, shared);
      return;
    }
    Epilogue epilogue;
    epilogue.begin(p.epilogue(), p.inputs(), p.outputs(), p.columns(), sizeof(T), local.epilogue);
    // Rows of a panel cost more to move once more than to fetch.
    if (phase == 1 && (plan.by_rows || plan.by_tiles) && p.straight() && plan.n > kPanel<T>) {
      epilogue.stream_large(plan.batches * plan.m);
    }
    for (int64_t t = begin; t < end; ++t) {
      if (phase == 2) {
        reduce(p, plan, t, shared, local, epilogue);
        continue;
      }
      const int64_t last = min64(plan.tiles(), (t + 1) * plan.batches_per_task);
      for (int64_t tile = t * plan.batches_per_task; tile < last; ++tile) {
        compute(p, plan, tile, shared, local, epilogue);
      }
    }
    epilogue.end();
  }

 private:
  static int64_t pack_groups(const Plan& plan) { return ceil_div(plan.padded_n, 128); }

  static void pack(const P& p, const Plan& plan, int64_t task, T* shared) {
    const int64_t groups = pack_groups(plan);
    const int64_t group = task % groups, block = task / groups % plan.blocks_k, b = task / groups / plan.blocks_k;
    const int64_t k0 = block * plan.block_k, k = min64(plan.block_k, p.depth_of(b) - k0), n0 = group * 128;
    if (k <= 0) return;
    p.b_block(b, n0, min64(128, plan.n - n0), k0, k, shared + (b * plan.k + k0) * plan.padded_n + n0 * k);
  }

  static void compute(const P& p, const Plan& plan, int64_t tile, T* shared, const LocalScratch<T>& local,
                      Epilogue& epilogue) {
    const int64_t n_block = tile % plan.blocks_n, m_block = tile / plan.blocks_n % plan.blocks_m;
    const int64_t split = tile / plan.blocks_n / plan.blocks_m % plan.splits;
    Block<T> block{};
    block.batch = tile / plan.blocks_n / plan.blocks_m / plan.splits;
    block.m0 = m_block * plan.block_m, block.n0 = n_block * plan.block_n;
    block.m = min64(plan.block_m, p.rows(block.batch) - block.m0);
    block.n = min64(plan.block_n, plan.n - block.n0);
    block.k0 = split * plan.split_k;
    block.k = min64(plan.split_k, p.depth(block.batch) - block.k0);
    if (block.m <= 0) return;
    if (plan.splits > 1) {
      const int64_t row = (block.batch * plan.splits + split) * plan.m + block.m0;
      block.c = shared + row * plan.n + block.n0;
      block.stride = plan.n;
      multiply(p, plan, block, shared, local, [](int64_t, int64_t) {});
      return;
    }
    const int64_t column = p.column(block.batch) + block.n0;
    if (plan.in_place && !plan.by_rows) {
      block.stride = epilogue.row_distance(0);
      block.c = static_cast<T*>(epilogue.plain_output()) + p.output_row(block.batch, block.m0) * block.stride + column;
      multiply(p, plan, block, shared, local, [](int64_t, int64_t) {});
      return;
    }
    block.c = local.c;
    block.stride = block.n <= kTile / 2 ? block.n : block.n + kRowPad;
    epilogue.begin_batch(p.epilogue_batch(block.batch));
    if (plan.by_rows) {
      multiply_by_rows(p, plan, block, shared, local, epilogue);
      return;
    }
    if (plan.by_tiles) {
      multiply_by_tiles(p, plan, block, shared, local, epilogue);
      return;
    }
    multiply(p, plan, block, shared, local,
             [&](int64_t first, int64_t columns) { finish_rows(p, epilogue, block, first, columns); });
  }

  static int64_t reduce_width(const Plan& plan) { return min64(plan.n, kReduceElements); }
  static int64_t reduce_height(const Plan& plan) {
    return max64(1, min64(plan.m, kReduceElements / reduce_width(plan)));
  }
  static int64_t reduce_rows(const Plan& plan) { return ceil_div(plan.m, reduce_height(plan)); }
  static int64_t reduce_cols(const Plan& plan) { return ceil_div(plan.n, reduce_width(plan)); }

  static void reduce(const P& p, const Plan& plan, int64_t task, const T* shared, const LocalScratch<T>& local,
                     Epilogue& epilogue) {
    const int64_t col_block = task % reduce_cols(plan), row_block = task / reduce_cols(plan) % reduce_rows(plan);
    const int64_t batch = task / reduce_cols(plan) / reduce_rows(plan);
    const int64_t m0 = row_block * reduce_height(plan), m = min64(reduce_height(plan), p.rows(batch) - m0);
    const int64_t n0 = col_block * reduce_width(plan), n = min64(reduce_width(plan), plan.n - n0);
    for (int64_t i = 0; i < m; ++i) {
      T* to = local.c + i * n;
      const T* from = shared + (batch * plan.splits * plan.m + m0 + i) * plan.n + n0;
      copy_run(to, from, n);
      for (int64_t s = 1; s < plan.splits; ++s) {
        from += plan.m * plan.n;
        for (int64_t j = 0; j < n; ++j) to[j] += from[j];
      }
    }
    epilogue.begin_batch(p.epilogue_batch(batch));
    finish_rows(p, epilogue, {local.c, n, batch, m0, m, n0, n, 0, 0}, 0, n);
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
