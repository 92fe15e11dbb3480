// Matrix products against plain loops: shapes around every tile edge, all orientations, strides, batches with
// broadcasting, epilogues, split k, and the same bits for every order of tasks.
#include "epilogue_case.h"

BRAWN_TEST_FAMILY(gemm)

using namespace brawn;
using namespace kernel_test;

namespace {

struct Case {
  int64_t m, n, k;
  bool a_transposed, b_transposed;
  std::vector<int64_t> dims;          // batch dimensions
  unsigned a_broadcast, b_broadcast;  // bit d: broadcast over batch dimension d
  int64_t gap;                        // extra elements between rows of A and B
};

// A strided operand with its batch strides.
template <class T>
struct Matrix {
  std::vector<T> data;
  std::vector<int64_t> strides, batch;

  Matrix(int64_t rows, int64_t cols, bool transposed, const std::vector<int64_t>& dims, unsigned broadcast, int64_t gap,
         uint32_t seed) {
    int64_t size = transposed ? (rows + gap) * cols : (cols + gap) * rows;
    strides = transposed ? std::vector<int64_t>{1, rows + gap} : std::vector<int64_t>{cols + gap, 1};
    batch.assign(dims.size(), 0);
    for (size_t d = dims.size(); d-- > 0;) {
      if (broadcast >> d & 1) continue;
      batch[d] = size;
      size *= dims[d];
    }
    // Tight, so that a sanitizer sees reads past the last element.
    data = random_values<T>(static_cast<size_t>(size - (dims.empty() ? gap : 0)), seed, -3, 3);
  }

  double at(int64_t i, int64_t j, int64_t index, const std::vector<int64_t>& dims) const {
    int64_t offset = i * strides[0] + j * strides[1];
    for (size_t d = dims.size(); d-- > 0;) {
      offset += index % dims[d] * batch[d];
      index /= dims[d];
    }
    return static_cast<double>(data[static_cast<size_t>(offset)]);
  }
};

template <class T>
std::vector<double> multiply(const Case& c, int64_t batch, const Matrix<T>& a, const Matrix<T>& b) {
  std::vector<double> product;
  for (int64_t q = 0; q < batch; ++q) {
    for (int64_t i = 0; i < c.m; ++i) {
      for (int64_t j = 0; j < c.n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < c.k; ++l) sum += a.at(i, l, q, c.dims) * b.at(l, j, q, c.dims);
        product.push_back(sum);
      }
    }
  }
  return product;
}

template <class T>
void test_case(const std::vector<IsaTable>& tables, const Case& c) {
  int64_t batch = 1;
  for (int64_t d : c.dims) batch *= d;
  const Matrix<T> a(c.m, c.k, c.a_transposed, c.dims, c.a_broadcast, c.gap, 1);
  const Matrix<T> b(c.k, c.n, c.b_transposed, c.dims, c.b_broadcast, c.gap, 2);
  const std::vector<double> product = multiply(c, batch, a, b);
  const double tolerance = (sizeof(T) == 4 ? 2e-7 : 4e-16) * static_cast<double>(c.k) + (sizeof(T) == 4 ? 2e-5 : 4e-14);
  const bool integer = !std::is_floating_point<T>::value;
  for (const IsaTable& table : tables) {
    const KernelRow& row = find_row(table, std::string("gemm_") + dtype_name<T>());
    for (int kind = 0; kind < static_cast<int>(EpilogueKind::kCount); ++kind) {
      if (kind > 0 && (integer || c.m * c.n * c.k * batch > 4000000)) break;
      EpilogueRun<T> epilogue(static_cast<EpilogueKind>(kind), batch, c.m, c.n);
      const EpilogueCase& e = epilogue.ep;
      const GemmArgs args = {
          a.data.data(),     b.data.data(),     e.inputs(),     e.outputs(),     batch,           c.m,       c.n, c.k,
          e.span(a.strides), e.span(b.strides), e.span(c.dims), e.span(a.batch), e.span(b.batch), e.params()};
      char what[160];
      std::snprintf(what, sizeof what, "%s %s m %lld n %lld k %lld ta %d tb %d batch %lld", table.isa.c_str(), row.name,
                    static_cast<long long>(c.m), static_cast<long long>(c.n), static_cast<long long>(c.k),
                    c.a_transposed, c.b_transposed, static_cast<long long>(batch));
      epilogue.run(row, &args, product, tolerance, what);
    }
  }
}

