// Order of conflicting jobs, overlap of the others, aborts at every stage, jobs on the calling thread, and many jobs
// at once.
#include "scheduler.h"

#include <chrono>
#include <random>
#include <thread>

#include "tests/check.h"
#include "tests/test_kernels.h"

using namespace brawn;
using namespace brawn::test;

namespace {

std::shared_ptr<const Program> build(const ProgramSpec& spec) {
  std::string error;
  std::shared_ptr<const Program> program = Program::create(spec, test::registry(), &error);
  CHECK(program != nullptr);
  return program;
}

// Collects finished jobs in the order of their completion.
class Finished {
 public:
  std::function<void(std::unique_ptr<Job>)> callback() {
    return [this](std::unique_ptr<Job> job) {
      std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back(std::move(job));
      changed_.notify_all();
    };
  }
  void wait(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (jobs_.size() < count) changed_.wait(lock);
  }
  size_t count() {
    std::lock_guard<std::mutex> lock(mutex_);
    return jobs_.size();
  }
  const Job& operator[](size_t i) {
    std::lock_guard<std::mutex> lock(mutex_);
    return *jobs_[i];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

std::unique_ptr<Job> make_job(std::shared_ptr<const Program> program, std::vector<Memory> bindings,
                              Finished* finished) {
  std::unique_ptr<Job> job(new Job);
  job->program = program;
  job->bindings = bindings;
  job->owner = finished;
  job->done = finished->callback();
  return job;
}

// Waits at a gate, then fills `y`. The gate is only read; the counter tells how often the gate was reached.
std::shared_ptr<const Program> gated_fill(int64_t value, int64_t commit) {
  ProgramSpec spec = make_spec(0, {{true, 0}, {true, 1}, {true, 2}}, {{8, false}, {8, true}, {8, true}});
  emit(&spec, "wait", {0, 0, 1, 0});
  emit(&spec, "fill", {2, 0, 1, bits(static_cast<double>(value))});
  spec.commit_start = commit;
  return build(spec);
}

struct Gate {
  std::atomic<int64_t> open{0};
  std::atomic<int64_t> waiting{0};
  std::vector<Memory> with(int64_t* y) { return {{&open, 8}, {&waiting, 8}, {y, 8}}; }
  void wait_for(int64_t count) {
    while (waiting < count) std::this_thread::yield();
  }
};

void test_ranges() {
  RangeSet a;
  a.add(0, 100);
  a.add(10, 20);
  a.add(200, 210);
  a.seal();
  const auto hit = [&a](uintptr_t begin, uintptr_t end) {
    RangeSet b;
    b.add(begin, end);
    b.seal();
    CHECK_EQ(a.overlaps(b), b.overlaps(a));
    return a.overlaps(b);
  };
  CHECK(hit(50, 60));
  CHECK(hit(99, 150));
  CHECK(!hit(100, 200));
  CHECK(hit(205, 206));
  CHECK(!hit(210, 300));
  CHECK(!hit(30, 30));
}

void test_readers_overlap_and_writers_wait(Scheduler& scheduler) {
  Finished finished;
  Gate first;
  Gate second;
  Gate third;
  int64_t y[3] = {0, 0, 0};
  scheduler.submit(make_job(gated_fill(1, 0), first.with(&y[0]), &finished));
  scheduler.submit(make_job(gated_fill(2, 0), second.with(&y[1]), &finished));
  scheduler.submit(make_job(gated_fill(3, 0), third.with(&y[0]), &finished));
  first.wait_for(1);
  second.wait_for(1);
  third.open = 1;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_EQ(third.waiting.load(), 0);
  second.open = 1;
  finished.wait(1);
  CHECK_EQ(y[1], 2);
  first.open = 1;
  finished.wait(3);
  CHECK_EQ(y[0], 3);
}

void test_aborts(Scheduler& scheduler) {
  Finished finished;
  Finished stranger;
  Gate gate;
  int64_t y = 0;
  const int64_t running = scheduler.submit(make_job(gated_fill(1, 2), gate.with(&y), &finished));
  const int64_t waiting = scheduler.submit(make_job(gated_fill(2, 2), gate.with(&y), &finished));
  scheduler.submit(make_job(gated_fill(3, 2), gate.with(&y), &finished));
  gate.wait_for(1);
  scheduler.abort(running, &stranger);
  scheduler.abort(waiting, &finished);
  finished.wait(1);
  CHECK_EQ(finished[0].id, waiting);
  CHECK(finished[0].result.outcome == Outcome::kAborted);
  scheduler.abort(running, &finished);
  gate.open = 1;
  finished.wait(3);
  CHECK_EQ(finished[1].id, running);
  CHECK(finished[1].result.outcome == Outcome::kAborted);
  CHECK_EQ(finished[1].result.instruction, 1);
  CHECK(finished[2].result.outcome == Outcome::kDone);
  CHECK_EQ(y, 3);
  scheduler.abort(running, &finished);
  scheduler.abort(12345678, &finished);
}

void test_commit_is_not_aborted(Scheduler& scheduler) {
  Finished finished;
  Gate gate;
  int64_t y = 0;
  const int64_t id = scheduler.submit(make_job(gated_fill(1, 1), gate.with(&y), &finished));
  gate.wait_for(1);
  scheduler.abort(id, &finished);
  gate.open = 1;
  finished.wait(1);
  CHECK(finished[0].result.outcome == Outcome::kDone);
  CHECK_EQ(y, 1);
}

void test_abort_all(Scheduler& scheduler) {
  Finished finished;
  Finished others;
  Gate gate;
  Gate open;
  open.open = 1;
  int64_t y = 0;
  int64_t z = 0;
  for (int i = 0; i < 10; ++i) scheduler.submit(make_job(gated_fill(i, 2), gate.with(&y), &finished));
  gate.wait_for(1);
  scheduler.submit(make_job(gated_fill(5, 2), open.with(&z), &others));
  scheduler.abort_all(&finished);
  finished.wait(9);
  gate.open = 1;
  finished.wait(10);
  others.wait(1);
  for (size_t i = 0; i < 10; ++i) CHECK(finished[i].result.outcome == Outcome::kAborted);
  CHECK_EQ(y, 0);
  CHECK_EQ(z, 5);
}

void test_here_waits_for_nobody(Scheduler& scheduler) {
  Finished finished;
  Gate gate;
  Gate open;
  open.open = 1;
  int64_t y = 0;
  int64_t z = 0;
  scheduler.submit(make_job(gated_fill(1, 0), gate.with(&y), &finished));
  gate.wait_for(1);
  auto apart = make_job(gated_fill(2, 0), open.with(&z), &finished);
  CHECK(scheduler.run_here(&apart, true));
  CHECK(apart->result.outcome == Outcome::kDone);
  CHECK_EQ(z, 2);
  auto after = make_job(gated_fill(3, 0), open.with(&y), &finished);
  CHECK(!scheduler.run_here(&after, true));
  auto together = make_job(gated_fill(4, 0), open.with(&z), &finished);
  CHECK(!scheduler.run_here(&together, false));
  CHECK_EQ(finished.count(), size_t{0});
  // Refused, they can still be submitted.
  scheduler.submit(std::move(after));
  scheduler.submit(std::move(together));
  gate.open = 1;
  finished.wait(3);
  CHECK_EQ(y, 3);
  CHECK_EQ(z, 4);
  auto free = make_job(gated_fill(5, 0), open.with(&z), &finished);
  CHECK(scheduler.run_here(&free, false));
  CHECK_EQ(z, 5);
}

void test_others_wait_for_here(Scheduler& scheduler) {
  Finished finished;
  Gate gate;
  Gate open;
  open.open = 1;
  int64_t y = 0;
  std::thread caller([&] {
    auto job = make_job(gated_fill(1, 0), gate.with(&y), &finished);
    CHECK(scheduler.run_here(&job, true));
    CHECK(job->result.outcome == Outcome::kDone);
  });
  gate.wait_for(1);
  scheduler.submit(make_job(gated_fill(2, 0), open.with(&y), &finished));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_EQ(open.waiting.load(), 0);
  gate.open = 1;
  caller.join();
  finished.wait(1);
  CHECK_EQ(y, 2);
}

// A job on the calling thread has scratch for one thread: no other may take its tasks.
void test_here_is_alone(Scheduler& scheduler) {
  std::vector<int64_t> y(64);
  const int64_t bytes = static_cast<int64_t>(y.size() * sizeof(int64_t));
  ProgramSpec spec = make_spec(0, {{true, 0}}, {{bytes, true}});
  emit(&spec, "where", {0, 0, static_cast<int64_t>(y.size())});
  Finished finished;
  auto job = make_job(build(spec), {{y.data(), bytes}}, &finished);
  CHECK(scheduler.run_here(&job, true));
  CHECK(job->result.outcome == Outcome::kDone);
  for (int64_t scratch : y) CHECK_EQ(scratch, y[0]);
}

// A job that must be over when the call returns waits for the one it conflicts with, and has all threads otherwise.
void test_now(Scheduler& scheduler) {
  Finished finished;
  Gate gate;
  Gate open;
  open.open = 1;
  int64_t y = 0;
  int64_t z = 0;
  scheduler.submit(make_job(gated_fill(1, 0), gate.with(&y), &finished));
  gate.wait_for(1);
  auto apart = make_job(gated_fill(2, 0), open.with(&z), &finished);
  scheduler.run_now(&apart);
  CHECK(apart->result.outcome == Outcome::kDone);
  CHECK_EQ(z, 2);
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    gate.open = 1;
  });
  auto after = make_job(gated_fill(3, 0), open.with(&y), &finished);
  scheduler.run_now(&after);
  CHECK(after->result.outcome == Outcome::kDone);
  CHECK_EQ(y, 3);
  opener.join();
  finished.wait(1);
}

// Memory that a job still writes to stays until it is over.
void test_release_after_jobs(Scheduler& scheduler) {
  auto finished = std::make_unique<Finished>();
  Gate gate;
  int64_t y = 0;
  int64_t z = 0;
  std::atomic<int> released{0};
  const auto owner = [&] { return std::shared_ptr<void>(&y, [&](void*) { ++released; }); };
  scheduler.submit(make_job(gated_fill(1, 0), gate.with(&y), finished.get()));
  gate.wait_for(1);
  scheduler.release_after_jobs(owner(), {&z, 8});
  CHECK_EQ(released.load(), 1);
  scheduler.release_after_jobs(owner(), {&y, 8});
  CHECK_EQ(released.load(), 1);
  gate.open = 1;
  finished->wait(1);
  finished.reset();
  CHECK_EQ(released.load(), 2);
}

void test_fault_here(Scheduler& scheduler) {
  Finished finished;
  int64_t y = 0;
  ProgramSpec spec = make_spec(0, {{true, 0}}, {{8, true}});
  emit(&spec, "fault", {0, 0, 5, 3});
  auto job = make_job(build(spec), {{&y, 8}}, &finished);
  CHECK(scheduler.run_here(&job, true));
  CHECK(job->result.outcome == Outcome::kFault);
  CHECK_EQ(job->result.value, 3);
}

// y += x for random pairs of cells gives the same as doing it in order of submission, wherever the jobs run.
void test_many_jobs(Scheduler& scheduler, int here_every) {
  constexpr int kCells = 6;
  constexpr int kJobs = 3000;
  constexpr int64_t kLength = 64;
  ProgramSpec spec = make_spec(0, {{true, 0}, {true, 1}}, {{kLength * 8, false}, {kLength * 8, true}});
  emit(&spec, "sum", {2, 0, 0, 1, 0, -1, 0, 1, 0, kLength, 1, 1, 0});
  const auto program = build(spec);
  std::vector<int64_t> cells(kCells * kLength, 1);
  std::vector<int64_t> expected = cells;
  std::mt19937 random(1);
  Finished finished;
  size_t submitted = 0;
  for (int i = 0; i < kJobs; ++i) {
    const size_t from = random() % kCells * kLength;
    const size_t to = random() % kCells * kLength;
    for (size_t k = 0; k < kLength; ++k) {
      expected[to + k] = static_cast<int64_t>(static_cast<uint64_t>(expected[from + k]) +
                                              static_cast<uint64_t>(expected[to + k]) + 1) &
                         0xffffffff;
    }
    auto job = make_job(program, {{&cells[from], kLength * 8}, {&cells[to], kLength * 8}}, &finished);
    if (here_every > 0 && i % here_every == 0 && scheduler.run_here(&job, true)) continue;
    scheduler.submit(std::move(job));
    ++submitted;
    if (i % 10 == 0) finished.wait(submitted < 100 ? 0 : submitted - 100);
  }
  finished.wait(submitted);
  for (size_t i = 0; i < cells.size(); ++i) CHECK_EQ(cells[i] & 0xffffffff, expected[i]);
}

void test_submits_and_aborts_from_threads(Scheduler& scheduler) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&scheduler, t] {
      Finished finished;
      Gate open;
      open.open = 1;
      int64_t y = 0;
      for (int i = 0; i < 300; ++i) {
        const int64_t id = scheduler.submit(make_job(gated_fill(i, 2), open.with(&y), &finished));
        if ((i + t) % 3 == 0) scheduler.abort(id, &finished);
      }
      scheduler.abort_all(&finished);
      finished.wait(300);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main() {
  Pool::instance().set_threads(4, 4);
  Scheduler& scheduler = Scheduler::instance();
  test_ranges();
  test_readers_overlap_and_writers_wait(scheduler);
  test_aborts(scheduler);
  test_commit_is_not_aborted(scheduler);
  test_abort_all(scheduler);
  test_here_waits_for_nobody(scheduler);
  test_others_wait_for_here(scheduler);
  test_now(scheduler);
  test_release_after_jobs(scheduler);
  test_fault_here(scheduler);
  test_here_is_alone(scheduler);
  test_many_jobs(scheduler, 0);
  test_many_jobs(scheduler, 2);
  test_submits_and_aborts_from_threads(scheduler);
  Pool::instance().set_threads(1, 4);
  test_many_jobs(scheduler, 3);
}
