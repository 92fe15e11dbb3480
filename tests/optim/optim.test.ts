/** Optimizers against PyTorch's formulas in plain JavaScript; one program for all steps; state; clipping; fusion. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  compile,
  grad,
  manualSeed,
  nn,
  optim,
  Parameter,
  randn,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';

type T = Tensor<'float32'>;

/** Updates p[i] for the gradient g[i]; `at` keeps state per element. */
type Rule = (p: number, g: number, at: Record<string, number>, step: number) => number;

interface AdamNumbers {
  lr: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  amsgrad?: boolean;
}

const adamRule =
  (
    { lr, betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0, amsgrad }: AdamNumbers,
    decoupled = false,
  ): Rule =>
  (p, gradient, at, step) => {
    const g = decoupled ? gradient : gradient + weightDecay * p;
    at.m = b1 * (at.m ?? 0) + (1 - b1) * g;
    at.v = b2 * (at.v ?? 0) + (1 - b2) * g * g;
    at.max = Math.max(at.max ?? 0, at.v);
    const denominator = Math.sqrt((amsgrad ? at.max : at.v) / (1 - b2 ** step)) + eps;
    return (decoupled ? p * (1 - lr * weightDecay) : p) - ((lr / (1 - b1 ** step)) * at.m) / denominator;
  };

const sgdRule =
  ({
    lr,
    momentum = 0,
    dampening = 0,
    nesterov = false,
    weightDecay = 0,
  }: Partial<optim.SgdOptions> & { lr: number }): Rule =>
  (p, gradient, at, step) => {
    const g = gradient + weightDecay * p;
    if (momentum === 0) return p - lr * g;
    at.b = step === 1 ? g : momentum * at.b + (1 - dampening) * g;
    return p - lr * (nesterov ? g + momentum * at.b : at.b);
  };

const kStart = [0.5, -1, 2, -0.25, 0];
const kWeights = [1, -2, 0.5, 3, 0.1];

type Make = (trained: readonly Parameter[]) => optim.Optimizer;

const cases: Record<string, [Make, Rule]> = {
  sgd: [(p) => optim.sgd(p, { lr: 0.1 }), sgdRule({ lr: 0.1 })],
  'sgd, default rate': [(p) => optim.sgd(p), sgdRule({ lr: 1e-3 })],
  'sgd with momentum': [(p) => optim.sgd(p, { lr: 0.1, momentum: 0.9 }), sgdRule({ lr: 0.1, momentum: 0.9 })],
  'sgd with dampening and decay': [
    (p) => optim.sgd(p, { lr: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.1 }),
    sgdRule({ lr: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.1 }),
  ],
  'sgd with nesterov': [
    (p) => optim.sgd(p, { lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 }),
    sgdRule({ lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 }),
  ],
  adam: [(p) => optim.adam(p, { lr: 0.1 }), adamRule({ lr: 0.1 })],
  'adam with decay and other betas': [
    (p) => optim.adam(p, { lr: 0.1, betas: [0.5, 0.9], eps: 1e-3, weightDecay: 0.2 }),
    adamRule({ lr: 0.1, betas: [0.5, 0.9], eps: 1e-3, weightDecay: 0.2 }),
  ],
  'adam with amsgrad': [
    (p) => optim.adam(p, { lr: 0.3, betas: [0.9, 0.5], amsgrad: true }),
    adamRule({ lr: 0.3, betas: [0.9, 0.5], amsgrad: true }),
  ],
  adamW: [(p) => optim.adamW(p, { lr: 0.1 }), adamRule({ lr: 0.1, weightDecay: 0.01 }, true)],
  'adamW with decay': [
    (p) => optim.adamW(p, { lr: 0.1, weightDecay: 0.5 }),
    adamRule({ lr: 0.1, weightDecay: 0.5 }, true),
  ],
};

/** A loss with gradient w (x - t) + x^3 / 10, moving with t. */
const lossOf = (x: T, t: T): T =>
  sum(
    x
      .sub(t)
      .square()
      .mul(tensor(kWeights, { dtype: x.dtype }))
      .div(2)
      .add(x.square().square().div(40)),
  );
const gradientOf = (x: number, t: number, i: number): number => kWeights[i] * (x - t) + x ** 3 / 10;

function expected(rule: Rule, targets: readonly number[]): number[] {
  const x = [...kStart];
  const at = x.map(() => ({}));
  targets.forEach((t, step) => {
    x.forEach((value, i) => {
      x[i] = rule(value, gradientOf(value, t, i), at[i], step + 1);
    });
  });
  return x;
}

const kTargets = [0.3, -0.2, 1, 0.7, 0.5, -1, 0.1];

