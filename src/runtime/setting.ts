/** Settings of the process that are one word of a few. */
import { ArgumentError } from '../errors.js';

/** `name` as one of `words`. @throws ArgumentError that starts with `where` and lists them. */
export function oneOf<T extends string>(words: readonly T[], name: string, where: string, what: string): T {
  if ((words as readonly string[]).includes(name)) return name as T;
  throw new ArgumentError(`${where}: unknown ${what} ${JSON.stringify(name)}; use ${words.join(' or ')}`);
}
