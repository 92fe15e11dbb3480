/** What a recipe is, and where recipes come from: the built-in ones by name, one's own by the path of a file. */
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Dataset } from '../data/index.js';
import { ArgumentError, BrawnError, FileError } from '../errors.js';
import type { CellKind } from '../models/index.js';
import type * as nn from '../nn/index.js';
import type { Corpus } from '../text/index.js';
import type { LabelledBatch } from '../train/index.js';
import { recipes } from './recipes.js';
import { closest } from './suggest.js';

/** Where a recipe may look for data. */
export interface RecipeSource {
  readonly dir?: string;
  readonly seed: number;
  /** Whether training images are to be varied at random, where the recipe does that; yes unless told. */
  readonly augment?: boolean;
  readonly onDownload?: (file: string, received: number, total: number | undefined) => void;
}

/** Images and labels to learn from, and others to be measured on. */
export interface RecipeData {
  readonly train: Dataset<LabelledBatch>;
  readonly test: Dataset<LabelledBatch>;
}

/** What `brawn train` trains on images: data, network and the settings that suit them. A file of one's own exports one. */
export interface Recipe {
  readonly description: string;
  readonly epochs: number;
  readonly batchSize: number;
  /** Learning rate at the start; it falls to 0 along half a cosine (Loshchilov and Hutter, "SGDR", 2017). */
  readonly lr: number;
  /** A name that `--optimizer` knows; adam unless told. */
  readonly optimizer?: string;
  /** Names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
  /** Shape of an image: channels, height, width. */
  readonly image: readonly [channels: number, height: number, width: number];
  /** What was taken off and divided by per channel, for pictures and predictions; 0 and 1 unless told. */
  readonly mean?: readonly number[];
  readonly deviation?: readonly number[];
  /** Whether `--data` makes sense; yes unless told. */
  readonly takesData?: boolean;
  readonly model: () => nn.Module;
  readonly data: (source: RecipeSource) => RecipeData | Promise<RecipeData>;
}

/** What shapes a network that writes, and its training; options of `brawn train` of the same names change it. */
export interface TextSettings {
  readonly epochs: number;
  /** Streams that are read side by side. */
  readonly batchSize: number;
  /** Learning rate at the start. */
  readonly lr: number;
  /** A name that `--optimizer` knows. */
  readonly optimizer: string;
  readonly cell: CellKind;
  readonly layers: number;
  readonly hiddenSize: number;
  /** Features of the embedding; 0 for as many as units. */
  readonly embeddingSize: number;
  readonly tied: boolean;
  readonly dropout: number;
  /** Tokens over which gradients flow back. */
  readonly seqLength: number;
  /** character, word, byte, or the path of a `tokenizer.json`. */
  readonly tokenizer: string;
  /** The learning rate is multiplied by it after each epoch from `lrDecayAfter` on. */
  readonly lrDecay: number;
  readonly lrDecayAfter: number;
  /** Largest norm of the gradients; 0 for any. */
  readonly gradClip: number;
  /** Share of the text, at its end, that is held out. */
  readonly valFraction: number;
}

/** A recipe that learns to write. */
export interface TextRecipe extends TextSettings {
  readonly kind: 'text';
  readonly description: string;
  readonly takesData?: boolean;
  /** The text of a file or folder, or the recipe's own. */
  readonly corpus: (path?: string) => Promise<Corpus>;
}

/** A recipe and what its files are called after. */
export interface NamedRecipe<R extends Recipe | TextRecipe = Recipe | TextRecipe> {
  readonly name: string;
  readonly recipe: R;
}

/** Whether a recipe learns to write. */
export const isText = (found: NamedRecipe): found is NamedRecipe<TextRecipe> =>
  (found.recipe as Partial<TextRecipe>).kind === 'text';

