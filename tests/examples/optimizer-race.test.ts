/** The optimiser race: what is known of the rules holds for their runs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { landscapes, main, type RaceResult, type Run } from '../../examples/optimizer-race.js';
import { tensor } from '../../src/index.js';
import { type Ran, run } from './support.js';

describe('optimizer-race', () => {
  let ran: Ran<RaceResult>;
  beforeAll(async () => {
    ran = await run('optimizer-race', main);
  });
  const of = (rule: string, landscape: string): Run =>
    ran.result.best.find((found) => found.rule === rule && found.landscape === landscape) as Run;
  const endOf = ({ path }: Run) => path[path.length - 1];
  const steps = (rule: string, landscape: string) => of(rule, landscape).arrived ?? Number.POSITIVE_INFINITY;

  it('has the least values where the landscapes say', async () => {
    for (const { f, minima, least } of landscapes)
      for (const [x, y] of minima) {
        const at = (value: number) => tensor([value], { dtype: 'float64' });
        expect(await f(at(x), at(y)).item()).toBeCloseTo(least, 12);
      }
  });

  it('runs fifteen rules on four landscapes, and shows each', () => {
    expect(new Set(ran.result.best.map(({ rule, landscape }) => `${rule} on ${landscape}`)).size).toBe(15 * 4);
    for (const { rule } of ran.result.best) expect(ran.svg).toContain(`>${rule}<`);
  });

  it('SGD must go slower than 2 / 100 in the valley, and then keeps 1 - lr of its way along it', () => {
    const { rate, heights } = of('SGD', 'long valley');
    expect(rate).toBe(0.01);
    for (const i of [10, 100, 290]) expect(heights[i + 1] / heights[i]).toBeCloseTo((1 - rate) ** 2, 6);
  });

  it('momentum beats plain SGD in the valley and in the bend', () => {
    for (const rule of ['momentum', 'Nesterov']) expect(steps(rule, 'long valley')).toBeLessThan(200);
    expect(steps('SGD', 'long valley')).toBe(Number.POSITIVE_INFINITY);
    expect(steps('momentum', 'Rosenbrock')).toBeLessThan(steps('SGD', 'Rosenbrock'));
  });

  it('L-BFGS solves all four in a few steps', () => {
    for (const { name, minima } of landscapes) {
      expect(steps('L-BFGS', name)).toBeLessThan(50);
      expect(ran.result.evaluations[name]).toBeLessThan(100);
      const [x, y] = endOf(of('L-BFGS', name));
      expect(Math.min(...minima.map((to) => Math.hypot(x - to[0], y - to[1])))).toBeLessThan(1e-4);
    }
  });

  it('everyone leaves the saddle but from exactly on its ridge', () => {
    for (const found of ran.result.best.filter(({ landscape }) => landscape === 'saddle'))
      expect(Math.abs(endOf(found)[1] - 2), found.rule).toBeLessThan(0.5);
    expect(ran.result.ridge).toHaveLength(14 * 10 + 1);
    for (const { path, rule } of ran.result.ridge)
      expect(
        path.every(([, y]) => y === 0),
        rule,
      ).toBe(true);
    expect(ran.printed).toContain('141 of 141 runs never leave it');
  });

  it('the decay of AdamW pulls it from the minimum towards 0', () => {
    const far = (rule: string) => Math.hypot(...endOf(of(rule, 'Beale')));
    expect(far('AdamW')).toBeLessThan(far('Adam') - 0.02);
  });
});
