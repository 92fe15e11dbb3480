/** The command line with wrong arguments, missing and damaged data, folders that cannot be written, and Ctrl-C. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeArguments, runBrawn } from './child.js';

const folder = mkdtempSync(join(tmpdir(), 'brawn-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sub = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
};

const idx = (dims: readonly number[], bytes: Uint8Array): Buffer => {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length, 0);
  dims.forEach((dim, i) => {
    header.writeUInt32BE(dim, 4 + 4 * i);
  });
  return Buffer.concat([header, bytes]);
};

/** Tiny idx files under MNIST's names: class k has its k-th pair of rows lit. */
function tinyMnist(path: string, trainCount = 200): string {
  for (const [name, count] of [
    ['train', trainCount],
    ['t10k', 100],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const images = new Uint8Array(count * 784);
    labels.forEach((label, i) => {
      images.fill(255, i * 784 + label * 56, i * 784 + label * 56 + 56);
    });
    writeFileSync(join(path, `${name}-images-idx3-ubyte`), idx([count, 28, 28], images));
    writeFileSync(join(path, `${name}-labels-idx1-ubyte`), idx([count], labels));
  }
  return path;
}

describe('wrong command lines end with code 2', () => {
  const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
    [['train', 'cifar'], /'cifar' is invalid for argument 'recipe'. known recipes are digits, mnist/],
    [['train'], /missing required argument 'recipe'/],
    [['trian', 'digits'], /unknown command 'trian'[\s\S]*Did you mean train\?/],
    [['train', 'digits', '--bogus'], /unknown option '--bogus'/],
    [
      ['train', 'digits', '--epochs', '0'],
      /'--epochs <n>' argument '0' is invalid. it must be a whole number of at least 1/,
    ],
    [['train', 'digits', '--lr', 'fast'], /'--lr <rate>' argument 'fast' is invalid/],
    [['train', 'digits', '--seed', '-1'], /'--seed <n>' argument '-1' is invalid/],
    [['train', 'mnist', '--data'], /'--data <path>' argument missing/],
    [['train', 'digits', '--data', '.'], /recipe digits draws its own data and takes no --data/],
    [['train', 'digits', '--layers', '2'], /--layers is for recipes of text, which digits is not/],
    [['train', 'char-rnn', '--no-augment'], /--no-augment is for recipes of images, which char-rnn is not/],
    [['train', 'char-rnn', '--cell', 'tree'], /argument 'tree' is invalid. Allowed choices are rnn, lstm, gru/],
    [['train', 'char-rnn', '--dropout', '1'], /it must be a number of at least 0 and below 1/],
    [['sample'], /missing required argument 'model'/],
    [['sample', 'x.safetensors', '--top-p', '2'], /it must be a number above 0 and at most 1/],
  ];
  for (const [args, message] of wrong)
    it(args.join(' '), () => {
      const { status, stdout, stderr } = runBrawn(args);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(message);
    });
});

describe('commands for other recipes and models end with code 1', () => {
  const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
    [['predict', 'char-rnn'], /^ERR_BRAWN_ARGUMENT: predict: char-rnn is a recipe of text, not of images/],
    [['sample', 'package.json'], /^ERR_BRAWN_FORMAT: .*package.json.*not a safetensors file/],
    [['sample', 'none.safetensors'], /^ERR_BRAWN_FILE: .*none.safetensors does not exist/],
  ];
  for (const [args, message] of wrong)
    it(args.join(' '), () => {
      const { status, stdout, stderr } = runBrawn(args);
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(message);
    });
});

