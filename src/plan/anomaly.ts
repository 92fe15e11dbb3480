/** Anomaly mode's instrumentation: a check after every step that writes floats. */
import { isFloat, shortOf } from '../dtype.js';
import { sizeOf } from '../shape.js';
import { isWhole, operandsOf, type Step, type StepList } from './ir.js';

/** The list with a `check_finite` step after each step that makes floats; the program stops at the first NaN or Inf. */
export function checkFinite(list: StepList): StepList {
  const steps: Step[] = [];
  let { commitStart } = list;
  list.steps.forEach((step, index) => {
    steps.push(step);
    // What comes after the commit are copies of values that have been looked at.
    if (index >= list.commitStart) return;
    // Constants and copies make nothing: what they hold came from the user, or has been looked at.
    if (step.kernel === 'elementwise' && step.code?.instructions.length === 0) return;
    for (const made of operandsOf(step.writes)) {
      if (!isFloat(made.dtype) || !isWhole(made) || sizeOf(made.shape) === 0) continue;
      steps.push({
        kernel: `check_finite_${shortOf(made.dtype)}`,
        reads: { x: made },
        writes: {},
        params: { n: sizeOf(made.shape) },
        label: step.label,
        flops: 0,
        inPlace: [],
        scope: step.scope,
        site: step.site,
      });
      commitStart++;
    }
  });
  return { ...list, steps, commitStart };
}
