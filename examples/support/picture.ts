/**
 * What every example shares: its command line, the look of its pictures, and writing them.
 *
 * An example exports `main(options)`, which prints the lesson, ends in `savePicture`, and returns the numbers that
 * tests/examples checks. Its last line is `await runExample(import.meta.url, main)`, so that
 * `npx tsx examples/<name>.ts` runs it and an import does not.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manualSeed } from 'brawn';
import { svgToPng, vegaToSvg } from 'brawn/train';
import { Command, InvalidArgumentError } from 'commander';

/** What every example can be told. */
export interface ExampleOptions {
  /** Folder that the pictures are written to. */
  readonly out: string;
  /** A small size that takes about a second, for a first look and for the tests. */
  readonly quick: boolean;
  /** Start of the random numbers: same seed, same picture. */
  readonly seed: number;
}

const kDefaultOut = fileURLToPath(new URL('../out', import.meta.url));

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('A whole number from 0 on is expected.');
  return value;
}

/**
 * Runs `main` with the options of the command line when the module at `url` is what Node was started with.
 * @param extend Adds the example's own options.
 */
export async function runExample<Options extends ExampleOptions>(
  url: string,
  main: (options: Options) => Promise<unknown>,
  extend: (command: Command) => Command = (command) => command,
): Promise<void> {
  const path = fileURLToPath(url);
  if (process.argv[1] !== path && process.argv[1] !== path.replace(/\.ts$/, '')) return;
  const program = extend(new Command(`npx tsx ${relative(process.cwd(), path)}`))
    .option('--out <folder>', 'where the pictures go', kDefaultOut)
    .option('--quick', 'a small size, about a second', false)
    .option('--seed <number>', 'start of the random numbers', wholeNumber, 0)
    .parse();
  const options = program.opts<Options>();
  manualSeed(options.seed);
  await main(options);
}

/** Colours that stay apart for most kinds of colour blindness (Okabe and Ito, 2008; yellow and sky blue darkened). */
export const colours = {
  blue: '#0072b2',
  orange: '#e07b00',
  green: '#009e73',
  red: '#d0453e',
  purple: '#a5559a',
  sky: '#3fa0d8',
  yellow: '#c2a400',
  grey: '#8a8f98',
  ink: '#22262e',
  paper: '#ffffff',
  line: '#d9dde3',
} as const;

/** The colours of lines and groups, in the order of use. */
export const colourRange = [
  colours.blue,
  colours.orange,
  colours.green,
  colours.purple,
  colours.red,
  colours.sky,
  colours.yellow,
  colours.grey,
];

export const kFont = 'DejaVu Sans, Helvetica, Arial, sans-serif';

/** The `config` of the Vega descriptions, so that all pictures look alike. */
export const theme = {
  axis: {
    labelFont: kFont,
    labelFontSize: 10,
    labelColor: colours.ink,
    titleFont: kFont,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titleColor: colours.ink,
    domainColor: colours.grey,
    tickColor: colours.grey,
    gridColor: colours.line,
  },
  legend: {
    labelFont: kFont,
    labelFontSize: 11,
    labelColor: colours.ink,
    titleFont: kFont,
    titleFontSize: 11,
    titleColor: colours.ink,
    symbolStrokeWidth: 2.5,
  },
  title: {
    font: kFont,
    fontSize: 12,
    color: colours.ink,
    subtitleFont: kFont,
    subtitleFontSize: 11,
    subtitleColor: '#5b616b',
    anchor: 'start',
    offset: 8,
  },
  text: { font: kFont, fill: colours.ink },
};

/** Draws a Vega description in the common look. What the description says itself wins. */
export function drawVega(description: object): Promise<string> {
  return vegaToSvg({
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    background: colours.paper,
    padding: 14,
    config: theme,
    ...description,
  });
}

/** What is in a picture: an SVG document, one sentence on what to see, and for moving pictures a still one as PNG. */
export interface Picture {
  readonly svg: string;
  readonly see: string;
  /** An SVG document for the PNG, where it should differ from `svg`. */
  readonly still?: string;
}

/**
 * Writes `<name>.svg` and `<name>.png` into the folder of the options, and says so and what to see.
 * @returns the paths of both.
 */
export async function savePicture(options: ExampleOptions, name: string, picture: Picture): Promise<string[]> {
  const { svg, see, still = svg } = picture;
  await mkdir(options.out, { recursive: true });
  const paths = ['svg', 'png'].map((ending) => join(options.out, `${name}.${ending}`));
  await writeFile(paths[0], svg);
  await writeFile(paths[1], await svgToPng(still));
  console.log(`\nWrote ${paths.map((path) => relative(process.cwd(), path)).join(' and ')}`);
  console.log(`See: ${see}`);
  return paths;
}
