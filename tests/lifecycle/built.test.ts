/** The built package: it starts fast, and what finds files beside itself still does. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { addon } from '../../src/runtime/addon.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Inside of the package, as its dependencies are found from there.
const folder = `${root}build/bundle-${process.pid}`;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is a few files, loads no network and finds its workers', () => {
  execFileSync(process.execPath, ['scripts/bundle.mjs', folder], { cwd: root });
  const files = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.js'));
  expect(files.length).toBeLessThan(40);
  const child = fileURLToPath(new URL('built.mjs', import.meta.url));
  const runs = Array.from({ length: 3 }, () =>
    JSON.parse(
      execFileSync(process.execPath, [child, folder], {
        encoding: 'utf8',
        env: { ...process.env, BRAWN_ADDON: addon().path },
      }),
    ),
  );
  for (const { network, first, message } of runs) {
    expect(network).toEqual([]);
    expect(first).toEqual([0, 1 / 12, 1, 13 / 12].map(Math.fround));
    expect(message).toMatch(/^log: made NaN or Inf.*\n.*built\.mjs/);
  }
  // Generous: other tests run at the same time.
  expect(Math.min(...runs.map(({ milliseconds }) => milliseconds))).toBeLessThan(100);
});
