/**
 * idx files, the format of MNIST and its relatives: a big-endian magic number (two zero bytes, element type, rank), the
 * dimensions, then the elements in row-major order. Plain or gzip-compressed, told apart by their first bytes.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, createGunzip, gunzip } from 'node:zlib';
import { type DType, newArray, type TypedArray } from '../dtype.js';
import { FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { showShape, sizeOf } from '../shape.js';

/** The content of an idx file. */
export interface IdxArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

interface ElementType {
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0x08, { dtype: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [0x09, { dtype: 'int32', bytes: 1, read: (view, at) => view.getInt8(at) }],
  [0x0b, { dtype: 'int32', bytes: 2, read: (view, at) => view.getInt16(at) }],
  [0x0c, { dtype: 'int32', bytes: 4, read: (view, at) => view.getInt32(at) }],
  [0x0d, { dtype: 'float32', bytes: 4, read: (view, at) => view.getFloat32(at) }],
  [0x0e, { dtype: 'float64', bytes: 8, read: (view, at) => view.getFloat64(at) }],
]);

const inflate = promisify(gunzip);

/**
 * The bytes of a file, uncompressed when it is a gzip file. With `onDamage`, what can be had of a damaged gzip file, after
 * telling it of the error.
 */
export async function readMaybeGzip(
  path: string,
  where: string,
  onDamage?: (error: FileFormatError) => void,
): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(error, where, path);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await inflate(bytes);
  } catch (error) {
    const told = new FileFormatError(
      `${where}: ${path} is a damaged or truncated gzip file (${(error as Error).message}); get it again`,
      { cause: error },
    );
    if (!onDamage) throw told;
    onDamage(told);
    return salvaged(bytes);
  }
}

/** What comes out of a gzip file before its damage. */
function salvaged(bytes: Buffer): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const done = () => resolve(Buffer.concat(parts));
    const stream = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }).on('data', (part: Buffer) => parts.push(part));
    stream.on('error', done).on('end', done).end(bytes);
  });
}

/**
 * Parses the bytes of an idx file. `path` is for messages. With `onDamage`, a file of another length than its header says
 * gives the whole entries of the first dimension that it holds, after telling it of the error.
 */
export function parseIdx(bytes: Uint8Array, path: string, onDamage?: (error: FileFormatError) => void): IdxArray {
  const where = `readIdx: ${path}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4)
    throw new FileFormatError(`${where}: the file has ${bytes.length} bytes, too few for an idx file`);
  const type = elementTypes.get(bytes[2]);
  const rank = bytes[3];
  if (bytes[0] !== 0 || bytes[1] !== 0 || !type) {
    const magic = view.getUint32(0).toString(16).padStart(8, '0');
    throw new FileFormatError(`${where}: magic number 0x${magic} is not that of an idx file (0x00000803 for images)`);
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw new FileFormatError(`${where}: the file ends within its ${rank} dimensions (truncated)`);
  let shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = sizeOf(shape) * type.bytes;
  const actual = bytes.length - start;
  if (actual !== expected) {
    const error = new FileFormatError(
      `${where}: shape ${showShape(shape)} needs ${expected} bytes of elements but the file has ${actual} ` +
        `(${actual < expected ? 'truncated' : 'trailing bytes'})`,
    );
    if (!onDamage || rank === 0) throw error;
    onDamage(error);
    const [count, ...entry] = shape;
    shape = [Math.min(count, Math.floor(actual / Math.max(1, sizeOf(entry) * type.bytes))), ...entry];
  }
  const data = newArray(type.dtype, sizeOf(shape));
  if (type.bytes === 1 && type.dtype === 'uint8') (data as Uint8Array).set(bytes.subarray(start, start + data.length));
  else for (let i = 0; i < data.length; i++) data[i] = type.read(view, start + i * type.bytes);
  return { data, shape, dtype: type.dtype };
}

/**
 * Reads an idx file, plain or gzip-compressed.
 * @throws FileError when it cannot be read; FileFormatError when it is truncated, damaged, or no idx file.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  return parseIdx(await readMaybeGzip(path, 'readIdx'), path);
}
