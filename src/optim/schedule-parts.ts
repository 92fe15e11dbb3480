/** Checks and parts that the schedules share. */
import { ArgumentError } from '../errors.js';

/** Throws unless `value` is a positive integer. */
export function checkCount(where: string, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`${where}: ${name} must be a positive integer, got ${value}`);
}

/** Throws for the first of the named numbers that is negative or no number. */
export function checkNumber(where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ArgumentError(`${where}: ${name} must be a non-negative number, got ${value}`);
}

/** From `from` to `to` along half a cosine; `share` is 0 to 1. */
export const cosine = (share: number, from: number, to: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;

/** A value for each of `count` groups. @throws ArgumentError for a list of another length. */
export function perGroup<T>(where: string, name: string, given: T | readonly T[], count: number): readonly T[] {
  const list = Array.isArray(given) ? (given as readonly T[]) : Array.from({ length: count }, () => given as T);
  if (list.length !== count)
    throw new ArgumentError(`${where}: ${name} has ${list.length} entries, the optimizer ${count} groups`);
  return list;
}
