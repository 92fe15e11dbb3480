/** The network that writes: shapes, state carried between batches, files, and training that goes on bit for bit. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textStreams } from '../../src/data/index.js';
import { evaluate, manualSeed, randInt, type Tensor, tensor } from '../../src/index.js';
import { saveSafetensors } from '../../src/io/index.js';
import { type CharRnn, charRnn, loadCharRnn } from '../../src/models/index.js';
import * as optim from '../../src/optim/index.js';
import { byteTokenizer, wordTokenizer } from '../../src/text/index.js';
import * as train from '../../src/train/index.js';
import { letters, smallNetwork, writtenBy } from '../text/small.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-char-rnn-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const numbers = (batch: number, length: number): Tensor<'int32'> =>
  randInt(0, letters.size, [batch, length], { dtype: 'int32' });

describe('the network', () => {
  it('has names and shapes as PyTorch has them', () => {
    const shapes = (network: CharRnn) =>
      Object.fromEntries(Object.entries(network.stateDict()).map(([name, { shape }]) => [name, shape]));
    expect(shapes(smallNetwork({ layers: 1, embeddingSize: 5 }))).toEqual({
      'embedding.weight': [28, 5],
      'rnn.weight_ih_l0': [64, 5],
      'rnn.weight_hh_l0': [64, 16],
      'rnn.bias_ih_l0': [64],
      'rnn.bias_hh_l0': [64],
      'output.weight': [28, 16],
      'output.bias': [28],
    });
    expect(smallNetwork({ cell: 'gru' }).forward(numbers(3, 4)).shape).toEqual([3, 4, 28]);
  });

  it('may share the weights of its ends', async () => {
    const network = smallNetwork({ tied: true });
    expect(network.output.weight).toBe(network.embedding.weight);
    expect(network.parameters().length).toBe(smallNetwork().parameters().length - 1);
    const file = join(folder, 'tied.safetensors');
    await network.save(file);
    const loaded = await loadCharRnn(file);
    expect(loaded.output.weight).toBe(loaded.embedding.weight);
    expect(await writtenBy(loaded)).toBe(await writtenBy(network));
    expect(() => smallNetwork({ tied: true, embeddingSize: 3 })).toThrow(/tied weights need embeddingSize 3 to be/);
  });

  it('refuses cells that it does not know', () => {
    expect(() => smallNetwork({ cell: 'tree' as never })).toThrow(/cell must be one of rnn, lstm, gru, got "tree"/);
  });

  for (const cell of ['rnn', 'lstm', 'gru'] as const)
    it(`gives the same from what was prepared (${cell})`, async () => {
      const network = smallNetwork({ cell, embeddingSize: 9 }).eval();
      const tokens = numbers(2, 3);
      const state = network.initialState(2).map((part, i) => part.add(0.1 * (i + 1)) as Tensor<'float32'>);
      const all = ({ logits, state: after }: ReturnType<CharRnn['advance']>) =>
        Promise.all([logits, ...after].map(async (part) => [...(await part.data())]));
      const expected = await all(network.advance(tokens, state));
      const found = await all(network.advance(tokens, state, network.prepare()));
      found.flat().forEach((value, i) => {
        expect(value).toBeCloseTo(expected.flat()[i], 5);
      });
      expect(smallNetwork({ cell, embeddingSize: 6 }).prepare()).toEqual([]);
    });

  for (const cell of ['rnn', 'lstm', 'gru'] as const)
    it(`carries its state from batch to batch (${cell})`, async () => {
      const network = smallNetwork({ cell });
      const whole = numbers(2, 12);
      await evaluate([whole]);
      const expected = await network.forward(whole).data();
      const seen: number[][] = [[], []];
      for (const [i, carry] of [0, 1, 1].entries()) {
        const part = whole.slice([null, [4 * i, 4 * i + 4]]) as Tensor<'int32'>;
        const scores = await network.forward(part, tensor(carry)).data();
        for (const row of [0, 1]) seen[row].push(...scores.slice(row * 4 * 28, (row + 1) * 4 * 28));
      }
      seen.flat().forEach((score, i) => {
        expect(score).toBeCloseTo(expected[i], 5);
      });
      expect(Object.keys(network.carried(2))).toEqual(cell === 'lstm' ? ['h', 'c'] : ['h']);
    });
});

describe('files', () => {
  it('keep options and tokeniser', async () => {
    const text = 'to be or not to be';
    for (const tokenizer of [letters, byteTokenizer(), wordTokenizer(text)]) {
      const network = smallNetwork({ layers: 1, cell: 'gru', embeddingSize: 8 }, tokenizer);
      const file = join(folder, `${tokenizer.kind}.safetensors`);
      await network.save(file, { note: 'mine' });
      const loaded = await loadCharRnn(file);
      expect(loaded.options).toEqual(network.options);
      expect(loaded.training).toBe(false);
      expect(loaded.tokenizer.state()).toEqual(tokenizer.state());
      expect(await writtenBy(loaded, { prime: ' to be' })).toBe(await writtenBy(network, { prime: ' to be' }));
    }
  });

  it('of other kinds are refused', async () => {
    const file = join(folder, 'other.safetensors');
    await saveSafetensors(file, { weight: tensor([1]) }, { recipe: 'mnist' });
    await expect(loadCharRnn(file)).rejects.toThrow(
      /other.safetensors is a model of the recipe mnist but has no tokeniser and cannot write/,
    );
    await saveSafetensors(file, { weight: tensor([1]) });
    await expect(loadCharRnn(file)).rejects.toThrow(/holds tensors but has no tokeniser/);
    const own = { model: 'char-rnn', options: '{}', tokenizer: JSON.stringify(letters.state()) };
    await saveSafetensors(file, { weight: tensor([1]) }, own);
    await expect(loadCharRnn(file)).rejects.toThrow(/missing embedding.weight/);
    await saveSafetensors(file, { weight: tensor([1]) }, { ...own, tokenizer: '{"kind":"runes"}' });
    await expect(loadCharRnn(file)).rejects.toThrow(/"runes" with no tokens is no tokeniser/);
    await saveSafetensors(file, { weight: tensor([1]) }, { ...own, options: '{' });
    await expect(loadCharRnn(file)).rejects.toThrow(/its description is no JSON/);
    await writeFile(file, 'To be, or not to be');
    await expect(loadCharRnn(file)).rejects.toThrow(/not a safetensors file/);
  });
});

describe('training', () => {
  const text = 'the cat sat on the mat and the dog sat on the cat\n'.repeat(12);

  function training(run: string, options: { resume?: boolean; stopAt?: number } = {}) {
    manualSeed(3);
    const network = charRnn(letters, { hiddenSize: 12, dropout: 0.1 });
    const optimizer = optim.adam(network.parameters(), { lr: 0.02 });
    const streams = textStreams(letters.encode(text), { length: 10, batchSize: 4 });
    const fitted = train.fit(
      network,
      { train: streams, validation: textStreams(letters.encode(text.slice(0, 200)), { length: 10, batchSize: 4 }) },
      {
        epochs: 2,
        optimizer,
        clipNorm: 5,
        input: ({ input, carry }) => [input, carry],
        target: ({ target }) => target,
        loss: (scores, target) => network.loss(scores, target as Tensor<'int32'>),
        variables: network.carried(4),
        folder: join(folder, run),
        checkpoints: { everySteps: 1 },
        resume: options.resume,
        progress: 'none',
        callbacks: [
          {
            onStep({ globalStep }, { stop }) {
              if (globalStep === options.stopAt) stop();
            },
          },
        ],
      },
    );
    return { network, fitted };
  }

  it('learns, and goes on in the middle of an epoch to the same bits', async () => {
    const whole = training('whole');
    const { history } = await whole.fitted;
    expect(history[1].validation?.loss).toBeLessThan(2.2);
    await training('part', { stopAt: 9 }).fitted;
    const part = training('part', { resume: true });
    expect((await part.fitted).history[1].validation).toEqual(history[1].validation);
    for (const [name, { network }] of Object.entries({ whole, part })) await network.save(join(folder, name, 'end'));
    expect(await readFile(join(folder, 'part', 'end'))).toEqual(await readFile(join(folder, 'whole', 'end')));
  });
});
