/**
 * Handwritten-looking digits that the package draws itself, so that a first training needs no download. Each sample
 * picks one way of writing the digit (`glyphs.ts`), moves its points a little, bends and slants the whole, and draws it
 * with a pen of varying pressure on a 28 x 28 grid, white on black, with paper noise.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { ArgumentError } from '../errors.js';
import { columnSource } from './arrays.js';
import { Dataset } from './dataset.js';
import { type Glyph, glyphs, type Stroke } from './glyphs.js';
import type { DigitSample } from './mnist.js';
import { checkSeed, Rng } from './rng.js';

const kSize = 28;
const kPixels = kSize * kSize;
/** Width and height of the box that the unit square of a glyph fills, in pixels. */
const kBox = 19;

/** Options of `digits`. */
export interface DigitOptions {
  /** Number of digits, as many of each class; 10,000 unless told. */
  readonly count?: number;
  /** Equal seeds give equal images on every machine; 0 unless told. Another seed gives held-out digits. */
  readonly seed?: number;
}

/** From the unit square to pixels: a bend, then an affine map. */
type Placement = (x: number, y: number) => readonly [number, number];

function placement(rng: Rng): Placement {
  const slant = 0.14 + 0.22 * rng.normal();
  const turnBy = 0.1 * rng.normal();
  const [cos, sin] = [Math.cos(turnBy), Math.sin(turnBy)];
  const height = kBox * rng.uniform(0.84, 1.08);
  const width = height * rng.uniform(0.66, 1.12);
  const [dx, dy] = [1.1 * rng.normal(), 0.9 * rng.normal()];
  const [bendX, bendY] = [0.05 * rng.normal(), 0.05 * rng.normal()];
  const [phaseX, phaseY] = [rng.uniform(0, 2 * Math.PI), rng.uniform(0, 2 * Math.PI)];
  return (x, y) => {
    const u = x - 0.5 + bendX * Math.sin(2.4 * Math.PI * y + phaseX);
    const v = y - 0.5 + bendY * Math.sin(2.4 * Math.PI * x + phaseY);
    const [px, py] = [width * u - slant * height * v, height * v];
    return [kSize / 2 + dx + cos * px - sin * py, kSize / 2 + dy + sin * px + cos * py];
  };
}

/** The points of a stroke in pixels, each moved a little, much as its neighbours are; corners move as one. */
function placed(stroke: Stroke, place: Placement, wobble: number, rng: Rng): number[] {
  const points: number[] = [];
  let [du, dv] = [wobble * rng.normal(), wobble * rng.normal()];
  for (let i = 0; i < stroke.length; i += 2) {
    const isCorner = i > 0 && stroke[i] === stroke[i - 2] && stroke[i + 1] === stroke[i - 1];
    if (isCorner) {
      points.push(points[i - 2], points[i - 1]);
      continue;
    }
    du = 0.7 * du + 0.7 * wobble * rng.normal();
    dv = 0.7 * dv + 0.7 * wobble * rng.normal();
    points.push(...place(stroke[i] + du, stroke[i + 1] + dv));
  }
  return points;
}

const kSteps = 5;

/** A Catmull-Rom curve through the points, as short straight pieces. */
function curve(points: readonly number[]): number[] {
  const count = points.length / 2;
  const at = (i: number, axis: number) => points[2 * Math.min(Math.max(i, 0), count - 1) + axis];
  const out = [points[0], points[1]];
  for (let i = 0; i < count - 1; i++)
    for (let step = 1; step <= kSteps; step++) {
      const t = step / kSteps;
      for (const axis of [0, 1]) {
        const [a, b, c, d] = [at(i - 1, axis), at(i, axis), at(i + 1, axis), at(i + 2, axis)];
        const cubic = (3 * b - 3 * c + d - a) * t + 2 * a - 5 * b + 4 * c - d;
        out.push(0.5 * (2 * b + (c - a) * t + cubic * t * t));
      }
    }
  return out;
}

