/**
 * `brawn train RECIPE`: trains, reports, draws held-out digits with what was predicted, saves the model, loads it
 * again and checks that the loaded one predicts the same.
 */
import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { BrawnError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { writeAtomically } from '../io/index.js';
import type * as nn from '../nn/index.js';
import { manualSeed } from '../random.js';
import { getThreads } from '../runtime/threads.js';
import { accuracyOf, labelsOf, predict, trainClassifier } from '../train/index.js';
import { type Cell, contactSheet } from './contact-sheet.js';
import { type Recipe, recipes } from './recipes.js';
import type { Reporter, TrainEvent } from './report.js';

export interface TrainOptions {
  readonly data?: string;
  readonly epochs?: number;
  readonly lr?: number;
  readonly batchSize?: number;
  readonly seed: number;
  /** Folder for the model and the picture. */
  readonly out: string;
  readonly signal?: AbortSignal;
}

type Data = ReturnType<Recipe['data']>;

const kSheetCells = 100;

/** Trains a recipe. Gives the held-out accuracy. */
export async function trainRecipe(name: string, options: TrainOptions, reporter: Reporter): Promise<number> {
  const recipe = recipes[name];
  // Now, and not after minutes of training.
  await checkWritable(options.out);
  manualSeed(options.seed);
  const data = recipe.data({ dir: options.data, seed: options.seed, onDownload: downloadNotes() });
  const model = recipe.model();
  const [train, test] = [await data.train.length(), await data.test.length()];
  const parameters = model.parameters().reduce((total, parameter) => total + parameter.size, 0);
  reporter.report({ event: 'start', recipe: name, parameters, train, test, threads: getThreads() });
  const seconds = await learn(model, recipe, data, options, reporter);
  const predictions = await predict(model, data.test, options.signal);
  const labels = await labelsOf(data.test);
  reporter.report({ event: 'classes', classes: perClass(recipe.classes, predictions, labels) });
  const picture = path.join(options.out, `${name}.png`);
  await drawSheet(picture, data, predictions, labels);
  reporter.report({ event: 'file', kind: 'picture', path: picture });
  const file = path.join(options.out, `${name}.safetensors`);
  await model.save(file, { recipe: name });
  reporter.report({ event: 'file', kind: 'model', path: file });
  await verify(file, recipe, data, predictions);
  reporter.report({ event: 'verified', path: file, predictions: predictions.length });
  const accuracy = accuracyOf(predictions, labels);
  reporter.report({ event: 'done', accuracy, seconds });
  return accuracy;
}

async function checkWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw fileError(error, 'train', folder);
  }
}

/** Seconds of training, evaluation left out. */
async function learn(
  model: nn.Module,
  recipe: Recipe,
  data: Data,
  options: TrainOptions,
  reporter: Reporter,
): Promise<number> {
  let seconds = 0;
  const { epochs = recipe.epochs, batchSize = recipe.batchSize, lr = recipe.lr, seed, signal } = options;
  for await (const progress of trainClassifier({ model, ...data, epochs, batchSize, lr, seed, signal })) {
    if (progress.kind === 'step') {
      const { epoch, step, steps, loss, accuracy } = progress;
      reporter.report({ event: 'step', epoch, step, steps, loss, accuracy });
    } else {
      const { kind: _, samples, ...rest } = progress;
      seconds += progress.seconds;
      reporter.report({ event: 'epoch', ...rest, imagesPerSecond: samples / progress.seconds } satisfies TrainEvent);
    }
  }
  return seconds;
}

function perClass(names: readonly string[], predictions: Int32Array, labels: Int32Array) {
  const classes = names.map((label) => ({ label, right: 0, total: 0 }));
  labels.forEach((label, i) => {
    classes[label].total++;
    if (predictions[i] === label) classes[label].right++;
  });
  return classes;
}

/** The first held-out images, wrong ones brought to the front so that they are seen. */
async function drawSheet(file: string, data: Data, predictions: Int32Array, labels: Int32Array): Promise<void> {
  const wrong = [...labels.keys()].filter((i) => predictions[i] !== labels[i]).slice(0, kSheetCells / 5);
  const others = [...labels.keys()].filter((i) => !wrong.includes(i)).slice(0, kSheetCells - wrong.length);
  const wanted = new Set([...wrong, ...others]);
  const pixels = new Map<number, Float32Array>();
  let at = 0;
  for await (const { image } of data.test.batch(500)) {
    const values = await image.data();
    const size = values.length / image.shape[0];
    for (let i = 0; i < image.shape[0]; i++, at++)
      if (wanted.has(at)) pixels.set(at, values.subarray(i * size, (i + 1) * size));
    if (at > Math.max(...wanted)) break;
  }
  const cells: Cell[] = [...wrong, ...others].map((i) => ({
    pixels: pixels.get(i) as Float32Array,
    caption: String(predictions[i]),
    right: predictions[i] === labels[i],
  }));
  const png = contactSheet(cells, 28, 20);
  await writeAtomically(file, async (handle) => {
    await handle.writeFile(png);
  });
}

/** A fresh network with the saved weights must predict what the trained one predicted. */
async function verify(file: string, recipe: Recipe, data: Data, predictions: Int32Array): Promise<void> {
  const loaded = recipe.model();
  await loaded.load(file);
  const again = await predict(loaded, data.test);
  const differs = again.findIndex((value, i) => value !== predictions[i]);
  if (differs >= 0)
    throw new BrawnError(
      'ERR_BRAWN_VERIFY',
      `${file}: the loaded model predicts ${again[differs]} for sample ${differs}, the trained one ${predictions[differs]}`,
    );
}

/** Tells of downloads on stderr, a line for every tenth. */
function downloadNotes(): (file: string, received: number, total: number | undefined) => void {
  const told = new Map<string, number>();
  return (file, received, total) => {
    const tenth = total ? Math.floor((received / total) * 10) : 0;
    if (told.get(file) === tenth) return;
    told.set(file, tenth);
    console.error(
      `downloading ${file}: ${(received / 2 ** 20).toFixed(1)}${total ? ` of ${(total / 2 ** 20).toFixed(1)}` : ''} MiB`,
    );
  };
}