/** The recipe, which must be one of images. `command` is what asks. */
export function imageRecipe(found: NamedRecipe, command: string): NamedRecipe<Recipe> {
  if (!isText(found)) return found as NamedRecipe<Recipe>;
  throw new ArgumentError(`${command}: ${found.name} is a recipe of text, not of images; see brawn sample`);
}

const isFile = (given: string): boolean => /\.[cm]?[jt]s$/.test(given);

/** Why `given` can be no recipe, with what was probably meant; undefined when it may be one. */
export function noRecipe(given: string): string | undefined {
  if (Object.hasOwn(recipes, given) || isFile(given)) return undefined;
  const names = Object.keys(recipes);
  const near = closest(given, names);
  const meant = near === undefined ? '' : `. Did you mean ${near}?`;
  return `known recipes are ${names.join(', ')}, or the path of a .ts, .js or .mjs file that exports one${meant}`;
}

/**
 * The recipe of a name or a file.
 * @throws ArgumentError for an unknown name or a file without a recipe; FileError when there is no such file.
 */
export async function findRecipe(given: string): Promise<NamedRecipe> {
  const reason = noRecipe(given);
  if (reason !== undefined) throw new ArgumentError(`train: ${given}: ${reason}`);
  if (Object.hasOwn(recipes, given)) return { name: given, recipe: recipes[given] };
  const exported = await load(resolve(given));
  const recipe = exported.recipe ?? exported.default;
  check(given, recipe);
  const name = given.replace(/^.*[/\\]/, '').replace(/\.[^.]+$/, '');
  return { name, recipe };
}

interface Exported {
  readonly recipe?: unknown;
  readonly default?: unknown;
}

async function load(path: string): Promise<Exported> {
  const { href } = pathToFileURL(path);
  try {
    return (await import(href)) as Exported;
  } catch (error) {
    if (error instanceof BrawnError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(path))
      throw new FileError(`train: ${path} does not exist; check the path`, { cause: error });
    if (code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !/^\.[cm]?ts$/.test(extname(path))) throw error;
  }
  await registerTypeScript(path);
  // Under the same address the first failure would be given again.
  return (await import(`${href}?typescript`)) as Exported;
}

/** TypeScript where Node itself has none: through tsx, if the project or the recipe's folder has it. */
async function registerTypeScript(path: string): Promise<void> {
  for (const folder of [path, join(process.cwd(), 'package.json'), import.meta.url]) {
    let loader: string;
    try {
      loader = createRequire(folder).resolve('tsx');
    } catch {
      continue;
    }
    // Importing it registers it, as `node --import tsx` does.
    await import(pathToFileURL(loader).href);
    return;
  }
  throw new ArgumentError(
    `train: ${path} is TypeScript, which needs the package tsx: npm install tsx (or compile the file and give the .js)`,
  );
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isFunction = (value: unknown): boolean => typeof value === 'function';

type Checks = Readonly<Record<string, (value: unknown) => boolean>>;

const kCommon: Checks = {
  epochs: isCount,
  batchSize: isCount,
  lr: (value) => typeof value === 'number' && value > 0,
};
const kImage: Checks = {
  ...kCommon,
  classes: (value) => Array.isArray(value) && value.length > 0,
  image: (value) => Array.isArray(value) && value.length === 3,
  model: isFunction,
  data: isFunction,
};
const kText: Checks = { ...kCommon, layers: isCount, hiddenSize: isCount, seqLength: isCount, corpus: isFunction };

function check(given: string, recipe: unknown): asserts recipe is Recipe | TextRecipe {
  if (typeof recipe !== 'object' || recipe === null)
    throw new ArgumentError(`train: ${given} exports no recipe; write \`export const recipe = { ... }\` in it`);
  const fields = recipe as Record<string, unknown>;
  const checks = fields.kind === 'text' ? kText : kImage;
  const wrong = Object.keys(checks).filter((name) => !checks[name](fields[name]));
  if (wrong.length > 0) throw new ArgumentError(`train: the recipe of ${given} lacks a sensible ${wrong.join(', ')}`);
}
