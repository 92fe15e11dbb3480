// Runs the epilogue program of gemm.h over finished pieces of a result and writes the outputs.
#pragma once
#include "kernels/gemm/ahead.inl"
#include "kernels/gemm/short_epilogue.inl"
#include "simd/stream.h"

namespace brawn {
namespace BRAWN_ISA {

const VmFunction* vm_functions();

namespace {

inline void fill_elements(void* to, const void* value, int64_t size, int64_t n) {
  if (size == 4) {
    int32_t v;
    __builtin_memcpy(&v, value, 4);
    for (int64_t i = 0; i < n; ++i) static_cast<int32_t*>(to)[i] = v;
  } else if (size == 8) {
    int64_t v;
    __builtin_memcpy(&v, value, 8);
    for (int64_t i = 0; i < n; ++i) static_cast<int64_t*>(to)[i] = v;
  } else {
    __builtin_memset(to, *static_cast<const unsigned char*>(value), static_cast<size_t>(n));
  }
}

inline void gather_elements(char* to, const char* from, int64_t stride, int64_t size, int64_t n) {
  if (stride == 0) {
    fill_elements(to, from, size, n);
  } else if (stride == 1) {
    __builtin_memcpy(to, from, static_cast<size_t>(n * size));
  } else {
    for (int64_t i = 0; i < n; ++i)
      __builtin_memcpy(to + i * size, from + i * stride * size, static_cast<size_t>(size));
  }
}

class Epilogue {
 public:
  static int64_t scratch_bytes(const EpilogueParams& p, int64_t inputs, int64_t outputs) {
    const int64_t registers = max64(p.registers, 1);
    return round_up(registers * (kRegisterBytes + int64_t{sizeof(void*)}) + inputs + outputs * 16 + 64, 64);
  }

  // `columns` is the row length of the outputs, `value_size` the element size of the result.
  void begin(const EpilogueParams& p, Span<const void*> in, Span<void*> out, int64_t columns, int64_t value_size,
             char* scratch) {
    p_ = &p;
    in_ = in;
    out_ = out;
    columns_ = columns;
    value_size_ = value_size;
    plain_ = is_plain(p, out.size);
    short_ = !plain_ && value_size == int64_t{sizeof(float)} && short_epilogue_.read(p, in.size, out.size);
    streams_ = short_ && short_epilogue_.streams(p, static_cast<const float*>(out[0]), row_distance(0));
    if (plain_ || short_) return;
    const int64_t registers = max64(p.registers, 1);
    memory_ = scratch;
    registers_ = reinterpret_cast<void**>(scratch + registers * kRegisterBytes);
    last_write_ = reinterpret_cast<int64_t*>(registers_ + registers);
    order_ = last_write_ + out.size;
    filled_ = reinterpret_cast<char*>(order_ + out.size);
    for (int64_t r = 0; r < registers; ++r) registers_[r] = memory_ + r * kRegisterBytes;
    for (int64_t c = 0; c < p.consts.size; ++c) {
      fill_elements(registers_[1 + in.size + c], &p.consts.data[c], p.const_sizes[c], kTile);
    }
    begin_batch(0);
    find_last_writes();
  }

  // True when the result is the only output and needs no work: it may be computed in place in the output.
  static bool is_plain(const EpilogueParams& p, int64_t outputs) {
    return p.code.size == 0 && outputs == 1 && p.out_regs[0] == 0;
  }
  // True when a pass over finished values costs little more than their loads and stores, however few they are.
  static bool is_short(const EpilogueParams& p, int64_t value_size, int64_t inputs, int64_t outputs) {
    ShortEpilogue epilogue;
    return value_size == int64_t{sizeof(float)} && epilogue.read(p, inputs, outputs);
  }
  // `rows` rows of results that nothing streams yet leave past the caches when they are too many for them, unless an
  // operand lies there.
  void stream_large(int64_t rows) {
    const int64_t distance = row_distance(0) * value_size_;
    leaves_ = (plain_ || short_) && !streams_ && rows * columns_ * value_size_ >= kStreamBytes &&
              distance % kStreamLine == 0 && reinterpret_cast<uintptr_t>(out_[0]) % kStreamLine == 0;
    for (int64_t e = 0; e < in_.size; ++e) leaves_ &= in_[e] != out_[0];
    streams_ |= leaves_;
  }
  bool leaves() const { return leaves_; }
  bool plain() const { return plain_; }
  bool in_registers() const { return short_; }
  void* plain_output() const { return out_[0]; }
  // Elements between rows of an output.
  static int64_t row_distance(const EpilogueParams& p, int64_t output, int64_t columns) {
    return p.out_rows.size == 0 ? columns : p.out_rows[output];
  }
  int64_t row_distance(int64_t output) const { return row_distance(*p_, output, columns_); }
  // True when finished lines of results may be copied to the output as they are.
  bool copies_lines() const { return plain_ && !apart(); }
  bool apart() const { return row_distance(0) != columns_; }

