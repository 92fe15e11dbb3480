/**
 * What schedules of learning rates share. A schedule is a function from the rate an optimizer was made with and the
 * number of steps so far to the rate now, so that its state is that number. The schedules are in `schedules.ts` and beside.
 */
import { ArgumentError } from '../errors.js';

/** What a schedule changes in a group of an optimizer. */
export interface ScheduledGroup {
  lr: number;
  momentum?: number;
  betas?: readonly [number, number];
}

/** Any optimizer. */
export interface Scheduled {
  readonly groups: readonly ScheduledGroup[];
}

/** What a schedule needs to go on; plain numbers, fit for JSON. Its options are not part of it. */
export interface ScheduleState {
  readonly lastEpoch: number;
  readonly baseRates: readonly number[];
}

/** The rate that a group was made with, and the one that a schedule has given it since. */
const known = new WeakMap<ScheduledGroup, { base: number; given: number }>();

/** The rate to start from: the one before any schedule changed it, as PyTorch's `initial_lr`. */
function baseRate(group: ScheduledGroup): number {
  const entry = known.get(group);
  return entry?.given === group.lr ? entry.base : group.lr;
}

/** Gives a group a rate, remembering where it started. */
export function setRate(group: ScheduledGroup, base: number, lr: number): void {
  group.lr = lr;
  known.set(group, { base, given: lr });
}

/** The groups of an optimizer. @throws ArgumentError when it is none. */
export function groupsOf(where: string, optimizer: Scheduled): readonly ScheduledGroup[] {
  if (!Array.isArray(optimizer?.groups)) throw new ArgumentError(`${where}: the first argument must be an optimizer`);
  return optimizer.groups;
}

/**
 * Base of the schedules that depend on the number of steps alone. Making one sets the optimizer's rates to those of
 * step 0; `step()` goes on, once per epoch or per batch, whatever the schedule's numbers mean. Compiled steps see the
 * new rates at once and are not compiled anew.
 */
export abstract class Schedule {
  /** Steps so far. */
  lastEpoch = 0;
  readonly groups: readonly ScheduledGroup[];
  #baseRates: readonly number[];

  constructor(
    readonly where: string,
    readonly optimizer: Scheduled,
  ) {
    this.groups = groupsOf(where, optimizer);
    this.#baseRates = this.groups.map(baseRate);
  }

  /** The rate of group number `group` after `at` steps, when it starts from `base`. */
  abstract rateAt(at: number, base: number, group: number): number;

  /** The momentum (or first beta) after `at` steps; undefined for schedules that leave it alone. */
  momentumAt(_at: number): number | undefined {
    return undefined;
  }

  /** One step on, or to step number `at`, which may be a fraction. */
  step(at = this.lastEpoch + 1): void {
    if (!(at >= 0)) throw new ArgumentError(`${this.where}: steps are counted from 0, got ${at}`);
    const rates = this.#ratesAt(at);
    this.lastEpoch = at;
    this.#apply(rates);
  }

  /** The rates now, by group. */
  get rates(): readonly number[] {
    return this.#ratesAt(this.lastEpoch);
  }

  #ratesAt(at: number): number[] {
    return this.#baseRates.map((base, group) => this.rateAt(at, base, group));
  }

  #apply(rates: readonly number[]): void {
    const momentum = this.momentumAt(this.lastEpoch);
    this.groups.forEach((group, i) => {
      setRate(group, this.#baseRates[i], rates[i]);
      if (momentum === undefined) return;
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else group.momentum = momentum;
    });
  }

  /** Sets the rates of step 0; constructors call it when they are done. */
  protected start(): this {
    this.#apply(this.#ratesAt(0));
    return this;
  }

  stateDict(): ScheduleState {
    return { lastEpoch: this.lastEpoch, baseRates: this.#baseRates };
  }

  /** Goes on from a state, and sets its rates. @throws ArgumentError when it is of another number of groups. */
  loadStateDict({ lastEpoch, baseRates }: ScheduleState): void {
    if (!(lastEpoch >= 0) || baseRates?.length !== this.groups.length)
      throw new ArgumentError(
        `${this.where}: the state is of ${baseRates?.length} groups, the optimizer has ${this.groups.length}`,
      );
    this.#baseRates = [...baseRates];
    this.lastEpoch = lastEpoch;
    this.#apply(this.#ratesAt(lastEpoch));
  }
}
