/** The clock: median over calls within a time budget, after warm-up; the same rule as the peers' scripts. */
import type { Prepared } from './workloads.js';

export interface Measurement {
  /** Median seconds of one call. */
  readonly seconds: number;
  /** Seconds of the fastest call. */
  readonly least: number;
  readonly calls: number;
}

export async function measure({ run }: Prepared, seconds: number): Promise<Measurement> {
  await run();
  await run();
  const times: number[] = [];
  const end = performance.now() + seconds * 1e3;
  while (performance.now() < end || times.length < 3) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const middle = times.length >> 1;
  const median = times.length % 2 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  return { seconds: median / 1e3, least: times[0] / 1e3, calls: times.length };
}
