/**
 * Curves of a run as SVG and PNG. The drawing is Vega's, the PNG resvg's: two optional packages that are loaded when a
 * picture is asked for.
 */
import { join } from 'node:path';
import { ArgumentError } from '../errors.js';
import { writeFileAtomically } from '../io/atomic.js';
import { kFont, svgToPng, vegaToSvg } from './drawing.js';
import { type MetricsLine, readMetrics } from './run-folder.js';

/** A line in a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One chart of a picture. */
export interface Panel {
  readonly title: string;
  readonly x: string;
  readonly series: readonly Series[];
  /** Logarithmic axes; linear unless told. */
  readonly logX?: boolean;
  readonly logY?: boolean;
}

const kWidth = 360;
const kHeight = 220;

const rows = ({ series, logX, logY }: Panel) =>
  series.flatMap(({ name, points }) =>
    points
      .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!logX || x > 0) && (!logY || y > 0))
      .map(([x, y]) => ({ series: name, x, y })),
  );

function axisScale(name: string, field: string, data: string, isLog: boolean | undefined, range: string): object {
  const shape = isLog ? { type: 'log' } : { type: 'linear', zero: false };
  return { name, ...shape, nice: name === 'y', range, domain: { data, field } };
}

/** Vega's description of a panel: axes, a line per series, points where there are few. */
function panelMark(panel: Panel, i: number): object {
  const data = `panel${i}`;
  const place = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } };
  const colour = { scale: 'colour', field: 'series' };
  const tickMinStep = panel.x === 'epoch' ? 1 : 0;
  const few = panel.series.every(({ points }) => points.length <= 40);
  return {
    type: 'group',
    title: { text: panel.title, anchor: 'start' },
    encode: { enter: { width: { value: kWidth }, height: { value: kHeight } } },
    signals: [
      { name: 'width', value: kWidth },
      { name: 'height', value: kHeight },
    ],
    scales: [
      axisScale('x', 'x', data, panel.logX, 'width'),
      axisScale('y', 'y', data, panel.logY, 'height'),
      {
        name: 'colour',
        type: 'ordinal',
        range: ['#3366cc', '#dc6b2f', '#2d8a57', '#a03a8c', '#b59b1f', '#4d4d4d'],
        domain: panel.series.map(({ name }) => name),
      },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: panel.x, tickCount: 6, tickMinStep, grid: true, gridOpacity: 0.4 },
      { scale: 'y', orient: 'left', tickCount: 6, grid: true, gridOpacity: 0.4 },
    ],
    legends: panel.series.length > 1 ? [{ stroke: 'colour', orient: 'top-right', fillColor: '#ffffffcc' }] : [],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'line', data, groupby: 'series' } },
        marks: [
          {
            type: 'line',
            from: { data: 'line' },
            encode: { enter: { ...place, stroke: colour, strokeWidth: { value: 2 } } },
          },
          ...(few
            ? [
                {
                  type: 'symbol',
                  from: { data: 'line' },
                  encode: { enter: { ...place, fill: colour, size: { value: 24 } } },
                },
              ]
            : []),
        ],
      },
    ],
  };
}

/**
 * Draws panels, two in a row, as an SVG document.
 * @throws ArgumentError when the package `vega` is not installed.
 */
export async function drawSvg(panels: readonly Panel[]): Promise<string> {
  const spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    background: 'white',
    padding: 12,
    layout: { columns: Math.min(2, panels.length), padding: { row: 36, column: 36 }, bounds: 'full', align: 'each' },
    data: panels.map((panel, i) => ({ name: `panel${i}`, values: rows(panel) })),
    marks: panels.map(panelMark),
    config: {
      axis: { labelFont: kFont, titleFont: kFont, titleFontWeight: 'normal' },
      legend: { labelFont: kFont },
      title: { font: kFont },
    },
  };
  return vegaToSvg(spec);
}

/** What a run has to show: loss, each metric that is a number, and the learning rate. */
export function panelsOf(lines: readonly MetricsLine[]): Panel[] {
  const epochs = lines.filter((line) => line.kind === 'epoch');
  const steps = lines.filter((line) => line.kind === 'step');
  const names = Object.entries(epochs[0]?.train ?? { loss: 0 }).flatMap(([name, value]) =>
    typeof value === 'number' ? [name] : [],
  );
  const panels = names.map((name): Panel => {
    const points = (part: 'train' | 'validation') =>
      epochs.flatMap((line): [number, number][] => {
        const value = line[part]?.[name];
        return typeof value === 'number' ? [[line.epoch, value]] : [];
      });
    const series = [
      { name: 'training', points: points('train') },
      { name: 'validation', points: points('validation') },
    ];
    return { title: name, x: 'epoch', series: series.filter(({ points }) => points.length > 0) };
  });
  const ofSteps = (title: string, of: (line: (typeof steps)[number]) => number): Panel => ({
    title,
    x: 'step',
    series: [{ name: title, points: steps.map((line) => [line.globalStep, of(line)]) }],
  });
  const byStep = [ofSteps('loss of each step', ({ loss }) => loss), ofSteps('learning rate', ({ lr }) => lr)];
  const all = [...panels, ...(steps.length > 1 ? byStep : []), ...gradientPanel(lines)];
  return all.filter(({ series }) => series.length > 0);
}

function gradientPanel(lines: readonly MetricsLine[]): Panel[] {
  const watched = lines.filter((line) => line.kind === 'watch');
  const names = Object.keys(watched[0]?.gradientNorms ?? {}).filter((name) => name.endsWith('weight'));
  const series = names.map((name) => ({
    name,
    points: watched.map((line) => [line.globalStep, line.gradientNorms[name]] as const),
  }));
  return series.length > 0 ? [{ title: 'norm of gradients', x: 'step', series, logY: true }] : [];
}

/**
 * Draws the curves of a run folder into `curves.svg` and `curves.png` in it; also while the run goes on.
 * @returns the paths of both.
 * @throws ArgumentError when a package is missing or there is nothing to draw yet; FileError.
 */
export async function drawCurves(folder: string): Promise<readonly [svg: string, png: string]> {
  const panels = panelsOf(await readMetrics(folder));
  if (panels.length === 0) throw new ArgumentError(`drawCurves: ${folder} has no finished epoch yet`);
  const [svgPath, pngPath] = [join(folder, 'curves.svg'), join(folder, 'curves.png')] as const;
  const svg = await drawSvg(panels);
  await writeFileAtomically(svgPath, svg, 'drawCurves');
  await writeFileAtomically(pngPath, await svgToPng(svg), 'drawCurves');
  return [svgPath, pngPath];
}
