// What JavaScript asks about kernels and the machine, and the number of threads.
#include "cpu.h"
#include "families.h"
#include "limits.h"
#include "node/functions.h"
#include "pool.h"

namespace brawn {
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

}  // namespace brawn
