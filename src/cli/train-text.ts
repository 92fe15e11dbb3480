/**
 * `brawn train char-rnn` and other recipes of text: trains a network that writes by truncated back-propagation through
 * time, reports the loss on text that was held out, saves the model, loads it again and checks that it writes the same.
 * What it has in common with `train.ts` is in `run-settings.ts`.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { textStreams } from '../data/index.js';
import { ArgumentError, BrawnError } from '../errors.js';
import { type CharRnn, charRnn, loadCharRnn } from '../models/index.js';
import { lambdaLR } from '../optim/index.js';
import { manualSeed } from '../random.js';
import { getThreads } from '../runtime/threads.js';
import type { Tensor } from '../tensor.js';
import {
  byteTokenizer,
  characterTokenizer,
  generate,
  readBpeTokenizer,
  type Tokenizer,
  wordTokenizer,
} from '../text/index.js';
import { type Callback, type EpochReport, fit } from '../train/index.js';
import { makeOptimizer } from './optimizers.js';
import type { NamedRecipe, TextRecipe, TextSettings } from './recipe.js';
import type { Reporter, TextScores } from './report.js';
import {
  checkWritable,
  drawRun,
  kCheckpointSteps,
  readConfig,
  settle,
  startRun,
  type TrainFolders,
} from './run-settings.js';

/** What shapes a training on text, as the run folder keeps it. */
interface Settings extends TextSettings {
  readonly seed: number;
  /** Path of the text; empty for the recipe's own. */
  readonly data: string;
}

export type TextTrainOptions = Partial<TextSettings> & { readonly seed?: number } & TrainFolders;

/** The text as numbers: what is learnt from, and what is held out. */
interface TextData {
  readonly tokenizer: Tokenizer;
  readonly train: Int32Array;
  readonly validation: Int32Array;
  /** Characters per token of what is held out. */
  readonly charactersPerToken: number;
  /** Names the text, so that a training goes on with the same. */
  readonly sha256: string;
}

const kSample = { temperature: 0.8, length: 400, seed: 0 };
const kUnits = { character: 'characters', word: 'words', byte: 'bytes', bpe: 'tokens' } as const;

/** Trains a recipe of text. Gives the loss on the text held out, in nats per token, where there is any. */
export async function trainText(
  { name, recipe }: NamedRecipe<TextRecipe>,
  options: TextTrainOptions,
  reporter: Reporter,
): Promise<number | undefined> {
  await checkWritable(options.out);
  const { kind: _, description: __, takesData: ___, corpus, ...usual } = recipe;
  const data = options.data === undefined ? undefined : path.resolve(options.data);
  const settings = await settle<Settings>(name, { ...usual, seed: 0, data: '' }, { ...options, data }, options.resume);
  const text = await prepare((await corpus(settings.data || undefined)).text, settings);
  if (options.resume !== undefined) await checkSame(options.resume, text.sha256);
  if (options.run !== undefined) await startRun(options.run, { recipe: name, ...settings, text: text.sha256 });
  manualSeed(settings.seed);
  const network = networkOf(text.tokenizer, settings);
  const { tokenizer, train, validation } = text;
  reporter.report({
    event: 'start',
    recipe: name,
    unit: kUnits[tokenizer.kind],
    vocabulary: tokenizer.size,
    parameters: network.parameters().reduce((total, { size }) => total + size, 0),
    train: train.length,
    test: validation.length,
    threads: getThreads(),
  });
  const history = await learn(network, text, settings, options, reporter);
  const file = path.join(options.out, `${name}.safetensors`);
  await network.save(file, { recipe: name });
  reporter.report({ event: 'file', kind: 'model', path: file });
  await drawRun(options, reporter);
  const written = await writing(network);
  reporter.report({ event: 'sample', text: written });
  await verify(file, written);
  reporter.report({ event: 'verified', path: file, predictions: kSample.length });
  const seconds = history.reduce((total, epoch) => total + epoch.seconds, 0);
  const scores = scoresOf(history[history.length - 1], text);
  reporter.report({ event: 'done', unit: kUnits[tokenizer.kind], ...scores, seconds });
  return scores.validationLoss;
}

/** The network that the settings describe. */
export function networkOf(tokenizer: Tokenizer, { embeddingSize, ...settings }: TextSettings): CharRnn {
  const { cell, layers, hiddenSize, dropout, tied } = settings;
  return charRnn(tokenizer, { cell, layers, hiddenSize, embeddingSize: embeddingSize || hiddenSize, dropout, tied });
}

/** The tokeniser of a name that `--tokenizer` knows, or of a file. */
export async function tokenizerOf(given: string, text: string): Promise<Tokenizer> {
  if (given === 'character') return characterTokenizer(text);
  if (given === 'word') return wordTokenizer(text);
  if (given === 'byte') return byteTokenizer();
  if (given.endsWith('.json')) return readBpeTokenizer(given);
  throw new ArgumentError(
    `train: tokenizer must be character, word, byte or the path of a tokenizer.json, got ${JSON.stringify(given)}`,
  );
}

