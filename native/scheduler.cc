// Conflicts, the queue and the runner threads; see scheduler.h.
#include "scheduler.h"

#include <algorithm>

#include "thread.h"

namespace brawn {

void RangeSet::add(uintptr_t begin, uintptr_t end) {
  if (begin < end) ranges_.push_back({begin, end, end});
}

void RangeSet::seal() {
  std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  uintptr_t furthest = 0;
  for (Range& range : ranges_) range.furthest = furthest = std::max(furthest, range.end);
}

bool RangeSet::overlaps(const RangeSet& other) const {
  if (ranges_.empty()) return false;
  for (const Range& range : other.ranges_) {
    const auto after = std::lower_bound(ranges_.begin(), ranges_.end(), range.end,
                                        [](const Range& a, uintptr_t end) { return a.begin < end; });
    if (after != ranges_.begin() && std::prev(after)->furthest > range.begin) return true;
  }
  return false;
}

namespace {

bool conflict(const Job& a, const Job& b) { return a.touched.overlaps(b.written) || b.touched.overlaps(a.written); }

void collect_ranges(Job* job) {
  job->touched = job->written = RangeSet();
  job->touched.reserve(job->bindings.size());
  for (size_t i = 0; i < job->bindings.size(); ++i) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(job->bindings[i].data);
    const uintptr_t end = begin + static_cast<uintptr_t>(job->bindings[i].bytes);
    job->touched.add(begin, end);
    if (job->program->bindings()[i].writes) job->written.add(begin, end);
  }
  job->touched.seal();
  job->written.seal();
}

}  // namespace

Scheduler& Scheduler::instance() {
  static Scheduler* scheduler = new Scheduler(Pool::instance(), ArenaPool::instance());
  return *scheduler;
}

int64_t Scheduler::submit(std::unique_ptr<Job> job) {
  collect_ranges(job.get());
  std::lock_guard<std::mutex> lock(mutex_);
  Job* added = job.get();
  const int64_t id = added->id = ++last_id_;
  for (auto& entry : unfinished_) {
    if (!conflict(*entry.second, *added)) continue;
    entry.second->dependents.push_back(added);
    ++added->blockers;
  }
  unfinished_.emplace(id, std::move(job));
  if (added->blockers == 0) ready_.emplace(id, added);
  summon_runners(0);
  if (runners_ == 0) fail_ready();
  return id;
}

bool Scheduler::run_here(std::unique_ptr<Job>* job, bool alone) { return run_on_caller(job, alone, !alone); }

void Scheduler::run_now(std::unique_ptr<Job>* job) {
  if (run_on_caller(job, false, false)) return;
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  (*job)->done = [&](std::unique_ptr<Job> done) {
    std::lock_guard<std::mutex> lock(mutex);
    *job = std::move(done);
    finished = true;
    changed.notify_one();
  };
  submit(std::move(*job));
  std::unique_lock<std::mutex> lock(mutex);
  while (!finished) changed.wait(lock);
}

// With `alone` nobody else takes tasks of the job; else it counts among the running ones and has the pool's threads.
// With `undisturbed` it does not run beside others.
bool Scheduler::run_on_caller(std::unique_ptr<Job>* job, bool alone, bool undisturbed) {
  Job* added = job->get();
  collect_ranges(added);
  std::unique_lock<std::mutex> lock(mutex_);
  if (undisturbed && !unfinished_.empty()) return false;
  for (const auto& entry : unfinished_) {
    if (conflict(*entry.second, *added)) return false;
  }
  // Jobs that come meanwhile, from other threads, may have to wait for this one.
  added->id = ++last_id_;
  added->running = true;
  added->done = [job](std::unique_ptr<Job> finished) { *job = std::move(finished); };
  unfinished_.emplace(added->id, std::move(*job));
  if (!alone) ++running_;
  lock.unlock();
  execute(added, alone);
  lock.lock();
  if (!alone) --running_;
  finish(added);
  summon_runners(0);
  if (runners_ == 0) fail_ready();
  return true;
}

