/**
 * Schedules of learning rates, with PyTorch's names, defaults and numbers (`torch.optim.lr_scheduler`). In the formulas
 * t counts calls of `step`, from 0.
 */
import { ArgumentError } from '../errors.js';
import { groupsOf, Schedule, type Scheduled, type ScheduledGroup, setRate } from './schedule.js';

function checkCount(where: string, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`${where}: ${name} must be a positive integer, got ${value}`);
}

function checkNumber(where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ArgumentError(`${where}: ${name} must be a non-negative number, got ${value}`);
}

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

const cosine = (share: number, from: number, to: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;

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

function perGroup<T>(where: string, name: string, given: T | readonly T[], count: number): readonly T[] {
  const list = Array.isArray(given) ? (given as readonly T[]) : Array.from({ length: count }, () => given as T);
  if (list.length !== count)
    throw new ArgumentError(`${where}: ${name} has ${list.length} entries, the optimizer ${count} groups`);
  return list;
}

/** Options of `oneCycleLR`. */
export interface OneCycleOptions {
  /** The largest rate, for all groups or for each. */
  readonly maxLr: number | readonly number[];
  /** Length of the cycle; or epochs and stepsPerEpoch, whose product it is. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** Share of the steps in which the rate rises; 0.3 unless told. */
  readonly pctStart?: number;
  /** `'cos'` unless told. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Move momentum (or the first beta) the other way; true unless told. */
  readonly cycleMomentum?: boolean;
  /** The smallest momentum; 0.85 unless told. */
  readonly baseMomentum?: number;
  /** The largest momentum; 0.95 unless told. */
  readonly maxMomentum?: number;
  /** The first rate is maxLr / divFactor; 25 unless told. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor; 1e4 unless told. */
  readonly finalDivFactor?: number;
  /** Fall to the first rate as fast as it rose, then to the last; false unless told. */
  readonly threePhase?: boolean;
}

/**
 * One rise of the rate to `maxLr` and one fall far below the first, momentum the other way; the optimizer's own rate is
 * not used. Smith and Topin, "Super-Convergence", 2018. @throws ArgumentError for illegal options, and from `step` past
 * the end.
 */
class OneCycle extends Schedule {
  readonly #phases: readonly { end: number; rates: readonly [Level, Level] }[];
  readonly #maxRates: readonly number[];
  readonly #options: Required<Omit<OneCycleOptions, 'totalSteps' | 'epochs' | 'stepsPerEpoch'>>;
  readonly #total: number;

  constructor(optimizer: Scheduled, options: OneCycleOptions) {
    super('oneCycleLR', optimizer);
    const { totalSteps, epochs = 0, stepsPerEpoch = 0 } = options;
    this.#total = totalSteps ?? epochs * stepsPerEpoch;
    checkCount(this.where, 'totalSteps (or epochs times stepsPerEpoch)', this.#total);
    this.#options = {
      pctStart: 0.3,
      annealStrategy: 'cos',
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      ...options,
    };
    const { pctStart, annealStrategy, cycleMomentum, threePhase, divFactor, finalDivFactor } = this.#options;
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new ArgumentError(`${this.where}: pctStart must lie between 0 and 1, got ${pctStart}`);
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear')
      throw new ArgumentError(`${this.where}: annealStrategy must be 'cos' or 'linear', got ${annealStrategy}`);
    if (!(divFactor > 0 && finalDivFactor > 0))
      throw new ArgumentError(`${this.where}: divFactor and finalDivFactor must be positive`);
    if (cycleMomentum && this.groups.some((group) => group.momentum === undefined && !group.betas))
      throw new ArgumentError(`${this.where}: the optimizer has neither momentum nor betas; set cycleMomentum: false`);
    this.#maxRates = perGroup(this.where, 'maxLr', options.maxLr, this.groups.length);
    const rise = pctStart * this.#total - 1;
    const last = this.#total - 1;
    this.#phases = threePhase
      ? [
          { end: rise, rates: ['first', 'max'] },
          { end: 2 * pctStart * this.#total - 2, rates: ['max', 'first'] },
          { end: last, rates: ['first', 'last'] },
        ]
      : [
          { end: rise, rates: ['first', 'max'] },
          { end: last, rates: ['max', 'last'] },
        ];
    this.start();
  }

  /** The phase of step `at`, and how far it is. */
  #phaseAt(at: number): { rates: readonly [Level, Level]; share: number } {
    if (at > this.#total)
      throw new ArgumentError(`${this.where}: step ${at} is past the end of a cycle of ${this.#total} steps`);
    let start = 0;
    for (const { end, rates } of this.#phases) {
      if (at <= end || end === this.#total - 1) return { rates, share: (at - start) / (end - start) };
      start = end;
    }
    throw new ArgumentError(`${this.where}: there is no step ${at}`);
  }

  #between(from: number, to: number, share: number): number {
    return this.#options.annealStrategy === 'cos' ? cosine(share, from, to) : from + (to - from) * share;
  }

  override rateAt(at: number, _base: number, group: number): number {
    const { divFactor, finalDivFactor } = this.#options;
    const max = this.#maxRates[group];
    const levels = { first: max / divFactor, max, last: max / divFactor / finalDivFactor };
    const { rates, share } = this.#phaseAt(at);
    return this.#between(levels[rates[0]], levels[rates[1]], share);
  }

  override momentumAt(at: number): number | undefined {
    const { cycleMomentum, baseMomentum, maxMomentum } = this.#options;
    if (!cycleMomentum) return undefined;
    const levels = { first: maxMomentum, max: baseMomentum, last: maxMomentum };
    const { rates, share } = this.#phaseAt(at);
    return this.#between(levels[rates[0]], levels[rates[1]], share);
  }
}

type Level = 'first' | 'max' | 'last';

/** One cycle of rate and momentum. @throws ArgumentError for illegal options. */
export function oneCycleLR(optimizer: Scheduled, options: OneCycleOptions): Schedule {
  return new OneCycle(optimizer, options);
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

/** Options of `reduceLROnPlateau`. */
export interface PlateauOptions {
  /** Whether the metric should fall (`'min'`, unless told) or rise. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied with; 0.1 unless told. */
  readonly factor?: number;
  /** So many steps without improvement are borne; 10 unless told. */
  readonly patience?: number;
  /** An improvement by less is none; 1e-4 unless told. */
  readonly threshold?: number;
  /** Whether `threshold` is a share of the best (`'rel'`, unless told) or a difference. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction in which nothing is counted; 0 unless told. */
  readonly cooldown?: number;
  /** Least rate, for all groups or for each; 0 unless told. */
  readonly minLr?: number | readonly number[];
  /** Smaller changes of the rate are left out; 1e-8 unless told. */
  readonly eps?: number;
}

/** What a `ReduceLROnPlateau` needs to go on. `best` is null before the first step. */
export interface PlateauState {
  readonly lastEpoch: number;
  readonly best: number | null;
  readonly badSteps: number;
  readonly cooldownLeft: number;
  readonly rates: readonly number[];
}

/** Lowers the rate when a metric has stopped improving. NaN is no improvement. */
export class ReduceLROnPlateau {
  readonly where = 'reduceLROnPlateau';
  /** Steps so far. */
  lastEpoch = 0;
  readonly groups: readonly ScheduledGroup[];
  readonly #options: Required<Omit<PlateauOptions, 'minLr'>>;
  readonly #minRates: readonly number[];
  #best: number | null = null;
  #badSteps = 0;
  #cooldownLeft = 0;

  constructor(
    readonly optimizer: Scheduled,
    options: PlateauOptions = {},
  ) {
    this.groups = groupsOf(this.where, optimizer);
    const defaults = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      eps: 1e-8,
    } as const;
    this.#options = { ...defaults, ...options };
    const { mode, factor, patience, threshold, thresholdMode, cooldown, eps } = this.#options;
    if (!(factor >= 0 && factor < 1))
      throw new ArgumentError(`${this.where}: factor must be from 0 up to but not including 1, got ${factor}`);
    if (mode !== 'min' && mode !== 'max')
      throw new ArgumentError(`${this.where}: mode must be 'min' or 'max', got ${mode}`);
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs')
      throw new ArgumentError(`${this.where}: thresholdMode must be 'rel' or 'abs', got ${thresholdMode}`);
    this.#minRates = perGroup(this.where, 'minLr', options.minLr ?? 0, this.groups.length);
    const minRates = Object.fromEntries(this.#minRates.map((rate, i) => [`minLr ${i}`, rate]));
    checkNumber(this.where, { patience, threshold, cooldown, eps, ...minRates });
  }

  /** The rates now, by group. */
  get rates(): readonly number[] {
    return this.groups.map(({ lr }) => lr);
  }

  /** As PyTorch calls `stepMetric`. */
  step(metric?: number): void {
    this.stepMetric(metric as number);
  }

  /** Takes the metric of one more epoch (or batch) and lowers the rates if it is time. */
  stepMetric(metric: number): void {
    if (typeof metric !== 'number')
      throw new ArgumentError(`${this.where}: step takes the metric, got ${typeof metric}`);
    this.lastEpoch++;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badSteps = 0;
    } else this.#badSteps++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badSteps = 0;
    }
    if (this.#badSteps <= this.#options.patience) return;
    this.groups.forEach((group, i) => {
      const lower = Math.max(group.lr * this.#options.factor, this.#minRates[i]);
      if (group.lr - lower > this.#options.eps) setRate(group, group.lr, lower);
    });
    this.#cooldownLeft = this.#options.cooldown;
    this.#badSteps = 0;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    if (this.#best === null) return Number.isFinite(metric);
    const margin = thresholdMode === 'rel' ? this.#best * threshold : threshold;
    return mode === 'min' ? metric < this.#best + sign * margin : metric > this.#best + sign * margin;
  }

  stateDict(): PlateauState {
    const [best, badSteps, cooldownLeft] = [this.#best, this.#badSteps, this.#cooldownLeft];
    return { lastEpoch: this.lastEpoch, best, badSteps, cooldownLeft, rates: this.rates };
  }

  /** Goes on from a state, and sets its rates. @throws ArgumentError when it is of another number of groups. */
  loadStateDict({ lastEpoch, best, badSteps, cooldownLeft, rates }: PlateauState): void {
    if (rates?.length !== this.groups.length)
      throw new ArgumentError(
        `${this.where}: the state is of ${rates?.length} groups, the optimizer has ${this.groups.length}`,
      );
    this.lastEpoch = lastEpoch;
    this.#best = best;
    this.#badSteps = badSteps;
    this.#cooldownLeft = cooldownLeft;
    this.groups.forEach((group, i) => {
      setRate(group, rates[i], rates[i]);
    });
  }
}

/** Lowers the rate when a metric has stopped improving: `stepMetric(value)`. @throws ArgumentError for illegal options. */
export function reduceLROnPlateau(optimizer: Scheduled, options: PlateauOptions = {}): ReduceLROnPlateau {
  return new ReduceLROnPlateau(optimizer, options);
}
