/** Pictures that are drawn by hand, where no chart fits: elements of an SVG document as text. */
import { colours, kFont } from './picture.js';

type Attributes = Readonly<Record<string, string | number | undefined>>;

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

/** Numbers keep two digits after the point, which is enough for pixels and keeps files small. */
const shown = (value: string | number) => (typeof value === 'number' ? String(+value.toFixed(2)) : escaped(value));

/** `<name attribute="value">content</name>`. Attributes that are undefined are left out. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const words = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${shown(value)}"`],
  );
  return content.length > 0 ? `<${name}${words.join('')}>${content.join('')}</${name}>` : `<${name}${words.join('')}/>`;
}

/** A line of text at (x, y): the middle of its base line unless `text-anchor` says otherwise. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, 'text-anchor': 'middle', ...attributes }, escaped(text));
}

export type Point = readonly [x: number, y: number];

/** One line through points as the `d` of a path, to a tenth of a unit. */
export function pathOf(points: readonly Point[]): string {
  return `M${points.map(([x, y]) => `${+x.toFixed(1)},${+y.toFixed(1)}`).join('L')}`;
}

/**
 * Lines through points as the `d` of a path, in whole units and from point to point, which keeps animated pictures small.
 * A line of one point is a dot, drawn where the path has round line caps.
 */
export function compactPath(lines: readonly (readonly Point[])[], closed = false): string {
  let [x, y] = [0, 0];
  const step = ([toX, toY]: Point) => {
    const [dx, dy] = [Math.round(toX) - x, Math.round(toY) - y];
    [x, y] = [x + dx, y + dy];
    return `${dx}${dy < 0 ? '' : ' '}${dy}`;
  };
  return lines
    .map((points) => {
      const [first, ...rest] = points;
      const start = `m${step(first)}`;
      if (rest.length === 0) return `${start}h0`;
      const path = `${start}l${rest.map(step).join(' ').replace(/ -/g, '-')}`;
      if (!closed) return path;
      [x, y] = [Math.round(first[0]), Math.round(first[1])];
      return `${path}z`;
    })
    .join('');
}

/** The whole document: white paper, the common font, and what is on it. */
export function svgDocument(width: number, height: number, ...content: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    ...{ width, height, viewBox: `0 0 ${width} ${height}` },
    ...{ 'font-family': kFont, 'font-size': 12, fill: colours.ink },
  };
  return `${element('svg', attributes, element('rect', { width, height, fill: colours.paper }), ...content)}\n`;
}
