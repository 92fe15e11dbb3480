/**
 * First values of parameters. The defaults of layers are PyTorch's. All draw from the default generator (or the one in
 * their options) when they are called, and are computed when the parameter is first used. To replace a layer's values,
 * assign: `layer.weight.assign(nn.init.orthogonal(layer.weight.shape))`.
 */
import { ArgumentError, ShapeError } from '../errors.js';
import { leafNode } from '../graph/leaves.js';
import {
  add,
  cast,
  clamp,
  eye as eyeOp,
  full,
  less,
  log,
  minimum,
  mul,
  neg,
  normal as normalOp,
  ones as onesOp,
  sqrt,
  sub,
  uniform as uniformOp,
  where,
  zeros as zerosOp,
} from '../ops/index.js';
import { fillRandom } from '../ops/philox.js';
import { erfOf } from '../ops/scalar-math.js';
import { defaultGenerator, type Generator } from '../random.js';
import { checkShape, type Shape, showShape, sizeOf } from '../shape.js';
import { Tensor, tensor } from '../tensor.js';

type T = Tensor<'float32'>;

/** Options of all initialisers that draw. */
export interface DrawOptions {
  /** The default generator unless told. */
  readonly generator?: Generator;
}

/** Inputs and outputs of one unit for a weight [out, in, ...kernel]. @throws ShapeError for fewer than 2 dimensions. */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) throw new ShapeError(`fans: a weight needs at least two dimensions, got ${showShape(shape)}`);
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

/** Functions that have a gain. */
export type Nonlinearity = 'linear' | 'conv' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/**
 * By how much a layer should scale its weights for what follows it: 1 for linear, conv and sigmoid, 5/3 for tanh,
 * sqrt(2) for relu, sqrt(2 / (1 + slope^2)) for leakyRelu (slope 0.01 unless told), 3/4 for selu (as
 * `torch.nn.init.calculate_gain`). @throws ArgumentError for other names.
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope * slope));
    case 'selu':
      return 3 / 4;
    default:
      throw new ArgumentError(
        `calculateGain: unknown nonlinearity ${JSON.stringify(nonlinearity)}; use linear, conv, sigmoid, tanh, relu, leakyRelu or selu`,
      );
  }
}

/** All 0. */
export const zeros = (shape: Shape): T => zerosOp(shape);

/** All 1. */
export const ones = (shape: Shape): T => onesOp(shape);

/** All `value`. */
export const constant = (shape: Shape, value: number): T => full(shape, value);

/** Evenly spread over [low, high), 0 and 1 unless told. @throws ArgumentError when low > high. */
export function uniform(
  shape: Shape,
  options: DrawOptions & { readonly low?: number; readonly high?: number } = {},
): T {
  return uniformOp(shape, options);
}

/** Options of the normal distributions. */
export interface NormalInitOptions extends DrawOptions {
  /** 0 unless told. */
  readonly mean?: number;
  /** Standard deviation; 1 unless told. */
  readonly std?: number;
}

/** Normally distributed (Gaussian). @throws ArgumentError when std is negative. */
export function normal(shape: Shape, options: NormalInitOptions = {}): T {
  return normalOp(shape, options);
}

/** Options of `truncNormal`. */
export interface TruncNormalOptions extends NormalInitOptions {
  /** Least value, itself and not in deviations; -2 unless told. */
  readonly low?: number;
  /** Largest value; 2 unless told. */
  readonly high?: number;
}

/**
 * Normally distributed within [low, high]: the inverse of the distribution function on a uniform number (as
 * `torch.nn.init.trunc_normal_`). @throws ArgumentError unless low < high, std is positive, and the mean is at most four
 * deviations away from the range.
 */
export function truncNormal(shape: Shape, options: TruncNormalOptions = {}): T {
  const { mean = 0, std = 1, low = -2, high = 2, generator } = options;
  if (!(low < high)) throw new ArgumentError(`truncNormal: low ${low} must be below high ${high}`);
  if (!(std > 0)) throw new ArgumentError(`truncNormal: std must be positive, got ${std}`);
  if (low - mean > 4 * std || mean - high > 4 * std)
    throw new ArgumentError(`truncNormal: mean ${mean} is more than 4 deviations away from ${low} to ${high}`);
  const [from, to] = [low, high].map((x) => erfOf((x - mean) / std / Math.SQRT2));
  const u = uniformOp(shape, { low: from, high: to, dtype: 'float64', generator });
  return cast(clamp(add(mul(inverseErf(u), std * Math.SQRT2), mean), low, high), 'float32');
}

const kCentral = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const kTail = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

