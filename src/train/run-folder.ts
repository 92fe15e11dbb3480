/**
 * The folder of a run: `config.json`, `metrics.ndjson` (a line per report, written at once, so that it can be read while
 * training goes on), `checkpoints/`, and the curves. A resumed run takes back the lines after its checkpoint.
 */
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../io/atomic.js';
import { fileError } from '../io/file-errors.js';
import type { EpochReport, StepReport, WatchReport } from './callbacks.js';

/** One line of `metrics.ndjson`. */
export type MetricsLine =
  | ({ readonly kind: 'step'; readonly time: string } & Omit<StepReport, 'scores' | 'samples' | 'steps'>)
  | ({ readonly kind: 'epoch'; readonly time: string } & EpochReport)
  | ({ readonly kind: 'watch'; readonly time: string } & WatchReport);

/** Where the lines of a run are. */
export const metricsFile = (folder: string): string => join(folder, 'metrics.ndjson');

/** The lines of a run, also of one that is still going on (a line that is half written is left out). */
export async function readMetrics(folder: string): Promise<MetricsLine[]> {
  const path = metricsFile(folder);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'readMetrics', path);
  });
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as MetricsLine];
    } catch {
      return [];
    }
  });
}

export class RunFolder {
  #file: FileHandle | undefined;

  constructor(readonly path: string) {}

  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }

  /** Makes the folder and opens the file of metrics with the lines up to `globalStep`. */
  async open(config: unknown, globalStep: number): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
      const kept = globalStep > 0 ? await this.#linesUpTo(globalStep) : [];
      await writeFileAtomically(
        metricsFile(this.path),
        kept.map((line) => `${JSON.stringify(line)}\n`).join(''),
        'fit',
      );
      if (globalStep === 0 && config !== undefined)
        await writeFileAtomically(join(this.path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`, 'fit');
      this.#file = await open(metricsFile(this.path), 'a');
    } catch (error) {
      throw fileError(error, 'fit', this.path);
    }
  }

  async #linesUpTo(globalStep: number): Promise<MetricsLine[]> {
    const lines = await readMetrics(this.path).catch(() => []);
    return lines.filter((line) => line.globalStep <= globalStep);
  }

  async append(line: MetricsLine): Promise<void> {
    try {
      await this.#file?.write(`${JSON.stringify(line)}\n`);
    } catch (error) {
      throw fileError(error, 'fit', metricsFile(this.path));
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
