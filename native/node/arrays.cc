// Arrays of JavaScript as memory, and memory as arrays.
#include <algorithm>
#include <vector>

#include "arena.h"
#include "node/functions.h"

namespace brawn {
namespace {

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

// A result's memory, which goes back to its pool when JavaScript has let go of it. An environment that ends may drop it
// while a job still runs.
//
// V8 starts a full collection for every 64 MiB of buffers that it counts. The latest results of a thread are taken off
// its count, up to kUncountedBytes: most of them die young. Those that are older are put on it again.
struct ResultMemory {
  std::shared_ptr<void> owner;
  Memory memory;
  bool is_counted = true;

  void take_off_count(napi_env env) {
    while (!uncounted.empty() && uncounted_bytes + memory.bytes > kUncountedBytes) uncounted.front()->put_on_count(env);
    if (memory.bytes > kUncountedBytes || !adjust(env, -memory.bytes)) return;
    is_counted = false;
    uncounted.push_back(this);
  }

  static void let_go(napi_env env, void*, void* hint) {
    const std::unique_ptr<ResultMemory> self(static_cast<ResultMemory*>(hint));
    if (!self->is_counted) self->put_on_count(env);
    Scheduler::instance().release_after_jobs(self->owner, self->memory);
  }

 private:
  static constexpr int64_t kUncountedBytes = int64_t{256} << 20;
  static thread_local std::vector<ResultMemory*> uncounted;  // the oldest first
  static thread_local int64_t uncounted_bytes;

  void put_on_count(napi_env env) {
    adjust(env, memory.bytes);
    is_counted = true;
    uncounted.erase(std::find(uncounted.begin(), uncounted.end(), this));
  }

  static bool adjust(napi_env env, int64_t bytes) {
    int64_t counted;
    if (napi_adjust_external_memory(env, bytes, &counted) != napi_ok) return false;
    uncounted_bytes -= bytes;
    return true;
  }
};

thread_local std::vector<ResultMemory*> ResultMemory::uncounted;
thread_local int64_t ResultMemory::uncounted_bytes = 0;

// Most results die young, where a scavenge of a tenth of a millisecond frees them. V8 looks whether one is due, by the
// bytes of all young buffers, only where it allocates a buffer itself.
void let_scavenge(napi_env env) {
  napi_value buffer;
  napi_create_arraybuffer(env, 1, nullptr, &buffer);
}

}  // namespace

Napi::Value fail(Napi::Env env, const std::string& message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// Works for arrays over shared memory too, which Napi::TypedArray does not promise.
bool read_typed_array(napi_env env, napi_value value, Memory* memory) {
  napi_typedarray_type type;
  size_t length = 0;
  if (napi_get_typedarray_info(env, value, &type, &length, &memory->data, nullptr, nullptr) != napi_ok) return false;
  memory->bytes = static_cast<int64_t>(length) * element_bytes(type);
  return true;
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

// allocateResult(bytes): an ArrayBuffer of arbitrary content, or undefined where there is no memory or this runtime
// wants all buffers to be its own.
Napi::Value allocate_result(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t bytes = info[0].IsNumber() ? info[0].As<Napi::Number>().Int64Value() : -1;
  let_scavenge(env);
  const ArenaPool::Block block = ArenaPool::results().acquire(bytes);
  if (block.data == nullptr) return env.Undefined();
  std::shared_ptr<void> owner(block.data, [block](void*) { ArenaPool::results().release(block); });
  auto result = std::make_unique<ResultMemory>(ResultMemory{std::move(owner), {block.data, bytes}});
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env, block.data, static_cast<size_t>(bytes),
                                                              ResultMemory::let_go, result.get(), &buffer);
  if (status != napi_ok) return env.Undefined();
  // Not before: the count would fall below where V8 measures from, and full collections are as many as without.
  result.release()->take_off_count(env);
  return Napi::Value(env, buffer);
}

}  // namespace brawn
