/** Loops over the pixels of one image, channels first; what `augment-ops.ts` is made of. */
import type { Image } from './augment-ops.js';

/** The window of `height` x `width` whose corner is at (`top`, `left`), which may lie outside; `fill` outside. */
export function crop(image: Image, top: number, left: number, height: number, width: number, fill: number): Image {
  const { data, channels } = image;
  const out = new Float32Array(channels * height * width);
  if (fill !== 0) out.fill(fill);
  const [from, to] = [Math.max(0, -left), Math.min(width, image.width - left)];
  for (let c = 0; c < channels && from < to; c++)
    for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
      const start = (c * image.height + top + y) * image.width + left;
      out.set(data.subarray(start + from, start + to), (c * height + y) * width + from);
    }
  return { data: out, channels, height, width };
}

/** Left becomes right, in place. */
export function flipColumns({ data, width }: Image): void {
  for (let row = 0; row < data.length; row += width) data.subarray(row, row + width).reverse();
}

/** Top becomes bottom, in place. */
export function flipRows({ data, channels, height, width }: Image): void {
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height >> 1; y++) {
      const [a, b] = [(c * height + y) * width, (c * height + height - 1 - y) * width];
      const row = data.slice(a, a + width);
      data.copyWithin(a, b, b + width);
      data.set(row, b);
    }
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/**
 * The image turned (degrees, clockwise), sheared along x, sized and shifted (pixels) about its centre. Each output pixel
 * is taken from its place in the input between four pixels; those outside count as `fill`.
 */
export function affine(
  image: Image,
  degrees: number,
  [shiftX, shiftY]: readonly [number, number],
  scale: number,
  shear: number,
  fill: number,
): Image {
  const { data, channels, height, width } = image;
  const [cos, sin, tan] = [Math.cos(radians(degrees)), Math.sin(radians(degrees)), Math.tan(radians(shear))];
  // The inverse of scale * rotation * shear.
  const [m00, m01] = [(cos - sin * tan) / scale, (sin + cos * tan) / scale];
  const [m10, m11] = [-sin / scale, cos / scale];
  const out = new Float32Array(data.length);
  const size = height * width;
  const [halfX, halfY] = [(width - 1) / 2, (height - 1) / 2];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const dx = x - halfX - shiftX;
      const dy = y - halfY - shiftY;
      const sx = m00 * dx + m01 * dy + halfX;
      const sy = m10 * dx + m11 * dy + halfY;
      const x0 = Math.floor(sx);
      const y0 = Math.floor(sy);
      const fx = sx - x0;
      const fy = sy - y0;
      const left = x0 >= 0 && x0 < width;
      const right = x0 >= -1 && x0 < width - 1;
      const top = y0 >= 0 && y0 < height;
      const bottom = y0 >= -1 && y0 < height - 1;
      for (let c = 0, at = y0 * width + x0, to = y * width + x; c < channels; c++, at += size, to += size) {
        const a = top && left ? data[at] : fill;
        const b = top && right ? data[at + 1] : fill;
        const d = bottom && left ? data[at + width] : fill;
        const e = bottom && right ? data[at + width + 1] : fill;
        out[to] = (a * (1 - fx) + b * fx) * (1 - fy) + (d * (1 - fx) + e * fx) * fy;
      }
    }
  return { data: out, channels, height, width };
}

const greyOf = (r: number, g: number, b: number): number => 0.2989 * r + 0.587 * g + 0.114 * b;

function meanGrey({ data, channels }: Image): number {
  const size = data.length / channels;
  let sum = 0;
  if (channels === 3) for (let i = 0; i < size; i++) sum += greyOf(data[i], data[i + size], data[i + 2 * size]);
  else for (const value of data) sum += value / channels;
  return sum / size;
}

/** Values below 0 become 0 and those above 1 become 1, in place. */
function clampUnit(data: Float32Array): void {
  for (let i = 0; i < data.length; i++) data[i] = data[i] < 0 ? 0 : data[i] > 1 ? 1 : data[i];
}

function saturate({ data, channels }: Image, factor: number): void {
  if (channels !== 3) return;
  const size = data.length / 3;
  for (let i = 0; i < size; i++) {
    const grey = greyOf(data[i], data[i + size], data[i + 2 * size]);
    for (let at = i; at < data.length; at += size) data[at] = factor * data[at] + (1 - factor) * grey;
  }
}

/** Moves hues around the colour circle by way of HSV (Smith, "Color gamut transform pairs", 1978). */
function shiftHue({ data, channels }: Image, shift: number): void {
  if (channels !== 3) return;
  const size = data.length / 3;
  for (let i = 0; i < size; i++) {
    const r = data[i];
    const g = data[i + size];
    const b = data[i + 2 * size];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sector = value === r ? (g - b) / chroma : value === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const turned = sector + 6 * shift;
    const hue = turned - 6 * Math.floor(turned / 6);
    data[i] = channelOf(value, chroma, hue + 5);
    data[i + size] = channelOf(value, chroma, hue + 3);
    data[i + 2 * size] = channelOf(value, chroma, hue + 1);
  }
}

/** Distance from its primary on the colour circle decides how much of the chroma a channel lacks. */
function channelOf(value: number, chroma: number, offset: number): number {
  const k = offset < 6 ? offset : offset - 6;
  return value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
}

/** One part of colour jitter in place: 0 brightness, 1 contrast, 2 saturation, 3 hue. */
export function colorJitterInto(image: Image, which: number, amount: number): void {
  const { data } = image;
  if (amount === (which === 3 ? 0 : 1)) return;
  if (which === 0) for (let i = 0; i < data.length; i++) data[i] *= amount;
  else if (which === 1) {
    const rest = (1 - amount) * meanGrey(image);
    for (let i = 0; i < data.length; i++) data[i] = amount * data[i] + rest;
  } else if (which === 2) saturate(image, amount);
  else shiftHue(image, amount);
  clampUnit(data);
}
