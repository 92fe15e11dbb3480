/** The outline of the region where a function over a square is positive, by marching squares. */
import type { Point } from './svg.js';

/**
 * Which sides of a cell the outline crosses, by which of its corners are inside: top left 8, top right 4, bottom right 2,
 * bottom left 1. `LB` enters at the left and leaves at the bottom, with the inside to the right hand.
 */
const kCrossings = ['', 'LB', 'BR', 'LR', 'RT', 'LBRT', 'BT', 'LT', 'TL', 'TB', 'TLBR', 'TR', 'RL', 'RB', 'BL', ''];

/**
 * Closed outlines around the places where values are above zero.
 * @param values `size` x `size` numbers, row by row; the grid spans the unit square.
 */
export function outlines(values: ArrayLike<number>, size: number): Point[][] {
  // A frame of negative values closes what would leave the square.
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= size || y >= size ? -1e9 : values[y * size + x]);
  const crossing = (x1: number, y1: number, x2: number, y2: number): Point => {
    const [a, b] = [at(x1, y1), at(x2, y2)];
    const t = a / (a - b);
    const place = (from: number, to: number) => Math.min(1, Math.max(0, (from + t * (to - from)) / (size - 1)));
    return [place(x1, x2), place(y1, y2)];
  };
  /** A side as a key that the two cells at it share, and the point on it. */
  const side = (letter: string, x: number, y: number): [key: string, point: () => Point] => {
    if (letter === 'T') return [`${x},${y}h`, () => crossing(x, y, x + 1, y)];
    if (letter === 'B') return [`${x},${y + 1}h`, () => crossing(x, y + 1, x + 1, y + 1)];
    if (letter === 'L') return [`${x},${y}v`, () => crossing(x, y, x, y + 1)];
    return [`${x + 1},${y}v`, () => crossing(x + 1, y, x + 1, y + 1)];
  };

  const next = new Map<string, { readonly to: string; readonly point: Point }>();
  for (let y = -1; y < size; y++)
    for (let x = -1; x < size; x++) {
      const corners = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const letters = kCrossings[corners.reduce((bits, value) => 2 * bits + (value > 0 ? 1 : 0), 0)];
      for (let i = 0; i < letters.length; i += 2) {
        const [from, point] = side(letters[i], x, y);
        next.set(from, { to: side(letters[i + 1], x, y)[0], point: point() });
      }
    }

  const found: Point[][] = [];
  for (const start of next.keys()) {
    const outline: Point[] = [];
    for (let key = start, step = next.get(key); step; step = next.get(key)) {
      outline.push(step.point);
      next.delete(key);
      key = step.to;
    }
    if (outline.length > 2) found.push(outline);
  }
  return found;
}
