// The index family against naive loops: both index types, null and aliased bases, indices out of range.
#include "kernels/index/index.h"

#include "tests/kernel_test.h"

BRAWN_TEST_FAMILY(index)

using namespace brawn;
using namespace kernel_test;

struct Shape {
  int64_t outer, axis_x, count, inner;
  size_t x_size() const { return outer * axis_x * inner; }
  size_t y_size() const { return outer * count * inner; }
};

static const Shape kShapes[] = {{1, 1, 1, 1},     {3, 7, 5, 9},      {2, 1000, 30, 1}, {1, 500, 2500, 128},
                                {1, 50, 3000, 7}, {40, 10, 1, 1},    {2, 3, 4, 70000}, {64, 12, 900, 3},
                                {1, 20000, 1, 8}, {1, 40000, 50, 1}, {5, 40, 60, 200}};

template <class I>
static std::vector<I> indices(size_t n, int64_t limit) {
  return random_values<I>(n, 77, 0, static_cast<double>(limit));
}

template <class E, class I>
static void check_read(const IsaTable& table, const Shape& s, bool gather) {
  const std::string size = std::to_string(sizeof(E));
  const KernelRow& row = find_row(table, (gather ? "index_gather_s" : "index_select_s") + size);
  const std::vector<E> x = random_values<E>(s.x_size(), 3, 0, 200);
  std::vector<I> index = indices<I>(gather ? s.y_size() : s.count, s.axis_x);
  std::vector<E> y(s.y_size());
  const IndexReadArgs args = {x.data(), index.data(), y.data(), s.outer, s.axis_x, s.count, s.inner, sizeof(I)};
  run_all_orders(row, &args, y);
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t o = i / (s.count * s.inner), c = i / s.inner % s.count, k = i % s.inner;
    const int64_t position = index[gather ? i : c];
    CHECK(y[i] == x[(o * s.axis_x + position) * s.inner + k], "%s %s at %zu", table.isa.c_str(), row.name, i);
  }
  index.back() = static_cast<I>(s.axis_x);
  expect_fault(row, &args, Fault::kIndexOutOfRange, s.axis_x, s.axis_x);
  index.back() = -1;
  expect_fault(row, &args, Fault::kIndexOutOfRange, -1, s.axis_x);
}

template <class E, class I>
static void check_add(const IsaTable& table, const Shape& s, bool scatter) {
  const KernelRow& row =
      find_row(table, std::string(scatter ? "index_scatterAdd_" : "index_selectAdd_") + dtype_name<E>());
  std::vector<E> base = random_values<E>(s.x_size(), 3, -90, 90);
  const std::vector<E> src = random_values<E>(s.y_size(), 4, -90, 90);
  std::vector<I> index = indices<I>(scatter ? s.y_size() : s.count, s.axis_x);
  for (bool zero : {false, true}) {
    std::vector<E> expected = zero ? std::vector<E>(base.size(), 0) : base;
    for (size_t i = 0; i < src.size(); ++i) {
      const int64_t o = i / (s.count * s.inner), c = i / s.inner % s.count, k = i % s.inner;
      expected[(o * s.axis_x + index[scatter ? i : c]) * s.inner + k] += src[i];
    }
    std::vector<E> y(s.x_size(), 5);
    IndexAddArgs args = {zero ? nullptr : base.data(),
                         src.data(),
                         index.data(),
                         y.data(),
                         s.outer,
                         s.axis_x,
                         s.count,
                         s.inner,
                         sizeof(I)};
    run_all_orders(row, &args, y);
    CHECK(std::memcmp(y.data(), expected.data(), y.size() * sizeof(E)) == 0, "%s %s", table.isa.c_str(), row.name);
    if (zero) continue;
    std::vector<E> aliased = base;
    args.base = args.y = aliased.data();
    run(row, &args);
    CHECK(std::memcmp(aliased.data(), expected.data(), y.size() * sizeof(E)) == 0, "%s in place", row.name);
  }
  index.front() = static_cast<I>(-s.axis_x);
  std::vector<E> y(s.x_size());
  const IndexAddArgs args = {nullptr,  src.data(), index.data(), y.data(), s.outer,
                             s.axis_x, s.count,    s.inner,      sizeof(I)};
  expect_fault(row, &args, Fault::kIndexOutOfRange, -s.axis_x, s.axis_x);
}

template <class I>
static void check_all(const IsaTable& table, const Shape& s) {
  for (bool first : {false, true}) {
    check_read<uint8_t, I>(table, s, first);
    check_read<float, I>(table, s, first);
    check_read<double, I>(table, s, first);
    check_add<float, I>(table, s, first);
    check_add<double, I>(table, s, first);
    check_add<int32_t, I>(table, s, first);
    check_add<int64_t, I>(table, s, first);
  }
}

int main() {
  for (const IsaTable& table : index_tables()) {
    for (const Shape& s : kShapes) {
      check_all<int32_t>(table, s);
      check_all<int64_t>(table, s);
    }
    std::printf("index %s ok\n", table.isa.c_str());
  }
  return 0;
}
