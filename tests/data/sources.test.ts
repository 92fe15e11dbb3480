/** CIFAR files, folders of images and text: layouts, damage, and what is missing. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  cifar10,
  cifar100,
  type Decoder,
  fashionMnist,
  imageFolder,
  Rng,
  readText,
  type Skipped,
  textWindows,
  Vocabulary,
} from '../../src/data/index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-sources-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function labelsOf(data: AsyncIterable<{ readonly label: { item(): Promise<number> } }>): Promise<number[]> {
  const out: number[] = [];
  for await (const { label } of data) out.push(await label.item());
  return out;
}

/** Records with these labels; pixel `i` of record `n` is `(n * 7 + i) % 256`. */
function records(...labels: (readonly number[])[]): Buffer {
  const pixels = (n: number) => Buffer.from(Uint8Array.from({ length: 3072 }, (_, i) => (n * 7 + i) % 256));
  return Buffer.concat(labels.flatMap((label, n) => [Buffer.from(label), pixels(n)]));
}

describe('cifar', () => {
  it('reads the layout of the archives, plain and compressed', async () => {
    for (const i of [1, 2, 3, 5]) await put(`ten/cifar-10-batches-bin/data_batch_${i}.bin`, records([i], [i + 1]));
    await put('ten/cifar-10-batches-bin/data_batch_4.bin.gz', gzipSync(records([9])));
    const train = cifar10('train', { dir: join(folder, 'ten') });
    expect(await labelsOf(train)).toEqual([1, 2, 2, 3, 3, 4, 9, 5, 6]);
    for await (const { image, label } of train.take(2).batch(2)) {
      expect([image.shape, image.dtype, label.shape, label.dtype]).toEqual([[2, 3, 32, 32], 'float32', [2], 'int32']);
      const pixels = await image.data();
      for (const i of [0, 1, 31, 32, 1024, 3071]) expect(pixels[3072 + i]).toBeCloseTo(((7 + i) % 256) / 255, 6);
    }
    await put('hundred/test.bin', records([19, 99], [0, 5]));
    for await (const { coarse, label } of cifar100('test', { dir: join(folder, 'hundred') }).batch(2))
      expect([await coarse.toArray(), await label.toArray()]).toEqual([
        [19, 0],
        [99, 5],
      ]);
    const normal = cifar10('train', { dir: join(folder, 'ten'), normalize: true }).take(1);
    for await (const { image } of normal) {
      const pixels = await image.data();
      expect(pixels[3]).toBeCloseTo((3 / 255 - 0.4914) / 0.247, 5);
      expect(pixels[1024 + 3]).toBeCloseTo((3 / 255 - 0.4822) / 0.2435, 5);
      expect(pixels[2048 + 3]).toBeCloseTo((3 / 255 - 0.4465) / 0.2616, 5);
    }
  });

  it('damage throws, or is left out and reported', async () => {
    const whole = records([1], [2], [3]);
    const noisy = Buffer.concat(Array.from({ length: 40 }, (_, n) => records([n % 10])));
    const rng = new Rng(1);
    const random = Uint8Array.from(noisy, (value, i) => (i % 3073 === 0 ? value : rng.int(256)));
    const zipped = gzipSync(random);
    const files: [string, Uint8Array, RegExp, number | undefined][] = [
      ['cut.bin', whole.subarray(0, 3073 * 2 + 100), /6246 bytes are no whole number of records of 3073 bytes/, 2],
      ['labels.bin', records([1], [200], [3]), /record 1 has label 200; labels are 0 to 9/, 2],
      ['empty.bin', new Uint8Array(), /the file is empty/, 0],
      ['cut.bin.gz', zipped.subarray(0, zipped.length >> 1), /damaged or truncated gzip file/, undefined],
    ];
    for (const [name, bytes, message, left] of files) {
      await put(`damaged/${name}`, bytes);
      const options = { dir: join(folder, 'damaged'), files: [name] };
      await expect(cifar10('test', options).length()).rejects.toMatchObject({
        code: 'ERR_BRAWN_FORMAT',
        message: expect.stringMatching(message),
      });
      const told: Skipped[] = [];
      const data = cifar10('test', { ...options, onError: 'skip', onSkip: (skipped) => told.push(skipped) });
      const length = await data.length();
      if (left !== undefined) expect(length).toBe(left);
      else {
        expect(length).toBeGreaterThan(17);
        expect((await labelsOf(data)).every((label, i) => label === i % 10)).toBe(true);
      }
      expect(told[0].error.message).toMatch(message);
      expect(data.shuffle().skipped).toEqual(told);
    }
  });

  it('says what is missing', async () => {
    await expect(cifar10('test', { dir: folder }).length()).rejects.toThrow(
      /cifar10: .* neither test_batch\.bin nor test_batch\.bin\.gz; download https.*cifar-10-binary\.tar\.gz/,
    );
    expect(() => cifar10('valid' as never, { dir: folder })).toThrow(/split must be/);
    expect(() => cifar100('test', {} as never)).toThrow(/needs dir/);
    expect(() => cifar100('test', { dir: folder, onError: 'no' as never })).toThrow(/onError/);
    await expect(fashionMnist('test', { dir: folder }).length()).rejects.toThrow(
      /fashionMnist: .* neither t10k-images-idx3-ubyte nor/,
    );
  });
});

