/** Losses that are not finite: the step changes nothing, and the error says where they come from. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromArrays } from '../../src/data/index.js';
import { AnomalyError } from '../../src/errors.js';
import { checkFinite, compile, log, setBackend, sqrt, sub, type Tensor, tensor, Variable } from '../../src/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { isAnomalyMode } from '../../src/runtime/anomaly.js';
import { fit } from '../../src/train/index.js';
import { smallData, smallModel } from './small.js';

type F = Tensor<'float32'>;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-finite-'));
});
afterEach(async () => {
  setBackend('native');
  await rm(folder, { recursive: true, force: true });
});

const numbersOf = async (model: nn.Module) => {
  const all: number[] = [];
  for (const variable of Object.values(model.stateDict())) all.push(...[...(await variable.data())].map(Number));
  return all;
};

/** A column x with `bad` at one place of the second batch. */
const column = (bad: number) => {
  const data = new Float32Array(64).fill(1);
  data[40] = bad;
  return fromArrays({ x: { data, shape: [32, 2] }, label: { data: new Int32Array(32) } }).batch(16);
};

async function failing(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AnomalyError);
  expect(isAnomalyMode()).toBe(false);
  return (error as AnomalyError).message;
}

describe.each(['native', 'javascript'] as const)('%s', (backend) => {
  beforeEach(() => setBackend(backend));

  it('names the column of the data, and leaves the weights alone', async () => {
    const model = smallModel();
    const before: number[][] = [];
    const run = fit(
      model,
      { train: column(Number.NaN) },
      {
        epochs: 1,
        optimizer: optim.adam(model.parameters()),
        progress: 'none',
        callbacks: [{ onStep: async () => void before.push(await numbersOf(model)) }],
      },
    );
    const message = await failing(run);
    expect(message).toMatch(
      /^fit: the loss is NaN or infinite in epoch 1, step 2 \(2 in all\)\. The batch itself has NaN/,
    );
    expect(message).toMatch(/in x: check the data\. This step has changed no weight\.$/);
    expect(before).toHaveLength(1);
    expect(await numbersOf(model)).toEqual(before[0]);
  });

  it('names the op and its line', async () => {
    class Root extends nn.Module {
      readonly fc = nn.linear(2, 3);
      readonly drop = nn.dropout(0.5);
      override forward(x: F): F {
        return this.drop.forward(this.fc.forward(log(sub(x, 1.5))));
      }
    }
    const model = new Root();
    const before = await numbersOf(model);
    const data = fromArrays({ x: { data: Float32Array.of(2, 3, 2, 1) }, label: { data: new Int32Array(4) } });
    const batches = data.map(({ x, label }) => ({ x: x.reshape([1]).expand([2]), label })).batch(4);
    const optimizer = optim.sgd(model.parameters(), { lr: 0.1 });
    const message = await failing(fit(model, { train: batches }, { epochs: 1, optimizer, progress: 'none' }));
    expect(message).toMatch(/the first op that is not: log: made NaN or Inf at flat position 6 of its result \[4,2\]/);
    expect(message).toMatch(/created at .*not-finite\.test\.ts:\d+/);
    expect(await numbersOf(model)).toEqual(before);
  });

  it('names weights that an earlier update has spoilt', async () => {
    const model = smallModel();
    const optimizer = optim.sgd(model.parameters(), { lr: 1e38 });
    const message = await failing(fit(model, smallData(), { epochs: 3, optimizer, progress: 'none', folder }));
    expect(message).toMatch(/held NaN or infinity already|the first op that is not/);
    expect(message).toMatch(/lower the learning rate \(now 1e\+38\)/);
  });

  it('finds a gradient that is not finite where it is clipped', async () => {
    const x = new nn.Linear(1, 1);
    const optimizer = optim.sgd(x.parameters(), { lr: 0.1 });
    const data = fromArrays({ x: { data: new Float32Array(4), shape: [4, 1] }, y: { data: new Float32Array(4) } });
    const run = fit(
      x,
      { train: data.batch(4) },
      {
        epochs: 1,
        optimizer,
        loss: (output) => sqrt(sub(output, output)).mean() as F,
        clipNorm: 1,
        progress: 'none',
      },
    );
    expect(await failing(run)).toMatch(/part of gradient of sqrt/);
  });
});

it('checkFinite fails a compiled step before its update', async () => {
  const v = new Variable(tensor([1, 2]), { name: 'v' });
  const step = compile((x: F) => {
    v.assign(x);
    return checkFinite(log(x));
  });
  await step(tensor([3, 4]));
  await expect(step(tensor([-1, 4]))).rejects.toThrow(
    /^checkFinite: made NaN or Inf at flat position 0 of its result \[2\]/,
  );
  expect(await v.toArray()).toEqual([3, 4]);
});
