// Programs from the descriptions that src/plan/emit.ts writes.
#include <cstring>
#include <utility>
#include <vector>

#include "families.h"
#include "node/functions.h"
#include "pool.h"

namespace brawn {
namespace {

using ProgramHandle = std::shared_ptr<const Program>;

constexpr napi_type_tag kProgramTag = {0x627261776e2d7072, 0x6f6772616d2d3031};

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

void drop_program(napi_env env, void* data, void*) {
  ProgramHandle* handle = static_cast<ProgramHandle*>(data);
  int64_t total;
  napi_adjust_external_memory(env, -(*handle)->own_bytes(), &total);
  delete handle;
}

}  // namespace

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
  ProgramHandle* handle = new ProgramHandle(program);
  // With the program as its data a call need not look for it.
  Napi::Object object = Napi::Function::New<run_here>(env, "program", handle);
  object.Set("scratchBytes", static_cast<double>(program->scratch_bytes(Pool::instance().threads())));
  if (napi_wrap(env, object, handle, drop_program, nullptr, nullptr) != napi_ok) {
    delete handle;
    return fail(env, "createProgram: cannot attach the program");
  }
  napi_type_tag_object(env, object, &kProgramTag);
  int64_t total;
  napi_adjust_external_memory(env, program->own_bytes(), &total);
  return object;
}

const ProgramHandle* unwrap_program(Napi::Env env, Napi::Value value) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(env, value, &kProgramTag, &tagged) != napi_ok || !tagged) {
    return nullptr;
  }
  return napi_unwrap(env, value, &data) == napi_ok ? static_cast<ProgramHandle*>(data) : nullptr;
}

}  // namespace brawn