describe('formulas', () => {
  for (const [name, [make, rule]] of Object.entries(cases)) {
    it(`${name}: compiled steps`, async () => {
      const x = new Parameter(tensor(kStart));
      const optimizer = make([x]);
      const step = compile((t: T) => {
        const loss = lossOf(x as T, t);
        optimizer.minimize(loss);
        return loss;
      });
      for (const t of kTargets) await step(tensor(t));
      expect(step.programs).toBe(1);
      const values = [...(await x.data())] as number[];
      expected(rule, kTargets).forEach((value, i) => {
        expect(values[i]).toBeCloseTo(value, 4);
      });
    });

    it(`${name}: steps outside of compile, in float64`, async () => {
      const x = new Parameter(tensor(kStart, { dtype: 'float64' }));
      const optimizer = make([x]);
      for (const t of kTargets) {
        optimizer.minimize(lossOf(x as unknown as T, tensor(t, { dtype: 'float64' }) as unknown as T));
        await x.data();
      }
      const values = [...(await x.data())] as number[];
      expected(rule, kTargets).forEach((value, i) => {
        expect(values[i]).toBeCloseTo(value, 10);
      });
    });
  }
});

describe('options', () => {
  it('a new learning rate is used by the same program, a new momentum by another', async () => {
    const x = new Parameter(tensor([0, 0]));
    const optimizer = optim.sgd([x], { lr: 1 });
    const step = compile(() => {
      const loss = sum(x as T);
      optimizer.minimize(loss);
      return loss;
    });
    await step();
    expect(await x.toArray()).toEqual([-1, -1]);
    optimizer.lr = 0.5;
    await step();
    expect(await x.toArray()).toEqual([-1.5, -1.5]);
    expect([optimizer.lr, step.programs]).toEqual([0.5, 1]);
    optimizer.groups[0].weightDecay = 1;
    await step();
    expect(await x.toArray()).toEqual([-1.25, -1.25]);
    expect(step.programs).toBe(2);
  });

  it('groups have their own', async () => {
    const [a, b] = [new Parameter(tensor([1])), new Parameter(tensor([1]))];
    const optimizer = optim.sgd([{ params: [a], lr: 0.5 }, { params: [b] }], { lr: 0.25 });
    optimizer.minimize(sum((a as T).add(b as T)));
    expect([await a.item(), await b.item()]).toEqual([0.5, 0.75]);
    optimizer.lr = 0.125;
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.125, 0.125]);
  });

  it('that are illegal are refused', () => {
    const x = new Parameter(tensor([1]));
    const bad: [() => unknown, RegExp][] = [
      [() => optim.sgd([x], { lr: -1 }), /^sgd: lr must be a non-negative number, got -1/],
      [() => optim.adam([x], { lr: Number.NaN }), /^adam: lr/],
      [() => optim.sgd([x], { momentum: -1 }), /^sgd: momentum/],
      [() => optim.sgd([x], { nesterov: true }), /^sgd: nesterov needs momentum/],
      [() => optim.adam([x], { betas: [0.9, 1] }), /^adam: betas/],
      [() => optim.adamW([x], { eps: -1 }), /^adamW: eps/],
      [() => optim.adam([], {}), /^adam: there are no parameters/],
      [() => optim.adam([x, x]), /^adam: the variable is given twice/],
      [() => optim.adam([{ params: [tensor(1) as never] }]), /^adam: trains parameters, got Tensor/],
      [() => optim.sgd([x]).step([]), /^sgd: step needs 1 gradients, got 0/],
      [() => optim.sgd([x]).step([tensor([1, 2])]), /^sgd: gradient 0 is Tensor<float32>\[2\] but the variable is/],
      [() => optim.sgd([x]).step([tensor([1], { dtype: 'float64' })]), /^sgd: gradient 0 is float64/],
      [() => optim.sgd([x]).minimize(sum(tensor([1]))), /^sgd: the loss depends on none of the 1 parameters/],
      [() => void (optim.sgd([x]).lr = -1), /^sgd: lr/],
    ];
    for (const [call, message] of bad) expect(call).toThrow(message);
  });
});

describe('what is trained', () => {
  it('parameters that the loss does not reach keep value and state, as in PyTorch', async () => {
    const [a, b] = [new Parameter(tensor([1])), new Parameter(tensor([1]))];
    const optimizer = optim.adam([a, b], { lr: 0.1, weightDecay: 1 });
    optimizer.minimize(sum(a as T));
    await a.data();
    expect(await b.item()).toBe(1);
    expect(Object.keys(optimizer.stateDict().state).sort()).toEqual(['0.exp_avg', '0.exp_avg_sq', '0.step']);
    expect(await a.item()).toBeCloseTo(0.9, 6);
  });

  it('step takes gradients from anywhere', async () => {
    const x = new Parameter(tensor([1, 2]));
    const optimizer = optim.sgd([x], { lr: 1 });
    optimizer.step([tensor([0.5, 1])]);
    optimizer.step([undefined]);
    expect(await x.toArray()).toEqual([0.5, 1]);
  });
});

