/** Tokenisers: what is encoded is decoded again, whole or number by number, also by what was kept as JSON. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bpeTokenizer,
  byteTokenizer,
  characterTokenizer,
  readBpeTokenizer,
  restoreTokenizer,
  type Tokenizer,
  wordTokenizer,
} from '../../src/text/index.js';
import { tokenizerJson } from './bpe.js';

const text = 'Then the 3rd man said:\n\n"naïve 𝄞 — the élan, don\'t!"\t\tthe  the\r\n\u{1F600}';
const made: Record<string, Tokenizer | Promise<Tokenizer>> = {
  character: characterTokenizer(text),
  word: wordTokenizer(text),
  'word with a limit': wordTokenizer(text, { maxSize: 100 }),
  byte: byteTokenizer(),
  bpe: bpeTokenizer(tokenizerJson),
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-text-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('every tokeniser', () => {
  for (const [name, given] of Object.entries(made)) {
    it(`${name}: gives back what it was given`, async () => {
      const tokenizer = await given;
      const numbers = tokenizer.encode(text);
      expect(numbers).toBeInstanceOf(Int32Array);
      expect(Math.max(...numbers)).toBeLessThan(tokenizer.size);
      expect(tokenizer.decode(numbers)).toBe(text);
      expect([...tokenizer.encode('')]).toEqual([]);
      const stream = tokenizer.stream();
      const parts = [...numbers].map((number) => stream.push(number));
      expect(parts.join('') + stream.end()).toBe(text);
      for (const part of parts) expect(part.includes('\uFFFD')).toBe(false);
      for (const bad of [-1, 0.5, tokenizer.size])
        expect(() => tokenizer.decode([bad])).toThrow(`decode: ${bad} is not a number from 0 to ${tokenizer.size - 1}`);
    });

    it(`${name}: is the same again from JSON`, async () => {
      const tokenizer = await given;
      const again = await restoreTokenizer(JSON.parse(JSON.stringify(tokenizer.state())));
      expect([again.kind, again.size]).toEqual([tokenizer.kind, tokenizer.size]);
      expect(again.encode(text)).toEqual(tokenizer.encode(text));
    });
  }
});

describe('words', () => {
  it('bring along the space before them, the most frequent first', () => {
    const tokenizer = wordTokenizer('the cat, the dog');
    expect(tokenizer.state().tokens).toEqual([' cat', ' dog', ' the', ',', 'the'].sort());
    expect(wordTokenizer('a b b a b').state().tokens?.[0]).toBe(' b');
    expect(() => tokenizer.encode('the cow')).toThrow(/encode: " cow" is not in the vocabulary/);
  });

  it('that are left out share number 0', () => {
    const cut = wordTokenizer(' b b b a a c d', { maxSize: 3 });
    expect(cut.state().tokens).toEqual(['\uFFFD', ' b', ' a']);
    expect([...cut.encode('b b a c')]).toEqual([0, 1, 2, 0]);
    expect(cut.decode([1, 0])).toBe(' b\uFFFD');
    expect(wordTokenizer(' b b b a a c d', { minCount: 2 }).state()).toEqual(cut.state());
    expect(() => wordTokenizer('a', { maxSize: 0 })).toThrow(/wordTokenizer: maxSize must be at least 1/);
    expect(() => wordTokenizer('')).toThrow(/at least one word/);
  });
});

describe('bytes and characters', () => {
  it('that are no text are shown as U+FFFD', () => {
    expect(byteTokenizer().decode([0xc3])).toBe('\uFFFD');
    const stream = byteTokenizer().stream();
    expect([stream.push(0xc3), stream.push(0xa9), stream.push(0xc3), stream.end()]).toEqual(['', 'é', '', '\uFFFD']);
  });

  it('need a text', () => {
    expect(() => characterTokenizer('')).toThrow(/at least one character/);
    expect(() => characterTokenizer('abc').encode('abd')).toThrow(/encode: "d" at 2 is not in the vocabulary/);
  });
});

describe('bpe', () => {
  it('merges, and holds back halves of characters', async () => {
    const tokenizer = await bpeTokenizer(tokenizerJson);
    expect(tokenizer.size).toBe(259);
    expect([...tokenizer.encode('a the')]).toEqual([97, 258]);
    const stream = tokenizer.stream();
    expect([stream.push(0xc3), stream.push(0xa9), stream.push(0xc3), stream.end()]).toEqual(['', 'é', '', '\uFFFD']);
  });

  it('reads tokenizer.json, and says what is none', async () => {
    const path = join(folder, 'tokenizer.json');
    await writeFile(path, JSON.stringify(tokenizerJson));
    expect((await readBpeTokenizer(path)).size).toBe(259);
    await writeFile(path, '{');
    await expect(readBpeTokenizer(path)).rejects.toThrow(/tokenizer.json is no JSON/);
    await writeFile(path, '{}');
    await expect(readBpeTokenizer(path)).rejects.toThrow(/this is no tokenizer.json/);
    await expect(readBpeTokenizer(join(folder, 'none.json'))).rejects.toThrow(/does not exist/);
  });
});

it('what was kept must be a tokeniser', async () => {
  for (const state of [{ kind: 'syllable' }, { kind: 'word', tokens: [] }, { kind: 'character' }, undefined])
    await expect(restoreTokenizer(state as never, 'here')).rejects.toThrow(/^here: .*is no tokeniser/);
});
