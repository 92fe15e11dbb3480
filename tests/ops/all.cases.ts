/** All rows by op. An op exported without a row here does not compile. */
import type * as ops from '../../src/ops/index.js';
import type { OpCase } from './case.js';
import { linalgCases } from './linalg.cases.js';

/** Exports that are no ops with rows of their own. */
type NotOps = never;

/** Every op function that `src/ops` exports. */
type OpName = { [K in keyof typeof ops]: (typeof ops)[K] extends (...args: never[]) => unknown ? K : never }[keyof typeof ops];

export const allCases: { readonly [Name in Exclude<OpName, NotOps>]: readonly OpCase[] } = {
  ...linalgCases,
};
