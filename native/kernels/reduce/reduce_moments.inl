// Variance, mean with variance, and log-sum-exp. Included by reduce.inl inside the ISA namespace; see
// reduce_fold.inl for the interface.

struct MomentsPartial {
  double count, mean, m2;  // m2: sum of squared deviations from mean
};

template <class E>
struct MomentsBase {
  using T = E;
  using A = MomentsPartial;
  static constexpr int64_t kLine = 32;
  static constexpr int64_t kHead = 8;  // rows whose mean is the shift

  // Deviations are taken from the mean of the block's first rows, so that one pass does; m2 then loses its distance to
  // the block's mean again. Where that is most of the sum, a second pass takes them from the block's mean.
  static void block(const T* x, int64_t rows, int64_t stride, int64_t inner, int64_t groups, A* out) {
    const int64_t width = inner * groups, head = min64(rows, kHead);
    const double count = static_cast<double>(rows * groups);
    T shift[kReduceWidth], first[kReduceWidth], second[kReduceWidth];
    fold_rows<SumFold<T>>(x, head, stride, width, shift);
    fold_groups<SumFold<T>>(shift, inner, groups);
    for (int64_t j = 0; j < inner; ++j) shift[j] = static_cast<T>(shift[j] / static_cast<double>(head * groups));
    sum_deviations(x, rows, stride, inner, groups, shift, first, second);
    bool far = false;
    for (int64_t j = 0; j < inner; ++j) far |= first[j] * (first[j] / count) > 0.75 * second[j];
    if (far) {
      for (int64_t j = 0; j < inner; ++j) shift[j] = static_cast<T>(shift[j] + first[j] / count);
      sum_deviations(x, rows, stride, inner, groups, shift, first, second);
    }
    for (int64_t j = 0; j < inner; ++j) {
      const double mean = first[j] / count;
      out[j] = {count, shift[j] + mean, second[j] - first[j] * mean};
    }
  }

  static void sum_deviations(const T* x, int64_t rows, int64_t stride, int64_t inner, int64_t groups, T* shift,
                             T* first, T* second) {
    repeat_groups(shift, inner, groups);
    deviations(x, rows, stride, inner * groups, shift, first, second);
    fold_groups<SumFold<T>>(first, inner, groups);
    fold_groups<SumFold<T>>(second, inner, groups);
  }

  static void deviations(const T* x, int64_t rows, int64_t stride, int64_t width, const T* shift, T* first, T* second) {
    using V = typename VectorFold<T>::Vector;
    memset(first, 0, sizeof(T) * width);
    memset(second, 0, sizeof(T) * width);
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      const T *p0 = x + r * stride, *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride;
      int64_t j = 0;
      for (; j + V::kLanes <= width; j += V::kLanes) {
        if (stride == width) ask_ahead<4 * V::kLanes>(p3 + stride + 4 * j);
        const V s = V::load(shift + j);
        const V a = V::load(p0 + j) - s, b = V::load(p1 + j) - s, c = V::load(p2 + j) - s, d = V::load(p3 + j) - s;
        (V::load(first + j) + ((a + b) + (c + d))).store(first + j);
        (V::load(second + j) + ((a * a + b * b) + (c * c + d * d))).store(second + j);
      }
      for (; j < width; ++j) {
        const T a = p0[j] - shift[j], b = p1[j] - shift[j], c = p2[j] - shift[j], d = p3[j] - shift[j];
        first[j] += (a + b) + (c + d);
        second[j] += (a * a + b * b) + (c * c + d * d);
      }
    }
    for (; r < rows; ++r) {
      const T* p = x + r * stride;
      for (int64_t j = 0; j < width; ++j) {
        const T a = p[j] - shift[j];
        first[j] += a;
        second[j] += a * a;
      }
    }
  }

  static A line(const T* x, int64_t n) {
    double sum = 0, m2 = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    const double mean = sum / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) m2 += (x[i] - mean) * (x[i] - mean);
    return {static_cast<double>(n), mean, m2};
  }

  static void offset(A&, int64_t) {}

  static A merge(const A& a, const A& b) {
    const double count = a.count + b.count;
    const double delta = b.mean - a.mean;
    const double share = b.count / count;
    return {count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * a.count * share};
  }

  static double variance(const A& a, double correction) {
    const double divisor = a.count - correction;
    return a.m2 / (divisor > 0 ? divisor : 0);
  }
};

