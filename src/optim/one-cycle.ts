/** The one-cycle schedule of rate and momentum. */
import { ArgumentError } from '../errors.js';
import { Schedule, type Scheduled } from './schedule.js';
import { checkCount, cosine, perGroup } from './schedule-parts.js';

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

type Level = 'first' | 'max' | 'last';

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

/** One cycle of rate and momentum. @throws ArgumentError for illegal options. */
export function oneCycleLR(optimizer: Scheduled, options: OneCycleOptions): Schedule {
  return new OneCycle(optimizer, options);
}
