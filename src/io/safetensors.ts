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
    const arrays = await readArrays(file, header, dataStart, where);
    const tensors = header.entries.map((entry, i): [string, Tensor] => {
      const array = widened(arrays[i], entry);
      if (entry.dtype === 'bool' && (array as Uint8Array).some((byte) => byte > 1))
        throw new FileFormatError(
          `${where}: tensor ${JSON.stringify(entry.name)} of BOOL has bytes other than 0 and 1`,
        );
      return [entry.name, new Tensor(dataNode(array, Object.freeze([...entry.shape]), entry.dtype))];
    });
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
  const prefix = new Uint8Array(8);
  await readBytes(file, [prefix], 0, where);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > kMaxHeaderBytes || length + 8 > size)
    throw new FileFormatError(
      `${where}: the header should have ${length} bytes but ${size - 8} follow; the file is truncated or not a safetensors file`,
    );
  const bytes = new Uint8Array(length);
  await readBytes(file, [bytes], 8, where);
  return { header: parseHeader(bytes, size - 8 - length, where), dataStart: 8 + length };
}

const halfOf = ({ stored }: Entry): 'F16' | 'BF16' | undefined =>
  stored === 'F16' || stored === 'BF16' ? stored : undefined;

function widened(array: TypedArray, entry: Entry): TypedArray {
  const half = halfOf(entry);
  return half ? widen(array as Uint8Array, half) : array;
}

/** Arrays read with one call of the system, and calls at a time: copying from the system's cache takes a core each. */
const kArraysAtOnce = 64;
const kReadsAtOnce = 2;

/** The elements of each entry as they are stored, halves as bytes. */
async function readArrays(file: FileHandle, header: Header, dataStart: number, where: string): Promise<TypedArray[]> {
  const { entries } = header;
  const arrays = entries.map((entry) =>
    halfOf(entry) ? new Uint8Array(entry.end - entry.begin) : newArray(entry.dtype, sizeOf(entry.shape)),
  );
  const order = [...entries.keys()].sort((a, b) => entries[a].begin - entries[b].begin);
  const groups: number[][] = [];
  for (let at = 0; at < order.length; at += kArraysAtOnce) groups.push(order.slice(at, at + kArraysAtOnce));
  const reader = async () => {
    for (let group = groups.shift(); group; group = groups.shift())
      await readBytes(
        file,
        group.map((i) => bytesIn(arrays[i])),
        dataStart + entries[group[0]].begin,
        where,
      );
  };
  await Promise.all(Array.from({ length: kReadsAtOnce }, reader));
  return arrays;
}

/** Fills the buffers from `position` on, one after the other. */
async function readBytes(
  file: FileHandle,
  into: readonly Uint8Array[],
  position: number,
  where: string,
): Promise<void> {
  let left = into.filter((bytes) => bytes.length > 0);
  while (left.length > 0) {
    let { bytesRead } = await file.readv(left, position);
    if (bytesRead === 0) throw new FileFormatError(`${where}: the file ended while it was read`);
    position += bytesRead;
    const unread: Uint8Array[] = [];
    for (const bytes of left) {
      if (bytesRead < bytes.length) unread.push(bytes.subarray(bytesRead));
      bytesRead = Math.max(0, bytesRead - bytes.length);
    }
    left = unread;
  }
}
