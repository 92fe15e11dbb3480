/** The picture of the optimiser race: a map for each family and landscape, with the paths of the family on it. */
import { type Tensor, tensor } from 'brawn';
import type { Landscape, Point, Run } from '../optimizer-race.js';
import { colourRange, colours, drawVega } from './picture.js';

/** A row of the picture. */
interface Row {
  readonly title: string;
  readonly rules: readonly string[];
}

const kWidth = 216;
const kHeight = 160;
/** Points of the map per direction; contours are smooth in between. */
const kColumns = 73;
const kRows = 55;
const kLevels = 11;
/** A shape in Vega's words, of size 1. */
const kStar = 'M0,-1L0.24,-0.31L0.95,-0.31L0.38,0.12L0.59,0.81L0,0.4L-0.59,0.81L-0.38,0.12L-0.95,-0.31L-0.24,-0.31Z';
const kRim = { stroke: { value: colours.paper }, strokeWidth: { value: 1 } };
/** From low to high. */
const kPaper = ['#fbfaf6', '#dfe6ec', '#b9c9d8'];

/** Pixels of a point in a map. */
function place({ view: [left, right, bottom, top] }: Landscape, [x, y]: Point): Point {
  return [((x - left) / (right - left)) * kWidth, ((top - y) / (top - bottom)) * kHeight];
}

/** The logarithm of the height above the least value, on a grid that fills the map. */
async function heightMap({ f, least, view: [left, right, bottom, top] }: Landscape): Promise<number[]> {
  const points = Array.from({ length: kRows * kColumns }, (_, i): Point => {
    const [row, column] = [Math.floor(i / kColumns), i % kColumns];
    return [left + ((right - left) * column) / (kColumns - 1), top - ((top - bottom) * row) / (kRows - 1)];
  });
  const axis = (k: 0 | 1): Tensor<'float64'> => tensor(Float64Array.from(points, (point) => point[k]));
  const values = await f(axis(0), axis(1)).data();
  // The offset keeps the innermost ring at a size that can be seen.
  return Array.from(values, (value) => Math.log10(value - least + 0.03));
}

/** A path in pixels, without the points that would not be seen to move. */
function drawnPath(landscape: Landscape, { path, rule }: Run): { x: number; y: number; rule: string }[] {
  const pixels = path.map((point) => place(landscape, point)).filter((pixel) => pixel.every(Number.isFinite));
  let last = pixels[0];
  const drawn = pixels.filter((pixel, i) => {
    const isEnd = i === 0 || i === pixels.length - 1;
    if (!isEnd && Math.hypot(pixel[0] - last[0], pixel[1] - last[1]) < 1) return false;
    last = pixel;
    return true;
  });
  return drawn.map(([x, y]) => ({ x: Math.round(10 * x) / 10, y: Math.round(10 * y) / 10, rule }));
}

/** The data of a landscape: its contours, which all rows share. */
async function contourData(landscape: Landscape): Promise<object> {
  const values = await heightMap(landscape);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const thresholds = Array.from({ length: kLevels }, (_, i) => low + ((high - low) * (i + 0.5)) / kLevels);
  return {
    name: `contours ${landscape.name}`,
    values: [{ width: kColumns, height: kRows, values }],
    transform: [
      {
        type: 'isocontour',
        scale: [kWidth / (kColumns - 1), kHeight / (kRows - 1)],
        translate: [(-0.5 * kWidth) / (kColumns - 1), (-0.5 * kHeight) / (kRows - 1)],
        thresholds,
      },
      { type: 'formula', as: 'share', expr: `(datum.contour.value - ${low}) / ${high - low}` },
    ],
  };
}

