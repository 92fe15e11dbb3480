/**
 * Drawing by two packages that are not installed with brawn: vega makes an SVG of a description, resvg a PNG of an SVG.
 * They are loaded when first needed. The charts of a run are in `curves.ts`.
 */
import { ArgumentError } from '../errors.js';

/** A font of most Linux machines first, then what browsers have. */
export const kFont = 'DejaVu Sans, Helvetica, Arial, sans-serif';

async function optional<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ArgumentError(`drawing needs the package ${name}, which is not installed: npm install ${name}`);
  }
}

const vega = () => optional('vega', () => import('vega'));
const resvg = () => optional('@resvg/resvg-js', () => import('@resvg/resvg-js'));

/** Throws an ArgumentError that names what has to be installed, if anything. */
export async function checkDrawing(): Promise<void> {
  await vega();
  await resvg();
}

/**
 * Draws a Vega description (https://vega.github.io/vega/docs/specification/) as an SVG document.
 * @throws ArgumentError when the package `vega` is not installed; what Vega says about a wrong description.
 */
export async function vegaToSvg(description: object): Promise<string> {
  const { parse, View } = await vega();
  const view = new View(parse(description as never), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/**
 * An SVG document as the bytes of a PNG, twice as large in each direction unless told. Text needs a font on the machine.
 * @throws ArgumentError when the package `@resvg/resvg-js` is not installed.
 */
export async function svgToPng(svg: string, zoom = 2): Promise<Uint8Array> {
  const { Resvg } = await resvg();
  const options = { fitTo: { mode: 'zoom' as const, value: zoom }, font: { defaultFontFamily: 'DejaVu Sans' } };
  return new Resvg(svg, options).render().asPng();
}
