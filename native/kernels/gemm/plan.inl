// How the driver cuts a problem: blocks of rows and columns that are tasks, blocks of k inside them, and who packs B.
#pragma once
#include "kernels/gemm/epilogue.inl"
#include "kernels/gemm/pack.inl"
#include "kernels/gemm/problem.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

constexpr int64_t kTaskFlops = 1 << 20;
constexpr int64_t kMostTasks = 128;
constexpr int64_t kFewTasks = 8;           // fewer than this: shorter blocks, then a split k
constexpr int64_t kBlockRows = 120;        // rows of A per task at full depth, about 120 KB in L2
constexpr int64_t kFarBytes = 4 << 20;     // a B larger than this comes from far: fewer, taller blocks read it
constexpr int64_t kBlockCols = 1024;       // columns per task
constexpr int64_t kBlockDepth = 256;       // k per packed block
constexpr int64_t kLocalGroup = 256;       // columns of B a task packs at a time
constexpr int64_t kReduceElements = 8192;  // results per task that adds partial sums
constexpr int64_t kSharedBytes = int64_t{256} << 20;
constexpr int64_t kNearBytes = 32768;  // a B that stays in L1 whatever its order
constexpr int64_t kAskedCols = 256;    // columns of B in place that are asked for a whole block of k ahead
constexpr int64_t kNearB = 512 << 10;  // bytes of a packed B that stays in L2 while A streams past
constexpr int64_t kDotRows = 16;       // rows of A for which dot products beat packing B

enum class Packing {
  kNone,    // rows of B are used where they are
  kFirst,   // the same, and the first rows of A copy them for the others
  kShared,  // phase 0 packs for all tasks
  kLocal,   // every task packs what it needs
  kReady,   // B came as panels over all of k
};

struct Plan {
  int64_t batches, m, n, k;
  int64_t block_m, blocks_m, block_n, blocks_n, split_k, splits, block_k, blocks_k;
  int64_t batches_per_task;
  int64_t group;     // columns between two looks at the epilogue
  int64_t padded_n;  // columns of packed B
  Packing packing;
  bool in_place;  // results are summed in the output; not when its rows would share cache sets, or need an epilogue
  bool by_rows;   // B is near: tiles of rows go along all columns, over all of k
  bool by_tiles;  // every tile of results is whole after one block of k and goes through the epilogue at once
  int64_t tiles() const { return batches * blocks_m * blocks_n * splits; }
  int64_t tasks() const { return ceil_div(tiles(), batches_per_task); }
};

// Blocks of rows so that few tasks are a multiple of four, as threads mostly are: an odd one out lets all others wait.
template <class P>
int64_t balanced_rows(const Plan& plan, int64_t most_m) {
  constexpr int64_t kRows = Micro<typename P::T>::kRows;
  const int64_t others = plan.batches * plan.blocks_n, tasks = plan.blocks_m * others;
  const int64_t step = others % 4 == 0 ? 1 : others % 2 == 0 ? 2 : 4;
  const int64_t fewer = plan.blocks_m / step * step, more = round_up(plan.blocks_m, step);
  if (tasks < 3 || tasks >= 64 || fewer == more) return plan.blocks_m;
  if (tasks >= 16 && fewer > 0 && ceil_div(plan.m, fewer) <= most_m) return fewer;
  return plan.m >= more * kRows ? more : plan.blocks_m;
}

// Blocks of rows and columns for `each` tasks a batch.
template <class P>
void cut(const P& p, Plan& plan, int64_t each, double bytes) {
  using T = typename P::T;
  constexpr int64_t kRows = Micro<T>::kRows;
  const int64_t k = max64(1, min64(plan.k, kBlockDepth)), n = min64(plan.n, kBlockCols);
  const int64_t fit = min64(kBlockRows * kBlockDepth / k, kBlockRows * kBlockCols / n);
  const int64_t most_m = max64(p.block_rows(), fit) / kRows * kRows;
  plan.blocks_m = ceil_div(plan.m, most_m);
  plan.blocks_n = ceil_div(plan.n, kBlockCols);
  if (p.share_b()) {
    const int64_t least_m = bytes > kFarBytes ? p.block_rows() : kBlockRows / 2;
    plan.blocks_m = max64(plan.blocks_m, min64(each, plan.m / least_m));
    // Nothing is packed again for a smaller block of a B that is ready.
    const bool ready = p.packed_b() != nullptr;
    const int64_t least_n = plan.blocks_m * plan.batches >= kFewTasks || plan.m <= 4 ? 512
                            : ready                                                  ? 2 * kPanel<T>
                                                                                     : 128;
    plan.blocks_n = max64(plan.blocks_n, min64(ceil_div(each, plan.blocks_m), ceil_div(plan.n, least_n)));
    const int64_t missing = ceil_div(min64(kFewTasks, each), plan.batches * plan.blocks_n);
    plan.blocks_m = max64(plan.blocks_m, min64(missing, plan.m / (ready ? kRows : 2 * kRows)));
    plan.blocks_m = balanced_rows<P>(plan, most_m);
  } else {
    plan.blocks_n = max64(plan.blocks_n, min64(each, plan.n / kLocalGroup));
  }
  plan.block_m = ceil_div(plan.m, plan.blocks_m);
  plan.blocks_m = ceil_div(plan.m, plan.block_m);
  plan.block_n = round_up(ceil_div(plan.n, plan.blocks_n), kPanel<T>);
  plan.blocks_n = ceil_div(plan.n, plan.block_n);
}

