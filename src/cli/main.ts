#!/usr/bin/env node
/** The `brawn` command. Exit codes: 0 done, 1 an error, 2 a wrong command line, 130 interrupted. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { BrawnError } from '../errors.js';
import { systemInfo } from '../runtime/threads.js';
import { recipes } from './recipes.js';
import { JsonReporter, TextReporter } from './report.js';
import { trainRecipe } from './train.js';

interface TrainFlags {
  data?: string;
  epochs?: number;
  lr?: number;
  batchSize?: number;
  seed: number;
  out: string;
  json?: boolean;
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
  if (Object.hasOwn(recipes, name)) return name;
  throw new InvalidArgumentError(`known recipes are ${Object.keys(recipes).join(', ')}.`);
}

async function train(name: string, { json, ...flags }: TrainFlags): Promise<void> {
  if (flags.data !== undefined && !recipes[name].takesData)
    throw new CommanderError(2, 'brawn.data', `error: recipe ${name} draws its own data and takes no --data`);
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new CommanderError(130, 'brawn.interrupted', 'interrupted')));
  await trainRecipe(name, { ...flags, signal: controller.signal }, json ? new JsonReporter() : new TextReporter());
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
  const list = Object.entries(recipes).map(([name, { description }]) => `  ${name.padEnd(10)}${description}`);
  brawn
    .command('train')
    .description('train a recipe, show what it learnt, save it')
    .argument('<recipe>', `one of ${Object.keys(recipes).join(', ')}`, knownRecipe)
    .option('--data <folder>', 'where the data files are')
    .option('--epochs <n>', 'times through the training set', positiveInteger)
    .option('--lr <rate>', 'learning rate at the start', positiveNumber)
    .option('--batch-size <n>', 'samples in a step', positiveInteger)
    .option('--seed <n>', 'for weights, order and drawn data', wholeNumber, 0)
    .option('--out <folder>', 'where model and picture go', 'runs')
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
