// Best-fit reuse of idle blocks; see arena.h.
#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "limits.h"

namespace brawn {
namespace {

constexpr int64_t kGranule = 64 * 1024;
constexpr int64_t kHugePage = 2 << 20;
constexpr int64_t kHugeBlock = 2 * kHugePage;  // smaller ones are left on ordinary pages
constexpr int64_t kLargest = int64_t{1} << 46;
constexpr int64_t kDefaultIdleLimit = int64_t{1} << 30;
constexpr int64_t kIdleResultBytes = int64_t{256} << 20;
constexpr size_t kIdleResults = 256;

int64_t choose_idle_limit() {
  const int64_t total = total_memory();
  return total < 0 ? kDefaultIdleLimit : total / 4;
}

// Null when there is no memory.
char* allocate(int64_t bytes) {
  void* data = nullptr;
  const size_t alignment = bytes < kHugeBlock ? 64 : static_cast<size_t>(kHugePage);
  if (posix_memalign(&data, alignment, static_cast<size_t>(bytes)) != 0) return nullptr;
  prefer_huge_pages(data, bytes);
  return static_cast<char*>(data);
}

}  // namespace

void prefer_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] int64_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes < kHugeBlock) return;
  const uintptr_t page = static_cast<uintptr_t>(kHugePage), at = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (at + page - 1) / page * page, end = (at + static_cast<uintptr_t>(bytes)) / page * page;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

ArenaPool& ArenaPool::instance() {
  static ArenaPool* pool = new ArenaPool(choose_idle_limit());
  return *pool;
}

ArenaPool& ArenaPool::results() {
  static ArenaPool* pool = new ArenaPool(std::min(kIdleResultBytes, choose_idle_limit()), kIdleResults);
  return *pool;
}

ArenaPool::Block ArenaPool::acquire(int64_t bytes) {
  if (bytes < 0 || bytes > kLargest) return {};
  bytes = (bytes / kGranule + 1) * kGranule;
  std::unique_lock<std::mutex> lock(mutex_);
  // A block far larger than asked for is left to the program that needs its size.
  size_t best = idle_.size();
  for (size_t i = 0; i < idle_.size(); ++i) {
    const int64_t size = idle_[i].bytes;
    if (size < bytes || size / 2 > bytes + kGranule) continue;
    if (best == idle_.size() || size <= idle_[best].bytes) best = i;
  }
  if (best < idle_.size()) {
    const Block block = idle_[best];
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(best));
    idle_bytes_ -= block.bytes;
    return block;
  }
  char* data = allocate(bytes);
  if (data == nullptr) {
    trim(0, 0);
    data = allocate(bytes);
    if (data == nullptr) return {};
  }
  return {data, bytes};
}

void ArenaPool::release(Block block) {
  if (block.data == nullptr) return;
  std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(block);
  idle_bytes_ += block.bytes;
  // The block just released stays even when it is above the limit alone: a training step needs it again at once.
  trim(idle_limit_, idle_blocks_);
}

int64_t ArenaPool::idle_bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return idle_bytes_;
}

// Frees the blocks that were used longest ago. With a positive count, the last one stays whatever its size.
void ArenaPool::trim(int64_t bytes, size_t count) {
  const size_t kept = count > 0 ? 1 : 0;
  while (idle_.size() > kept && (idle_bytes_ > bytes || idle_.size() > count)) {
    free(idle_.front().data);
    idle_bytes_ -= idle_.front().bytes;
    idle_.erase(idle_.begin());
  }
}

}  // namespace brawn
