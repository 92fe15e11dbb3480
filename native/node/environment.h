// One JavaScript thread (main thread or worker) as the scheduler sees it, and finished jobs as JavaScript sees them.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "node/values.h"

namespace brawn {

// What JavaScript is told of a finished job: true, or what went wrong and the nanoseconds per instruction that were
// asked for.
Napi::Value describe_result(Napi::Env env, const Job& job);

// What one environment needs from its start to its clean-up: finished jobs come back through its thread-safe function,
// which keeps the process alive only while jobs are outstanding.
class Environment {
 public:
  explicit Environment(Napi::Env env);

  // `reference` holds [callback, bindings]. Returns the job's number.
  int64_t submit(std::unique_ptr<Job> job, napi_ref reference);

 private:
  using Finished = std::pair<std::unique_ptr<Job>, napi_ref>;

  void finish(std::unique_ptr<Job> job, napi_ref reference);
  void deliver();
  void deliver_one(const Job& job, napi_ref reference);
  static void call_back(napi_env env, napi_value, void* context, void*);
  static void clean_up(void* data);

  Napi::Env env_;
  napi_threadsafe_function function_ = nullptr;
  int64_t outstanding_ = 0;  // submitted and not yet called back; JavaScript thread only

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t unfinished_ = 0;  // jobs the scheduler still has
  std::vector<Finished> finished_;
};

}  // namespace brawn
