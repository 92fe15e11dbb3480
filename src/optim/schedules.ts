/**
 * Schedules of learning rates, with PyTorch's names, defaults and numbers (`torch.optim.lr_scheduler`). In the formulas
 * t counts calls of `step`, from 0. `oneCycleLR` and `reduceLROnPlateau` have files of their own.
 */
import { ArgumentError } from '../errors.js';
import { groupsOf, Schedule, type Scheduled } from './schedule.js';
import { checkCount, checkNumber, cosine, perGroup } from './schedule-parts.js';

/** A schedule given by its formula. */
class FormulaSchedule extends Schedule {
  constructor(
    where: string,
    optimizer: Scheduled,
    readonly formula: (t: number, base: number, group: number) => number,
  ) {
    super(where, optimizer);
    this.start();
  }

  override rateAt(at: number, base: number, group: number): number {
    return this.formula(at, base, group);
  }
}

/** lr gamma^floor(t / stepSize); gamma is 0.1 unless told. @throws ArgumentError for illegal options. */
export function stepLR(
  optimizer: Scheduled,
  { stepSize, gamma = 0.1 }: { readonly stepSize: number; readonly gamma?: number },
): Schedule {
  checkCount('stepLR', 'stepSize', stepSize);
  checkNumber('stepLR', { gamma });
  return new FormulaSchedule('stepLR', optimizer, (t, base) => base * gamma ** Math.floor(t / stepSize));
}

/** lr gamma^(milestones passed); gamma is 0.1 unless told. @throws ArgumentError for illegal options. */
export function multiStepLR(
  optimizer: Scheduled,
  { milestones, gamma = 0.1 }: { readonly milestones: readonly number[]; readonly gamma?: number },
): Schedule {
  checkNumber('multiStepLR', { gamma, ...Object.fromEntries(milestones.map((at, i) => [`milestone ${i}`, at])) });
  const passed = (t: number) => milestones.filter((milestone) => milestone <= t).length;
  return new FormulaSchedule('multiStepLR', optimizer, (t, base) => base * gamma ** passed(t));
}

/** lr gamma^t. @throws ArgumentError for illegal options. */
export function exponentialLR(optimizer: Scheduled, { gamma }: { readonly gamma: number }): Schedule {
  checkNumber('exponentialLR', { gamma });
  return new FormulaSchedule('exponentialLR', optimizer, (t, base) => base * gamma ** t);
}

/** lr (1 - t / totalIters)^power until 0 at totalIters (5 unless told); power is 1 unless told. */
export function polynomialLR(
  optimizer: Scheduled,
  { totalIters = 5, power = 1 }: { readonly totalIters?: number; readonly power?: number } = {},
): Schedule {
  checkCount('polynomialLR', 'totalIters', totalIters);
  checkNumber('polynomialLR', { power });
  return new FormulaSchedule(
    'polynomialLR',
    optimizer,
    (t, base) => base * (1 - Math.min(t, totalIters) / totalIters) ** power,
  );
}

/**
 * etaMin + (lr - etaMin)(1 + cos(pi t / tMax)) / 2, back up after tMax; etaMin is 0 unless told. Loshchilov and Hutter,
 * "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017. @throws ArgumentError for illegal options.
 */
export function cosineAnnealingLR(
  optimizer: Scheduled,
  { tMax, etaMin = 0 }: { readonly tMax: number; readonly etaMin?: number },
): Schedule {
  checkCount('cosineAnnealingLR', 'tMax', tMax);
  checkNumber('cosineAnnealingLR', { etaMin });
  return new FormulaSchedule('cosineAnnealingLR', optimizer, (t, base) => cosine(t / tMax, base, etaMin));
}

/**
 * Cosine to etaMin (0 unless told) over t0 steps, then anew from lr over t0 tMult, t0 tMult^2, ... steps; tMult is 1
 * unless told. `step(epoch + batch / batches)` moves it by fractions. The same paper.
 * @throws ArgumentError for illegal options.
 */
export function cosineAnnealingWarmRestarts(
  optimizer: Scheduled,
  { t0, tMult = 1, etaMin = 0 }: { readonly t0: number; readonly tMult?: number; readonly etaMin?: number },
): Schedule {
  const where = 'cosineAnnealingWarmRestarts';
  checkCount(where, 't0', t0);
  checkCount(where, 'tMult', tMult);
  checkNumber(where, { etaMin });
  return new FormulaSchedule(where, optimizer, (t, base) => {
    let [rest, length] = [tMult === 1 ? t % t0 : t, t0];
    while (rest >= length) {
      rest -= length;
      length *= tMult;
    }
    return cosine(rest / length, base, etaMin);
  });
}

