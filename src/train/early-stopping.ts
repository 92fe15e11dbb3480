/** Early stopping: the best epoch by one number, and how long ago it was. */
import { ArgumentError } from '../errors.js';
import type { EpochReport } from './callbacks.js';
import type { Metric } from './metrics.js';

/** Options of early stopping. */
export interface EarlyStoppingOptions {
  /** Epochs without progress after which training ends. */
  readonly patience: number;
  /** How much better counts as progress; anything unless told. */
  readonly minDelta?: number;
  /** Give the model the weights of the best epoch at the end; true unless told. */
  readonly restoreBest?: boolean;
}

/** Which number says how good an epoch is, such as `validation.loss` or `train.accuracy`. */
export class Monitor {
  readonly higherIsBetter: boolean;
  readonly #part: 'train' | 'validation';
  readonly #name: string;

  constructor(
    readonly key: string,
    metrics: Readonly<Record<string, Metric>>,
    hasValidation: boolean,
  ) {
    const known = ['loss', ...Object.keys(metrics)];
    const parts = hasValidation ? ['validation', 'train'] : ['train'];
    const names = parts.flatMap((part) => known.map((name) => `${part}.${name}`));
    if (!names.includes(key))
      throw new ArgumentError(`fit: monitor ${JSON.stringify(key)} is not among ${names.join(', ')}`);
    const dot = key.indexOf('.');
    this.#part = key.slice(0, dot) as 'train' | 'validation';
    this.#name = key.slice(dot + 1);
    this.higherIsBetter = this.#name === 'loss' ? false : (metrics[this.#name].higherIsBetter ?? true);
  }

  /** @throws ArgumentError when it is a table. */
  of(report: EpochReport): number {
    const value = report[this.#part]?.[this.#name];
    if (typeof value !== 'number') throw new ArgumentError(`fit: monitor ${this.key} is no number`);
    return value;
  }

  /** Whether `value` beats `best` by more than `minDelta`. */
  isBetter(value: number, best: number | undefined, minDelta = 0): boolean {
    if (best === undefined) return !Number.isNaN(value);
    return this.higherIsBetter ? value > best + minDelta : value < best - minDelta;
  }
}

/** Where early stopping stands; kept in checkpoints. */
export interface EarlyState {
  readonly best: number | undefined;
  /** 0 before the first. */
  readonly bestEpoch: number;
}

export class EarlyStopping {
  state: EarlyState = { best: undefined, bestEpoch: 0 };

  constructor(
    readonly monitor: Monitor,
    readonly options: EarlyStoppingOptions,
  ) {
    if (!Number.isSafeInteger(options.patience) || options.patience < 1)
      throw new ArgumentError(
        `fit: earlyStopping.patience must be a whole number of at least 1, got ${options.patience}`,
      );
    if (!((options.minDelta ?? 0) >= 0))
      throw new ArgumentError(`fit: earlyStopping.minDelta must not be negative, got ${options.minDelta}`);
  }

  /** Takes an epoch in; gives whether it is the best so far. */
  take(report: EpochReport): boolean {
    const value = this.monitor.of(report);
    if (!this.monitor.isBetter(value, this.state.best, this.options.minDelta)) return false;
    this.state = { best: value, bestEpoch: report.epoch };
    return true;
  }

  /** Whether `epoch` is the one after which nothing more is hoped for. */
  isOver(epoch: number): boolean {
    return epoch - this.state.bestEpoch >= this.options.patience;
  }
}
