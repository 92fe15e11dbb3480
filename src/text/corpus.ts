/** Text to learn from: a file, a folder of files, or the sources of this package. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readText } from '../data/text.js';
import { FileError } from '../errors.js';
import { fileError } from '../io/file-errors.js';

/** A text and the files that it is from. */
export interface Corpus {
  readonly text: string;
  readonly files: readonly string[];
}

/** How much of a file is looked at to tell whether it is text. */
const kProbe = 8192;

/** As `git` and `grep` tell: a zero byte near the start. */
async function isBinary(path: string): Promise<boolean> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError(error, 'readCorpus', path);
  });
  return bytes.subarray(0, kProbe).includes(0);
}

/** Files below `folder` in the order of their paths; hidden ones, and packages that were installed, are left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(error, 'readCorpus', folder);
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

/**
 * The text of a UTF-8 file (plain or gzip-compressed), or of all text files below a folder in the order of their paths,
 * joined by line ends. Hidden files, `node_modules` and binary files (with a zero byte near the start) are left out.
 * @throws FileError when something cannot be read, or a folder has no text; FileFormatError for a text file that is not
 * UTF-8.
 */
export async function readCorpus(path: string): Promise<Corpus> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError(error, 'readCorpus', path);
  });
  if (!found.isDirectory()) return { text: await readText(path), files: [path] };
  return joined(await filesBelow(path), path);
}

async function joined(paths: readonly string[], folder: string): Promise<Corpus> {
  const files: string[] = [];
  const texts: string[] = [];
  for (const path of paths) {
    if (await isBinary(path)) continue;
    files.push(path);
    texts.push(await readText(path));
  }
  if (files.length === 0) throw new FileError(`readCorpus: ${folder} has no text files; give a file or another folder`);
  return { text: texts.join('\n'), files };
}

const kSources = /(?<!\.d)\.(js|ts|cc|h|inl|inc)$/;

/** The sources of this package, as they were installed: its JavaScript and its C++. */
export async function packageCorpus(): Promise<Corpus> {
  const folders = ['..', '../../native'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const paths = (await Promise.all(folders.map(filesBelow))).flat();
  return joined(
    paths.filter((path) => kSources.test(path)),
    folders[0],
  );
}
