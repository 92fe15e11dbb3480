/** Fine-tuning: from digits to digits, and from photographs to clothes where ../shared/data has weights and images. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { main } from '../../examples/fine-tuning.js';
import { run } from './support.js';

const shared = (path: string) => fileURLToPath(new URL(`../../../shared/data/${path}`, import.meta.url));
const [weights, data] = [shared('models/resnet20.safetensors'), shared('fashion-mnist')];
const isThere = [weights, data].every((path) => existsSync(path));

const last = (values: readonly number[]) => values[values.length - 1];

describe('fine-tuning', () => {
  it('a network that reads digits 0 to 4 learns 5 to 9 from a hundred', async () => {
    const { result, printed, svg } = await run('fine-tuning', main);
    const { tuned, fromScratch, headEpochs, untouched } = result;
    expect(untouched).toBe(true);
    expect(tuned[0]).toBeLessThan(0.45);
    expect(tuned[headEpochs]).toBeGreaterThan(tuned[0] + 0.15);
    expect(last(tuned)).toBeGreaterThan(0.65);
    expect(last(tuned)).toBeGreaterThan(last(fromScratch));
    expect(tuned.length).toBe(fromScratch.length);
    expect(printed).toMatch(/with all layers trained, [\d.]+ %/);
    expect(svg).toContain('from scratch');
  });

  it.skipIf(!isThere)(
    `a network for photographs learns clothes${isThere ? '' : ' (not in ../shared/data)'}`,
    async () => {
      const { result } = await run('fine-tuning', (options) => main({ ...options, weights, data }));
      expect(result.untouched).toBe(true);
      expect(result.tuned[0]).toBeLessThan(0.3);
      expect(last(result.tuned)).toBeGreaterThan(last(result.fromScratch) + 0.1);
    },
  );
});