function png(height: number, width: number, [r, g, b]: readonly number[]): Buffer {
  const image = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) image.data.set([r, g, b, 255], 4 * i);
  return PNG.sync.write(image);
}

/** A decoder without sharp: whole images at their own size. */
const decode: Decoder = async (path) => {
  const { width, height, data } = PNG.sync.read(await readFile(path));
  const size = width * height;
  const pixels = Float32Array.from({ length: 3 * size }, (_, i) => data[4 * (i % size) + Math.floor(i / size)] / 255);
  return { data: pixels, channels: 3, height, width };
};

describe('imageFolder', () => {
  it('numbers classes by name and decodes to one size and scale', async () => {
    await put('pictures/cats/b.png', png(10, 20, [255, 0, 0]));
    await put('pictures/cats/deep/a.PNG', png(8, 8, [0, 255, 0]));
    await put('pictures/cats/readme.txt', 'no picture');
    await put('pictures/ants/1.png', png(30, 8, [0, 0, 255]));
    const { data, classes, files } = await imageFolder(join(folder, 'pictures'), { size: [4, 6] });
    expect(classes).toEqual(['ants', 'cats']);
    expect(files.map((file) => file.slice(join(folder, 'pictures').length + 1))).toEqual([
      'ants/1.png',
      'cats/b.png',
      'cats/deep/a.PNG',
    ]);
    for await (const { image, label } of data.batch(3)) {
      expect([image.shape, await label.toArray()]).toEqual([
        [3, 3, 4, 6],
        [0, 1, 1],
      ]);
      const pixels = await image.data();
      const colours = [0, 1, 2].map((n) => [0, 1, 2].map((c) => pixels[n * 72 + c * 24 + 13]));
      expect(colours).toEqual([
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
      ]);
    }
    const grey = await imageFolder(join(folder, 'pictures'), { size: 4, channels: 1, fit: 'fill' });
    for await (const { image } of grey.data.take(1)) expect(image.shape).toEqual([1, 4, 4]);
    const [train, test] = grey.data.stratifiedSplit([0.5, 0.5], 'label');
    expect((await train.length()) + (await test.length())).toBe(3);
  });

  it('an image that cannot be read throws, or is left out and reported', async () => {
    const whole = png(40, 40, [10, 200, 30]);
    await put('broken/x/1.png', whole);
    const cut = await put('broken/x/2.png', whole.subarray(0, whole.length - 30));
    const wrong = await put('broken/x/3.jpg', 'this is no picture');
    await put('broken/y/4.png', whole);
    for (const option of [{}, { decode }]) {
      const throwing = await imageFolder(join(folder, 'broken'), option);
      await expect(labelsOf(throwing.data)).rejects.toMatchObject({
        code: 'ERR_BRAWN_FORMAT',
        message: expect.stringMatching(/imageFolder: .*2\.png cannot be decoded/),
      });
      const told: string[] = [];
      const { data } = await imageFolder(join(folder, 'broken'), {
        ...option,
        onError: 'skip',
        onSkip: ({ what }) => told.push(what),
      });
      const shapes: unknown[] = [];
      for await (const { image } of data.batch(3).prefetch(2)) shapes.push(image.shape);
      expect(shapes).toEqual([
        [1, 3, 40, 40],
        [1, 3, 40, 40],
      ]);
      expect(told.sort()).toEqual([cut, wrong]);
      expect(await labelsOf(data)).toEqual([0, 1]);
      expect(data.skipped).toHaveLength(2);
    }
  });

  it('says what is missing', async () => {
    await mkdir(join(folder, 'hollow/class'), { recursive: true });
    await mkdir(join(folder, 'bare'));
    const bad: [() => Promise<unknown>, RegExp][] = [
      [() => imageFolder(join(folder, 'nowhere')), /nowhere does not exist/],
      [() => imageFolder(join(folder, 'hollow')), /class has no images/],
      [() => imageFolder(join(folder, 'bare')), /bare has no folders/],
      [() => imageFolder(folder, { size: 0 }), /size/],
      [() => imageFolder(folder, { channels: 2 as never }), /channels must be 1 or 3/],
      [() => imageFolder(folder, { fit: 'contain' as never }), /fit must be/],
    ];
    for (const [call, message] of bad) await expect(call()).rejects.toThrow(message);
    vi.doMock('sharp', () => {
      throw new Error("Cannot find package 'sharp'");
    });
    await expect(imageFolder(join(folder, 'pictures'))).rejects.toThrow(
      /imageFolder: .* optional package sharp, which cannot be loaded \(.*\); npm install sharp, or give a decoder as decode/,
    );
    vi.doUnmock('sharp');
    await cp(join(folder, 'pictures'), join(folder, 'mixed'), { recursive: true });
    const { data } = await imageFolder(join(folder, 'mixed'));
    const loop = async () => {
      for await (const _ of data.batch(2));
    };
    await expect(loop()).rejects.toThrow(
      /batch: image of sample 1 of the batch is \[3,10,20\] but that of the first is/,
    );
  });
});

