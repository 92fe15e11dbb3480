import { expect, it } from 'vitest';
import { leastSquares, main } from '../../examples/regression.js';
import { run } from './support.js';

it('reaches the known solutions, with all examples at once, with some and with one', async () => {
  const { result, svg, printed } = await run('regression', main);

  const tolerances = [1e-3, 0.02, 0.06];
  expect(result.linear).toHaveLength(3);
  result.linear.forEach((theta, i) => {
    theta.forEach((value, j) => {
      expect(Math.abs(value - result.best[j]), `parameter ${j} of way ${i}`).toBeLessThan(tolerances[i]);
    });
  });
  // The data were made with slope 1.5, bias -0.5 and noise.
  expect(result.best[0]).toBeCloseTo(1.5, 0);
  expect(result.best[1]).toBeCloseTo(-0.5, 0);

  expect(result.logistic.map(({ accuracy }) => accuracy)).toEqual([1, 1, 1]);
  for (const { degreesOff } of result.logistic) expect(degreesOff).toBeLessThan(3);

  for (const name of ['full batch', 'mini-batches of 10', 'stochastic: one by one']) {
    expect(svg).toContain(name);
    expect(printed).toContain(name);
  }
});

it('least squares by the formula goes through points on a line', () => {
  const [w, b] = leastSquares(Float64Array.of(0, 1, 2, 5), Float64Array.of(1, 3, 5, 11));
  expect(w).toBeCloseTo(2, 12);
  expect(b).toBeCloseTo(1, 12);
});
