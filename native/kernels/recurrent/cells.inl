// The cells: what happens to one vector of hidden units of one sequence between two recurrent products, forward and
// backward. recurrent.inl drives them.
//
// kGates gates per unit; kResults result rows behind the T + 1 rows of h; kSavedGates saved values per unit and step
// and kSavesCell whether rows of c are saved before them; kGradients gradient values per unit and step.
#pragma once
#include "kernels/gemm/skinny.inl"
#include "kernels/recurrent/recurrent.h"
#include "simd/math.h"

namespace brawn {
namespace BRAWN_ISA {
namespace {

BRAWN_INLINE F32 gate_sigmoid(F32 x) { return sigmoid(x); }
BRAWN_INLINE F32 gate_tanh(F32 x) { return tanh(x); }

inline F64 each_lane(F64 x, double (*function)(double)) {
  double lanes[F64::kLanes];
  x.store(lanes);
  for (double& lane : lanes) lane = function(lane);
  return F64::load(lanes);
}
inline double sigmoid_lane(double x) { return 1 / (1 + ::exp(-x)); }
inline double tanh_lane(double x) { return ::tanh(x); }
BRAWN_INLINE F64 gate_sigmoid(F64 x) { return each_lane(x, sigmoid_lane); }
BRAWN_INLINE F64 gate_tanh(F64 x) { return each_lane(x, tanh_lane); }

// Loads and stores of the n units that a vector holds.
template <class T>
struct Units {
  using V = typename VectorOf<T>::V;
  int64_t n;
  BRAWN_INLINE V load(const T* p) const { return n == V::kLanes ? V::load(p) : V::load_partial(p, n); }
  BRAWN_INLINE V load_or_zero(const T* p) const { return p == nullptr ? V::zero() : load(p); }
  BRAWN_INLINE void store(T* p, V v) const {
    if (n == V::kLanes) {
      v.store(p);
    } else {
      v.store_partial(p, n);
    }
  }
};

// Pointers to the first unit of the vector at hand, in one sequence at one step. Gates are `hidden` apart.
template <class T>
struct ForwardPlace {
  const T* product;  // W h_(t-1): gates are `lanes` apart
  const T* gates;
  const T* peephole;  // null: none
  const T* bias;      // null: none
  const T* h_before;
  T* h_after;
  T* h_result;
  T* c;        // updated in place
  T* c_saved;  // null: not saved
  T* gates_saved;
  int64_t hidden;
  int64_t lanes;
  bool valid;
  bool relu;
};

template <class T>
struct BackwardPlace {
  const T* h_before;
  const T* h_after;
  const T* c_before;
  const T* c_after;
  const T* gates_saved;
  const T* peephole;  // null: none
  const T* dy;        // null: zeros
  T* dh;              // in: gradient of the state after the step; out: the part of dh_(t-1) that bypasses the product
  T* dc;
  T* dgates;
  T* dproducts;  // GRU
  T* left;       // the gradients of the products once more: the left operand of the product that gives dh_(t-1)
  int64_t hidden;
  bool valid;
  bool relu;
};

struct LstmCell {
  static constexpr int kGates = 4, kResults = 2, kSavedGates = 4, kGradients = 4;
  static constexpr bool kHasCell = true, kHasProducts = false;

  template <class T>
  static BRAWN_INLINE void forward(const ForwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const auto pre = [&](int k) { return units.load(at.gates + k * at.hidden) + V::load(at.product + k * at.lanes); };
    const V before = units.load(at.c);
    V pre_i = pre(0), pre_f = pre(1), pre_o = pre(3);
    if (at.peephole != nullptr) {
      pre_i = fma(units.load(at.peephole), before, pre_i);
      pre_f = fma(units.load(at.peephole + 2 * at.hidden), before, pre_f);
    }
    const V i = gate_sigmoid(pre_i), f = gate_sigmoid(pre_f), g = gate_tanh(pre(2));
    const V after = fma(f, before, i * g);
    if (at.peephole != nullptr) pre_o = fma(units.load(at.peephole + at.hidden), after, pre_o);
    const V o = gate_sigmoid(pre_o);
    const V h = at.valid ? o * gate_tanh(after) : units.load(at.h_before);
    const V c = at.valid ? after : before;
    units.store(at.h_after, h);
    units.store(at.h_result, h);
    units.store(at.c, c);
    if (at.c_saved == nullptr) return;
    units.store(at.c_saved, c);
    units.store(at.gates_saved, i);
    units.store(at.gates_saved + at.hidden, f);
    units.store(at.gates_saved + 2 * at.hidden, g);
    units.store(at.gates_saved + 3 * at.hidden, o);
  }

