// Windows and task plans of the pooling family. Included by pool.inl inside the ISA namespace.

// One spatial axis: which inputs an output covers.
struct PoolAxis {
  int64_t in, out, kernel, stride, pad, dilation;
  bool adaptive, include_pad;
};

// The inputs first, first + step, ... (count of them) of one output, its factor of the divisor, and how many taps lie
// in front of the input.
struct PoolTaps {
  int64_t first, count, step, divisor, skipped;
  bool contains(int64_t i) const {
    const int64_t distance = i - first;
    return distance >= 0 && distance % step == 0 && distance / step < count;
  }
};

PoolTaps pool_taps(const PoolAxis& axis, int64_t o) {
  if (axis.adaptive) {
    const int64_t first = o * axis.in / axis.out;
    const int64_t count = ceil_div((o + 1) * axis.in, axis.out) - first;
    return {first, count, 1, count, 0};
  }
  const int64_t start = o * axis.stride - axis.pad;
  const auto taps = [&](int64_t distance) { return axis.dilation == 1 ? distance : ceil_div(distance, axis.dilation); };
  const int64_t skipped = start < 0 ? taps(-start) : 0;
  const int64_t inside = min64(axis.kernel, taps(max64(0, axis.in - start)));
  const int64_t padded = min64(axis.kernel, taps(max64(0, axis.in + axis.pad - start)));
  const int64_t count = max64(0, inside - skipped);
  const int64_t first = min64(axis.in - 1, start + skipped * axis.dilation);
  return {first, count, axis.dilation, axis.include_pad ? padded : count, skipped};
}

// Outputs whose window may contain input i: [first, last).
struct PoolOutputs {
  int64_t first, last;
};

PoolOutputs pool_outputs(const PoolAxis& axis, int64_t i) {
  if (axis.adaptive) return {i * axis.out / axis.in, ceil_div((i + 1) * axis.out, axis.in)};
  const int64_t reach = i + axis.pad - (axis.kernel - 1) * axis.dilation;
  return {reach > 0 ? ceil_div(reach, axis.stride) : 0, min64(axis.out, (i + axis.pad) / axis.stride + 1)};
}

struct PoolShape {
  const void* x;
  void* y;
  uint8_t* where;  // of maxWhere and whereGrad
  int64_t batch, channels;
  PoolAxis d, h, w;
  int64_t divisor;
  int64_t in_size() const { return d.in * h.in * w.in; }
  int64_t out_size() const { return d.out * h.out * w.out; }
};

template <class Args>
PoolAxis pool_axis(const Args& args, int i) {
  return {args.in_dims[i], args.out_dims[i], args.kernel[i], args.stride[i],
          args.pad[i],     args.dilation[i], false,          args.count_include_pad != 0};
}

PoolAxis pool_axis(const PoolAdaptiveArgs& args, int i) {
  return {args.in_dims[i], args.out_dims[i], ceil_div(args.in_dims[i], args.out_dims[i]) + 1, 1, 0, 1, true, false};
}

template <class Args>
int64_t pool_divisor(const Args& args) {
  return args.divisor;
}
int64_t pool_divisor(const PoolAdaptiveArgs&) { return 0; }

template <class Args>
uint8_t* pool_where(const Args&) {
  return nullptr;
}
uint8_t* pool_where(const PoolWhereArgs& args) { return args.where; }

template <class Args>
PoolShape pool_shape(const void* raw) {
  const Args& args = *static_cast<const Args*>(raw);
  return {args.x,
          args.y,
          pool_where(args),
          args.batch,
          args.channels,
          pool_axis(args, 0),
          pool_axis(args, 1),
          pool_axis(args, 2),
          pool_divisor(args)};
}

// Tasks are groups of lines (output pixels, input rows or batch indices) times blocks of channels.
struct PoolPlan {
  int64_t blocks, width;
  int64_t lines, group;
  int64_t tasks() const { return ceil_div(lines, group) * blocks; }
};

// `work` is the number of elements read per line.
PoolPlan pool_plan(int64_t lines, int64_t work, int64_t channels) {
  PoolPlan plan;
  const int64_t wanted = max64(1, min64(kPoolTasks, lines * work / kPoolGrain));
  const int64_t blocks = min64(ceil_div(channels, kPoolChannels), ceil_div(wanted, lines));
  plan.width = min64(channels, round_up(ceil_div(channels, blocks), 16));
  plan.blocks = ceil_div(channels, plan.width);
  plan.lines = lines;
  plan.group = max64(max64(1, kPoolGrain * plan.blocks / work), ceil_div(lines * plan.blocks, kPoolMostTasks));
  return plan;
}

// The lines and channels of task t.
struct PoolPart {
  int64_t first, last, channel, width;
};

PoolPart pool_part(const PoolPlan& plan, int64_t channels, int64_t t) {
  const int64_t first = t / plan.blocks * plan.group;
  const int64_t channel = t % plan.blocks * plan.width;
  return {first, min64(plan.lines, first + plan.group), channel, min64(plan.width, channels - channel)};
}

PoolPlan pool_output_plan(const PoolShape& s) {
  const int64_t taps = min64(s.d.kernel, s.d.in) * min64(s.h.kernel, s.h.in) * min64(s.w.kernel, s.w.in);
  return pool_plan(s.batch * s.out_size(), taps * s.channels, s.channels);
}

PoolPlan pool_input_row_plan(const PoolShape& s) {
  const int64_t reach = ceil_div(s.d.kernel, s.d.stride) * ceil_div(s.h.kernel, s.h.stride);
  return pool_plan(s.batch * s.d.in * s.h.in, (s.w.in + s.w.kernel * s.w.out * reach) * s.channels, s.channels);
}
