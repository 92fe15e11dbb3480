/** The schedule that follows a metric. */
import { ArgumentError } from '../errors.js';
import { groupsOf, type Scheduled, type ScheduledGroup, setRate } from './schedule.js';
import { checkNumber, perGroup } from './schedule-parts.js';

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