template <class E>
struct VarReduce : MomentsBase<E> {
  using Args = ReduceVarArgs;
  static void store(const Args& args, int64_t i, const MomentsPartial& a) {
    static_cast<E*>(args.y)[i] = static_cast<E>(MomentsBase<E>::variance(a, args.correction));
  }
};

template <class E>
struct MomentsReduce : MomentsBase<E> {
  using Args = ReduceMomentsArgs;
  static void store(const Args& args, int64_t i, const MomentsPartial& a) {
    static_cast<E*>(args.mean)[i] = static_cast<E>(a.mean);
    static_cast<E*>(args.var)[i] = static_cast<E>(MomentsBase<E>::variance(a, args.correction));
  }
};

inline void add_exp(const float* x, const float* shift, int64_t n, float* sum) {
  int64_t j = 0;
  for (; j + F32::kLanes <= n; j += F32::kLanes) {
    (F32::load(sum + j) + exp(F32::load(x + j) - F32::load(shift + j))).store(sum + j);
  }
  if (j < n) {
    const int64_t left = n - j;
    const F32 e = exp(F32::load_partial(x + j, left) - F32::load_partial(shift + j, left));
    (F32::load_partial(sum + j, left) + e).store_partial(sum + j, left);
  }
}

inline void add_exp(const double* x, const double* shift, int64_t n, double* sum) {
  for (int64_t j = 0; j < n; ++j) sum[j] += ::exp(x[j] - shift[j]);
}

struct LogSumExpPartial {
  double shift, sum;  // log-sum-exp = shift + log(sum)
};

template <class E>
struct LogSumExpReduce {
  using Args = ReduceArgs;
  using T = E;
  using A = LogSumExpPartial;
  static constexpr int64_t kLine = 32;

  // The shift is the maximum unless that is infinite: exp then gives the right 0, inf or NaN by itself.
  static void block(const T* x, int64_t rows, int64_t stride, int64_t inner, int64_t groups, A* out) {
    const int64_t width = inner * groups;
    T shift[kReduceWidth], sum[kReduceWidth];
    fold_rows<MaxFold<T>>(x, rows, stride, width, shift);
    fold_groups<MaxFold<T>>(shift, inner, groups);
    for (int64_t j = 0; j < inner; ++j) shift[j] = shift[j] - shift[j] == 0 ? shift[j] : 0;
    repeat_groups(shift, inner, groups);
    memset(sum, 0, sizeof(T) * width);
    for (int64_t r = 0; r < rows; ++r) add_exp(x + r * stride, shift, width, sum);
    fold_groups<SumFold<T>>(sum, inner, groups);
    for (int64_t j = 0; j < inner; ++j) out[j] = {shift[j], sum[j]};
  }

  static A line(const T* x, int64_t n) {
    T shift[kLine], sum[kLine];
    T top = x[0];
    for (int64_t i = 1; i < n; ++i) top = MaxFold<T>::apply(top, x[i]);
    top = top - top == 0 ? top : 0;
    for (int64_t i = 0; i < n; ++i) shift[i] = top;
    memset(sum, 0, sizeof(T) * n);
    add_exp(x, shift, n, sum);
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += sum[i];
    return {top, total};
  }

  static void offset(A&, int64_t) {}

  static A merge(const A& a, const A& b) {
    if (a.sum == 0) return b;
    if (b.sum == 0) return a;
    const double sum = a.sum + b.sum;
    if (!(sum - sum == 0)) return {0, sum};
    const double shift = a.shift > b.shift ? a.shift : b.shift;
    return {shift, a.sum * ::exp(a.shift - shift) + b.sum * ::exp(b.shift - shift)};
  }

  static void store(const Args& args, int64_t i, const A& a) {
    static_cast<T*>(args.y)[i] = static_cast<T>(a.shift + ::log(a.sum));
  }
};
