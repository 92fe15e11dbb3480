/** Whole processes: an addon that is missing or does not fit, bad environment variables, and life without the addon. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runModule } from './child.js';

const folder = mkdtempSync(join(tmpdir(), 'brawn-addon-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const program = `
import { tensor } from './src/index.js';
try {
  console.log((await tensor([1, 2]).add(1).toArray()).join());
} catch (error) {
  console.log(error.name, error.code, error.message);
}
`;

const helps =
  /Build it with: npm rebuild brawn .*setBackend\('javascript'\) or BRAWN_BACKEND=javascript|build with: npm rebuild brawn/;

describe('an addon that cannot be loaded is said to be so, with what was tried and what helps', () => {
  const tried: readonly (readonly [what: string, path: string, reason: RegExp])[] = [
    ['missing', join(folder, 'none.node'), /none\.node \(missing\)/],
    ['no library', file('bad.node', 'not a library'), /bad\.node \(.*(short|invalid|header|mach-o)/i],
    [
      'of another format version',
      file('old.cjs', 'module.exports = { abi: 99 };'),
      /it speaks program format 99, this package needs \d+/,
    ],
    ['failing', file('failing.cjs', 'throw new Error("GLIBC_9 not found");'), /GLIBC_9 not found/],
  ];
  for (const [what, path, reason] of tried)
    it(what, () => {
      const { status, stdout } = runModule(program, { BRAWN_ADDON: path });
      expect(status).toBe(0);
      expect(stdout).toMatch(/^NativeError ERR_BRAWN_NATIVE the native addon cannot be loaded on \w+-\w+, Node \d+/);
      expect(stdout).toMatch(reason);
      expect(stdout).toMatch(helps);
      expect(stdout).toContain('BRAWN_ADDON names this file');
    });
});

describe('bad environment variables', () => {
  const bad: readonly (readonly [env: Record<string, string>, message: RegExp])[] = [
    [
      { BRAWN_ISA: 'sse9' },
      /^NativeError ERR_BRAWN_NATIVE BRAWN_ISA=sse9 is not an instruction set .*; change or unset BRAWN_ISA/,
    ],
    [
      { BRAWN_ISA: process.arch === 'arm64' ? 'avx2' : 'neon' },
      /^NativeError ERR_BRAWN_NATIVE BRAWN_ISA=\w+: this CPU cannot run it \(it can run .*\); change or unset BRAWN_ISA/,
    ],
    [
      { BRAWN_THREADS: '0' },
      /^NativeError ERR_BRAWN_NATIVE BRAWN_THREADS=0: expected an integer from 1 to 1024; change/,
    ],
    [{ BRAWN_THREADS: 'all' }, /^NativeError ERR_BRAWN_NATIVE BRAWN_THREADS=all: expected an integer/],
    [{ BRAWN_BACKEND: 'gpu' }, /^ArgumentError ERR_BRAWN_ARGUMENT BRAWN_BACKEND: unknown backend "gpu"; use native or/],
  ];
  for (const [env, message] of bad)
    it(Object.entries(env).flat().join('='), () => expect(runModule(program, env).stdout).toMatch(message));

  it('empty ones count as not set', () => {
    const env = { BRAWN_ISA: '', BRAWN_THREADS: '', BRAWN_BACKEND: '', BRAWN_DEBUG: '', BRAWN_ANOMALY: '' };
    expect(runModule(program, env).stdout).toBe('2,3\n');
  });
});

it('the JavaScript executor trains, saves and loads without any addon', () => {
  const { stdout, stderr, status } = runModule(
    `
import * as b from './src/index.js';
b.manualSeed(0);
b.setThreads(2);
const model = b.nn.sequential(b.nn.linear(2, 8), b.nn.tanh(), b.nn.dropout(0.01), b.nn.linear(8, 1));
const optimizer = b.optim.adam(model.parameters(), { lr: 0.05 });
const step = b.compile((x, y) => {
  const loss = b.mseLoss(model.forward(x), y);
  optimizer.minimize(loss, { clipNorm: 5 });
  return loss;
});
const x = b.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = b.tensor([[0], [1], [1], [0]]);
for (let i = 0; i < 200; i++) await step(x, y);
model.eval();
await model.save(process.env.TARGET);
const other = b.nn.sequential(b.nn.linear(2, 8), b.nn.tanh(), b.nn.dropout(0.01), b.nn.linear(8, 1));
await other.load(process.env.TARGET);
other.eval();
const [a, c] = [await model.forward(x).toArray(), await other.forward(x).toArray()];
console.log(b.getBackend(), b.getThreads(), a.map(([value]) => Math.round(value)).join(), JSON.stringify(a) === JSON.stringify(c));
`,
    { BRAWN_BACKEND: 'javascript', BRAWN_ADDON: join(folder, 'none.node'), TARGET: join(folder, 'mlp.safetensors') },
  );
  expect([status, stderr, stdout]).toEqual([0, '', 'javascript 1 0,1,1,0 true\n']);
});

it('a run that fails and is not awaited ends the process with the error, and nothing else', () => {
  const { status, stderr } = runModule(`
import { gather, tensor } from './src/index.js';
void gather(tensor([1, 2]), 0, tensor([7], { dtype: 'int32' })).data();
`);
  expect(status).toBe(1);
  expect(stderr).toContain('IndexError: gather: index 7 is out of range for a dimension of size 2');
});
