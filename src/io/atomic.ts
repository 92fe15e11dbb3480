/**
 * Files that are written wholly or not at all: everything goes into a temporary file beside the target, which takes
 * the target's place only when it is safely on the disk. Used for weights, images and downloads.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from './file-errors.js';

/** Makes a rename in `folder` last through a power cut, where the platform can. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Some file systems cannot sync folders; the file itself is synced either way.
  } finally {
    await handle?.close();
  }
}

interface Target {
  /** The file once symbolic links are followed. */
  readonly target: string;
  readonly mode: number;
  /** A device or pipe: there is nothing to replace, it is written to. */
  readonly isStream: boolean;
}

async function targetOf(path: string): Promise<Target> {
  try {
    const target = await realpath(path);
    const found = await stat(target);
    return { target, mode: found.mode & 0o777, isStream: !found.isFile() && !found.isDirectory() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { target: path, mode: 0o666, isStream: false };
  }
}

/** Writes all of `bytes` at the file's present position. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

/**
 * Replaces the file at `path` by what `write` puts into the handle: temporary file in the same folder, fsync, rename,
 * fsync of the folder. When anything fails the temporary file is removed and the old file is as it was.
 * @param where Name of the caller's function, for messages.
 * @throws FileError with the path and what to do (missing folder, full disk, no permission).
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  where = 'writeAtomically',
): Promise<void> {
  let temporary: string | undefined;
  let file: FileHandle | undefined;
  try {
    const { target, mode, isStream } = await targetOf(path);
    if (isStream) {
      file = await open(target, 'w');
      await write(file);
      return;
    }
    const folder = dirname(target);
    const name = join(folder, `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
    file = await open(name, 'wx', mode);
    temporary = name;
    await write(file);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, target);
    temporary = undefined;
    await syncFolder(folder);
  } catch (error) {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
    const { code } = error as NodeJS.ErrnoException;
    throw fileError(error, where, code === 'ENOENT' ? `folder ${dirname(path)}` : path);
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** `writeAtomically` for bytes or text at hand. */
export async function writeFileAtomically(path: string, content: Uint8Array | string, where?: string): Promise<void> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await writeAtomically(path, (file) => writeAll(file, bytes), where);
}
