/** The schedules of a training: which one moves on when, and their state in checkpoints. */
import { ArgumentError } from '../errors.js';
import type { EpochReport } from './callbacks.js';
import type { Monitor } from './early-stopping.js';

/** What `fit` needs of a schedule. Those of `brawn/optim` are such. */
export interface ScheduleLike {
  /** Moves on, and sets the optimizer's learning rate. */
  step(): void;
  /** Plain values, to be kept in a checkpoint. */
  stateDict(): unknown;
  loadStateDict(state: never): void;
}

/** A schedule that follows a number, such as reduce-on-plateau: its `step` declares a parameter. */
export interface MetricScheduleLike extends Omit<ScheduleLike, 'step'> {
  step(metric: number): void;
}

interface SchedulesState {
  readonly epoch: unknown;
  readonly step: unknown;
}

export class Schedules {
  constructor(
    readonly perEpoch: ScheduleLike | MetricScheduleLike | undefined,
    readonly perStep: ScheduleLike | undefined,
    readonly monitor: Monitor,
  ) {
    for (const [name, schedule] of Object.entries({ schedule: perEpoch, stepSchedule: perStep }))
      if (
        schedule &&
        [schedule.step, schedule.stateDict, schedule.loadStateDict].some((fn) => typeof fn !== 'function')
      )
        throw new ArgumentError(`fit: ${name} needs the functions step, stateDict and loadStateDict`);
    if (perStep && perStep.step.length > 0)
      throw new ArgumentError('fit: a schedule that follows a metric moves on per epoch: give it as schedule');
  }

  afterStep(): void {
    this.perStep?.step();
  }

  afterEpoch(report: EpochReport): void {
    const { perEpoch } = this;
    if (perEpoch && perEpoch.step.length > 0) perEpoch.step(this.monitor.of(report));
    else (perEpoch as ScheduleLike | undefined)?.step();
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
