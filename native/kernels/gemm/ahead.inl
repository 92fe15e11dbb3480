// What will be needed soon: the micro-kernel asks for it, a line at a time, while it multiplies.
#pragma once
#include "kernels/gemm/micro.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Pieces of memory to be asked for in `steps` rows of B.
class Ahead {
 public:
  explicit Ahead(int64_t steps) : steps_(steps) {}

  void add(const void* data, int64_t bytes) {
    if (bytes <= 0 || count_ == kMost) return;
    parts_[count_++] = {static_cast<const char*>(data), bytes, 0, 0};
    bytes_ += bytes;
  }

  // `rows` rows that are `distance` bytes apart.
  void add_rows(const void* data, int64_t rows, int64_t bytes, int64_t distance) {
    const char* row = static_cast<const char*>(data);
    if (bytes == distance) {
      add(data, rows * bytes);
    } else if (bytes > kAskingRun * kLine) {
      for (int64_t i = 0; i < rows && rows <= kMost / 2; ++i) add(row + i * distance, bytes);
    } else if (rows > 0 && count_ < kMost) {
      const int64_t step = ceil_div(bytes, kAskingRun);
      parts_[count_++] = {row, rows * kAskingRun * step, step, distance - kAskingRun * step};
      steps_ -= rows * kAskingRun;
    }
  }

  // Runs one of the two micro-kernels, the one that asks for the next part while there is one.
  template <class T>
  void run(MicroFunction<T> plain, AskingMicroFunction<T> asking, int64_t k, const T* a, int64_t a_row, int64_t a_k,
           const T* b, int64_t b_k, T* c, int64_t c_row, bool accumulate) {
    if (at_ == count_) {
      plain(k, a, a_row, a_k, b, b_k, c, c_row, accumulate);
      return;
    }
    Part& part = parts_[at_];
    if (part.step == 0) part.step = step_for(part.bytes, k);
    asking(k, a, a_row, a_k, b, b_k, c, c_row, accumulate, part.data, part.step, part.jump);
    part.data += k * part.step + k / kAskingRun * part.jump;
    part.bytes -= k * part.step;
    if (part.bytes <= 0) ++at_;
  }

 private:
  static constexpr int kMost = 32;
  static constexpr int64_t kLine = 64;
  struct Part {
    const char* data;
    int64_t bytes, step, jump;  // step 0: not begun, as fast as all of them need
  };

  // Whole runs of k steps that end where the part ends, or a line a step when steps are short.
  int64_t step_for(int64_t bytes, int64_t k) {
    const int64_t fair = steps_ > 0 ? bytes * steps_ / (bytes_ * k) : 0, least = ceil_div(bytes, k * kLine);
    const int64_t runs = max64(fair, least);
    bytes_ -= bytes;
    steps_ -= runs * k;
    return fair < least ? kLine : ceil_div(bytes, runs * k);
  }

  Part parts_[kMost];
  int count_ = 0, at_ = 0;
  int64_t steps_, bytes_ = 0;  // what is left for parts that have not begun
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
