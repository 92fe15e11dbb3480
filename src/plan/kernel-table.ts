/**
 * The kernels an addon offers, by name, with their signatures parsed. Names are the whole contract between TypeScript
 * and C++: a step names kernel, operands and parameters, and this table says how to encode them.
 */
import { NativeError } from '../errors.js';

/** A row as the addon lists it. */
export interface KernelListing {
  readonly name: string;
  readonly variant: string;
  readonly isa: string;
  readonly operands: string;
  readonly params: string;
}

export interface OperandSpec {
  readonly name: string;
  readonly kind: 'one' | 'optional' | 'list';
  readonly written: boolean;
}

export interface ParamSpec {
  readonly name: string;
  readonly type: 'int' | 'float';
  readonly list: boolean;
}

export interface KernelSpec extends KernelListing {
  readonly id: number;
  readonly operandSpecs: readonly OperandSpec[];
  readonly paramSpecs: readonly ParamSpec[];
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

function parseOperands(text: string): OperandSpec[] {
  const [reads, writes = ''] = text.split('->');
  const parse = (side: string, written: boolean): OperandSpec[] =>
    words(side).map((word) => ({
      name: word.replace(/[?*]$/, ''),
      kind: word.endsWith('*') ? 'list' : word.endsWith('?') ? 'optional' : 'one',
      written,
    }));
  return [...parse(reads, false), ...parse(writes, true)];
}

function parseParams(text: string): ParamSpec[] {
  return words(text).map((word) => {
    const [name, type = 'i'] = word.split(':');
    return { name: name.replace('[]', ''), type: type.startsWith('f') ? 'float' : 'int', list: word.endsWith('[]') };
  });
}

export class KernelTable {
  readonly #kernels = new Map<string, KernelSpec>();
  readonly #vmOps: ReadonlyMap<string, number>;

  constructor(listing: readonly KernelListing[], vmOps: readonly string[]) {
    for (const [id, row] of listing.entries())
      this.#kernels.set(row.name, {
        ...row,
        id,
        operandSpecs: parseOperands(row.operands),
        paramSpecs: parseParams(row.params),
      });
    this.#vmOps = new Map(vmOps.map((name, i) => [name, i]));
  }

  kernel(name: string): KernelSpec {
    const spec = this.#kernels.get(name);
    if (!spec) throw new NativeError(`the addon has no kernel ${name}; rebuild it with: npm rebuild brawn`);
    return spec;
  }

  /** Index of an elementwise operation. */
  vmOp(name: string): number {
    const id = this.#vmOps.get(name);
    if (id === undefined)
      throw new NativeError(`the addon has no elementwise operation ${name}; rebuild it with: npm rebuild brawn`);
    return id;
  }
}
