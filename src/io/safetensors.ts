/** Tensors in safetensors files, the format of weights. The header's rules are in `safetensors-header.ts`. */
import { type FileHandle, open } from 'node:fs/promises';
import { bytesOf, newArray, type TypedArray } from '../dtype.js';
import { ArgumentError, FileFormatError } from '../errors.js';
import { dataNode } from '../graph/leaves.js';
import { evaluateNodes } from '../runtime/run.js';
import { sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { writeAll, writeAtomically } from './atomic.js';
import { fileError } from './file-errors.js';
import { widen } from './half.js';
import { type Entry, encodeHeader, type Header, kMaxHeaderBytes, parseHeader } from './safetensors-header.js';

/** Tensors by name. */
export type TensorRecord = Record<string, Tensor>;

const bytesIn = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/**
 * Saves tensors of any dtype, computing them in one program first. The file appears wholly or not at all: an error
 * leaves what was at `path` untouched.
 * @param metadata Short texts kept in the header.
 * @throws ArgumentError for something that is no tensor; FileError when the file cannot be written.
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<TensorRecord>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const named = Object.entries(tensors).map(([name, tensor]) => {
    if (name === '__metadata__') throw new ArgumentError('saveSafetensors: a tensor cannot be named __metadata__');
    if (!(tensor instanceof Tensor)) throw new ArgumentError(`saveSafetensors: ${JSON.stringify(name)} is no tensor`);
    return { name, dtype: tensor.dtype, shape: tensor.shape, node: tensor.node };
  });
  for (const [key, value] of Object.entries(metadata ?? {}))
    if (typeof value !== 'string') throw new ArgumentError(`saveSafetensors: metadata ${key} must be a string`);
  // Wide elements first, so that every tensor is aligned.
  named.sort((a, b) => bytesOf(b.dtype) - bytesOf(a.dtype) || (a.name < b.name ? -1 : 1));
  const header = encodeHeader(named, metadata);
  if (header.length > kMaxHeaderBytes)
    throw new ArgumentError(
      `saveSafetensors: the header would have ${header.length} bytes, more than ${kMaxHeaderBytes}`,
    );
  const arrays = await evaluateNodes(named.map(({ node }) => node));
  await writeAtomically(
    path,
    async (file) => {
      await writeAll(file, header);
      for (const array of arrays) await writeAll(file, bytesIn(array));
    },
    'saveSafetensors',
  );
}

/**
 * Loads all tensors of a file. F16 and BF16 become float32; other dtypes are kept.
 * @throws FileError when the file cannot be read, FileFormatError when it is truncated, damaged, of another format, or
 * has a dtype that brawn has not.
 */
export async function loadSafetensors(path: string): Promise<TensorRecord> {
  return reading(path, 'loadSafetensors', async (file, where) => {
    const { header, dataStart } = await readHeader(file, where);
    const tensors: [string, Tensor][] = [];
    for (const entry of header.entries) tensors.push([entry.name, await readTensor(file, entry, dataStart, where)]);
    return Object.fromEntries(tensors);
  });
}

/** The texts that `saveSafetensors` was given as metadata. Throws as `loadSafetensors`. */
export async function loadSafetensorsMetadata(path: string): Promise<Record<string, string>> {
  return reading(path, 'loadSafetensorsMetadata', async (file, where) => {
    const { header } = await readHeader(file, where);
    return { ...header.metadata };
  });
}

async function reading<T>(
  path: string,
  caller: string,
  read: (file: FileHandle, where: string) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    return await read(file, `${caller}: ${path}`);
  } catch (error) {
    throw fileError(error, caller, path);
  } finally {
    await file?.close();
  }
}

async function readHeader(file: FileHandle, where: string): Promise<{ header: Header; dataStart: number }> {
  const { size } = await file.stat();
  if (size < 8) throw new FileFormatError(`${where}: the file has ${size} bytes, too few for a safetensors file`);
  const prefix = await readBytes(file, new Uint8Array(8), 0, where);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > kMaxHeaderBytes || length + 8 > size)
    throw new FileFormatError(
      `${where}: the header should have ${length} bytes but ${size - 8} follow; the file is truncated or not a safetensors file`,
    );
  const bytes = await readBytes(file, new Uint8Array(length), 8, where);
  return { header: parseHeader(bytes, size - 8 - length, where), dataStart: 8 + length };
}

async function readTensor(file: FileHandle, entry: Entry, dataStart: number, where: string): Promise<Tensor> {
  const { name, stored, dtype, shape, begin, end } = entry;
  let array: TypedArray;
  if (stored === 'F16' || stored === 'BF16')
    array = widen(await readBytes(file, new Uint8Array(end - begin), dataStart + begin, where), stored);
  else {
    array = newArray(dtype, sizeOf(shape));
    await readBytes(file, bytesIn(array), dataStart + begin, where);
  }
  if (dtype === 'bool' && (array as Uint8Array).some((byte) => byte > 1))
    throw new FileFormatError(`${where}: tensor ${JSON.stringify(name)} of BOOL has bytes other than 0 and 1`);
  return new Tensor(dataNode(array, Object.freeze([...shape]), dtype));
}

async function readBytes<T extends Uint8Array>(file: FileHandle, into: T, position: number, where: string): Promise<T> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw new FileFormatError(`${where}: the file ended while it was read`);
    at += bytesRead;
  }
  return into;
}
