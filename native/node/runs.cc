// Runs of programs: their arguments become jobs.
#include <string>
#include <utility>

#include "node/environment.h"
#include "node/functions.h"

namespace brawn {
namespace {

bool read_bindings(Napi::Env env, const Napi::Array& arrays, const Program& program, std::vector<Memory>* bindings,
                   std::string* error) {
  const auto& specs = program.bindings();
  if (arrays.Length() != specs.size()) {
    *error =
        "run: program has " + std::to_string(specs.size()) + " bindings but got " + std::to_string(arrays.Length());
    return false;
  }
  bindings->reserve(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    napi_value element;
    Memory memory = {nullptr, 0};
    const auto name = [i] { return "run: binding " + std::to_string(i); };
    if (napi_get_element(env, arrays, static_cast<uint32_t>(i), &element) != napi_ok ||
        !read_typed_array(env, element, &memory)) {
      *error = name() + " is not a typed array";
      return false;
    }
    if (memory.bytes < specs[i].min_bytes) {
      *error =
          name() + " needs " + std::to_string(specs[i].min_bytes) + " bytes but has " + std::to_string(memory.bytes);
      return false;
    }
    bindings->push_back(memory);
  }
  return true;
}

// The job for a program and its bindings; null, with an exception pending, when they are wrong.
std::unique_ptr<Job> make_job(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::unique_ptr<Job> job(new Job);
  std::string error;
  const std::shared_ptr<const Program>* program = unwrap_program(env, info[0]);
  if (program == nullptr) {
    error = "run: expected a program from createProgram";
  } else if (!info[1].IsArray()) {
    error = "run: expected an array of typed arrays";
  } else if (read_bindings(env, info[1].As<Napi::Array>(), **program, &job->bindings, &error)) {
    job->program = *program;
    job->profile = info[2].ToBoolean();
    return job;
  }
  fail(env, error);
  return nullptr;
}

}  // namespace

// runSync(program, bindings, profile): runs it before the call returns; gives [failure or null, times].
Napi::Value run_sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::unique_ptr<Job> job = make_job(info);
  if (job == nullptr) return env.Undefined();
  Scheduler::instance().run_now(&job);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(uint32_t{0}, describe_result(env, *job));
  result.Set(uint32_t{1}, list_times(env, *job));
  return result;
}

Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[4].IsFunction()) return fail(env, "run: expected a callback");
  std::unique_ptr<Job> job = make_job(info);
  if (job == nullptr) return env.Undefined();
  const int64_t here = info[3].ToNumber().Int64Value();
  if (here != 0 && Scheduler::instance().run_here(&job, here == 1)) {
    info[4].As<Napi::Function>().Call({describe_result(env, *job), list_times(env, *job)});
    return Napi::Number::New(env, 0);
  }
  // One reference keeps the callback and the memory of the bindings.
  Napi::Array kept = Napi::Array::New(env, 2);
  kept.Set(uint32_t{0}, info[4]);
  kept.Set(uint32_t{1}, info[1]);
  napi_ref reference;
  if (napi_create_reference(env, kept, 1, &reference) != napi_ok) return fail(env, "run: cannot keep the bindings");
  Environment* environment = env.GetInstanceData<Environment>();
  return Napi::Number::New(env, static_cast<double>(environment->submit(std::move(job), reference)));
}

void abort_run(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return;
  const int64_t id = info[0].As<Napi::Number>().Int64Value();
  Scheduler::instance().abort(id, info.Env().GetInstanceData<Environment>());
}

}  // namespace brawn
