#!/usr/bin/env node
/** The `brawn` command. Exit codes: 0 done, 1 an error, 2 a wrong command line, 130 interrupted. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { BrawnError } from '../errors.js';
import { systemInfo } from '../runtime/threads.js';
import { checkOptimizer, optimizerNames } from './optimizers.js';
import { findRecipe, type NamedRecipe, noRecipe } from './recipe.js';
import { recipes } from './recipes.js';
import { JsonReporter, TextReporter } from './report.js';
import { type TrainSettings, trainRecipe } from './train.js';

interface TrainFlags extends TrainSettings {
  readonly data?: string;
  readonly out: string;
  readonly run?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

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

/** Why the options of `train` cannot be used together; undefined when they can. */
function conflict(given: string, { recipe }: NamedRecipe, flags: TrainFlags): string | undefined {
  if (flags.data !== undefined && recipe.takesData === false)
    return `recipe ${given} draws its own data and takes no --data`;
  if (flags.run !== undefined && flags.resume !== undefined)
    return '--run starts a run folder and --resume goes on with one; give one of them';
  return undefined;
}

async function train(given: string, { json, ...flags }: TrainFlags): Promise<void> {
  const recipe = await findRecipe(given);
  const wrong = conflict(given, recipe, flags);
  if (wrong !== undefined) throw new CommanderError(2, 'brawn.options', `error: ${wrong}`);
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new CommanderError(130, 'brawn.interrupted', 'interrupted')));
  const folder = flags.resume ?? flags.run;
  try {
    await trainRecipe(recipe, { ...flags, signal: controller.signal }, json ? new JsonReporter() : new TextReporter());
  } catch (error) {
    if (controller.signal.aborted && folder !== undefined)
      console.error(`go on with: brawn train ${given} --resume ${folder}`);
    throw error;
  }
}

function info(flags: { json?: boolean }): void {
  const facts = { version, node: process.versions.node, platform: process.platform, ...systemInfo() };
  if (flags.json) console.log(JSON.stringify(facts));
  else
    for (const [name, value] of Object.entries(facts))
      console.log(`${name.padEnd(12)}${Array.isArray(value) ? value.join(' ') : value}`);
}

function program(): Command {
  const brawn = new Command('brawn')
    .description('A native tensor runtime for Node.js.')
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(brawn --help lists the commands)')
    .exitOverride();
  const list = Object.entries(recipes).map(([name, { description }]) => `  ${name.padEnd(15)}${description}`);
  brawn
    .command('train')
    .description('train a recipe, show what it learnt, save it')
    .argument('<recipe>', `${Object.keys(recipes).join(', ')}, or a file that exports a recipe`, knownRecipe)
    .option('--data <folder>', 'where the data files are')
    .option('--epochs <n>', 'times through the training set', positiveInteger)
    .option('--optimizer <name>', `one of ${optimizerNames.join(', ')}`, knownOptimizer)
    .option('--lr <rate>', 'learning rate at the start', positiveNumber)
    .option('--batch-size <n>', 'samples in a step', positiveInteger)
    .option('--seed <n>', 'for weights, order and drawn data (0 unless told)', wholeNumber)
    .option('--out <folder>', 'where model and picture go', 'runs')
    .option('--run <folder>', 'new folder for metrics, checkpoints and curves')
    .option('--resume <folder>', 'go on with such a folder, bit for bit')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', `\nRecipes:\n${list.join('\n')}`)
    .action(train);
  brawn
    .command('info')
    .description('instruction set, threads and addon in use')
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
