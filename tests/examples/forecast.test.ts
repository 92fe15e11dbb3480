import { expect, it } from 'vitest';
import { main } from '../../examples/forecast.js';
import { run } from './support.js';

it('a series is forecast far better than by saying that nothing changes', async () => {
  const { result, svg } = await run('forecast', main);
  expect(result.errors[0]).toBeLessThan(0.2);
  expect(result.errors[1]).toBeLessThan(result.unchanged / 3);
  expect(svg).toContain('what was read');
});
