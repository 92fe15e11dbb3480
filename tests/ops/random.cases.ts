/** Rows of the random ops. Each call has a generator of its own, so that both executors draw the same numbers. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import type { CaseTable, OpCase } from './case.js';

type Names = 'uniform' | 'normal' | 'rand' | 'randn' | 'bernoulli' | 'randInt' | 'randPerm';

/** A seed and a counter of more than 32 bits each. */
function generator(): ops.Generator {
  const made = new ops.Generator(0x1234_5678_9abc);
  made.setState({ seed: made.seed, counter: 0x7_0000_0003 });
  return made;
}

const drawn = (label: string, run: (generator: ops.Generator) => Tensor): OpCase => ({
  label,
  inputs: [],
  run: () => run(generator()),
});

export const randomCases: CaseTable<Names> = {
  uniform: [
    drawn('float32', (g) => ops.uniform([7, 5], { generator: g })),
    drawn('float64', (g) => ops.uniform([7, 5], { generator: g, dtype: 'float64' })),
    drawn('range', (g) => ops.uniform([33], { generator: g, low: -2, high: 3 })),
    drawn('scalar', (g) => ops.uniform([], { generator: g })),
    drawn('empty', (g) => ops.uniform([0, 2], { generator: g })),
    drawn('many', (g) => ops.uniform([20000], { generator: g })),
  ],
  normal: [
    drawn('float32', (g) => ops.normal([7, 5], { generator: g })),
    drawn('float64', (g) => ops.normal([7, 5], { generator: g, dtype: 'float64' })),
    drawn('mean and std', (g) => ops.normal([1001], { generator: g, mean: 3, std: 0.5 })),
  ],
  rand: [drawn('float32', (g) => ops.rand([3, 3], { generator: g }))],
  randn: [drawn('float32', (g) => ops.randn([3, 3], { generator: g }))],
  bernoulli: [
    drawn('half', (g) => ops.bernoulli(ops.full([50], 0.5), { generator: g })),
    drawn('never and always', (g) => ops.bernoulli(ops.tensor([0, 0, 1, 1]), { generator: g })),
    drawn('float64', (g) => ops.bernoulli(ops.full([9], 0.3, { dtype: 'float64' }), { generator: g })),
  ],
  randInt: [
    drawn('int64', (g) => ops.randInt(-5, 5, [50], { generator: g })),
    drawn('uint8', (g) => ops.randInt(0, 256, [50], { generator: g, dtype: 'uint8' })),
    drawn('wide', (g) => ops.randInt(0, 2 ** 50, [9], { generator: g })),
  ],
  randPerm: [
    drawn('int64', (g) => ops.randPerm(100, { generator: g })),
    drawn('int32', (g) => ops.randPerm(7, { generator: g, dtype: 'int32' })),
    drawn('one', (g) => ops.randPerm(1, { generator: g })),
    drawn('none', (g) => ops.randPerm(0, { generator: g })),
  ],
};
