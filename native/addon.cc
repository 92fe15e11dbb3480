// The binding to Node: the only file that includes Node-API. Values are converted on the JavaScript thread, jobs run
// on the scheduler's threads, and finished jobs come back through one thread-safe function per environment, which
// keeps the process alive only while jobs are outstanding. Every environment (main thread, worker threads) has its own
// state; pool, scheduler and arenas are shared by all.
#include <dlfcn.h>
// When a worker ends while a value is made for it, the failure has nowhere to be thrown.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "arena.h"
#include "cpu.h"
#include "families.h"
#include "limits.h"
#include "scheduler.h"

namespace brawn {
namespace {

constexpr napi_type_tag kProgramTag = {0x627261776e2d7072, 0x6f6772616d2d3031};

// What one environment needs from its start to its clean-up.
class Environment {
 public:
  explicit Environment(Napi::Env env) : env_(env) {
    napi_value name = Napi::String::New(env, "brawn");
    napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, call_back, &function_);
    napi_unref_threadsafe_function(env, function_);
    // Registered after the thread-safe function, so this hook runs before that function is torn down.
    napi_add_env_cleanup_hook(env, clean_up, this);
  }

  int64_t submit(std::unique_ptr<Job> job, napi_ref reference) {
    if (outstanding_++ == 0) napi_ref_threadsafe_function(env_, function_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++unfinished_;
    }
    job->owner = this;
    job->done = [this, reference](std::unique_ptr<Job> done) { finish(std::move(done), reference); };
    return Scheduler::instance().submit(std::move(job));
  }

 private:
  using Finished = std::pair<std::unique_ptr<Job>, napi_ref>;

  // On a runner thread, or on any thread that submits or aborts; the scheduler is locked.
  void finish(std::unique_ptr<Job> job, napi_ref reference) {
    std::lock_guard<std::mutex> lock(mutex_);
    finished_.emplace_back(std::move(job), reference);
    napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
    --unfinished_;
    changed_.notify_all();
  }

  static void call_back(napi_env env, napi_value, void* context, void*) {
    if (env != nullptr) static_cast<Environment*>(context)->deliver();
  }

