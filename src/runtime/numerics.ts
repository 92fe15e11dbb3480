/** Whether kernels may round differently for speed; and what identifies a plan beside its graph. */
import type { Numerics } from '../graph/node.js';
import type { PlanOptions } from '../plan/plan.js';
import { isAnomalyMode } from './anomaly.js';
import { oneOf } from './setting.js';
import { getTuning, measureForPlans } from './tuning.js';

const all: readonly Numerics[] = ['fast', 'strict'];
let chosen: Numerics | undefined;

/**
 * `fast` (the default) lets 3x3 and 5x5 float32 convolutions run as Winograd convolutions, whose error relative to the
 * output's norm is up to 3e-5 where a direct convolution has 1e-6, and folds scales into frozen weights; `strict` does neither.
 * Applies to programs compiled from now on. `BRAWN_NUMERICS` sets it at start.
 */
export function setNumerics(numerics: Numerics): void {
  chosen = checkNumerics(numerics, 'setNumerics');
}

/** `numerics` itself. @throws ArgumentError that starts with `where` when it is neither `fast` nor `strict`. */
export function checkNumerics(numerics: string, where: string): Numerics {
  return oneOf(all, numerics, where, 'numerics');
}

/** The numerics in use. @throws ArgumentError when `BRAWN_NUMERICS` names none. */
export function getNumerics(): Numerics {
  chosen ??= checkNumerics(process.env.BRAWN_NUMERICS || 'fast', 'BRAWN_NUMERICS');
  return chosen;
}

/** The options of plans made now. */
export const planOptions = (numerics = getNumerics(), memoryBudget?: number): PlanOptions => ({
  anomaly: isAnomalyMode(),
  numerics,
  measure: measureForPlans(),
  memoryBudget,
});

/** Tells programs apart that are made of equal graphs under different options. */
export const planKey = (numerics = getNumerics()): string =>
  `${isAnomalyMode() ? 'anomaly ' : ''}${numerics} ${getTuning() ?? ''} `;
