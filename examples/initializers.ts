/**
 * Lecture 6: first values of the weights.
 *
 * A layer of n inputs computes z = W y, y' = f(z). If the weights are drawn with deviation s, independently of the
 * inputs, the mean squares follow
 *
 *     E[z^2] = n s^2 E[y^2]
 *
 * tanh is nearly the identity for small z, so E[y'^2] is about n s^2 E[y^2]; ReLU throws half of it away:
 * E[y'^2] = n s^2 / 2 E[y^2]. After L layers the factor has been multiplied L times. So the signal dies, or explodes (and
 * tanh saturates), unless the factor is 1:
 *
 *     small Gaussian   s = 0.01                              factor n / 10^4: dies
 *     large Gaussian   s = 1                                 factor n: tanh saturates, ReLU explodes
 *     uniform          in +-1 / sqrt(n), so s^2 = 1 / (3 n)   factor 1/3: dies more slowly
 *     Xavier           s^2 = 2 / (n in + n out)              factor 1 for tanh, 1/2 for ReLU (Glorot and Bengio, 2010)
 *     Kaiming          s^2 = 2 / n                           factor 1 for ReLU (He et al., 2015)
 *
 * The gradient on its way back meets the same factors. The picture shows the histograms of what ten layers give.
 */
import { compile, randn, type Shape, stack, type Tensor } from 'brawn';
import * as nn from 'brawn/nn';
import { drawInitializers } from './support/initializers-picture.js';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';

const kLayers = 10;

/** The ways to draw the weights [outputs, inputs] of a layer, each with s, or what s follows from. */
const initializers = {
  'small Gaussian': { formula: 's = 0.01', draw: (shape: Shape) => nn.init.normal(shape, { std: 0.01 }) },
  'large Gaussian': { formula: 's = 1', draw: (shape: Shape) => nn.init.normal(shape, { std: 1 }) },
  uniform: {
    formula: '±1 / √n,  s² = 1 / (3n)',
    draw: (shape: Shape) => {
      const bound = 1 / Math.sqrt(shape[1]);
      return nn.init.uniform(shape, { low: -bound, high: bound });
    },
  },
  Xavier: { formula: 's² = 2 / (n + n)', draw: (shape: Shape) => nn.init.xavierNormal(shape) },
  Kaiming: { formula: 's² = 2 / n', draw: (shape: Shape) => nn.init.kaimingNormal(shape) },
} as const;

const activations = { tanh: nn.tanh, ReLU: nn.relu } as const;

export type InitializerName = keyof typeof initializers;
export type ActivationName = keyof typeof activations;

/** What one layer of a net gives. */
export interface LayerStatistics {
  readonly deviation: number;
  /** sqrt(E[y^2]). */
  readonly rootMeanSquare: number;
  /** Share of outputs that are exactly 0. */
  readonly zero: number;
  /** Share of outputs whose size is above 0.99, where the slope of tanh is below 0.02. */
  readonly large: number;
  /** Outputs in equal bins from the left end of the axis to the right; those beyond an end are in its bin, zeros in none. */
  readonly histogram: readonly number[];
}

/** A net with one way of drawing its weights. */
export interface Signal {
  readonly initializer: InitializerName;
  readonly formula: string;
  readonly activation: ActivationName;
  readonly layers: readonly LayerStatistics[];
}

/** Ends of the axis of the histograms. */
export const ranges: Readonly<Record<ActivationName, readonly [number, number]>> = { tanh: [-1, 1], ReLU: [0, 4] };
const kBins = 60;

function statistics(values: Float32Array, [low, high]: readonly [number, number]): LayerStatistics {
  const histogram = new Array<number>(kBins).fill(0);
  let [sum, squares, zero, large] = [0, 0, 0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    if (Math.abs(value) > 0.99) large++;
    const bin = Math.floor(((value - low) / (high - low)) * kBins);
    if (value === 0) zero++;
    else histogram[Math.min(Math.max(bin, 0), kBins - 1)]++;
  }
  const [count, meanSquare] = [values.length, squares / values.length];
  const deviation = Math.sqrt(Math.max(0, meanSquare - (sum / count) ** 2));
  return { deviation, rootMeanSquare: Math.sqrt(meanSquare), zero: zero / count, large: large / count, histogram };
}

/** Sends `input` through a net of equal layers and looks at what each gives. */
async function send(
  initializer: InitializerName,
  activation: ActivationName,
  input: Tensor<'float32'>,
): Promise<Signal> {
  const width = input.shape[1];
  const layers = Array.from({ length: kLayers }, () => {
    const linear = nn.linear(width, width, { bias: false });
    linear.weight.assign(initializers[initializer].draw(linear.weight.shape));
    return nn.sequential(linear, activations[activation]());
  });
  const outputs = compile((x: Tensor<'float32'>) => {
    const all: Tensor<'float32'>[] = [];
    for (const layer of layers) all.push(layer.forward(all[all.length - 1] ?? x));
    return stack(all);
  });
  const values = await (await outputs(input)).data();
  const size = input.size;
  const of = (i: number) => statistics(values.subarray(i * size, (i + 1) * size), ranges[activation]);
  const { formula } = initializers[initializer];
  return { initializer, formula, activation, layers: layers.map((_, i) => of(i)) };
}

const short = (value: number) => (value >= 0.01 && value < 1000 ? value.toPrecision(2) : value.toExponential(1));

/** Sends noise through all nets, prints how large it comes out, and draws the histograms. */
export async function main(options: ExampleOptions): Promise<readonly Signal[]> {
  const [samples, width] = options.quick ? [200, 128] : [1000, 256];
  const input = randn([samples, width]);
  const signals: Signal[] = [];
  for (const activation of Object.keys(activations) as ActivationName[]) {
    console.log(`\n${activation}, ${width} units a layer: root mean square of what a layer gives, for inputs of 1`);
    console.log(`  ${'layer'.padEnd(16)}${[1, 2, 5, 10].map((layer) => String(layer).padStart(10)).join('')}`);
    for (const initializer of Object.keys(initializers) as InitializerName[]) {
      const signal = await send(initializer, activation, input);
      signals.push(signal);
      const shown = [1, 2, 5, 10].map((layer) => short(signal.layers[layer - 1].rootMeanSquare).padStart(10));
      const { zero, large } = signal.layers[kLayers - 1];
      const percent = (share: number) => `${Math.round(100 * share)} %`;
      const note = activation === 'tanh' ? `${percent(large)} saturated` : `${percent(zero)} zeros`;
      console.log(`  ${initializer.padEnd(16)}${shown.join('')}   last layer: ${note}`);
    }
  }
  await savePicture(options, 'initializers', {
    svg: await drawInitializers(signals, short),
    see: 'only Xavier under tanh and Kaiming under ReLU give the tenth layer a signal like the first.',
  });
  return signals;
}

await runExample(import.meta.url, main);
