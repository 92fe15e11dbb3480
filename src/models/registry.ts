/** All networks for images by name: what there are, what is known of them, and making one. */
import { ArgumentError } from '../errors.js';
import type * as nn from '../nn/index.js';
import type { Tensor } from '../tensor.js';
import { alexnets } from './alexnet.js';
import type { ModelCard } from './card.js';
import { type GoogLeNetOutput, googlenets } from './googlenet.js';
import { highways } from './highway.js';
import { lenets } from './lenet.js';
import { mobilenets } from './mobilenet.js';
import { resnets } from './resnet.js';
import { cifarResnets } from './resnet-cifar.js';
import { squeezenets } from './squeezenet.js';
import { vggs } from './vgg.js';

const zoo = {
  ...lenets,
  ...alexnets,
  ...vggs,
  ...googlenets,
  ...resnets,
  ...cifarResnets,
  ...highways,
  ...squeezenets,
  ...mobilenets,
};

/** Names of the networks. */
export type ModelName = keyof typeof zoo;

/** What is known of a network. */
export type ModelInfo = Omit<ModelCard, 'make'> & { readonly name: ModelName };

type Make<N extends ModelName> = (typeof zoo)[N]['make'];

/** Options of `create`: how many classes, and those of the network's own function. */
export type CreateOptions<N extends ModelName> = { readonly classes?: number } & NonNullable<Parameters<Make<N>>[1]>;

/** The names that `create` takes, as torchvision has them where it has the network. */
export const list = (): ModelName[] => Object.keys(zoo) as ModelName[];

/** Letters to insert, delete or replace to come from one word to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++)
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (letter === to[j] ? 0 : 1)));
    row = next;
  }
  return row[to.length];
}

function cardOf(name: string, where: string): ModelCard<unknown> {
  if (Object.hasOwn(zoo, name)) return zoo[name as ModelName] as ModelCard<unknown>;
  const plain = (word: string) => word.toLowerCase().replace(/[^a-z\d]/g, '');
  const near = list()
    .map((known) => ({ known, distance: editDistance(plain(name), plain(known)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ known }) => known);
  throw new ArgumentError(
    `${where}: there is no network ${JSON.stringify(name)}; the nearest names are ${near.join(', ')}, models.list() gives all`,
  );
}

/**
 * Paper, parameters, multiply-adds and image size of a network.
 * @throws ArgumentError that lists the nearest names when there is no such network.
 */
export function info(name: ModelName): ModelInfo {
  const { paper, parameters, multiplyAdds, image } = cardOf(name, 'info');
  return { name, paper, parameters, multiplyAdds, image };
}

/**
 * The network of this name with new weights, in training mode: [N, ...image] -> logits [N, classes] (1000 classes for the
 * networks that were made for ImageNet, 10 for the others, unless told).
 * @throws ArgumentError that lists the nearest names when there is no such network; as the network's own function.
 */
export function create<N extends ModelName>(name: N, options?: CreateOptions<N>): ReturnType<Make<N>>;
export function create(
  name: string,
  options?: { readonly classes?: number },
): nn.Module<Tensor<'float32'> | GoogLeNetOutput>;
export function create(name: string, options: { readonly classes?: number } = {}): nn.Module<unknown> {
  const { classes, ...rest } = options;
  return cardOf(name, 'create').make(classes, rest);
}