template <class P>
Packing choose_packing(const P& p, const Plan& plan, int64_t tasks) {
  using T = typename P::T;
  if (p.packed_b() != nullptr) return Packing::kReady;
  if (p.rows_of_b()) return plan.k * plan.n * int64_t{sizeof(T)} <= kNearBytes ? Packing::kNone : Packing::kFirst;
  const int64_t packed = p.distinct_b() * plan.padded_n * plan.k * int64_t{sizeof(T)};
  const bool shared = p.share_b() && plan.splits == 1 && tasks > 1 && packed <= kSharedBytes &&
                      plan.blocks_m * plan.batches > p.distinct_b();
  return shared ? Packing::kShared : Packing::kLocal;
}

template <class P>
bool is_short(const P& p) {
  return Epilogue::is_short(p.epilogue(), sizeof(typename P::T), p.inputs().size, p.outputs().size);
}

// Tiles of rows along all columns, when B is near. A B that lies in rows is worth the copy when it is much smaller than
// the results.
template <class P>
void choose_by_rows(const P& p, Plan& plan) {
  constexpr int64_t kSize = sizeof(typename P::T);
  if (!p.whole_depth() || plan.splits > 1 || plan.m <= kDotRows || plan.k * plan.block_n * kSize > kNearB) return;
  if (plan.packing == Packing::kNone || plan.packing == Packing::kFirst) {
    const bool far = plan.batches * plan.m * plan.n * kSize >= kFarBytes / 2;
    if (!far || plan.k > kBlockDepth / 2 || plan.block_m < kBlockRows / 2 || (p.epilogue().far != 0 && is_short(p)))
      return;
    plan.packing = Packing::kLocal;
  }
  plan.by_rows = true;
  plan.blocks_k = 1, plan.block_k = plan.k;
  plan.group = plan.packing == Packing::kLocal ? plan.block_n : kTile;
}

template <class P>
Plan make_plan(const P& p) {
  using T = typename P::T;
  Plan plan{};
  plan.batches = p.batches();
  plan.m = p.rows(), plan.n = p.cols(), plan.k = p.depth();
  const double flops = 2.0 * plan.m * plan.n * max64(plan.k, 1);
  const double bytes = double(plan.k) * plan.n * sizeof(T);
  const double load = flops / kTaskFlops > bytes / (1 << 19) ? flops / kTaskFlops : bytes / (1 << 19);
  const int64_t wanted = max64(1, min64(kMostTasks, static_cast<int64_t>(load * plan.batches)));
  if (wanted == 1 && plan.m <= kBlockRows && plan.n <= kBlockCols) {
    plan.blocks_m = plan.blocks_n = 1;
    plan.block_m = plan.m, plan.block_n = plan.n;
  } else {
    cut(p, plan, plan.batches == 1 ? wanted : ceil_div(wanted, plan.batches), bytes);
  }

  plan.splits = 1;
  plan.split_k = plan.k;
  const int64_t tiles = plan.batches * plan.blocks_m * plan.blocks_n;
  if (p.split() && tiles < kFewTasks && wanted > tiles && plan.k >= 2 * kBlockDepth) {
    plan.splits = min64(min64(ceil_div(wanted, tiles), plan.k / kBlockDepth), 32);
    plan.split_k = round_up(ceil_div(plan.k, plan.splits), 16);
    plan.splits = ceil_div(plan.k, plan.split_k);
  }
  plan.blocks_k = ceil_div(plan.k, kBlockDepth);
  plan.block_k = plan.blocks_k <= 1 ? plan.k : round_up(ceil_div(plan.k, plan.blocks_k), 16);
  plan.batches_per_task = 1;
  if (plan.batches > 1 && plan.blocks_m * plan.blocks_n * plan.splits == 1) {
    plan.batches_per_task = max64(1, min64(plan.batches, static_cast<int64_t>(1 / load)));
  }
  plan.padded_n = round_up(plan.n, kPanel<T>);
  plan.packing = choose_packing(p, plan, plan.tasks());
  plan.group = plan.packing == Packing::kLocal ? kLocalGroup : kTile;
  choose_by_rows(p, plan);
  plan.by_tiles = !plan.by_rows && p.straight() && plan.k <= kBlockDepth && plan.m > kDotRows && is_short(p);
  const int64_t distance = Epilogue::row_distance(p.epilogue(), 0, p.columns());
  const bool conflicts =
      plan.blocks_k > 1 && plan.block_m > Micro<T>::kRows && distance * int64_t{sizeof(T)} % 4096 == 0;
  plan.in_place = p.straight() && Epilogue::is_plain(p.epilogue(), p.outputs().size) && !conflicts;
  return plan;
}

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
