/** Running averages of weights, gradients summed over batches, and state of the rules that start at other than 0. */
import { describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, optim, Parameter, randn, sum, type Tensor, tensor } from '../../src/index.js';

type T = Tensor<'float32'>;

const values = async (all: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(await Promise.all(Object.entries(all).map(async ([name, x]) => [name, await x.data()] as const)));

describe('the moving average of weights', () => {
  it('takes the first weights, then mixes; in a compiled step it sees the new weights', async () => {
    const x = new Parameter(tensor([1, 2]));
    const optimizer = optim.sgd([x], { lr: 1 });
    const average = optim.ema([x], { decay: 0.75 });
    const step = compile(() => {
      const loss = sum(x as T);
      optimizer.minimize(loss);
      average.update();
      return loss;
    });
    const expected = [0, 1];
    for (let i = 0; i < 4; i++) {
      await step();
      const now = [0 - i, 1 - i];
      now.forEach((w, j) => {
        expected[j] = i === 0 ? w : 0.75 * expected[j] + 0.25 * w;
      });
      expect(await average.stateDict()['0'].toArray()).toEqual(expected);
    }
    expect(step.programs).toBe(1);
    const during = await average.use(async () => {
      expect(await x.toArray()).toEqual(expected);
      return 'done';
    });
    expect(during).toBe('done');
    expect(await x.toArray()).toEqual([-3, -2]);
    expect(await average.stateDict()['0'].toArray()).toEqual(expected);
    await expect(average.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await x.toArray()).toEqual([-3, -2]);

    const other = optim.ema([x], { decay: 0.75 });
    other.loadStateDict(average.stateDict());
    other.update();
    average.update();
    expect(await values(other.stateDict())).toEqual(await values(average.stateDict()));
  });

  it('with warm-up keeps less at first', async () => {
    const x = new Parameter(tensor(1));
    const average = optim.ema([x], { warmUp: true });
    let expected = 1;
    for (let t = 1; t <= 3; t++) {
      x.assign(tensor(t));
      average.update();
      expected = t === 1 ? 1 : ((1 + t) / (10 + t)) * expected + (1 - (1 + t) / (10 + t)) * t;
      expect(await average.stateDict()['0'].item()).toBeCloseTo(expected, 6);
    }
  });

  it('refuses what makes no sense', () => {
    const x = new Parameter(tensor(1));
    expect(() => optim.ema([x], { decay: 1 })).toThrow(/^ema: decay/);
    expect(() => optim.ema([])).toThrow(/^ema: there are no parameters/);
    expect(() => optim.ema([x]).swap()).toThrow(/^ema: nothing has been averaged yet/);
    expect(() => optim.ema([x]).loadStateDict({})).toThrow(/^ema: the state is of/);
  });
});

describe('gradients summed over batches', () => {
  const setup = () => {
    manualSeed(3);
    const model = nn.sequential(nn.linear(3, 4), nn.tanh(), nn.linear(4, 1));
    return { model, optimizer: optim.adam(model.parameters(), { lr: 0.05 }) };
  };
  const lossOf = (model: nn.Module, x: T) => model.forward(x).square().mean() as T;

  it('have the effect of one large batch', async () => {
    const [small, large] = [setup(), setup()];
    const accumulator = optim.gradientAccumulator(small.optimizer, 4);
    const step = compile((x: T, isLast: boolean) => {
      const loss = lossOf(small.model, x);
      accumulator.add(loss);
      if (isLast) accumulator.step({ clipNorm: 0.01 });
      return loss;
    });
    manualSeed(4);
    for (let i = 0; i < 3; i++) {
      const x = randn([8, 3]);
      for (let j = 0; j < 4; j++) await step(x.narrow(0, 2 * j, 2), j === 3);
      large.optimizer.minimize(lossOf(large.model, x), { clipNorm: 0.01 });
      for (const sums of Object.values(await values(accumulator.stateDict())))
        expect((sums as Float32Array).every((value) => value === 0)).toBe(true);
    }
    expect(step.programs).toBe(2);
    const [a, b] = [await values(small.model.stateDict()), await values(large.model.stateDict())];
    for (const [name, all] of Object.entries(a))
      (all as Float32Array).forEach((value, i) => {
        expect(value).toBeCloseTo(Number(b[name][i]), 4);
      });
  });

  it('are state, and a step without any is refused', async () => {
    const x = new Parameter(tensor([1]));
    const optimizer = optim.sgd([x], { lr: 1 });
    const [a, b] = [optim.gradientAccumulator(optimizer, 2), optim.gradientAccumulator(optimizer, 2)];
    expect(() => a.step()).toThrow(/^gradientAccumulator: nothing has been added/);
    expect(() => optim.gradientAccumulator(optimizer, 0)).toThrow(/^gradientAccumulator: batches/);
    a.add(sum(x as T));
    b.loadStateDict(a.stateDict());
    expect(() => b.loadStateDict({ 1: tensor([1]) })).toThrow(/belongs to none of 1/);
    b.loadStateDict(a.stateDict());
    b.step();
    expect(await x.item()).toBe(0.5);
  });
});

describe('state of every rule', () => {
  const rules: Record<string, (p: Parameter[]) => optim.Optimizer> = {
    sgd: (p) => optim.sgd(p, { lr: 0.1, momentum: 0.9, dampening: 0.2 }),
    rmsprop: (p) => optim.rmsprop(p, { centered: true, momentum: 0.9 }),
    adagrad: (p) => optim.adagrad(p, { initialAccumulatorValue: 0.5, lrDecay: 0.1 }),
    adadelta: (p) => optim.adadelta(p),
    adamax: (p) => optim.adamax(p),
    nadam: (p) => optim.nadam(p),
    radam: (p) => optim.radam(p, { betas: [0.9, 0.9] }),
    lion: (p) => optim.lion(p),
  };
  for (const [name, make] of Object.entries(rules))
    it(`${name} goes on bit for bit, and starts over from nothing`, async () => {
      const setup = () => {
        const x = new Parameter(tensor([0.5, -2, 3]));
        const optimizer = make([x]);
        const step = compile(() => optimizer.minimize(sum((x as T).square().square()) as T));
        return { x, optimizer, step };
      };
      const [whole, part, rest] = [setup(), setup(), setup()];
      for (let i = 0; i < 8; i++) await whole.step();
      for (let i = 0; i < 5; i++) await part.step();
      await rest.step();
      rest.x.assign(part.x);
      rest.optimizer.loadStateDict(part.optimizer.stateDict());
      for (let i = 0; i < 3; i++) await rest.step();
      expect(await rest.x.data()).toEqual(await whole.x.data());
      expect(await values(rest.optimizer.stateDict().state)).toEqual(await values(whole.optimizer.stateDict().state));
      // Without state it starts as a new optimizer does.
      const fresh = setup();
      rest.optimizer.loadStateDict({ ...rest.optimizer.stateDict(), state: {} });
      rest.x.assign(tensor([0.5, -2, 3]));
      await rest.step();
      await fresh.step();
      expect(await rest.x.data()).toEqual(await fresh.x.data());
    });

  it('a new momentum is used by the same program', async () => {
    const x = new Parameter(tensor([1]));
    for (const optimizer of [
      optim.sgd([x], { momentum: 0.9 }),
      optim.rmsprop([x], { momentum: 0.9 }),
      optim.adam([x]),
      optim.nadam([x]),
      optim.lion([x]),
    ]) {
      const step = compile(() => optimizer.minimize(sum((x as T).square()) as T));
      await step();
      const group = optimizer.groups[0] as unknown as { momentum?: number; betas?: [number, number] };
      if (group.betas) group.betas = [0.5, group.betas[1]];
      else group.momentum = 0.5;
      await step();
      expect(step.programs).toBe(1);
    }
  });
});
