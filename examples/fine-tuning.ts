/**
 * Lecture 7: fine-tuning. A network that has seen many images of one kind learns another kind from few.
 *
 * What the first layers of a network for images find, edges, corners, spots, is of use for most images. So one takes a
 * trained network, puts a new last layer in the place of the old one, and
 *
 *     1. trains the new layer alone, with all others frozen: its random gradients would spoil them,
 *     2. then all layers, at a lower rate.
 *
 * `--weights FILE` is a trained ResNet-20 for 32x32 images (safetensors, names as in docs/models.md), `--data FOLDER` has
 * the files of Fashion-MNIST, of which a few hundred are learnt. Without weights, a network first learns to read drawn digits
 * 0 to 4; without data, the new kind is drawn digits: 5 to 9. The same network, drawn anew and trained on the few images
 * alone, shows what the old knowledge is worth.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argMax, compile, equal, expand, manualSeed, pad, sub, sum, type Tensor } from 'brawn';
import { type Dataset, type DigitSample, digits, fashionMnist } from 'brawn/data';
import * as models from 'brawn/models';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { drawSvg } from 'brawn/train';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';

/** Options of this example. */
export interface FineTuningOptions extends ExampleOptions {
  /** A trained ResNet-20; one is trained on drawn digits unless told. */
  readonly weights?: string;
  /** Folder with Fashion-MNIST's four files; drawn digits unless told. */
  readonly data?: string;
}

type Floats = Tensor<'float32'>;
type Labels = Tensor<'int32'>;

/** Images to tell apart; their labels start at `first`. */
interface Task {
  readonly what: string;
  readonly classes: number;
  readonly first: number;
  readonly train: Dataset<DigitSample>;
  readonly test: Dataset<DigitSample>;
}

/** How much to do. `depth` is that of the network where no weights are given. */
const kFull = { depth: 20, body: 4000, train: 500, test: 2000, bodyEpochs: 4, headEpochs: 10, epochs: 10 };
const kQuick = { depth: 8, body: 400, train: 100, test: 200, bodyEpochs: 4, headEpochs: 3, epochs: 3 };
type Size = typeof kFull;

/** Drawn digits `first` to `first + 4`. */
function fiveDigits(first: number, train: number, test: number, seed: number): Task {
  const draw = (count: number, from: number) =>
    digits({ count: 2 * count, seed: from }).filter(async ({ label }) => {
      const digit = await label.item();
      return digit >= first && digit < first + 5;
    });
  const what = `drawn digits ${first} to ${first + 4}`;
  return { what, classes: 5, first, train: draw(train, seed), test: draw(test, seed + 1) };
}

function newTask({ data, seed }: FineTuningOptions, { train, test }: Size): Task {
  if (data === undefined) return fiveDigits(5, train, test, seed + 2);
  const read = (split: 'train' | 'test', count: number) => fashionMnist(split, { dir: data }).take(count);
  return { what: 'clothes', classes: 10, first: 0, train: read('train', train), test: read('test', test) };
}

/** Grey images [n, 1, 28, 28] as a network for colour images wants them: [n, 3, 32, 32], about mean 0 and deviation 1. */
function colour(image: Floats): Floats {
  const larger = pad(image, [
    [0, 0],
    [0, 0],
    [2, 2],
    [2, 2],
  ]);
  return expand(sub(larger, 0.45).div(0.225) as Floats, [image.shape[0], 3, 32, 32]) as Floats;
}

/** A function that gives the share of the test images that the model tells apart as it is then. */
function accuracyOf(model: nn.Module, { test, first }: Task): () => Promise<number> {
  const right = compile((image: Floats, label: Labels) =>
    sum(equal(argMax(model.forward(colour(image)), 1), sub(label, first))),
  );
  return async () => {
    model.eval();
    let [found, seen] = [0, 0];
    for await (const { image, label } of test.batch(100)) {
      found += Number(await (await right(image, label)).item());
      seen += label.size;
    }
    return found / seen;
  };
}

interface Course {
  readonly epochs: number;
  readonly lr: number;
  readonly seed: number;
}

