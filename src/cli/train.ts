/**
 * `brawn train RECIPE` for images (`train-text.ts` is for text): trains, reports, draws held-out images with what was predicted, saves the model, loads it
 * again and checks that the loaded one predicts the same. With a run folder it leaves checkpoints there that a later
 * call goes on from.
 */
import path from 'node:path';
import { ArgumentError, BrawnError } from '../errors.js';
import { writeAtomically } from '../io/index.js';
import type * as nn from '../nn/index.js';
import { cosineAnnealingLR } from '../optim/index.js';
import { manualSeed } from '../random.js';
import { getThreads } from '../runtime/threads.js';
import { accuracy, accuracyOf, type Callback, fit, labelsOf, predict } from '../train/index.js';
import { type Cell, contactSheet } from './contact-sheet.js';
import { makeOptimizer } from './optimizers.js';
import type { NamedRecipe, Recipe, RecipeData } from './recipe.js';
import type { Reporter } from './report.js';
import { checkWritable, drawRun, kCheckpointSteps, settle, startRun, type TrainFolders } from './run-settings.js';

/** What shapes a training; kept in the run folder, so that a resumed one is the same. */
export interface TrainSettings {
  readonly epochs?: number;
  readonly lr?: number;
  readonly batchSize?: number;
  readonly optimizer?: string;
  readonly seed?: number;
  /** Vary the training images at random. */
  readonly augment?: boolean;
}

export type TrainOptions = TrainSettings & TrainFolders;

type Settings = Required<TrainSettings>;

const kSheetCells = 100;

/** Trains a recipe. Gives the held-out accuracy. */
export async function trainRecipe(
  { name, recipe }: NamedRecipe<Recipe>,
  options: TrainOptions,
  reporter: Reporter,
): Promise<number> {
  // Now, and not after minutes of training.
  await checkWritable(options.out);
  const { epochs, batchSize, lr, optimizer = 'adam' } = recipe;
  const usual: Settings = { epochs, batchSize, lr, optimizer, seed: 0, augment: true };
  const settings = await settle(name, usual, options, options.resume);
  if (options.run !== undefined) await startRun(options.run, { recipe: name, ...settings });
  manualSeed(settings.seed);
  const data = await recipe.data({
    dir: options.data,
    seed: settings.seed,
    augment: settings.augment,
    onDownload: downloadNotes(),
  });
  const model = recipe.model();
  const [train, test] = [await data.train.length(), await data.test.length()];
  for (const [part, count] of Object.entries({ training: train, 'held-out': test }))
    if (count === 0) throw new ArgumentError(`train: the ${part} data of ${name} are empty; check --data`);
  const parameters = model.parameters().reduce((total, parameter) => total + parameter.size, 0);
  reporter.report({ event: 'start', recipe: name, unit: 'images', parameters, train, test, threads: getThreads() });
  const seconds = await learn(model, data, settings, options, reporter);
  const predictions = await predict(model, data.test, options.signal);
  const labels = await labelsOf(data.test);
  reporter.report({ event: 'classes', classes: perClass(recipe.classes, predictions, labels) });
  const picture = path.join(options.out, `${name}.png`);
  await drawSheet(picture, recipe, data, predictions, labels);
  reporter.report({ event: 'file', kind: 'picture', path: picture });
  const file = path.join(options.out, `${name}.safetensors`);
  await model.save(file, { recipe: name });
  reporter.report({ event: 'file', kind: 'model', path: file });
  await drawRun(options, reporter);
  await verify(file, recipe, data, predictions);
  reporter.report({ event: 'verified', path: file, predictions: predictions.length });
  const reached = accuracyOf(predictions, labels);
  reporter.report({ event: 'done', accuracy: reached, seconds });
  return reached;
}

