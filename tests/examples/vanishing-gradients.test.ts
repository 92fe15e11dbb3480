/** Vanishing gradients: on MNIST where ../shared/data has it, else on the package's own digits. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Kind, type Learnt, main } from '../../examples/vanishing-gradients.js';
import { type Ran, run } from './support.js';

const mnist = fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url));
const data = existsSync(mnist) ? mnist : undefined;

describe(`vanishing-gradients on ${data ? 'MNIST' : 'drawn digits (../shared/data has no MNIST)'}`, () => {
  let ran: Ran<readonly Learnt[]>;
  beforeAll(async () => {
    ran = await run('vanishing-gradients', (options) => main({ ...options, data }));
  });
  const of = (kind: Kind) => ran.result.find((found) => found.kind === kind) as Learnt;
  const lastAccuracy = (kind: Kind) => of(kind).accuracy[of(kind).accuracy.length - 1].value;

  it('twenty layers of sigmoids leave less than a quarter of the gradient per layer, and learn nothing', () => {
    const { normsBefore, normsAfter } = of('sigmoid');
    expect(normsBefore).toHaveLength(20);
    for (let layer = 4; layer < 19; layer++)
      expect(normsBefore[layer - 1] / normsBefore[layer], `layer ${layer}`).toBeLessThan(0.5);
    for (const norms of [normsBefore, normsAfter]) expect(norms[0] / norms[19]).toBeLessThan(4 ** -16);
    expect(lastAccuracy('sigmoid')).toBeLessThan(0.2);
    expect(of('sigmoid').loss).toBeGreaterThan(2.2);
  });

  it('tanh and ReLU keep the gradient alive with the right first values', () => {
    for (const kind of ['tanh', 'ReLU'] as const) {
      const { normsBefore } = of(kind);
      expect(Math.max(...normsBefore) / Math.min(...normsBefore), kind).toBeLessThan(100);
    }
  });

  it('twenty highway layers learn', () => {
    const { normsBefore, loss } = of('highway');
    expect(Math.max(...normsBefore) / Math.min(...normsBefore)).toBeLessThan(100);
    expect(lastAccuracy('highway')).toBeGreaterThan(0.75);
    expect(loss).toBeLessThan(0.8);
  });

  it('shows every kind', () => {
    for (const { kind } of ran.result) expect(ran.svg).toContain(`>${kind}<`);
    expect(ran.printed).toContain(data ? 'MNIST: 4000 to learn from' : 'digits drawn by the package: 4000');
  });
});