describe('text', () => {
  it('numbers characters in the order of their code points', () => {
    const vocabulary = Vocabulary.of('hé 𝄞 hello');
    expect(vocabulary.characters.join('')).toBe(' ehloé𝄞');
    expect(vocabulary.decode(vocabulary.encode('hello 𝄞'))).toBe('hello 𝄞');
    expect(new Vocabulary(vocabulary.characters).encode('hé')).toEqual(vocabulary.encode('hé'));
    expect(() => vocabulary.encode('hex')).toThrow(/encode: "x" at 2 is not in the vocabulary/);
    expect(() => vocabulary.decode([99])).toThrow(/decode: 99 is not a number from 0 to 6/);
    expect(() => new Vocabulary('aa')).toThrow(/each only once/);
  });

  it('gives windows, and what follows each character', async () => {
    const numbers = Int32Array.from({ length: 10 }, (_, i) => i);
    const seen: unknown[] = [];
    for await (const { input, target } of textWindows(numbers, { length: 3 }).batch(2))
      seen.push(await input.toArray(), await target.toArray());
    expect(seen).toEqual([
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [[6, 7, 8]],
      [[7, 8, 9]],
    ]);
    expect(await textWindows(numbers, { length: 3, stride: 1 }).length()).toBe(7);
    expect(await textWindows(numbers, { length: 10 }).length()).toBe(0);
    for await (const { input } of textWindows(numbers, { length: 9 })) expect(input.shape).toEqual([9]);
    expect(() => textWindows(numbers, { length: 0 })).toThrow(/textWindows: length/);
  });

  it('reads UTF-8, compressed or not, and nothing else', async () => {
    expect(await readText(await put('a.txt', 'naïve'))).toBe('naïve');
    expect(await readText(await put('a.txt.gz', gzipSync('naïve')))).toBe('naïve');
    await expect(readText(await put('b.txt', Uint8Array.of(0xff, 0x41)))).rejects.toThrow(/b\.txt is not UTF-8/);
  });
});
