/** Where downloaded data is kept between runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `BRAWN_CACHE`, else `brawn` in `XDG_CACHE_HOME`, else `~/.cache/brawn`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.BRAWN_CACHE) return env.BRAWN_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'brawn');
}
