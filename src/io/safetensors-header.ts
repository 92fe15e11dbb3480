/**
 * The header of a safetensors file: JSON with dtype, shape and byte range of each tensor. Nothing in it is believed
 * before it is checked. https://github.com/huggingface/safetensors#format
 */
import { bytesOf, type DType } from '../dtype.js';
import { FileFormatError } from '../errors.js';
import { showShape, sizeOf } from '../shape.js';

/** One tensor in the file. */
export interface Entry {
  readonly name: string;
  /** dtype in the file. */
  readonly stored: string;
  /** dtype of the tensor it becomes. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Byte range within the data, end exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longer headers are refused, as by the reference implementation. */
export const kMaxHeaderBytes = 100_000_000;

const storedTypes: Readonly<Record<string, { dtype: DType; bytes: number }>> = {
  F64: { dtype: 'float64', bytes: 8 },
  F32: { dtype: 'float32', bytes: 4 },
  F16: { dtype: 'float32', bytes: 2 },
  BF16: { dtype: 'float32', bytes: 2 },
  I64: { dtype: 'int64', bytes: 8 },
  I32: { dtype: 'int32', bytes: 4 },
  U8: { dtype: 'uint8', bytes: 1 },
  BOOL: { dtype: 'bool', bytes: 1 },
};

const storedAs: { readonly [D in DType]: string } = {
  float64: 'F64',
  float32: 'F32',
  int64: 'I64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** A key that stands twice in one object of valid JSON text, which `JSON.parse` would hide. */
export function duplicateKey(json: string): string | undefined {
  const objects: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (let match = token.exec(json); match; match = token.exec(json)) {
    const [text, colon] = match;
    if (text === '{') objects.push(new Set());
    else if (text === '[') objects.push(undefined);
    else if (text === '}' || text === ']') objects.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(text.slice(0, text.lastIndexOf('"') + 1)) as string;
      const keys = objects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * Parses and checks a header. `dataBytes` is what follows it in the file.
 * @throws FileFormatError that starts with `where`.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, where: string): Header {
  const fail = (message: string): never => {
    throw new FileFormatError(`${where}: ${message}; the file is damaged or not a safetensors file`);
  };
  let text = '';
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (error) {
    fail(`the header is not valid JSON (${(error as Error).message})`);
  }
  if (!isObject(json) || text[0] !== '{') return fail('the header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) fail(`the header has ${JSON.stringify(twice)} twice`);
  const metadata = json.__metadata__ ?? {};
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    return fail('__metadata__ must map strings to strings');
  const entries = Object.entries(json)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value, fail, where));
  checkRanges(entries, dataBytes, fail);
  return { entries, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, value: unknown, fail: (message: string) => never, where: string): Entry {
  const quoted = JSON.stringify(name);
  if (!isObject(value)) return fail(`the entry of tensor ${quoted} is not an object`);
  const { dtype: stored, shape, data_offsets: offsets } = value;
  if (typeof stored !== 'string') return fail(`tensor ${quoted} has no dtype`);
  const type = Object.hasOwn(storedTypes, stored) ? storedTypes[stored] : undefined;
  if (!type)
    throw new FileFormatError(
      `${where}: tensor ${quoted} has dtype ${stored}; brawn reads ${Object.keys(storedTypes).join(', ')}; convert the file first`,
    );
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`tensor ${quoted} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1])
    return fail(`tensor ${quoted} has no valid data_offsets`);
  const [begin, end] = offsets as [number, number];
  const expected = sizeOf(shape) * type.bytes;
  if (expected !== end - begin)
    fail(`tensor ${quoted} of ${stored}${showShape(shape)} needs ${expected} bytes but its range has ${end - begin}`);
  return { name, stored, dtype: type.dtype, shape, begin, end };
}

/** The ranges must cover the data without gap or overlap. */
function checkRanges(entries: readonly Entry[], dataBytes: number, fail: (message: string) => never): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      fail(`tensor ${JSON.stringify(name)} starts at byte ${begin} of the data but the one before ends at ${at}`);
    at = end;
  }
  if (at > dataBytes) fail(`the tensors need ${at} bytes but only ${dataBytes} follow the header (truncated)`);
  if (at < dataBytes) fail(`${dataBytes - at} bytes follow the last tensor`);
}

/** What is to be written: name, dtype and shape. */
export interface Described {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * The first bytes of a file with `tensors` in this order: header length and header, padded so that the data starts at
 * a multiple of 8.
 */
export function encodeHeader(tensors: readonly Described[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const begin = at;
    at += sizeOf(shape) * bytesOf(dtype);
    return [name, { dtype: storedAs[dtype], shape, data_offsets: [begin, at] }] as const;
  });
  const header = Object.fromEntries([...(metadata ? [['__metadata__', metadata] as const] : []), ...entries]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(8 + length).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.set(text, 8);
  return out;
}
