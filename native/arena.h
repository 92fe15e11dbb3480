// Blocks of memory that programs run in, and those that their results lie in. A bounded number of idle blocks is kept
// for the next run, process-wide, because fresh memory costs a page fault per 4 KiB. Blocks are aligned to 64 bytes and
// their content is arbitrary.
#pragma once
#include <cstdint>
#include <mutex>
#include <vector>

namespace brawn {

// Asks for huge pages under the whole ones of a large piece of memory, where the system has them: one page fault
// instead of 512, and matrices are read in strides of many pages. To be called before the memory is first written.
void prefer_huge_pages(void* data, int64_t bytes);

class ArenaPool {
 public:
  struct Block {
    char* data = nullptr;
    int64_t bytes = 0;
  };

  // Keeps at most so many idle blocks of at most idle_bytes together, but always the one used last.
  explicit ArenaPool(int64_t idle_bytes, size_t idle_blocks = 16)
      : idle_limit_(idle_bytes), idle_blocks_(idle_blocks) {}
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;
  ~ArenaPool() { trim(0, 0); }

  // Allows a quarter of the memory of this machine or container to idle; never destroyed.
  static ArenaPool& instance();

  // For results, which come back in large numbers when JavaScript collects its garbage; never destroyed.
  static ArenaPool& results();

  // A block of at least `bytes`; data is null when there is no memory.
  Block acquire(int64_t bytes);
  void release(Block block);

  int64_t idle_bytes() const;

 private:
  void trim(int64_t bytes, size_t count);

  mutable std::mutex mutex_;
  std::vector<Block> idle_;  // least recently used first
  int64_t idle_bytes_ = 0;
  const int64_t idle_limit_;
  const size_t idle_blocks_;
};

}  // namespace brawn
