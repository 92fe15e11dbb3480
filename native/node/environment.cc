// Jobs to the scheduler and back; see environment.h.
#include "node/environment.h"

#include <string>

namespace brawn {
namespace {

const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::kIndexOutOfRange:
      return "indexOutOfRange";
    case Fault::kNotFinite:
      return "notFinite";
    case Fault::kInvalidValue:
      return "invalidValue";
    case Fault::kDivideByZero:
      return "divideByZero";
    default:
      return "unknown";
  }
}

std::string describe(const RunResult& result, const std::string& kernel) {
  const std::string at = "instruction " + std::to_string(result.instruction) + " (" + kernel + ")";
  switch (result.outcome) {
    case Outcome::kAborted:
      return "run: aborted before " + at;
    case Outcome::kNoMemory:
      if (result.value == 0) return "run: the system refuses to start a thread";
      return "run: no memory for an arena of " + std::to_string(result.value) + " bytes";
    default:
      return "run: " + at + ": " + fault_name(result.fault) + " (value " + std::to_string(result.value) + ", limit " +
             std::to_string(result.limit) + ")";
  }
}

// Null, or what went wrong.
Napi::Value describe_failure(Napi::Env env, const Job& job) {
  const RunResult& result = job.result;
  if (result.outcome == Outcome::kDone) return env.Null();
  const auto& instructions = job.program->instructions();
  const size_t index = static_cast<size_t>(result.instruction);
  const std::string kernel = index < instructions.size() ? instructions[index].row->name : "none";
  Napi::Object error = Napi::Object::New(env);
  const bool fault = result.outcome == Outcome::kFault;
  if (fault) error.Set("fault", fault_name(result.fault));
  error.Set("kind", fault ? "fault" : result.outcome == Outcome::kAborted ? "abort" : "memory");
  error.Set("instruction", static_cast<double>(result.instruction));
  error.Set("value", static_cast<double>(result.value));
  error.Set("limit", static_cast<double>(result.limit));
  error.Set("message", describe(result, kernel));
  return error;
}

// Undefined where none were asked for.
Napi::Value list_times(Napi::Env env, const Job& job) {
  if (!job.profile) return env.Undefined();
  Napi::Float64Array times = Napi::Float64Array::New(env, job.times.size());
  for (size_t i = 0; i < job.times.size(); ++i) times[i] = static_cast<double>(job.times[i]);
  return times;
}

}  // namespace

Napi::Value describe_result(Napi::Env env, const Job& job) {
  if (job.result.outcome == Outcome::kDone && !job.profile) return Napi::Boolean::New(env, true);
  Napi::Object result = Napi::Object::New(env);
  result.Set("failure", describe_failure(env, job));
  result.Set("times", list_times(env, job));
  return result;
}

Environment::Environment(Napi::Env env) : env_(env) {
  napi_value name = Napi::String::New(env, "brawn");
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, call_back, &function_);
  napi_unref_threadsafe_function(env, function_);
  // Registered after the thread-safe function, so this hook runs before that function is torn down.
  napi_add_env_cleanup_hook(env, clean_up, this);
}

int64_t Environment::submit(std::unique_ptr<Job> job, napi_ref reference) {
  if (outstanding_++ == 0) napi_ref_threadsafe_function(env_, function_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++unfinished_;
  }
  job->owner = this;
  job->done = [this, reference](std::unique_ptr<Job> done) { finish(std::move(done), reference); };
  return Scheduler::instance().submit(std::move(job));
}

// On a runner thread, or on any thread that submits or aborts; the scheduler is locked.
void Environment::finish(std::unique_ptr<Job> job, napi_ref reference) {
  std::lock_guard<std::mutex> lock(mutex_);
  finished_.emplace_back(std::move(job), reference);
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  --unfinished_;
  changed_.notify_all();
}

void Environment::call_back(napi_env env, napi_value, void* context, void*) {
  if (env != nullptr) static_cast<Environment*>(context)->deliver();
}

void Environment::deliver() {
  std::vector<Finished> batch;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batch.swap(finished_);
  }
  for (Finished& each : batch) {
    Napi::HandleScope scope(env_);
    --outstanding_;
    deliver_one(*each.first, each.second);
  }
  if (outstanding_ == 0) napi_unref_threadsafe_function(env_, function_);
}

void Environment::deliver_one(const Job& job, napi_ref reference) {
  napi_value kept;
  napi_get_reference_value(env_, reference, &kept);
  napi_delete_reference(env_, reference);
  // A worker that is being terminated still comes by here, and can run no JavaScript any more.
  napi_value callback;
  if (napi_get_element(env_, kept, 0, &callback) != napi_ok) return;
  const napi_value result = describe_result(env_, job);
  napi_value ignored;
  const napi_status status = napi_call_function(env_, env_.Undefined(), callback, 1, &result, &ignored);
  if (status != napi_pending_exception) return;
  napi_value exception;
  napi_get_and_clear_last_exception(env_, &exception);
  napi_fatal_exception(env_, exception);
}

// The environment ends, maybe in the middle of runs: stop them, wait, and call nobody back.
void Environment::clean_up(void* data) {
  Environment* self = static_cast<Environment*>(data);
  Scheduler::instance().abort_all(self);
  {
    std::unique_lock<std::mutex> lock(self->mutex_);
    while (self->unfinished_ > 0) self->changed_.wait(lock);
  }
  for (Finished& each : self->finished_) napi_delete_reference(self->env_, each.second);
  self->finished_.clear();
  napi_release_threadsafe_function(self->function_, napi_tsfn_abort);
}

}  // namespace brawn
