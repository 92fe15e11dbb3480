/**
 * Lecture 5: vanishing gradients, and highway networks.
 *
 * Back-propagation multiplies. With z(l) = W(l) y(l-1) + b(l) and y(l) = f(z(l)), the gradient of the cost C goes back
 * through one layer as
 *
 *     dC/dy(l-1) = W(l)^T (f'(z(l)) * dC/dy(l))
 *
 * The slope of the sigmoid is 1/4 at most. Weights that keep the size of what passes through them (Xavier) thus leave a
 * quarter, and twenty layers 4^-20 = 1e-12: the first layers do not learn, however long one waits. tanh and ReLU have
 * slope 1 where they are active, so weights of the right size (Xavier, Kaiming) keep the gradient alive at first.
 *
 * A highway layer (Srivastava, Greff and Schmidhuber, "Training Very Deep Networks", 2015) has a way past:
 *
 *     y = t(x) * h(x) + (1 - t(x)) * x      with the gate t(x) = sigmoid(W' x + b')
 *
 * Where the gate is closed (b' starts negative), y = x and dy/dx = 1. So the gradient reaches the first layer of a net of
 * any depth, and learning opens the gates where they are of use.
 *
 * Shown are the norm of the gradient in each layer of nets of twenty layers, before and after training, and how nets of
 * growing depth learn to read digits: MNIST from the folder `--data`, or else digits that the package draws.
 */
import { argMax, cast, compile, equal, grad, sqrt, square, stack, sum, type Tensor } from 'brawn';
import { type Dataset, type DigitSample, digits, mnist } from 'brawn/data';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { drawVanishing } from './support/vanishing-picture.js';

/** Options of this example. */
export interface VanishingOptions extends ExampleOptions {
  /** Folder with MNIST's four files; digits drawn by the package unless told. */
  readonly data?: string;
}

type Batch = readonly [image: Tensor<'float32'>, label: Tensor<'int32'>];

/** The kinds of hidden layers. */
export const kinds = ['sigmoid', 'tanh', 'ReLU', 'highway'] as const;
export type Kind = (typeof kinds)[number];

/** Depth of the nets whose gradients are measured. */
const kMeasured = 20;
const kWidth = 50;
const kPixels = 784;
const kTestBatch = 500;

const activation: Record<Kind, () => nn.Module> = {
  sigmoid: nn.sigmoid,
  tanh: nn.tanh,
  ReLU: nn.relu,
  highway: nn.relu,
};

/** Learning rates: of 0.01, 0.03 and 0.1, what gets nets of twenty layers furthest in an epoch. No rate helps sigmoids. */
const rate: Record<Kind, number> = { sigmoid: 0.1, tanh: 0.03, ReLU: 0.03, highway: 0.1 };

/** Weights that keep the size of what passes through: the best start known for each kind. */
function start(kind: Kind, layer: nn.Linear): void {
  const { xavierNormal, kaimingNormal, zeros } = nn.init;
  const draw = kind === 'sigmoid' || kind === 'tanh' ? xavierNormal : kaimingNormal;
  layer.weight.assign(draw(layer.weight.shape));
  layer.bias?.assign(zeros(layer.bias.shape));
}

/** The deeper, the more the gates are closed at first: the paper's -1 for ten layers to -4 for fifty. */
const gateBias = (depth: number) => (depth <= 10 ? -1 : depth <= 20 ? -2 : -4);

interface Network {
  readonly model: nn.Module;
  /** The hidden layers' own weights, from the input on. */
  readonly weights: readonly Tensor[];
}

/** A net of `depth` hidden layers: one that makes the image narrow, and the others of equal width. */
function network(kind: Kind, depth: number): Network {
  const first = nn.linear(kPixels, kWidth);
  const layers: nn.Module[] = [nn.flatten(), first, activation[kind]()];
  const linears = [first];
  for (let i = 1; i < depth; i++) {
    if (kind === 'highway') {
      const layer = nn.highway(kWidth, { activation: activation[kind](), gateBias: gateBias(depth) });
      layers.push(layer);
      linears.push(layer.transform);
    } else {
      const layer = nn.linear(kWidth, kWidth);
      layers.push(layer, activation[kind]());
      linears.push(layer);
    }
  }
  for (const layer of linears) start(kind, layer);
  return { model: nn.sequential(...layers, nn.linear(kWidth, 10)), weights: linears.map(({ weight }) => weight) };
}

/** How much to do. */
interface Size {
  readonly depths: readonly number[];
  readonly epochs: number;
  readonly batch: number;
  /** Number of measurements of accuracy in an epoch. */
  readonly measurements: number;
}

const full: Size = { depths: [3, kMeasured, 50], epochs: 5, batch: 128, measurements: 2 };
const quick: Size = { depths: [kMeasured], epochs: 4, batch: 50, measurements: 1 };

interface Data {
  readonly train: Dataset<DigitSample>;
  readonly test: Dataset<DigitSample>;
}

