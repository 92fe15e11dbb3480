// What the files of this folder share: Node-API itself, errors, and arrays as pieces of memory. No other folder
// includes Node-API.
#pragma once
// When a worker ends while a value is made for it, the failure has nowhere to be thrown.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <string>

#include "program.h"
#include "scheduler.h"

namespace brawn {

// Throws an error in JavaScript.
Napi::Value fail(Napi::Env env, const std::string& message);

// The elements of a typed array, also of one over shared memory; false for anything else.
bool read_typed_array(napi_env env, napi_value value, Memory* memory);

// The program in a function of createProgram; null for anything else.
const std::shared_ptr<const Program>* unwrap_program(Napi::Env env, Napi::Value value);

}  // namespace brawn
