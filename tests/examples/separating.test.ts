import { expect, it } from 'vitest';
import { main } from '../../examples/separating.js';
import { outlines } from '../../examples/support/contour.js';
import { run } from './support.js';

it('separates Gaussians, XOR, circles and spirals, and shows how', async () => {
  const { result, svg } = await run('separating', main);
  const [gaussians, xor, circles, spirals] = result.accuracies;
  expect(gaussians).toBeGreaterThan(0.97);
  expect(xor).toBeGreaterThan(0.95);
  expect(circles).toBeGreaterThan(0.97);
  expect(spirals).toBeGreaterThan(0.95);

  // Well formed: every element is closed, in order.
  const open: string[] = [];
  for (const [, end, name, self] of svg.matchAll(/<(\/?)([\w-]+)(?:\s+[\w-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!self) open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg.replace(/<\/?[\w-]+(?:\s+[\w-]+="[^"<]*")*\s*\/?>/g, '')).not.toMatch(/[<>]/);

  // Each task moves six shapes through all frames, and the last frame once more; one text for each frame.
  const moving = [...svg.matchAll(/<animate attributeName="d" [^>]*keyTimes="([^"]*)" values="([^"]*)"/g)];
  expect(moving).toHaveLength(4 * 6);
  for (const [, times, values] of moving) {
    expect(times.split(';')).toHaveLength(result.frames + 1);
    expect(values.split(';')).toHaveLength(result.frames + 1);
    expect(new Set(values.split(';')).size).toBeGreaterThan(2);
  }
  expect([...svg.matchAll(/attributeName="visibility"/g)]).toHaveLength(4 * result.frames);
});

it('outlines close, inside and at the frame, and have holes', () => {
  const size = 41;
  const at = (i: number) => [(i % size) / 20 - 1, Math.floor(i / size) / 20 - 1];
  const values = (of: (x: number, y: number) => number) =>
    Array.from({ length: size * size }, (_, i) => of(...(at(i) as [number, number])));
  const area = (points: readonly (readonly [number, number])[]) =>
    points.reduce((sum, [x, y], i) => {
      const [nextX, nextY] = points[(i + 1) % points.length];
      return sum + (x * nextY - nextX * y) / 2;
    }, 0);

  const ring = outlines(
    values((x, y) => 0.16 - (Math.hypot(x, y) - 0.5) ** 2),
    size,
  );
  expect(ring).toHaveLength(2);
  const between = (Math.PI * (0.9 ** 2 - 0.1 ** 2)) / 4;
  expect(Math.abs(ring.reduce((sum, outline) => sum + area(outline), 0))).toBeCloseTo(between, 2);

  const half = outlines(
    values((x) => x - 0.5),
    size,
  );
  expect(half).toHaveLength(1);
  expect(Math.abs(area(half[0]))).toBeCloseTo(0.25, 2);
  expect(
    outlines(
      values(() => -1),
      size,
    ),
  ).toEqual([]);
});
