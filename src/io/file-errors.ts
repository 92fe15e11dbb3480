/** Errors of the operating system in words: what failed, on which path, and what to do. */
import { BrawnError, FileError } from '../errors.js';

const advice: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `${path} does not exist; check the path`,
  ENOSPC: (path) => `the disk that holds ${path} is full; free some space or choose another folder`,
  EDQUOT: (path) => `the disk quota for ${path} is used up; free some space or choose another folder`,
  EACCES: (path) => `no permission for ${path}; choose another path or change its permissions`,
  EPERM: (path) => `no permission for ${path}; choose another path or change its permissions`,
  EROFS: (path) => `${path} lies on a read-only file system; choose another folder`,
  EISDIR: (path) => `${path} is a folder; give the path of a file`,
  ENOTDIR: (path) => `a part of ${path} is not a folder; check the path`,
  EEXIST: (path) => `${path} exists already, as something else; choose another path`,
  EMFILE: (path) => `too many open files while opening ${path}; raise the limit (ulimit -n)`,
  EFBIG: (path) => `${path} would be larger than the file system or the file-size limit (ulimit -f) allows`,
};

/** The error as a FileError that starts with `where`; brawn's own errors pass as they are. */
export function fileError(error: unknown, where: string, path: string): BrawnError {
  if (error instanceof BrawnError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const words = (code !== undefined && advice[code]?.(path)) || `${path}: ${message}`;
  return new FileError(`${where}: ${words}`, { cause: error });
}