/** Factors of `linearLR`. */
export interface LinearOptions {
  /** 1/3 unless told. */
  readonly startFactor?: number;
  /** 1 unless told. */
  readonly endFactor?: number;
  /** 5 unless told. */
  readonly totalIters?: number;
}

/** lr times a factor that goes from startFactor to endFactor in totalIters steps: a warm-up, unless told otherwise. */
export function linearLR(
  optimizer: Scheduled,
  { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: LinearOptions = {},
): Schedule {
  checkCount('linearLR', 'totalIters', totalIters);
  checkNumber('linearLR', { startFactor, endFactor });
  return new FormulaSchedule(
    'linearLR',
    optimizer,
    (t, base) => base * (startFactor + ((endFactor - startFactor) * Math.min(t, totalIters)) / totalIters),
  );
}

/** lr factor (1/3 unless told) for totalIters steps (5 unless told), then lr. */
export function constantLR(
  optimizer: Scheduled,
  { factor = 1 / 3, totalIters = 5 }: { readonly factor?: number; readonly totalIters?: number } = {},
): Schedule {
  checkCount('constantLR', 'totalIters', totalIters);
  checkNumber('constantLR', { factor });
  return new FormulaSchedule('constantLR', optimizer, (t, base) => (t < totalIters ? base * factor : base));
}

/** lr times a function of t: one for all groups, or one for each. @throws ArgumentError for another number of them. */
export function lambdaLR(
  optimizer: Scheduled,
  factor: ((t: number) => number) | readonly ((t: number) => number)[],
): Schedule {
  const count = groupsOf('lambdaLR', optimizer).length;
  const factors = perGroup('lambdaLR', 'factor', factor, count);
  return new FormulaSchedule('lambdaLR', optimizer, (t, base, group) => base * factors[group](t));
}

function checkParts(where: string, optimizer: Scheduled, schedules: readonly Schedule[]): void {
  if (schedules.length === 0) throw new ArgumentError(`${where}: there are no schedules`);
  for (const schedule of schedules)
    if (!(schedule instanceof Schedule) || schedule.optimizer !== optimizer)
      throw new ArgumentError(`${where}: takes schedules of the same optimizer that depend on the step alone`);
}

class Sequential extends Schedule {
  constructor(
    optimizer: Scheduled,
    readonly schedules: readonly Schedule[],
    readonly milestones: readonly number[],
  ) {
    super('sequentialLR', optimizer);
    checkParts(this.where, optimizer, schedules);
    if (milestones.length !== schedules.length - 1 || milestones.some((at, i) => !(at > (milestones[i - 1] ?? 0))))
      throw new ArgumentError(
        `${this.where}: ${schedules.length} schedules need ${schedules.length - 1} growing milestones, got [${milestones.join(', ')}]`,
      );
    this.start();
  }

  #part(at: number): [Schedule, number] {
    const index = this.milestones.filter((milestone) => milestone <= at).length;
    return [this.schedules[index], at - (index > 0 ? this.milestones[index - 1] : 0)];
  }

  override rateAt(at: number, base: number, group: number): number {
    const [schedule, own] = this.#part(at);
    return schedule.rateAt(own, base, group);
  }

  override momentumAt(at: number): number | undefined {
    const [schedule, own] = this.#part(at);
    return schedule.momentumAt(own);
  }
}

/**
 * One schedule after the other: number i + 1 starts from its step 0 at `milestones[i]`. Only the whole is stepped. A
 * warm-up is a `linearLR` before another.
 * @throws ArgumentError unless all are of the optimizer and there is one milestone less than schedules.
 */
export function sequentialLR(
  optimizer: Scheduled,
  schedules: readonly Schedule[],
  { milestones }: { readonly milestones: readonly number[] },
): Schedule {
  return new Sequential(optimizer, schedules, milestones);
}

class Chained extends Schedule {
  constructor(
    optimizer: Scheduled,
    readonly schedules: readonly Schedule[],
  ) {
    super('chainedLR', optimizer);
    checkParts(this.where, optimizer, schedules);
    this.start();
  }

  override rateAt(at: number, base: number, group: number): number {
    return this.schedules.reduce((rate, schedule) => schedule.rateAt(at, rate, group), base);
  }

  override momentumAt(at: number): number | undefined {
    return this.schedules.map((schedule) => schedule.momentumAt(at)).findLast((momentum) => momentum !== undefined);
  }
}

/**
 * All schedules at once: each is applied to the rate that the one before it gives (as
 * `torch.optim.lr_scheduler.ChainedScheduler`). Only the whole is stepped. @throws ArgumentError unless all are of the
 * optimizer.
 */
export function chainedLR(optimizer: Scheduled, schedules: readonly Schedule[]): Schedule {
  return new Chained(optimizer, schedules);
}
