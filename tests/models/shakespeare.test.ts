/**
 * A network that others have trained: two LSTM layers of 128 units on tiny-shakespeare, with TensorFlow's layout of weights
 * turned into PyTorch's names. Our loss must be theirs. Skipped where the files are not there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { evaluate, type Tensor, tensor } from '../../src/index.js';
import { charRnn } from '../../src/models/index.js';
import { concat, narrow, reshape, transpose } from '../../src/ops/index.js';
import { compile } from '../../src/runtime/compile.js';
import { characterTokenizer } from '../../src/text/index.js';
import { writtenBy } from '../text/small.js';

const shared = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const folder = `${shared}models/charrnn_shakespeare/`;
const textFile = `${shared}text/tinyshakespeare.txt`;
const isThere = existsSync(folder) && existsSync(textFile);
const read = (name: string) => JSON.parse(readFileSync(folder + name, 'utf8'));

type F = Tensor<'float32'>;

function weights(name: string): F {
  const { filename, shape } = (read('manifest.json') as Record<string, { filename: string; shape: number[] }>)[name];
  const bytes = readFileSync(folder + filename);
  return tensor(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), { shape });
}

/** Columns of gates i, j, f, o (j is PyTorch's g) as rows of i, f, g, o. */
function gates(columns: F): F {
  const [i, g, f, o] = [0, 1, 2, 3].map((at) => narrow(columns, -1, at * 128, 128));
  return concat([i, f, g, o], -1) as F;
}

function stateDict(): Record<string, F> {
  const state: Record<string, F> = {
    'embedding.weight': weights('embedding'),
    'output.weight': transpose(weights('rnnlm/softmax_w'), 0, 1),
    'output.bias': weights('rnnlm/softmax_b'),
  };
  for (const layer of [0, 1]) {
    const cell = `rnnlm/multi_rnn_cell/cell_${layer}/basic_lstm_cell`;
    const both = gates(weights(`${cell}/weights`));
    // The forget gates have 1 added when the network runs.
    const forget = tensor(Float32Array.from({ length: 512 }, (_, i) => (i >= 128 && i < 256 ? 1 : 0)));
    state[`rnn.weight_ih_l${layer}`] = transpose(narrow(both, 0, 0, 128), 0, 1);
    state[`rnn.weight_hh_l${layer}`] = transpose(narrow(both, 0, 128, 128), 0, 1);
    state[`rnn.bias_ih_l${layer}`] = reshape(gates(weights(`${cell}/biases`)).add(forget), [512]) as F;
    state[`rnn.bias_hh_l${layer}`] = tensor(new Float32Array(512));
  }
  return state;
}

it.skipIf(!isThere)('has the loss that its makers measured, and writes plays', { timeout: 60_000 }, async () => {
  const numbers = read('vocab.json') as Record<string, number>;
  // Two keys of the file are damaged.
  const mended = { ...numbers, u: 13, U: 40 };
  const characters: string[] = [];
  for (const [character, number] of Object.entries(mended)) if (character.length === 1) characters[number] = character;
  const network = charRnn(characterTokenizer(characters), { hiddenSize: 128 }).eval();
  network.loadStateDict(stateDict());
  await evaluate([]);

  const text = readFileSync(textFile, 'utf8');
  const [rows, length, window] = [64, 1000, 200];
  const tail = network.tokenizer.encode(text.slice(Math.floor(0.9 * text.length)).slice(0, rows * length + 1));
  const lossOf = compile((input: Tensor<'int32'>, target: Tensor<'int32'>, carry: F) =>
    network.loss(network.forward(input, carry), target),
  );
  let nats = 0;
  for (let at = 0; at < length; at += window) {
    const part = (shift: number) => {
      const out = new Int32Array(rows * window);
      for (let row = 0; row < rows; row++)
        out.set(tail.subarray(row * length + at + shift, row * length + at + window + shift), row * window);
      return tensor(out, { shape: [rows, window] });
    };
    nats += (await (await lossOf(part(0), part(1), tensor(at === 0 ? 0 : 1))).item()) * (window / length);
  }
  expect(nats).toBeCloseTo(read('expected.json').nll_per_char, 4);
  expect(await writtenBy(network, { prime: 'KING RICHARD', temperature: 0.5, length: 200 })).toMatch(/[a-z]+ [a-z]+/);
});