describe('state', () => {
  const setup = () => {
    manualSeed(5);
    const model = nn.sequential(nn.linear(3, 4), nn.tanh(), nn.linear(4, 1));
    const optimizer = optim.adam(model.parameters(), { lr: 0.05, amsgrad: true });
    const step = compile((x: T) => {
      const loss = model.forward(x).square().mean() as T;
      optimizer.minimize(loss);
      return loss;
    });
    return { model, optimizer, step };
  };
  const bits = async (values: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(
      await Promise.all(Object.entries(values).map(async ([name, x]) => [name, await x.data()] as const)),
    );

  it('goes through files, and training goes on bit for bit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'brawn-optim-'));
    const [whole, half, rest] = [setup(), setup(), setup()];
    manualSeed(6);
    const x = randn([8, 3]);
    await x.data();
    for (let i = 0; i < 6; i++) await whole.step(x);
    for (let i = 0; i < 3; i++) await half.step(x);
    half.optimizer.lr = 0.05;
    await half.model.save(join(folder, 'model'));
    await half.optimizer.save(join(folder, 'optimizer'));
    // One that has been trained elsewhere and one step compiled before.
    rest.optimizer.lr = 7;
    await rest.step(x);
    await rest.model.load(join(folder, 'model'));
    await rest.optimizer.load(join(folder, 'optimizer'));
    expect(rest.optimizer.lr).toBe(0.05);
    for (let i = 0; i < 3; i++) await rest.step(x);
    expect(await bits(rest.model.stateDict())).toEqual(await bits(whole.model.stateDict()));
    expect(await bits(rest.optimizer.stateDict().state)).toEqual(await bits(whole.optimizer.stateDict().state));
    expect((await bits(rest.optimizer.stateDict().state))['0.step'][0]).toBe(6);
    await expect(rest.optimizer.load(join(folder, 'model'))).rejects.toThrow(/no file of an optimizer/);
    await rm(folder, { recursive: true });
  });

  it('of its own is taken as it is; what a state lacks starts at zero', async () => {
    const x = new Parameter(tensor([1]));
    const optimizer = optim.sgd([x], { lr: 1, momentum: 0.5 });
    optimizer.step([tensor([2])]);
    await x.data();
    optimizer.loadStateDict(optimizer.stateDict());
    expect(await optimizer.stateDict().state['0.momentum_buffer'].item()).toBe(2);
    optimizer.loadStateDict({ ...optimizer.stateDict(), state: {} });
    expect(await optimizer.stateDict().state['0.momentum_buffer'].item()).toBe(0);
  });

  it('that does not fit is refused', () => {
    const optimizer = optim.adam([new Parameter(tensor([1, 2]))]);
    const { groups } = optimizer.stateDict();
    expect(groups).toEqual([{ lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, params: [0] }]);
    const bad: [optim.OptimizerState, RegExp][] = [
      [{ state: { '1.exp_avg': zeros([2]) }, groups }, /state 1.exp_avg belongs to none of the 1 parameters/],
      [{ state: { exp_avg: zeros([2]) }, groups }, /belongs to none/],
      [{ state: { '0.exp_avg': zeros([3]) }, groups }, /state 0.exp_avg is Tensor<float32>\[3\]/],
      [{ state: { '0.exp_avg': zeros([2], { dtype: 'float64' }) }, groups }, /is float64/],
      [{ state: {}, groups: [{ params: [0, 1] }] }, /groups of 2 parameters, here are 1/],
    ];
    for (const [state, message] of bad) expect(() => optimizer.loadStateDict(state)).toThrow(message);
  });
});