describe('trouble ends with code 1 and one line', () => {
  const out = sub('out');
  const damaged = tinyMnist(sub('damaged'));
  writeFileSync(join(damaged, 'train-images-idx3-ubyte'), Buffer.alloc(100, 7));
  const short = tinyMnist(sub('short'));
  writeFileSync(join(short, 'train-images-idx3-ubyte'), idx([200, 28, 28], new Uint8Array(1000)));
  const mixed = tinyMnist(sub('mixed'));
  writeFileSync(join(mixed, 'train-labels-idx1-ubyte'), idx([3], new Uint8Array(3)));
  const trouble: readonly (readonly [what: string, args: string[], message: RegExp, env?: Record<string, string>])[] = [
    [
      'no data folder',
      ['mnist', '--data', join(folder, 'none')],
      /^ERR_BRAWN_FILE: mnist: .*none has neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz; put the four/,
    ],
    [
      'damaged data',
      ['mnist', '--data', damaged],
      /^ERR_BRAWN_FORMAT: .*damaged\/train-images-idx3-ubyte: magic number 0x07070707/,
    ],
    ['truncated data', ['mnist', '--data', short], /^ERR_BRAWN_FORMAT: .*short\/train-images-idx3-ubyte: .*156800/],
    [
      'data that does not match',
      ['mnist', '--data', mixed],
      /^ERR_BRAWN_FORMAT: mnist: .* has 200 images but .* has 3 labels/,
    ],
    [
      'no images',
      ['mnist', '--data', tinyMnist(sub('empty'), 0)],
      /^ERR_BRAWN_ARGUMENT: train: the training data of mnist are empty/,
    ],
    [
      'a file as output folder',
      ['digits', '--out', join(damaged, 't10k-labels-idx1-ubyte')],
      /^ERR_BRAWN_FILE: train: .* exists already, as something else/,
    ],
    [
      'an output folder below a file',
      ['digits', '--out', '/dev/null/out'],
      /^ERR_BRAWN_FILE: train: a part of \/dev\/null\/out is not a folder/,
    ],
    [
      'no addon',
      ['mnist', '--data', tinyMnist(sub('whole'))],
      /^ERR_BRAWN_NATIVE: the native addon cannot be loaded/,
      { BRAWN_ADDON: join(folder, 'none.node') },
    ],
    [
      'no network',
      ['mnist'],
      /^ERR_BRAWN_FILE: mnist: .*Tried: .*ECONNREFUSED.*Check the network \(HTTPS_PROXY is honoured\), or download train-images-idx3-ubyte.gz from https.* by hand into .*cache/,
      {
        BRAWN_CACHE: join(folder, 'cache'),
        HTTPS_PROXY: 'http://127.0.0.1:9',
        https_proxy: 'http://127.0.0.1:9',
        NO_PROXY: '',
        no_proxy: '',
      },
    ],
  ];
  for (const [what, args, message, env] of trouble)
    it(what, () => {
      const outArgs = args.includes('--out') ? [] : ['--out', out];
      const { status, stdout, stderr } = runBrawn(['train', ...args, ...outArgs, '--json'], env);
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(readdirSync(out)).toEqual([]);
    });
});

it('a loss that is not finite ends with code 1 and names the op', () => {
  const [data, out] = [tinyMnist(sub('wild')), sub('wild-out')];
  const args = ['train', 'mnist', '--data', data, '--out', out, '--optimizer', 'sgd', '--lr', '1e30', '--json'];
  const { status, stderr } = runBrawn(args);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^ERR_BRAWN_ANOMALY: fit: the loss is NaN or infinite in epoch 1, step 2 \(2 in all\)\./);
  expect(stderr).toMatch(/the first op that is not: \w+: made NaN or Inf at flat position \d+ of its result/);
  expect(readdirSync(out)).toEqual([]);
});

it('--json prints one object a line, done last, and files that are there', () => {
  const [data, out] = [tinyMnist(sub('json')), sub('json-out')];
  const { status, stdout, stderr } = runBrawn([
    'train',
    'mnist',
    '--data',
    data,
    '--out',
    out,
    '--epochs',
    '2',
    '--batch-size',
    '20',
    '--json',
  ]);
  expect([status, stderr]).toEqual([0, '']);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events.map(({ event }) => event)).toEqual([
    'start',
    'epoch',
    'epoch',
    'classes',
    'file',
    'file',
    'verified',
    'done',
  ]);
  expect(events.at(-1)).toEqual({ event: 'done', accuracy: expect.any(Number), seconds: expect.any(Number) });
  expect(readdirSync(out).sort()).toEqual(['mnist.png', 'mnist.safetensors']);
});

it('Ctrl-C stops training at once, with code 130, and leaves no files', async () => {
  const [data, out] = [tinyMnist(sub('long'), 2000), sub('long-out')];
  const args = ['src/cli/main.ts', 'train', 'mnist', '--data', data, '--out', out, '--epochs', '1000', '--json'];
  const child = spawn(process.execPath, [...nodeArguments, ...args], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const trains = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.includes('"epoch"')) resolve();
    });
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await Promise.race([trains, ended]);
  const start = performance.now();
  child.kill('SIGINT');
  expect([await ended, stderr]).toEqual([130, 'interrupted\n']);
  expect(performance.now() - start).toBeLessThan(5000);
  expect(readdirSync(out)).toEqual([]);
});
