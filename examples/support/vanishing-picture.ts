/** The picture of the vanishing gradients: norms per layer above, what nets of each kind and depth learn below. */
import type { Kind, Learnt } from '../vanishing-gradients.js';
import { colourRange, colours, drawVega } from './picture.js';

/** What the picture is about, beside the nets. */
interface Frame {
  readonly kinds: readonly Kind[];
  /** Depth of the nets whose gradients are shown. */
  readonly measured: number;
  readonly epochs: number;
  /** What the nets have learnt from. */
  readonly images: string;
}

/** Pixels. */
const kTall = 210;
const kGap = 44;
const kSmall = 196;
const kWide = 2 * kSmall + kGap;

/** A line with its points for each name in the data `at`. */
const line = (at: string, x: string, y: string, colour: object) => ({
  type: 'group',
  from: { facet: { name: 'line', data: at, groupby: 'name' } },
  marks: [
    {
      type: 'line',
      from: { data: 'line' },
      encode: {
        enter: {
          x: { scale: 'x', field: x },
          y: { scale: 'y', field: y },
          stroke: colour,
          strokeWidth: { value: 2.2 },
          strokeJoin: { value: 'round' },
        },
      },
    },
    {
      type: 'symbol',
      from: { data: 'line' },
      encode: {
        enter: {
          x: { scale: 'x', field: x },
          y: { scale: 'y', field: y },
          fill: colour,
          size: { value: 14 },
        },
      },
    },
  ],
});

/** What is in a panel. */
interface PanelParts {
  readonly scales: readonly object[];
  readonly axes: readonly object[];
  readonly marks: readonly object[];
  /** To the right of the panel. */
  readonly legend?: object;
}

/** A panel with axes at a place of the picture. */
function panel(
  place: { readonly x: number; readonly y: number; readonly width: number },
  title: string,
  { scales, axes, marks, legend }: PanelParts,
): object {
  return {
    type: 'group',
    encode: {
      enter: {
        x: { value: place.x },
        y: { value: place.y },
        width: { value: place.width },
        height: { value: kTall },
      },
    },
    signals: [
      { name: 'width', value: place.width },
      { name: 'height', value: kTall },
    ],
    title: { text: title, frame: 'group' },
    legends: legend ? [{ ...legend, titleLimit: 0, symbolType: 'stroke', orient: 'right', offset: 24 }] : [],
    scales,
    axes,
    marks,
  };
}

/** Norm of the gradient by layer, one line for each kind. */
function normPanel(
  title: string,
  at: string,
  x: number,
  { domain, last }: { readonly domain: readonly number[]; readonly last: number },
  legend?: object,
): object {
  return panel({ x, y: 0, width: kWide }, title, {
    scales: [
      { name: 'x', type: 'linear', domain: [1, last], range: [0, kWide] },
      { name: 'y', type: 'log', domain, range: [kTall, 0] },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: 'layer, from the input on', values: [1, 5, 10, 15, last], format: 'd' },
      { scale: 'y', orient: 'left', grid: true, tickCount: 7, format: '.0e' },
    ],
    marks: [line(at, 'layer', 'norm', { scale: 'kind', field: 'name' })],
    legend,
  });
}

/** Accuracy by epoch for one kind, one line for each depth. */
function accuracyPanel(kind: Kind, i: number, { kinds, epochs }: Frame): object {
  return panel({ x: i * (kSmall + kGap), y: kTall + 96, width: kSmall }, kind, {
    scales: [
      { name: 'x', type: 'linear', domain: [0, epochs], range: [0, kSmall] },
      { name: 'y', type: 'linear', domain: [0, 1], range: [kTall, 0] },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: 'epoch', tickCount: epochs, format: 'd' },
      { scale: 'y', orient: 'left', grid: true, tickCount: 5, format: '%' },
    ],
    marks: [line(`accuracy ${kind}`, 'epoch', 'value', { scale: 'depth', field: 'name' })],
    legend: i === kinds.length - 1 ? { title: 'depth of the net', stroke: 'depth' } : undefined,
  });
}

/** Draws what the nets have done as an SVG document. */
export function drawVanishing(all: readonly Learnt[], frame: Frame): Promise<string> {
  const { kinds, measured } = frame;
  const shown = all.filter(({ depth }) => depth === measured);
  const norms = (read: (found: Learnt) => readonly number[]) =>
    shown.flatMap((found) => read(found).map((norm, i) => ({ name: found.kind, layer: i + 1, norm })));
  const [before, after] = [norms(({ normsBefore }) => normsBefore), norms(({ normsAfter }) => normsAfter)];
  const sizes = [...before, ...after].map(({ norm }) => norm).filter((norm) => norm > 0);
  const domain = [10 ** Math.floor(Math.log10(Math.min(...sizes))), 10 ** Math.ceil(Math.log10(Math.max(...sizes)))];
  const depths = [...new Set(all.map(({ depth }) => depth))];
  const accuracy = kinds.map((kind) => ({
    name: `accuracy ${kind}`,
    values: all
      .filter((found) => found.kind === kind)
      .flatMap(({ depth, accuracy }) => accuracy.map((point) => ({ name: `${depth} layers`, ...point }))),
  }));
  return drawVega({
    width: 2 * kWide + kGap,
    height: 2 * kTall + 96,
    title: {
      text: 'Vanishing gradients: what more layers do, and what a way past them does',
      subtitle: [
        `Above: the gradient in nets of ${measured} layers. Below: the share of test images read right,`,
        `by nets of growing depth (${frame.images}).`,
      ],
      offset: 20,
    },
    data: [
      { name: 'before', values: before },
      { name: 'after', values: after.filter(({ norm }) => norm > 0) },
      ...accuracy,
    ],
    scales: [
      { name: 'kind', type: 'ordinal', domain: kinds, range: colourRange.slice(0, kinds.length) },
      {
        name: 'depth',
        type: 'ordinal',
        domain: depths.map((depth) => `${depth} layers`),
        range: [colours.sky, colours.blue, colours.ink].slice(-depths.length),
      },
    ],
    marks: [
      normPanel('Before training: norm of dC/dW, layer by layer', 'before', 0, { domain, last: measured }),
      normPanel(
        'After training',
        'after',
        kWide + kGap,
        { domain, last: measured },
        { title: 'kind of the layers', stroke: 'kind' },
      ),
      ...kinds.map((kind, i) => accuracyPanel(kind, i, frame)),
    ],
  });
}
