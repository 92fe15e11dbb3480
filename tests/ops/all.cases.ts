/** All rows by op. An op exported without a row here does not compile. */
import type * as ops from '../../src/ops/index.js';
import { activationCases } from './activation.cases.js';
import { attentionCases } from './attention.cases.js';
import type { OpCase } from './case.js';
import { compareCases } from './compare.cases.js';
import { convCases } from './conv.cases.js';
import { createCases } from './create.cases.js';
import { elementwiseCases } from './elementwise.cases.js';
import { functionCases } from './function.cases.js';
import { indexCases } from './index.cases.js';
import { linalgCases } from './linalg.cases.js';
import { lossCases } from './loss.cases.js';
import { marginLossCases } from './margin-loss.cases.js';
import { normCases } from './norm.cases.js';
import { poolCases } from './pool.cases.js';
import { randomCases } from './random.cases.js';
import { recurrentCases } from './recurrent.cases.js';
import { reduceCases } from './reduce.cases.js';
import { shapeCases } from './shape.cases.js';
import { sortCases } from './sort.cases.js';

/** Exports that are no ops with rows of their own. */
type NotOps = never;

/** Every op function that `src/ops` exports. */
type OpName = {
  [K in keyof typeof ops]: (typeof ops)[K] extends (...args: never[]) => unknown ? K : never;
}[keyof typeof ops];

export const allCases: { readonly [Name in Exclude<OpName, NotOps>]: readonly OpCase[] } = {
  ...indexCases,
  ...activationCases,
  ...attentionCases,
  ...createCases,
  ...elementwiseCases,
  ...randomCases,
  ...recurrentCases,
  ...reduceCases,
  ...functionCases,
  ...compareCases,
  ...convCases,
  ...linalgCases,
  ...lossCases,
  ...marginLossCases,
  ...normCases,
  ...poolCases,
  ...shapeCases,
  ...sortCases,
};
