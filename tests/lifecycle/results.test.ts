/** The arrays of results: ordinary memory of their own, whose every element the program has written. */
import { expect, it } from 'vitest';
import * as b from '../../src/index.js';

/** Elements of a result of more than 4 MiB, which lies on huge pages, and of one of more than 64 KiB. */
const lengths = [1_500_001, 20_000];

it.each(lengths)(
  'a result of %i elements is written wholly, however often its memory is used again',
  async (length) => {
    const fill = b.compile((x: b.Tensor<'float32'>) => b.add(b.expand(x, [length]), 1));
    for (let i = 0; i < 12; i++) {
      const result = await (await fill(b.tensor([i]))).data();
      expect(result.length).toBe(length);
      expect(result.every((element) => element === i + 1)).toBe(true);
    }
  },
);

it.each(lengths)('a result of %i elements has a buffer of its own that can be transferred', async (length) => {
  const result = await b.add(b.ones([length]), 1).data();
  expect([result.byteOffset, result.buffer.byteLength]).toEqual([0, 4 * length]);
  const moved = structuredClone(result, { transfer: [result.buffer as ArrayBuffer] });
  expect(moved[length - 1]).toBe(2);
  expect(result.length).toBe(0);
});
