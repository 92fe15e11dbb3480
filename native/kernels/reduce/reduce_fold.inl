// The inner loops of the reduction family: folding a block of rows into one line of lanes, and the simple operations
// (sum, prod, max, min, any, all) made from a binary function. Included by reduce.inl inside the ISA namespace.
//
// An operation has an element type T, a partial result A and
//   block(x, rows, stride, inner, groups, out)  reduce `rows` rows of groups*inner elements to out[inner]
//   line(x, n)                                  reduce a contiguous line of n <= kLine elements
//   offset(a, first)                            positions in `a` are relative to element `first` of the axis
//   merge(a, b)                                 a followed by b
//   store(args, i, a)                           write output i
// with groups a power of two, rows <= kReduceRows and groups * inner <= kReduceWidth.

// lanes[j] = lanes[j] op p[j], where p is a row of elements or other lanes.
template <class Op, class Element>
void fold_line(typename Op::Lane* lanes, const Element* p, int64_t width) {
  int64_t j = 0;
  if constexpr (Op::kVector) {
    using V = typename Op::Vector;
    for (; j + V::kLanes <= width; j += V::kLanes) Op::apply(V::load(lanes + j), V::load(p + j)).store(lanes + j);
  }
  for (; j < width; ++j) lanes[j] = Op::apply(lanes[j], Op::load(p[j]));
}

// Asks for kCount elements. Where rows are read side by side, the next ones are asked for in the order of memory, as
// the hardware does not foresee more than a few streams.
template <int64_t kCount, class T>
BRAWN_INLINE void ask_ahead(const T* next) {
  constexpr int64_t kLineBytes = 64;
  for (int64_t b = 0; b < kCount * static_cast<int64_t>(sizeof(T)); b += kLineBytes) {
    __builtin_prefetch(reinterpret_cast<const char*>(next) + b);
  }
}

// Folds rows into lanes[width]: lanes[j] = x[0][j] op x[1][j] op ..., eight rows at a time as a tree.
template <class Op>
void fold_rows(const typename Op::T* x, int64_t rows, int64_t stride, int64_t width, typename Op::Lane* lanes) {
  using Lane = typename Op::Lane;
  for (int64_t j = 0; j < width; ++j) lanes[j] = Op::load(x[j]);
  int64_t r = 1;
  for (; r + 8 <= rows; r += 8) {
    const typename Op::T* p0 = x + r * stride;
    const typename Op::T *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride;
    const typename Op::T *p4 = p3 + stride, *p5 = p4 + stride, *p6 = p5 + stride, *p7 = p6 + stride;
    int64_t j = 0;
    if constexpr (Op::kVector) {
      using V = typename Op::Vector;
      for (; j + V::kLanes <= width; j += V::kLanes) {
        if (stride == width) ask_ahead<8 * V::kLanes>(p7 + stride + 8 * j);
        const V a = Op::apply(Op::apply(V::load(p0 + j), V::load(p1 + j)), Op::apply(V::load(p2 + j), V::load(p3 + j)));
        const V b = Op::apply(Op::apply(V::load(p4 + j), V::load(p5 + j)), Op::apply(V::load(p6 + j), V::load(p7 + j)));
        Op::apply(V::load(lanes + j), Op::apply(a, b)).store(lanes + j);
      }
    }
    for (; j < width; ++j) {
      Lane a = Op::apply(Op::apply(Op::load(p0[j]), Op::load(p1[j])), Op::apply(Op::load(p2[j]), Op::load(p3[j])));
      Lane b = Op::apply(Op::apply(Op::load(p4[j]), Op::load(p5[j])), Op::apply(Op::load(p6[j]), Op::load(p7[j])));
      lanes[j] = Op::apply(lanes[j], Op::apply(a, b));
    }
  }
  for (; r < rows; ++r) fold_line<Op>(lanes, x + r * stride, width);
}

// Folds lanes[groups][inner] to lanes[inner] as a tree.
template <class Op>
void fold_groups(typename Op::Lane* lanes, int64_t inner, int64_t groups) {
  for (int64_t half = groups / 2; half >= 1; half /= 2) {
    fold_line<Op>(lanes, lanes + half * inner, half * inner);
  }
}

template <class Value>
void repeat_groups(Value* values, int64_t inner, int64_t groups) {
  for (int64_t g = 1; g < groups; ++g) memcpy(values + g * inner, values, sizeof(Value) * inner);
}

// Compilers vectorise integers by themselves, but not a tree of NaN-propagating comparisons.
struct ScalarFold {
  static constexpr bool kVector = false;
};
template <class E>
struct VectorFold : ScalarFold {};
template <>
struct VectorFold<float> {
  static constexpr bool kVector = true;
  using Vector = F32;
};
template <>
struct VectorFold<double> {
  static constexpr bool kVector = true;
  using Vector = F64;
};

