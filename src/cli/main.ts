#!/usr/bin/env node
/** The `brawn` command. Exit codes: 0 done, 1 an error, 2 a wrong command line, 130 interrupted. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { BrawnError } from '../errors.js';
import { addon } from '../runtime/addon.js';
import { systemInfo } from '../runtime/threads.js';
import { type ExplainOptions, type ExplainTextOptions, explainRecipe, explainText } from './explain.js';
import { checkOptimizer, optimizerNames } from './optimizers.js';
import { type PredictOptions, predictRecipe } from './predict.js';
import { findRecipe, imageRecipe, isText, type NamedRecipe, noRecipe, type TextSettings } from './recipe.js';
import { recipes } from './recipes.js';
import { JsonReporter, TextReporter } from './report.js';
import type { TrainFolders } from './run-settings.js';
import { type SampleOptions, sampleModel } from './sample.js';
import { type TrainSettings, trainRecipe } from './train.js';
import { trainText } from './train-text.js';

type TrainFlags = Partial<TextSettings> & TrainSettings & TrainFolders & { readonly json?: boolean };

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('it must be a whole number of at least 1.');
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('it must be a whole number of at least 0.');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('it must be a number above 0.');
  return value;
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('it must be a number of at least 0 and below 1.');
  return value;
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('it must be a number of at least 0.');
  return value;
}

function probability(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError('it must be a number above 0 and at most 1.');
  return value;
}

function knownRecipe(name: string): string {
  const reason = noRecipe(name);
  if (reason === undefined) return name;
  throw new InvalidArgumentError(`${reason}${/[.?]$/.test(reason) ? '' : '.'}`);
}

function knownOptimizer(name: string): string {
  try {
    return checkOptimizer(name);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/** Why an option does not go with the recipe; undefined when all do. */
function alien(given: string, found: NamedRecipe, flags: object): string | undefined {
  if (isText(found)) return undefined;
  const first = [...shapeOptions, ...courseOptions].find((option) => Object.hasOwn(flags, option.attributeName()));
  return first && `${first.long} is for recipes of text, which ${given} is not`;
}

/** Why the options of `train` cannot be used together; undefined when they can. */
function conflict(given: string, found: NamedRecipe, flags: TrainFlags): string | undefined {
  const { recipe } = found;
  const wrong = alien(given, found, flags);
  if (wrong !== undefined) return wrong;
  if (isText(found) && flags.augment === false) return `--no-augment is for recipes of images, which ${given} is not`;
  if (flags.data !== undefined && recipe.takesData === false)
    return `recipe ${given} draws its own data and takes no --data`;
  if (flags.run !== undefined && flags.resume !== undefined)
    return '--run starts a run folder and --resume goes on with one; give one of them';
  return undefined;
}

/** Aborts at the first Ctrl-C. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new CommanderError(130, 'brawn.interrupted', 'interrupted')));
  return controller.signal;
}

async function train(given: string, { json, augment, ...others }: TrainFlags): Promise<void> {
  // Commander gives true where nothing was said.
  const flags = { ...others, ...(augment === false && { augment }) };
  const found = await findRecipe(given);
  const wrong = conflict(given, found, flags);
  if (wrong !== undefined) throw new CommanderError(2, 'brawn.options', `error: ${wrong}`);
  const signal = interruption();
  const folder = flags.resume ?? flags.run;
  const reporter = json ? new JsonReporter() : new TextReporter();
  try {
    if (isText(found)) await trainText(found, { ...flags, signal }, reporter);
    else await trainRecipe(imageRecipe(found, 'train'), { ...flags, signal }, reporter);
  } catch (error) {
    if (signal.aborted && folder !== undefined) console.error(`go on with: brawn train ${given} --resume ${folder}`);
    throw error;
  }
}

interface PredictFlags extends Omit<PredictOptions, 'weights'> {
  readonly weights?: string;
}

async function predict(given: string, images: readonly string[], flags: PredictFlags): Promise<void> {
  const found = imageRecipe(await findRecipe(given), 'predict');
  await predictRecipe(found, images, { ...flags, weights: flags.weights ?? `runs/${found.name}.safetensors` });
}

type ExplainFlags = ExplainOptions & ExplainTextOptions & { readonly json?: boolean };

async function explain(given: string, { json, ...flags }: ExplainFlags): Promise<void> {
  const found = await findRecipe(given);
  const idle = flags.data !== undefined && !isText(found) ? `explain needs no --data for ${given}` : undefined;
  const wrong = alien(given, found, flags) ?? idle;
  if (wrong !== undefined) throw new CommanderError(2, 'brawn.options', `error: ${wrong}`);
  const explanation = isText(found)
    ? await explainText(found.recipe, flags)
    : explainRecipe(imageRecipe(found, 'explain').recipe, flags);
  const { passes: _, ...facts } = explanation;
  console.log(json ? JSON.stringify(facts) : String(explanation));
}

async function sample(file: string, flags: SampleOptions): Promise<void> {
  const signal = interruption();
  // Whoever reads may have enough before the end, as `head` does.
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  await sampleModel(file, { ...flags, signal }, process.stdout);
}

function info(flags: { json?: boolean }): void {
  const facts = {
    version,
    node: process.versions.node,
    platform: process.platform,
    ...systemInfo(),
    freeMemory: addon().freeMemory(),
  };
  if (flags.json) {
    console.log(JSON.stringify(facts));
    return;
  }
  const { quota, freeMemory, available, ...others } = facts;
  const shown = {
    ...others,
    available: available.join(' '),
    quota: quota > 0 ? `${quota} CPUs (cgroup)` : 'none',
    freeMemory: `${(freeMemory / 2 ** 30).toFixed(1)} GiB`,
  };
  for (const [name, value] of Object.entries(shown)) console.log(`${name.padEnd(12)}${value}`);
}

/** What shapes a network that writes and its step, by the names of the well-known char-rnn where it has them. */
const shapeOptions: readonly Option[] = [
  new Option('--tokenizer <kind>', 'character, word, byte, or the path of a tokenizer.json (character unless told)'),
  new Option('--cell <kind>', 'recurrent layer (lstm unless told)').choices(['rnn', 'lstm', 'gru']),
  new Option('--layers <n>', 'recurrent layers').argParser(positiveInteger),
  new Option('--hidden-size <n>', 'units of each').argParser(positiveInteger),
  new Option('--embedding-size <n>', 'features of the embedding (as many as units unless told)').argParser(
    positiveInteger,
  ),
  new Option('--tied', 'the last layer shares the weights of the embedding'),
  new Option('--dropout <p>', 'after each recurrent layer').argParser(fraction),
  new Option('--seq-length <n>', 'tokens over which gradients flow back').argParser(positiveInteger),
  new Option('--grad-clip <norm>', 'largest norm of the gradients; 0 for any').argParser(notNegative),
];

