/** A disk that is full while saving: the old file stays whole, nothing else is left, and the error says what to do. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runShell } from './child.js';

const folder = mkdtempSync(join(tmpdir(), 'brawn-disk-'));
afterAll(() => {
  for (const name of ['small', 'run']) runShell(`umount '${join(folder, name)}' 2>/dev/null; true`);
  rmSync(folder, { recursive: true, force: true });
});

/** Saves a small model; then, with the shell's limits, one that does not fit. */
const program = `
import * as b from './src/index.js';
const path = process.env.TARGET;
const size = Number(process.env.SIZE);
try {
  await b.nn.linear(size, size).save(path);
  console.log('saved');
} catch (error) {
  console.log(error.name, error.code, error.message, error.cause?.code);
}
`;

function save(target: string, size: number, before = ''): string {
  const { stdout, stderr } = runShell(`${before} $NODE --input-type=module --eval "$PROGRAM"`, {
    PROGRAM: program,
    TARGET: target,
    SIZE: String(size),
  });
  return stdout + stderr;
}

function expectIntact(target: string, fill: () => string, message: RegExp): void {
  const name = target.split('/').at(-1);
  const inFolder = join(target, '..');
  expect(save(target, 8)).toBe('saved\n');
  const old = readFileSync(target);
  expect(fill()).toMatch(message);
  expect(readFileSync(target).equals(old)).toBe(true);
  expect(readdirSync(inFolder)).toEqual([name]);
}

describe('saving', () => {
  it('beyond the file-size limit', () => {
    const inFolder = join(folder, 'limit');
    mkdirSync(inFolder);
    const target = join(inFolder, 'model.safetensors');
    // 1 MiB; a process that is over the limit gets EFBIG once the signal is ignored.
    const limit = 'trap "" XFSZ; ulimit -f 1024;';
    expectIntact(
      target,
      () => save(target, 1024, limit),
      /^FileError ERR_BRAWN_FILE .*model\.safetensors would be larger than .*limit \(ulimit -f\) allows EFBIG/,
    );
  });

  it('to a full file system', (context) => {
    const inFolder = join(folder, 'small');
    mkdirSync(inFolder);
    if (runShell(`mount -t tmpfs -o size=512k tmpfs '${inFolder}'`).status !== 0)
      return context.skip('a file system can be mounted by root only');
    const target = join(inFolder, 'model.safetensors');
    expectIntact(
      target,
      () => save(target, 1024),
      /^FileError ERR_BRAWN_FILE .*the disk that holds .*model\.safetensors is full; free some space .* ENOSPC/,
    );
  });

  it('into a folder that is not there', () => {
    expect(save(join(folder, 'none', 'model.safetensors'), 8)).toMatch(
      /^FileError ERR_BRAWN_FILE .*folder .*none does not exist; check the path ENOENT/,
    );
  });

  it('over a folder', () => {
    mkdirSync(join(folder, 'taken.safetensors'));
    expect(save(join(folder, 'taken.safetensors'), 8)).toMatch(
      /^FileError ERR_BRAWN_FILE .*taken\.safetensors is a folder; give the path of a file/,
    );
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

/** A training in `TARGET`: the disk is filled after epoch 2 when `FILL` says so. */
const training = `
import { writeFileSync } from 'node:fs';
import { fit } from './src/train/index.js';
import * as optim from './src/optim/index.js';
import { smallData, smallModel } from './tests/train/small.js';
const fill = () => {
  for (let i = 0, size = 1 << 16; size > 0; i++) {
    try { writeFileSync(process.env.TARGET + '/filler' + i, Buffer.alloc(size)); } catch { size >>= 1; }
  }
};
const model = smallModel();
const optimizer = optim.adamW(model.parameters(), { lr: 0.01 });
const onEpochEnd = ({ epoch }) => void (process.env.FILL && epoch === 2 && fill());
try {
  const { history } = await fit(model, smallData(), {
    epochs: 4, optimizer, folder: process.env.TARGET + '/run', resume: true, progress: 'none', callbacks: [{ onEpochEnd }],
  });
  console.log('done', history.at(-1).train.loss);
} catch (error) {
  console.log(error.name, error.code, error.message);
}
`;

it('a disk that fills up while training loses no checkpoint', (context) => {
  const target = join(folder, 'run');
  const whole = join(folder, 'whole');
  for (const path of [target, whole]) mkdirSync(path);
  if (runShell(`mount -t tmpfs -o size=256k tmpfs '${target}'`).status !== 0)
    return context.skip('a file system can be mounted by root only');
  const train = (TARGET: string, FILL = ''): string =>
    runShell('$NODE --input-type=module --eval "$PROGRAM"', { PROGRAM: training, TARGET, FILL }).stdout;
  expect(train(target, 'yes')).toMatch(/^FileError ERR_BRAWN_FILE .*the disk that holds .* is full; free some space/);
  runShell(`rm -f '${target}'/filler*`);
  const resumed = train(target);
  expect(resumed).toMatch(/^done [\d.]+\n$/);
  expect(resumed).toBe(train(whole));
});
