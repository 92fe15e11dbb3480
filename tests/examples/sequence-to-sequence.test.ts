import { describe, expect, it } from 'vitest';
import { main, type Translation } from '../../examples/sequence-to-sequence.js';
import { type TaskName, taskNames, taskOf } from '../../examples/support/sequence-tasks.js';
import { Rng } from '../../src/data/index.js';
import { run } from './support.js';

const learn = (task: TaskName) => run(`attention-${task}`, (options) => main({ ...options, task }));
const targets = (shown: readonly { readonly target: string }[]) => shown.map(({ target }) => target);

/** Share of the attention that lies on the squares that `at` accepts, over all that was written. */
function shareOn(
  shown: readonly Translation[],
  at: (translation: Translation, written: number, read: number) => boolean,
): number {
  const rows = shown.flatMap((translation) =>
    translation.looks.map((row, y) => row.reduce((sum, weight, x) => sum + (at(translation, y, x) ? weight : 0), 0)),
  );
  return rows.reduce((sum, share) => sum + share, 0) / rows.length;
}

describe('sequence to sequence', () => {
  it('letters are written backwards, with attention that goes from the end to the start', async () => {
    const { result, svg, printed } = await learn('reverse');
    expect(result.right).toBeGreaterThan(0.98);
    expect(targets(result.shown)).toEqual(['edacaf', 'egdab']);
    expect(shareOn(result.shown, ({ source }, y, x) => Math.abs(source.length - 1 - y - x) <= 1)).toBeGreaterThan(0.8);
    expect(printed).toContain('% of 500 new texts are right in every character');
    expect(svg.match(/fill-opacity/g)?.length).toBeGreaterThan(20);
  });

  it('letters are sorted, with attention on the letter that is written', async () => {
    const { result } = await learn('sort');
    expect(result.right).toBeGreaterThan(0.95);
    expect(targets(result.shown)).toEqual(['aacdef', 'abdeg']);
    const onLetter = shareOn(result.shown, ({ source, target }, y, x) => source[x] === target[y]);
    const blind = shareOn(
      result.shown.map(({ looks, ...pair }) => ({ ...pair, looks: looks.map((row) => row.map(() => 1 / row.length)) })),
      ({ source, target }, y, x) => source[x] === target[y],
    );
    expect(onLetter).toBeGreaterThan(1.5 * blind);
  });

  it('dates are translated in every character', async () => {
    const { result, printed } = await learn('dates');
    expect(result.right).toBeGreaterThan(0.98);
    expect(targets(result.shown)).toEqual(['1987-03-29', '1987-03-29']);
    expect(printed).toMatch(/ -> {2}\d{4}-\d\d-\d\d\n/);
  });

  it('what is drawn is what the tasks say', () => {
    for (const name of taskNames) {
      const task = taskOf(name, false);
      const rng = new Rng(3);
      for (let i = 0; i < 200; i++) {
        const { source, target } = task.make(rng);
        expect(source.length).toBeLessThanOrEqual(task.longestSource);
        expect(target.length).toBeLessThanOrEqual(task.longestTarget);
        for (const letter of source) expect(task.input).toContain(letter);
        if (name === 'reverse') expect([...target].reverse().join('')).toBe(source);
        if (name !== 'sort') continue;
        expect([...target].every((letter, j) => j === 0 || target[j - 1] <= letter)).toBe(true);
        for (const letter of source) expect(target.split(letter).length).toBe(source.split(letter).length);
      }
      expect(task.make(rng)).not.toEqual(task.make(rng));
    }
  });

  it('dates are written in six ways', () => {
    const [task, rng] = [taskOf('dates', false), new Rng(3)];
    const ways = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const { source, target } = task.make(rng);
      expect(new Date(target).toISOString().slice(0, 10)).toBe(target);
      const [, year, month, day] = /^(\d+)-(\d+)-(\d+)$/.exec(target) as unknown as string[];
      for (const part of [year, String(Number(day))]) expect(source).toContain(part);
      const name = new Date(target).toLocaleDateString('en', { month: 'short', timeZone: 'UTC' }).toLowerCase();
      expect(source).toMatch(new RegExp(`${name}|\\b${Number(month)}\\b`));
      ways.add(source.replace(/\d+/g, '9').replace(/[a-z]+/g, 'a'));
    }
    expect(ways.size).toBe(6);
  });
});
