/** safetensors: what is written is read back, byte for byte as others write it, and nothing damaged is believed. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, type Tensor, tensor } from '../../src/index.js';
import { loadSafetensors, loadSafetensorsMetadata, saveSafetensors } from '../../src/io/index.js';
import { duplicateKey } from '../../src/io/safetensors-header.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

function fileOf(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

async function load(bytes: Uint8Array): Promise<Record<string, Tensor>> {
  const path = join(folder, 'given.safetensors');
  await writeFile(path, bytes);
  return loadSafetensors(path);
}

describe('saveSafetensors and loadSafetensors', () => {
  it('keeps every dtype, shape, bit and the metadata', async () => {
    const path = join(folder, 'all.safetensors');
    const odd = Float32Array.of(0, -0, NaN, Infinity, 1e-42, 3.14);
    const saved = {
      f32: tensor(odd, { shape: [2, 3] }),
      f64: tensor([1 / 3], { dtype: 'float64' }),
      i32: tensor([[-1], [2 ** 31 - 1]], { dtype: 'int32' }),
      i64: tensor(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
      u8: tensor(Uint8Array.of(0, 255)),
      flags: tensor([true, false, true]),
      scalar: tensor(7),
      'empty ünicode "name"': tensor([], { shape: [0, 4] }),
    };
    await saveSafetensors(path, saved, { format: 'pt', note: 'ä' });
    const loaded = await loadSafetensors(path);
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(saved).sort());
    for (const [name, { shape, dtype }] of Object.entries(saved)) {
      expect([loaded[name].shape, loaded[name].dtype]).toEqual([shape, dtype]);
      expect(await loaded[name].data()).toEqual(await saved[name as 'f32'].data());
    }
    expect(new Uint32Array(((await loaded.f32.data()) as Float32Array).buffer)).toEqual(new Uint32Array(odd.buffer));
    expect(await loadSafetensorsMetadata(path)).toEqual({ format: 'pt', note: 'ä' });
  });

  it('computes lazy tensors first', async () => {
    const path = join(folder, 'lazy.safetensors');
    await saveSafetensors(path, { sum: add(tensor([1, 2]), tensor([3, 4])) });
    expect(await (await loadSafetensors(path)).sum.toArray()).toEqual([4, 6]);
  });

  it('writes the bytes that the reference implementation writes', async () => {
    const path = join(folder, 'bytes.safetensors');
    await saveSafetensors(path, { b: tensor(Uint8Array.of(7)), a: tensor(Float32Array.of(1)) });
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(
      bytes
        .subarray(8, 8 + length)
        .toString()
        .trimEnd(),
    ).toBe(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}',
    );
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63, 7]);
  });

  it('widens F16 and BF16 exactly', async () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x3555);
    const half = await load(
      fileOf({ h: { dtype: 'F16', shape: [7], data_offsets: [0, 14] } }, new Uint8Array(halves.buffer)),
    );
    expect(half.h.dtype).toBe('float32');
    expect([...(await half.h.data())]).toEqual([1, -2, 65504, 2 ** -24, -0, Infinity, 0.333251953125]);
    const brain = Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x0001);
    const loaded = await load(
      fileOf({ b: { dtype: 'BF16', shape: [4], data_offsets: [0, 8] } }, new Uint8Array(brain.buffer)),
    );
    expect([...(await loaded.b.data())]).toEqual([1, -3.140625, Infinity, Math.fround(2 ** -133)]);
  });

  it('refuses what is no tensor, and the reserved name', async () => {
    const path = join(folder, 'never.safetensors');
    const code = 'ERR_BRAWN_ARGUMENT';
    await expect(saveSafetensors(path, { x: 3 as never })).rejects.toMatchObject({ code });
    await expect(saveSafetensors(path, { __metadata__: tensor(1) })).rejects.toMatchObject({ code });
    await expect(saveSafetensors(path, { x: tensor(1) }, { n: 1 as never })).rejects.toMatchObject({ code });
    expect(await readdir(folder)).not.toContain('never.safetensors');
  });
});

const entry = (dtype: string, shape: unknown, data_offsets: unknown) => ({ dtype, shape, data_offsets });

/** Damage, and what the message says of it. */
const damaged: Record<string, [Uint8Array, RegExp]> = {
  'an empty file': [new Uint8Array(), /has 0 bytes/],
  'a header longer than the file': [fileOf({}).fill(255, 0, 2), /header should have \d+ bytes but 2 follow/],
  'an absurd header length': [new Uint8Array(16).fill(255), /header should have/],
  'no JSON': [fileOf('{"a": '), /not valid JSON/],
  'invalid UTF-8': [fileOf('{"a"}').fill(0xff, 9, 10), /not valid JSON/],
  'a JSON array': [fileOf([]), /not a JSON object/],
  'leading spaces': [fileOf(' {}'), /not a JSON object/],
  'a name twice': [
    fileOf(
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    ),
    /"a" twice/,
  ],
  'an entry that is no object': [fileOf({ a: 3 }), /"a" is not an object/],
  'no dtype': [fileOf({ a: { shape: [], data_offsets: [0, 0] } }), /no dtype/],
  'an unknown dtype': [fileOf({ a: entry('F8_E4M3', [1], [0, 1]) }, new Uint8Array(1)), /F8_E4M3; brawn reads F64/],
  'an inherited name as dtype': [fileOf({ a: entry('toString', [1], [0, 1]) }, new Uint8Array(1)), /toString; brawn/],
  'a negative dimension': [fileOf({ a: entry('F32', [-1], [0, 4]) }, new Uint8Array(4)), /no valid shape/],
  'a fractional dimension': [fileOf({ a: entry('U8', [0.5], [0, 1]) }, new Uint8Array(1)), /no valid shape/],
  'offsets that are no numbers': [fileOf({ a: entry('F32', [1], ['0', 4]) }, new Uint8Array(4)), /data_offsets/],
  'offsets in the wrong order': [fileOf({ a: entry('F32', [1], [4, 0]) }, new Uint8Array(4)), /data_offsets/],
  'a range of another size': [
    fileOf({ a: entry('F32', [2], [0, 4]) }, new Uint8Array(4)),
    /needs 8 bytes but its range has 4/,
  ],
  'truncated data': [fileOf({ a: entry('F32', [2], [0, 8]) }, new Uint8Array(7)), /need 8 bytes but only 7 follow/],
  'trailing data': [fileOf({ a: entry('F32', [1], [0, 4]) }, new Uint8Array(5)), /1 bytes follow the last/],
  'a gap': [
    fileOf({ a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [2, 3]) }, new Uint8Array(3)),
    /"b" starts at byte 2 .* ends at 1/,
  ],
  'an overlap': [
    fileOf({ a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [1, 3]) }, new Uint8Array(3)),
    /"b" starts at byte 1 .* ends at 2/,
  ],
  'metadata of numbers': [fileOf({ __metadata__: { a: 1 } }), /__metadata__/],
  'BOOL bytes other than 0 and 1': [
    fileOf({ a: entry('BOOL', [2], [0, 2]) }, Uint8Array.of(1, 2)),
    /other than 0 and 1/,
  ],
};

