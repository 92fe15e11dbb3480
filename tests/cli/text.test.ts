/** `brawn train char-rnn` and `brawn sample`, in this process; `tests/trouble/cli.test.ts` runs the whole program. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainText } from '../../src/cli/explain.js';
import { findRecipe, isText } from '../../src/cli/recipe.js';
import type { TextEpochEvent, TrainEvent } from '../../src/cli/report.js';
import { sampleModel } from '../../src/cli/sample.js';
import { type TextTrainOptions, trainText } from '../../src/cli/train-text.js';
import { tensor } from '../../src/index.js';
import { loadSafetensorsMetadata, saveSafetensors } from '../../src/io/index.js';
import { tokenizerJson } from '../text/bpe.js';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-cli-text-'));
  await writeFile(at('text.txt'), 'the cat sat on the mat, and the dog sat on the cat. «é»\n'.repeat(40));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small = { epochs: 2, hiddenSize: 12, layers: 1, seqLength: 10, batchSize: 8, lr: 0.02 };

async function charRnn() {
  const found = await findRecipe('char-rnn');
  if (!isText(found)) throw new Error('char-rnn is no recipe of text');
  return found;
}

async function train(options: Partial<TextTrainOptions> = {}, onEvent?: (event: TrainEvent) => void) {
  const found = await charRnn();
  const events: TrainEvent[] = [];
  const report = (event: TrainEvent) => {
    events.push(event);
    onEvent?.(event);
  };
  const loss = await trainText(found, { ...small, data: at('text.txt'), out: at('out'), ...options }, { report });
  const epochs = events.filter((event): event is TextEpochEvent => event.event === 'epoch' && 'unit' in event);
  return { loss, events, epochs };
}

async function sampled(file: string, options: object = {}): Promise<string> {
  let text = '';
  const write = (piece: string) => {
    text += piece;
  };
  await sampleModel(file, { temperature: 1, length: 30, seed: 1, ...options }, { write });
  return text;
}

describe('explain char-rnn', () => {
  const kernels = async (options: object) => {
    const { recipe } = await charRnn();
    const explanation = await explainText(recipe, { ...small, data: at('text.txt'), ...options });
    return explanation.kernels;
  };

  it('shows the training step: layers forward and backward, and the updates', async () => {
    const step = await kernels({ layers: 2, hiddenSize: 16 });
    const names = step.map(({ kernel }) => kernel);
    expect(names.filter((name) => name === 'recurrent_lstm_f32').length).toBe(2);
    expect(names.filter((name) => name === 'recurrent_lstm_backward_f32').length).toBe(2);
    expect(names).toContain('elementwise_sweep');
    // 18 characters in the text, 16 units, 10 steps of 8 streams.
    expect(step.some(({ shapes }) => shapes.join(' ').startsWith('[80,16] [16,18]'))).toBe(true);
  });

  it('shows the prediction, with other layers', async () => {
    const names = (await kernels({ cell: 'gru', predict: true })).map(({ kernel }) => kernel);
    expect(names.filter((name) => name.startsWith('recurrent'))).toEqual(['recurrent_gru_f32']);
  });
});

describe('train char-rnn', () => {
  it('leaves a model that writes, and a run folder', async () => {
    const { loss, events, epochs } = await train({ run: at('run') });
    expect(loss).toBe(epochs[1].validationLoss);
    expect(loss).toBeLessThan(epochs[0].validationLoss as number);
    expect(epochs[1].bitsPerCharacter).toBeCloseTo((loss as number) / Math.log(2));
    const told = events.map(({ event }) => event).filter((event) => event !== 'step');
    expect(told).toEqual(['start', 'epoch', 'epoch', 'file', 'file', 'file', 'sample', 'verified', 'done']);
    expect(events[0]).toMatchObject({ unit: 'characters', vocabulary: 18, train: 2016, test: 224 });
    expect((await readdir(at('run'))).sort()).toEqual([
      'checkpoints',
      'config.json',
      'curves.png',
      'curves.svg',
      'metrics.ndjson',
    ]);
    const config = JSON.parse(await readFile(at('run', 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ recipe: 'char-rnn', cell: 'lstm', hiddenSize: 12, data: at('text.txt') });
    const file = at('out', 'char-rnn.safetensors');
    expect(await loadSafetensorsMetadata(file)).toMatchObject({ recipe: 'char-rnn', model: 'char-rnn' });
    const written = await sampled(file, { prime: 'the ' });
    expect(written).toMatch(/^the [\s\S]{30}\n$/);
    expect(await sampled(file, { prime: 'the ' })).toBe(written);
    const object = JSON.parse(await sampled(file, { prime: 'the ', json: true }));
    expect(object).toMatchObject({ prime: 'the ', seed: 1, temperature: 1, text: written.slice(4, -1) });
    await expect(sampled(file, { prime: '[If' })).rejects.toThrow(/the prime cannot be read: "\[" at 0/);
  });

  it('goes on with a run folder to the same bits, without being told the text again', async () => {
    const options = { seed: 3, dropout: 0.2, cell: 'gru' as const, lrDecay: 0.5, lrDecayAfter: 1 };
    const { epochs } = await train({ ...options, out: at('whole') });
    expect(epochs.map(({ lr }) => lr)).toEqual([0.02, 0.01]);
    const controller = new AbortController();
    let steps = 0;
    const stop = ({ event }: TrainEvent) => {
      if (event === 'step' && ++steps === 30) controller.abort(new Error('interrupted'));
    };
    const run = at('run');
    await expect(train({ ...options, run, signal: controller.signal }, stop)).rejects.toThrow('interrupted');
    const resumed = { resume: run, data: undefined };
    await expect(train({ ...resumed, hiddenSize: 13 })).rejects.toThrow(/was started with hiddenSize 12/);
    await train({ ...resumed, out: at('part') });
    const weights = (name: string) => readFile(at(name, 'char-rnn.safetensors'));
    expect(await weights('part')).toEqual(await weights('whole'));
    await writeFile(at('text.txt'), 'another text '.repeat(99));
    await expect(train(resumed)).rejects.toThrow(/the text has changed since .*run was started/);
  });

  it('splits into words, bytes, or by a tokenizer.json', async () => {
    await writeFile(at('tokenizer.json'), JSON.stringify(tokenizerJson));
    for (const [tokenizer, unit] of [
      ['word', 'words'],
      ['byte', 'bytes'],
      [at('tokenizer.json'), 'tokens'],
    ]) {
      const { events, epochs } = await train({ tokenizer, epochs: 1, tied: true });
      expect(events[0]).toMatchObject({ unit });
      const { validationLoss = 0, bitsPerCharacter = 0 } = epochs[0];
      const perToken = validationLoss / Math.log(2) / bitsPerCharacter;
      expect(perToken, unit).toBeGreaterThan(unit === 'bytes' ? 0.9 : 1);
      expect(await sampled(at('out', 'char-rnn.safetensors'), { prime: ' the cat' })).toMatch(/^ the cat/);
    }
    await expect(train({ tokenizer: 'rune' })).rejects.toThrow(/tokenizer must be character, word, byte or the path/);
  });

  it('can hold nothing out, and take few streams of a short text', async () => {
    await writeFile(at('short.txt'), 'abcdefghijklmnopqrstuvwxyz');
    const { loss, events, epochs } = await train({ data: at('short.txt'), valFraction: 0, epochs: 1 });
    expect([loss, epochs.length]).toEqual([undefined, 1]);
    expect(events.at(-1)).toEqual({ event: 'done', unit: 'characters', seconds: epochs[0].seconds });
  });
});

describe('trouble', () => {
  const texts: readonly (readonly [what: string, content: string | Uint8Array, message: RegExp])[] = [
    ['an empty text', '', /text.txt is empty; give a text to learn from/],
    ['one character', 'aaaaaaaaaaaaaaaaaaaaaaaa', /text.txt is "a" over and over; nothing to learn/],
    [
      'a text shorter than a sequence',
      'abcabc',
      /has 5 characters to learn from, too few for one sequence of 10; use a longer/,
    ],
    ['no UTF-8', Uint8Array.of(0x61, 0xff, 0x62), /text.txt is not UTF-8 text/],
  ];
  for (const [what, content, message] of texts)
    it(`${what} is refused`, async () => {
      await writeFile(at('text.txt'), content);
      await expect(train()).rejects.toThrow(message);
    });

  it('too little to hold out, no text, no model, and models of other kinds are refused', async () => {
    await writeFile(at('text.txt'), 'abcdefghij'.repeat(5));
    await expect(train()).rejects.toThrow(/5 characters held out, too few for one sequence of 10; .*--val-fraction 0/);
    await expect(train({ data: at('none.txt') })).rejects.toThrow(/none.txt does not exist/);
    await expect(sampled(at('none'))).rejects.toThrow(/none does not exist/);
    await saveSafetensors(at('mnist.safetensors'), { w: tensor([1]) }, { recipe: 'mnist' });
    await expect(sampled(at('mnist.safetensors'))).rejects.toThrow(/^sample: .* is a model of the recipe mnist/);
    await expect(sampled(at('text.txt'))).rejects.toThrow(/not a safetensors file/);
  });
});
