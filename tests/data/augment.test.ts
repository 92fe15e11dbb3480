/** Augmentations: what each does, and that nothing but seed, epoch and number decides it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { affine } from '../../src/data/image.js';
import {
  type Augmentation,
  applyAugmentations,
  augment,
  centerCrop,
  colorJitter,
  cutout,
  type Dataset,
  fromArrays,
  type Image,
  mixup,
  normalize,
  Rng,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  randomVerticalFlip,
} from '../../src/data/index.js';
import { type Tensor, tensor } from '../../src/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const filesUnder = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));

const imageOf = (channels: number, height: number, width: number, value: (i: number) => number): Image => ({
  data: Float32Array.from({ length: channels * height * width }, (_, i) => value(i)),
  channels,
  height,
  width,
});
const apply = (image: Image, what: Augmentation, seed = 1) => applyAugmentations(image, [what], new Rng(seed));
const rounded = (data: ArrayLike<number>) => Array.from(data, (value) => Math.round(value * 1e4) / 1e4 + 0);

describe('geometry', () => {
  const three = imageOf(1, 3, 3, (i) => i + 1);

  it('crops at every place, with padding', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const { data, height, width } = apply(three, randomCrop(2), seed);
      expect([height, width]).toEqual([2, 2]);
      seen.add(data.join());
    }
    expect([...seen].sort()).toEqual(['1,2,4,5', '2,3,5,6', '4,5,7,8', '5,6,8,9']);
    const padded = new Set<number>();
    for (let seed = 0; seed < 300; seed++)
      padded.add(apply(three, randomCrop(3, { padding: 2, fill: -1 }), seed).data[0]);
    expect([...padded].sort((a, b) => a - b)).toEqual([-1, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...apply(three, centerCrop(1)).data]).toEqual([5]);
    expect([...apply(three, centerCrop([1, 3])).data]).toEqual([4, 5, 6]);
    expect(() => apply(three, randomCrop(4))).toThrow(/window of 4 x 4 does not fit in an image of 3 x 3/);
  });

  it('flips each channel, with its probability', () => {
    const two = imageOf(2, 2, 2, (i) => i);
    expect([...apply(two, randomHorizontalFlip(1)).data]).toEqual([1, 0, 3, 2, 5, 4, 7, 6]);
    expect([...apply(two, randomVerticalFlip(1)).data]).toEqual([2, 3, 0, 1, 6, 7, 4, 5]);
    expect([...apply(two, randomHorizontalFlip(0)).data]).toEqual([...two.data]);
    let flipped = 0;
    for (let seed = 0; seed < 1000; seed++) flipped += apply(two, randomHorizontalFlip(0.3), seed).data[0];
    expect(Math.abs(flipped - 300)).toBeLessThan(60);
  });

  it('turns, shifts, sizes and shears', () => {
    const fixed = (options: Parameters<typeof randomAffine>[0]) => rounded(apply(three, randomAffine(options)).data);
    expect(fixed({})).toEqual([...three.data]);
    expect(fixed({ degrees: [90, 90] })).toEqual([7, 4, 1, 8, 5, 2, 9, 6, 3]);
    expect(fixed({ degrees: [180, 180] })).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(fixed({ scale: [2, 2] })).toEqual([3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7]);
    // A row below the centre moves left by tan(45 degrees) = 1 column.
    expect(fixed({ shear: [45, 45], fill: -1 })).toEqual([-1, 1, 2, 4, 5, 6, 8, 9, -1]);
    const shifted = apply(three, randomAffine({ translate: [1, 0] }), 3).data;
    expect(rounded(shifted)).not.toEqual([...three.data]);
  });
});

describe('torchvision', () => {
  interface Row {
    readonly args: readonly number[];
    readonly value: readonly number[];
  }
  const golden = JSON.parse(readFileSync(join(root, 'tests/golden/augment.json'), 'utf8')) as Record<string, Row[]>;
  const image = imageOf(3, 5, 7, (i) => ((i * 37) % 101) / 101);
  const worst = (made: Float32Array, { value }: Row) => Math.max(...value.map((want, i) => Math.abs(want - made[i])));

  it('makes the same of an image', () => {
    for (const row of golden.affine) {
      const [degrees, shift, scale, shear] = row.args as never as [number, [number, number], number, number];
      const made = affine(image, degrees, shift, scale, shear, 0);
      expect(worst(made.data, row), `affine ${row.args}`).toBeLessThan(2e-5);
      // Filling with a value is filling with 0 around an image that is that much darker.
      const darker = { ...image, data: image.data.map((value) => value - 0.25) };
      const filled = affine(image, degrees, shift, scale, shear, 0.25).data.map((value) => value - 0.25);
      const value = Array.from(affine(darker, degrees, shift, scale, shear, 0).data);
      expect(worst(filled, { args: row.args, value })).toBeLessThan(1e-6);
    }
    for (const name of ['brightness', 'contrast', 'saturation', 'hue'])
      for (const row of golden[name]) {
        const made = apply(image, colorJitter({ [name]: [row.args[0], row.args[0]] }));
        expect(worst(made.data, row), `${name} ${row.args}`).toBeLessThan(2e-5);
      }
  });
});

describe('colour', () => {
  const fixed = (name: string, value: number) => colorJitter({ [name]: [value, value] });
  const pixel = (...rgb: number[]) => imageOf(3, 1, 1, (i) => rgb[i]);

  it('changes brightness, contrast, saturation and hue as it should', () => {
    expect(rounded(apply(pixel(0.2, 0.4, 0.8), fixed('brightness', 1.5)).data)).toEqual([0.3, 0.6, 1]);
    const grey = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8;
    const half = rounded([0.2, 0.4, 0.8].map((value) => value / 2 + grey / 2));
    expect(rounded(apply(pixel(0.2, 0.4, 0.8), fixed('saturation', 0.5)).data)).toEqual(half);
    expect(rounded(apply(pixel(0.2, 0.4, 0.8), fixed('contrast', 0.5)).data)).toEqual(half);
    const third = fixed('hue', 1 / 3);
    expect(rounded(apply(pixel(1, 0, 0), third).data)).toEqual([0, 1, 0]);
    expect(rounded(apply(pixel(0.2, 0.4, 0.8), third).data)).toEqual([0.8, 0.2, 0.4]);
    expect(rounded(apply(pixel(0.2, 0.4, 0.8), fixed('hue', -1 / 3)).data)).toEqual([0.4, 0.8, 0.2]);
    expect(rounded(apply(pixel(0.5, 0.5, 0.5), third).data)).toEqual([0.5, 0.5, 0.5]);
    const one = imageOf(1, 1, 2, (i) => i / 2);
    expect(rounded(apply(one, fixed('contrast', 0)).data)).toEqual([0.25, 0.25]);
    expect(rounded(apply(one, fixed('hue', 0.5)).data)).toEqual([0, 0.5]);
  });

  it('cuts out and normalizes', () => {
    const ones = imageOf(2, 8, 8, () => 1);
    for (let seed = 0; seed < 50; seed++) {
      const { data } = apply(ones, cutout(4, { fill: 0 }), seed);
      const cut = data.filter((value) => value === 0).length;
      expect(cut % 2).toBe(0);
      expect(cut).toBeGreaterThanOrEqual(2 * 4);
      expect(cut).toBeLessThanOrEqual(2 * 16);
    }
    const two = imageOf(2, 1, 2, (i) => i);
    expect(rounded(apply(two, normalize([1, 2], [2, 4])).data)).toEqual([-0.5, 0, 0, 0.25]);
    expect(rounded(apply(two, normalize(1, 2)).data)).toEqual([-0.5, 0, 0.5, 1]);
    expect(() => apply(two, normalize([1, 2, 3], [1, 1, 1]))).toThrow(/3 numbers but the image has 2 channels/);
  });

  it('refuses what makes no sense', () => {
    const bad: [() => unknown, RegExp][] = [
      [() => randomCrop(0), /randomCrop: size/],
      [() => randomCrop(2, { padding: -1 }), /randomCrop: padding/],
      [() => randomHorizontalFlip(2), /randomHorizontalFlip: p must be/],
      [() => randomAffine({ scale: [0, 1] }), /randomAffine: scale/],
      [() => randomAffine({ degrees: [3, 1] }), /randomAffine: degrees/],
      [() => randomAffine({ translate: 2 }), /randomAffine: translate/],
      [() => colorJitter({ hue: 0.6 }), /colorJitter: hue/],
      [() => colorJitter({ brightness: -1 }), /colorJitter: brightness/],
      [() => cutout(2, { count: 0 }), /cutout: count/],
      [() => normalize(0, 0), /normalize: std/],
      [() => mixup({ classes: 0 }), /mixup: classes/],
      [() => mixup({ classes: 2, alpha: 0 }), /mixup: alpha/],
    ];
    for (const [call, message] of bad)
      expect(call).toThrowError(
        expect.objectContaining({ code: 'ERR_BRAWN_ARGUMENT', message: expect.stringMatching(message) }),
      );
  });
});

type Images = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };
const images = (count: number): Dataset<Images> =>
  fromArrays({
    image: {
      data: Float32Array.from({ length: count * 3 * 64 }, (_, i) => ((i * 37) % 101) / 101),
      shape: [count, 3, 8, 8],
    },
    label: { data: Int32Array.from({ length: count }, (_, i) => i % 4) },
  });

describe('determinism', () => {
  const list = [
    randomCrop(8, { padding: 2 }),
    randomHorizontalFlip(),
    randomAffine({ degrees: 20, translate: 0.1, scale: [0.8, 1.2], shear: 10 }),
    colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
    cutout(3),
    normalize(0.5, 0.25),
  ];

  async function epochs(concurrency: number, prefetch: number, seed = 5): Promise<Float32Array[]> {
    const change = augment(list, { seed });
    const slow = images(20)
      .shuffle({ seed: 2 })
      .map(
        async (sample, visit) => {
          for (let i = 0; i < (visit.index * 7) % (concurrency + 1); i++) await turn();
          return change(sample, visit);
        },
        { concurrency },
      );
    const out: Float32Array[] = [];
    const batches = slow.batch(6).prefetch(prefetch);
    for (const epoch of [0, 1])
      for await (const { image } of batches.from(epoch)) out.push((await image.data()) as Float32Array);
    return out;
  }

  it('one at a time and eight at a time give the same bits; epochs, seeds and samples differ', async () => {
    const [one, eight, other] = [await epochs(1, 0), await epochs(8, 3), await epochs(8, 3, 6)];
    expect(eight).toEqual(one);
    expect(other).not.toEqual(one);
    expect(new Set(one.map((batch) => batch.join())).size).toBe(one.length);
  });

  it('a sample that comes twice in an epoch looks different each time, and does not depend on its company', async () => {
    const change = augment(list, { seed: 5 });
    const pixels = async (data: Dataset<Images>) => {
      const out: string[] = [];
      for await (const { image } of data.map(change)) out.push((await image.data()).join());
      return out;
    };
    const twice = await pixels(images(3).repeat(2));
    expect(new Set(twice).size).toBe(6);
    expect((await pixels(images(9))).slice(0, 3)).toEqual(twice.slice(0, 3));
  });

  it('the samples themselves stay as they are', async () => {
    const data = images(2);
    const before: unknown[] = [];
    for await (const { image } of data) before.push(await image.toArray());
    for await (const _ of data.map(augment(list)));
    const after: unknown[] = [];
    for await (const { image } of data) after.push(await image.toArray());
    expect(after).toEqual(before);
  });

  it('worker threads give the same images, report failures, and let the process end', () => {
    // Threads start from compiled files, as in the package.
    const built = join(root, 'build', 'worker-test');
    for (const file of [...filesUnder('src'), 'tests/data/worker-map.ts']) {
      const { outputText } = ts.transpileModule(readFileSync(join(root, file), 'utf8'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      const to = join(built, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, outputText);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(built, 'tests/data/worker-map.js')], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    rmSync(built, { recursive: true });
    expect(stderr).toBe('');
    expect(stdout).toBe('0 10 20 40 60 70 | sample 5: no sample 5\ntrue\ntrue\n');
    expect(status).toBe(0);
  });
});

describe('mixup', () => {
  it('mixes images and labels by one share a batch, the same for the same step', async () => {
    const mixed = () =>
      images(8)
        .batch(4)
        .map(mixup({ classes: 4, alpha: 1, seed: 3 }));
    let original = new Float32Array();
    for await (const { image } of images(4).batch(4)) original = (await image.data()) as never;
    const read = async (step: number) => {
      for await (const { image, label } of mixed().from(2, step))
        return { pixels: [...(await image.data())], labels: (await label.toArray()) as number[][], image, label };
      throw new Error('no batch');
    };
    const [first, again, second] = [await read(0), await read(0), await read(1)];
    expect(first.image.shape).toEqual([4, 3, 8, 8]);
    expect(first.label.dtype).toBe('float32');
    expect(again.pixels).toEqual(first.pixels);
    expect(second.labels).not.toEqual(first.labels);
    for (const [i, row] of first.labels.entries()) {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      const j = row.findIndex((part, kind) => kind !== i && part > 0);
      const partner = j < 0 ? i : j;
      for (const at of [0, 17, 191]) {
        const expected =
          row[i] * original[i * 192 + at] + (partner === i ? 0 : row[partner] * original[partner * 192 + at]);
        expect(first.pixels[i * 192 + at]).toBeCloseTo(expected, 5);
      }
    }
    await expect(
      mixup({ classes: 2 })({ image: tensor([[1], [2]]), label: tensor([0, 5]) as Tensor }, { epoch: 0, step: 0 }),
    ).rejects.toThrow(/label 5 at \d; classes are 0 to 1/);
  });
});
