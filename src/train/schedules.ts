/** The schedules of a training: which one moves on when, and their state in checkpoints. */
import { ArgumentError } from '../errors.js';
import type { EpochReport } from './callbacks.js';
import type { Monitor } from './early-stopping.js';

/** What `fit` needs of a schedule. Those of `brawn/optim` are such. */
export interface ScheduleLike {
  /** Moves on, and sets the optimizer's learning rate. */
  step(): void;
  /** In place of `step` for schedules that follow a number, such as reduce-on-plateau. */
  stepMetric?(value: number): void;
  /** Plain values, to be kept in a checkpoint. */
  stateDict(): unknown;
  loadStateDict(state: never): void;
}

interface SchedulesState {
  readonly epoch: unknown;
  readonly step: unknown;
}

export class Schedules {
  constructor(
    readonly perEpoch: ScheduleLike | undefined,
    readonly perStep: ScheduleLike | undefined,
    readonly monitor: Monitor,
  ) {
    for (const [name, schedule] of Object.entries({ schedule: perEpoch, stepSchedule: perStep }))
      if (schedule && typeof (schedule.stepMetric ?? schedule.step) !== 'function')
        throw new ArgumentError(`fit: ${name} has neither step() nor stepMetric()`);
  }

  afterStep(): void {
    this.perStep?.step();
  }

  afterEpoch(report: EpochReport): void {
    if (this.perEpoch?.stepMetric) this.perEpoch.stepMetric(this.monitor.of(report));
    else this.perEpoch?.step();
  }

  state(): SchedulesState {
    return { epoch: this.perEpoch?.stateDict(), step: this.perStep?.stateDict() };
  }

  /** Throws unless the state is of as many schedules. */
  check(state: unknown, path: string): void {
    const { epoch, step } = state as SchedulesState;
    if (
      (epoch === undefined) !== (this.perEpoch === undefined) ||
      (step === undefined) !== (this.perStep === undefined)
    )
      throw new ArgumentError(`fit: ${path} is of a training with other schedules than are given here`);
  }

  restore(state: unknown): void {
    const { epoch, step } = state as SchedulesState;
    this.perEpoch?.loadStateDict(epoch as never);
    this.perStep?.loadStateDict(step as never);
  }
}
