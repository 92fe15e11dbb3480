/** `fit` with models that give several tensors: GoogLeNet with its auxiliary classifiers, and one of a test's own. */
import { describe, expect, it } from 'vitest';
import { fromArrays } from '../../src/data/index.js';
import { add, mul, randn, type Tensor, tensor } from '../../src/index.js';
import { googlenet } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { manualSeed } from '../../src/random.js';
import { accuracy, findLearningRate, fit } from '../../src/train/index.js';
import { clouds } from './small.js';

type F = Tensor<'float32'>;
type Labels = Tensor<'int32'>;

/** A classifier with another one half way, under names of the caller's. */
class TwoHeads extends nn.Module<Readonly<Record<string, F>>> {
  readonly first = nn.linear(2, 8);
  readonly second = nn.linear(8, 3);
  readonly early = nn.linear(8, 3);

  constructor(readonly names: readonly [main: string, other: string]) {
    super();
  }

  override forward(x: F) {
    const hidden = this.first.forward(x).tanh() as F;
    return { [this.names[0]]: this.second.forward(hidden), [this.names[1]]: this.early.forward(hidden) };
  }
}

const common = { epochs: 6, progress: 'none', metrics: { accuracy: accuracy() } } as const;

function twoHeads(names: readonly [string, string], lr = 0.05) {
  manualSeed(3);
  const model = new TwoHeads(names);
  const loss = (output: Readonly<Record<string, F>>, label: Tensor) => {
    const [main, other] = names.map((name) => nn.crossEntropy(output[name], label as Labels));
    return add(main, mul(other, 0.3)) as F;
  };
  return { model, loss, optimizer: optim.adam(model.parameters(), { lr }) };
}

const data = () => ({ train: clouds(120).shuffle({ seed: 5 }).batch(24), validation: clouds(60, 2).batch(60) });

describe('fit with several outputs', () => {
  it('gives them to the loss, and the logits to metrics', async () => {
    const { model, loss, optimizer } = twoHeads(['logits', 'early']);
    const before = await model.early.weight.data();
    const { history } = await fit(model, data(), { ...common, optimizer, loss });
    expect(Number(history[5].validation?.accuracy)).toBeGreaterThan(0.85);
    expect(await model.early.weight.data()).not.toEqual(before);

    const other = twoHeads(['logits', 'early']);
    const { x, label } = await clouds(60, 2)
      .batch(60)
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => value);
    expect(history[5].validation?.loss).toBeCloseTo(await loss(model.forward(x), label).item(), 5);
    const early = { ...common, epochs: 1, prediction: (output: Readonly<Record<string, F>>) => output.early };
    const scores = await fit(other.model, data(), { ...early, optimizer: other.optimizer, loss });
    const right = (await accuracyOf(other.model.forward(x).early, label)) / 60;
    expect(scores.history[0].validation?.accuracy).toBeCloseTo(right);
  });

  it('says what is missing', async () => {
    const { model, loss, optimizer } = twoHeads(['main', 'early']);
    await expect(fit(model, data(), { ...common, optimizer, metrics: {} })).rejects.toThrow(
      'fit: the model gives several outputs (main, early); say what the loss is with loss: (output, target) => ...',
    );
    await expect(fit(model, data(), { ...common, optimizer, loss })).rejects.toThrow(
      'fit: the model gives several outputs (main, early); say what metrics measure with prediction: (output) => ...',
    );
    const { suggestion } = await findLearningRate(model, data().train, { optimizer, loss, steps: 20 });
    expect(suggestion).toBeGreaterThan(0);
  });
});

async function accuracyOf(scores: F, label: Labels): Promise<number> {
  const [rows, labels] = [(await scores.toArray()) as number[][], await label.data()];
  return rows.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length;
}

it('GoogLeNet learns with both auxiliary classifiers', async () => {
  manualSeed(0);
  const model = googlenet(3, { dropout: 0, dropoutAux: 0 });
  const optimizer = optim.adam(model.parameters(), { lr: 1e-3 });
  const heads = ['fc.weight', 'aux1.fc2.weight', 'aux2.fc2.weight'];
  const weights = () => Promise.all(heads.map(async (name) => [...(await model.stateDict()[name].data())]));
  const before = await weights();
  // Each class is bright in another colour.
  const label = Int32Array.from({ length: 12 }, (_, i) => i % 3);
  const noise = await randn([12, 3, 32, 32]).data();
  const image = noise.map((value, i) => value + (Math.floor(i / 1024) % 3 === label[Math.floor(i / 3072)] ? 2 : 0));
  const images = fromArrays({ image: { data: image, shape: [12, 3, 32, 32] }, label: { data: label } });
  const { history } = await fit(
    model,
    { train: images.batch(12), validation: images.batch(12) },
    {
      ...common,
      epochs: 3,
      optimizer,
      loss: (output, labels) => model.loss(output, labels as Labels),
    },
  );
  const after = await weights();
  for (const i of heads.keys()) expect(after[i], heads[i]).not.toEqual(before[i]);
  // Three classifiers that know nothing: 1.6 ln 3.
  expect(history[0].train.loss).toBeCloseTo(1.6 * Math.log(3), 0);
  expect(history[2].train.loss).toBeLessThan(0.5 * history[0].train.loss);
  expect(history[2].train.accuracy).toBe(1);
  const logits = model.eval().forward(tensor(image, { shape: [12, 3, 32, 32] }));
  const alone = nn.crossEntropy(logits as F, tensor(label));
  expect(history[2].validation?.loss).toBeCloseTo(await alone.item(), 4);
});
