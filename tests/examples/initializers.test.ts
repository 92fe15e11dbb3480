/** Initialisers: the size of a signal follows the formulas of the lesson, layer by layer. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type ActivationName, type InitializerName, main, type Signal } from '../../examples/initializers.js';
import { type Ran, run } from './support.js';

const kWidth = 128;

describe('initializers', () => {
  let ran: Ran<readonly Signal[]>;
  beforeAll(async () => {
    ran = await run('initializers', main);
  });
  const layersOf = (initializer: InitializerName, activation: ActivationName) =>
    ran.result.find((found) => found.initializer === initializer && found.activation === activation)?.layers ?? [];
  /** The mean factor from one mean square to the next, from the input's 1 on. */
  const factorOf = (initializer: InitializerName, activation: ActivationName) => {
    const layers = layersOf(initializer, activation);
    return layers[layers.length - 1].rootMeanSquare ** (2 / layers.length);
  };

  it('under ReLU the mean square is multiplied by n s^2 / 2', () => {
    const expected = {
      'small Gaussian': (kWidth * 1e-4) / 2,
      'large Gaussian': kWidth / 2,
      uniform: 1 / 6,
      Xavier: 1 / 2,
      Kaiming: 1,
    } as const;
    for (const [name, factor] of Object.entries(expected)) {
      const measured = factorOf(name as InitializerName, 'ReLU') / factor;
      expect(Math.abs(Math.log(measured)), name).toBeLessThan(Math.log(1.3));
    }
  });

  it('half of the outputs of the first ReLU are 0', () => {
    for (const { activation, layers } of ran.result)
      expect(layers[0].zero).toBeCloseTo(activation === 'ReLU' ? 0.5 : 0, 1);
  });

  it('under tanh small weights let the signal die by n s^2, large ones saturate it', () => {
    const small = layersOf('small Gaussian', 'tanh');
    expect(small[9].deviation).toBeLessThan(1e-8);
    expect(factorOf('small Gaussian', 'tanh') / (kWidth * 1e-4)).toBeCloseTo(1, 1);
    for (const { large, rootMeanSquare } of layersOf('large Gaussian', 'tanh')) {
      expect(large).toBeGreaterThan(0.7);
      expect(rootMeanSquare).toBeGreaterThan(0.9);
    }
  });

  it('Xavier under tanh and Kaiming under ReLU keep it', () => {
    for (const { deviation, large } of layersOf('Xavier', 'tanh')) {
      expect(deviation).toBeGreaterThan(0.15);
      expect(deviation).toBeLessThan(0.7);
      expect(large).toBeLessThan(0.05);
    }
    for (const { rootMeanSquare } of layersOf('Kaiming', 'ReLU')) {
      expect(rootMeanSquare).toBeGreaterThan(0.5);
      expect(rootMeanSquare).toBeLessThan(2);
    }
  });

  it('counts every output that is not 0 in its histogram, and shows every initialiser', () => {
    for (const { layers } of ran.result)
      for (const { histogram, zero } of layers) {
        const counted = histogram.reduce((sum, count) => sum + count, 0);
        expect(counted / (200 * kWidth)).toBeCloseTo(1 - zero, 9);
      }
    for (const { initializer } of ran.result) expect(ran.svg).toContain(`>${initializer}<`);
  });
});
