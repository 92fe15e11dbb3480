/** The compute threads and what the addon knows of the machine. */
import { ArgumentError } from '../errors.js';
import { addon, type CpuInfo } from './addon.js';
import { getBackend } from './run.js';

/**
 * Compute threads in use: `BRAWN_THREADS`, or the least of CPU affinity, cgroup quota and processors. The JavaScript
 * executor has one.
 */
export function getThreads(): number {
  return getBackend() === 'javascript' ? 1 : addon().getThreads();
}

/**
 * Sets the number of compute threads for all native programs from now on. Results do not depend on it, bit for bit.
 * Without effect on the JavaScript executor.
 * @throws ArgumentError unless it is an integer from 1 to 1024.
 */
export function setThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw new ArgumentError(`setThreads: needs an integer from 1 to 1024, got ${threads}`);
  if (getBackend() === 'native') addon().setThreads(threads);
}

/** Instruction set in use and available, threads, quota, and where the addon lies. */
export function systemInfo(): CpuInfo & { readonly addonPath: string } {
  const { path } = addon();
  return { ...addon().cpu(), addonPath: path };
}
