/** Drawn digits: the same everywhere, balanced, varied, quick, and drawn without holding the event loop. */
import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { digits } from '../../src/data/index.js';

async function draw(count: number, seed: number) {
  for await (const { image, label } of digits({ count, seed }).batch(count)) {
    expect([image.shape, label.shape]).toEqual([[count, 1, 28, 28], [count]]);
    return { pixels: await image.data(), labels: await label.data() };
  }
  throw new Error('no digits');
}

const hash = (array: ArrayBufferView) =>
  createHash('sha256')
    .update(array as Uint8Array)
    .digest('hex')
    .slice(0, 16);

it('equal seeds give equal images, whatever the count; other seeds give others', async () => {
  const [few, many, other] = [await draw(20, 5), await draw(40, 5), await draw(20, 6)];
  expect(many.pixels.subarray(0, few.pixels.length)).toEqual(few.pixels);
  expect(hash(other.pixels)).not.toBe(hash(few.pixels));
});

it('classes come in turn; pixels lie in [0, 1]; every digit is drawn, centred and unlike its neighbours', async () => {
  const { pixels, labels } = await draw(200, 1);
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    expect(labels[i]).toBe(i % 10);
    const image = pixels.subarray(i * 784, (i + 1) * 784);
    let [ink, x, y] = [0, 0, 0];
    image.forEach((value, at) => {
      expect(value >= 0 && value <= 1).toBe(true);
      if (value < 0.3) return;
      ink += value;
      x += value * (at % 28);
      y += value * Math.floor(at / 28);
    });
    expect(ink).toBeGreaterThan(12);
    expect(ink).toBeLessThan(260);
    expect(Math.abs(x / ink - 13.5)).toBeLessThan(6);
    expect(Math.abs(y / ink - 13.5)).toBeLessThan(6);
    seen.add(hash(image));
  }
  expect(seen.size).toBe(200);
});

it('thousands a second, in small slices', async () => {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await digits({ count: 2000, seed: 9 }).length();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  expect(seconds).toBeLessThan(4);
  expect(delay.percentile(50) / 1e6).toBeLessThan(50);
});

it('refuses a count or seed that is no whole number', () => {
  expect(() => digits({ count: 0 })).toThrow(/count must be a positive integer/);
  expect(() => digits({ seed: 1.5 })).toThrow(/seed must be an integer/);
});
