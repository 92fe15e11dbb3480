import { describe, expect, it } from 'vitest';
import { byAutograd, byHand, checkEqual, lesson, main, type Pass } from '../../examples/backprop-by-hand.js';
import { run } from './support.js';

describe('back-propagation by hand', () => {
  it('equals autograd to 1e-12, step after step, and says so', async () => {
    const { result, printed, svg } = await run('backprop-by-hand', main);
    expect(result.difference).toBeLessThanOrEqual(1e-12);
    expect(result.outputs.at(-1)).toBeGreaterThan(result.outputs[0]);
    expect(printed).toContain('Autograd finds the same values, deltas and weights');
    // Every value, delta and new weight of the first step is printed and drawn.
    const { y, delta, updated } = result.first;
    for (const value of [...y.flat(), ...delta.flat(), ...updated.flat(2)]) {
      expect(printed).toContain(value.toFixed(6));
      expect(svg).toContain(value.toFixed(4).replace('-', '−'));
    }
  });

  it('agrees with finite differences of the cost', () => {
    const cost = (layers: typeof lesson.layers) => (lesson.z - byHand({ ...lesson, layers }).y[2][0]) ** 2 / 2;
    const { updated } = byHand(lesson);
    for (const [l, weights] of lesson.layers.entries())
      for (const [j, row] of weights.entries())
        for (const [i, w] of row.entries()) {
          const moved = (by: number) => {
            const layers = structuredClone(lesson.layers) as number[][][];
            layers[l][j][i] += by;
            return cost(layers);
          };
          const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
          expect((w - updated[l][j][i]) / lesson.eta).toBeCloseTo(slope, 9);
        }
  });

  it('would fail with any wrong sign', async () => {
    const autograd = await byAutograd(lesson);
    expect(() => checkEqual(byHand({ ...lesson, eta: -lesson.eta }), autograd)).toThrow(/differ by/);

    const right = byHand(lesson);
    const flip = (pass: Pass, part: keyof Pass, at: number): Pass => {
      const wrong = structuredClone(pass) as unknown as Record<keyof Pass, unknown[]>;
      const rows = wrong[part].flatMap((layer) => (part === 'updated' ? (layer as number[][]) : [layer as number[]]));
      const places = rows.flatMap((row) => row.map((_, i) => [row, i] as const));
      const [row, i] = places[at];
      row[i] = -row[i];
      return wrong as unknown as Pass;
    };
    expect(checkEqual(right, autograd)).toBeLessThan(1e-12);
    for (const [part, count] of [
      ['y', 6],
      ['delta', 6],
      ['updated', 14],
    ] as const)
      for (let at = 0; at < count; at++)
        expect(() => checkEqual(flip(right, part, at), autograd), `${part} ${at}`).toThrow(/differ by/);
  });
});
