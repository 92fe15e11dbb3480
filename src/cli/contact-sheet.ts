/** A PNG of images in a grid, each with a caption of digits underneath: green when right, red when wrong. */
import { PNG } from 'pngjs';

/** One cell of the sheet. */
export interface Cell {
  /** Values in [0, 1], row-major, `size` x `size`: one plane of grey, or three of red, green and blue. */
  readonly pixels: ArrayLike<number>;
  readonly caption: string;
  readonly right: boolean;
}

type Colour = readonly [red: number, green: number, blue: number];

const kBackground: Colour = [24, 26, 32];
const kRight: Colour = [110, 220, 130];
const kWrong: Colour = [255, 95, 85];
const kZoom = 2;
const kGap = 8;
const kCaption = 16;

/** A 3x5 font: the rows of each digit as bits, top first. */
const kFont: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 2, 2, 2],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
};

class Canvas {
  readonly png: PNG;
  constructor(width: number, height: number) {
    this.png = new PNG({ width, height });
    this.fill(0, 0, width, height, kBackground);
  }

  fill(x: number, y: number, width: number, height: number, [red, green, blue]: Colour): void {
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++) {
        const at = 4 * (row * this.png.width + column);
        this.png.data.set([red, green, blue, 255], at);
      }
  }

  image(x: number, y: number, size: number, pixels: ArrayLike<number>): void {
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const value = (plane: number) => {
          const at = (pixels.length > size * size ? plane * size * size : 0) + row * size + column;
          return Math.round(255 * Math.min(1, Math.max(0, pixels[at])));
        };
        this.fill(x + column * kZoom, y + row * kZoom, kZoom, kZoom, [value(0), value(1), value(2)]);
      }
  }

  text(x: number, y: number, text: string, colour: Colour): void {
    [...text].forEach((character, i) => {
      (kFont[character] ?? []).forEach((bits, row) => {
        for (let column = 0; column < 3; column++)
          if (bits & (4 >> column)) this.fill(x + (i * 4 + column) * kZoom, y + row * kZoom, kZoom, kZoom, colour);
      });
    });
  }
}

/** Draws `cells` in rows of `columns`; images are `size` x `size`. Gives the file's bytes. */
export function contactSheet(cells: readonly Cell[], size: number, columns: number): Buffer {
  const rows = Math.ceil(cells.length / columns);
  const cellWidth = size * kZoom + kGap;
  const cellHeight = size * kZoom + kCaption + kGap;
  const canvas = new Canvas(columns * cellWidth + kGap, rows * cellHeight + kGap);
  for (const [i, { pixels, caption, right }] of cells.entries()) {
    const x = kGap + (i % columns) * cellWidth;
    const y = kGap + Math.floor(i / columns) * cellHeight;
    canvas.image(x, y, size, pixels);
    canvas.text(x, y + size * kZoom + 3, caption, right ? kRight : kWrong);
  }
  return PNG.sync.write(canvas.png);
}
