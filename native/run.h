// Executes a program: the instruction loop over kernels, phases and tasks. It decides nothing. See program.h for what
// is run and scheduler.h for when.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "arena.h"
#include "pool.h"
#include "program.h"

namespace brawn {

enum class Outcome { kDone, kFault, kAborted, kNoMemory };

struct RunResult {
  Outcome outcome = Outcome::kDone;
  Fault fault = Fault::kNone;
  int64_t instruction = 0;  // where the run stopped, unless it is done
  int64_t value = 0;        // of the fault; bytes asked for when there was no memory
  int64_t limit = 0;        // of the fault
};

struct RunOptions {
  const std::atomic<bool>* abort = nullptr;  // looked at between instructions, up to the commit start
  const std::atomic<int>* active = nullptr;  // number of jobs being run, which share the threads
  std::vector<int64_t>* times = nullptr;     // nanoseconds per instruction
  bool alone = false;                        // on the calling thread, without the pool's others
};

RunResult run_program(const Program& program, void* const* bindings, const RunOptions& options, Pool& pool,
                      ArenaPool& arenas);

}  // namespace brawn
