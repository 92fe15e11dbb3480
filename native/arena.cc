// Best-fit reuse of idle blocks; see arena.h.
#include "arena.h"

#include <cstdlib>

#include "limits.h"

namespace brawn {
namespace {

constexpr int64_t kGranule = 64 * 1024;
constexpr int64_t kLargest = int64_t{1} << 46;
constexpr size_t kMostIdle = 16;
constexpr int64_t kDefaultIdleLimit = int64_t{1} << 30;

int64_t choose_idle_limit() {
  const int64_t total = total_memory();
  return total < 0 ? kDefaultIdleLimit : total / 4;
}

}  // namespace

ArenaPool& ArenaPool::instance() {
  static ArenaPool* pool = new ArenaPool(choose_idle_limit());
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
  void* data = nullptr;
  if (posix_memalign(&data, 64, static_cast<size_t>(bytes)) != 0) {
    trim(0, 0);
    if (posix_memalign(&data, 64, static_cast<size_t>(bytes)) != 0) return {};
  }
  return {static_cast<char*>(data), bytes};
}

void ArenaPool::release(Block block) {
  if (block.data == nullptr) return;
  std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(block);
  idle_bytes_ += block.bytes;
  // The block just released stays even when it is above the limit alone: a training step needs it again at once.
  trim(idle_limit_, kMostIdle);
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
