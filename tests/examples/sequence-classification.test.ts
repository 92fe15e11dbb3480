import { expect, it } from 'vitest';
import { main } from '../../examples/sequence-classification.js';
import { run } from './support.js';

it('waves of three shapes are told apart, whatever their length', async () => {
  const { result, svg, printed } = await run('sequence-classification', main);
  expect(result.accuracy).toBeGreaterThan(0.97);
  expect(printed).toContain('% of 1000 new waves are right');
  expect(svg).toContain('sawtooth');
});
