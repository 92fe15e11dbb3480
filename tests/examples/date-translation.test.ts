import { expect, it } from 'vitest';
import { main, makeDate } from '../../examples/date-translation.js';
import { Rng } from '../../src/data/index.js';
import { run } from './support.js';

it('dates are translated in every character, with attention', async () => {
  const { result, svg, printed } = await run('date-translation', main);
  expect(result.right).toBeGreaterThan(0.98);
  expect(result.texts).toEqual(['1987-03-29', '1987-03-29']);
  expect(printed).toMatch(/ -> {2}\d{4}-\d\d-\d\d\n/);
  expect(svg.match(/fill-opacity/g)?.length).toBeGreaterThan(20);
});

it('dates are written in six ways', () => {
  const rng = new Rng(3);
  for (let i = 0; i < 200; i++) {
    const { written, iso } = makeDate(rng, 6);
    expect(new Date(iso).toISOString().slice(0, 10)).toBe(iso);
    const [, year, month, day] = /^(\d+)-(\d+)-(\d+)$/.exec(iso) as unknown as string[];
    for (const part of [year, String(Number(day))]) expect(written).toContain(part);
    const name = new Date(iso).toLocaleDateString('en', { month: 'short', timeZone: 'UTC' });
    expect(written).toMatch(new RegExp(`${name}|\\b${Number(month)}\\b`));
  }
  expect(makeDate(rng, 6)).not.toEqual(makeDate(rng, 6));
});
