/**
 * Pictures of networks that bend the plane (`../separating.ts`): for each task the plane with the two sides of the
 * boundary, and below it the plane as the last hidden layer sees it. One moving picture, and one sheet of stills.
 *
 * Moving is SMIL: an `animate` element runs through the values of an attribute. Shapes with the same number of points
 * flow; outlines jump.
 */
import { outlines } from './contour.js';
import { colours } from './picture.js';
import { compactPath, element, label, type Point, svgDocument } from './svg.js';

/** What is seen of a network at one moment. */
export interface Frame {
  readonly step: number;
  readonly accuracy: number;
  /** What the output neuron sums up over the plane: `kMapSize` x `kMapSize` values, from the top left. */
  readonly map: ArrayLike<number>;
  /** The points, as the last hidden layer sees them. */
  readonly points: readonly Point[];
  /** The crossings of `kGridLines` x `kGridLines` lines over the plane, as the last hidden layer sees them. */
  readonly grid: readonly Point[];
  /** The line w1 h1 + w2 h2 + b = 0 in that layer. */
  readonly line: readonly number[];
}

/** A training: what is learnt, and its moments. */
export interface Film {
  readonly name: string;
  readonly network: string;
  readonly labels: readonly number[];
  readonly points: readonly Point[];
  readonly frames: readonly Frame[];
}

export const kMapSize = 49;
export const kGridLines = 13;

/** Shapes are drawn in a square of this many units, and scaled from there. */
const kUnits = 400;
/** How far the pictures reach from the middle. */
export const kReach = 1.08;
const kSides = ['#d7e6f3', '#fbe0c3'] as const;
const kDots = [colours.blue, '#d96c00'] as const;

/** From the square from -1 to 1, y upwards, to units. */
const toUnits = ([x, y]: Point): Point => [(kUnits * (x / kReach + 1)) / 2, (kUnits * (1 - y / kReach)) / 2];

const dotsOf = (points: readonly Point[], labels: readonly number[], which: number) =>
  compactPath(points.filter((_, i) => labels[i] === which).map((point) => [toUnits(point)]));

function boundary({ map }: Frame): string {
  const place = ([x, y]: Point): Point => [kUnits * x, kUnits * y];
  const region = outlines(map, kMapSize).map((outline) => outline.map(place));
  return region.length > 0 ? compactPath(region, true) : 'm0 0';
}

function gridPath({ grid }: Frame, across: boolean): string {
  const at = (line: number, k: number) => toUnits(grid[across ? line * kGridLines + k : k * kGridLines + line]);
  const range = Array.from({ length: kGridLines }, (_, i) => i);
  return compactPath(range.map((line) => range.map((k) => at(line, k))));
}

/** The side of the line where class 1 is: a rectangle that reaches out of the picture. */
function sidePath({ line: [w1, w2, b] }: Frame): string {
  const length = Math.hypot(w1, w2);
  const [u, v, offset] = [w1 / length, w2 / length, -b / length];
  const corner = (across: number, along: number) => toUnits([across * u - along * v, across * v + along * u]);
  return compactPath([[corner(offset, -4), corner(offset, 4), corner(offset + 8, 4), corner(offset + 8, -4)]], true);
}

/** How a shape of some frames is drawn: one frame as a still, or all of them as a moving picture. */
type Draw = (frames: readonly Frame[], shape: (frame: Frame) => string, look: Look) => string;

interface Look {
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Flow from frame to frame, where the shapes have the same points. */
  readonly flows: boolean;
}

const kSeconds = 10;
/** The last frame stays for the last fifth of the time. */
const kMoving = 0.8;

const timesOf = (count: number) => Array.from({ length: count }, (_, i) => +((kMoving * i) / (count - 1)).toFixed(4));

const moving: Draw = (frames, shape, { attributes, flows }) => {
  const values = frames.map(shape);
  const last = values[values.length - 1];
  const animate = element('animate', {
    attributeName: 'd',
    ...{ dur: `${kSeconds}s`, repeatCount: 'indefinite', calcMode: flows ? 'linear' : 'discrete' },
    keyTimes: [...timesOf(values.length), 1].join(';'),
    values: [...values, last].join(';'),
  });
  return element('path', { ...attributes, d: last }, animate);
};

const still =
  (at: number): Draw =>
  (frames, shape, { attributes }) =>
    element('path', { ...attributes, d: shape(frames[at]) });

function square(x: number, y: number, size: number, ...content: readonly string[]): string {
  const inside = element('rect', { width: kUnits, height: kUnits, fill: kSides[0] });
  const frame = { width: kUnits, height: kUnits, fill: 'none', stroke: colours.grey, 'stroke-width': 400 / size };
  return element(
    'g',
    {
      transform: `translate(${x} ${y}) scale(${+(size / kUnits).toFixed(4)})`,
      'stroke-linecap': 'round',
      fill: 'none',
    },
    element('g', { 'clip-path': 'url(#square)' }, inside, ...content),
    element('rect', frame),
  );
}

const dotLook = (which: number, size: number) => ({
  stroke: kDots[which],
  'stroke-width': Math.max(11, 1400 / size),
  'stroke-opacity': 0.85,
});

