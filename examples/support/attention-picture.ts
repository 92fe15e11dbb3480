/** The picture of `../sequence-to-sequence.ts`: where the decoder looked while it wrote. */
import type { Translation } from '../sequence-to-sequence.js';
import { colours } from './picture.js';
import { element, label, svgDocument } from './svg.js';

const kCell = 15;
const kMargin = 56;

/** Rectangles at (left, top): one for each weight that can be seen, and a frame. */
function matrix({ source, target, looks }: Translation, left: number, top: number): string[] {
  const cells = looks.flatMap((row, y) =>
    row.flatMap((weight, x) =>
      weight < 0.02
        ? []
        : element('rect', {
            ...{ x: left + x * kCell, y: top + y * kCell, width: kCell, height: kCell },
            ...{ fill: colours.blue, 'fill-opacity': weight },
          }),
    ),
  );
  const [width, height] = [source.length * kCell, target.length * kCell];
  return [
    element('rect', { x: left, y: top, width, height, fill: 'none', stroke: colours.line }),
    ...[...source].map((letter, x) => label(left + (x + 0.5) * kCell, top - 7, letter)),
    ...[...target].map((letter, y) => label(left - 12, top + y * kCell + 12, letter)),
    ...cells,
  ];
}

/** One matrix for each text, in two columns: its characters across, what was written down, dark where the decoder looked. */
export function drawAttention(shown: readonly Translation[]): string {
  const columns = [0, 1].map((column) => shown.filter((_, i) => i % 2 === column));
  const widths = columns.map((column) => kMargin + kCell * Math.max(...column.map(({ source }) => source.length)));
  let top = 66;
  const panels: string[] = [];
  for (let i = 0; i < shown.length; i += 2) {
    const row = shown.slice(i, i + 2);
    panels.push(...row.flatMap((translation, column) => matrix(translation, 44 + column * widths[0], top)));
    top += 50 + kCell * Math.max(...row.map(({ target }) => target.length));
  }
  const title = label(28, 26, 'Where the decoder looks (across) while it writes (down)', {
    ...{ 'text-anchor': 'start', 'font-size': 14 },
  });
  const width = Math.max(450, widths[0] + widths[1] + 10);
  return svgDocument(width, top - 30, title, ...panels);
}
