/** Files in pieces, plain or gzip-compressed, told apart by their first bytes. */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';

async function opened(path: string, where: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw fileError(error, where, path);
  }
}

function unzipped(file: Readable): Readable {
  // Errors reach whoever reads the result.
  return pipeline(file, createGunzip(), () => {});
}

/**
 * The bytes of a file in pieces, uncompressed.
 * @throws FileError when it cannot be read; FileFormatError when it is damaged or truncated gzip.
 */
export async function* chunksOf(path: string, where: string): AsyncGenerator<Buffer, void> {
  const handle = await opened(path, where);
  try {
    const head = Buffer.alloc(2);
    await handle.read(head, 0, 2, 0);
    const file = handle.createReadStream({ start: 0, autoClose: false });
    for await (const chunk of head[0] === 0x1f && head[1] === 0x8b ? unzipped(file) : file) yield chunk as Buffer;
  } catch (error) {
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? ''))
      throw new FileFormatError(
        `${where}: ${path} is a damaged or truncated gzip file (${(error as Error).message}); get it again`,
        { cause: error },
      );
    throw fileError(error, where, path);
  } finally {
    await handle.close();
  }
}
