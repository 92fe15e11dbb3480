/** idx files and MNIST in folders: plain, compressed, damaged, missing, downloaded. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mnist, readIdx } from '../../src/data/index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-idx-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function idx(type: number, shape: readonly number[], elements: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  for (const [i, dim] of shape.entries()) header.writeUInt32BE(dim, 4 + 4 * i);
  return Buffer.concat([header, elements]);
}

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('readIdx', () => {
  it('reads every element type, plain and compressed', async () => {
    const floats = Buffer.alloc(8);
    floats.writeFloatBE(1.5, 0);
    floats.writeFloatBE(-2, 4);
    const double = Buffer.alloc(8);
    double.writeDoubleBE(Math.PI);
    const files: [number, number[], Uint8Array, string, number[]][] = [
      [0x08, [2, 2], Uint8Array.of(0, 1, 2, 255), 'uint8', [0, 1, 2, 255]],
      [0x09, [2], Uint8Array.of(127, 128), 'int32', [127, -128]],
      [0x0b, [2], Uint8Array.of(1, 0, 255, 254), 'int32', [256, -2]],
      [0x0c, [1], Uint8Array.of(255, 255, 255, 0), 'int32', [-256]],
      [0x0d, [2, 1], floats, 'float32', [1.5, -2]],
      [0x0e, [1], double, 'float64', [Math.PI]],
      [0x08, [0, 28], new Uint8Array(), 'uint8', []],
    ];
    for (const [type, shape, elements, dtype, values] of files)
      for (const pack of [(bytes: Buffer) => bytes, gzipSync]) {
        const read = await readIdx(await put('file', pack(idx(type, shape, elements))));
        expect([read.dtype, read.shape, [...read.data]]).toEqual([dtype, shape, values]);
      }
  });

  const good = idx(0x08, [2, 3], new Uint8Array(6));
  const damaged: Record<string, [Uint8Array, RegExp]> = {
    'an empty file': [new Uint8Array(), /has 0 bytes/],
    'another magic number': [Buffer.from('PNG file...'), /magic number 0x504e4720/],
    'an unknown element type': [idx(0x0a, [1], new Uint8Array(1)), /magic number 0x00000a01/],
    'dimensions cut off': [good.subarray(0, 10), /within its 2 dimensions/],
    'elements cut off': [good.subarray(0, 15), /needs 6 bytes of elements but the file has 3 \(truncated\)/],
    'trailing bytes': [Buffer.concat([good, Buffer.alloc(2)]), /has 8 \(trailing bytes\)/],
    'an absurd size': [idx(0x08, [2 ** 32 - 1, 2 ** 32 - 1], new Uint8Array(3)), /truncated/],
    'a truncated gzip file': [gzipSync(good).subarray(0, 20), /damaged or truncated gzip/],
    'a damaged gzip file': [gzipSync(good).fill(7, 12, 16), /damaged or truncated gzip/],
  };
  for (const [what, [bytes, message]] of Object.entries(damaged))
    it(`${what}: FileFormatError`, async () => {
      const path = await put('file', bytes);
      const failure = await readIdx(path).catch((error) => error);
      expect(failure).toMatchObject({ code: 'ERR_BRAWN_FORMAT', message: expect.stringMatching(message) });
      expect(failure.message).toContain(path);
    });

  it('a missing file: FileError', async () => {
    await expect(readIdx(join(folder, 'no'))).rejects.toMatchObject({ code: 'ERR_BRAWN_FILE' });
  });
});

const pixels = Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 256);
const images = idx(0x08, [3, 28, 28], pixels);
const labels = idx(0x08, [3], Uint8Array.of(7, 0, 9));

const first = async (dataset: ReturnType<typeof mnist>) => {
  for await (const batch of dataset.batch(8)) return batch;
  throw new Error('empty');
};

describe('mnist', () => {
  it('reads plain and compressed files, in either spelling', async () => {
    await put('t10k-images.idx3-ubyte', images);
    await put('t10k-labels-idx1-ubyte.gz', gzipSync(labels));
    const { image, label } = await first(mnist('test', { dir: folder }));
    expect([image.shape, image.dtype, label.dtype]).toEqual([[3, 1, 28, 28], 'float32', 'int32']);
    expect([...(await label.data())]).toEqual([7, 0, 9]);
    const values = await image.data();
    expect([values[0], values[1], values[255]]).toEqual([0, Math.fround(1 / 255), 1]);
    const normal = await (await first(mnist('test', { dir: folder, normalize: true }))).image.data();
    expect(normal[255]).toBeCloseTo((1 - 0.1307) / 0.3081, 5);
  });

  it('says which files a folder lacks', async () => {
    await put('train-images-idx3-ubyte', images);
    const failure = await first(mnist('train', { dir: folder })).catch((error) => error);
    expect(failure.code).toBe('ERR_BRAWN_FILE');
    expect(failure.message).toMatch(/has neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz/);
  });

  it('refuses files that do not belong together', async () => {
    const cases: [Buffer, Buffer, RegExp][] = [
      [images, idx(0x08, [2], new Uint8Array(2)), /3 images but .* 2 labels/],
      [images, idx(0x08, [3], Uint8Array.of(1, 10, 2)), /label 10 at 1/],
      [labels, labels, /should hold uint8 \[n,28,28\], has uint8\[3\]/],
      [images, images, /should hold uint8 \[n\]/],
    ];
    for (const [x, y, message] of cases) {
      await put('train-images-idx3-ubyte', x);
      await put('train-labels-idx1-ubyte', y);
      await expect(first(mnist('train', { dir: folder }))).rejects.toMatchObject({
        code: 'ERR_BRAWN_FORMAT',
        message: expect.stringMatching(message),
      });
    }
  });

  it('leaves out what is damaged and lists it, when asked to', async () => {
    const cases: [Uint8Array, Uint8Array, got: number[], told: RegExp[]][] = [
      [images.subarray(0, -10), labels, [7, 0], [/truncated/, /2 images but .* 3 labels/]],
      [images, labels.subarray(0, -2), [7], [/truncated/, /3 images but .* 1 labels/]],
      [images, idx(0x08, [3], Uint8Array.of(1, 10, 2)), [1, 2], [/label 10 at 1/]],
      [gzipSync(images).subarray(0, -6), labels, [7, 0, 9], [/damaged or truncated gzip/]],
      [Buffer.concat([images, Buffer.alloc(5)]), labels, [7, 0, 9], [/trailing bytes/]],
    ];
    for (const [x, y, got, told] of cases) {
      await put('train-images-idx3-ubyte', x);
      await put('train-labels-idx1-ubyte', y);
      const heard: string[] = [];
      const dataset = mnist('train', {
        dir: folder,
        onError: 'skip',
        onSkip: ({ error }) => void heard.push(error.message),
      });
      const { image, label } = await first(dataset);
      expect([...(await label.data())]).toEqual(got);
      expect(image.shape).toEqual([got.length, 1, 28, 28]);
      const place = [7, 0, 9].indexOf(got.at(-1) as number);
      const last = (await image.data()).at(-1);
      expect(last).toBe(Math.fround((((place < 0 ? 3 : place + 1) * 784 - 1) % 256) / 255));
      expect(heard).toHaveLength(told.length);
      for (const [i, message] of told.entries()) expect(heard[i]).toMatch(message);
      expect(dataset.skipped).toHaveLength(told.length);
    }
    await put('train-images-idx3-ubyte', Buffer.from('PNG file...'));
    await expect(first(mnist('train', { dir: folder, onError: 'skip' }))).rejects.toThrow(/magic number/);
  });

  it('downloads into the cache folder, refuses other content, and says what to do', async () => {
    const server = createServer((_, response) => void response.end(gzipSync(images)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('BRAWN_CACHE', folder);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    const mirrors = [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
    const seen: string[] = [];
    const failure = await first(mnist('train', { mirrors, onProgress: (file) => seen.push(file) })).catch((e) => e);
    server.close();
    expect(failure.code).toBe('ERR_BRAWN_FILE');
    expect(failure.message).toContain(`SHA-256 ${createHash('sha256').update(images).digest('hex')}`);
    expect(failure.message).toContain(`by hand into ${join(folder, 'mnist')}`);
    expect(seen[0]).toBe('train-images-idx3-ubyte.gz');
    expect(await readdir(join(folder, 'mnist'))).toEqual([]);
  });

  it('refuses an unknown split', () => {
    expect(() => mnist('valid' as never)).toThrow(/'train' or 'test'/);
  });
});
