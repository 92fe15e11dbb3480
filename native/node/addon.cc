// The binding to Node: this folder alone includes Node-API. Values are converted on the JavaScript thread, jobs run on
// the scheduler's threads, and finished jobs come back through one thread-safe function per environment. Every
// environment (main thread, worker threads) has its own state; pool, scheduler and arenas are shared by all.
#include <dlfcn.h>

#include <string>
#include <utility>

#include "cpu.h"
#include "families.h"
#include "node/environment.h"
#include "node/functions.h"
#include "pool.h"

namespace brawn {
namespace {

// Node unloads an addon with the last environment that loaded it, but our threads live on in its code.
void stay_loaded() {
  Dl_info place;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &place) == 0) return;
  dlopen(place.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}

// Once per process: what no later environment may reset.
std::string prepare_process() {
  stay_loaded();
  if (!cpu().error.empty()) return cpu().error;
  if (!registry().error().empty()) return registry().error();
  Pool::instance().set_threads(cpu().threads, usable_cpus());
  return "";
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  static const std::string* problem = new std::string(prepare_process());
  if (!problem->empty()) {
    fail(env, *problem);
    return exports;
  }
  env.SetInstanceData(new Environment(env));
  exports.Set("abi", kAbiVersion);
  const std::pair<const char*, Napi::Value (*)(const Napi::CallbackInfo&)> functions[] = {
      {"kernels", list_kernels},
      {"vmOps", list_vm_ops},
      {"cpu", describe_cpu},
      {"getThreads", get_threads},
      {"run", run},
      {"createProgram", create_program},
      {"freeMemory", free_memory},
      {"alignOffset", align_offset},
      {"allocateResult", allocate_result},
  };
  for (const auto& [name, function] : functions) exports.Set(name, Napi::Function::New(env, function, name));
  exports.Set("setThreads", Napi::Function::New(env, set_threads, "setThreads"));
  exports.Set("abort", Napi::Function::New(env, abort_run, "abort"));
  return exports;
}

}  // namespace
}  // namespace brawn

static Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) { return brawn::initialize(env, exports); }

NODE_API_MODULE(brawn, initialize_addon)