/** What shapes the course of its training. */
const courseOptions: readonly Option[] = [
  new Option('--lr-decay <factor>', 'of the learning rate, after each epoch').argParser(positiveNumber),
  new Option('--lr-decay-after <epochs>', 'the first epochs keep the rate').argParser(wholeNumber),
  new Option('--val-fraction <share>', 'of the text, held out at its end').argParser(fraction),
];

const kTextGroup = 'Options for text:';

function program(): Command {
  const brawn = new Command('brawn')
    .description('A native tensor runtime for Node.js.')
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(brawn --help lists the commands)')
    .exitOverride();
  const list = Object.entries(recipes).map(([name, { description }]) => `  ${name.padEnd(15)}${description}`);
  const training = brawn
    .command('train')
    .description('train a recipe, show what it learnt, save it')
    .argument('<recipe>', `${Object.keys(recipes).join(', ')}, or a file that exports a recipe`, knownRecipe)
    .option('--data <path>', 'where the data files are; for text a file or folder')
    .option('--epochs <n>', 'times through the training set', positiveInteger)
    .option('--optimizer <name>', `one of ${optimizerNames.join(', ')}`, knownOptimizer)
    .option('--lr <rate>', 'learning rate at the start', positiveNumber)
    .option('--batch-size <n>', 'samples in a step', positiveInteger)
    .option('--seed <n>', 'for weights, order and drawn data (0 unless told)', wholeNumber)
    .option('--no-augment', 'do not vary the training images, where the recipe does')
    .option('--out <folder>', 'where the model goes, and the picture', 'runs')
    .option('--run <folder>', 'new folder for metrics, checkpoints and curves')
    .option('--resume <folder>', 'go on with such a folder, bit for bit')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', `\nRecipes:\n${list.join('\n')}`)
    .action(train);
  for (const option of [...shapeOptions, ...courseOptions]) training.addOption(option.helpGroup(kTextGroup));
  const name = 'a recipe, as in train';
  brawn
    .command('predict')
    .description('classify PNG images, or the held-out images of the recipe, with a saved model')
    .argument('<recipe>', name, knownRecipe)
    .argument('[images...]', 'PNG files')
    .option('--weights <file>', 'safetensors file (runs/<recipe>.safetensors unless told)')
    .option('--data <folder>', 'where the data files are')
    .option('--top <n>', 'classes shown per image', positiveInteger, 3)
    .option('--seed <n>', 'for drawn data', wholeNumber, 0)
    .option('--json', 'one JSON object per image')
    .action(predict);
  brawn
    .command('sample')
    .description('let a network write that `brawn train char-rnn` has trained')
    .argument('<model>', 'safetensors file, such as runs/char-rnn.safetensors')
    .option('--prime <text>', 'what it goes on from (a line end unless told)')
    .option('--temperature <t>', 'below 1 more careful, above 1 bolder, 0 always the likeliest', notNegative, 1)
    .option('--length <n>', 'characters (tokens) to write', wholeNumber, 500)
    .option('--seed <n>', 'equal seeds give equal texts (unpredictable unless told)', wholeNumber)
    .option('--top-k <n>', 'only from so many of the likeliest', positiveInteger)
    .option('--top-p <p>', 'only from the fewest that have this probability together', probability)
    .option('--json', 'one JSON object')
    .action(sample);
  const explaining = brawn
    .command('explain')
    .description('show the native program of a training step: kernels, work, memory')
    .argument('<recipe>', name, knownRecipe)
    .option('--batch-size <n>', 'samples in a step', positiveInteger)
    .option('--optimizer <name>', 'as in train', knownOptimizer)
    .option('--predict', 'the prediction instead of the training step')
    .option('--json', 'one JSON object')
    .action(explain);
  explaining.addOption(new Option('--data <path>', 'the text, a file or folder').helpGroup(kTextGroup));
  for (const option of shapeOptions) explaining.addOption(option.helpGroup(kTextGroup));
  brawn
    .command('info')
    .description('instruction set, threads, limits and addon in use')
    .option('--json', 'one JSON object')
    .action(info);
  return brawn;
}

async function main(): Promise<number> {
  try {
    await program().parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code.startsWith('brawn.')) console.error(error.message);
      return error.exitCode === 1 ? 2 : error.exitCode;
    }
    if (!(error instanceof BrawnError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return 1;
  }
}

process.exitCode = await main();
