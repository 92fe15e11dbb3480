// The epilogue that most layers have, in one pass through registers: a bias per column or row, a residual, and
// bounds, or zeros where masks are set. Its bits are those of the operations one by one; epilogue.inl runs every other
// program.
#pragma once
#include "kernels/elementwise/vm.h"
#include "kernels/gemm/gemm.h"
#include "simd/stream.h"

namespace brawn {
namespace BRAWN_ISA {

VmTable vm_table();

namespace {

// A bias per column, or null, and bounds: for kernels that have finished values in registers.
struct ColumnEpilogue {
  const float* bias = nullptr;
  int bounds = 0;  // 1: lower alone, 2: both
  float lower = 0, upper = 0;

  template <class V>
  BRAWN_INLINE V bounded(V v) const {
    if (bounds > 0) v = select(lt(v, V::set(lower)), V::set(lower), v);
    if (bounds > 1) v = select(lt(V::set(upper), v), V::set(upper), v);
    return v;
  }
};

// A number per row, or null, and bounds, likewise; distances in elements.
struct RowEpilogue {
  const float* bias = nullptr;
  int64_t row = 0, batch = 0;
  ColumnEpilogue bounds;
};

class ShortEpilogue {
 public:
  // Whether a program is value + bias + residual, each optional, then relu or clamp, or value + residual, then zero
  // where one or two masks are set (the gradients of relu and clamp), into one output of float32.
  bool read(const EpilogueParams& p, int64_t inputs, int64_t outputs) {
    bias_ = residual_ = -1;
    bounds_ = 0;
    masks_[0] = masks_[1] = -1;
    if (outputs != 1 || p.code.size == 0 || p.out_sizes[0] != int64_t{sizeof(float)}) return false;
    const VmTable table = vm_table();
    int64_t value = 0;
    for (int64_t i = 0; i < p.code.size; i += 5) {
      const int64_t* ins = p.code.data + i;
      const char* name = table.ops[ins[0]].name;
      const bool known = same(name, "add_f32")     ? read_add(p, inputs, ins[2] == value ? ins[3] : ins[2])
                             : same(name, "relu_f32") ? read_bounds(0, 0, 1)
                         : same(name, "clamp_f32") ? read_clamp(p, inputs, ins[3], ins[4])
                         : same(name, "where_f32") ? read_mask(p, inputs, ins[2], ins[3])
                                                   : false;
      const bool reads = same(name, "where_f32") ? ins[4] == value : ins[2] == value || ins[3] == value;
      if (!known || !reads) return false;
      value = ins[1];
    }
    return p.out_regs[0] == value;
  }

  // Whether all rows are treated alike, as `columns` tells.
  bool read_columns(const EpilogueParams& p, Span<const void*> in, int64_t outputs, ColumnEpilogue* columns) {
    if (!read(p, in.size, outputs) || residual_ >= 0 || masks_[0] >= 0) return false;
    if (bias_ >= 0 && p.col[bias_] != 1) return false;
    *columns = {bias_ < 0 ? nullptr : static_cast<const float*>(in[bias_]), bounds_, lower_, upper_};
    return true;
  }

  // Whether all columns are treated alike, as `rows` tells.
  bool read_rows(const EpilogueParams& p, Span<const void*> in, int64_t outputs, RowEpilogue* rows) {
    if (!read(p, in.size, outputs) || residual_ >= 0 || masks_[0] >= 0) return false;
    if (bias_ >= 0 && p.col[bias_] != 0) return false;
    rows->bounds = {nullptr, bounds_, lower_, upper_};
    if (bias_ < 0) return true;
    rows->bias = static_cast<const float*>(in[bias_]);
    rows->row = p.row[bias_], rows->batch = p.batch[bias_];
    return true;
  }

  // Whether rows at `to`, `to_stride` apart, are stored past the caches: in whole lines.
  bool streams(const EpilogueParams& p, const float* to, int64_t to_stride) const {
    return p.far != 0 && masks_[0] < 0 && reinterpret_cast<uintptr_t>(to) % kStreamLine == 0 &&
           to_stride * int64_t{sizeof(float)} % kStreamLine == 0;
  }

