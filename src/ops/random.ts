/**
 * Random tensors. All draw from a counter (`../random.ts`): outside of `compile` every call takes the generator's next
 * number; in a compiled function each run takes one, and the calls in it differ by their stream.
 */
import { type DType, type FloatDType, type IntDType, isInt, shortOf } from '../dtype.js';
import { ArgumentError, DTypeError } from '../errors.js';
import { defineOp, type KernelOp } from '../graph/node.js';
import { currentTrace, hostNode } from '../graph/trace.js';
import { defaultGenerator, Generator } from '../random.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { apply, checkFloat, checkTensor } from './apply.js';
import { cast } from './cast.js';
import { less } from './compare.js';
import { add, minimum, mul } from './elementwise.js';
import { floor } from './elementwise-math.js';
import { type Draw, fillRandom } from './philox.js';

type RandomAttrs = { draw: string; shape: readonly number[]; dtype: string; stream: number };

/** The input is a key: seed and counter. */
const randomOp = defineOp<RandomAttrs, KernelOp<RandomAttrs>>({
  name: 'random',
  kind: 'kernel',
  type: (_, { shape, dtype }) => ({ shape, dtype: dtype as DType }),
  lower(context) {
    const { draw, stream } = context.attrs;
    const { shape, dtype } = context.output;
    const params = { n: sizeOf(shape), stream };
    context.emit(`random_${draw}_${shortOf(dtype)}`, { key: context.input(0) }, { y: context.out() }, params);
  },
  reference(
    [
      {
        values: [seed, counter],
      },
    ],
    out,
    { draw, stream },
  ) {
    fillRandom(out.values, draw as Draw, out.dtype !== 'float32', seed, counter, stream);
  },
});

/** Options of the random ops. */
export interface RandomOptions<D extends DType> {
  /** float32 unless told; int64 for whole numbers. */
  readonly dtype?: D;
  /** `defaultGenerator` unless told. */
  readonly generator?: Generator;
}

function draw<D extends DType>(
  where: string,
  kind: Draw,
  shape: Shape,
  dtype: D,
  generator: Generator = defaultGenerator,
): Tensor<D> {
  if (!(generator instanceof Generator)) throw new ArgumentError(`${where}: generator must be a Generator`);
  const key = hostNode(generator, [2], 'int64', (into) => {
    const { seed, counter } = generator.next();
    into[0] = BigInt(seed);
    into[1] = BigInt(counter);
  });
  const stream = currentTrace().nextStream();
  return apply<D>(randomOp, [new Tensor(key)], { draw: kind, shape: checkShape(shape, where), dtype, stream });
}

/**
 * @internal float32 numbers evenly spread over [0, 1), from a key of one's own: int64 [2], seed and counter. So each may
 * have its own counter also within one run, and may come from the host.
 */
export function uniformAt(key: Tensor<'int64'>, shape: Shape): Tensor<'float32'> {
  return apply<'float32'>(randomOp, [key], { draw: 'uniform', shape, dtype: 'float32', stream: 0 });
}

function floatDType<D extends FloatDType>(where: string, dtype: D | undefined): D {
  if (dtype !== undefined && dtype !== 'float32' && dtype !== 'float64')
    throw new DTypeError(`${where}: dtype must be float32 or float64, got ${JSON.stringify(dtype)}`);
  return dtype ?? ('float32' as D);
}

/** Options of `uniform`. */
export interface UniformOptions<D extends FloatDType> extends RandomOptions<D> {
  /** 0 unless told. */
  readonly low?: number;
  /** 1 unless told. */
  readonly high?: number;
}

/**
 * Numbers evenly spread over [low, high).
 * @throws ArgumentError when low > high or one is infinite; ShapeError for a bad shape.
 */
export function uniform<D extends FloatDType = 'float32'>(shape: Shape, options: UniformOptions<D> = {}): Tensor<D> {
  const { low = 0, high = 1, generator } = options;
  if (!(low <= high)) throw new ArgumentError(`uniform: low ${low} must not be above high ${high}`);
  if (!Number.isFinite(high - low)) throw new ArgumentError(`uniform: ${low} to ${high} is no finite range`);
  const dtype = floatDType('uniform', options.dtype);
  const u = draw('uniform', 'uniform', shape, dtype, generator);
  if (low === 0 && high === 1) return u;
  const scaled = add(mul(u, high - low), low);
  const largest = largestBelow(low, high, dtype);
  return largest === undefined ? scaled : minimum(scaled, largest);
}

