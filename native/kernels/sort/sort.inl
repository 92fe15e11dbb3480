// The bodies of the sort family; sort.h describes them.
#include <string.h>

#include "kernels/sort/sort.h"

#if defined(BRAWN_ISA_ENABLED)
namespace brawn {
namespace BRAWN_ISA {
namespace {

template <class K>
struct SortEntry {
  K key;
  K position;
};

inline uint32_t sort_key(uint8_t v) { return v; }
inline uint32_t sort_key(int32_t v) { return static_cast<uint32_t>(v) ^ 0x80000000u; }
inline uint64_t sort_key(int64_t v) { return static_cast<uint64_t>(v) ^ (uint64_t{1} << 63); }

// Positive floats order as integers, negative ones in reverse. Adding zero turns -0 into 0.
inline uint32_t sort_key(float v) {
  if (v != v) return ~uint32_t{0};
  v += 0.0f;
  uint32_t bits;
  memcpy(&bits, &v, sizeof(bits));
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
inline uint64_t sort_key(double v) {
  if (v != v) return ~uint64_t{0};
  v += 0.0;
  uint64_t bits;
  memcpy(&bits, &v, sizeof(bits));
  return bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
}

// Moves the entry into a sorted run of n entries, behind those of the same key.
template <class K>
void insert_entry(SortEntry<K>* run, int64_t n, SortEntry<K> entry) {
  for (; n > 0 && run[n - 1].key > entry.key; --n) run[n] = run[n - 1];
  run[n] = entry;
}

template <class K>
void insertion_sort(SortEntry<K>* entries, int64_t n) {
  for (int64_t i = 1; i < n; ++i) insert_entry(entries, i, entries[i]);
}

// Leaves the first k entries of the sorted order in entries[0..k).
template <class K>
void select_first(SortEntry<K>* entries, int64_t n, int64_t k) {
  insertion_sort(entries, k);
  for (int64_t i = k; i < n; ++i) {
    if (entries[i].key < entries[k - 1].key) insert_entry(entries, k - 1, entries[i]);
  }
}

// Least significant byte first; bytes that all keys share are skipped. Returns the array that holds the result.
template <class K>
SortEntry<K>* radix_sort(SortEntry<K>* from, SortEntry<K>* to, int64_t n) {
  constexpr int kDigits = sizeof(K);
  uint32_t counts[kDigits][256];
  memset(counts, 0, sizeof(counts));
  for (int64_t i = 0; i < n; ++i) {
    for (int d = 0; d < kDigits; ++d) ++counts[d][from[i].key >> (8 * d) & 255];
  }
  for (int d = 0; d < kDigits; ++d) {
    uint32_t* count = counts[d];
    if (count[from[0].key >> (8 * d) & 255] == n) continue;
    uint32_t start = 0;
    for (int b = 0; b < 256; ++b) {
      const uint32_t size = count[b];
      count[b] = start;
      start += size;
    }
    for (int64_t i = 0; i < n; ++i) to[count[from[i].key >> (8 * d) & 255]++] = from[i];
    SortEntry<K>* swapped = from;
    from = to;
    to = swapped;
  }
  return from;
}

template <class T>
struct Sort {
  using K = decltype(sort_key(T{}));
  using Entry = SortEntry<K>;

  static int64_t local_bytes(const void* raw) {
    return 2 * static_cast<const SortArgs*>(raw)->axis * static_cast<int64_t>(sizeof(Entry));
  }

  static void line(const SortArgs& args, const T* x, int64_t* index, Entry* entries) {
    const K flip = args.descending ? ~K{0} : K{0};
    for (int64_t a = 0; a < args.axis; ++a) {
      entries[a] = {static_cast<K>(sort_key(x[a * args.inner]) ^ flip), static_cast<K>(a)};
    }
    if (args.k <= kSortSelection && args.k * 2 <= args.axis) {
      select_first(entries, args.axis, args.k);
    } else if (args.axis <= kSortInsertion) {
      insertion_sort(entries, args.axis);
    } else {
      entries = radix_sort(entries, entries + args.axis, args.axis);
    }
    for (int64_t r = 0; r < args.k; ++r) index[r * args.inner] = static_cast<int64_t>(entries[r].position);
  }

  static void run(const void* raw, int, int64_t begin, int64_t end, const Context& context) {
    const SortArgs& args = *static_cast<const SortArgs*>(raw);
    const int64_t group = max64(1, kSortGrain / args.axis);
    const int64_t last = min64(args.outer * args.inner, end * group);
    for (int64_t l = begin * group; l < last; ++l) {
      const int64_t o = l / args.inner, i = l % args.inner;
      line(args, static_cast<const T*>(args.x) + o * args.axis * args.inner + i,
           args.index + o * args.k * args.inner + i, static_cast<Entry*>(context.local));
    }
  }
};

int64_t sort_tasks(const void* raw, int) {
  const SortArgs& args = *static_cast<const SortArgs*>(raw);
  return ceil_div(args.outer * args.inner, max64(1, kSortGrain / args.axis));
}

#define BRAWN_SORT(name, T)                                                                                \
  {                                                                                                        \
    name, "", "x -> index", "outer axis inner descending k", 1, sort_tasks, nullptr, Sort<T>::local_bytes, \
        Sort<T>::run                                                                                       \
  }

const KernelRow kSortRows[] = {
    BRAWN_SORT("sort_index_f32", float),   BRAWN_SORT("sort_index_f64", double), BRAWN_SORT("sort_index_i32", int32_t),
    BRAWN_SORT("sort_index_i64", int64_t), BRAWN_SORT("sort_index_u8", uint8_t),
};

#undef BRAWN_SORT

}  // namespace

KernelTable sort_table() { return {kSortRows, static_cast<int>(sizeof(kSortRows) / sizeof(kSortRows[0]))}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
