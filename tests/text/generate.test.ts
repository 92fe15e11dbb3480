/** Networks that write: the same text for the same seed, draws that follow the scores, and what is refused. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import {
  compile,
  evaluate,
  getThreads,
  setBackend,
  setThreads,
  softmax,
  stack,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { byteTokenizer, generate } from '../../src/text/index.js';
import { sampleToken } from '../../src/text/sampling.js';
import { letters, smallNetwork, writtenBy } from './small.js';

const threads = getThreads();
afterEach(() => {
  setThreads(threads);
  setBackend('native');
});

describe('the same seed gives the same text', () => {
  it('in one call, token by token, and with any number of threads', async () => {
    const network = smallNetwork({ hiddenSize: 64 });
    const whole = await writtenBy(network);
    expect(whole).toMatch(/^[\n a-z]{50}$/);
    for (const chunk of [1, 7, 64]) expect(await writtenBy(network, { chunk }), `chunk ${chunk}`).toBe(whole);
    for (const count of [1, 2, 3]) {
      setThreads(count);
      expect(await writtenBy(network), `${count} threads`).toBe(whole);
    }
    expect(await writtenBy(network, { seed: 2 })).not.toBe(whole);
    expect((await writtenBy(network, { length: 20 })).length).toBe(20);
    expect(whole.startsWith(await writtenBy(network, { length: 20 }))).toBe(true);
  });

  it('with each kind of cell, in both executors, while other texts are written', async () => {
    for (const cell of ['rnn', 'lstm', 'gru'] as const) {
      const network = smallNetwork({ cell });
      const options = { length: 12, prime: 'once upon', topK: 9, topP: 0.9, temperature: 0.7 };
      const [a, b] = await Promise.all([writtenBy(network, options), writtenBy(network, options)]);
      setBackend('javascript');
      expect([a, b]).toEqual([await writtenBy(network, options), a]);
      setBackend('native');
    }
  });

  it('also from a network that is being trained, which stays in training', async () => {
    const network = smallNetwork({ dropout: 0.5 });
    const trained = await writtenBy(network.train());
    expect(network.training).toBe(true);
    expect(await writtenBy(network.eval())).toBe(trained);
  });
});

describe('what has been read', () => {
  it('shapes what follows, in whatever pieces it is read', async () => {
    const network = smallNetwork();
    const long = 'the quick brown fox jumps over the lazy dog and then it sleeps under a big old tree near the river';
    const last = tensor(letters.encode(long), { shape: [1, long.length] });
    const { logits } = network.advance(last, network.initialState());
    const scores = (await logits.data()).slice(-letters.size);
    const likeliest = letters.decode([scores.indexOf(Math.max(...scores))]);
    expect(await writtenBy(network, { prime: long, temperature: 0, length: 1 })).toBe(likeliest);
    const following = (prime: string) => writtenBy(network, { prime, temperature: 0.1 });
    expect(await following('xyz')).not.toBe(await following('abc'));
    expect(await writtenBy(network, { prime: '\n' })).toBe(await writtenBy(network));
  });

  it('may be bytes: characters come whole', async () => {
    const network = smallNetwork({}, byteTokenizer());
    const pieces: string[] = [];
    for await (const piece of generate(network, { prime: 'é', length: 40, seed: 3 })) pieces.push(piece);
    expect(pieces.length).toBeLessThanOrEqual(41);
    expect(pieces.join('')).toBe(await writtenBy(network, { prime: 'é', length: 40, seed: 3, chunk: 1 }));
  });
});

describe('sampleToken', () => {
  const scores = [2, 1, 0, -1, 1];
  type Shape = { topK?: number; topP?: number; temperature?: number };

  /** Shares of the tokens among `count` draws, each with a key of its own. */
  async function frequencies(count: number, { topK, topP = 1, temperature = 1 }: Shape): Promise<number[]> {
    const shape = { greedy: temperature === 0, topK, isNucleus: topP < 1 };
    const inputs = { temperature: tensor(temperature), topP: tensor(topP) };
    const draw = compile((keys: Tensor<'int64'>) =>
      stack(Array.from({ length: 50 }, (_, i) => sampleToken(tensor([scores]), keys.select(0, i), shape, inputs))),
    );
    const found = scores.map(() => 0);
    for (let at = 0; at < count; at += 50) {
      const keys = BigInt64Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 5n : BigInt(at + (i >> 1))));
      for (const token of await (await draw(tensor(keys, { shape: [50, 2] }))).data()) found[token] += 1 / count;
    }
    return found;
  }

  it('draws from the softmax of the scores divided by the temperature', async () => {
    for (const temperature of [0.5, 1, 2]) {
      const expected = await softmax(tensor(scores.map((score) => score / temperature))).data();
      const found = await frequencies(1500, { temperature });
      found.forEach((share, i) => {
        // Five standard deviations of a share.
        expect(Math.abs(share - expected[i])).toBeLessThan(5 * Math.sqrt((expected[i] * (1 - expected[i])) / 1500));
      });
    }
  });

  it('keeps the likeliest: topK, those as likely as the last included, and topP', async () => {
    const drawn = async (options: Shape) =>
      (await frequencies(300, options)).flatMap((share, i) => (share > 0 ? [i] : []));
    expect(await drawn({ topK: 1 })).toEqual([0]);
    expect(await drawn({ topK: 2 })).toEqual([0, 1, 4]);
    expect(await drawn({ topK: 99 })).toEqual([0, 1, 2, 3, 4]);
    // Probabilities 0.52, 0.19, 0.19, 0.07, 0.03.
    expect(await drawn({ topP: 0.5 })).toEqual([0]);
    expect(await drawn({ topP: 0.6 })).toEqual([0, 1, 4]);
    expect(await drawn({ topP: 0.95 })).toEqual([0, 1, 2, 4]);
    expect(await drawn({ temperature: 0 })).toEqual([0]);
    expect(await drawn({ topK: 3, topP: 0.3, temperature: 2 })).toEqual([0]);
  });
});

