// The process-wide pool of compute threads. A region is a number of tasks claimed one after another by whoever is
// free; the calling thread takes part. Workers spin for a moment after a region, because the next one usually follows
// within microseconds, and then sleep, so an idle process uses no CPU.
//
// Only one region has the workers at a time. A region entered meanwhile, by another job, runs on its calling thread
// alone: never wrong, never a deadlock, and two jobs at once keep two threads busy either way.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <type_traits>

namespace brawn {

class Pool {
 public:
  // slot tells the threads of one region apart: the caller has 0, all are below the region's limit.
  using TaskFunction = void (*)(void* context, int64_t begin, int64_t end, int slot);

  // Lives until the process ends: its threads may outlast static destructors.
  static Pool& instance();

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  // Changes the number of threads of later regions. `cpus` is how many can really run at once: with more threads
  // than that, spinning would only take time from those that work.
  void set_threads(int threads, int cpus);

  // Calls function for ranges that cover [0, tasks) on at most `limit` threads; returns when all are done.
  void run(int64_t tasks, int limit, TaskFunction function, void* context);

  template <class Body>
  void run(int64_t tasks, int limit, Body&& body) {
    run(
        tasks, limit,
        [](void* context, int64_t begin, int64_t end, int slot) {
          (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end, slot);
        },
        &body);
  }

 private:
  Pool() = default;
  void spawn_workers(int wanted);
  void wake_workers(int wanted);
  void work();
  uint64_t wait_for_region(uint64_t seen);
  int enter(uint64_t epoch);
  void leave();
  void drain(int slot);
  void wait_for_workers();

  std::atomic<int> threads_{1};
  std::atomic<int64_t> spin_nanoseconds_{0};
  std::atomic<bool> owned_{false};

  // Everything about the open region that threads must agree on, in one word; see pool.cc.
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int64_t> next_{0};

  // Written by the owner while no worker is inside; published by state_.
  alignas(64) TaskFunction function_ = nullptr;
  void* context_ = nullptr;
  int64_t tasks_ = 0;
  int64_t share_ = 1;

  // Touched by the owner of the workers only.
  int workers_ = 0;
  std::atomic<int> most_workers_{1 << 16};

  std::atomic<int> spinners_{0};
  std::atomic<int> spin_places_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
};

}  // namespace brawn
