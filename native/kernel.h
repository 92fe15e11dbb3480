// The contract between a program and a kernel, and between C++ and TypeScript.
//
// A kernel is a row: a name, a signature written as text, and plain functions. TypeScript reads the rows when the
// addon loads and encodes operands and parameters by name, so no list of kernels is kept in two places.
//
// Signature grammar (both strings are space-separated words, in the order of the argument struct's fields):
//   operands   "x w bias? -> y"   `?` may be null, `*` is a list (a pointer to pointers, then a count)
//   params     "rows cols eps:f dims:i[] scale:f[]"   default int64; `:f` double; `[]` pointer, then a count
// The argument struct is therefore a sequence of 8-byte fields: operands first, then parameters. See `Span`.
//
// A kernel never allocates, spawns, throws or logs. It runs in phases; every phase is split into tasks that may run
// in any order on any thread. The number of tasks depends on the arguments alone, never on the thread count: that is
// what makes results bitwise equal for any number of threads.
#pragma once
#include <cstddef>
#include <cstdint>

namespace brawn {

// Changes whenever the meaning of an encoded program changes; TypeScript refuses an addon with another number.
constexpr int kAbiVersion = 1;

// A list parameter or operand list inside an argument struct: two 8-byte words.
template <class T>
struct Span {
  const T* data;
  int64_t size;
  const T& operator[](int64_t i) const { return data[i]; }
};

// What a kernel may report at run time; TypeScript turns it into an error that names the op.
enum class Fault : int64_t {
  kNone = 0,
  kIndexOutOfRange = 1,  // value: the index, limit: the size of the dimension
  kNotFinite = 2,        // value: flat position, limit: unused
  kInvalidValue = 3,     // value: the offending value, limit: kernel specific
  kDivideByZero = 4,     // integer division or remainder by zero
};

// First fault wins; the program stops after the kernel that reported it.
struct Status;
void report_fault(Status* status, Fault fault, int64_t value, int64_t limit);

struct Context {
  void* shared;    // shared_bytes() of scratch, 64-byte aligned, one per run of the kernel, kept across its phases
  void* local;     // local_bytes() of scratch, 64-byte aligned, private to the calling thread during one call
  Status* status;  // for report_fault
};

struct KernelRow {
  const char* name;      // what TypeScript asks for: "softmax_f32"
  const char* variant;   // tile or algorithm, shown by explain(): "6x16"; may be ""
  const char* operands;  // see the grammar above
  const char* params;
  int phases;
  int64_t (*tasks)(const void* args, int phase);
  int64_t (*shared_bytes)(const void* args);  // null: none
  int64_t (*local_bytes)(const void* args);   // null: none
  void (*run)(const void* args, int phase, int64_t begin, int64_t end, const Context& context);
};

// The rows of one family for one instruction set.
struct KernelTable {
  const KernelRow* rows;
  int count;
};

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace brawn
