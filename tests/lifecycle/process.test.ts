/** Whole processes: exit in the middle of a run, worker threads that train at once, memory that stays flat. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function run(name: string, ...args: string[]): { status: number | null; signal: string | null; output: string } {
  const child = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', file(name), ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status: child.status, signal: child.signal, output: child.stdout + child.stderr };
}

it('process.exit() in the middle of a run is clean', () => {
  const { status, signal, output } = run('exit-mid-run.ts');
  expect(output).toBe('running\n');
  expect([status, signal]).toEqual([7, null]);
});

it('two worker threads train at the same time, to the same bits', async () => {
  const train = () =>
    new Promise<string>((resolve, reject) => {
      const worker = new Worker(file('worker-train.mjs'), { workerData: { steps: 20 } });
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  const [a, b] = await Promise.all([train(), train()]);
  expect(a).toMatch(/^[0-9a-f]{64}$/);
  expect(b).toBe(a);
});

it('workers can be terminated in the middle of their runs', async () => {
  const end = async (delay: number) => {
    const worker = new Worker(file('worker-train.mjs'), { workerData: { steps: 100_000 } });
    await new Promise((resolve) => setTimeout(resolve, delay));
    return worker.terminate();
  };
  expect(await Promise.all([1300, 1400, 1530, 1670].map(end))).toEqual([1, 1, 1, 1]);
});

it('memory stays flat over 2,600 LeNet steps', () => {
  const { status, output } = run('memory.ts', '2600');
  expect(output).toMatch(/grew by/);
  expect(status, output).toBe(0);
});
