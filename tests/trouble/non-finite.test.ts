/** NaN and infinities: what ops make of them, as in PyTorch, and anomaly mode, which finds where the first came from. */
import { afterEach, describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

type T = b.Tensor<'float32'>;

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const t = (...values: number[]) => b.tensor(values);
const executors = ['native', 'javascript'] as const;

afterEach(() => {
  b.setAnomalyMode(false);
  b.setBackend('native');
});

const rows: readonly (readonly [label: string, call: () => b.Tensor, expected: number[]])[] = [
  ['sum', () => b.sum(t(nan, 1)), [nan]],
  ['sum of opposite infinities', () => b.sum(t(inf, -inf)), [nan]],
  ['max takes NaN', () => b.max(t(1, nan, 3)), [nan]],
  ['min takes NaN', () => b.min(t(1, nan, 3)), [nan]],
  ['argMax takes NaN', () => b.argMax(t(1, nan, 3)), [1]],
  ['argMin takes the first NaN', () => b.argMin(t(1, nan, nan)), [1]],
  ['sort puts NaN last', () => b.sort(t(2, nan, -inf, 1)).values, [-inf, 1, 2, nan]],
  ['topK takes NaN', () => b.topK(t(2, nan, 1), 2).values, [nan, 2]],
  ['relu', () => b.relu(t(nan, -1, inf)), [nan, 0, inf]],
  ['clamp', () => b.clamp(t(nan, 5, -inf), 0, 1), [nan, 1, 0]],
  ['maximum', () => b.maximum(t(nan, 5), t(1, nan)), [nan, nan]],
  ['maxPool2d', () => b.maxPool2d(b.reshape(t(1, nan, 2, 3), [1, 1, 2, 2]), 2), [nan]],
  ['softmax with an infinity', () => b.softmax(t(inf, 1), 0), [nan, nan]],
  ['softmax masked', () => b.softmax(t(-inf, 1), 0), [0, 1]],
  ['softmax masked wholly', () => b.softmax(t(-inf, -inf), 0), [nan, nan]],
  ['logSumExp of -infinities', () => b.logSumExp(t(-inf, -inf), 0), [-inf]],
  ['logSumExp of an infinity', () => b.logSumExp(t(inf, 1), 0), [inf]],
  ['variance of one', () => b.variance(t(1)), [nan]],
  ['log', () => b.log(t(0, -1)), [-inf, nan]],
  ['div', () => b.div(t(1, -1, 0), 0), [inf, -inf, nan]],
  ['equal', () => b.equal(t(nan, inf), t(nan, inf)), [0, 1]],
  ['where keeps the other branch', () => b.where(b.less(t(-1, 4), 0), 0, b.sqrt(t(-1, 4))), [0, 2]],
  ['bool of NaN', () => b.cast(t(nan, 0), 'bool'), [1, 0]],
  ['matmul', () => b.matmul(b.reshape(t(inf, 0), [1, 2]), b.reshape(t(0, 1), [2, 1])), [nan]],
  ['layerNorm', () => b.layerNorm(t(nan, 1), [2]), [nan, nan]],
];

describe.each(executors)('%s', (backend) => {
  for (const [label, call, expected] of rows)
    it(label, async () => {
      b.setBackend(backend);
      expect(Array.from((await call().data()) as Float32Array, Number)).toEqual(expected);
    });
});

/** Line number of the call that `marker` stands at in this file, as it is in stack traces. */
function lineHere(): number {
  const frame = new Error().stack?.split('\n')[2] ?? '';
  return Number(/:(\d+):\d+\)?$/.exec(frame)?.[1]);
}

async function anomaly(run: () => Promise<unknown>): Promise<{ message: string; line: number }> {
  const error = await run().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(b.AnomalyError);
  const { code, message } = error as b.AnomalyError;
  expect(code).toBe('ERR_BRAWN_ANOMALY');
  expect(message).toContain('non-finite.test.ts');
  return { message, line: Number(/non-finite\.test\.ts:(\d+)/.exec(message)?.[1]) };
}

