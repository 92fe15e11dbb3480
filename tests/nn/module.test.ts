/** Modules: names, modes, freezing, state in and out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  add,
  compile,
  grad,
  manualSeed,
  nn,
  optim,
  sum,
  type Tensor,
  tensor,
  Variable,
  zeros,
} from '../../src/index.js';

class Block extends nn.Module {
  readonly conv1 = nn.conv2d(2, 4, 3, { bias: false });
  readonly bn1 = nn.batchNorm2d(4);
  readonly branches = [nn.linear(4, 4), nn.relu(), nn.linear(4, 2)];
  readonly downSample: nn.Module | undefined = undefined;
  override forward(x: Tensor<'float32'>): Tensor<'float32'> {
    return this.branches.reduce<Tensor<'float32'>>(
      (y, layer) => layer.forward(y),
      this.bn1.forward(this.conv1.forward(x)).mean([2, 3]),
    );
  }
}

const net = () => nn.sequential({ features: new Block(), classifier: nn.sequential(nn.dropout(0.5), nn.linear(2, 3)) });

const kNames = [
  'features.conv1.weight',
  'features.bn1.weight',
  'features.bn1.bias',
  'features.bn1.running_mean',
  'features.bn1.running_var',
  'features.bn1.num_batches_tracked',
  'features.branches.0.weight',
  'features.branches.0.bias',
  'features.branches.2.weight',
  'features.branches.2.bias',
  'classifier.1.weight',
  'classifier.1.bias',
];

describe('names', () => {
  it("are PyTorch's, in PyTorch's order", () => {
    const model = net();
    expect(Object.keys(model.stateDict())).toEqual(kNames);
    const isBuffer = (name: string) => /running|tracked/.test(name);
    expect(model.namedParameters().map(([name]) => name)).toEqual(kNames.filter((name) => !isBuffer(name)));
    expect(model.namedBuffers().map(([name]) => name)).toEqual(kNames.filter(isBuffer));
    expect(model.namedModules().map(([path]) => path)).toEqual([
      '',
      'features',
      'features.conv1',
      'features.bn1',
      'features.branches.0',
      'features.branches.1',
      'features.branches.2',
      'classifier',
      'classifier.0',
      'classifier.1',
    ]);
    expect(model.stateDict()['features.bn1.num_batches_tracked'].dtype).toBe('int64');
    expect(model.parameters()[0].label).toBe('variable features.conv1.weight');
  });

  it('a shared module has its parameters once, its state under both names', () => {
    const shared = nn.linear(2, 2);
    const model = nn.sequential(shared, nn.tanh(), shared);
    expect(model.parameters().length).toBe(2);
    expect(Object.keys(model.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  });

  it('print as a tree', () => {
    expect(String(net())).toBe(`Sequential(
  (features): Block(
    (conv1): Conv2d(2, 4, 3, bias: false)
    (bn1): BatchNorm2d(4, eps: 0.00001, momentum: 0.1)
    (branches.0): Linear(4, 4)
    (branches.1): ReLU()
    (branches.2): Linear(4, 2)
  )
  (classifier): Sequential(
    (0): Dropout(p: 0.5)
    (1): Linear(2, 3)
  )
)`);
  });

  it('sequential is a list of layers', () => {
    const model = nn.sequential(nn.relu(), nn.linear(1, 2));
    expect([model.length, [...model].length, model.at(-1) instanceof nn.Linear, model.at(5)]).toEqual([
      2,
      2,
      true,
      undefined,
    ]);
    expect(() => nn.sequential(nn.relu(), 3 as never)).toThrow(/layer 1 is no module/);
    expect(nn.sequential().length).toBe(0);
  });
});

describe('modes', () => {
  it('train and eval reach every module', () => {
    const model = net();
    expect(model.training).toBe(true);
    expect(model.eval()).toBe(model);
    expect(model.namedModules().every(([, module]) => !module.training)).toBe(true);
    model.train();
    expect(model.namedModules().every(([, module]) => module.training)).toBe(true);
  });

  it('a compiled function follows the mode, and keeps the program of each', async () => {
    const model = nn.sequential(nn.dropout(0.5));
    let traces = 0;
    const run = compile((x: Tensor<'float32'>) => {
      traces++;
      return model.forward(x);
    });
    const x = zeros([1000]).add(1);
    const distinct = async () => new Set(await (await run(x)).data()).size;
    expect(await distinct()).toBe(2);
    model.eval();
    expect(await distinct()).toBe(1);
    model.train();
    expect(await distinct()).toBe(2);
    model.eval();
    expect(await distinct()).toBe(1);
    expect([traces, run.programs]).toEqual([2, 2]);
  });

  it('dropout draws anew in every run of one program', async () => {
    const layer = nn.dropout(0.5);
    const run = compile((x: Tensor<'float32'>) => layer.forward(x));
    const x = zeros([256]).add(1);
    const [a, b] = [await (await run(x)).data(), await (await run(x)).data()];
    expect(a).not.toEqual(b);
    expect(run.programs).toBe(1);
  });

  it('batch norm tracks statistics while training and uses them in evaluation', async () => {
    const layer = nn.batchNorm1d(2);
    const x = tensor([
      [1, 10],
      [3, 30],
      [5, 50],
    ]);
    const run = compile((input: Tensor<'float32'>) => layer.forward(input));
    await run(x);
    expect(await layer.runningMean?.toArray()).toEqual([expect.closeTo(0.3, 6), expect.closeTo(3, 5)]);
    expect(await layer.runningVar?.toArray()).toEqual([expect.closeTo(0.9 + 0.4, 6), expect.closeTo(0.9 + 40, 4)]);
    expect(await layer.numBatchesTracked?.item()).toBe(1n);
    layer.eval();
    const [[first]] = (await (await run(x)).toArray()) as number[][];
    expect(first).toBeCloseTo((1 - 0.3) / Math.sqrt(1.3 + 1e-5), 5);
    expect(await layer.numBatchesTracked?.item()).toBe(1n);
  });

  it('momentum null is the plain average over batches', async () => {
    const layer = nn.batchNorm1d(1, { momentum: null });
    for (const values of [
      [0, 2],
      [4, 8],
      [1, 3],
    ]) {
      layer.forward(tensor(values.map((value) => [value])));
      await layer.runningMean?.data();
    }
    expect(await layer.runningMean?.item()).toBeCloseTo((1 + 6 + 2) / 3, 5);
  });
});

describe('freezing', () => {
  it('stops gradient and update of what a filter names, also in a compiled step', async () => {
    manualSeed(3);
    const model = nn.sequential({ features: nn.linear(2, 2), head: nn.linear(2, 1) });
    const optimizer = optim.sgd(model.parameters(), { lr: 0.1 });
    const step = compile((x: Tensor<'float32'>) => {
      const loss = sum(model.forward(x));
      optimizer.minimize(loss);
      return loss;
    });
    const snapshot = async () => Promise.all(model.parameters().map(async (p) => [...(await p.data())]));
    const x = tensor([[1, 2]]);
    const before = await snapshot();
    model.freeze('features');
    await step(x);
    const frozen = await snapshot();
    expect(frozen.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(frozen[2]).not.toEqual(before[2]);
    model.unfreeze(/weight$/);
    await step(x);
    const after = await snapshot();
    expect(after[0]).not.toEqual(frozen[0]);
    expect(after[1]).toEqual(frozen[1]);
    expect(step.programs).toBe(2);
    model.freeze();
    await expect(step(x)).rejects.toMatchObject({ code: 'ERR_BRAWN_GRADIENT' });
    expect(
      model
        .freeze((name) => name === 'head.bias')
        .parameters()
        .filter((p) => p.requiresGrad).length,
    ).toBe(0);
  });
});

describe('state', () => {
  it('goes through a file into another module, which then computes the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'brawn-nn-'));
    const path = join(folder, 'model.safetensors');
    const [a, b] = [net(), net()];
    const x = zeros([2, 2, 5, 5]).add(0.5);
    await a.forward(x).data();
    await a.save(path, { kind: 'test' });
    expect(await b.load(path)).toEqual({ missing: [], unexpected: [] });
    for (const [name, variable] of Object.entries(a.stateDict()))
      expect(await b.stateDict()[name].data()).toEqual(await variable.data());
    a.eval();
    b.eval();
    expect(await b.forward(x).data()).toEqual(await a.forward(x).data());
    await expect(nn.linear(1, 1).load(path)).rejects.toThrow(
      new RegExp(`loadStateDict: ${path}: missing weight, bias`),
    );
    await rm(folder, { recursive: true });
  });

  it('that does not fit is refused as a whole', async () => {
    const model = nn.sequential(nn.linear(2, 1), nn.batchNorm1d(1));
    const good = { ...model.stateDict() };
    const { '0.bias': _, ...lacking } = good;
    const cases: [Record<string, Tensor>, string, RegExp][] = [
      [lacking, 'ERR_BRAWN_ARGUMENT', /missing 0.bias; pass strict/],
      [{ ...good, extra: tensor(1) }, 'ERR_BRAWN_ARGUMENT', /unexpected extra/],
      [
        { ...good, '0.weight': zeros([1, 3]) },
        'ERR_BRAWN_SHAPE',
        /0.weight is Parameter<float32>\[1,2\] but the state has Tensor<float32>\[1,3\]/,
      ],
      [{ ...good, '0.bias': zeros([1], { dtype: 'float64' }) }, 'ERR_BRAWN_DTYPE', /0.bias .*float64/],
    ];
    const before = await model.stateDict()['0.weight'].data();
    for (const [state, code, message] of cases)
      expect(() => model.loadStateDict(state)).toThrowError(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      );
    expect(await model.stateDict()['0.weight'].data()).toEqual(before);
    expect(model.loadStateDict({ ...lacking, extra: tensor(1) }, { strict: false })).toEqual({
      missing: ['0.bias'],
      unexpected: ['extra'],
    });
    const { '1.num_batches_tracked': __, ...old } = good;
    expect(model.loadStateDict(old).missing).toEqual(['1.num_batches_tracked']);
  });

  it('is seen by steps that were compiled before', async () => {
    const layer = nn.linear(2, 1, { bias: false });
    const run = compile((x: Tensor<'float32'>) => layer.forward(x));
    const x = tensor([[1, 1]]);
    await run(x);
    layer.loadStateDict({ weight: tensor([[3, 4]]) });
    expect(await (await run(x)).toArray()).toEqual([[7]]);
  });

  it('read from a file before the first use takes the place of first values, which are never drawn', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'brawn-module-'));
    const path = join(folder, 'net.safetensors');
    const [from, to] = [nn.linear(3, 2), nn.linear(3, 2)];
    await from.save(path);
    await to.load(path);
    await rm(folder, { recursive: true });
    expect(to.weight.pendingInit).toBeUndefined();
    expect(await to.weight.data()).toEqual(await from.weight.data());
  });

  it('assigned before the first use is the first value; after a call that uses the old one it is the next', async () => {
    const [first, used, called] = Array.from({ length: 3 }, () => new Variable(tensor([1, 2])));
    first.assign(tensor([3, 4]));
    expect(await first.toArray()).toEqual([3, 4]);
    const sumOf = sum(used);
    used.assign(tensor([5, 6]));
    expect(await sumOf.item()).toBe(3);
    expect(await used.toArray()).toEqual([5, 6]);
    const running = compile(() => sum(called))();
    called.assign(tensor([7, 8]));
    expect(await (await running).item()).toBe(3);
    expect(await called.toArray()).toEqual([7, 8]);
    const other = new Variable(tensor([0, 0]));
    other.assign(add(called, 1));
    called.assign(tensor([0, 0]));
    expect(await other.toArray()).toEqual([8, 9]);
  });

  it('of the same seed is the same', async () => {
    const values = async () => {
      manualSeed(11);
      return Promise.all(Object.values(net().stateDict()).map((variable) => variable.data()));
    };
    expect(await values()).toEqual(await values());
    const [a, b] = [nn.linear(3, 3), nn.linear(3, 3)];
    expect(await a.weight.data()).not.toEqual(await b.weight.data());
  });
});

it('a gradient reaches every parameter', async () => {
  const model = net();
  const gradients = grad(sum(add(model.forward(zeros([4, 2, 6, 6]).add(1)), 1)), model.parameters());
  expect(gradients.map(({ shape }) => shape)).toEqual(model.parameters().map(({ shape }) => shape));
});