  void begin_batch(int64_t batch) {
    batch_ = batch;
    if (plain_ || short_) return;
    for (int64_t e = 0; e < in_.size; ++e) filled_[e] = 0;
  }

  // After the last rows.
  void end() const {
    if (streams_) stream_fence();
  }

  // Asks for the place of results that will come soon.
  void expect(int64_t out_row, int64_t rows, int64_t column, int64_t columns) const {
    if (streams_) return;
    constexpr int64_t kLine = 64;
    const int64_t bytes = columns * value_size_;
    const int64_t distance = row_distance(0);
    const char* to = static_cast<const char*>(out_[0]) + (out_row * distance + column) * value_size_;
    for (int64_t i = 0; i < rows; ++i, to += distance * value_size_) {
      for (int64_t b = 0; b < bytes; b += kLine) __builtin_prefetch(to + b, 1, 3);
    }
  }

  // Asks bit by bit for outputs, and for operands as large as they are.
  void ask(int64_t row, int64_t out_row, int64_t rows, int64_t column, int64_t columns, Ahead* ahead) const {
    for (int64_t o = 0; o < out_.size && !streams_; ++o) {
      const int64_t size = p_->out_sizes[o], distance = row_distance(o);
      const char* to = static_cast<const char*>(out_[o]) + (out_row * distance + column) * size;
      ahead->add_rows(to, rows, columns * size, distance * size);
    }
    for (int64_t e = 0; e < in_.size; ++e) {
      const int64_t size = p_->sizes[e], distance = p_->row[e];
      if (distance < columns_ || p_->col[e] != 1) continue;
      const char* from = static_cast<const char*>(in_[e]) + (batch_ * p_->batch[e] + row * distance + column) * size;
      ahead->add_rows(from, rows, columns * size, distance * size);
    }
  }

  // Rows [row, row + rows) of the block c (rows `stride` elements apart) are rows `row`.. of the operands and rows
  // `out_row`.. of the outputs; its first column is `column`.
  void run(char* c, int64_t stride, int64_t row, int64_t out_row, int64_t rows, int64_t column, int64_t columns) {
    if (leaves_) {
      float* block = reinterpret_cast<float*>(c);
      if (short_) short_epilogue_.run(*p_, in_, block, stride, block, stride, batch_, row, rows, column, columns);
      leave(c, stride, out_row, rows, column, columns);
      return;
    }
    if (short_) {
      short_epilogue_.run(*p_, in_, reinterpret_cast<const float*>(c), stride,
                          static_cast<float*>(out_[0]) + out_row * row_distance(0) + column, row_distance(0), batch_,
                          row, rows, column, columns);
      return;
    }
    if (!plain_ && columns == columns_ && stride == columns && columns <= kTile / 2) {
      const int64_t most = kTile / columns;
      for (int64_t i = 0; i < rows; i += most) {
        segment(c + i * stride * value_size_, row + i, out_row + i, min64(most, rows - i), 0, columns);
      }
      return;
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; j += kTile) {
        const int64_t n = min64(kTile, columns - j);
        char* from = c + (i * stride + j) * value_size_;
        if (plain_) {
          char* to = static_cast<char*>(out_[0]) + ((out_row + i) * row_distance(0) + column + j) * value_size_;
          __builtin_memcpy(to, from, static_cast<size_t>(n * value_size_));
        } else {
          segment(from, row + i, out_row + i, 1, column + j, n);
        }
      }
    }
  }

  // Finished values go to their place past the caches.
  void leave(const char* c, int64_t stride, int64_t out_row, int64_t rows, int64_t column, int64_t columns) const {
    const int64_t distance = row_distance(0) * value_size_, bytes = columns * value_size_;
    char* to = static_cast<char*>(out_[0]) + out_row * distance + column * value_size_;
    if (column * value_size_ % kStreamLine != 0 || bytes % kStreamLine != 0) {
      for (int64_t i = 0; i < rows; ++i) stream_run(to + i * distance, c + i * stride * value_size_, bytes);
      return;
    }
    for (int64_t i = 0; i < rows; ++i, to += distance, c += stride * value_size_) {
      for (int64_t l = 0; l < bytes; l += kStreamLine) stream_line(to + l, c + l);
    }
  }

