// The recurrent family against naive double loops: every cell forward and backward, with and without each operand, both
// ways, with lengths, from one unit to several vectors of them and from one sequence to several blocks.
#include "kernels/recurrent/recurrent.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(recurrent)

using namespace brawn;
using namespace kernel_test;

enum Cell { kLstm, kGru, kRnn };
static const char* const kNames[] = {"lstm", "gru", "rnn"};
static const int kGates[] = {4, 3, 1};
static const int kGradients[] = {4, 6, 1};

using Doubles = std::vector<double>;

struct Case {
  Cell cell;
  int64_t steps, batch, hidden;
  bool reverse, lengths, states, extras, relu;
};

// Operands in the kernel's type, and the same numbers in double.
template <class T>
struct Operand {
  std::vector<T> values;
  Doubles exact;
  Operand(int64_t n, uint32_t seed, double range) : values(random_values<T>(n, seed, -range, range)) {
    exact.assign(values.begin(), values.end());
  }
  const T* or_null(bool given) const { return given ? values.data() : nullptr; }
  Doubles or_zeros(bool given) const { return given ? exact : Doubles(exact.size()); }
};

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The numbers of one run, in double.
struct Numbers {
  Doubles gates, weight, h0, c0, peephole, bias, dy, dhn, dcn;
  std::vector<int32_t> lengths;
};

// Where the parts of a result start, in rows of [batch, hidden].
struct Layout {
  int64_t last, cells, gates, rows;
  explicit Layout(const Case& c, bool saves = true) {
    last = c.steps + 1;
    cells = last + (c.cell == kLstm ? 2 : 1);
    gates = cells + (c.cell == kLstm ? c.steps + 1 : 0);
    rows = !saves ? cells : gates + (c.cell == kRnn ? 0 : 4 * c.steps);
  }
};

static Doubles times(const Doubles& w, const double* h, int64_t rows, int64_t n) {
  Doubles out(rows);
  for (int64_t j = 0; j < rows; ++j) {
    for (int64_t k = 0; k < n; ++k) out[j] += w[j * n + k] * h[k];
  }
  return out;
}

static Doubles forward(const Case& c, const Numbers& x) {
  const Layout layout(c);
  const int64_t n = c.hidden, unit = c.batch * n, g = kGates[c.cell];
  Doubles out(layout.rows * unit);
  const int64_t first = c.reverse ? c.steps : 0, final = c.steps - first;
  std::copy(x.h0.begin(), x.h0.end(), out.begin() + first * unit);
  if (c.cell == kLstm) std::copy(x.c0.begin(), x.c0.end(), out.begin() + (layout.cells + first) * unit);
  for (int64_t s = 0; s < c.steps; ++s) {
    const int64_t t = c.reverse ? c.steps - 1 - s : s;
    const int64_t before = c.reverse ? t + 1 : t, after = c.reverse ? t : t + 1;
    for (int64_t b = 0; b < c.batch; ++b) {
      const double* h = &out[before * unit + b * n];
      const Doubles a = times(x.weight, h, g * n, n);
      const bool valid = x.lengths.empty() || t < x.lengths[b];
      for (int64_t u = 0; u < n; ++u) {
        const auto gate = [&](int64_t k) { return x.gates[(t * c.batch + b) * g * n + k * n + u]; };
        const auto save = [&](int64_t k, double v) {
          out[layout.gates * unit + (t * c.batch + b) * 4 * n + k * n + u] = v;
        };
        double* to = &out[after * unit + b * n + u];
        if (c.cell == kLstm) {
          const double c0 = out[(layout.cells + before) * unit + b * n + u];
          const double i = sigmoid(gate(0) + a[u] + x.peephole[u] * c0);
          const double f = sigmoid(gate(1) + a[n + u] + x.peephole[2 * n + u] * c0);
          const double z = std::tanh(gate(2) + a[2 * n + u]), c1 = f * c0 + i * z;
          const double o = sigmoid(gate(3) + a[3 * n + u] + x.peephole[n + u] * c1);
          out[(layout.cells + after) * unit + b * n + u] = valid ? c1 : c0;
          *to = valid ? o * std::tanh(c1) : h[u];
          save(0, i), save(1, f), save(2, z), save(3, o);
        } else if (c.cell == kGru) {
          const double r = sigmoid(gate(0) + a[u]), z = sigmoid(gate(1) + a[n + u]);
          const double m = a[2 * n + u] + x.bias[u], w = std::tanh(gate(2) + r * m);
          *to = valid ? (1 - z) * w + z * h[u] : h[u];
          save(0, r), save(1, z), save(2, w), save(3, m);
        } else {
          const double pre = gate(0) + a[u];
          *to = !valid ? h[u] : c.relu ? std::fmax(pre, 0) : std::tanh(pre);
        }
      }
    }
  }
  std::copy_n(out.begin() + final * unit, unit, out.begin() + layout.last * unit);
  if (c.cell == kLstm)
    std::copy_n(out.begin() + (layout.cells + final) * unit, unit, out.begin() + (layout.last + 1) * unit);
  return out;
}

