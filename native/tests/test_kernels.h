// A tiny kernel family for the tests of program, run and scheduler, and helpers to encode programs that use it.
#pragma once
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "program.h"
#include "registry.h"

namespace brawn {
namespace test {

// fill: y[i] = value.
struct FillArgs {
  int64_t* y;
  int64_t n;
  double value;
};

// where: y[i] = the private scratch that task i was given; slow, so that every thread that may gets some.

// sum: y[i] = sum of x*[i] + bias?[i], plus the sum of `extra`; two phases through shared scratch.
struct SumArgs {
  Span<const int64_t*> x;
  const int64_t* bias;
  int64_t* y;
  int64_t n;
  Span<int64_t> extra;
  Span<double> factors;
};

// wait: spins until the gate is open; increments how many are waiting.
struct WaitArgs {
  std::atomic<int64_t>* gate;
  std::atomic<int64_t>* waiting;
};

// fault: reports an index out of range for task `at`.
struct FaultArgs {
  int64_t* y;
  int64_t tasks;
  int64_t at;
};

inline const KernelTable& table() {
  static const KernelRow rows[] = {
      {"fill", "", "-> y", "n value:f", 1, [](const void* args, int) { return static_cast<const FillArgs*>(args)->n; },
       nullptr, nullptr,
       [](const void* raw, int, int64_t begin, int64_t end, const Context&) {
         const auto& args = *static_cast<const FillArgs*>(raw);
         for (int64_t i = begin; i < end; ++i) args.y[i] = static_cast<int64_t>(args.value);
       }},
      {"sum", "plain", "x* bias? -> y", "n extra:i[] factors:f[]", 2,
       [](const void* args, int) { return static_cast<const SumArgs*>(args)->n; },
       [](const void* args) {
         return static_cast<int64_t>(static_cast<uint64_t>(static_cast<const SumArgs*>(args)->n) * 8);
       },
       [](const void*) { return int64_t{8}; },
       [](const void* raw, int phase, int64_t begin, int64_t end, const Context& context) {
         const auto& args = *static_cast<const SumArgs*>(raw);
         // Unsigned, because the tests let sums wrap around.
         uint64_t* shared = static_cast<uint64_t*>(context.shared);
         uint64_t* local = static_cast<uint64_t*>(context.local);
         for (int64_t i = begin; i < end; ++i) {
           if (phase == 0) {
             *local = args.bias == nullptr ? 0 : static_cast<uint64_t>(args.bias[i]);
             for (int64_t k = 0; k < args.x.size; ++k) *local += static_cast<uint64_t>(args.x[k][i]);
             shared[i] = *local;
           } else {
             *local = shared[i];
             for (int64_t k = 0; k < args.extra.size; ++k) *local += static_cast<uint64_t>(args.extra[k]);
             for (int64_t k = 0; k < args.factors.size; ++k) *local *= static_cast<uint64_t>(args.factors[k]);
             args.y[i] = static_cast<int64_t>(*local);
           }
         }
       }},
      {"wait", "", "gate -> waiting", "", 1, [](const void*, int) { return int64_t{1}; }, nullptr, nullptr,
       [](const void* raw, int, int64_t, int64_t, const Context&) {
         const auto& args = *static_cast<const WaitArgs*>(raw);
         args.waiting->fetch_add(1);
         while (args.gate->load() == 0) sched_yield();
       }},
      {"fault", "", "-> y", "tasks at", 1,
       [](const void* args, int) { return static_cast<const FaultArgs*>(args)->tasks; }, nullptr, nullptr,
       [](const void* raw, int, int64_t begin, int64_t end, const Context& context) {
         const auto& args = *static_cast<const FaultArgs*>(raw);
         if (begin <= args.at && args.at < end) report_fault(context.status, Fault::kIndexOutOfRange, args.at, 7);
       }},
      {"where", "", "-> y", "n", 1, [](const void* args, int) { return static_cast<const FillArgs*>(args)->n; },
       nullptr, [](const void*) { return int64_t{8}; },
       [](const void* raw, int, int64_t begin, int64_t end, const Context& context) {
         const auto& args = *static_cast<const FillArgs*>(raw);
         for (int64_t i = begin; i < end; ++i) {
           args.y[i] = reinterpret_cast<int64_t>(context.local);
           std::this_thread::sleep_for(std::chrono::microseconds(200));
         }
       }},
      {"scratch", "", "-> y", "bytes", 1, [](const void*, int) { return int64_t{1}; },
       [](const void* args) { return static_cast<const FillArgs*>(args)->n; }, nullptr,
       [](const void*, int, int64_t, int64_t, const Context&) {}},
  };
  static const KernelTable table = {rows, static_cast<int>(sizeof rows / sizeof rows[0])};
  return table;
}

inline const Registry& registry() {
  static const Registry* registry = [] {
    Registry* built = new Registry;
    if (!built->add(table(), "ref")) abort();
    return built;
  }();
  return *registry;
}

inline int64_t bits(double value) {
  int64_t word;
  memcpy(&word, &value, sizeof word);
  return word;
}

// Appends words to code: a kernel by name, then whatever it takes.
inline void emit(ProgramSpec* spec, const char* kernel, std::vector<int64_t> words) {
  spec->code.push_back(registry().find(kernel));
  spec->code.insert(spec->code.end(), words.begin(), words.end());
}

inline ProgramSpec make_spec(int64_t arena_bytes, std::vector<BufferSpec> buffers, std::vector<BindingSpec> bindings) {
  ProgramSpec spec;
  spec.abi = kAbiVersion;
  spec.arena_bytes = arena_bytes;
  spec.buffers = buffers;
  spec.bindings = bindings;
  return spec;
}

}  // namespace test
}  // namespace brawn
