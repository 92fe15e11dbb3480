/** Recurrent ops beyond their table: gradients at sizes with several blocks, threads, what is not saved, errors. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  DTypeError,
  explain,
  GradientError,
  getThreads,
  grad,
  gru,
  lstm,
  rnn,
  ShapeError,
  setBackend,
  setThreads,
  sum,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { expectClose } from './close.js';

type T = Tensor<'float32'>;

const threads = getThreads();
afterEach(() => {
  setBackend('native');
  setThreads(threads);
});

const data = (shape: readonly number[], phase: number, size = 1): T =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => size * Math.sin(1.7 * i * i + phase)),
    { shape },
  );

const [steps, batch, hidden] = [5, 37, 21];
const lengths = tensor(
  Int32Array.from({ length: batch }, (_, b) => 1 + (b % steps)),
  { shape: [batch] },
);

const cells = {
  lstm: (reverse: boolean) => {
    const inputs = [data([steps, batch, 4 * hidden], 0), data([4 * hidden, hidden], 1, 0.3), data([batch, hidden], 2)];
    const [gates, weight, h0] = inputs;
    return { inputs, result: lstm(gates, weight, { h0, c0: h0, lengths, reverse }) };
  },
  gru: (reverse: boolean) => {
    const inputs = [data([steps, batch, 3 * hidden], 0), data([3 * hidden, hidden], 1, 0.3), data([hidden], 2)];
    const [gates, weight, biasHn] = inputs;
    return { inputs, result: gru(gates, weight, { biasHn, lengths, reverse }) };
  },
  rnn: (reverse: boolean) => {
    const inputs = [data([steps, batch, hidden], 0), data([hidden, hidden], 1, 0.3), data([batch, hidden], 2)];
    const [gates, weight, h0] = inputs;
    return { inputs, result: rnn(gates, weight, { h0, lengths, reverse }) };
  },
};

/** Output, final state and gradients of both. */
function everything(cell: keyof typeof cells, reverse: boolean): Promise<Float32Array[]> {
  const { inputs, result } = cells[cell](reverse);
  const loss = sum(result.output.mul(data(result.output.shape, 3))).add(sum(result.hn.mul(data(result.hn.shape, 4))));
  return Promise.all([result.output, result.hn, ...(grad(loss, inputs) as T[])].map((x) => x.data()));
}

describe.each(['lstm', 'gru', 'rnn'] as const)('%s', (cell) => {
  it.each([false, true])('gradients of the JavaScript executor, reverse %s', async (reverse) => {
    const native = await everything(cell, reverse);
    setBackend('javascript');
    const expected = await everything(cell, reverse);
    for (const [i, values] of native.entries()) expectClose(values, expected[i], 2e-5);
  });

  it('the same bits with any number of threads', async () => {
    setThreads(1);
    const one = await everything(cell, false);
    for (const count of [2, 4]) {
      setThreads(count);
      expect(await everything(cell, false)).toEqual(one);
    }
  });
});

it('a sequence step by step is the whole sequence', async () => {
  const [gates, weight] = [data([20, 1, 4 * hidden], 0), data([4 * hidden, hidden], 1, 0.3)];
  const whole = await lstm(gates, weight).output.data();
  const step = compile((x: T, h0: T, c0: T) => {
    const { hn, cn } = lstm(x, weight, { h0, c0 });
    return [hn, cn] as const;
  });
  let [h, c] = [data([1, hidden], 0, 0), data([1, hidden], 0, 0)];
  for (let t = 0; t < 20; t++) {
    [h, c] = await step(gates.slice([[t, t + 1]]), h, c);
    expectClose(await h.data(), whole.slice(t * hidden, (t + 1) * hidden), 1e-6);
  }
});

it('what a gradient needs is kept only where there is one', () => {
  const [gates, weight] = [data([steps, batch, 4 * hidden], 0), data([4 * hidden, hidden], 1)];
  const { output } = lstm(gates, weight);
  const arena = (y: Tensor) => explain(y).arenaBytes;
  expect(arena(sum(output))).toBeLessThan((steps + 4) * batch * hidden * 4 + 4096);
  expect(arena(grad(sum(output), [weight])[0])).toBeGreaterThan(5 * steps * batch * hidden * 4);
});

describe('errors', () => {
  const [gates, weight] = [data([steps, batch, 4 * hidden], 0), data([4 * hidden, hidden], 1)];

  it('shapes', () => {
    expect(() => lstm(gates, data([hidden, hidden], 0))).toThrow(ShapeError);
    expect(() => lstm(gates, data([hidden, hidden], 0))).toThrow(
      'lstm: weightHh must be [84,21] for gates [5,37,84], got [21,21]',
    );
    expect(() => gru(data([steps, batch, 20], 0), weight)).toThrow('gates must be [steps, batch, 3 hidden]');
    expect(() => rnn(data([0, 1, 2], 0), data([2, 2], 0))).toThrow('have no steps');
    expect(() => lstm(gates, weight, { h0: data([hidden], 0) })).toThrow('h0 must be [37,21]');
    expect(() => lstm(gates, weight, { peephole: data([4, hidden], 0) })).toThrow('peephole must be [3,21]');
    expect(() => lstm(gates, weight, { weightHr: data([2, 3], 0) })).toThrow('weightHh must be [84,2]');
  });

  it('dtypes and options', () => {
    expect(() => lstm(gates, weight.cast('float64') as never)).toThrow(DTypeError);
    expect(() => lstm(gates, weight, { lengths: lengths.cast('int64') as never })).toThrow('lengths must be int32');
    expect(() => rnn(data([1, 1, 2], 0), data([2, 2], 0), { nonlinearity: 'sigmoid' as never })).toThrow(ArgumentError);
  });

  it('second derivatives name the way there', () => {
    const [first] = grad(sum(lstm(gates, weight).output), [weight]);
    expect(() => grad(sum(first.mul(first)), [weight])).toThrow(GradientError);
    expect(() => grad(sum(first.mul(first)), [weight])).toThrow('lstmCell');
  });
});