// `saved` is a result of forward.
static Doubles backward(const Case& c, const Numbers& x, const Doubles& saved) {
  const Layout layout(c);
  const int64_t n = c.hidden, unit = c.batch * n, g = kGates[c.cell];
  Doubles dh = x.dhn, dc = x.dcn, out((kGradients[c.cell] * c.steps + (c.cell == kLstm ? 2 : 1)) * unit);
  for (int64_t s = c.steps - 1; s >= 0; --s) {
    const int64_t t = c.reverse ? c.steps - 1 - s : s;
    const int64_t before = c.reverse ? t + 1 : t, after = c.reverse ? t : t + 1;
    for (int64_t b = 0; b < c.batch; ++b) {
      const int64_t row = b * n, at = (t * c.batch + b) * g * n;
      Doubles d(g * n);
      for (int64_t u = 0; u < n; ++u) dh[row + u] += x.dy[t * unit + row + u];
      if (!x.lengths.empty() && t >= x.lengths[b]) continue;
      for (int64_t u = 0; u < n; ++u) {
        const auto gate = [&](int64_t k) { return saved[layout.gates * unit + (t * c.batch + b) * 4 * n + k * n + u]; };
        const double g_h = dh[row + u];
        if (c.cell == kLstm) {
          const double i = gate(0), f = gate(1), z = gate(2), o = gate(3);
          const double c0 = saved[(layout.cells + before) * unit + row + u];
          const double tc = std::tanh(saved[(layout.cells + after) * unit + row + u]);
          d[3 * n + u] = g_h * tc * o * (1 - o);
          const double g_c = dc[row + u] + g_h * o * (1 - tc * tc) + x.peephole[n + u] * d[3 * n + u];
          d[u] = g_c * z * i * (1 - i), d[n + u] = g_c * c0 * f * (1 - f), d[2 * n + u] = g_c * i * (1 - z * z);
          dc[row + u] = g_c * f + x.peephole[u] * d[u] + x.peephole[2 * n + u] * d[n + u];
          dh[row + u] = 0;
        } else if (c.cell == kGru) {
          const double r = gate(0), z = gate(1), w = gate(2), m = gate(3);
          const double d_w = g_h * (1 - z) * (1 - w * w);
          d[u] = d_w * m * r * (1 - r), d[n + u] = g_h * (saved[before * unit + row + u] - w) * z * (1 - z);
          d[2 * n + u] = d_w;
          dh[row + u] = g_h * z;
        } else {
          const double h = saved[after * unit + row + u];
          d[u] = g_h * (c.relu ? h > 0 : 1 - h * h);
          dh[row + u] = 0;
        }
      }
      std::copy(d.begin(), d.end(), out.begin() + at);
      if (c.cell == kGru) {
        for (int64_t u = 0; u < n; ++u) {
          d[2 * n + u] *= saved[layout.gates * unit + (t * c.batch + b) * 4 * n + u];
        }
        std::copy(d.begin(), d.end(), out.begin() + 3 * c.steps * unit + at);
      }
      for (int64_t j = 0; j < g * n; ++j) {
        for (int64_t k = 0; k < n; ++k) dh[row + k] += d[j] * x.weight[j * n + k];
      }
    }
  }
  const int64_t end = kGradients[c.cell] * c.steps * unit;
  std::copy(dh.begin(), dh.end(), out.begin() + end);
  if (c.cell == kLstm) std::copy(dc.begin(), dc.end(), out.begin() + end + unit);
  return out;
}

