// The instruction loop; see run.h.
#include "run.h"

#include <chrono>

#include "status.h"

namespace brawn {

void report_fault(Status* status, Fault fault, int64_t value, int64_t limit) {
  if (status->taken.exchange(true, std::memory_order_relaxed)) return;
  status->fault = fault;
  status->value = value;
  status->limit = limit;
}

namespace {

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// One run in progress: a program and the block of memory it runs in.
struct Execution {
  const Program& program;
  const RunOptions& options;
  Pool& pool;
  char* block;
  int threads;
  Status status;

  // The threads left for this job when others run beside it.
  int thread_limit() const {
    const int others = options.active == nullptr ? 0 : options.active->load(std::memory_order_relaxed) - 1;
    return threads - others > 1 ? threads - others : 1;
  }

  void run_instruction(const Instruction& instruction) {
    const BlockLayout& layout = program.layout();
    const KernelRow& row = *instruction.row;
    const void* args = block + layout.arguments + instruction.word * 8;
    for (int phase = 0; phase < row.phases; ++phase) {
      pool.run(row.tasks(args, phase), thread_limit(), [&](int64_t begin, int64_t end, int slot) {
        const Context context = {block + layout.shared, block + layout.local + slot * layout.local_stride, &status};
        row.run(args, phase, begin, end, context);
      });
    }
  }

  RunResult run() {
    const auto& instructions = program.instructions();
    RunResult result;
    for (size_t i = 0; i < instructions.size(); ++i) {
      result.instruction = static_cast<int64_t>(i);
      const bool may_stop = options.abort != nullptr && result.instruction < program.commit_start();
      if (may_stop && options.abort->load(std::memory_order_relaxed)) {
        result.outcome = Outcome::kAborted;
        return result;
      }
      const int64_t start = options.times == nullptr ? 0 : now();
      run_instruction(instructions[i]);
      if (options.times != nullptr) options.times->push_back(now() - start);
      if (!status.taken.load(std::memory_order_relaxed)) continue;
      result.outcome = Outcome::kFault;
      result.fault = status.fault;
      result.value = status.value;
      result.limit = status.limit;
      return result;
    }
    return result;
  }
};

}  // namespace

RunResult run_program(const Program& program, void* const* bindings, const RunOptions& options, Pool& pool,
                      ArenaPool& arenas) {
  const int threads = options.alone ? 1 : pool.threads();
  const int64_t bytes = program.layout().total(threads);
  const ArenaPool::Block block = arenas.acquire(bytes);
  if (block.data == nullptr) {
    RunResult result;
    result.outcome = Outcome::kNoMemory;
    result.value = bytes;
    return result;
  }
  program.write_arguments(block.data, bindings);
  Execution execution = {program, options, pool, block.data, threads, {}};
  const RunResult result = execution.run();
  arenas.release(block);
  return result;
}

}  // namespace brawn