/** Draws a straight piece with round ends into `ink`; radius `r0` at its start, `r1` at its end. */
function drawPiece(ink: Float32Array, x0: number, y0: number, x1: number, y1: number, r0: number, r1: number): void {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length2 = dx * dx + dy * dy;
  const reach = Math.max(r0, r1) + 0.7;
  const [left, right] = [
    Math.max(0, Math.floor(Math.min(x0, x1) - reach)),
    Math.min(kSize - 1, Math.ceil(Math.max(x0, x1) + reach)),
  ];
  const [top, bottom] = [
    Math.max(0, Math.floor(Math.min(y0, y1) - reach)),
    Math.min(kSize - 1, Math.ceil(Math.max(y0, y1) + reach)),
  ];
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) {
      const [px, py] = [column + 0.5 - x0, row + 0.5 - y0];
      const along = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const [ex, ey] = [px - along * dx, py - along * dy];
      // The edge falls off over 1.4 pixels, which is what anti-aliases it.
      const cover = (r0 + (r1 - r0) * along + 0.7 - Math.sqrt(ex * ex + ey * ey)) / 1.4;
      const index = row * kSize + column;
      if (cover > ink[index]) ink[index] = Math.min(1, cover);
    }
}

function drawStroke(ink: Float32Array, points: readonly number[], radius: number, rng: Rng): void {
  const pieces = points.length / 2 - 1;
  // Pressure changes slowly along the stroke.
  const [depth, waves, phase] = [rng.uniform(0, 0.28), rng.uniform(0.4, 1.6), rng.uniform(0, 2 * Math.PI)];
  const pressure = (i: number) => radius * (1 + depth * Math.sin((2 * Math.PI * waves * i) / pieces + phase));
  for (let i = 0; i < pieces; i++)
    drawPiece(
      ink,
      points[2 * i],
      points[2 * i + 1],
      points[2 * i + 2],
      points[2 * i + 3],
      pressure(i),
      pressure(i + 1),
    );
}

/** Draws one digit into 784 bytes. */
function drawDigit(out: Uint8Array, ink: Float32Array, glyph: Glyph, rng: Rng): void {
  ink.fill(0);
  const place = placement(rng);
  const radius = rng.uniform(0.65, 1.75);
  const wobble = rng.uniform(0.012, 0.034);
  for (const stroke of glyph) drawStroke(ink, curve(placed(stroke, place, wobble, rng)), radius, rng);
  const strength = rng.uniform(0.82, 1);
  const noise = rng.uniform(0, 0.055);
  for (let i = 0; i < kPixels; i++) {
    const grain = noise * (rng.uniform() + rng.uniform() + rng.uniform() - 1.5);
    out[i] = 255 * Math.min(1, Math.max(0, strength * ink[i] + grain)) + 0.5;
  }
}

/** Digits drawn before other work gets its turn, so that the event loop is never held for long. */
const kSlice = 32;

/** Draws `count` digits; digit i is the same whatever the count. */
async function drawAll(count: number, seed: number): Promise<{ images: Uint8Array; labels: Int32Array }> {
  const images = new Uint8Array(count * kPixels);
  const labels = new Int32Array(count);
  const ink = new Float32Array(kPixels);
  for (let i = 0; i < count; i++) {
    const rng = new Rng(seed, i);
    labels[i] = i % 10;
    const ways = glyphs[labels[i]];
    drawDigit(images.subarray(i * kPixels, (i + 1) * kPixels), ink, ways[rng.int(ways.length)], rng);
    if (i % kSlice === kSlice - 1) await turn();
  }
  return { images, labels };
}

/**
 * Drawn digits: images [1,28,28] in [0, 1] and labels 0 to 9, in turn. Drawn when first iterated.
 * @throws ArgumentError for a count or seed that is no whole number.
 */
export function digits(options: DigitOptions = {}): Dataset<DigitSample> {
  const { count = 10_000, seed = 0 } = options;
  if (!Number.isSafeInteger(count) || count < 1)
    throw new ArgumentError(`digits: count must be a positive integer, got ${String(count)}`);
  checkSeed(seed, 'digits');
  return new Dataset(async () => {
    const { images, labels } = await drawAll(count, seed);
    const lookup = Float32Array.from({ length: 256 }, (_, i) => i / 255);
    return columnSource<DigitSample>({
      image: { data: images, shape: [count, 1, kSize, kSize], lookup },
      label: { data: labels },
    });
  });
}