  // Rows of values that are `stride` apart, from (row, column) on, into rows of the output that are `columns_` apart.
  void run(const EpilogueParams& p, Span<const void*> in, const float* from, int64_t stride, float* to,
           int64_t to_stride, int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    const auto operand = [&](int64_t e) {
      return static_cast<const float*>(in[e]) + batch * p.batch[e] + row * p.row[e] + column * p.col[e];
    };
    const Rows all = {from,
                      stride,
                      to,
                      to_stride,
                      bias_ < 0 ? nullptr : operand(bias_),
                      residual_ < 0 ? nullptr : operand(residual_),
                      residual_ < 0 ? 0 : p.row[residual_],
                      rows,
                      columns,
                      streams(p, to, to_stride)};
    if (masks_[0] >= 0) {
      const auto mask = [&](int64_t e) {
        return static_cast<const uint8_t*>(in[e]) + batch * p.batch[e] + row * p.row[e] + column;
      };
      const int64_t second = masks_[1] < 0 ? masks_[0] : masks_[1];
      const Masks masks = {mask(masks_[0]), mask(second), p.row[masks_[0]], p.row[second]};
      if (all.residual == nullptr) {
        run_masked<false>(all, masks);
      } else {
        run_masked<true>(all, masks);
      }
    } else if (all.bias == nullptr) {
      run_with<Bias::kNone>(all);
    } else if (p.col[bias_] == 1) {
      run_with<Bias::kColumns>(all);
    } else {
      run_with<Bias::kRows>(all);
    }
  }

 private:
  enum class Bias { kNone, kColumns, kRows };
  struct Rows {
    const float* from;
    int64_t stride;
    float* to;
    int64_t to_stride;
    const float* bias;
    const float* residual;
    int64_t residual_stride, rows, columns;
    bool streams;
  };

  struct Masks {
    const uint8_t *first, *second;
    int64_t first_stride, second_stride;
  };

  static bool same(const char* a, const char* b) {
    while (*a != 0 && *a == *b) ++a, ++b;
    return *a == *b;
  }

  bool read_add(const EpilogueParams& p, int64_t inputs, int64_t source) {
    const int64_t e = source - 1;
    if (e < 0 || e >= inputs || p.sizes[e] != int64_t{sizeof(float)} || bounds_ > 0 || masks_[0] >= 0) return false;
    const bool per_row = p.col[e] == 0 && p.row[e] == 1;
    if ((per_row || (p.col[e] == 1 && p.row[e] == 0)) && bias_ < 0 && residual_ < 0) {
      bias_ = e;
      return true;
    }
    if (residual_ >= 0 || p.col[e] != 1) return false;
    residual_ = e;
    return true;
  }

  bool read_clamp(const EpilogueParams& p, int64_t inputs, int64_t lower, int64_t upper) {
    const int64_t first = 1 + inputs;
    if (lower < first || lower >= first + p.consts.size || upper < first || upper >= first + p.consts.size)
      return false;
    float bounds[2];
    __builtin_memcpy(&bounds[0], &p.consts[lower - first], sizeof(float));
    __builtin_memcpy(&bounds[1], &p.consts[upper - first], sizeof(float));
    return bounds[0] == bounds[0] && bounds[1] == bounds[1] && read_bounds(bounds[0], bounds[1], 2);
  }

  bool read_bounds(float lower, float upper, int bounds) {
    if (bounds_ > 0 || masks_[0] >= 0) return false;
    lower_ = lower, upper_ = upper, bounds_ = bounds;
    return true;
  }

  // A mask that chooses the constant 0.
  bool read_mask(const EpilogueParams& p, int64_t inputs, int64_t condition, int64_t zero) {
    const int64_t e = condition - 1, constant = zero - 1 - inputs;
    if (e < 0 || e >= inputs || p.sizes[e] != 1 || p.col[e] != 1 || masks_[1] >= 0) return false;
    if (constant < 0 || constant >= p.consts.size || bias_ >= 0 || bounds_ > 0) return false;
    int32_t bits = 0;
    __builtin_memcpy(&bits, &p.consts[constant], sizeof bits);
    masks_[masks_[0] < 0 ? 0 : 1] = e;
    return bits == 0;
  }