describe('generate', () => {
  it('refuses options out of range and a prime that the tokeniser does not know, at the call', () => {
    const network = smallNetwork();
    const wrong: readonly (readonly [options: object, message: RegExp])[] = [
      [{ temperature: -1 }, /generate: temperature must be a number of at least 0, got -1/],
      [{ temperature: Number.NaN }, /temperature/],
      [{ topK: 0 }, /generate: topK must be a whole number of at least 1, got 0/],
      [{ topP: 1.5 }, /generate: topP must be above 0 and at most 1, got 1.5/],
      [{ length: -1 }, /generate: length must be a whole number of at least 0, got -1/],
      [{ chunk: 0 }, /generate: chunk must be a whole number of at least 1/],
      [{ seed: 0.5 }, /seed must be an integer/],
      [{ prime: '' }, /generate: the prime is empty/],
      [{ prime: 'abc☃' }, /generate: the prime cannot be read: "☃" at 3 is not in the vocabulary of the model/],
    ];
    for (const [options, message] of wrong) expect(() => generate(network, options), String(message)).toThrow(message);
  });

  it('ends when it is told to, or left', async () => {
    const network = smallNetwork();
    const controller = new AbortController();
    const pieces = generate(network, { length: 1e6, signal: controller.signal });
    await pieces.next();
    controller.abort(new Error('enough'));
    await expect(
      (async () => {
        for await (const _ of pieces);
      })(),
    ).rejects.toThrow('enough');
    let count = 0;
    for await (const _ of generate(network, { length: 1e6 })) if (++count === 40) break;
    expect(count).toBe(40);
    expect(await writtenBy(network, { length: 0 })).toBe('');
  });

  it('leaves the event loop free', async () => {
    const network = smallNetwork({ hiddenSize: 256 });
    await evaluate(network.parameters());
    await writtenBy(network);
    const delay = monitorEventLoopDelay({ resolution: 2 });
    delay.enable();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await writtenBy(network, { length: 400 });
    clearInterval(timer);
    delay.disable();
    expect(turns).toBeGreaterThan(3);
    expect(delay.percentile(50) / 1e6).toBeLessThan(20);
  });
});