  template <class T>
  static BRAWN_INLINE void backward(const BackwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const V one = V::set(1);
    const auto gate = [&](int k) { return units.load(at.gates_saved + k * at.hidden); };
    const V i = gate(0), f = gate(1), g = gate(2), o = gate(3);
    const V t = gate_tanh(units.load(at.c_after)), dh = units.load(at.dh) + units.load_or_zero(at.dy);
    const V d_o = dh * t * (o * (one - o));
    V dc = fma(dh * o, fnma(t, t, one), units.load(at.dc));
    if (at.peephole != nullptr) dc = fma(units.load(at.peephole + at.hidden), d_o, dc);
    const V d_i = dc * g * (i * (one - i));
    const V d_f = dc * units.load(at.c_before) * (f * (one - f));
    const V d_g = dc * i * fnma(g, g, one);
    dc = dc * f;
    if (at.peephole != nullptr) {
      dc = fma(units.load(at.peephole), d_i, dc);
      dc = fma(units.load(at.peephole + 2 * at.hidden), d_f, dc);
    }
    units.store(at.dc, dc);
    units.store(at.dh, V::zero());
    const V all[4] = {d_i, d_f, d_g, d_o};
    for (int k = 0; k < 4; ++k) {
      units.store(at.dgates + k * at.hidden, all[k]);
      units.store(at.left + k * at.hidden, all[k]);
    }
  }
};

struct GruCell {
  static constexpr int kGates = 3, kResults = 1, kSavedGates = 4, kGradients = 6;
  static constexpr bool kHasCell = false, kHasProducts = true;

  template <class T>
  static BRAWN_INLINE void forward(const ForwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const auto x = [&](int k) { return units.load(at.gates + k * at.hidden); };
    const auto product = [&](int k) { return V::load(at.product + k * at.lanes); };
    const V r = gate_sigmoid(x(0) + product(0)), z = gate_sigmoid(x(1) + product(1));
    const V m = product(2) + units.load_or_zero(at.bias);
    const V n = gate_tanh(fma(r, m, x(2)));
    const V before = units.load(at.h_before);
    const V h = at.valid ? fma(z, before - n, n) : before;
    units.store(at.h_after, h);
    units.store(at.h_result, h);
    if (at.gates_saved == nullptr) return;
    units.store(at.gates_saved, r);
    units.store(at.gates_saved + at.hidden, z);
    units.store(at.gates_saved + 2 * at.hidden, n);
    units.store(at.gates_saved + 3 * at.hidden, m);
  }

  template <class T>
  static BRAWN_INLINE void backward(const BackwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const V one = V::set(1);
    const auto gate = [&](int k) { return units.load(at.gates_saved + k * at.hidden); };
    const V r = gate(0), z = gate(1), n = gate(2), m = gate(3), dh = units.load(at.dh) + units.load_or_zero(at.dy);
    const V d_n = dh * (one - z) * fnma(n, n, one);
    const V d_z = dh * (units.load(at.h_before) - n) * (z * (one - z));
    const V d_r = d_n * m * (r * (one - r));
    units.store(at.dh, dh * z);
    const V products[3] = {d_r, d_z, d_n * r};
    for (int k = 0; k < 3; ++k) {
      units.store(at.dgates + k * at.hidden, k == 2 ? d_n : products[k]);
      units.store(at.dproducts + k * at.hidden, products[k]);
      units.store(at.left + k * at.hidden, products[k]);
    }
  }
};

struct RnnCell {
  static constexpr int kGates = 1, kResults = 1, kSavedGates = 0, kGradients = 1;
  static constexpr bool kHasCell = false, kHasProducts = false;

  template <class T>
  static BRAWN_INLINE void forward(const ForwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const V pre = units.load(at.gates) + V::load(at.product);
    const V after = at.relu ? max(pre, V::zero()) : gate_tanh(pre);
    const V h = at.valid ? after : units.load(at.h_before);
    units.store(at.h_after, h);
    units.store(at.h_result, h);
  }

  template <class T>
  static BRAWN_INLINE void backward(const BackwardPlace<T>& at, Units<T> units) {
    using V = typename VectorOf<T>::V;
    const V h = units.load(at.h_after), dh = units.load(at.dh) + units.load_or_zero(at.dy);
    const V d = at.relu ? select(gt(h, V::zero()), dh, V::zero()) : dh * fnma(h, h, V::set(1));
    units.store(at.dh, V::zero());
    units.store(at.dgates, d);
    units.store(at.left, d);
  }
};

}  // namespace
}  // namespace BRAWN_ISA
}  // namespace brawn