/** The plane, the side of class 1 of the boundary, and the points. */
function planeSquare(film: Film, draw: Draw, x: number, y: number, size: number): string {
  const region = { fill: kSides[1], stroke: colours.ink, 'stroke-width': 500 / size, 'fill-rule': 'evenodd' };
  const dots = [0, 1].map((which) =>
    element('path', { d: dotsOf(film.points, film.labels, which), ...dotLook(which, size) }),
  );
  return square(x, y, size, draw(film.frames, boundary, { attributes: region, flows: false }), ...dots);
}

/** The same as the last hidden layer sees it: lines of the plane, points, and one straight line. */
function hiddenSquare(film: Film, draw: Draw, x: number, y: number, size: number): string {
  const side = { fill: kSides[1], stroke: colours.ink, 'stroke-width': 500 / size };
  const lines = (stroke: string) => ({
    stroke,
    'stroke-width': 320 / size,
    'stroke-opacity': 0.75,
    'stroke-linejoin': 'round',
  });
  return square(
    x,
    y,
    size,
    draw(film.frames, sidePath, { attributes: side, flows: true }),
    draw(film.frames, (frame) => gridPath(frame, true), { attributes: lines('#7d8a9c'), flows: true }),
    draw(film.frames, (frame) => gridPath(frame, false), { attributes: lines('#a58bb0'), flows: true }),
    ...[0, 1].map((which) =>
      draw(film.frames, (frame) => dotsOf(frame.points, film.labels, which), {
        attributes: dotLook(which, size),
        flows: true,
      }),
    ),
  );
}

/** A word for each frame, one after the other. */
function movingText(
  x: number,
  y: number,
  words: readonly string[],
  attributes: Readonly<Record<string, string | number>>,
): string {
  const times = [...timesOf(words.length), 1];
  return words
    .map((text, i) => {
      const isLast = i === words.length - 1;
      const animate = element('animate', {
        attributeName: 'visibility',
        ...{ dur: `${kSeconds}s`, repeatCount: 'indefinite', calcMode: 'discrete' },
        values: i === 0 ? 'visible;hidden' : isLast ? 'hidden;visible' : 'hidden;visible;hidden',
        keyTimes: i === 0 ? `0;${times[1]}` : isLast ? `0;${times[i]}` : `0;${times[i]};${times[i + 1]}`,
      });
      const visibility = isLast ? 'visible' : 'hidden';
      return element('text', { x, y, ...attributes, visibility }, text, animate);
    })
    .join('');
}

const clip = element(
  'defs',
  {},
  element('clipPath', { id: 'square' }, element('rect', { width: kUnits, height: kUnits })),
);
const quiet = { fill: '#5b616b', 'font-size': 11.5 };
const percent = (value: number) => `${Math.round(100 * value)} % right`;

/** All trainings side by side, as they go on. */
export function movingPicture(films: readonly Film[]): string {
  const [size, gap, left, top] = [220, 18, 108, 62];
  const width = left + films.length * (size + gap) + 4;
  const lower = top + size + gap;
  const columns = films.flatMap((film, i) => {
    const x = left + i * (size + gap);
    const words = film.frames.map(({ step, accuracy }) => `step ${step}: ${percent(accuracy)}`);
    return [
      label(x, 30, film.name, { 'text-anchor': 'start', 'font-size': 15, 'font-weight': 'bold' }),
      label(x + size, 30, film.network, { 'text-anchor': 'end', ...quiet }),
      movingText(x, 49, words, quiet),
      planeSquare(film, moving, x, top, size),
      hiddenSquare(film, moving, x, lower, size),
    ];
  });
  const side = (y: number, ...lines: readonly string[]) =>
    lines.map((text, i) => label(14, y + 17 * i, text, { 'text-anchor': 'start', 'font-size': 12.5 })).join('');
  return svgDocument(
    width,
    lower + size + 16,
    clip,
    side(top + size / 2 - 8, 'the plane', 'and the', 'boundary'),
    side(lower + size / 2 - 16, 'the plane', 'as the last', 'hidden', 'layer sees it'),
    ...columns,
  );
}

/** Four moments of each training, one below the other. */
export function contactSheet(films: readonly Film[]): string {
  const count = films[0].frames.length;
  const moments = [0, 1, 2, 3].map((i) => Math.round(((count - 1) * i) / 3));
  const [size, gap, left, top] = [118, 8, 16, 62];
  const pair = 2 * size + gap;
  const content = films.flatMap((film, i) => {
    const x = left + i * (pair + 26);
    const rows = moments.flatMap((at, row) => {
      const y = top + row * (size + 30);
      const { step, accuracy } = film.frames[at];
      return [
        planeSquare(film, still(at), x, y, size),
        hiddenSquare(film, still(at), x + size + gap, y, size),
        label(x, y + size + 15, `step ${step}: ${percent(accuracy)}`, {
          'text-anchor': 'start',
          ...quiet,
          'font-size': 10.5,
        }),
      ];
    });
    const heading = { 'text-anchor': 'start', 'font-size': 14, 'font-weight': 'bold' };
    return [
      label(x, 28, film.name, heading),
      label(x, 48, 'plane and boundary', { 'text-anchor': 'start', ...quiet, 'font-size': 10.5 }),
      label(x + size + gap, 48, 'as the last layer sees it', { 'text-anchor': 'start', ...quiet, 'font-size': 10.5 }),
      ...rows,
    ];
  });
  return svgDocument(2 * left + films.length * (pair + 26) - 26, top + 4 * (size + 30), clip, ...content);
}