 private:
  // An output is written by the last instruction that sets its register, unless a later one reads an operand, which
  // may be the same memory, or a segment has rows that are apart in it; then (and for registers that nobody writes) it
  // is copied at the end.
  void find_last_writes() {
    const int64_t count = p_->code.size / 5;
    for (int64_t o = 0; o < out_.size; ++o) {
      const int64_t r = p_->out_regs[o];
      last_write_[o] = -1;
      if (r <= in_.size + p_->consts.size) continue;
      if (row_distance(o) != columns_ && columns_ <= kTile / 2) continue;
      bool wanted_twice = false;
      for (int64_t other = 0; other < out_.size; ++other) wanted_twice |= other != o && p_->out_regs[other] == r;
      if (wanted_twice) continue;
      for (int64_t i = 0; i < count; ++i) {
        const int64_t* ins = p_->code.data + i * 5;
        if (ins[1] == r) last_write_[o] = i;
        if (last_write_[o] >= 0 && last_write_[o] < i &&
            (reads_operand(ins[2]) || reads_operand(ins[3]) || reads_operand(ins[4])))
          last_write_[o] = -1;
      }
    }
    direct_ = 0;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t o = 0; o < out_.size; ++o) {
        if (last_write_[o] == i) order_[direct_++] = o;
      }
    }
  }

  bool reads_operand(int64_t r) const { return r > 0 && r <= in_.size; }

  void load_operand(int64_t e, int64_t row, int64_t rows, int64_t column, int64_t n) {
    const int64_t size = p_->sizes[e], row_stride = p_->row[e], col_stride = p_->col[e];
    const char* from =
        static_cast<const char*>(in_[e]) + (batch_ * p_->batch[e] + row * row_stride + column * col_stride) * size;
    if (col_stride == 1 && (rows == 1 || row_stride == n)) {
      registers_[1 + e] = const_cast<char*>(from);
      return;
    }
    char* to = memory_ + (1 + e) * kRegisterBytes;
    registers_[1 + e] = to;
    if (row_stride == 0 && col_stride == 0) {
      if (!filled_[e]) fill_elements(to, from, size, kTile);
      filled_[e] = 1;
      return;
    }
    const bool repeats = row_stride == 0 && n == columns_ && columns_ <= kTile / 2;
    if (repeats && filled_[e]) return;
    const int64_t count = repeats ? kTile / n : rows;
    for (int64_t i = 0; i < count; ++i) {
      gather_elements(to + i * n * size, from + i * row_stride * size, col_stride, size, n);
    }
    filled_[e] = repeats;
  }

  void segment(char* c, int64_t row, int64_t out_row, int64_t rows, int64_t column, int64_t n) {
    registers_[0] = c;
    for (int64_t e = 0; e < in_.size; ++e) load_operand(e, row, rows, column, n);
    const int64_t length = rows * n, count = p_->code.size / 5;
    const auto place = [&](int64_t o, int64_t r) {
      return static_cast<char*>(out_[o]) + ((out_row + r) * row_distance(o) + column) * p_->out_sizes[o];
    };
    const VmFunction* table = vm_functions();
    int64_t next = 0;
    for (int64_t d = 0; d < direct_; ++d) {
      const int64_t o = order_[d];
      vm_run({table, p_->code.data + next * 5, last_write_[o] - next}, registers_, length);
      next = last_write_[o];
      const int64_t* ins = p_->code.data + next * 5;
      void* to = place(o, 0);
      table[ins[0]](to, source(ins[2]), source(ins[3]), source(ins[4]), length);
      registers_[ins[1]] = to;
      ++next;
    }
    vm_run({table, p_->code.data + next * 5, count - next}, registers_, length);
    for (int64_t o = 0; o < out_.size; ++o) {
      const int64_t r = p_->out_regs[o], size = p_->out_sizes[o];
      if (last_write_[o] >= 0) {
        registers_[r] = memory_ + r * kRegisterBytes;
        continue;
      }
      const int64_t at_once = row_distance(o) == n ? rows : 1;
      for (int64_t i = 0; i < rows; i += at_once) {
        __builtin_memcpy(place(o, i), static_cast<char*>(registers_[r]) + i * n * size,
                         static_cast<size_t>(at_once * n * size));
      }
    }
  }

  const void* source(int64_t r) const { return r < 0 ? nullptr : registers_[r]; }

  const EpilogueParams* p_ = nullptr;
  Span<const void*> in_{};
  Span<void*> out_{};
  int64_t columns_ = 0;
  int64_t value_size_ = 0;
  int64_t batch_ = 0;
  bool plain_ = true;
  bool short_ = false;
  bool streams_ = false;  // results are stored past the caches
  bool leaves_ = false;   // likewise, from the finished block
  ShortEpilogue short_epilogue_;
  char* memory_ = nullptr;
  void** registers_ = nullptr;
  int64_t* last_write_ = nullptr;  // by output: the instruction that writes it, -1 when it is copied
  int64_t* order_ = nullptr;       // outputs written directly, in program order
  int64_t direct_ = 0;
  char* filled_ = nullptr;  // by operand: the register already holds the repeated value
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