  // Where neither of two masks is set.
  static BRAWN_INLINE M32 clear_lanes(const uint8_t* first, const uint8_t* second) {
    int32_t either[F32::kLanes];
    for (int i = 0; i < F32::kLanes; ++i) either[i] = first[i] | second[i];
    return eq(I32::load(either), I32::zero());
  }

  template <bool kResidual>
  void run_masked(const Rows& r, const Masks& masks) const {
    const int64_t whole = r.columns / F32::kLanes * F32::kLanes, rest = r.columns - whole;
    for (int64_t i = 0; i < r.rows; ++i) {
      const float* from = r.from + i * r.stride;
      const float* residual = kResidual ? r.residual + i * r.residual_stride : nullptr;
      const uint8_t* first = masks.first + i * masks.first_stride;
      const uint8_t* second = masks.second + i * masks.second_stride;
      float* to = r.to + i * r.to_stride;
      for (int64_t j = 0; j < whole; j += F32::kLanes) {
        F32 v = F32::load(from + j);
        if constexpr (kResidual) v = v + F32::load(residual + j);
        select(clear_lanes(first + j, second + j), v, F32::zero()).store(to + j);
      }
      if (rest == 0) continue;
      uint8_t last[2][F32::kLanes] = {};
      for (int64_t l = 0; l < rest; ++l) last[0][l] = first[whole + l], last[1][l] = second[whole + l];
      F32 v = F32::load_partial(from + whole, rest);
      if constexpr (kResidual) v = v + F32::load_partial(residual + whole, rest);
      select(clear_lanes(last[0], last[1]), v, F32::zero()).store_partial(to + whole, rest);
    }
  }

  template <Bias kBias>
  void run_with(const Rows& r) const {
    if (r.residual == nullptr) {
      run_with<kBias, false>(r);
    } else {
      run_with<kBias, true>(r);
    }
  }
  template <Bias kBias, bool kResidual>
  void run_with(const Rows& r) const {
    if (bounds_ == 0) {
      run_rows<kBias, kResidual, 0>(r);
    } else if (bounds_ == 1) {
      run_rows<kBias, kResidual, 1>(r);
    } else {
      run_rows<kBias, kResidual, 2>(r);
    }
  }

  template <Bias kBias, bool kResidual, int kBounds>
  void run_rows(const Rows& r) const {
    const F32 lower = F32::set(lower_), upper = F32::set(upper_);
    const auto finish = [&](F32 v, F32 bias, F32 residual) {
      if constexpr (kBias != Bias::kNone) v = v + bias;
      if constexpr (kResidual) v = v + residual;
      if constexpr (kBounds > 0) v = select(lt(v, lower), lower, v);
      if constexpr (kBounds > 1) v = select(lt(upper, v), upper, v);
      return v;
    };
    const F32 none = F32::zero();
    const int64_t whole = r.columns / F32::kLanes * F32::kLanes, rest = r.columns - whole;
    for (int64_t i = 0; i < r.rows; ++i) {
      const float* from = r.from + i * r.stride;
      const float* residual = kResidual ? r.residual + i * r.residual_stride : nullptr;
      float* to = r.to + i * r.to_stride;
      const F32 row_bias = kBias == Bias::kRows ? F32::set(r.bias[i]) : none;
      for (int64_t j = 0; j < whole; j += F32::kLanes) {
        const F32 v = finish(F32::load(from + j), kBias == Bias::kColumns ? F32::load(r.bias + j) : row_bias,
                             kResidual ? F32::load(residual + j) : none);
        if (r.streams) {
          stream_vector(to + j, v);
        } else {
          v.store(to + j);
        }
      }
      if (rest == 0) continue;
      finish(F32::load_partial(from + whole, rest),
             kBias == Bias::kColumns ? F32::load_partial(r.bias + whole, rest) : row_bias,
             kResidual ? F32::load_partial(residual + whole, rest) : none)
          .store_partial(to + whole, rest);
    }
  }

  int64_t bias_ = -1, residual_ = -1;  // operands
  int64_t masks_[2] = {-1, -1};        // likewise, the first ones first
  int bounds_ = 0;                     // 1: lower alone, 2: both
  float lower_ = 0, upper_ = 0;
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