/** Trains what is not frozen, and gives the accuracy after each epoch. Batch norm takes the statistics of the new images. */
async function learn(model: nn.Module, task: Task, { epochs, lr, seed }: Course): Promise<number[]> {
  const optimizer = optim.adam(model.parameters(), { lr });
  const schedule = optim.cosineAnnealingLR(optimizer, { tMax: epochs });
  const step = compile((image: Floats, label: Labels) => {
    const loss = nn.crossEntropy(model.forward(colour(image)), sub(label, task.first) as Labels);
    optimizer.minimize(loss);
    return loss;
  });
  const accuracy = accuracyOf(model, task);
  const batches = task.train.shuffle({ seed }).batch(25);
  const accuracies: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    model.train();
    for await (const { image, label } of batches) await step(image, label);
    schedule.step();
    accuracies.push(await accuracy());
  }
  return accuracies;
}

/** A network that reads digits 0 to 4, trained and saved: what `--weights` is, where none are given. */
async function pretrain({ out, seed }: ExampleOptions, size: Size): Promise<string> {
  const task = fiveDigits(0, size.body, size.test, seed);
  const model = models.resnetCifar(size.depth, task.classes);
  const accuracies = await learn(model, task, { epochs: size.bodyEpochs, lr: 3e-3, seed });
  console.log(`A network has learnt ${task.what}: ${percent(accuracies[accuracies.length - 1])} are right.`);
  const file = join(out, 'fine-tuning.safetensors');
  await mkdir(out, { recursive: true });
  await model.save(file);
  return file;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

export async function main(options: FineTuningOptions) {
  const { seed, weights } = options;
  const size = options.quick ? kQuick : kFull;
  const network = (classes: number) => models.resnetCifar(weights === undefined ? size.depth : 20, classes);
  const file = weights ?? (await pretrain(options, size));
  const task = newTask(options, size);

  // The published head goes with the weights; ours takes its place.
  const model = network(weights === undefined ? 5 : 10);
  await model.load(file);
  model.linear = nn.linear(64, task.classes);
  const before = await accuracyOf(model, task)();
  console.log(`Now ${size.train} images of ${task.what}. With a new head, untrained, ${percent(before)} are right;`);

  model.freeze((name) => !name.startsWith('linear.'));
  const frozen = await model.conv1.weight.data();
  const head = await learn(model, task, { epochs: size.headEpochs, lr: 1e-2, seed });
  const untouched = String(await model.conv1.weight.data()) === String(frozen);
  console.log(`with the head trained, all else frozen, ${percent(head[head.length - 1])};`);
  model.unfreeze();
  const all = await learn(model, task, { epochs: size.epochs, lr: 1e-3, seed });
  console.log(`with all layers trained, ${percent(all[all.length - 1])}.`);

  manualSeed(seed);
  const anew = network(task.classes);
  const fromScratch = [await accuracyOf(anew, task)()];
  fromScratch.push(...(await learn(anew, task, { epochs: size.headEpochs + size.epochs, lr: 3e-3, seed })));
  console.log(`Trained on these images alone from the start, ${percent(fromScratch[fromScratch.length - 1])}.`);

  const tuned = [before, ...head, ...all];
  const series = (name: string, values: readonly number[]) => ({
    name,
    points: values.map((value, epoch) => [epoch, 100 * (1 - value)] as const),
  });
  await savePicture(options, 'fine-tuning', {
    svg: await drawSvg([
      {
        title: `${size.train} images of ${task.what}: % of others wrong`,
        x: `epoch (the head alone up to ${size.headEpochs})`,
        series: [series('fine-tuned', tuned), series('from scratch', fromScratch)],
      },
    ]),
    see: 'the new head alone gets a good part of the way; all layers together end below what is learnt from scratch.',
  });
  return { tuned, fromScratch, headEpochs: size.headEpochs, untouched };
}

await runExample<FineTuningOptions>(import.meta.url, main, (command) =>
  command
    .option('--weights <file>', 'a trained ResNet-20 as safetensors; one is trained unless told')
    .option('--data <folder>', "folder with Fashion-MNIST's files; drawn digits unless told"),
);
