/** `brawn predict RECIPE`: what a saved model says of PNG images, or of the recipe's held-out images. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { ArgumentError, FileError, FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { loadSafetensorsMetadata } from '../io/index.js';
import type * as nn from '../nn/index.js';
import { interpolate, softmax } from '../ops/index.js';
import { type Tensor, tensor } from '../tensor.js';
import { accuracyOf, labelsOf, predict } from '../train/index.js';
import type { NamedRecipe, Recipe } from './recipe.js';
import { recipes } from './recipes.js';
import { classTable } from './report.js';
import { downloadNotes, perClass } from './train.js';

export interface PredictOptions {
  readonly weights: string;
  readonly data?: string;
  readonly seed: number;
  /** Classes shown per image. */
  readonly top: number;
  readonly json?: boolean;
}

/** Predicts the images, or measures the model on the held-out ones when there are none; prints what it finds. */
export async function predictRecipe(
  { name, recipe }: NamedRecipe<Recipe>,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  await checkWeights(name, options.weights);
  const model = recipe.model();
  await model.load(options.weights);
  model.eval();
  if (images.length === 0) return heldOut(name, recipe, model, options);
  for (const file of images) {
    const classes = await classify(model, recipe, file, options.top);
    if (options.json) console.log(JSON.stringify({ file, classes }));
    else {
      const shown = classes.map(({ label, probability }) => `${label} ${(100 * probability).toFixed(1)} %`);
      console.log(`${file}: ${shown.join(', ')}`);
    }
  }
}

/** Throws when there is no such file, or when it says that it is the model of another built-in recipe. */
async function checkWeights(name: string, file: string): Promise<void> {
  if (!existsSync(file))
    throw new FileError(`predict: ${file} does not exist; run brawn train ${name} first, or give a file by --weights`);
  const { recipe = name } = await loadSafetensorsMetadata(file);
  if (recipe !== name && Object.hasOwn(recipes, recipe) && Object.hasOwn(recipes, name))
    throw new ArgumentError(`predict: ${file} is a model of ${recipe}, not of ${name}; use brawn predict ${recipe}`);
}

async function heldOut(name: string, recipe: Recipe, model: nn.Module, options: PredictOptions): Promise<void> {
  const { test } = await recipe.data({ dir: options.data, seed: options.seed, onDownload: downloadNotes() });
  const predictions = await predict(model, test);
  const labels = await labelsOf(test);
  const [classes, accuracy] = [perClass(recipe.classes, predictions, labels), accuracyOf(predictions, labels)];
  if (options.json) console.log(JSON.stringify({ recipe: name, images: labels.length, accuracy, classes }));
  else console.log(`${classTable(classes)}\naccuracy ${(100 * accuracy).toFixed(2)} % of ${labels.length} images`);
}

async function classify(model: nn.Module, recipe: Recipe, file: string, top: number) {
  const logits = model.forward(await imageTensor(file, recipe));
  const probabilities = await softmax(logits, 1).data();
  return [...probabilities]
    .map((probability, i) => ({ label: recipe.classes[i] ?? String(i), probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}

/** The PNG as the recipe's network takes it: its channels and size, with mean and deviation taken out. */
async function imageTensor(file: string, { image, mean = [], deviation = [] }: Recipe): Promise<Tensor<'float32'>> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(error, 'predict', file);
  });
  let png: PNG;
  try {
    png = PNG.sync.read(bytes);
  } catch (error) {
    throw new FileFormatError(`predict: ${file} is no PNG image: ${(error as Error).message}`, { cause: error });
  }
  const [channels, height, width] = image;
  const plane = png.width * png.height;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const [red, green, blue] = png.data.subarray(4 * i, 4 * i + 3);
    // ITU-R BT.601 luma.
    const own = channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
    for (let c = 0; c < channels; c++) values[c * plane + i] = (own[c] / 255 - (mean[c] ?? 0)) / (deviation[c] ?? 1);
  }
  const whole = tensor(values, { shape: [1, channels, png.height, png.width] });
  if (png.height === height && png.width === width) return whole;
  return interpolate(whole, { size: [height, width], mode: 'bilinear' });
}
