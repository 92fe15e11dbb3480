/**
 * Loads the native addon, checks that it fits this JavaScript, and types what it exports. When it cannot be loaded the
 * error says what was tried, on which platform, and which command helps; nothing falls back in silence.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { TypedArray } from '../dtype.js';
import { NativeError } from '../errors.js';
import { abiVersion, type ProgramDescription } from '../plan/emit.js';
import { type KernelListing, KernelTable } from '../plan/kernel-table.js';

/** Which threads take part in a run within the call: the caller's alone, or with the pool's; and whether it may wait. */
export const here = { alone: 0, together: 1, wait: 2 } as const;

/** A program inside the addon; freed with the function. */
export interface NativeProgram {
  /**
   * Runs it on this thread before the call returns. Unless it may `wait`, false, and nothing has been done, where the
   * program has to wait for another one or, not `alone`, where another is under way.
   */
  (place: (typeof here)[keyof typeof here], profile: boolean, ...bindings: readonly TypedArray[]): NativeResult | false;
  /** Memory beside the arena that one run takes. */
  readonly scratchBytes: number;
}

/** Why a run stopped. */
export interface NativeFailure {
  readonly kind: 'fault' | 'abort' | 'memory';
  readonly fault?: string;
  readonly instruction: number;
  readonly value: number;
  readonly limit: number;
  readonly message: string;
}

/** Of a run: `true` where it went well and no times were asked for. */
export type NativeResult =
  | true
  | { readonly failure: NativeFailure | null /** Nanoseconds of each kernel. */; readonly times?: Float64Array };

/** What the addon knows of the machine. */
export interface CpuInfo {
  readonly isa: string;
  readonly available: readonly string[];
  readonly arch: string;
  readonly model?: string;
  readonly affinity: number;
  readonly quota: number;
  readonly threads: number;
}

interface AddonExports {
  readonly abi: number;
  kernels(): KernelListing[];
  vmOps(): string[];
  cpu(): CpuInfo;
  getThreads(): number;
  setThreads(threads: number): void;
  createProgram(description: ProgramDescription): NativeProgram;
  /** Runs the program on other threads, and then calls `done`. Gives the number of the job. */
  run(program: NativeProgram, bindings: TypedArray[], profile: boolean, done: (result: NativeResult) => void): number;
  abort(job: number): void;
  freeMemory(): number;
  /**
   * Memory of arbitrary content that is used again for other results once it is garbage: it cannot be transferred to
   * another thread. Undefined where there is none to have.
   */
  allocateResult(bytes: number): ArrayBuffer | undefined;
  alignOffset(buffer: ArrayBuffer, alignment: number): number;
}

export interface Addon extends AddonExports {
  readonly table: KernelTable;
  readonly path: string;
}

const require = createRequire(import.meta.url);
let loaded: Addon | NativeError | undefined;

/** Paths in the order they are tried; `BRAWN_ADDON` names one and only one. */
function candidates(): string[] {
  if (process.env.BRAWN_ADDON) return [process.env.BRAWN_ADDON];
  const root = fileURLToPath(new URL('../../', import.meta.url));
  return [`${root}build/Release/brawn.node`, `${root}build/Debug/brawn.node`];
}

function load(): Addon {
  const tried: string[] = [];
  let cause: unknown;
  for (const path of candidates()) {
    if (!existsSync(path)) {
      tried.push(`${path} (missing)`);
      continue;
    }
    try {
      const exports = require(path) as AddonExports;
      if (exports.abi !== abiVersion)
        throw new NativeError(`it speaks program format ${exports.abi}, this package needs ${abiVersion}`);
      return { ...exports, table: new KernelTable(exports.kernels(), exports.vmOps()), path };
    } catch (error) {
      const { message } = error as Error;
      // The addon itself is fine, a variable that it reads is not.
      const [, variable] = /^(BRAWN_\w+)=/.exec(message) ?? [];
      if (variable) throw new NativeError(`${message}; change or unset ${variable}`, { cause: error });
      cause = error;
      tried.push(`${path} (${message})`);
    }
  }
  throw new NativeError(
    `the native addon cannot be loaded on ${process.platform}-${process.arch}, Node ${process.versions.node}. Tried: ${tried.join('; ')}. ` +
      (process.env.BRAWN_ADDON
        ? 'BRAWN_ADDON names this file and no other: unset or correct it, or build with: '
        : 'Build it with: ') +
      'npm rebuild brawn (in the package itself: npm run install). ' +
      "To go on without it, slowly, choose the JavaScript executor: setBackend('javascript') or BRAWN_BACKEND=javascript",
    { cause },
  );
}

/** The addon; throws a NativeError each time when it cannot be loaded. */
export function addon(): Addon {
  if (loaded === undefined) {
    try {
      loaded = load();
    } catch (error) {
      loaded = error as NativeError;
    }
  }
  if (loaded instanceof Error) throw loaded;
  return loaded;
}