/** Seconds of training, evaluation left out. */
async function learn(
  model: nn.Module,
  data: RecipeData,
  settings: Settings,
  { run, resume, signal }: TrainOptions,
  reporter: Reporter,
): Promise<number> {
  const { epochs, batchSize, lr, seed } = settings;
  const optimizer = makeOptimizer(settings.optimizer, model.parameters(), lr);
  const steps = Math.ceil((await data.train.length()) / batchSize);
  const folder = resume ?? run;
  const { history } = await fit(
    model,
    { train: data.train.shuffle({ seed }).batch(batchSize), validation: data.test.batch(500) },
    {
      epochs,
      optimizer,
      stepSchedule: cosineAnnealingLR(optimizer, { tMax: steps * epochs }),
      metrics: { accuracy: accuracy() },
      monitor: 'validation.accuracy',
      folder,
      ...(folder !== undefined && { checkpoints: { everySteps: kCheckpointSteps } }),
      resume: resume !== undefined,
      progress: 'none',
      callbacks: [telling(reporter, steps)],
      signal,
    },
  );
  return history.reduce((total, { seconds }) => total + seconds, 0);
}

/** Passes what `fit` tells on to the reporter. */
const telling = (reporter: Reporter, steps: number): Callback => ({
  onStep({ epoch, step, loss, samples, scores }) {
    const { accuracy: reached } = scores();
    reporter.report({
      event: 'step',
      epoch,
      step,
      steps,
      loss,
      accuracy: Number(reached),
      items: samples,
      unit: 'images',
    });
  },
  onEpochEnd({ epoch, train, validation, seconds, samples }) {
    reporter.report({
      event: 'epoch',
      epoch,
      loss: train.loss,
      trainAccuracy: Number(train.accuracy),
      accuracy: Number(validation?.accuracy),
      seconds,
      imagesPerSecond: samples / seconds,
    });
  },
});

export function perClass(names: readonly string[], predictions: Int32Array, labels: Int32Array) {
  const classes = names.map((label) => ({ label, right: 0, total: 0 }));
  labels.forEach((label, i) => {
    classes[label].total++;
    if (predictions[i] === label) classes[label].right++;
  });
  return classes;
}

/** The first held-out images, wrong ones brought to the front so that they are seen. */
async function drawSheet(
  file: string,
  { image: [channels, height, width], mean = [], deviation = [] }: Recipe,
  data: RecipeData,
  predictions: Int32Array,
  labels: Int32Array,
): Promise<void> {
  const wrong = [...labels.keys()].filter((i) => predictions[i] !== labels[i]).slice(0, kSheetCells / 5);
  const others = [...labels.keys()].filter((i) => !wrong.includes(i)).slice(0, kSheetCells - wrong.length);
  const wanted = new Set([...wrong, ...others]);
  const pixels = new Map<number, Float32Array>();
  const plane = height * width;
  let at = 0;
  for await (const { image } of data.test.batch(500)) {
    const values = await image.data();
    const size = channels * plane;
    for (let i = 0; i < image.shape[0]; i++, at++)
      if (wanted.has(at))
        pixels.set(
          at,
          values.slice(i * size, (i + 1) * size).map((value, j) => {
            const channel = Math.floor(j / plane);
            return value * (deviation[channel] ?? 1) + (mean[channel] ?? 0);
          }),
        );
    if (at > Math.max(...wanted)) break;
  }
  const cells: Cell[] = [...wrong, ...others].map((i) => ({
    pixels: pixels.get(i) as Float32Array,
    caption: String(predictions[i]),
    right: predictions[i] === labels[i],
  }));
  const png = contactSheet(cells, width, 20);
  await writeAtomically(file, async (handle) => {
    await handle.writeFile(png);
  });
}

/** A fresh network with the saved weights must predict what the trained one predicted. */
async function verify(file: string, recipe: Recipe, data: RecipeData, predictions: Int32Array): Promise<void> {
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
export function downloadNotes(): (file: string, received: number, total: number | undefined) => void {
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