  void deliver() {
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

  void deliver_one(const Job& job, napi_ref reference);

  // The environment ends, maybe in the middle of runs: stop them, wait, and call nobody back.
  static void clean_up(void* data) {
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

  Napi::Env env_;
  napi_threadsafe_function function_ = nullptr;
  int64_t outstanding_ = 0;  // submitted and not yet called back; JavaScript thread only

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t unfinished_ = 0;  // jobs the scheduler still has
  std::vector<Finished> finished_;
};

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

Napi::Value describe_result(Napi::Env env, const Job& job) {
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

Napi::Value list_times(Napi::Env env, const Job& job) {
  if (!job.profile) return env.Undefined();
  Napi::Float64Array times = Napi::Float64Array::New(env, job.times.size());
  for (size_t i = 0; i < job.times.size(); ++i) times[i] = static_cast<double>(job.times[i]);
  return times;
}

void Environment::deliver_one(const Job& job, napi_ref reference) {
  napi_value kept;
  napi_get_reference_value(env_, reference, &kept);
  napi_delete_reference(env_, reference);
  // A worker that is being terminated still comes by here, and can run no JavaScript any more.
  napi_value callback;
  if (napi_get_element(env_, kept, 0, &callback) != napi_ok) return;
  const napi_value arguments[] = {describe_result(env_, job), list_times(env_, job)};
  napi_value ignored;
  const napi_status status = napi_call_function(env_, env_.Undefined(), callback, 2, arguments, &ignored);
  if (status != napi_pending_exception) return;
  napi_value exception;
  napi_get_and_clear_last_exception(env_, &exception);
  napi_fatal_exception(env_, exception);
}

Napi::Value fail(Napi::Env env, const std::string& message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// ---- programs

bool read_numbers(const Napi::Object& from, const char* name, std::vector<int64_t>* numbers, std::string* error) {
  const Napi::Value value = from.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    *error = "program: " + std::string(name) + " must be a Float64Array";
    return false;
  }
  const Napi::Float64Array array = value.As<Napi::Float64Array>();
  for (size_t i = 0; i < array.ElementLength(); ++i) {
    const double number = array[i];
    if (!(number >= -9007199254740991.0 && number <= 9007199254740991.0)) {
      *error = "program: " + std::string(name) + "[" + std::to_string(i) + "] is not an integer";
      return false;
    }
    numbers->push_back(static_cast<int64_t>(number));
  }
  if (numbers->size() % 2 == 0) return true;
  *error = "program: " + std::string(name) + " must hold pairs";
  return false;
}

bool read_number(const Napi::Object& from, const char* name, int64_t* number, std::string* error) {
  const Napi::Value value = from.Get(name);
  const double read = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (read >= 0 && read <= 9007199254740991.0) {
    *number = static_cast<int64_t>(read);
    return true;
  }
  *error = "program: " + std::string(name) + " must be a non-negative integer";
  return false;
}

bool read_spec(const Napi::Object& from, ProgramSpec* spec, std::string* error) {
  std::vector<int64_t> buffers;
  std::vector<int64_t> bindings;
  if (!read_number(from, "abi", &spec->abi, error) || !read_number(from, "arenaBytes", &spec->arena_bytes, error) ||
      !read_number(from, "commitStart", &spec->commit_start, error) ||
      !read_numbers(from, "buffers", &buffers, error) || !read_numbers(from, "bindings", &bindings, error)) {
    return false;
  }
  for (size_t i = 0; i < buffers.size(); i += 2) spec->buffers.push_back({buffers[i] == 1, buffers[i + 1]});
  for (size_t i = 0; i < bindings.size(); i += 2) spec->bindings.push_back({bindings[i], bindings[i + 1] != 0});
  const Napi::Value code = from.Get("code");
  if (!code.IsArrayBuffer() || code.As<Napi::ArrayBuffer>().ByteLength() % 8 != 0) {
    *error = "program: code must be an ArrayBuffer of 64-bit words";
    return false;
  }
  Napi::ArrayBuffer words = code.As<Napi::ArrayBuffer>();
  spec->code.resize(words.ByteLength() / 8);
  if (!spec->code.empty()) memcpy(spec->code.data(), words.Data(), words.ByteLength());
  return true;
}

using ProgramHandle = std::shared_ptr<const Program>;

void drop_program(napi_env env, void* data, void*) {
  ProgramHandle* handle = static_cast<ProgramHandle*>(data);
  int64_t total;
  napi_adjust_external_memory(env, -(*handle)->own_bytes(), &total);
  delete handle;
}

Napi::Value create_program(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) return fail(env, "createProgram: expected an object");
  ProgramSpec spec;
  std::string error;
  if (!read_spec(info[0].As<Napi::Object>(), &spec, &error)) {
    return env.IsExceptionPending() ? env.Undefined() : fail(env, error);
  }
  ProgramHandle program = Program::create(std::move(spec), registry(), &error);
  if (program == nullptr) return fail(env, error);
  Napi::Object object = Napi::Object::New(env);
  object.Set("scratchBytes", static_cast<double>(program->scratch_bytes(Pool::instance().threads())));
  ProgramHandle* handle = new ProgramHandle(program);
  if (napi_wrap(env, object, handle, drop_program, nullptr, nullptr) != napi_ok) {
    delete handle;
    return fail(env, "createProgram: cannot attach the program");
  }
  napi_type_tag_object(env, object, &kProgramTag);
  int64_t total;
  napi_adjust_external_memory(env, program->own_bytes(), &total);
  return object;
}

// ---- runs

const ProgramHandle* unwrap_program(Napi::Env env, Napi::Value value) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(env, value, &kProgramTag, &tagged) != napi_ok || !tagged) {
    return nullptr;
  }
  return napi_unwrap(env, value, &data) == napi_ok ? static_cast<ProgramHandle*>(data) : nullptr;
}

int64_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;
  }
}

// Works for arrays over shared memory too, which Napi::TypedArray does not promise.
bool read_typed_array(napi_env env, napi_value value, Memory* memory) {
  napi_typedarray_type type;
  size_t length = 0;
  if (napi_get_typedarray_info(env, value, &type, &length, &memory->data, nullptr, nullptr) != napi_ok) return false;
  memory->bytes = static_cast<int64_t>(length) * element_bytes(type);
  return true;
}

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
  const ProgramHandle* program = unwrap_program(env, info[0]);
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

// ---- facts

