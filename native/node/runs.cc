// Runs of programs: their arguments become jobs.
#include <string>
#include <utility>

#include "node/environment.h"
#include "node/functions.h"

namespace brawn {
namespace {

// `element` gives the binding of a number.
template <class Element>
bool read_bindings(Napi::Env env, size_t count, Element&& element, const Program& program,
                   std::vector<Memory>* bindings, std::string* error) {
  const auto& specs = program.bindings();
  if (count != specs.size()) {
    *error = "run: program has " + std::to_string(specs.size()) + " bindings but got " + std::to_string(count);
    return false;
  }
  bindings->reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Memory memory = {nullptr, 0};
    const auto name = [i] { return "run: binding " + std::to_string(i); };
    if (!read_typed_array(env, element(i), &memory)) {
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

constexpr int32_t kAlone = 0;  // as in src/runtime/addon.ts
constexpr int32_t kWait = 2;

}  // namespace

// program(place, profile, ...bindings): runs it before the call returns, or gives false.
Napi::Value run_here(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto& program = *static_cast<const std::shared_ptr<const Program>*>(info.Data());
  std::unique_ptr<Job> job(new Job);
  std::string error;
  int32_t place = 0;
  if (info.Length() < 2 || napi_get_value_int32(env, info[0], &place) != napi_ok ||
      napi_get_value_bool(env, info[1], &job->profile) != napi_ok) {
    return fail(env, "run: expected a place, and whether to take times");
  }
  const auto element = [&info](size_t i) -> napi_value { return info[i + 2]; };
  if (!read_bindings(env, info.Length() - 2, element, *program, &job->bindings, &error)) return fail(env, error);
  job->program = program;
  if (place == kWait) {
    Scheduler::instance().run_now(&job);
  } else if (!Scheduler::instance().run_here(&job, place == kAlone)) {
    return Napi::Boolean::New(env, false);
  }
  return describe_result(env, *job);
}

// run(program, bindings, profile, done): gives the number of the job.
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<const Program>* program = unwrap_program(env, info[0]);
  if (program == nullptr) return fail(env, "run: expected a program from createProgram");
  if (!info[1].IsArray()) return fail(env, "run: expected an array of typed arrays");
  if (!info[3].IsFunction()) return fail(env, "run: expected a callback");
  const Napi::Array arrays = info[1].As<Napi::Array>();
  const auto element = [&](size_t i) {
    napi_value value = nullptr;
    napi_get_element(env, arrays, static_cast<uint32_t>(i), &value);
    return value;
  };
  std::unique_ptr<Job> job(new Job);
  std::string error;
  if (!read_bindings(env, arrays.Length(), element, **program, &job->bindings, &error)) return fail(env, error);
  job->program = *program;
  job->profile = info[2].ToBoolean();
  // One reference keeps the callback and the memory of the bindings.
  Napi::Array kept = Napi::Array::New(env, 2);
  kept.Set(uint32_t{0}, info[3]);
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