template <class T>
static void compare(const KernelRow& row, const char* isa, const Case& c, const std::vector<T>& actual,
                    const Doubles& expected) {
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
  for (size_t i = 0; i < actual.size(); ++i) {
    CHECK(close(static_cast<double>(actual[i]), expected[i], tolerance),
          "%s %s [%lld,%lld,%lld] reverse %d lengths %d states %d extras %d: [%zu] is %g, expected %g", isa, row.name,
          (long long)c.steps, (long long)c.batch, (long long)c.hidden, c.reverse, c.lengths, c.states, c.extras, i,
          static_cast<double>(actual[i]), expected[i]);
  }
}

template <class T>
static void check(const IsaTable& table, const Case& c) {
  const int64_t n = c.hidden, unit = c.batch * n, g = kGates[c.cell];
  const Operand<T> gates(c.steps * unit * g, 1, 2), weight(g * n * n, 2, 2 / std::sqrt(n)), h0(unit, 3, 1),
      c0(unit, 4, 1);
  const Operand<T> peephole(3 * n, 5, 1), bias(n, 6, 1), dy(c.steps * unit, 7, 1), dhn(unit, 8, 1), dcn(unit, 9, 1);
  Numbers x = {gates.exact,
               weight.exact,
               h0.or_zeros(c.states),
               c0.or_zeros(c.states),
               peephole.or_zeros(c.extras),
               bias.or_zeros(c.extras),
               dy.or_zeros(c.extras),
               dhn.or_zeros(!c.extras || c.states),
               dcn.or_zeros(c.states),
               {}};
  for (int64_t b = 0; c.lengths && b < c.batch; ++b)
    x.lengths.push_back(static_cast<int32_t>((b * 3 + 1) % (c.steps + 2)));
  const int32_t* lengths = c.lengths ? x.lengths.data() : nullptr;
  const std::string name = std::string("recurrent_") + kNames[c.cell];
  const KernelRow& row = find_row(table, name + "_" + dtype_name<T>());

  const Doubles expected = forward(c, x);
  std::vector<T> result(Layout(c).rows * unit), head(Layout(c, false).rows * unit);
  RecurrentArgs args = {gates.values.data(),
                        weight.values.data(),
                        h0.or_null(c.states),
                        c0.or_null(c.states),
                        lengths,
                        peephole.or_null(c.extras),
                        bias.or_null(c.extras),
                        result.data(),
                        {c.steps, c.batch, n, c.reverse, c.relu, 1}};
  run_all_orders(row, &args, result);
  compare(row, table.isa.c_str(), c, result, expected);
  args.result = head.data(), args.sizes.saves = 0;
  run_all_orders(row, &args, head);
  CHECK(std::memcmp(head.data(), result.data(), head.size() * sizeof(T)) == 0, "%s without saving", row.name);

  const Doubles gradients = backward(c, x, Doubles(result.begin(), result.end()));
  std::vector<T> dgates(gradients.size());
  RecurrentBackwardArgs back = {result.data(),
                                weight.values.data(),
                                dy.or_null(c.extras),
                                dhn.or_null(!c.extras || c.states),
                                dcn.or_null(c.states),
                                lengths,
                                peephole.or_null(c.extras),
                                dgates.data(),
                                {c.steps, c.batch, n, c.reverse, c.relu, 1}};
  const KernelRow& back_row = find_row(table, name + "_backward_" + dtype_name<T>());
  run_all_orders(back_row, &back, dgates);
  compare(back_row, table.isa.c_str(), c, dgates, gradients);
}

static void check_cell(const IsaTable& table, Cell cell) {
  for (int64_t hidden : {1, 5, 16, 37, 130}) {
    for (int64_t batch : {1, 3, 15, 50}) {
      for (int64_t steps : {1, 4, 17}) {
        const int options = hidden < 100 && steps < 17 ? 16 : 2;
        for (int o = 0; o < options; ++o) {
          const int k = options == 16 ? o : o * 15;
          const Case c = {cell,         steps,        batch,        hidden,      (k & 1) != 0,
                          (k & 2) != 0, (k & 4) != 0, (k & 8) != 0, (k & 1) != 0};
          check<float>(table, c);
          check<double>(table, c);
        }
      }
    }
  }
}

int main() {
  for (const IsaTable& table : recurrent_tables()) {
    for (Cell cell : {kLstm, kGru, kRnn}) check_cell(table, cell);
    std::printf("recurrent %s ok\n", table.isa.c_str());
  }
  return 0;
}
