// Positions of extrema. Included by reduce.inl inside the ISA namespace; see reduce_fold.inl for the interface.

// An unsigned integer as wide as the element, so that values and row numbers sit in vectors of the same shape.
// Row numbers inside one block stay below kReduceRows, hence a byte is enough for bytes.
template <int kBytes>
struct RowNumber;
template <>
struct RowNumber<1> {
  using type = uint8_t;
};
template <>
struct RowNumber<4> {
  using type = uint32_t;
};
template <>
struct RowNumber<8> {
  using type = uint64_t;
};

template <class E>
struct Greater {
  using T = E;
  static bool better(E candidate, E best) { return (candidate > best) | ((candidate != candidate) & (best == best)); }
};

template <class E>
struct Less {
  using T = E;
  static bool better(E candidate, E best) { return (candidate < best) | ((candidate != candidate) & (best == best)); }
};

template <class E>
struct ArgPartial {
  E value;
  int64_t index;
};

template <class Order>
struct ArgReduce {
  using Args = ReduceArgs;
  using T = typename Order::T;
  using A = ArgPartial<T>;
  static constexpr int64_t kLine = 32;

  static void block(const T* x, int64_t rows, int64_t stride, int64_t inner, int64_t groups, A* out) {
    using Row = typename RowNumber<sizeof(T)>::type;
    const int64_t width = inner * groups;
    T best[kReduceWidth];
    Row row[kReduceWidth];
    memcpy(best, x, sizeof(T) * width);
    memset(row, 0, sizeof(Row) * width);
    for (int64_t r = 1; r < rows; ++r) {
      const T* p = x + r * stride;
      const Row number = static_cast<Row>(r);
      for (int64_t j = 0; j < width; ++j) {
        const T v = p[j], b = best[j];
        const bool better = Order::better(v, b);
        best[j] = better ? v : b;
        row[j] = better ? number : row[j];
      }
    }
    for (int64_t j = 0; j < inner; ++j) {
      A a = {best[j], static_cast<int64_t>(row[j]) * groups};
      for (int64_t g = 1; g < groups; ++g) {
        a = merge(a, A{best[g * inner + j], static_cast<int64_t>(row[g * inner + j]) * groups + g});
      }
      out[j] = a;
    }
  }
  static A line(const T* x, int64_t n) {
    A a = {x[0], 0};
    for (int64_t i = 1; i < n; ++i) {
      if (Order::better(x[i], a.value)) a = {x[i], i};
    }
    return a;
  }
  static void offset(A& a, int64_t first) { a.index += first; }
  static A merge(const A& a, const A& b) {
    if (Order::better(b.value, a.value)) return b;
    return !Order::better(a.value, b.value) && b.index < a.index ? b : a;
  }
  static void store(const Args& args, int64_t i, const A& a) {
    static_cast<int32_t*>(args.y)[i] = static_cast<int32_t>(a.index);
  }
};