/** Numbers the text and cuts it in two. */
async function prepare(text: string, settings: Settings): Promise<TextData> {
  const where = settings.data === '' ? 'the text' : settings.data;
  if (text === '') throw new ArgumentError(`train: ${where} is empty; give a text to learn from`);
  const tokenizer = await tokenizerOf(settings.tokenizer, text);
  const numbers = tokenizer.encode(text);
  if (tokenizer.size < 2)
    throw new ArgumentError(
      `train: ${where} is ${JSON.stringify(tokenizer.decode([0]))} over and over; nothing to learn`,
    );
  const { valFraction, seqLength } = settings;
  const cut = Math.round(numbers.length * (1 - valFraction));
  const [train, validation] = [numbers.subarray(0, cut), numbers.subarray(cut)];
  for (const [part, what] of [
    [train, 'to learn from'],
    [validation, 'held out'],
  ] as const)
    if (part.length > 0 && part.length <= seqLength)
      throw new ArgumentError(
        `train: ${where} has ${part.length} ${kUnits[tokenizer.kind]} ${what}, too few for one sequence of ${seqLength}; ` +
          'use a longer text, a smaller --seq-length' +
          (what === 'held out' ? ', or --val-fraction 0' : ''),
      );
  return {
    tokenizer,
    train,
    validation,
    charactersPerToken: [...tokenizer.decode(validation)].length / Math.max(1, validation.length),
    sha256: createHash('sha256').update(text).digest('hex'),
  };
}

async function checkSame(folder: string, sha256: string): Promise<void> {
  const { text } = await readConfig(folder);
  if (text !== sha256)
    throw new ArgumentError(
      `train: the text has changed since ${folder} was started; it cannot be resumed with another`,
    );
}

/** Batches of the whole text; fewer streams where it is short. */
function streamsOf(numbers: Int32Array, { batchSize, seqLength: length }: Settings) {
  const most = Math.floor((numbers.length - 1) / length);
  return textStreams(numbers, { length, batchSize: Math.min(batchSize, most) });
}

async function learn(
  network: CharRnn,
  text: TextData,
  settings: Settings,
  { run, resume, signal }: TrainFolders,
  reporter: Reporter,
): Promise<readonly EpochReport[]> {
  const { epochs, lr, lrDecay, lrDecayAfter, gradClip } = settings;
  const optimizer = makeOptimizer(settings.optimizer, network.parameters(), lr);
  const folder = resume ?? run;
  const train = streamsOf(text.train, settings);
  const steps = (await train.steps()) as number;
  const { history } = await fit(
    network,
    { train, ...(text.validation.length > 0 && { validation: streamsOf(text.validation, settings) }) },
    {
      epochs,
      optimizer,
      input: ({ input, carry }) => [input, carry],
      target: ({ target }) => target,
      loss: (logits, target) => network.loss(logits, target as Tensor<'int32'>),
      schedule: lambdaLR(optimizer, (epoch) => lrDecay ** Math.max(0, epoch - lrDecayAfter + 1)),
      ...(gradClip > 0 && { clipNorm: gradClip }),
      variables: network.carried(train.size),
      folder,
      ...(folder !== undefined && { checkpoints: { everySteps: kCheckpointSteps } }),
      resume: resume !== undefined,
      progress: 'none',
      callbacks: [telling(reporter, text, steps, settings.seqLength)],
      signal,
    },
  );
  return history;
}

function scoresOf({ validation }: EpochReport, { charactersPerToken }: TextData): TextScores {
  if (!validation) return {};
  const { loss } = validation;
  return { validationLoss: loss, bitsPerCharacter: loss / Math.LN2 / charactersPerToken };
}

/** Passes what `fit` tells on to the reporter. */
function telling(reporter: Reporter, text: TextData, steps: number, seqLength: number): Callback {
  const unit = kUnits[text.tokenizer.kind];
  return {
    onStep({ epoch, step, loss, samples }) {
      reporter.report({ event: 'step', epoch, step, steps, loss, items: samples * seqLength, unit });
    },
    onEpochEnd(report) {
      const { epoch, train, lr, seconds, samples } = report;
      const itemsPerSecond = (samples * seqLength) / seconds;
      const scores = scoresOf(report, text);
      reporter.report({ event: 'epoch', epoch, unit, loss: train.loss, ...scores, lr, seconds, itemsPerSecond });
    },
  };
}

async function writing(network: CharRnn): Promise<string> {
  let text = '';
  for await (const piece of generate(network, kSample)) text += piece;
  return text;
}

/** The model that is loaded again must write what the trained one wrote. */
async function verify(file: string, written: string): Promise<void> {
  if ((await writing(await loadCharRnn(file, 'train'))) !== written)
    throw new BrawnError('ERR_BRAWN_VERIFY', `${file}: the loaded model writes another text than the trained one`);
}
