// The pool of compute threads; see pool.h.
//
// state_ holds, from the low end: how many workers are inside the region (16 bits), how many more may enter (16), open,
// owner-is-waiting, and the region's number (30). A worker enters by compare-and-swap while the region is open, so it
// can never touch the fields of a region that has ended: the owner closes it, waits for the workers inside, and only
// then writes the next one.
#include "pool.h"

#include <chrono>

#include "thread.h"

namespace brawn {
namespace {

constexpr uint64_t kInside = 0xffff;
constexpr uint64_t kPlace = uint64_t{1} << 16;
constexpr uint64_t kPlaces = uint64_t{0xffff} << 16;
constexpr uint64_t kOpen = uint64_t{1} << 32;
constexpr uint64_t kOwnerWaits = uint64_t{1} << 33;
constexpr int kEpochShift = 34;

// Longer than the gap between two kernels of a program, shorter than anyone watching CPU use would notice.
constexpr int64_t kSpinNanoseconds = 1'000'000;
constexpr int64_t kOwnerSpinNanoseconds = 100'000;

uint64_t epoch_of(uint64_t state) { return state >> kEpochShift; }

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Spins until ready() or the time is up; the clock is read rarely because it costs as much as many polls.
template <class Ready>
bool spin_until(int64_t nanoseconds, Ready&& ready) {
  if (nanoseconds <= 0) return ready();
  const int64_t deadline = now() + nanoseconds;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      spin_pause();
    }
  } while (now() < deadline);
  return false;
}

}  // namespace

Pool& Pool::instance() {
  static Pool* pool = new Pool;
  return *pool;
}

void Pool::set_threads(int threads, int cpus) {
  most_workers_.store(1 << 16, std::memory_order_relaxed);
  spin_nanoseconds_.store(threads <= cpus ? kSpinNanoseconds : 0, std::memory_order_relaxed);
  threads_.store(threads, std::memory_order_relaxed);
}

void Pool::run(int64_t tasks, int limit, TaskFunction function, void* context) {
  if (tasks <= 0) return;
  if (limit > threads()) limit = threads();
  if (limit > tasks) limit = static_cast<int>(tasks);
  if (limit <= 1 || owned_.exchange(true, std::memory_order_acquire)) {
    function(context, 0, tasks, 0);
    return;
  }
  const int places = limit - 1;
  spawn_workers(places);
  function_ = function;
  context_ = context;
  tasks_ = tasks;
  share_ = int64_t{4} * limit;
  next_.store(0, std::memory_order_relaxed);
  spin_places_.store(places, std::memory_order_relaxed);
  const uint64_t epoch = epoch_of(state_.load(std::memory_order_relaxed)) + 1;
  state_.store(epoch << kEpochShift | kOpen | places * kPlace, std::memory_order_seq_cst);
  wake_workers(places);
  drain(0);
  wait_for_workers();
  owned_.store(false, std::memory_order_release);
}

void Pool::spawn_workers(int wanted) {
  if (wanted > most_workers_.load(std::memory_order_relaxed)) wanted = most_workers_.load(std::memory_order_relaxed);
  while (workers_ < wanted) {
    if (!start_thread([](void* pool) { static_cast<Pool*>(pool)->work(); }, this, "brawn-worker")) {
      // Asking again at every region would cost more than the missing thread.
      most_workers_.store(workers_, std::memory_order_relaxed);
      return;
    }
    ++workers_;
  }
}

void Pool::wake_workers(int wanted) {
  const int sleepers = sleepers_.load(std::memory_order_seq_cst);
  wanted -= workers_ - sleepers;
  if (sleepers == 0 || wanted <= 0) return;
  // Taking the lock makes a worker either see the new region before it waits, or be waiting when notified.
  { std::lock_guard<std::mutex> lock(mutex_); }
  if (wanted >= sleepers) {
    wake_.notify_all();
  } else {
    while (wanted-- > 0) wake_.notify_one();
  }
}

// Claims a shrinking share of what is left: few claims at the start, a balanced finish at the end.
void Pool::drain(int slot) {
  int64_t begin = next_.load(std::memory_order_relaxed);
  while (begin < tasks_) {
    const int64_t share = (tasks_ - begin) / share_;
    const int64_t end = begin + (share > 1 ? share : 1);
    if (!next_.compare_exchange_weak(begin, end, std::memory_order_relaxed)) continue;
    function_(context_, begin, end, slot);
    begin = next_.load(std::memory_order_relaxed);
  }
}

void Pool::wait_for_workers() {
  const auto empty = [this] { return (state_.load(std::memory_order_acquire) & kInside) == 0; };
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const bool may_spin = spin_nanoseconds_.load(std::memory_order_relaxed) > 0;
  if (spin_until(may_spin ? kOwnerSpinNanoseconds : 0, empty)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  state_.fetch_or(kOwnerWaits, std::memory_order_acq_rel);
  while (!empty()) left_.wait(lock);
}

void Pool::work() {
  uint64_t seen = 0;
  for (;;) {
    seen = wait_for_region(seen);
    const int slot = enter(seen);
    if (slot == 0) continue;
    drain(slot);
    leave();
  }
}

// Returns the number of a region other than `seen`.
uint64_t Pool::wait_for_region(uint64_t seen) {
  const auto epoch = [this] { return epoch_of(state_.load(std::memory_order_seq_cst)); };
  const int others = spinners_.fetch_add(1, std::memory_order_relaxed);
  bool found = false;
  if (others < spin_places_.load(std::memory_order_relaxed)) {
    found = spin_until(spin_nanoseconds_.load(std::memory_order_relaxed), [&] { return epoch() != seen; });
  }
  spinners_.fetch_sub(1, std::memory_order_relaxed);
  if (found) return epoch();
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (epoch() == seen) wake_.wait(lock);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  return epoch();
}

// The slot of the calling worker in the region; 0 when it has closed, is full or is another one by now.
int Pool::enter(uint64_t epoch) {
  uint64_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    if (epoch_of(state) != epoch || (state & kOpen) == 0 || (state & kPlaces) == 0) return 0;
    if (state_.compare_exchange_weak(state, state - kPlace + 1, std::memory_order_acq_rel)) {
      return static_cast<int>((state & kPlaces) / kPlace);
    }
  }
}

void Pool::leave() {
  const uint64_t before = state_.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & kInside) != 1 || (before & kOwnerWaits) == 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  left_.notify_one();
}

}  // namespace brawn
