/** Texts to learn from, and the streams that truncated back-propagation reads them in. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textStreams } from '../../src/data/index.js';
import { packageCorpus, readCorpus } from '../../src/text/index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-corpus-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = async (name: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), content);
};

describe('a corpus', () => {
  it('is a file, or the text files below a folder in order', async () => {
    await put('b.txt', 'bé');
    await put('a/z.txt', 'z');
    await put('a/y.md', 'y');
    await put('.git/config', 'hidden');
    await put('node_modules/x/index.js', 'installed');
    await put('picture.png', Uint8Array.of(137, 80, 78, 71, 0, 0));
    const { text, files } = await readCorpus(folder);
    expect(text).toBe('y\nz\nbé');
    expect(files).toEqual(['a/y.md', 'a/z.txt', 'b.txt'].map((name) => join(folder, name)));
    expect((await readCorpus(join(folder, 'b.txt'))).text).toBe('bé');
  });

  it('says what cannot be read', async () => {
    await expect(readCorpus(join(folder, 'none'))).rejects.toThrow(/readCorpus: .*none does not exist/);
    await expect(readCorpus(folder)).rejects.toThrow(/has no text files/);
    await put('latin.txt', Uint8Array.of(0x6e, 0x61, 0xef, 0x76, 0x65));
    await expect(readCorpus(folder)).rejects.toThrow(/latin.txt is not UTF-8 text/);
    await expect(readCorpus(join(folder, 'latin.txt'))).rejects.toThrow(/latin.txt is not UTF-8 text/);
  });

  it('of the package is its JavaScript or TypeScript and its C++', async () => {
    const { text, files } = await packageCorpus();
    expect(text.length).toBeGreaterThan(500_000);
    expect(text).toContain('constexpr int kAbiVersion');
    expect(files.some((file) => /text[/\\]corpus\.[jt]s$/.test(file))).toBe(true);
    expect(files.some((file) => file.endsWith('.d.ts'))).toBe(false);
  });
});

describe('textStreams', () => {
  const numbers = Int32Array.from({ length: 26 }, (_, i) => i);

  it('goes on in each row where the batch before ended', async () => {
    const batches = textStreams(numbers, { length: 3, batchSize: 2 });
    expect(await batches.steps()).toBe(4);
    const rows: string[] = [];
    for await (const { input, target, carry } of batches)
      rows.push(`${(await input.data()).join(' ')} | ${(await target.data()).join(' ')} | ${await carry.item()}`);
    expect(rows).toEqual([
      '0 1 2 12 13 14 | 1 2 3 13 14 15 | 0',
      '3 4 5 15 16 17 | 4 5 6 16 17 18 | 1',
      '6 7 8 18 19 20 | 7 8 9 19 20 21 | 1',
      '9 10 11 21 22 23 | 10 11 12 22 23 24 | 1',
    ]);
  });

  it('starts over in each epoch, and can be read from any step', async () => {
    const batches = textStreams(numbers, { length: 3, batchSize: 2 });
    for await (const _ of batches);
    expect(batches.state()).toEqual({ epoch: 1, step: 0 });
    batches.restore({ epoch: 1, step: 2 });
    for await (const { input, carry } of batches) {
      expect([(await input.data())[0], await carry.item()]).toEqual([6, 1]);
      break;
    }
  });

  it('needs a text of one batch', async () => {
    expect(await textStreams(numbers, { length: 25, batchSize: 1 }).steps()).toBe(1);
    expect(() => textStreams(numbers, { length: 26, batchSize: 1 })).toThrow(
      /1 streams of at least 26 need a text of 27, this one has 26; use a smaller batchSize or length/,
    );
    expect(() => textStreams(numbers, { length: 0, batchSize: 1 })).toThrow(/textStreams: length/);
    expect(() => textStreams([1] as never, { length: 1, batchSize: 1 })).toThrow(/needs an Int32Array/);
  });
});
