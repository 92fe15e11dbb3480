// The thread pool: every task exactly once, distinct slots, regions from several threads, nesting, changing thread
// counts, and no CPU use when idle.
#include "pool.h"

#include <time.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/check.h"

using namespace brawn;

namespace {

double process_seconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void check_region(Pool& pool, int64_t tasks, int limit) {
  std::vector<int> counts(static_cast<size_t>(tasks), 0);
  std::vector<std::atomic<int>> inside(static_cast<size_t>(limit));
  for (auto& each : inside) each = 0;
  pool.run(tasks, limit, [&](int64_t begin, int64_t end, int slot) {
    CHECK(slot >= 0 && slot < limit);
    CHECK_EQ(inside[static_cast<size_t>(slot)].fetch_add(1), 0);
    for (int64_t i = begin; i < end; ++i) ++counts[static_cast<size_t>(i)];
    inside[static_cast<size_t>(slot)].fetch_sub(1);
  });
  for (int count : counts) CHECK_EQ(count, 1);
}

void test_every_task_once(Pool& pool) {
  for (int threads : {1, 2, 5, 3, 8}) {
    pool.set_threads(threads, 8);
    for (int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
      for (int round = 0; round < 20; ++round) check_region(pool, tasks, threads);
    }
  }
  pool.set_threads(4, 8);
  check_region(pool, 100, 2);
}

void test_regions_from_many_threads(Pool& pool) {
  pool.set_threads(4, 4);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&pool] {
      for (int round = 0; round < 300; ++round) check_region(pool, 1 + round % 40, 4);
    });
  }
  for (int i = 0; i < 50; ++i) pool.set_threads(1 + i % 6, 4);
  for (std::thread& caller : callers) caller.join();
}

void test_nested(Pool& pool) {
  pool.set_threads(4, 4);
  std::atomic<int64_t> total{0};
  pool.run(16, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      pool.run(10, 4, [&](int64_t b, int64_t e, int) { total += e - b; });
    }
  });
  CHECK_EQ(total.load(), 160);
}

void test_long_task_lets_owner_sleep(Pool& pool) {
  pool.set_threads(2, 2);
  std::atomic<bool> other{false};
  pool.run(2, 2, [&](int64_t begin, int64_t, int slot) {
    if (begin == 0 && slot == 0) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
      while (!other && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    } else if (slot != 0) {
      other = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
}

void test_idle_uses_no_cpu(Pool& pool) {
  pool.set_threads(4, 4);
  check_region(pool, 100, 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double before = process_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(process_seconds() - before < 0.03);
}

}  // namespace

int main() {
  Pool& pool = Pool::instance();
  test_every_task_once(pool);
  test_regions_from_many_threads(pool);
  test_nested(pool);
  test_long_task_lets_owner_sleep(pool);
  test_idle_uses_no_cpu(pool);
}
