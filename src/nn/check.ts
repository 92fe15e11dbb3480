/** Checks of layers' sizes. */
import { ArgumentError } from '../errors.js';

/** Throws unless `value` is a positive integer. */
export function checkSize(value: unknown, where: string, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw new ArgumentError(`${where}: ${name} must be a positive integer, got ${String(value)}`);
}

/** A function that makes what the class makes, without `new`. */
export const factory =
  <Args extends unknown[], M>(type: new (...args: Args) => M) =>
  (...args: Args): M =>
    new type(...args);
