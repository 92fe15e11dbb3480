/** What `brawn train` can train: data, network and the settings that suit them. */
import { type Dataset, type DigitSample, digits, mnist } from '../data/index.js';
import { lenet } from '../models/index.js';
import type * as nn from '../nn/index.js';

/** Where a recipe may look for data. */
export interface RecipeSource {
  readonly dir?: string;
  readonly seed: number;
  readonly onDownload: (file: string, received: number, total: number | undefined) => void;
}

export interface Recipe {
  readonly description: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly classes: readonly string[];
  /** Whether `--data` makes sense. */
  readonly takesData: boolean;
  readonly model: () => nn.Module;
  readonly data: (source: RecipeSource) => { train: Dataset<DigitSample>; test: Dataset<DigitSample> };
}

const kDigits = [...'0123456789'];

export const recipes: Readonly<Record<string, Recipe>> = {
  digits: {
    description: 'LeNet on handwritten-looking digits that the package draws itself',
    epochs: 3,
    batchSize: 64,
    lr: 2e-3,
    classes: kDigits,
    takesData: false,
    model: lenet,
    data: ({ seed }) => ({
      train: digits({ count: 12_000, seed }),
      test: digits({ count: 2_000, seed: seed + 1_000_003 }),
    }),
  },
  mnist: {
    description: 'LeNet on MNIST (idx files in --data, else in the cache folder, else downloaded)',
    epochs: 3,
    batchSize: 128,
    lr: 2e-3,
    classes: kDigits,
    takesData: true,
    model: lenet,
    data: ({ dir, onDownload }) => ({
      train: mnist('train', { dir, onProgress: onDownload }),
      test: mnist('test', { dir, onProgress: onDownload }),
    }),
  },
};
