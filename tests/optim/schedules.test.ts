/** Schedules against PyTorch's numbers (`tests/golden/schedules.py`); their state; no program is compiled anew. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, optim, Parameter, sum, type Tensor, tensor } from '../../src/index.js';

type T = Tensor<'float32'>;

const golden = JSON.parse(readFileSync(new URL('../golden/schedules.json', import.meta.url), 'utf8')) as Record<
  string,
  readonly (readonly number[])[]
>;
const kSteps = 24;
const kMetrics = [
  1.0, 0.9, 0.95, 0.9, 0.91, 0.92, 0.5, 0.49995, 0.6, 0.7, 0.6, 0.7, 0.6, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9,
  0.9, 0.9,
];

const setup = (isAdam = false) => {
  const [x, y] = [new Parameter(tensor([1])), new Parameter(tensor([1]))];
  const groups = [
    { params: [x], lr: 0.5 },
    { params: [y], lr: 0.05 },
  ];
  return { x, y, optimizer: isAdam ? optim.adam(groups) : optim.sgd(groups, { momentum: 0.9 }) };
};

type Any = optim.Schedule | optim.ReduceLROnPlateau;

const cases: Record<string, (o: optim.Scheduled) => Any> = {
  step: (o) => optim.stepLR(o, { stepSize: 3, gamma: 0.5 }),
  multiStep: (o) => optim.multiStepLR(o, { milestones: [2, 7, 7, 15], gamma: 0.3 }),
  exponential: (o) => optim.exponentialLR(o, { gamma: 0.9 }),
  polynomial: (o) => optim.polynomialLR(o, { totalIters: 10, power: 2 }),
  cosine: (o) => optim.cosineAnnealingLR(o, { tMax: 10, etaMin: 0.01 }),
  'cosine restarts': (o) => optim.cosineAnnealingWarmRestarts(o, { t0: 3, tMult: 2, etaMin: 0.01 }),
  'cosine restarts, equal': (o) => optim.cosineAnnealingWarmRestarts(o, { t0: 5 }),
  linear: (o) => optim.linearLR(o, { startFactor: 0.25, endFactor: 0.8, totalIters: 6 }),
  constant: (o) => optim.constantLR(o, { factor: 0.25, totalIters: 4 }),
  lambda: (o) => optim.lambdaLR(o, [(t) => 0.95 ** t, (t) => 1 / (1 + t)]),
  'one cycle': (o) => optim.oneCycleLR(o, { maxLr: 1, totalSteps: kSteps + 1 }),
  'one cycle, linear, three phases': (o) =>
    optim.oneCycleLR(o, {
      maxLr: [1, 0.3],
      epochs: 5,
      stepsPerEpoch: 5,
      pctStart: 0.4,
      annealStrategy: 'linear',
      baseMomentum: 0.8,
      maxMomentum: 0.9,
      divFactor: 10,
      finalDivFactor: 100,
      threePhase: true,
    }),
  'one cycle, adam': (o) => optim.oneCycleLR(o, { maxLr: 1, totalSteps: kSteps + 1, pctStart: 0.25 }),
  'one cycle, momentum alone': (o) => optim.oneCycleLR(o, { maxLr: 1, totalSteps: kSteps + 1, cycleMomentum: false }),
  sequential: (o) =>
    optim.sequentialLR(
      o,
      [
        optim.linearLR(o, { startFactor: 0.1, totalIters: 4 }),
        optim.cosineAnnealingLR(o, { tMax: 12 }),
        optim.constantLR(o, { factor: 0.01, totalIters: 100 }),
      ],
      { milestones: [4, 16] },
    ),
  chained: (o) =>
    optim.chainedLR(o, [
      optim.constantLR(o, { factor: 0.1, totalIters: 3 }),
      optim.exponentialLR(o, { gamma: 0.9 }),
      optim.stepLR(o, { stepSize: 5 }),
    ]),
  plateau: (o) => optim.reduceLROnPlateau(o, { factor: 0.5, patience: 2 }),
  'plateau, all': (o) =>
    optim.reduceLROnPlateau(o, {
      mode: 'max',
      factor: 0.3,
      patience: 1,
      threshold: 0.05,
      thresholdMode: 'abs',
      cooldown: 2,
      minLr: [0.02, 0],
      eps: 1e-5,
    }),
  'plateau, max, rel': (o) => optim.reduceLROnPlateau(o, { mode: 'max', patience: 3, threshold: 0.1 }),
  'plateau, min, abs': (o) =>
    optim.reduceLROnPlateau(o, { patience: 0, threshold: 0.02, thresholdMode: 'abs', minLr: 0.001 }),
};

const advance = (schedule: Any, step: number): void => {
  if (schedule instanceof optim.Schedule) schedule.step();
  else schedule.step(kMetrics[step]);
};
const rowOf = ({ groups }: optim.Scheduled): number[] => [
  ...groups.map(({ lr }) => lr),
  ...groups.map(({ momentum, betas }) => betas?.[0] ?? (momentum as number)),
];

describe('rates and momenta', () => {
  it('every case of the script is here', () => expect(Object.keys(cases).sort()).toEqual(Object.keys(golden).sort()));

  for (const [name, make] of Object.entries(cases))
    it(`${name}: as PyTorch over ${kSteps} steps, also from a state`, () => {
      const { optimizer } = setup(name.includes('adam'));
      const schedule = make(optimizer);
      const restored = setup(name.includes('adam')).optimizer;
      for (let step = 0; ; step++) {
        rowOf(optimizer).forEach((value, i) => {
          const expected = golden[name][step][i];
          expect(Math.abs(value - expected), `step ${step}: ${value}, not ${expected}`).toBeLessThan(1e-11);
        });
        if (step === kSteps) break;
        if (step === 11) {
          const state = JSON.parse(JSON.stringify(schedule.stateDict()));
          const other = make(restored);
          other.loadStateDict(state);
          expect(rowOf(restored)).toEqual(rowOf(optimizer));
          for (let later = 11; later < kSteps; later++) advance(other, later);
        }
        advance(schedule, step);
      }
      expect(rowOf(restored)).toEqual(rowOf(optimizer));
    });
});

describe('schedules', () => {
  it('change rate and momentum of a compiled step without a new program', async () => {
    const { x, optimizer } = setup();
    const schedule = optim.oneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 20 });
    const step = compile(() => optimizer.minimize(sum((x as T).square()) as T));
    let [value, buffer] = [1, 0];
    for (let i = 0; i < 20; i++) {
      const { lr, momentum } = optimizer.groups[0] as { lr: number; momentum: number };
      await step();
      buffer = momentum * buffer + 2 * value;
      value -= lr * buffer;
      expect(await x.item()).toBeCloseTo(value, 5);
      schedule.step();
    }
    expect(step.programs).toBe(1);
    expect(() => schedule.step()).toThrow(/^oneCycleLR: step 21 is past the end of a cycle of 20 steps/);
  });

  it('start from the rate that the optimizer was made with, unless another has been set since', () => {
    const { optimizer } = setup();
    const first = optim.exponentialLR(optimizer, { gamma: 0.5 });
    first.step();
    expect(optim.constantLR(optimizer, { factor: 1 }).rates).toEqual([0.5, 0.05]);
    optimizer.lr = 0.3;
    expect(optim.constantLR(optimizer, { factor: 1 }).rates).toEqual([0.3, 0.3]);
  });

  it('move by fractions, and serve L-BFGS', () => {
    const optimizer = optim.lbfgs([new Parameter(tensor([1]))], { lr: 1 });
    const schedule = optim.cosineAnnealingWarmRestarts(optimizer, { t0: 2 });
    schedule.step(0.5);
    expect(optimizer.lr).toBeCloseTo((1 + Math.cos(Math.PI / 4)) / 2, 12);
    schedule.step(2);
    expect(optimizer.lr).toBe(1);
  });

  it('refuse what makes no sense', () => {
    const { optimizer: o } = setup();
    const { optimizer: other } = setup();
    const bad: [() => unknown, RegExp][] = [
      [() => optim.stepLR({} as never, { stepSize: 1 }), /^stepLR: the first argument must be an optimizer/],
      [() => optim.stepLR(o, { stepSize: 0 }), /^stepLR: stepSize must be a positive integer, got 0/],
      [() => optim.exponentialLR(o, { gamma: -1 }), /^exponentialLR: gamma must be a non-negative number, got -1/],
      [() => optim.cosineAnnealingLR(o, { tMax: 1.5 }), /^cosineAnnealingLR: tMax/],
      [() => optim.lambdaLR(o, [() => 1]), /^lambdaLR: factor has 1 entries, the optimizer 2 groups/],
      [() => optim.oneCycleLR(o, { maxLr: 1 }), /^oneCycleLR: totalSteps \(or epochs/],
      [() => optim.oneCycleLR(o, { maxLr: 1, totalSteps: 9, pctStart: 2 }), /^oneCycleLR: pctStart/],
      [
        () => optim.oneCycleLR(optim.adagrad([new Parameter(tensor([1]))]), { maxLr: 1, totalSteps: 9 }),
        /neither momentum nor betas/,
      ],
      [() => optim.sequentialLR(o, [optim.constantLR(o)], { milestones: [1] }), /^sequentialLR: 1 schedules need 0/],
      [() => optim.chainedLR(o, [optim.constantLR(other)]), /^chainedLR: takes schedules of the same optimizer/],
      [() => optim.chainedLR(o, []), /^chainedLR: there are no schedules/],
      [() => optim.reduceLROnPlateau(o, { factor: 1 }), /^reduceLROnPlateau: factor/],
      [() => optim.reduceLROnPlateau(o, { minLr: [0] }), /^reduceLROnPlateau: minLr has 1 entries/],
      [() => optim.reduceLROnPlateau(o).step(undefined as never), /^reduceLROnPlateau: step takes the metric/],
      [() => optim.constantLR(o).loadStateDict({ lastEpoch: 1, baseRates: [1] }), /state is of 1 groups/],
      [() => optim.constantLR(o).step(-1), /^constantLR: steps are counted from 0/],
    ];
    for (const [call, message] of bad) expect(call).toThrow(message);
  });
});
