/**
 * Downloads of data sets: mirrors tried in turn, an interrupted file resumed where it stopped, the content checked
 * before it takes its name. Proxies are honoured by `proxy.ts`.
 */
import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { BrawnError, FileError, FileFormatError } from '../errors.js';
import { syncFolder, writeAll } from './atomic.js';
import { fileError } from './file-errors.js';

/** What is downloaded, from where, to where. */
export interface DownloadOptions {
  /** The same file on several servers, best first. */
  readonly urls: readonly string[];
  /** Where the file shall lie; missing folders are made. What has arrived so far lies beside it, with `.part`. */
  readonly to: string;
  /** Throws a FileFormatError when the downloaded file is not what it should be. */
  readonly verify: (path: string) => Promise<void>;
  /** Bytes here so far, and in all when the server tells. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a server is given up; 30,000 unless told. */
  readonly idleTimeout?: number;
}

const kAttempts = 3;

async function sizeOfFile(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** Disk trouble ends a download; network trouble only moves it to the next attempt. */
async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileError(error, 'download', path);
  }
}

/** Where the body of `response` belongs in the file, or an error for an answer without one. */
function startOf(response: IncomingMessage, asked: number): number {
  const { statusCode, statusMessage, headers } = response;
  if (statusCode === 200) return 0;
  const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '');
  if (statusCode === 206 && Number(range?.[1]) === asked) return asked;
  throw new Error(`the server answered ${statusCode} ${statusMessage}`);
}

/** Adds to the `.part` file what it lacks. */
async function receive(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { signal, onProgress, idleTimeout = 30_000 } = options;
  const have = await sizeOfFile(part);
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  // Node's HTTP is loaded when something is fetched.
  const { get } = await import('./proxy.js');
  const response = await get(url, { headers, signal, idleTimeout });
  // Nothing is left to send: the check of the content decides.
  if (response.statusCode === 416 && have > 0) {
    response.destroy();
    return;
  }
  let file: FileHandle | undefined;
  try {
    let at = startOf(response, have);
    const length = response.headers['content-length'];
    const total = length === undefined ? undefined : at + Number(length);
    file = await onDisk(part, open(part, at > 0 ? 'a' : 'w'));
    onProgress?.(at, total);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await onDisk(part, writeAll(file, chunk));
      at += chunk.length;
      onProgress?.(at, total);
    }
    if (total !== undefined && at < total) throw new Error(`the connection closed after ${at} of ${total} bytes`);
    await onDisk(part, file.sync());
  } finally {
    response.destroy();
    await file?.close();
  }
}

const reasonOf = (error: unknown): string => {
  const { message, code, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  return message || errors?.map((inner) => inner.message).join(', ') || code || String(error);
};

/** Tries one server until the file is here and right; gives the reason when it gives up. */
async function tryServer(url: string, part: string, options: DownloadOptions): Promise<string | undefined> {
  let reason = '';
  for (let attempt = 0; attempt < kAttempts; attempt++) {
    const before = await sizeOfFile(part);
    try {
      await receive(url, part, options);
      await options.verify(part);
      return undefined;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof BrawnError && !(error instanceof FileFormatError)) throw error;
      reason = reasonOf(error);
      if (error instanceof FileFormatError) {
        await unlink(part).catch(() => undefined);
        // What was resumed may have been the rest of another file: once more from the start.
        if (before === 0) return reason;
      } else if ((await sizeOfFile(part)) <= before) return reason;
    }
  }
  return reason;
}

/**
 * Downloads a file, or finishes an interrupted download of it.
 * @throws FileError that lists every server with its reason; the signal's reason when aborted (what has arrived stays).
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { urls, to, signal } = options;
  const part = `${to}.part`;
  await onDisk(dirname(to), mkdir(dirname(to), { recursive: true }));
  const failed: string[] = [];
  for (const url of urls) {
    signal?.throwIfAborted();
    const reason = await tryServer(url, part, options);
    if (reason === undefined) {
      await onDisk(to, rename(part, to));
      await syncFolder(dirname(to));
      return;
    }
    failed.push(`${url} (${reason})`);
  }
  throw new FileError(`download: cannot get ${to}. Tried: ${failed.join('; ')}`);
}
