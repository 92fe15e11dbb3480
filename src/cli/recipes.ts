/** The built-in recipes: data, network and the settings that suit them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  augment,
  type Cifar10Sample,
  cifar10,
  type Dataset,
  digits,
  fashionMnist,
  mnist,
  randomCrop,
  randomHorizontalFlip,
  type Split,
} from '../data/index.js';
import { cacheFolder } from '../io/cache-folder.js';
import { lenet, resnetCifar } from '../models/index.js';
import { packageCorpus, readCorpus } from '../text/index.js';
import type { Recipe, TextRecipe } from './recipe.js';

const kDigits = [...'0123456789'];
const kClothes = ['T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot'];
const kThings = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** CIFAR-10 in `dir`: the files of the archive, or else all that are called train... and test... .bin or .bin.gz. */
async function cifarSplit(split: Split, dir: string): Promise<Dataset<Cifar10Sample>> {
  const own = new RegExp(`^${split}(?!_batch\\.).*\\.bin(\\.gz)?$`);
  const names = (await readdir(dir).catch(() => [])).filter((name) => own.test(name)).sort();
  const files = names.length > 0 ? names.map((name) => name.replace(/\.gz$/, '')) : undefined;
  return cifar10(split, { dir, files, normalize: true });
}

/** Settings of the well-known char-rnn. */
const charRnn: TextRecipe = {
  kind: 'text',
  description: 'a recurrent network that writes (text of --data, else the sources of this package)',
  epochs: 10,
  batchSize: 50,
  lr: 2e-3,
  optimizer: 'adam',
  cell: 'lstm',
  layers: 2,
  hiddenSize: 128,
  embeddingSize: 0,
  tied: false,
  dropout: 0,
  seqLength: 50,
  tokenizer: 'character',
  lrDecay: 0.97,
  lrDecayAfter: 10,
  gradClip: 5,
  valFraction: 0.1,
  corpus: (path) => (path === undefined ? packageCorpus() : readCorpus(path)),
};

export const imageRecipes: Readonly<Record<string, Recipe>> = {
  digits: {
    description: 'LeNet on handwritten-looking digits that the package draws itself',
    epochs: 3,
    batchSize: 64,
    lr: 2e-3,
    classes: kDigits,
    image: [1, 28, 28],
    takesData: false,
    model: () => lenet(),
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
    model: () => lenet(),
    data: ({ dir, onDownload }) => ({
      train: mnist('train', { dir, onProgress: onDownload }),
      test: mnist('test', { dir, onProgress: onDownload }),
    }),
  },
  'fashion-mnist': {
    description: 'LeNet with dropout on Fashion-MNIST (files as for mnist)',
    epochs: 7,
    batchSize: 128,
    lr: 2e-3,
    classes: kClothes,
    image: [1, 28, 28],
    model: () => lenet(10, { dropout: 0.4 }),
    data: ({ dir, onDownload }) => ({
      train: fashionMnist('train', { dir, onProgress: onDownload }),
      test: fashionMnist('test', { dir, onProgress: onDownload }),
    }),
  },
  cifar10: {
    description: 'ResNet-20 on CIFAR-10 (binary files in --data, else in the cache folder)',
    epochs: 40,
    batchSize: 128,
    lr: 0.1,
    optimizer: 'sgd',
    classes: kThings,
    image: [3, 32, 32],
    mean: [0.4914, 0.4822, 0.4465],
    deviation: [0.247, 0.2435, 0.2616],
    model: () => resnetCifar(20),
    async data({ dir = join(cacheFolder(), 'cifar10'), seed, augment: varied = true }) {
      const train = await cifarSplit('train', dir);
      const changes = [randomCrop(32, { padding: 4 }), randomHorizontalFlip()];
      return {
        train: varied ? train.map(augment(changes, { seed })) : train,
        test: await cifarSplit('test', dir),
      };
    },
  },
};

export const recipes: Readonly<Record<string, Recipe | TextRecipe>> = { ...imageRecipes, 'char-rnn': charRnn };