// The type a simple reduction computes in, and the type of its partial results.
template <class T>
struct ReduceTypes {
  using Lane = T;
  using Partial = T;
};
template <>
struct ReduceTypes<float> {
  using Lane = float;
  using Partial = double;
};
template <>
struct ReduceTypes<int32_t> {
  using Lane = uint32_t;
  using Partial = uint32_t;
};
template <>
struct ReduceTypes<int64_t> {
  using Lane = uint64_t;
  using Partial = uint64_t;
};

template <class E>
struct SumFold : VectorFold<E> {
  using T = E;
  using Lane = typename ReduceTypes<E>::Lane;
  using Partial = typename ReduceTypes<E>::Partial;
  static Lane load(T v) { return static_cast<Lane>(v); }
  static Lane apply(Lane a, Lane b) { return static_cast<Lane>(a + b); }
  template <class V>
  static V apply(V a, V b) {
    return a + b;
  }
  template <class V>
  static Partial across(V a) {
    return reduce_add(a);
  }
  static Partial merge(Partial a, Partial b) { return static_cast<Partial>(a + b); }
};

// Products of float32 run in double throughout: lanes see other subsets than a sequential product would.
template <class E>
struct ProdFold : ScalarFold {
  using T = E;
  using Lane = typename ReduceTypes<E>::Partial;
  using Partial = Lane;
  static Lane load(T v) { return static_cast<Lane>(v); }
  static Lane apply(Lane a, Lane b) { return static_cast<Lane>(a * b); }
  static Partial merge(Partial a, Partial b) { return static_cast<Partial>(a * b); }
};

template <class E>
struct MaxFold : VectorFold<E> {
  using T = E;
  using Lane = E;
  using Partial = E;
  static E load(E v) { return v; }
  static E apply(E a, E b) { return (b > a) | (b != b) ? b : a; }
  template <class V>
  static V apply(V a, V b) {
    return max_nan(a, b);
  }
  template <class V>
  static E across(V a) {
    return reduce_max(a);
  }
  static E merge(E a, E b) { return apply(a, b); }
};

template <class E>
struct MinFold : VectorFold<E> {
  using T = E;
  using Lane = E;
  using Partial = E;
  static E load(E v) { return v; }
  static E apply(E a, E b) { return (b < a) | (b != b) ? b : a; }
  template <class V>
  static V apply(V a, V b) {
    return min_nan(a, b);
  }
  template <class V>
  static E across(V a) {
    return reduce_min(a);
  }
  static E merge(E a, E b) { return apply(a, b); }
};

struct AnyFold : ScalarFold {
  using T = uint8_t;
  using Lane = uint8_t;
  using Partial = uint8_t;
  static uint8_t load(uint8_t v) { return v != 0; }
  static uint8_t apply(uint8_t a, uint8_t b) { return a | b; }
  static uint8_t merge(uint8_t a, uint8_t b) { return a | b; }
};

struct AllFold : ScalarFold {
  using T = uint8_t;
  using Lane = uint8_t;
  using Partial = uint8_t;
  static uint8_t load(uint8_t v) { return v != 0; }
  static uint8_t apply(uint8_t a, uint8_t b) { return a & b; }
  static uint8_t merge(uint8_t a, uint8_t b) { return a & b; }
};

template <class Fold>
struct SimpleReduce {
  using Args = ReduceArgs;
  using T = typename Fold::T;
  using A = typename Fold::Partial;
  static constexpr int64_t kLine = Fold::kVector ? 128 : 32;

  static void block(const T* x, int64_t rows, int64_t stride, int64_t inner, int64_t groups, A* out) {
    typename Fold::Lane lanes[kReduceWidth];
    fold_rows<Fold>(x, rows, stride, inner * groups, lanes);
    fold_groups<Fold>(lanes, inner, groups);
    for (int64_t j = 0; j < inner; ++j) out[j] = static_cast<A>(lanes[j]);
  }
  static A line(const T* x, int64_t n) {
    A a = static_cast<A>(Fold::load(x[0]));
    int64_t i = 1;
    if constexpr (Fold::kVector) {
      using V = typename Fold::Vector;
      if (n >= V::kLanes) {
        V lanes = V::load(x);
        for (i = V::kLanes; i + V::kLanes <= n; i += V::kLanes) lanes = Fold::apply(lanes, V::load(x + i));
        a = Fold::across(lanes);
      }
    }
    for (; i < n; ++i) a = Fold::merge(a, static_cast<A>(Fold::load(x[i])));
    return a;
  }
  static void offset(A&, int64_t) {}
  static A merge(A a, A b) { return Fold::merge(a, b); }
  static void store(const Args& args, int64_t i, A a) { static_cast<T*>(args.y)[i] = static_cast<T>(a); }
};