function readData({ data, quick, seed }: VanishingOptions): Data {
  const [train, test] = quick ? [4000, 1000] : [60_000, 10_000];
  if (data === undefined)
    return {
      train: digits({ count: Math.min(train, 20_000), seed }),
      test: digits({ count: test / 2, seed: seed + 1 }),
    };
  const read = (split: 'train' | 'test') => mnist(split, { dir: data, normalize: true });
  return { train: read('train').take(train), test: read('test').take(test) };
}

/** How a net fared. */
export interface Learnt {
  readonly kind: Kind;
  readonly depth: number;
  /** Norm of the cost's gradient with respect to each hidden layer's weights, before training and after it. */
  readonly normsBefore: readonly number[];
  readonly normsAfter: readonly number[];
  /** Share of the test images that are read right, after so many epochs. */
  readonly accuracy: readonly { readonly epoch: number; readonly value: number }[];
  /** Mean cost over the last half epoch. */
  readonly loss: number;
  readonly seconds: number;
}

/** Trains a net by stochastic gradient descent with momentum, and measures it on the way. */
async function learn(kind: Kind, depth: number, data: Data, size: Size, seed: number): Promise<Learnt> {
  const { model, weights } = network(kind, depth);
  const optimizer = optim.sgd(model.parameters(), { lr: rate[kind], momentum: 0.9 });
  const cost = (...[image, label]: Batch) => nn.crossEntropy(model.forward(image), label);
  const step = compile((...batch: Batch) => {
    const loss = cost(...batch);
    optimizer.minimize(loss, { clipNorm: 1 });
    return loss;
  });
  // In double precision, since the squares of what is left of a gradient may be too small for single.
  const norm = (g: Tensor) => sqrt(sum(square(cast(g, 'float64'))));
  const norms = compile((...batch: Batch) => stack(grad(cost(...batch), weights).map(norm)));
  const right = compile((...[image, label]: Batch) => sum(equal(argMax(model.forward(image), 1), label)));

  const test = data.test.batch(kTestBatch);
  const accuracyOf = async () => {
    let found = 0;
    for await (const { image, label } of test) found += Number(await (await right(image, label)).item());
    return found / (await data.test.length());
  };
  const normsNow = async () => {
    const { image, label } = await firstOf(test);
    return [...(await (await norms(image, label)).data())];
  };

  const began = performance.now();
  const train = data.train.shuffle({ seed }).batch(size.batch, { dropLast: true });
  const steps = (await train.steps()) as number;
  const interval = Math.floor(steps / size.measurements);
  const normsBefore = await normsNow();
  const accuracy = [{ epoch: 0, value: await accuracyOf() }];
  let losses: number[] = [];
  for (let at = 0; at < size.epochs * steps; ) {
    for await (const { image, label } of train) {
      losses.push(await (await step(image, label)).item());
      if (++at % steps === 0 || (at % steps) % interval === 0) {
        accuracy.push({ epoch: at / steps, value: await accuracyOf() });
        if (at < size.epochs * steps) losses = [];
      }
    }
  }
  const loss = losses.reduce((total, value) => total + value, 0) / losses.length;
  const seconds = (performance.now() - began) / 1000;
  return { kind, depth, normsBefore, normsAfter: await normsNow(), accuracy, loss, seconds };
}

async function firstOf(batches: AsyncIterable<DigitSample>): Promise<DigitSample> {
  for await (const batch of batches) return batch;
  throw new Error('there are no test images');
}

const exponential = (value: number) => value.toExponential(1).padStart(8);

/** Measures, trains, prints and draws. */
export async function main(options: VanishingOptions): Promise<readonly Learnt[]> {
  const size = options.quick ? quick : full;
  const data = readData(options);
  const images = options.data === undefined ? 'digits drawn by the package' : 'MNIST';
  console.log(`${images}: ${await data.train.length()} to learn from, ${await data.test.length()} to be tested on.`);
  console.log('\n                    norm of the gradient, first layer : last layer       right on');
  console.log('layers   kind           before training       after training      test images   cost    seconds');
  const all: Learnt[] = [];
  for (const kind of kinds)
    for (const depth of size.depths) {
      const found = await learn(kind, depth, data, size, options.seed);
      all.push(found);
      const ends = (norms: readonly number[]) => `${exponential(norms[0])} : ${exponential(norms[depth - 1])}`;
      const share = `${(100 * found.accuracy[found.accuracy.length - 1].value).toFixed(1)} %`.padStart(12);
      console.log(
        `${String(depth).padStart(6)}   ${kind.padEnd(8)}  ${ends(found.normsBefore)}  ${ends(found.normsAfter)}` +
          `${share}   ${found.loss.toFixed(3)}   ${found.seconds.toFixed(0).padStart(7)}`,
      );
    }
  await savePicture(options, 'vanishing-gradients', {
    svg: await drawVanishing(all, { kinds, measured: kMeasured, epochs: size.epochs, images }),
    see: 'the blue line loses a factor of 4 or more per layer, so deep sigmoid nets stay at chance; highway nets learn at any depth.',
  });
  return all;
}

await runExample(import.meta.url, main, (command) =>
  command.option('--data <folder>', "folder with MNIST's files; digits drawn by the package unless told"),
);
