/** Rows of text files: CSV, parsed by csv-parse, and NDJSON, one JSON value a line. Both are streamed, plain or .gz. */
import { pipeline } from 'node:stream';
import type { CsvError } from 'csv-parse';
import { ArgumentError, FileFormatError } from '../errors.js';
import { chunksOf } from './chunks.js';
import { type Stream, streamOf, Unreadable } from './stream.js';

/** Options of `csv`. */
export interface CsvOptions {
  /** Between fields; a comma unless told. */
  readonly delimiter?: string;
  /** Names of the columns, for a file without a first line that has them. */
  readonly columns?: readonly string[];
}

/** One line of a CSV file: fields as text, by the name of their column. */
export type CsvRow = Readonly<Record<string, string>>;

/**
 * The rows of a CSV file (RFC 4180; quotes, line breaks in fields and a byte-order mark are understood), with the names
 * of the columns from the first line. Turn them into samples by `map`. A row with too few or too many fields, or with a
 * misplaced quote, is a FileFormatError that `onError('skip')` leaves out.
 */
export function csv(path: string, { delimiter = ',', columns }: CsvOptions = {}): Stream<CsvRow> {
  if (typeof delimiter !== 'string' || delimiter === '')
    throw new ArgumentError('csv: delimiter must be a non-empty string');
  return streamOf<CsvRow>(async function* () {
    const { parse } = await import('csv-parse');
    const failures: Unreadable[] = [];
    const parser = parse({
      delimiter,
      columns: columns ? [...columns] : true,
      bom: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
    });
    parser.on('skip', (error: CsvError) => {
      const what = `${path}:${String(error.lines ?? '?')}`;
      failures.push(new Unreadable(what, new FileFormatError(`csv: ${what}: ${error.message}`, { cause: error })));
    });
    // Errors reach the loop below, which reads the end of the pipeline.
    pipeline(chunksOf(path, 'csv'), parser, () => {});
    for await (const row of parser) {
      yield* failures.splice(0);
      yield row as CsvRow;
    }
    yield* failures;
  }, path);
}

async function* linesOf(path: string, where: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunksOf(path, where)) {
    const pieces = decoder.decode(chunk, { stream: true }).split('\n');
    pieces[0] = rest + pieces[0];
    rest = pieces.pop() as string;
    yield* pieces;
  }
  yield rest + decoder.decode();
}

/**
 * The values of a file with one JSON value a line (NDJSON, JSON Lines); empty lines are left out. Turn them into samples
 * by `map`. A line that is no JSON is a FileFormatError that `onError('skip')` leaves out.
 */
export function ndjson<T = unknown>(path: string): Stream<T> {
  return streamOf<T>(async function* () {
    let number = 0;
    for await (const line of linesOf(path, 'ndjson')) {
      number++;
      if (line.trim() === '') continue;
      let value: T | Unreadable;
      try {
        value = JSON.parse(line) as T;
      } catch (error) {
        const what = `${path}:${number}`;
        const words = `ndjson: ${what}: ${(error as Error).message}`;
        value = new Unreadable(what, new FileFormatError(words, { cause: error }));
      }
      yield value;
    }
  }, path);
}
