/** The picture of the initialisers: for each net a panel with the histogram of each layer, the first on top. */
import { type LayerStatistics, ranges, type Signal } from '../initializers.js';
import { colours, drawVega } from './picture.js';

const kWidth = 150;
/** Pixels from one layer to the next, and of the highest bin. */
const kStep = 21;
const kPeak = 32;
const kTop = kPeak - kStep + 6;
const kGap = 62;
const kRowGap = 82;

/** The outline of a layer's histogram, in pixels. */
function outline({ histogram }: LayerStatistics, layer: number): object[] {
  const base = kTop + kStep * (layer + 1);
  const highest = Math.max(...histogram, 1);
  const top = (count: number) => Math.round(10 * (base - (kPeak * count) / highest)) / 10;
  const steps = histogram.flatMap((count, i) =>
    [i, i + 1].map((edge) => ({ x: (kWidth * edge) / histogram.length, y: top(count) })),
  );
  const corners = steps.filter(({ y }, i) => y !== steps[i - 1]?.y || y !== steps[i + 1]?.y);
  return [{ x: 0, y: base }, ...corners, { x: kWidth, y: base }].map((point) => ({ ...point, base, layer: layer + 1 }));
}

/** A panel: ridges, and how large the signal is in each layer. */
function panel(signal: Signal, data: string, x: number, y: number): object {
  const height = kTop + kStep * signal.layers.length;
  const [low, high] = ranges[signal.activation];
  const colour = { scale: 'layer', field: 'layer' };
  const ridge = {
    type: 'area',
    from: { data: 'ridge' },
    encode: {
      enter: {
        x: { field: 'x' },
        y: { field: 'y' },
        y2: { field: 'base' },
        fill: colour,
        fillOpacity: { value: 0.9 },
        stroke: { value: colours.paper },
        strokeWidth: { value: 0.8 },
      },
    },
  };
  const sizes = {
    type: 'text',
    from: { data: `${data} sizes` },
    encode: {
      enter: {
        x: { value: kWidth + 6 },
        y: { field: 'base' },
        text: { field: 'text' },
        baseline: { value: 'bottom' },
        fontSize: { value: 10 },
      },
    },
  };
  return {
    type: 'group',
    encode: { enter: { x: { value: x }, y: { value: y }, width: { value: kWidth }, height: { value: height } } },
    signals: [
      { name: 'width', value: kWidth },
      { name: 'height', value: height },
    ],
    title: { text: signal.initializer, subtitle: signal.formula, frame: 'group', fontSize: 12, offset: 6 },
    scales: [
      { name: 'x', type: 'linear', domain: [low, high], range: [0, kWidth] },
      {
        name: 'y',
        type: 'point',
        domain: signal.layers.map((_, i) => i + 1),
        range: [kTop + kStep, height],
      },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', values: [low, (low + high) / 2, high], offset: 2 },
      ...(x === 0
        ? [
            {
              scale: 'y',
              orient: 'left',
              title: `${signal.activation}: layer`,
              ticks: false,
              domain: false,
              labelBaseline: 'bottom',
            },
          ]
        : []),
    ],
    marks: [{ type: 'group', from: { facet: { name: 'ridge', data, groupby: 'layer' } }, marks: [ridge] }, sizes],
  };
}

/** Draws `signals`, a row for each activation, as an SVG document. `short` writes a number in few characters. */
export function drawInitializers(signals: readonly Signal[], short: (value: number) => string): Promise<string> {
  const rows = new Set(signals.map(({ activation }) => activation)).size;
  const columns = signals.length / rows;
  const count = signals[0].layers.length;
  const height = kTop + kStep * count;
  return drawVega({
    title: {
      text: 'First values of the weights: what ten layers make of the same signal',
      subtitle: [
        'Histograms of what each layer gives, without zeros, and beside them the root mean square.',
        'What lies beyond an end of the axis is piled up there.',
      ],
      offset: 14,
    },
    width: columns * (kWidth + kGap),
    height: rows * (height + kRowGap) - kRowGap,
    data: signals.flatMap(({ layers }, i) => [
      { name: `signal ${i}`, values: layers.flatMap(outline) },
      {
        name: `signal ${i} sizes`,
        values: layers.map(({ rootMeanSquare }, layer) => ({
          base: kTop + kStep * (layer + 1),
          text: short(rootMeanSquare),
        })),
      },
    ]),
    scales: [{ name: 'layer', type: 'linear', domain: [1, count], range: ['#7cc0e8', '#0a3d62'] }],
    marks: signals.map((signal, i) =>
      panel(signal, `signal ${i}`, (i % columns) * (kWidth + kGap), Math.floor(i / columns) * (height + kRowGap)),
    ),
  });
}
