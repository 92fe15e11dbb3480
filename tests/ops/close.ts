/** Comparison of arrays of numbers. */
import { expect } from 'vitest';

type Numbers = ArrayLike<number | bigint>;

/** Fails unless every element agrees to `tolerance` relative to the larger of 1 and the largest reference magnitude. */
export function expectClose(actual: Numbers, reference: Numbers, tolerance: number): void {
  expect(actual.length).toBe(reference.length);
  let scale = 1;
  for (let i = 0; i < reference.length; i++) {
    const magnitude = Math.abs(Number(reference[i]));
    if (Number.isFinite(magnitude)) scale = Math.max(scale, magnitude);
  }
  for (let i = 0; i < reference.length; i++) {
    const [a, r] = [Number(actual[i]), Number(reference[i])];
    if (Object.is(a, r) || a === r) continue;
    if (!(Math.abs(a - r) <= tolerance * scale))
      expect.fail(`element ${i} is ${a}, expected ${r} (tolerance ${tolerance} of ${scale})`);
  }
}
