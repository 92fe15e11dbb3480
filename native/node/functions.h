// What JavaScript can call; described in src/runtime/addon.ts.
#pragma once
#include "node/values.h"

namespace brawn {

Napi::Value create_program(const Napi::CallbackInfo& info);

Napi::Value run(const Napi::CallbackInfo& info);
// What a program does when it is called; its data is the program.
Napi::Value run_here(const Napi::CallbackInfo& info);
void abort_run(const Napi::CallbackInfo& info);

Napi::Value align_offset(const Napi::CallbackInfo& info);
Napi::Value allocate_result(const Napi::CallbackInfo& info);

Napi::Value list_kernels(const Napi::CallbackInfo& info);
Napi::Value list_vm_ops(const Napi::CallbackInfo& info);
Napi::Value describe_cpu(const Napi::CallbackInfo& info);
Napi::Value get_threads(const Napi::CallbackInfo& info);
void set_threads(const Napi::CallbackInfo& info);
Napi::Value free_memory(const Napi::CallbackInfo& info);

}  // namespace brawn