describe('damaged files', () => {
  for (const [what, [bytes, message]] of Object.entries(damaged))
    it(`${what}: FileFormatError`, async () => {
      const failure = await load(bytes).catch((error) => error);
      expect(failure).toMatchObject({ code: 'ERR_BRAWN_FORMAT', message: expect.stringMatching(message) });
      expect(failure.message).toContain('given.safetensors');
    });

  it('every truncation of a good file is refused', async () => {
    const good = fileOf({ a: entry('F32', [1], [0, 4]) }, new Uint8Array(4));
    for (let length = 0; length < good.length; length++)
      await expect(load(good.subarray(0, length))).rejects.toMatchObject({ code: 'ERR_BRAWN_FORMAT' });
  });

  it('a missing file and a folder: FileError', async () => {
    const missing = loadSafetensors(join(folder, 'nothing'));
    await expect(missing).rejects.toMatchObject({
      code: 'ERR_BRAWN_FILE',
      message: expect.stringContaining('not exist'),
    });
    await expect(loadSafetensors(folder)).rejects.toMatchObject({ code: 'ERR_BRAWN_FILE' });
  });

  it('finds repeated keys at every depth, and only those', () => {
    expect(duplicateKey('{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}],"d":"{\\"a\\":1"}')).toBeUndefined();
    expect(duplicateKey('{"x":{"k":1,"k":2}}')).toBe('k');
  });
});
