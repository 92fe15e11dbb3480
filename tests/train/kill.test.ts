/** `kill -9` in the middle of a training, again and again: what is resumed ends in the same bits. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('killed.ts', import.meta.url));
/** How often it is killed; more by hand. */
const kills = Number(process.env.KILLS ?? 2);
/** Of 8 steps each: more than the kills take. */
const epochs = 4 + 5 * kills;

/**
 * Runs the training in `folder`; kills it after `steps` steps and a moment. Gives the first and last line it printed, and
 * the signal that ended it.
 */
function train(
  folder: string,
  steps = Number.POSITIVE_INFINITY,
): Promise<readonly [first: string, last: string, signal: string | null]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, folder, String(epochs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let [text, seen] = ['', 0];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      seen += chunk.split('\n').length - 1;
      if (seen >= steps) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
    });
    child.once('error', reject);
    child.once('close', (_, signal) => {
      const lines = text.trimEnd().split('\n');
      resolve([lines[0], lines.at(-1) ?? '', signal]);
    });
  });
}

it('ends in the same bits after SIGKILL at random moments', { timeout: 60_000 + 20_000 * kills }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'brawn-kill-'));
  try {
    const whole = train(join(folder, 'whole'));
    for (let i = 0; i < kills; i++) {
      const [, , signal] = await train(join(folder, 'killed'), 5 + Math.random() * 30);
      expect(signal).toBe('SIGKILL');
    }
    const [first, resumed] = await train(join(folder, 'killed'));
    // Not from the start: there was a checkpoint before each kill.
    expect(Number(first)).toBeGreaterThan(3);
    expect(resumed).toMatch(/^hash [0-9a-f]{64}$/);
    expect(resumed).toBe((await whole)[1]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
