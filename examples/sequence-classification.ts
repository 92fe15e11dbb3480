/**
 * Sequence classification: which wave is it?
 *
 * An LSTM reads a noisy wave, one number at a time, and its last state decides: sine, square or sawtooth. The waves differ
 * in period, phase and length. They are padded to one length, and `lengths` tells the layer where each ends, so that the
 * last state is that of the last number of the wave and not of the padding.
 *
 * The output after every step may be asked as well. That is how the picture shows the network making up its mind.
 */
import { argMax, compile, equal, mean, softmax, type Tensor, tensor } from 'brawn';
import { Rng } from 'brawn/data';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { colourRange, colours, type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { element, label, pathOf, svgDocument } from './support/svg.js';

type Floats = Tensor<'float32'>;
type Whole = Tensor<'int32'>;

const kShapes = ['sine', 'square', 'sawtooth'] as const;
const kLongest = 48;

/** Height of a wave at phase `at`, measured in periods. All have mean 0 and the same power. */
const heights = [
  (at: number) => Math.SQRT2 * Math.sin(2 * Math.PI * at),
  (at: number) => (at % 1 < 0.5 ? 1 : -1),
  (at: number) => Math.sqrt(3) * (2 * (at % 1) - 1),
] as const;

/** Waves: x [T, B, 1], zeros behind the end; lengths [B]; labels [B]. */
interface Waves {
  readonly x: Floats;
  readonly lengths: Whole;
  readonly labels: Whole;
}

function makeWaves(count: number, noise: number, rng: Rng): Waves {
  const x = new Float32Array(kLongest * count);
  const [lengths, labels] = [new Int32Array(count), new Int32Array(count)];
  for (let i = 0; i < count; i++) {
    labels[i] = rng.int(kShapes.length);
    lengths[i] = 16 + rng.int(kLongest - 15);
    const [period, phase] = [rng.uniform(8, 16), rng.uniform()];
    for (let t = 0; t < lengths[i]; t++)
      x[t * count + i] = heights[labels[i]](t / period + phase) + noise * rng.normal();
  }
  return { x: tensor(x, { shape: [kLongest, count, 1] }), lengths: tensor(lengths), labels: tensor(labels) };
}

/** Reads waves, and gives the logits of the classes: at the end of each, or after every step. */
class Listener extends nn.Module<Floats, [x: Tensor, lengths: Whole]> {
  readonly lstm: nn.LSTM;
  readonly head: nn.Linear;

  constructor(hidden: number) {
    super();
    this.lstm = nn.lstm(1, hidden, { forgetBias: 1 });
    this.head = nn.linear(hidden, kShapes.length);
  }

  /** [B, classes]. */
  override forward(x: Tensor, lengths: Whole): Floats {
    const [, [h]] = this.lstm.forward(x, undefined, { lengths });
    return this.head.forward(h.select(0, 0));
  }

  /** [T, B, classes]. */
  stepByStep(x: Tensor): Floats {
    return this.head.forward(this.lstm.forward(x)[0]);
  }
}

export async function main(options: ExampleOptions) {
  const { quick, seed } = options;
  const [hidden, steps, noise] = quick ? [24, 500, 0.2] : [48, 1200, 0.35];
  const rng = new Rng(seed);
  const model = new Listener(hidden);
  const optimizer = optim.adam(model.parameters(), { lr: 0.01 });
  const schedule = optim.cosineAnnealingLR(optimizer, { tMax: steps });

  const step = compile((x: Floats, lengths: Whole, labels: Whole) => {
    const loss = nn.crossEntropy(model.forward(x, lengths), labels);
    optimizer.minimize(loss, { clipNorm: 1 });
    return loss;
  });
  const measure = compile((x: Floats, lengths: Whole, labels: Whole) =>
    mean(equal(argMax(model.forward(x, lengths), 1), labels).cast('float32')),
  );

  const test = makeWaves(1000, noise, rng);
  for (let i = 1; i <= steps; i++) {
    const { x, lengths, labels } = makeWaves(64, noise, rng);
    const loss = await step(x, lengths, labels);
    schedule.step();
    if (i % (steps / 5) === 0) console.log(`step ${String(i).padStart(4)}  loss ${(await loss.item()).toFixed(3)}`);
  }
  const accuracy = await (await measure(test.x, test.lengths, test.labels)).item();
  console.log(`${(100 * accuracy).toFixed(1)} % of ${test.labels.size} new waves are right; guessing would give 33 %`);

  const shown = await pickOfEach(test);
  const chances = compile((x: Floats) => softmax(model.stepByStep(x), -1));
  const curves = await (await chances(test.x.indexSelect(1, tensor(shown, { dtype: 'int32' })))).data();
  await savePicture(options, 'sequence-classification', {
    svg: await picture(test, shown, curves),
    see: 'at first the network guesses; within about one period the probability of the right shape goes to 1.',
  });
  return { accuracy };
}

/** Two long waves of each shape. */
async function pickOfEach({ labels, lengths }: Waves): Promise<number[]> {
  const [shapes, steps] = [await labels.data(), await lengths.data()];
  const long = [...shapes.keys()].filter((i) => steps[i] > 40);
  return kShapes.flatMap((_, shape) => long.filter((i) => shapes[i] === shape).slice(0, 2));
}

// From here on: the picture.

const kPanel = { width: 250, height: 78, gap: 14 };

/** A line through values over the steps, in a panel at (left, top). */
function curve(values: readonly number[], range: readonly [number, number], at: readonly [number, number]) {
  const [low, high] = range;
  return pathOf(
    values.map((value, t) => [
      at[0] + (t * kPanel.width) / (kLongest - 1),
      at[1] + (kPanel.height * (high - value)) / (high - low),
    ]),
  );
}

async function picture({ x, lengths }: Waves, shown: readonly number[], chances: Float32Array): Promise<string> {
  const [values, steps] = [await x.data(), await lengths.data()];
  const count = steps.length;
  const { width, height, gap } = kPanel;
  const panels = shown.flatMap((wave, i) => {
    const [left, top] = [40 + (i % 2) * (width + 44), 58 + Math.floor(i / 2) * (2 * height + 64)];
    const below = top + height + gap;
    const length = steps[wave];
    const heard = Array.from({ length }, (_, t) => values[t * count + wave]);
    const frame = (y: number) => element('rect', { x: left, y, width, height, fill: 'none', stroke: colours.line });
    return [
      label(left, top - 7, kShapes[Math.floor(i / 2)], { 'text-anchor': 'start', 'font-size': 13 }),
      frame(top),
      element('path', {
        d: curve(heard, [-3, 3], [left, top]),
        fill: 'none',
        stroke: colours.ink,
        'stroke-width': 1.3,
      }),
      frame(below),
      ...kShapes.map((_, shape) => {
        const chance = Array.from({ length }, (_, t) => chances[(t * shown.length + i) * kShapes.length + shape]);
        const d = curve(chance, [-0.05, 1.05], [left, below]);
        return element('path', { d, fill: 'none', stroke: colourRange[shape], 'stroke-width': 2 });
      }),
    ];
  });
  const legend = kShapes.flatMap((shape, i) => [
    element('rect', { x: 330 + 90 * i, y: 16, width: 14, height: 4, fill: colourRange[i] }),
    label(350 + 90 * i, 22, shape, { 'text-anchor': 'start' }),
  ]);
  const title = label(40, 22, 'What the network thinks so far', { 'text-anchor': 'start', 'font-size': 14 });
  return svgDocument(620, 58 + 3 * (2 * height + 64), title, ...legend, ...panels);
}

await runExample(import.meta.url, main);
