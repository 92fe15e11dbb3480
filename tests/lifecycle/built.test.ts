/** The built package: it starts fast, and what finds files beside itself still does. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addon } from '../../src/runtime/addon.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Inside of the package, as its dependencies are found from there.
const folder = `${root}build/bundle-${process.pid}`;
beforeAll(() => void execFileSync(process.execPath, ['scripts/bundle.mjs', folder], { cwd: root }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a process prints that uses the built package. */
function child(name: string, ...args: string[]) {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const env = { ...process.env, BRAWN_ADDON: addon().path };
  return JSON.parse(execFileSync(process.execPath, [file, folder, ...args], { encoding: 'utf8', env }));
}

it('is a few files, loads no network and finds its workers', () => {
  const files = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.js'));
  expect(files.length).toBeLessThan(40);
  const runs = Array.from({ length: 3 }, () => child('built.mjs'));
  for (const { network, first, message } of runs) {
    expect(network).toEqual([]);
    expect(first).toEqual([0, 1 / 12, 1, 13 / 12].map(Math.fround));
    expect(message).toMatch(/^log: made NaN or Inf.*\n.*built\.mjs/);
  }
  // Generous: other tests run at the same time.
  expect(Math.min(...runs.map(({ milliseconds }) => milliseconds))).toBeLessThan(100);
});

it('four worker threads share one copy of the weights and of what is made of them', () => {
  const { grown, weightBytes, preparedBytes, isSame, prepared } = child('share.mjs', 'shared');
  expect(isSame).toBe(true);
  expect(prepared).toEqual([0, 0, 0, 0]);
  // Isolates, code and plans take some; four copies would take four times this.
  expect(grown).toBeLessThan(weightBytes + preparedBytes);
});
