/** Every optimizer with every option against PyTorch's numbers (`tests/golden/optimizers.py`); Lion against its paper. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, optim, Parameter, sum, type Tensor, tensor } from '../../src/index.js';

type T = Tensor<'float32'>;
type Params = { params: Parameter[]; lr?: number }[];
type Rows = Readonly<Record<string, readonly number[]>>;

const golden = JSON.parse(readFileSync(new URL('../golden/optimizers.json', import.meta.url), 'utf8')) as Record<
  string,
  Rows
> & { lbfgs: Record<string, { loss: number; x: number[]; calls: number }[]> };

const cases: Record<string, [(p: Params) => optim.Optimizer, lr: number]> = {
  sgd: [(p) => optim.sgd(p, { lr: 0.1 }), 0.1],
  'sgd, momentum': [(p) => optim.sgd(p, { lr: 0.1, momentum: 0.9 }), 0.1],
  'sgd, dampening, decay': [(p) => optim.sgd(p, { lr: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.1 }), 0.1],
  'sgd, nesterov, decay': [(p) => optim.sgd(p, { lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 }), 0.05],
  rmsprop: [(p) => optim.rmsprop(p, { lr: 0.02 }), 0.02],
  'rmsprop, centered': [(p) => optim.rmsprop(p, { lr: 0.02, alpha: 0.9, centered: true, eps: 1e-4 }), 0.02],
  'rmsprop, momentum, decay': [(p) => optim.rmsprop(p, { lr: 0.02, momentum: 0.7, weightDecay: 0.1 }), 0.02],
  'rmsprop, all': [
    (p) => optim.rmsprop(p, { lr: 0.01, alpha: 0.95, centered: true, eps: 1e-3, momentum: 0.5, weightDecay: 0.2 }),
    0.01,
  ],
  adagrad: [(p) => optim.adagrad(p, { lr: 0.1 }), 0.1],
  'adagrad, all': [
    (p) => optim.adagrad(p, { lr: 0.2, lrDecay: 0.1, weightDecay: 0.1, initialAccumulatorValue: 0.3, eps: 1e-3 }),
    0.2,
  ],
  adadelta: [(p) => optim.adadelta(p, {}), 1],
  'adadelta, all': [(p) => optim.adadelta(p, { lr: 0.7, rho: 0.8, eps: 1e-3, weightDecay: 0.1 }), 0.7],
  adam: [(p) => optim.adam(p, { lr: 0.1 }), 0.1],
  'adam, betas, eps, decay': [(p) => optim.adam(p, { lr: 0.1, betas: [0.5, 0.9], eps: 1e-3, weightDecay: 0.2 }), 0.1],
  'adam, amsgrad': [(p) => optim.adam(p, { lr: 0.3, betas: [0.9, 0.5], amsgrad: true }), 0.3],
  adamW: [(p) => optim.adamW(p, { lr: 0.1 }), 0.1],
  'adamW, decay, amsgrad': [(p) => optim.adamW(p, { lr: 0.1, weightDecay: 0.5, amsgrad: true }), 0.1],
  adamax: [(p) => optim.adamax(p, { lr: 0.1 }), 0.1],
  'adamax, all': [(p) => optim.adamax(p, { lr: 0.1, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.2 }), 0.1],
  nadam: [(p) => optim.nadam(p, { lr: 0.1 }), 0.1],
  'nadam, all': [
    (p) => optim.nadam(p, { lr: 0.1, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.2, momentumDecay: 0.02 }),
    0.1,
  ],
  radam: [(p) => optim.radam(p, { lr: 0.1 }), 0.1],
  'radam, all': [(p) => optim.radam(p, { lr: 0.1, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.2 }), 0.1],
  'radam, never rectified': [(p) => optim.radam(p, { lr: 0.05, betas: [0.9, 0.5] }), 0.05],
};

const kStart = [0.5, -1, 2, -0.25, 0];
const kWeights = [1, -2, 0.5, 3, 0.1];

const lossOf = (x: T, t: T): T =>
  sum(
    x
      .sub(t)
      .square()
      .mul(tensor(kWeights, { dtype: x.dtype }))
      .div(2)
      .add(x.square().square().div(40)),
  ) as T;

/** Parameters of both groups after each step. */
async function train(
  make: (p: Params) => optim.Optimizer,
  lr: number,
  dtype: 'float32' | 'float64',
  steps = 24,
): Promise<number[][]> {
  const [x, y] = [0, 1].map(() => new Parameter(tensor(kStart, { dtype })));
  const optimizer = make([{ params: [x] }, { params: [y], lr: lr / 2 }]);
  const step = compile((t: T) => {
    const loss = lossOf(x as T, t).add(lossOf(y as T, t)) as T;
    optimizer.minimize(loss);
    return loss;
  });
  const rows: number[][] = [];
  for (let i = 1; i <= steps; i++) {
    await step(tensor(Math.sin(i), { dtype }) as T);
    rows.push([...((await x.data()) as Float64Array), ...((await y.data()) as Float64Array)]);
  }
  expect(step.programs).toBe(1);
  return rows;
}

const close = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i]), `element ${i}: ${value}, not ${expected[i]}`).toBeLessThan(tolerance);
  });
};

