// Decoding, validation and execution of programs, and the pool of arenas.
#include "program.h"

#include "run.h"
#include "tests/check.h"
#include "tests/test_kernels.h"

using namespace brawn;
using namespace brawn::test;

namespace {

std::unique_ptr<const Program> build(const ProgramSpec& spec) {
  std::string error;
  auto program = Program::create(spec, test::registry(), &error);
  if (program == nullptr) fprintf(stderr, "%s\n", error.c_str());
  CHECK(program != nullptr);
  return program;
}

void refuse(const ProgramSpec& spec, const std::string& expected) {
  std::string error;
  CHECK(Program::create(spec, test::registry(), &error) == nullptr);
  if (error.find(expected) == std::string::npos) {
    fprintf(stderr, "expected \"%s\" in \"%s\"\n", expected.c_str(), error.c_str());
    exit(1);
  }
}

RunResult run(const Program& program, std::vector<void*> bindings, RunOptions options = {}) {
  return run_program(program, bindings.data(), options, Pool::instance(), ArenaPool::instance());
}

// y = (fill(5) in the arena + x + bias + 1 + 2) * 3
ProgramSpec sum_spec(bool bias) {
  ProgramSpec spec = make_spec(16 + 800, {{false, 16}, {true, 0}, {true, 1}}, {{800, false}, {800, true}});
  emit(&spec, "fill", {0, 0, 100, bits(5)});
  emit(&spec, "sum", {2, 0, 0, 1, 0, bias ? 1 : -1, 0, 2, 0, 100, 2, 1, 2, 1, bits(3)});
  return spec;
}

void test_runs() {
  std::vector<int64_t> x(100);
  for (int64_t i = 0; i < 100; ++i) x[static_cast<size_t>(i)] = i;
  for (int threads : {1, 2, 4}) {
    Pool::instance().set_threads(threads, 4);
    for (bool bias : {false, true}) {
      const auto program = build(sum_spec(bias));
      CHECK_EQ(program->instructions().size(), size_t{2});
      CHECK_EQ(program->scratch_bytes(threads), 832 + 64 * threads);
      std::vector<int64_t> y(100, -1);
      std::vector<int64_t> times;
      RunOptions options;
      options.times = &times;
      CHECK(run(*program, {x.data(), y.data()}, options).outcome == Outcome::kDone);
      CHECK_EQ(times.size(), size_t{2});
      for (int64_t i = 0; i < 100; ++i) {
        CHECK_EQ(y[static_cast<size_t>(i)], (5 + i + (bias ? i : 0) + 3) * 3);
      }
    }
  }
}

void test_faults_stop() {
  Pool::instance().set_threads(2, 2);
  int64_t y[2] = {1, 1};
  ProgramSpec spec = make_spec(0, {{true, 0}}, {{16, true}});
  emit(&spec, "fill", {0, 0, 1, bits(2)});
  emit(&spec, "fault", {0, 0, 50, 33});
  emit(&spec, "fill", {0, 8, 1, bits(2)});
  const RunResult result = run(*build(spec), {y});
  CHECK(result.outcome == Outcome::kFault);
  CHECK(result.fault == Fault::kIndexOutOfRange);
  CHECK_EQ(result.instruction, 1);
  CHECK_EQ(result.value, 33);
  CHECK_EQ(result.limit, 7);
  CHECK_EQ(y[0], 2);
  CHECK_EQ(y[1], 1);
}

void test_abort_respects_commit() {
  const std::atomic<bool> abort{true};
  RunOptions options;
  options.abort = &abort;
  for (int64_t commit : {0, 1}) {
    int64_t y = 1;
    ProgramSpec spec = make_spec(0, {{true, 0}}, {{8, true}});
    emit(&spec, "fill", {0, 0, 1, bits(2)});
    spec.commit_start = commit;
    const RunResult result = run(*build(spec), {&y}, options);
    CHECK(result.outcome == (commit == 0 ? Outcome::kDone : Outcome::kAborted));
    CHECK_EQ(y, commit == 0 ? 2 : 1);
  }
}

void test_no_memory() {
  int64_t y = 0;
  ProgramSpec spec = make_spec(int64_t{1} << 46, {{true, 0}}, {{8, true}});
  emit(&spec, "fill", {0, 0, 1, bits(2)});
  const RunResult result = run(*build(spec), {&y});
  CHECK(result.outcome == Outcome::kNoMemory);
  CHECK(result.value > int64_t{1} << 46);
}

void test_empty() { CHECK(run(*build(make_spec(0, {}, {})), {}).outcome == Outcome::kDone); }

void test_refusals() {
  const ProgramSpec good = sum_spec(true);
  ProgramSpec spec = good;
  spec.abi = 99;
  refuse(spec, "format 99");
  spec = good;
  spec.arena_bytes = -1;
  refuse(spec, "arenaBytes -1");
  spec = good;
  spec.commit_start = 3;
  refuse(spec, "commitStart 3 is not within 0..2");
  spec = good;
  spec.buffers[1].value = 2;
  refuse(spec, "buffer 1: binding 2");
  spec = good;
  spec.buffers[0].value = 9999;
  refuse(spec, "buffer 0: offset 9999");
  spec = good;
  spec.bindings[0].min_bytes = -8;
  refuse(spec, "binding 0: -8");
  spec = good;
  spec.bindings[1].writes = false;
  refuse(spec, "instruction 1 (sum): operand y writes binding 1, which is declared as read only");
  spec = good;
  spec.code[0] = 77;
  refuse(spec, "instruction 0: kernel 77 does not exist");
  spec = good;
  spec.code[1] = 3;
  refuse(spec, "instruction 0 (fill): operand y: buffer 3 does not exist");
  spec = good;
  spec.code[1] = -1;
  refuse(spec, "operand y: buffer -1");
  spec = good;
  spec.code[2] = 800;
  refuse(spec, "offset 800 is outside buffer 0 of 800 bytes");
  spec = good;
  spec.code[6] = int64_t{1} << 62;
  refuse(spec, "instruction 1 (sum): x: count 4611686018427387904");
  spec = good;
  spec.code[16] = -1;
  refuse(spec, "extra: count -1");
  spec = make_spec(8, {{false, 0}}, {});
  emit(&spec, "scratch", {0, 0, -5});
  refuse(spec, "asks for -5 + 0 bytes of scratch");
}

// Every truncation and every single changed word is either refused or runs without touching foreign memory.
void test_damaged_code() {
  const ProgramSpec good = sum_spec(true);
  std::string error;
  for (size_t length = 0; length < good.code.size(); ++length) {
    ProgramSpec spec = good;
    spec.code.resize(length);
    const bool whole = length == 0 || length == 5;
    CHECK((Program::create(spec, test::registry(), &error) != nullptr) == whole);
  }
  for (size_t at = 0; at < good.code.size(); ++at) {
    for (int64_t value : {int64_t{-2}, int64_t{-1}, int64_t{1} << 40, INT64_MAX, INT64_MIN}) {
      ProgramSpec spec = good;
      spec.code[at] = value;
      Program::create(spec, test::registry(), &error);
    }
  }
}

void test_signatures() {
  const auto refused = [](const char* operands, const char* params) {
    KernelRow row = table().rows[0];
    row.operands = operands;
    row.params = params;
    Registry registry;
    return !registry.add({&row, 1}, "ref");
  };
  CHECK(!refused("-> y", "n value:f list:f[] other:i[]"));
  CHECK(refused("x y", ""));
  CHECK(refused("x -> y -> z", ""));
  CHECK(refused("x! -> y", ""));
  CHECK(refused("-> y", "n:q"));

  Registry registry;
  CHECK(registry.add(table(), "ref"));
  KernelRow better = table().rows[1];
  better.variant = "better";
  CHECK(registry.add({&better, 1}, "avx2"));
  CHECK_EQ(registry.kernels().size(), static_cast<size_t>(table().count));
  CHECK_EQ(registry.find("sum"), 1);
  CHECK_EQ(registry.find("nothing"), -1);
  CHECK(std::string(registry.kernels()[1].row->variant) == "better");
  CHECK(std::string(registry.kernels()[1].isa) == "avx2");
  KernelRow other = better;
  other.params = "n";
  CHECK(!registry.add({&other, 1}, "avx512"));
}

void test_arenas() {
  constexpr int64_t kMiB = 1 << 20;
  ArenaPool pool(10 * kMiB);
  const ArenaPool::Block small = pool.acquire(kMiB);
  const ArenaPool::Block large = pool.acquire(8 * kMiB);
  CHECK_EQ(reinterpret_cast<uintptr_t>(small.data) % 64, uintptr_t{0});
  pool.release(small);
  pool.release(large);
  CHECK(pool.acquire(kMiB - 5).data == small.data);
  CHECK(pool.acquire(6 * kMiB).data == large.data);
  CHECK_EQ(pool.idle_bytes(), 0);
  pool.release(small);
  pool.release(large);
  const ArenaPool::Block huge = pool.acquire(64 * kMiB);
  pool.release(huge);
  CHECK_EQ(pool.idle_bytes(), huge.bytes);
  CHECK(pool.acquire(-1).data == nullptr);
  CHECK(pool.acquire(INT64_MAX).data == nullptr);
  ArenaPool few(10 * kMiB, 2);
  const ArenaPool::Block blocks[] = {few.acquire(kMiB), few.acquire(kMiB), few.acquire(kMiB)};
  for (const ArenaPool::Block& block : blocks) few.release(block);
  CHECK_EQ(few.idle_bytes(), 2 * blocks[0].bytes);
}

}  // namespace

int main() {
  test_runs();
  test_faults_stop();
  test_abort_respects_commit();
  test_no_memory();
  test_empty();
  test_refusals();
  test_damaged_code();
  test_signatures();
  test_arenas();
}