/** The inverse of erf to single precision (Giles, "Approximating the erfinv function", 2012). */
function inverseErf(u: Tensor<'float64'>): Tensor<'float64'> {
  // Beyond 5.5 deviations, where the polynomials end, all is one.
  const w = minimum(neg(log(mul(sub(1, u), add(u, 1)))), 17);
  const polynomial = (at: Tensor<'float64'>, factors: readonly number[]) =>
    factors.slice(1).reduce<Tensor<'float64'>>((sum, factor) => add(mul(sum, at), factor), add(mul(at, 0), factors[0]));
  const central = polynomial(sub(w, 2.5), kCentral);
  const tail = polynomial(sub(sqrt(w), 3), kTail);
  return mul(where(less(w, 5), central, tail), u) as Tensor<'float64'>;
}

/** Options of the Xavier initialisers. */
export interface XavierOptions extends DrawOptions {
  /** 1 unless told; see `calculateGain`. */
  readonly gain?: number;
}

const xavierDeviation = (shape: Shape, gain: number): number => {
  const { fanIn, fanOut } = fans(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
};

const xavierOptions = (given: number | XavierOptions): XavierOptions =>
  typeof given === 'number' ? { gain: given } : given;

/**
 * Uniform with variance 2 gain^2 / (fanIn + fanOut) (Glorot and Bengio, "Understanding the difficulty of training deep
 * feedforward neural networks", 2010; as `torch.nn.init.xavier_uniform_`). The second argument is the gain, or options.
 */
export function xavierUniform(shape: Shape, options: number | XavierOptions = {}): T {
  const { gain = 1, generator } = xavierOptions(options);
  return symmetric(shape, Math.sqrt(3) * xavierDeviation(shape, gain), generator);
}

/** Normal with variance 2 gain^2 / (fanIn + fanOut) (as `torch.nn.init.xavier_normal_`). */
export function xavierNormal(shape: Shape, options: number | XavierOptions = {}): T {
  const { gain = 1, generator } = xavierOptions(options);
  return normalOp(shape, { std: xavierDeviation(shape, gain), generator });
}

/** Options of the Kaiming initialisers. */
export interface KaimingOptions extends DrawOptions {
  /** Negative slope of the leaky ReLU that follows; 0 (a plain ReLU) unless told. */
  readonly slope?: number;
  /** Keep the variance of the forward (`in`, unless told) or the backward pass (`out`). */
  readonly mode?: 'in' | 'out';
  /** What follows; `'leakyRelu'` with `slope` unless told. */
  readonly nonlinearity?: Nonlinearity;
}

const kaimingDeviation = (
  shape: Shape,
  { slope = 0, mode = 'in', nonlinearity = 'leakyRelu' }: KaimingOptions,
): number => {
  if (mode !== 'in' && mode !== 'out')
    throw new ArgumentError(`kaiming: mode must be 'in' or 'out', got ${JSON.stringify(mode)}`);
  const { fanIn, fanOut } = fans(shape);
  return calculateGain(nonlinearity, slope) / Math.sqrt(mode === 'in' ? fanIn : fanOut);
};

/**
 * Uniform with variance gain^2 / fan (He et al., "Delving Deep into Rectifiers", 2015; as
 * `torch.nn.init.kaiming_uniform_`), which is 2 / fan for a ReLU.
 */
export function kaimingUniform(shape: Shape, options: KaimingOptions = {}): T {
  return symmetric(shape, Math.sqrt(3) * kaimingDeviation(shape, options), options.generator);
}

/** Normal with variance gain^2 / fan (as `torch.nn.init.kaiming_normal_`). */
export function kaimingNormal(shape: Shape, options: KaimingOptions = {}): T {
  return normalOp(shape, { std: kaimingDeviation(shape, options), generator: options.generator });
}

/** Uniform with variance 1 / fanIn (LeCun et al., "Efficient BackProp", 1998): for tanh scaled to it, and for selu. */
export function lecunUniform(shape: Shape, { generator }: DrawOptions = {}): T {
  return symmetric(shape, Math.sqrt(3 / fans(shape).fanIn), generator);
}

/** Normal with variance 1 / fanIn (LeCun et al. 1998; what Klambauer et al. 2017 ask for selu). */
export function lecunNormal(shape: Shape, { generator }: DrawOptions = {}): T {
  return normalOp(shape, { std: 1 / Math.sqrt(fans(shape).fanIn), generator });
}

/**
 * A random matrix [out, in * kernel] whose rows, or columns where there are fewer, are orthogonal with length `gain` (1
 * unless told), each such matrix being equally likely (Saxe et al., "Exact solutions to the nonlinear dynamics of
 * learning in deep linear neural networks", 2014; as `torch.nn.init.orthogonal_`). Computed in double precision on the
 * JavaScript thread when first used, in time rows * columns * min(rows, columns).
 * @throws ShapeError for fewer than two dimensions.
 */
export function orthogonal(shape: Shape, { gain = 1, generator = defaultGenerator }: XavierOptions = {}): T {
  const size = checkShape(shape, 'orthogonal');
  if (size.length < 2)
    throw new ShapeError(`orthogonal: a weight needs at least two dimensions, got ${showShape(shape)}`);
  const { seed, counter } = generator.next();
  let made: Float32Array | undefined;
  const read = () => (made ??= orthogonalElements(size[0], sizeOf(size.slice(1)), gain, seed, counter));
  return new Tensor<'float32'>(leafNode(size, 'float32', { kind: 'data', read, identity: read }));
}

function orthogonalElements(rows: number, columns: number, gain: number, seed: number, counter: number): Float32Array {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const drawn = new Float64Array(count * length);
  fillRandom(drawn, 'normal', true, seed, counter, 0);
  const vectors = Array.from({ length: count }, (_, i) => drawn.subarray(i * length, (i + 1) * length));
  orthonormalize(vectors);
  const out = new Float32Array(rows * columns);
  vectors.forEach((vector, i) => {
    const [start, stride] = rows <= columns ? [i * columns, 1] : [i, columns];
    for (let j = 0; j < length; j++) out[start + j * stride] = gain * vector[j];
  });
  return out;
}

/** Gram and Schmidt's process, modified: the Q of a QR decomposition with positive diagonal of R. */
function orthonormalize(vectors: readonly Float64Array[]): void {
  vectors.forEach((vector, i) => {
    let square = 0;
    for (const value of vector) square += value * value;
    const length = Math.sqrt(square);
    for (let j = 0; j < vector.length; j++) vector[j] /= length;
    for (const later of vectors.slice(i + 1)) {
      let product = 0;
      for (let j = 0; j < vector.length; j++) product += vector[j] * later[j];
      for (let j = 0; j < vector.length; j++) later[j] -= product * vector[j];
    }
  });
}

/** 1 on the diagonal, 0 elsewhere: a linear layer that starts as the identity. @throws ShapeError unless it is a matrix. */
export function eye(shape: Shape): T {
  if (shape.length !== 2) throw new ShapeError(`eye: needs a matrix, got ${showShape(shape)}`);
  return eyeOp(shape[0], shape[1]);
}

export { eye as identity };

/**
 * For the weight [out, in, ...kernel] of a convolution that starts as the identity: 1 where input and output channel are
 * the same and the kernel is at its centre, in each of `groups` groups of outputs (1 unless told; as
 * `torch.nn.init.dirac_`).
 * @throws ShapeError unless there are three to five dimensions; ArgumentError when the groups do not divide the outputs.
 */
export function dirac(shape: Shape, groups = 1): T {
  if (shape.length < 3 || shape.length > 5)
    throw new ShapeError(`dirac: needs the weight [out, in, ...kernel] of a convolution, got ${showShape(shape)}`);
  const [outputs, inputs, ...kernel] = checkShape(shape, 'dirac');
  if (!Number.isInteger(groups) || groups < 1 || outputs % groups !== 0)
    throw new ArgumentError(`dirac: ${groups} groups do not divide ${outputs} outputs`);
  const field = sizeOf(kernel);
  const centre = kernel.reduce((at, dim) => at * dim + Math.floor(dim / 2), 0);
  const values = new Float32Array(sizeOf(shape));
  const perGroup = outputs / groups;
  for (let group = 0; group < groups; group++)
    for (let i = 0; i < Math.min(perGroup, inputs); i++)
      values[((group * perGroup + i) * inputs + i) * field + centre] = 1;
  return tensor(values, { shape });
}

/** Uniform between -bound and bound. */
export function symmetric(shape: Shape, bound: number, generator?: Generator): T {
  return uniformOp(shape, { low: -bound, high: bound, generator });
}

/** PyTorch's default for linear and convolutional weights, kaimingUniform with slope sqrt(5): bound 1 / sqrt(fanIn). */
export function defaultWeight(shape: Shape): T {
  return kaimingUniform(shape, { slope: Math.sqrt(5) });
}

/** PyTorch's default for the bias [size] that goes with `weight`. */
export function defaultBias(size: number, weight: Shape): T {
  const { fanIn } = fans(weight);
  return symmetric([size], fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}