describe.each(executors)('anomaly mode, %s', (backend) => {
  const start = () => {
    b.setBackend(backend);
    b.setAnomalyMode(true);
  };

  it('names op, position and line, not those of what follows', async () => {
    start();
    const line = lineHere() + 1;
    const y = b.log(t(1, -1, 2));
    const found = await anomaly(() => b.sum(b.mul(y, 2)).item());
    expect(found.message).toMatch(/^log: made NaN or Inf at flat position 1 of its result \[3\]/);
    expect(found.line).toBe(line);
  });

  it('sees what is made of constants', async () => {
    start();
    const { message } = await anomaly(() => b.log(b.zeros([2])).data());
    expect(message).toMatch(/^log: made/);
  });

  it('names the op whose gradient it is, and its line', async () => {
    start();
    const x = b.tensor([4, 0], { requiresGrad: true });
    const line = lineHere() + 1;
    const y = b.sqrt(x);
    const [g] = b.grad(b.sum(y), [x]);
    const found = await anomaly(() => g.data());
    expect(found.message).toContain('part of gradient of sqrt');
    expect(found.line).toBe(line);
  });

  it('names the function that is made of others', async () => {
    start();
    const { message } = await anomaly(() =>
      b.crossEntropy(b.tensor([[nan, 1]]), b.tensor([0], { dtype: 'int32' })).item(),
    );
    expect(message).toContain('part of crossEntropy');
  });

  it('works inside of compile, and no variable changes', async () => {
    const v = new b.Variable(t(1, 1), { name: 'v' });
    let line = 0;
    const step = b.compile((x: T) => {
      line = lineHere() + 1;
      const y = b.log(b.sub(x, 2));
      v.assign(y);
      return y;
    });
    expect(await (await step(t(3, 3))).toArray()).toEqual([0, 0]);
    start();
    const found = await anomaly(() => step(t(3, 1)));
    expect(found.message).toMatch(/^log: made NaN or Inf at flat position 1/);
    expect(found.line).toBe(line);
    expect(await v.toArray()).toEqual([0, 0]);
    expect(await (await step(t(3, 3))).toArray()).toEqual([0, 0]);
  });

  it('says nothing when all is finite, or when infinities only pass through', async () => {
    start();
    expect(await b.permute(b.tensor([[inf, 1]]), [1, 0]).toArray()).toEqual([[inf], [1]]);
    expect(await b.full([2], inf).toArray()).toEqual([inf, inf]);
    expect(await b.exp(t(1)).item()).toBeCloseTo(Math.E, 5);
  });
});

describe.each(executors)('labels and indices out of range, %s', (backend) => {
  const bad = b.tensor([0, 3, 12, 9], { dtype: 'int32' });

  it('are reported by the loss, also when only its gradient is computed, and nothing is updated', async () => {
    b.setBackend(backend);
    const w = new b.Parameter(b.ones([5, 10]), { name: 'w' });
    const optimizer = b.optim.adam([w]);
    const update = (returnsLoss: boolean) =>
      b.compile((x: T, y: b.Tensor<'int32'>) => {
        const loss = b.crossEntropy(b.matmul(x, w), y);
        optimizer.minimize(loss);
        return returnsLoss ? loss : undefined;
      });
    const x = b.ones([4, 5]);
    const size = 'index 12 is out of range for a dimension of size 10';
    await expect(update(true)(x, bad)).rejects.toMatchObject({
      code: 'ERR_BRAWN_INDEX',
      message: expect.stringMatching(`^crossEntropy: ${size}`),
    });
    await expect(update(false)(x, bad)).rejects.toMatchObject({
      code: 'ERR_BRAWN_INDEX',
      message: expect.stringMatching(`^crossEntropy: ${size}`),
    });
    expect([...(await w.data())].every((value) => value === 1)).toBe(true);
    for (const variable of Object.values(optimizer.stateDict().state))
      expect([...((await variable.data()) as Float32Array)].every((value) => value === 0)).toBe(true);
  });

  it('are reported by nllLoss and embedding', async () => {
    b.setBackend(backend);
    const logs = b.ones([2, 3]);
    const low = b.tensor([-5, 0], { dtype: 'int64' });
    await expect(b.nllLoss(logs, low).item()).rejects.toThrow(/^nllLoss: index -5 is out of range .* size 3/);
    await expect(b.embedding(logs, bad).data()).rejects.toThrow(/^embedding: index 3 is out of range .* size 2/);
  });
});
