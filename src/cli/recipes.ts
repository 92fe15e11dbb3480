/** The built-in recipes: data, network and the settings that suit them. */
import { digits, mnist } from '../data/index.js';
import { lenet } from '../models/index.js';
import type { Recipe } from './recipe.js';

const kDigits = [...'0123456789'];

export const recipes: Readonly<Record<string, Recipe>> = {
  digits: {
    description: 'LeNet on handwritten-looking digits that the package draws itself',
    epochs: 3,
    batchSize: 64,
    lr: 2e-3,
    classes: kDigits,
    image: [1, 28, 28],
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
    image: [1, 28, 28],
    model: lenet,
    data: ({ dir, onDownload }) => ({
      train: mnist('train', { dir, onProgress: onDownload }),
      test: mnist('test', { dir, onProgress: onDownload }),
    }),
  },
};