/** The paths in the data `at`, each in its colour, with a dot where it ended. */
function pathMarks(at: string, colour: object): object[] {
  const line = {
    x: { field: 'x' },
    y: { field: 'y' },
    stroke: colour,
    strokeWidth: { value: 1.7 },
    strokeOpacity: { value: 0.9 },
    strokeJoin: { value: 'round' },
  };
  return [
    {
      type: 'group',
      from: { facet: { name: 'path', data: at, groupby: 'rule' } },
      marks: [{ type: 'line', from: { data: 'path' }, encode: { enter: line } }],
    },
    {
      type: 'symbol',
      from: { data: `${at} ends` },
      encode: {
        enter: { ...kRim, x: { field: 'x' }, y: { field: 'y' }, size: { value: 46 }, fill: colour },
      },
    },
  ];
}

/** A black shape at a point of the map. */
function sign(landscape: Landscape, point: Point, shape: string, size: number): object {
  const [x, y] = place(landscape, point);
  const what = { shape: { value: shape }, size: { value: size }, fill: { value: colours.ink } };
  return { type: 'symbol', encode: { enter: { ...kRim, ...what, x: { value: x }, y: { value: y } } } };
}

/** A map with the paths of a row on it. */
function mapMark(landscape: Landscape, row: Row, at: string, isTop: boolean, isLast: boolean): object {
  const size = { width: { value: kWidth }, height: { value: kHeight } };
  const legend = { title: row.title, titleLimit: 0, stroke: row.title, symbolType: 'stroke', rowPadding: 3 };
  const contours = {
    type: 'path',
    from: { data: `contours ${landscape.name}` },
    transform: [{ type: 'geopath', field: 'datum.contour' }],
    encode: {
      enter: { fill: { scale: 'depth', field: 'share' }, stroke: { value: '#9fb1c2' }, strokeWidth: { value: 0.4 } },
    },
  };
  return {
    type: 'group',
    encode: { enter: size },
    ...(isTop ? { title: { text: landscape.name, fontSize: 12 } } : {}),
    ...(isLast ? { legends: [{ ...legend, orient: 'right' }] } : {}),
    marks: [
      {
        type: 'group',
        encode: {
          enter: { ...size, fill: { value: kPaper[0] }, stroke: { value: colours.line }, clip: { value: true } },
        },
        marks: [
          contours,
          ...landscape.minima.map((point) => sign(landscape, point, kStar, 110)),
          ...pathMarks(at, { scale: row.title, field: 'rule' }),
          sign(landscape, landscape.start, 'circle', 42),
        ],
      },
    ],
  };
}

/** Draws `runs`, a row for each of `rows` and a column for each landscape, as an SVG document. */
export async function drawRace(
  landscapes: readonly Landscape[],
  rows: readonly Row[],
  runs: readonly Run[],
): Promise<string> {
  const maps = rows.flatMap((row, i) =>
    landscapes.map((landscape, j) => {
      const at = `paths ${i} ${j}`;
      const own = runs.filter((run) => run.landscape === landscape.name && row.rules.includes(run.rule));
      const paths = own.map((run) => drawnPath(landscape, run));
      const data = [
        { name: at, values: paths.flat() },
        { name: `${at} ends`, values: paths.map((path) => path[path.length - 1]) },
      ];
      return { data, mark: mapMark(landscape, row, at, i === 0, j === landscapes.length - 1) };
    }),
  );
  return drawVega({
    title: {
      text: 'The optimiser race: who finds the way down',
      subtitle: [
        'From the black dot to the star. Each rule goes at the rate, of ten, that brings it there first;',
        'a coloured dot is where it ended. Lower ground is lighter.',
      ],
      offset: 14,
    },
    layout: { columns: landscapes.length, padding: 10, bounds: 'flush', align: 'each' },
    data: [...(await Promise.all(landscapes.map(contourData))), ...maps.flatMap(({ data }) => data)],
    scales: [
      { name: 'depth', type: 'linear', domain: [0, 0.5, 1], range: kPaper },
      ...rows.map(({ title, rules }) => ({
        name: title,
        type: 'ordinal',
        domain: rules,
        range: colourRange.slice(0, rules.length),
      })),
    ],
    marks: maps.map(({ mark }) => mark),
  });
}