void Scheduler::release_after_jobs(const std::shared_ptr<void>& owner, Memory memory) {
  RangeSet range;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory.data);
  range.add(begin, begin + static_cast<uintptr_t>(memory.bytes));
  range.seal();
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto& entry : unfinished_) {
    if (entry.second->touched.overlaps(range)) entry.second->kept.push_back(owner);
  }
}

// Without a single thread to run on, jobs would wait for ever.
void Scheduler::fail_ready() {
  while (!ready_.empty()) {
    Job* job = ready_.begin()->second;
    ready_.erase(ready_.begin());
    job->result.outcome = Outcome::kNoMemory;
    finish(job);
  }
}

// Wakes or starts runners for the jobs that are ready, except for those the caller is about to take itself. Called
// with the lock held.
void Scheduler::summon_runners(int taken) {
  const int most = pool_.threads();
  const int64_t waiting = static_cast<int64_t>(ready_.size()) - taken;
  const int wanted = static_cast<int>(std::min<int64_t>(waiting, most - running_.load()));
  for (int i = 0; i < std::min(wanted, idle_); ++i) wake_.notify_one();
  for (int missing = wanted - idle_; missing > 0 && runners_ < most; --missing) {
    const auto body = [](void* scheduler) { static_cast<Scheduler*>(scheduler)->run_jobs(); };
    if (!start_thread(body, this, "brawn-runner")) return;
    ++runners_;
  }
}

void Scheduler::run_jobs() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    while (ready_.empty() || running_.load() >= pool_.threads()) {
      ++idle_;
      wake_.wait(lock);
      --idle_;
    }
    Job* job = ready_.begin()->second;
    ready_.erase(ready_.begin());
    job->running = true;
    ++running_;
    lock.unlock();
    execute(job, false);
    lock.lock();
    --running_;
    finish(job);
    summon_runners(1);
  }
}

void Scheduler::execute(Job* job, bool alone) {
  std::vector<void*> addresses;
  addresses.reserve(job->bindings.size());
  for (const Memory& memory : job->bindings) addresses.push_back(memory.data);
  RunOptions options;
  options.abort = &job->abort;
  options.active = alone ? nullptr : &running_;  // a job that runs alone is not among the running ones
  options.alone = alone;
  options.times = job->profile ? &job->times : nullptr;
  job->result = run_program(*job->program, addresses.data(), options, pool_, arenas_);
}

// Takes a job out, hands it back and releases those that waited for it. Called with the lock held, so that jobs are
// handed back in the order in which they depend on each other.
void Scheduler::finish(Job* job) {
  for (Job* dependent : job->dependents) {
    if (--dependent->blockers == 0) ready_.emplace(dependent->id, dependent);
  }
  const auto place = unfinished_.find(job->id);
  std::unique_ptr<Job> finished = std::move(place->second);
  unfinished_.erase(place);
  const auto done = std::move(finished->done);
  done(std::move(finished));
}

// Takes out a job that has not started; one that runs is only told to stop. Called with the lock held.
void Scheduler::stop(Job* job) {
  job->abort.store(true, std::memory_order_relaxed);
  if (job->running) return;
  ready_.erase(job->id);
  for (auto& entry : unfinished_) {
    auto& waiting = entry.second->dependents;
    waiting.erase(std::remove(waiting.begin(), waiting.end(), job), waiting.end());
  }
  job->result.outcome = Outcome::kAborted;
  finish(job);
}

void Scheduler::abort(int64_t id, const void* owner) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto place = unfinished_.find(id);
  if (place == unfinished_.end() || place->second->owner != owner) return;
  stop(place->second.get());
  summon_runners(0);
}

void Scheduler::abort_all(const void* owner) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Job*> jobs;
  for (const auto& entry : unfinished_) {
    if (entry.second->owner == owner) jobs.push_back(entry.second.get());
  }
  // Last first: a job that waits for another of the same owner must not start when that one is stopped.
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) stop(*job);
  summon_runners(0);
}

}  // namespace brawn