/** A number just below `high`, when scaling the largest number below 1 to [low, high) is rounded up to `high`. */
function largestBelow(low: number, high: number, dtype: FloatDType): number | undefined {
  const [round, unit] = dtype === 'float32' ? [Math.fround, 2 ** -24] : [Number, 2 ** -53];
  const [bottom, top] = [round(low), round(high)];
  const largest = round(round((1 - unit) * round(high - low)) + bottom);
  if (bottom >= top || largest < top) return undefined;
  return round(top - Math.abs(top) * (top > 0 ? unit : 2 * unit));
}

/** Options of `normal`. */
export interface NormalOptions<D extends FloatDType> extends RandomOptions<D> {
  /** 0 unless told. */
  readonly mean?: number;
  /** Standard deviation; 1 unless told. */
  readonly std?: number;
}

/**
 * Normally distributed numbers.
 * @throws ArgumentError when std is negative; ShapeError for a bad shape.
 */
export function normal<D extends FloatDType = 'float32'>(shape: Shape, options: NormalOptions<D> = {}): Tensor<D> {
  const { mean = 0, std = 1, generator } = options;
  if (!(std >= 0)) throw new ArgumentError(`normal: std must not be negative, got ${std}`);
  const z = draw('normal', 'normal', shape, floatDType('normal', options.dtype), generator);
  return mean === 0 && std === 1 ? z : add(mul(z, std), mean);
}

/** Numbers evenly spread over [0, 1). */
export function rand<D extends FloatDType = 'float32'>(shape: Shape, options: RandomOptions<D> = {}): Tensor<D> {
  return draw('rand', 'uniform', shape, floatDType('rand', options.dtype), options.generator);
}

/** Numbers of the standard normal distribution. */
export function randn<D extends FloatDType = 'float32'>(shape: Shape, options: RandomOptions<D> = {}): Tensor<D> {
  return draw('randn', 'normal', shape, floatDType('randn', options.dtype), options.generator);
}

/** 1 with the probability that `p` holds at that place, else 0, in the dtype of `p`. No gradient flows to `p`. */
export function bernoulli<D extends FloatDType>(
  p: Tensor<D>,
  options: { readonly generator?: Generator } = {},
): Tensor<D> {
  checkTensor(p, 'bernoulli', 'p');
  checkFloat(p, 'bernoulli', 'p');
  return cast(less(draw('bernoulli', 'uniform', p.shape, p.dtype, options.generator), p), p.dtype);
}

/**
 * Whole numbers evenly spread over low, ..., high - 1; int64 unless told.
 * @throws ArgumentError unless low < high are integers; ShapeError for a bad shape.
 */
export function randInt<D extends IntDType = 'int64'>(
  low: number,
  high: number,
  shape: Shape,
  options: RandomOptions<D> = {},
): Tensor<D> {
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || !(low < high))
    throw new ArgumentError(`randInt: needs integers low < high, got ${low} and ${high}`);
  const dtype = intDType('randInt', options.dtype);
  const u = draw('randInt', 'uniform', shape, 'float64', options.generator);
  return cast(add(floor(mul(u, high - low)), low), dtype);
}

/**
 * The numbers 0, ..., n - 1 in random order, each order being equally likely; int64 unless told.
 * @throws ArgumentError unless n is a non-negative integer.
 */
export function randPerm<D extends IntDType = 'int64'>(n: number, options: RandomOptions<D> = {}): Tensor<D> {
  if (!Number.isSafeInteger(n) || n < 0)
    throw new ArgumentError(`randPerm: n must be a non-negative integer, got ${n}`);
  const dtype = intDType('randPerm', options.dtype);
  return cast(draw('randPerm', 'permutation', [n], 'int64', options.generator), dtype);
}

function intDType<D extends IntDType>(where: string, dtype: D | undefined): D {
  if (dtype !== undefined && !isInt(dtype))
    throw new DTypeError(`${where}: dtype must be int32, int64 or uint8, got ${JSON.stringify(dtype)}`);
  return dtype ?? ('int64' as D);
}
