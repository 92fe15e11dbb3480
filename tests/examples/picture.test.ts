/** The support of the examples: both files are written, and a still picture can stand for a moving one. */
import { expect, it } from 'vitest';
import { drawVega, type ExampleOptions, savePicture } from '../../examples/support/picture.js';
import { run } from './support.js';

it('draws in the common look, and writes SVG and PNG', async () => {
  const { result, svg, printed } = await run('plain', async (options: ExampleOptions) => {
    const drawn = await drawVega({ width: 40, height: 20, title: { text: 'a title' } });
    return savePicture(options, 'plain', { svg: drawn, still: drawn.replace('a title', 'still'), see: 'nothing.' });
  });
  expect(result.map((path) => path.slice(-9))).toEqual(['plain.svg', 'plain.png']);
  expect(svg).toContain('a title');
  expect(svg).toContain('DejaVu Sans');
  expect(printed).toContain('plain.svg and ');
});
