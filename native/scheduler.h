// Decides when jobs run. A job is one run of a program; it starts as soon as no earlier unfinished job conflicts with
// it, that is, touches memory that one of the two writes. So read-only programs overlap and updates keep their order.
// Jobs run on runner threads, at most as many as the pool has threads; those start when needed and sleep when idle.
// Waking one takes longer than the shortest jobs do, so these may run on the thread that brings them.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "run.h"

namespace brawn {

struct Memory {
  void* data;
  int64_t bytes;
};

// Byte ranges in order, with the furthest end so far, which makes one overlap test a binary search.
class RangeSet {
 public:
  void reserve(size_t ranges) { ranges_.reserve(ranges); }
  void add(uintptr_t begin, uintptr_t end);
  void seal();
  bool overlaps(const RangeSet& other) const;

 private:
  struct Range {
    uintptr_t begin;
    uintptr_t end;
    uintptr_t furthest;
  };
  std::vector<Range> ranges_;
};

struct Job {
  std::shared_ptr<const Program> program;
  std::vector<Memory> bindings;
  bool profile = false;
  const void* owner = nullptr;  // whoever may abort it

  // Called once, on any thread, after those of the jobs this one waited for. The scheduler is locked meanwhile: pass
  // the job on and return.
  std::function<void(std::unique_ptr<Job>)> done;

  RunResult result;
  std::vector<int64_t> times;  // nanoseconds per instruction when profiled

  // The scheduler's own notes.
  std::vector<std::shared_ptr<void>> kept;
  int64_t id = 0;
  std::atomic<bool> abort{false};
  bool running = false;
  int blockers = 0;
  std::vector<Job*> dependents;
  RangeSet touched;
  RangeSet written;
};

class Scheduler {
 public:
  static Scheduler& instance();
  Scheduler(Pool& pool, ArenaPool& arenas) : pool_(pool), arenas_(arenas) {}

  // Bindings must match the program's; their memory must stay until done is called. Returns the job's number.
  int64_t submit(std::unique_ptr<Job> job);

  // Runs the job on the calling thread and gives it back finished; its own `done` is not called. With `alone` no other
  // thread takes part; else the pool's do. False, and the job is as it was, when an unfinished one conflicts with it
  // or, without `alone`, when there is any: the two would share the pool and keep the caller longer.
  bool run_here(std::unique_ptr<Job>* job, bool alone);

  // Runs the job on the calling thread with the pool's others, or waits for it where it conflicts with an unfinished
  // one, and gives it back finished; its own `done` is not called.
  void run_now(std::unique_ptr<Job>* job);

  // Lets go of `owner`, whose memory this is, once no unfinished job touches it.
  void release_after_jobs(const std::shared_ptr<void>& owner, Memory memory);

  // Ends a job that has not started and stops a running one before its next instruction, unless it is past its commit
  // start. Does nothing for a job that is finished or belongs to another owner.
  void abort(int64_t id, const void* owner);
  void abort_all(const void* owner);

 private:
  bool run_on_caller(std::unique_ptr<Job>* job, bool alone, bool undisturbed);
  void run_jobs();
  void execute(Job* job, bool alone);
  void finish(Job* job);
  void stop(Job* job);
  void summon_runners(int taken);
  void fail_ready();

  Pool& pool_;
  ArenaPool& arenas_;
  std::atomic<int> running_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  int64_t last_id_ = 0;
  std::map<int64_t, std::unique_ptr<Job>> unfinished_;  // by number, so in order of submission
  std::map<int64_t, Job*> ready_;
  int runners_ = 0;
  int idle_ = 0;
};

}  // namespace brawn
