// What will be needed soon: the micro-kernel asks for it, a line at a time, while it multiplies.
#pragma once
#include "kernels/gemm/micro.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Stretches of memory to be asked for in `steps` rows of B.
class Ahead {
 public:
  explicit Ahead(int64_t steps) : steps_(steps) {}

  void add(const void* data, int64_t bytes) {
    if (bytes > 0) put({static_cast<const char*>(data), bytes, 0, 0});
    total_ += bytes;
  }

  // `rows` rows that are `distance` bytes apart; of rows that are not one piece only those of up to 1 KB.
  void add_rows(const void* data, int64_t rows, int64_t bytes, int64_t distance) {
    if (bytes == distance) {
      add(data, rows * bytes);
    } else if (rows > 0 && bytes <= kAskingRun * kLine) {
      const int64_t step = ceil_div(bytes, kAskingRun);
      put({static_cast<const char*>(data), rows * kAskingRun * step, step, distance - kAskingRun * step});
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
    const int64_t step = part.step > 0 ? part.step : min64(kLine, ceil_div(total_, max64(1, steps_)));
    asking(k, a, a_row, a_k, b, b_k, c, c_row, accumulate, part.data, step, part.jump);
    part.data += k * step + k / kAskingRun * part.jump;
    part.bytes -= k * step;
    if (part.bytes <= 0) ++at_;
  }

 private:
  static constexpr int kMost = 6;
  static constexpr int64_t kLine = 64;
  struct Part {
    const char* data;
    int64_t bytes, step, jump;  // step 0: as fast as all of it needs
  };

  void put(const Part& part) {
    if (count_ < kMost) parts_[count_++] = part;
  }

  Part parts_[kMost];
  int count_ = 0, at_ = 0;
  int64_t steps_, total_ = 0;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
