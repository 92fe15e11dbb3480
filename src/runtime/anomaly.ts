/**
 * Anomaly mode: every float result is checked, and the first NaN or Inf stops the run with the op that made it and
 * the user's line that created that op. Slow (no fusion, a check per op); for finding, not for running.
 */
import { recordSites } from '../graph/node.js';

let on = false;

export const isAnomalyMode = (): boolean => on;

/** The first stack frame outside of brawn's own files; empty when there is none. */
function userSite(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  const { pathname } = new URL('..', import.meta.url);
  const own = [pathname, decodeURI(pathname), 'node:internal'];
  const frames = stack.split('\n').slice(1);
  // Built-in functions, such as `Array.reduce (<anonymous>)`, have no file.
  const isUsers = (frame: string) => frame.includes('/') && !own.some((part) => frame.includes(part));
  return (frames.find(isUsers) ?? '').trim();
}

/**
 * Switches anomaly mode on or off (as `torch.autograd.set_detect_anomaly`). Applies to ops created from now on.
 * `BRAWN_ANOMALY=1` switches it on at start.
 */
export function setAnomalyMode(enabled: boolean): void {
  on = enabled;
  recordSites(enabled ? userSite : undefined);
}

if (process.env.BRAWN_ANOMALY === '1') setAnomalyMode(true);