// Strides that are neither row- nor column-major: every element of a stack, a repeated row, overlapping rows, a
// repeated column.
template <class T>
void test_odd_strides(const std::vector<IsaTable>& tables) {
  const int64_t m = 19, n = 70, k = 300;
  const std::vector<T> a = random_values<T>(static_cast<size_t>(3 * m * k), 1, -3, 3);
  const std::vector<T> b = random_values<T>(static_cast<size_t>(2 * n * k), 2, -3, 3);
  const std::vector<std::vector<int64_t>> a_strides = {{3 * k, 3}, {0, 1}, {1, 0}, {3, 3 * m}};
  const std::vector<std::vector<int64_t>> b_strides = {{2 * n, 2}, {0, 1}, {5, 1}, {1, 0}, {2, 2 * k}};
  for (const auto& as : a_strides) {
    for (const auto& bs : b_strides) {
      std::vector<double> product;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t l = 0; l < k; ++l) {
            sum += static_cast<double>(a[static_cast<size_t>(i * as[0] + l * as[1])]) *
                   static_cast<double>(b[static_cast<size_t>(l * bs[0] + j * bs[1])]);
          }
          product.push_back(sum);
        }
      }
      for (const IsaTable& table : tables) {
        EpilogueRun<T> epilogue(EpilogueKind::kPlain, 1, m, n);
        const EpilogueCase& e = epilogue.ep;
        const std::vector<int64_t> none;
        const GemmArgs args = {a.data(),   b.data(),     e.inputs(),   e.outputs(),  1,         m, n, k, e.span(as),
                               e.span(bs), e.span(none), e.span(none), e.span(none), e.params()};
        epilogue.run(find_row(table, std::string("gemm_") + dtype_name<T>()), &args, product,
                     sizeof(T) == 4 ? 1e-4 : 1e-12, "odd strides");
      }
    }
  }
}

template <class T>
void test_all(const std::vector<IsaTable>& tables) {
  const int64_t edges[][3] = {{1, 1, 1},     {1, 5, 3},     {3, 1, 7},     {6, 16, 8},    {7, 17, 9},
                              {14, 32, 33},  {15, 33, 5},   {13, 31, 257}, {50, 47, 64},  {121, 130, 20},
                              {64, 64, 64},  {2, 300, 513}, {4, 70, 40},   {16, 129, 70}, {17, 64, 300},
                              {300, 3, 40},  {40, 49, 600}, {33, 20, 130}, {31, 98, 300}, {60, 272, 100},
                              {1, 700, 600}, {600, 1, 700}, {29, 65, 1},   {5, 600, 12}};
  for (const auto& e : edges) {
    for (int t = 0; t < 4; ++t) test_case<T>(tables, {e[0], e[1], e[2], (t & 1) != 0, (t & 2) != 0, {}, 0, 0, t});
  }
  for (bool transposed : {false, true}) test_case<T>(tables, {150, 3601, 5, transposed, false, {}, 0, 0, 0});
  test_case<T>(tables, {25, 32, 20000, true, false, {}, 0, 0, 0});
  test_case<T>(tables, {1, 40, 30000, false, true, {}, 0, 0, 0});
  test_case<T>(tables, {1, 40, 30000, false, false, {}, 0, 0, 0});
  test_case<T>(tables, {260, 270, 530, false, false, {}, 0, 0, 0});
  test_case<T>(tables, {260, 270, 530, true, true, {}, 0, 0, 3});
  test_case<T>(tables, {130, 1100, 64, false, false, {}, 0, 0, 0});
  for (unsigned a = 0; a < 4; ++a) {
    for (unsigned b = 0; b < 4; ++b) test_case<T>(tables, {9, 21, 17, false, (b & 1) != 0, {3, 5}, a, b, 0});
  }
  test_case<T>(tables, {130, 140, 70, false, true, {6}, 0, 1, 0});
  test_case<T>(tables, {1, 20, 30, false, false, {200}, 0, 0, 0});
  test_odd_strides<T>(tables);
}

}  // namespace

int main() {
  const std::vector<IsaTable> tables = gemm_tables();
  test_all<float>(tables);
  test_all<double>(tables);
  test_all<int32_t>(tables);
  test_all<int64_t>(tables);
  std::printf("gemm: ok\n");
  return 0;
}