describe('clipping', () => {
  it('by norm scales all gradients, and only when they are too long', async () => {
    const gradients = [tensor([3, 0]), undefined, tensor([[4]])];
    const { gradients: clipped, norm } = optim.clipGradNorm(gradients, 1);
    expect(await norm.item()).toBe(5);
    expect(await clipped[0]?.toArray()).toEqual([expect.closeTo(0.6, 5), 0]);
    expect(await clipped[2]?.toArray()).toEqual([[expect.closeTo(0.8, 5)]]);
    expect(clipped[1]).toBeUndefined();
    expect(await optim.clipGradNorm(gradients, 50).gradients[0]?.toArray()).toEqual([3, 0]);
    expect(() => optim.clipGradNorm(gradients, 0)).toThrow(/maxNorm must be positive/);
    expect(() => optim.clipGradNorm([undefined], 1)).toThrow(/no gradients/);
  });

  it('by value cuts elements', async () => {
    const [clipped] = optim.clipGradValue([tensor([-3, 0.5, 7])], 1);
    expect(await clipped.toArray()).toEqual([-1, 0.5, 1]);
    expect(() => optim.clipGradValue([tensor([1])], -1)).toThrow(/limit must be positive/);
  });

  it('is an option of minimize', async () => {
    const x = new Parameter(tensor([0, 0]));
    const optimizer = optim.sgd([x], { lr: 1 });
    optimizer.minimize(sum((x as T).mul(tensor([30, 40]))), { clipNorm: 5 });
    expect(await x.toArray()).toEqual([expect.closeTo(-3, 4), expect.closeTo(-4, 4)]);
    optimizer.minimize(sum((x as T).mul(tensor([30, 0.5]))), { clipValue: 1 });
    expect(await x.toArray()).toEqual([expect.closeTo(-4, 4), expect.closeTo(-4.5, 4)]);
  });
});

describe('the plan of an update', () => {
  const updates: Record<string, Make> = {
    sgd: (p) => optim.sgd(p, { momentum: 0.9 }),
    adam: (p) => optim.adam(p),
    adamW: (p) => optim.adamW(p, { amsgrad: true }),
    'sgd, all options': (p) => optim.sgd(p, { momentum: 0.9, dampening: 0.1, weightDecay: 0.1 }),
    'rmsprop, all options': (p) => optim.rmsprop(p, { centered: true, momentum: 0.9, weightDecay: 0.1 }),
    adagrad: (p) => optim.adagrad(p, { lrDecay: 0.1 }),
    adadelta: (p) => optim.adadelta(p),
    adamax: (p) => optim.adamax(p),
    'adam, all options': (p) => optim.adam(p, { amsgrad: true, weightDecay: 0.1 }),
    'adagrad, decay': (p) => optim.adagrad(p, { weightDecay: 0.1 }),
    'adadelta, decay': (p) => optim.adadelta(p, { weightDecay: 0.1 }),
    'adamax, decay': (p) => optim.adamax(p, { weightDecay: 0.1 }),
    nadam: (p) => optim.nadam(p),
    'nadam, decay': (p) => optim.nadam(p, { weightDecay: 0.1 }),
    radam: (p) => optim.radam(p, { weightDecay: 0.1 }),
    lion: (p) => optim.lion(p, { weightDecay: 0.1 }),
  };
  for (const [name, make] of Object.entries(updates))
    it(`${name}: one sweep in place over all parameters, nothing copied`, () => {
      const model = nn.sequential(nn.conv2d(2, 3, 3), nn.relu(), nn.flatten(), nn.linear(48, 5, { bias: false }));
      const optimizer = make(model.parameters());
      const step = compile((x: T, y: Tensor<'int32'>) => {
        const loss = nn.crossEntropy(model.forward(x), y);
        optimizer.minimize(loss);
        return loss;
      });
      const { passes } = step.explain(zeros([4, 2, 6, 6]), tensor(Int32Array.of(0, 1, 2, 3)));
      const commit = passes.memory.split('--- commit\n')[1].split('\n');
      const shapes = ['[3,2,3,3]', '[3]', '[5,48]'];
      const written = shapes.map((shape) => `\\[[^>]*-> leaf\\d+:float32${shape.replaceAll(/[[\]]/g, '\\$&')}[^>]*\\]`);
      expect(commit.pop()).toMatch(new RegExp(`^elementwise_sweep x3 ${written.join(' ')} \\{ .+ \\}$`));
      // What comes before are scalars: the step counts and what follows from them.
      expect(commit.length).toBeLessThanOrEqual(1);
      for (const line of commit) expect(line).toMatch(/^elementwise_sweep x3 \[leaf\d+:float32\[\]/);
    });

  it('a product whose only reader is an update still runs before the commit', async () => {
    const w = new Parameter(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    const optimizer = optim.sgd([w], { lr: 1 });
    const step = compile((x: T) => {
      const loss = sum(x.matmul(w as T));
      optimizer.minimize(loss);
      return loss;
    });
    const x = tensor([
      [1, 0],
      [0, 2],
    ]);
    const { kernels, passes } = step.explain(x);
    expect(kernels.at(-1)?.kernel).toBe('elementwise');
    expect(passes.memory.split('--- commit\n')[1].split('\n').length).toBeLessThanOrEqual(2);
    expect(await (await step(x)).item()).toBe(1 + 2 + 6 + 8);
    const [g] = grad(sum(x.matmul(w as T)), [w]);
    expect(await w.toArray()).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(await g.toArray()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });
});
