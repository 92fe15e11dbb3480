/**
 * Sequence to sequence with attention: dates as people write them, into ISO dates.
 *
 *     the 9th of March 1987  ->  1987-03-09
 *
 * The encoder, a GRU that reads in both directions, gives one vector for each character. The decoder writes one character
 * after the other; for each it looks back at all vectors of the encoder, weighted by how well they match what it is looking
 * for (additive attention, Bahdanau et al. 2015). Nobody tells it where to look: the picture shows what it has found.
 *
 * While training, the decoder is given the right characters so far, so all its steps are one walk of a GRU. When it writes
 * by itself, a small program makes one step, and its state goes into the next.
 */
import { arange, argMax, compile, concat, less, logicalNot, type Tensor, tensor, unsqueeze } from 'brawn';
import { Rng } from 'brawn/data';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { colours, type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { element, label, svgDocument } from './support/svg.js';

type Floats = Tensor<'float32'>;
type Whole = Tensor<'int32'>;

/** A date in both ways of writing. */
export interface Dated {
  readonly written: string;
  readonly iso: string;
}

const kMonths = 'January February March April May June July August September October November December'.split(' ');

const ordinal = (day: number): string => {
  const ending = day % 10 < 4 && Math.floor(day / 10) !== 1 ? ['th', 'st', 'nd', 'rd'][day % 10] : 'th';
  return `${day}${ending}`;
};

/** The ways of writing a date; day comes before month where both are numbers. */
const formats: readonly ((year: number, month: number, day: number) => string)[] = [
  (year, month, day) => `${day} ${kMonths[month - 1]} ${year}`,
  (year, month, day) => `${kMonths[month - 1]} ${day}, ${year}`,
  (year, month, day) => `${day}.${month}.${year}`,
  (year, month, day) => `the ${ordinal(day)} of ${kMonths[month - 1]} ${year}`,
  (year, month, day) => `${kMonths[month - 1].slice(0, 3)} ${ordinal(day)} ${year}`,
  (year, month, day) => `${year}/${month}/${day}`,
];

const two = (value: number) => String(value).padStart(2, '0');

export function makeDate(rng: Rng, kinds: number): Dated {
  const [year, month] = [1950 + rng.int(100), 1 + rng.int(12)];
  const day = 1 + rng.int(new Date(Date.UTC(year, month, 0)).getUTCDate());
  return { written: formats[rng.int(kinds)](year, month, day), iso: `${year}-${two(month)}-${two(day)}` };
}

/** Characters of inputs; 0 is padding. */
const kInput = ` ,./0123456789${[...new Set([...kMonths.join('').toLowerCase(), ...'thestndrdof'])].sort().join('')}`;
/** Characters of outputs; the last number is the start. */
const kOutput = '0123456789-';
const kStart = kOutput.length;
const kIsoLength = 10;
const kLongest = 'the 30th of September 1950'.length;

/** Numbers of the characters, [B, kLongest], and how many there are in each row. */
function encodeWritten(written: readonly string[]): { readonly x: Whole; readonly lengths: Whole } {
  const rows = written.map((text) =>
    Array.from({ length: kLongest }, (_, i) => 1 + kInput.indexOf(text.toLowerCase()[i] ?? '\0')),
  );
  const lengths = written.map(({ length }) => length);
  return { x: tensor(rows, { dtype: 'int32' }), lengths: tensor(lengths, { dtype: 'int32' }) };
}

const encodeIso = (iso: readonly string[]): Whole =>
  tensor(
    iso.map((text) => [...text].map((letter) => kOutput.indexOf(letter))),
    { dtype: 'int32' },
  );

/** What the decoder looks back at: a vector for each character, and which are padding. */
interface Memory {
  readonly keys: Floats;
  readonly padding: Tensor<'bool'>;
}

class Translator extends nn.Module<Floats, [x: Whole, lengths: Whole, before: Whole]> {
  readonly reading: nn.Embedding;
  readonly encoder: nn.GRU;
  readonly writing: nn.Embedding;
  readonly decoder: nn.GRU;
  readonly attention: nn.AdditiveAttention;
  readonly hidden: nn.Linear;
  readonly head: nn.Linear;

  constructor(readonly size: number) {
    super();
    const batchFirst = true;
    this.reading = nn.embedding(kInput.length + 1, 16);
    this.encoder = nn.gru(16, size, { batchFirst, bidirectional: true });
    this.writing = nn.embedding(kOutput.length + 1, 16);
    this.decoder = nn.gru(16, size, { batchFirst });
    this.attention = nn.additiveAttention(size, 2 * size, size);
    this.hidden = nn.linear(3 * size, size);
    this.head = nn.linear(size, kOutput.length);
  }

  encode(x: Whole, lengths: Whole): Memory {
    const [keys] = this.encoder.forward(this.reading.forward(x), undefined, { lengths });
    const padding = logicalNot(less(arange(x.shape[1], { dtype: 'int32' }), unsqueeze(lengths, 1)));
    return { keys, padding };
  }

  /** Logits [B, L, characters] after the characters `before` [B, L], the next state, and where the decoder looked. */
  decode({ keys, padding }: Memory, before: Whole, state?: Floats) {
    const [output, after] = this.decoder.forward(this.writing.forward(before), state);
    const [seen, weights] = this.attention.forward(output, keys, keys, { keyPaddingMask: padding });
    const logits = this.head.forward(this.hidden.forward(concat([output, seen], -1)).tanh());
    return { logits, state: after, weights };
  }

  override forward(x: Whole, lengths: Whole, before: Whole): Floats {
    return this.decode(this.encode(x, lengths), before).logits;
  }
}

/** What a model writes by itself, always the likeliest character, and where it looked: [steps][kLongest] for each date. */
async function translate(model: Translator, written: readonly string[]) {
  const read = compile((x: Whole, lengths: Whole) => model.encode(x, lengths));
  const write = compile((keys: Floats, padding: Tensor<'bool'>, before: Whole, state: Floats) => {
    const { logits, ...rest } = model.decode({ keys, padding }, before, state);
    return { next: argMax(logits, -1), ...rest };
  });
  const count = written.length;
  const { x, lengths } = encodeWritten(written);
  const { keys, padding } = await read(x, lengths);
  let next: Whole = tensor(new Int32Array(count).fill(kStart), { shape: [count, 1] });
  let state: Floats = tensor(new Float32Array(count * model.size), { shape: [1, count, model.size] });
  const texts = written.map(() => '');
  const looks: number[][][] = written.map(() => []);
  for (let t = 0; t < kIsoLength; t++) {
    const step = await write(keys, padding, next, state);
    const [letters, weights] = [await step.next.data(), await step.weights.data()];
    for (let i = 0; i < count; i++) {
      texts[i] += kOutput[letters[i]];
      looks[i].push([...weights.subarray(i * kLongest, (i + 1) * kLongest)]);
    }
    ({ next, state } = step);
  }
  return { texts, looks };
}

export async function main(options: ExampleOptions) {
  const { quick, seed } = options;
  const { kinds, size, steps, lr } = quick
    ? { kinds: 2, size: 48, steps: 200, lr: 0.01 }
    : { kinds: formats.length, size: 96, steps: 500, lr: 5e-3 };
  const rng = new Rng(seed);
  const model = new Translator(size);
  const optimizer = optim.adam(model.parameters(), { lr });
  const schedule = optim.cosineAnnealingLR(optimizer, { tMax: steps });
  const step = compile((x: Whole, lengths: Whole, iso: Whole) => {
    const start = tensor(new Int32Array(iso.shape[0]).fill(kStart), { shape: [iso.shape[0], 1] });
    const before = concat([start, iso.narrow(1, 0, kIsoLength - 1)], 1) as Whole;
    const logits = model.forward(x, lengths, before);
    const loss = nn.crossEntropy(logits.reshape([-1, kOutput.length]) as Floats, iso.reshape([-1]) as Whole);
    optimizer.minimize(loss, { clipNorm: 1 });
    return loss;
  });

  for (let i = 1; i <= steps; i++) {
    const dates = Array.from({ length: 64 }, () => makeDate(rng, kinds));
    const { x, lengths } = encodeWritten(dates.map(({ written }) => written));
    const loss = await step(x, lengths, encodeIso(dates.map(({ iso }) => iso)));
    schedule.step();
    if (i % (steps / 5) === 0) console.log(`step ${String(i).padStart(4)}  loss ${(await loss.item()).toFixed(4)}`);
  }

  const test = Array.from({ length: 500 }, () => makeDate(rng, kinds));
  const { texts } = await translate(
    model.eval(),
    test.map(({ written }) => written),
  );
  const right = texts.filter((text, i) => text === test[i].iso).length / test.length;
  for (const [i, { written }] of test.slice(0, 6).entries())
    console.log(`  ${written.padEnd(kLongest)}  ->  ${texts[i]}${texts[i] === test[i].iso ? '' : '  (wrong)'}`);
  console.log(`${(100 * right).toFixed(1)} % of ${test.length} new dates are right in every character`);

  const shown = formats.slice(0, kinds).map((format) => format(1987, 3, 29));
  const written = await translate(model, shown);
  await savePicture(options, 'date-translation', {
    svg: picture(shown.map((text, i) => ({ text, iso: written.texts[i], looks: written.looks[i] }))),
    see: 'day and year are copied from where they stand, whichever the order; the month is read off its letters.',
  });
  return { right, texts: written.texts };
}

// From here on: the picture.

interface Shown {
  readonly text: string;
  readonly iso: string;
  readonly looks: readonly (readonly number[])[];
}

const kCell = 15;

/** One matrix for each date: its characters across, what was written down, dark where the decoder looked. */
function picture(dates: readonly Shown[]): string {
  const height = 74 + kIsoLength * kCell;
  const widths = [0, 1].map(
    (column) => 56 + kCell * Math.max(...dates.map(({ text }, i) => (i % 2 === column ? text.length : 0))),
  );
  const panels = dates.flatMap(({ text, iso, looks }, i) => {
    const [left, top] = [44 + (i % 2) * widths[0], 66 + Math.floor(i / 2) * height];
    const size = { width: kCell, height: kCell };
    const middle = kCell / 2;
    return [
      ...[...text].map((letter, x) => label(left + x * kCell + middle, top - 7, letter)),
      ...[...iso].map((letter, y) => label(left - 12, top + y * kCell + 12, letter)),
      element('rect', {
        ...{ x: left, y: top, width: text.length * kCell, height: kIsoLength * kCell },
        ...{ fill: 'none', stroke: colours.line },
      }),
      ...looks.flatMap((row, y) =>
        row.slice(0, text.length).flatMap((weight, x) =>
          weight < 0.02
            ? []
            : element('rect', {
                ...{ x: left + x * kCell, y: top + y * kCell, ...size },
                ...{ fill: colours.blue, 'fill-opacity': weight },
              }),
        ),
      ),
    ];
  });
  const title = label(28, 26, 'Where the decoder looks (across) while it writes (down)', {
    ...{ 'text-anchor': 'start', 'font-size': 14 },
  });
  return svgDocument(widths[0] + widths[1] + 10, 40 + Math.ceil(dates.length / 2) * height, title, ...panels);
}

await runExample(import.meta.url, main);
