// The bodies of the running sum and product; scan.h describes them.
#include "kernels/scan/scan.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

// The type a scan accumulates in: unsigned integers wrap around without undefined behaviour.
template <class T>
struct ScanTotal;
template <>
struct ScanTotal<float> {
  using type = double;
};
template <>
struct ScanTotal<double> {
  using type = double;
};
template <>
struct ScanTotal<int32_t> {
  using type = uint32_t;
};
template <>
struct ScanTotal<int64_t> {
  using type = uint64_t;
};

struct ScanSum {
  template <class A>
  static A start() {
    return 0;
  }
  template <class A>
  static A apply(A a, A b) {
    return a + b;
  }
};

struct ScanProd {
  template <class A>
  static A start() {
    return 1;
  }
  template <class A>
  static A apply(A a, A b) {
    return a * b;
  }
};

template <class T, class Op>
void scan_line(const T* x, T* y, int64_t n, int64_t step) {
  using A = typename ScanTotal<T>::type;
  A total = Op::template start<A>();
  for (int64_t i = 0; i < n; ++i) {
    total = Op::apply(total, static_cast<A>(x[i * step]));
    y[i * step] = static_cast<T>(total);
  }
}

template <class T, class Op>
void scan_columns(const T* x, T* y, int64_t n, int64_t step, int64_t width) {
  using A = typename ScanTotal<T>::type;
  A total[kScanColumns];
  for (int64_t j = 0; j < width; ++j) total[j] = Op::template start<A>();
  for (int64_t i = 0; i < n; ++i) {
    const T* p = x + i * step;
    T* q = y + i * step;
    for (int64_t j = 0; j < width; ++j) {
      total[j] = Op::apply(total[j], static_cast<A>(p[j]));
      q[j] = static_cast<T>(total[j]);
    }
  }
}

inline int64_t scan_blocks(const ScanArgs& args) { return ceil_div(args.inner, kScanColumns); }

// Units (lines, or blocks of lines) of one task.
inline int64_t scan_group(const ScanArgs& args) {
  return max64(1, kScanGrain / (args.axis * min64(args.inner, kScanColumns)));
}

int64_t scan_tasks(const void* raw, int) {
  const ScanArgs& args = *static_cast<const ScanArgs*>(raw);
  return ceil_div(args.outer * scan_blocks(args), scan_group(args));
}

template <class T, class Op>
void scan_run(const void* raw, int, int64_t begin, int64_t end, const Context&) {
  const ScanArgs& args = *static_cast<const ScanArgs*>(raw);
  const int64_t blocks = scan_blocks(args), group = scan_group(args);
  const int64_t last = min64(args.outer * blocks, end * group);
  for (int64_t u = begin * group; u < last; ++u) {
    const int64_t column = u % blocks * kScanColumns;
    const int64_t first = args.reverse ? (args.axis - 1) * args.inner : 0;
    const int64_t start = u / blocks * args.axis * args.inner + first + column;
    const int64_t step = args.reverse ? -args.inner : args.inner;
    const T* x = static_cast<const T*>(args.x) + start;
    T* y = static_cast<T*>(args.y) + start;
    if (args.inner == 1) {
      scan_line<T, Op>(x, y, args.axis, step);
    } else {
      scan_columns<T, Op>(x, y, args.axis, step, min64(kScanColumns, args.inner - column));
    }
  }
}

#define BRAWN_SCAN(name, T, Op) \
  { name, "", "x -> y", "outer axis inner reverse", 1, scan_tasks, nullptr, nullptr, scan_run<T, Op> }

const KernelRow kScanRows[] = {
    BRAWN_SCAN("scan_sum_f32", float, ScanSum),     BRAWN_SCAN("scan_sum_f64", double, ScanSum),
    BRAWN_SCAN("scan_sum_i32", int32_t, ScanSum),   BRAWN_SCAN("scan_sum_i64", int64_t, ScanSum),
    BRAWN_SCAN("scan_prod_f32", float, ScanProd),   BRAWN_SCAN("scan_prod_f64", double, ScanProd),
    BRAWN_SCAN("scan_prod_i32", int32_t, ScanProd), BRAWN_SCAN("scan_prod_i64", int64_t, ScanProd),
};

#undef BRAWN_SCAN

}  // namespace

KernelTable scan_table() { return {kScanRows, static_cast<int>(sizeof(kScanRows) / sizeof(kScanRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
