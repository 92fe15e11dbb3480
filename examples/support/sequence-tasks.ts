/** What `../sequence-to-sequence.ts` can learn: texts to read, and what should be written for them. */
import type { Rng } from 'brawn/data';

/** A text to read, and what should be written for it. */
export interface Pair {
  readonly source: string;
  readonly target: string;
}

export interface Task {
  /** Characters of sources and of targets. */
  readonly input: string;
  readonly output: string;
  /** Characters of the longest source and of the longest target. */
  readonly longestSource: number;
  readonly longestTarget: number;
  /** Steps of training with 64 pairs each that are enough. */
  readonly steps: number;
  make(rng: Rng): Pair;
  /** What the picture shows, and what to see in it. */
  readonly shown: readonly Pair[];
  readonly see: string;
}

export const taskNames = ['reverse', 'sort', 'dates'] as const;
export type TaskName = (typeof taskNames)[number];

const kLetters = 'abcdefghijklmnopqrstuvwxyz';

/** Random letters in another order: 3 to `longest` of the first `count` of the alphabet. */
function letters(
  order: (source: string) => string,
  count: number,
  longest: number,
  shown: string[],
  see: string,
): Task {
  const pair = (source: string): Pair => ({ source, target: order(source) });
  return {
    input: kLetters.slice(0, count),
    output: kLetters.slice(0, count),
    longestSource: longest,
    longestTarget: longest,
    steps: 1500,
    make: (rng) => pair(Array.from({ length: 3 + rng.int(longest - 2) }, () => kLetters[rng.int(count)]).join('')),
    shown: shown.map(pair),
    see,
  };
}

const kMonths = 'January February March April May June July August September October November December'.split(' ');

const ordinal = (day: number): string => {
  const ending = day % 10 < 4 && Math.floor(day / 10) !== 1 ? ['th', 'st', 'nd', 'rd'][day % 10] : 'th';
  return `${day}${ending}`;
};

/** The ways of writing a date; day comes before month where both are numbers. */
const kFormats: readonly ((year: number, month: number, day: number) => string)[] = [
  (year, month, day) => `${day} ${kMonths[month - 1]} ${year}`,
  (year, month, day) => `${kMonths[month - 1]} ${day}, ${year}`,
  (year, month, day) => `${day}.${month}.${year}`,
  (year, month, day) => `the ${ordinal(day)} of ${kMonths[month - 1]} ${year}`,
  (year, month, day) => `${kMonths[month - 1].slice(0, 3)} ${ordinal(day)} ${year}`,
  (year, month, day) => `${year}/${month}/${day}`,
];

const two = (value: number) => String(value).padStart(2, '0');

/** Dates in the first `count` ways of writing them, into ISO dates. */
function dates(count: number): Task {
  const pair = (kind: number, year: number, month: number, day: number): Pair => ({
    source: kFormats[kind](year, month, day).toLowerCase(),
    target: `${year}-${two(month)}-${two(day)}`,
  });
  return {
    input: ` ,./0123456789${kLetters}`,
    output: '0123456789-',
    longestSource: 'the 30th of september 1950'.length,
    longestTarget: 'yyyy-mm-dd'.length,
    steps: 500,
    make(rng) {
      const [year, month] = [1950 + rng.int(100), 1 + rng.int(12)];
      return pair(rng.int(count), year, month, 1 + rng.int(new Date(Date.UTC(year, month, 0)).getUTCDate()));
    },
    shown: Array.from({ length: count }, (_, kind) => pair(kind, 1987, 3, 29)),
    see: 'day and year are copied from where they stand, whichever the order; the month is read off its letters.',
  };
}

const reversed = (text: string) => [...text].reverse().join('');
const sorted = (text: string) => [...text].sort().join('');

const kReverse =
  'the decoder goes through the text from its end to its start: dark squares from top right to bottom left.';
const kSort =
  'the decoder looks for the next letter in the order of the alphabet, wherever it stands; equal letters share.';

/** The task of a name; `quick` makes it small. */
export function taskOf(name: TaskName, quick: boolean): Task {
  if (name === 'dates') return dates(quick ? 2 : kFormats.length);
  const [order, see] = name === 'reverse' ? [reversed, kReverse] : ([sorted, kSort] as const);
  return quick
    ? letters(order, 8, 6, ['facade', 'badge'], see)
    : letters(
        order,
        kLetters.length,
        12,
        ['attention', 'backwards', 'tensor', 'reverse', 'sequencing', 'algebra'],
        see,
      );
}
