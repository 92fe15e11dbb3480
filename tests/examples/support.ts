/** Runs an example as its test does: quick, silent, into a folder of its own that is removed afterwards. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { ExampleOptions } from '../../examples/support/picture.js';
import { manualSeed } from '../../src/index.js';

/** What a run has left: its numbers, what it printed, and its pictures. */
export interface Ran<R> {
  readonly result: R;
  readonly printed: string;
  readonly svg: string;
}

/** The result of `main`, after checking that it has written `<name>.svg` and `<name>.png` and said so. */
export async function run<R>(name: string, main: (options: ExampleOptions) => Promise<R>): Promise<Ran<R>> {
  const out = await mkdtemp(join(tmpdir(), 'brawn-example-'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    manualSeed(0);
    const result = await main({ out, quick: true, seed: 0 });
    const printed = log.mock.calls.map((words) => words.join(' ')).join('\n');
    const [svg, png] = ['svg', 'png'].map((ending) => join(out, `${name}.${ending}`));
    for (const path of [svg, png]) expect(existsSync(path), path).toBe(true);
    expect(printed).toMatch(/\nSee: .+$/);
    expect([...readFileSync(png).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
    return { result, printed, svg: readFileSync(svg, 'utf8') };
  } finally {
    log.mockRestore();
    await rm(out, { recursive: true, force: true });
  }
}