describe('as PyTorch, over 24 steps', () => {
  it('every case of the script is here', () => {
    expect([...Object.keys(cases), 'lbfgs'].sort()).toEqual(Object.keys(golden).sort());
  });

  for (const [name, [make, lr]] of Object.entries(cases))
    it(name, async () => {
      // PyTorch keeps nadam's product of momenta in float32, here it has the parameter's dtype.
      const tolerance = name.startsWith('nadam') ? 1e-6 : 1e-10;
      const double = await train(make, lr, 'float64');
      for (const [step, values] of Object.entries(golden[name])) close(double[Number(step) - 1], values, tolerance);
      // In float32 signs of near-zero gradients may differ; few rules divide by these.
      const single = await train(make, lr, 'float32', 12);
      close(single[11], golden[name][12], 2e-4);
    });
});

it("lion follows its paper's algorithm", async () => {
  const [lr, b1, b2, decay] = [0.05, 0.8, 0.95, 0.3];
  const rows = await train((p) => optim.lion(p, { lr, betas: [b1, b2], weightDecay: decay }), lr, 'float64');
  const x = [...kStart, ...kStart];
  const m = x.map(() => 0);
  rows.forEach((row, step) => {
    x.forEach((value, i) => {
      const rate = i < 5 ? lr : lr / 2;
      const g = kWeights[i % 5] * (value - Math.sin(step + 1)) + value ** 3 / 10;
      x[i] = value - rate * (Math.sign(b1 * m[i] + (1 - b1) * g) + decay * value);
      m[i] = b2 * m[i] + (1 - b2) * g;
    });
    close(row, x, 1e-10);
  });
});

describe('L-BFGS', () => {
  type D = Tensor<'float64'>;
  const convex = (x: D) => {
    const [a, b, c] = [0, 1, 2].map((i) => x.select(0, i));
    return a
      .sub(1)
      .square()
      .add(b.add(2).square().mul(3))
      .add(a.mul(b).div(2))
      .add(c.square().square())
      .add(c.sub(1).square());
  };
  const rosenbrock = (x: D) => {
    const [head, tail] = [x.narrow(0, 0, x.size - 1), x.narrow(0, 1, x.size - 1)];
    return sum(tail.sub(head.square()).square().mul(100).add(head.neg().add(1).square()));
  };
  const problems: Record<string, [(x: D) => Tensor, number[], Partial<optim.LbfgsOptions>]> = {
    'no line search': [convex, [0, 0, 0], { lr: 0.1, maxIter: 4 }],
    'small history': [convex, [1, 2, -1], { lr: 0.5, maxIter: 6, historySize: 2 }],
    'strong wolfe': [rosenbrock, [-1.2, 1, 0.5], { maxIter: 5, lineSearchFn: 'strong_wolfe' }],
    'few evaluations': [
      rosenbrock,
      [0.3, -0.4, 0.5],
      { lr: 0.3, maxEval: 7, lineSearchFn: 'strong_wolfe', historySize: 3 },
    ],
  };

  for (const [name, [fn, start, options]] of Object.entries(problems))
    it(name, async () => {
      const x = new Parameter(tensor(start, { dtype: 'float64' }));
      const optimizer = optim.lbfgs([x], options);
      const closure = () => fn(x as unknown as D);
      let calls = 0;
      for (const row of golden.lbfgs[name]) {
        expect(await optimizer.step(closure)).toBeCloseTo(row.loss, 7);
        close((await x.toArray()) as number[], row.x, 1e-7);
        const all = optimizer.stateDict().numbers.func_evals as number;
        expect(all - calls).toBe(row.calls);
        calls = all;
      }
    });

  it('goes on bit for bit from its state', async () => {
    const setup = () => {
      const x = new Parameter(tensor([-1.2, 1, 0.5]));
      const optimizer = optim.lbfgs([x], { maxIter: 3, lineSearchFn: 'strong_wolfe' });
      return { x, optimizer, closure: () => rosenbrock(x as unknown as D) };
    };
    const [whole, part] = [setup(), setup()];
    for (let i = 0; i < 4; i++) await whole.optimizer.step(whole.closure);
    for (let i = 0; i < 2; i++) await part.optimizer.step(part.closure);
    const rest = setup();
    rest.x.assign(part.x);
    await rest.optimizer.loadStateDict(part.optimizer.stateDict());
    for (let i = 0; i < 2; i++) await rest.optimizer.step(rest.closure);
    expect(await rest.x.data()).toEqual(await whole.x.data());
    expect(rest.optimizer.stateDict().numbers).toEqual(whole.optimizer.stateDict().numbers);
  });

  it('refuses what makes no sense', async () => {
    const x = new Parameter(tensor([1]));
    expect(() => optim.lbfgs([])).toThrow(/^lbfgs: there are no parameters/);
    expect(() => optim.lbfgs([x, x])).toThrow(/given twice/);
    expect(() => optim.lbfgs([x], { maxIter: 0 })).toThrow(/^lbfgs: maxIter must be a positive integer, got 0/);
    expect(() => optim.lbfgs([x], { lr: -1 })).toThrow(/^lbfgs: lr/);
    expect(() => optim.lbfgs([x], { lineSearchFn: 'armijo' as never })).toThrow(/^lbfgs: lineSearchFn/);
    await expect(optim.lbfgs([x]).step(() => 3 as never)).rejects.toThrow(/^lbfgs: the closure must give the loss/);
    await expect(optim.lbfgs([x]).step(() => sum(tensor([1])))).rejects.toThrow(/depends on none/);
  });
});