Napi::Value list_kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto& kernels = registry().kernels();
  Napi::Array list = Napi::Array::New(env, kernels.size());
  for (size_t i = 0; i < kernels.size(); ++i) {
    const KernelRow& row = *kernels[i].row;
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", row.name);
    entry.Set("variant", row.variant);
    entry.Set("isa", kernels[i].isa);
    entry.Set("operands", row.operands);
    entry.Set("params", row.params);
    entry.Set("phases", row.phases);
    list.Set(static_cast<uint32_t>(i), entry);
  }
  return list;
}

Napi::Value list_vm_ops(const Napi::CallbackInfo& info) {
  const VmTable table = vm_operations();
  Napi::Array names = Napi::Array::New(info.Env(), static_cast<size_t>(table.count));
  for (int i = 0; i < table.count; ++i) names.Set(static_cast<uint32_t>(i), table.ops[i].name);
  return names;
}

Napi::Value describe_cpu(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Cpu& facts = cpu();
  Napi::Object object = Napi::Object::New(env);
  Napi::Array available = Napi::Array::New(env, facts.available.size());
  for (size_t i = 0; i < facts.available.size(); ++i) {
    available.Set(static_cast<uint32_t>(i), isa_name(facts.available[i]));
  }
  object.Set("isa", isa_name(facts.isa));
  object.Set("available", available);
  object.Set("arch", facts.arch);
  if (!facts.model.empty()) object.Set("model", facts.model);
  object.Set("affinity", facts.affinity);
  object.Set("quota", facts.quota);
  object.Set("threads", facts.threads);
  return object;
}

Napi::Value get_threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Pool::instance().threads());
}

int usable_cpus() { return detect_cpu(nullptr, nullptr).threads; }

void set_threads(const Napi::CallbackInfo& info) {
  const double wanted = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(wanted >= 1 && wanted <= kMaxThreads) || wanted != static_cast<int>(wanted)) {
    const std::string message = "setThreads: expected an integer from 1 to " + std::to_string(kMaxThreads);
    Napi::RangeError::New(info.Env(), message).ThrowAsJavaScriptException();
    return;
  }
  Pool::instance().set_threads(static_cast<int>(wanted), usable_cpus());
}

Napi::Value free_memory(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(available_memory()));
}

Napi::Value align_offset(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Memory memory = {nullptr, 0};
  if (info[0].IsArrayBuffer()) {
    memory.data = info[0].As<Napi::ArrayBuffer>().Data();
  } else if (!info[0].IsTypedArray() || !read_typed_array(env, info[0], &memory)) {
    return fail(env, "alignOffset: expected an ArrayBuffer or a typed array");
  }
  const int64_t alignment = info[1].IsNumber() ? info[1].As<Napi::Number>().Int64Value() : 0;
  if (alignment < 1 || (alignment & (alignment - 1)) != 0) {
    return fail(env, "alignOffset: alignment must be a power of two");
  }
  const uintptr_t over = reinterpret_cast<uintptr_t>(memory.data) & static_cast<uintptr_t>(alignment - 1);
  return Napi::Number::New(env, over == 0 ? 0 : static_cast<double>(alignment - static_cast<int64_t>(over)));
}

// A result's memory, which goes back to its pool when JavaScript has let go of it. An environment that ends may drop it
// while a job still runs.
struct ResultMemory {
  std::shared_ptr<void> owner;
  Memory memory;

  static void let_go(napi_env, void*, void* hint) {
    const std::unique_ptr<ResultMemory> self(static_cast<ResultMemory*>(hint));
    Scheduler::instance().release_after_jobs(self->owner, self->memory);
  }
};

// allocateResult(bytes): an ArrayBuffer of arbitrary content, or undefined where there is no memory or this runtime
// wants all buffers to be its own.
Napi::Value allocate_result(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t bytes = info[0].IsNumber() ? info[0].As<Napi::Number>().Int64Value() : -1;
  const ArenaPool::Block block = ArenaPool::results().acquire(bytes);
  if (block.data == nullptr) return env.Undefined();
  std::shared_ptr<void> owner(block.data, [block](void*) { ArenaPool::results().release(block); });
  auto result = std::make_unique<ResultMemory>(ResultMemory{std::move(owner), {block.data, bytes}});
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env, block.data, static_cast<size_t>(bytes),
                                                              ResultMemory::let_go, result.get(), &buffer);
  if (status != napi_ok) return env.Undefined();
  static_cast<void>(result.release());
  return Napi::Value(env, buffer);
}

// ---- start

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
      {"runSync", run_sync},
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
