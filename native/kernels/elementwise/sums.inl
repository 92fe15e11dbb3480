// elementwise_sums: the machine over rows, with sums down the columns. Included by elementwise.inl inside the ISA
// namespace; the contract is in elementwise.h.

// What the machine runs, and what is added up.
struct Sums {
  ElementwiseArgs base;
  int64_t columns;
  Span<void*> sums;
  Span<int64_t> sum_regs;
};

Sums sums_args(const void* memory) {
  const ElementwiseSumsArgs& a = *static_cast<const ElementwiseSumsArgs*>(memory);
  return {{a.in,
           a.out,
           a.n,
           a.dims,
           a.strides,
           a.in_sizes,
           a.consts,
           a.const_sizes,
           a.code,
           a.out_regs,
           a.out_sizes,
           a.registers,
           0,
           {nullptr, 0}},
          a.columns,
          a.sums,
          a.sum_regs};
}

int64_t sums_rows(const Sums& args) { return args.base.n / args.columns; }

int64_t rows_per_task(const Sums& args) {
  return max64(ceil_div(kTaskElements, args.columns), ceil_div(sums_rows(args), kSumTasks));
}

int64_t row_tasks(const Sums& args) { return ceil_div(sums_rows(args), rows_per_task(args)); }

int64_t sums_tasks(const void* memory, int phase) {
  const Sums args = sums_args(memory);
  return phase == 0 ? row_tasks(args) : args.sum_regs.size;
}

// Per task a line of double sums for every result.
int64_t sums_shared_bytes(const void* memory) {
  const Sums args = sums_args(memory);
  return row_tasks(args) * args.sum_regs.size * args.columns * static_cast<int64_t>(sizeof(double));
}

int64_t sums_local_bytes(const void* memory) {
  const Sums args = sums_args(memory);
  Workspace w;
  return workspace(args.base, nullptr, &w) + args.sum_regs.size * args.columns * static_cast<int64_t>(sizeof(float));
}

// lanes[j] += the sum of column j over `rows` rows, four at a time.
void add_rows(const float* values, int64_t rows, int64_t columns, float* lanes) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, values += 4 * columns) {
    const float *p1 = values + columns, *p2 = p1 + columns, *p3 = p2 + columns;
    int64_t j = 0;
    for (; j + F32::kLanes <= columns; j += F32::kLanes) {
      const F32 a = F32::load(values + j) + F32::load(p1 + j), b = F32::load(p2 + j) + F32::load(p3 + j);
      (F32::load(lanes + j) + (a + b)).store(lanes + j);
    }
    for (; j < columns; ++j) lanes[j] += (values[j] + p1[j]) + (p2[j] + p3[j]);
  }
  for (; r < rows; ++r, values += columns) {
    for (int64_t j = 0; j < columns; ++j) lanes[j] += values[j];
  }
}

// Rows of one task. Lanes take at most kSumRows rows before they are added to the task's double sums.
struct RowSums {
  const Sums& args;
  const Workspace& w;
  const Machine machine;
  float* lanes;
  double* totals;

  const float* values(int64_t s) const {
    const int64_t reg = args.sum_regs[s];
    for (int64_t o = 0; o < args.base.out.size; ++o) {
      if (args.base.out_regs[o] == reg) return static_cast<const float*>(w.pointers[w.sources[o]]);
    }
    return static_cast<const float*>(w.pointers[reg]);
  }

  void tile(int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    machine.tile(row * args.columns + column, rows * columns);
    for (int64_t s = 0; s < args.sum_regs.size; ++s) {
      add_rows(values(s), rows, columns, lanes + s * args.columns + column);
    }
  }

  void flush() const {
    const int64_t count = args.sum_regs.size * args.columns;
    for (int64_t j = 0; j < count; ++j) {
      totals[j] += static_cast<double>(lanes[j]);
      lanes[j] = 0;
    }
  }

  void run(int64_t begin, int64_t end) const {
    const int64_t count = args.sum_regs.size * args.columns;
    memset(lanes, 0, static_cast<size_t>(count) * sizeof(float));
    memset(totals, 0, static_cast<size_t>(count) * sizeof(double));
    const int64_t at_once = max64(1, kTile / args.columns);
    int64_t held = 0;
    for (int64_t row = begin; row < end; row += at_once) {
      const int64_t rows = min64(at_once, end - row);
      for (int64_t column = 0; column < args.columns; column += kTile) {
        tile(row, rows, column, min64(kTile, args.columns - column));
      }
      held += rows;
      if (held + at_once <= kSumRows && row + at_once < end) continue;
      flush();
      held = 0;
    }
    stream_fence();
  }
};

void add_tasks(const Sums& args, int64_t s, const double* totals) {
  const int64_t tasks = row_tasks(args), line = args.sum_regs.size * args.columns;
  float* to = static_cast<float*>(args.sums[s]);
  for (int64_t j = 0; j < args.columns; ++j) {
    double sum = 0;
    for (int64_t t = 0; t < tasks; ++t) sum += totals[t * line + s * args.columns + j];
    to[j] = static_cast<float>(sum);
  }
}

void sums_run(const void* memory, int phase, int64_t begin, int64_t end, const Context& context) {
  const Sums args = sums_args(memory);
  double* shared = static_cast<double*>(context.shared);
  if (phase == 1) {
    for (int64_t s = begin; s < end; ++s) add_tasks(args, s, shared);
    return;
  }
  Workspace w;
  const int64_t bytes = workspace(args.base, context.local, &w);
  prepare_inputs(args.base, w);
  prepare_constants(args.base, w, min64(args.base.n, kTile));
  resolve_code(args.base, w);
  float* lanes = reinterpret_cast<float*>(static_cast<char*>(context.local) + bytes);
  for (int64_t t = begin; t < end; ++t) {
    const int64_t first = t * rows_per_task(args), last = min64(sums_rows(args), first + rows_per_task(args));
    double* totals = shared + t * args.sum_regs.size * args.columns;
    RowSums{args, w, Machine(args.base, w), lanes, totals}.run(first, last);
  }
}
