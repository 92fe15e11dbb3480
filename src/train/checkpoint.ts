/**
 * Checkpoints: everything that a training needs to go on bit for bit, in one safetensors file that is replaced
 * atomically. Beside it lie the weights of the best epochs, as plain state dicts.
 */
import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, FileError, FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { loadSafetensors, loadSafetensorsMetadata, saveSafetensors, type TensorRecord } from '../io/safetensors.js';

const kVersion = 1;
const kLast = 'last.safetensors';

/** Numbers that JSON has not: Infinity, -Infinity and NaN, which schedules and metrics may hold. */
const kNumber = '$number';

/** JSON that keeps every number. */
export function encodeState(state: unknown): string {
  return JSON.stringify(state, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { [kNumber]: String(value) } : value,
  );
}

/** What `encodeState` was given. */
export function decodeState(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && kNumber in value ? Number(value[kNumber]) : value,
  );
}

/** Tensors under prefixes, such as `model.0.weight`. */
export function withPrefix(prefix: string, tensors: Readonly<TensorRecord>): TensorRecord {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}

/** The tensors that `withPrefix` has named so. */
export function underPrefix(prefix: string, tensors: Readonly<TensorRecord>): TensorRecord {
  const start = `${prefix}.`;
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(start));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(start.length), tensor]));
}

/** A checkpoint as it is read back. */
export interface Checkpoint<State> {
  readonly path: string;
  readonly tensors: TensorRecord;
  readonly state: State;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The checkpoint in a run folder, in a folder of checkpoints, or itself; undefined when there is none. */
export async function findCheckpoint(path: string): Promise<string | undefined> {
  for (const candidate of [join(path, 'checkpoints', kLast), join(path, kLast)])
    if (await exists(candidate)) return candidate;
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? path : undefined;
}

/** Reads a checkpoint. Throws as `loadSafetensors`. */
export async function readCheckpoint<State>(path: string): Promise<Checkpoint<State>> {
  const { checkpoint, version } = await loadSafetensorsMetadata(path);
  if (checkpoint === undefined)
    throw new FileFormatError(`fit: ${path} holds tensors but is no checkpoint of a training; load it into the model`);
  if (Number(version) !== kVersion)
    throw new FileFormatError(`fit: ${path} is a checkpoint of version ${version}, this is for version ${kVersion}`);
  return { path, tensors: await loadSafetensors(path), state: decodeState(checkpoint) as State };
}

interface Kept {
  readonly file: string;
  readonly epoch: number;
  readonly value: number;
}

const bestName = (epoch: number): string => `best-epoch-${String(epoch).padStart(4, '0')}.safetensors`;

/** The checkpoints of one training in a folder: `last.safetensors`, and the weights of the `keep` best epochs. */
export class Checkpoints {
  #kept: Kept[] = [];

  constructor(
    readonly folder: string,
    readonly keep: number,
    readonly higherIsBetter: boolean,
  ) {
    if (!Number.isSafeInteger(keep) || keep < 0)
      throw new ArgumentError(`fit: checkpoints.keepBest must be a whole number of at least 0, got ${keep}`);
  }

  /** The file that `save` replaces. */
  get last(): string {
    return join(this.folder, kLast);
  }

  /**
   * Makes the folder ready for a training that has `epochs` epochs behind it: what a killed one left half written or
   * will come to again is put aside.
   */
  async prepare(epochs: number): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      for (const name of await readdir(this.folder)) {
        const path = join(this.folder, name);
        if (/^\..*\.safetensors\..*\.tmp$/.test(name)) await unlink(path);
        const [, number] = /^best-epoch-(\d+)\.safetensors$/.exec(name) ?? [];
        if (number === undefined || Number(number) > epochs) continue;
        const { value } = await loadSafetensorsMetadata(path);
        this.#kept.push({ file: path, epoch: Number(number), value: Number(value) });
      }
    } catch (error) {
      throw fileError(error, 'fit', this.folder);
    }
  }

  /** Replaces the last checkpoint. */
  async save(tensors: Readonly<TensorRecord>, state: unknown): Promise<void> {
    await saveSafetensors(this.last, tensors, { version: String(kVersion), checkpoint: encodeState(state) });
  }

  /** Keeps the weights of an epoch if it is among the best; later epochs lose against equal ones. */
  async offer(epoch: number, monitor: string, value: number, weights: Readonly<TensorRecord>): Promise<void> {
    const sign = this.higherIsBetter ? -1 : 1;
    const before = this.#kept.filter((kept) => kept.epoch !== epoch);
    const entry = { file: join(this.folder, bestName(epoch)), epoch, value };
    const ranked = [...before, entry].sort((a, b) => sign * (a.value - b.value) || a.epoch - b.epoch);
    const kept = ranked.slice(0, this.keep);
    if (!kept.includes(entry)) return;
    await saveSafetensors(entry.file, weights, { epoch: String(epoch), monitor, value: String(value) });
    for (const { file } of ranked.slice(this.keep)) await unlink(file).catch(() => undefined);
    this.#kept = kept;
  }

  /** The best weights kept, if any. */
  get best(): string | undefined {
    return this.#kept[0]?.file;
  }
}

/** The file to go on from. @throws FileError when `path` has none. */
export async function requireCheckpoint(path: string): Promise<string> {
  const found = await findCheckpoint(path);
  if (found !== undefined) return found;
  throw new FileError(
    `fit: ${path} has no checkpoint to resume from; give a run folder (with checkpoints/${kLast} in it) or a checkpoint file`,
  );
}
