/** Attention layers: numbers and gradients as in PyTorch, masks, modes, mistakes. */
import { describe, expect, it } from 'vitest';
import {
  compile,
  evaluate,
  grad,
  manualSeed,
  nn,
  ones,
  randn,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import { checkInDouble, expectGolden, fixed, readGolden, setWeights } from './sequence-golden.js';

type T = Tensor<'float32'>;
type Shapes = readonly (readonly number[])[];

interface Case {
  readonly shapes: Shapes;
  readonly make: () => nn.MultiheadAttention | nn.AdditiveAttention;
  readonly masks?: nn.MultiheadAttentionMasks & nn.AdditiveAttentionMasks;
}

const multihead = (
  shapes: Shapes,
  masks?: nn.MultiheadAttentionMasks,
  options?: nn.MultiheadAttentionOptions,
): Case => ({ shapes, masks, make: () => nn.multiheadAttention(4, 2, options) });
const additive = (shapes: Shapes, masks?: nn.AdditiveAttentionMasks): Case => ({
  shapes,
  masks,
  make: () => nn.additiveAttention(3, 4, 5),
});

const yes = true;
const no = false;
const keyPaddingMask = tensor(
  [
    [no, no, yes],
    [no, no, no],
  ],
  { dtype: 'bool' },
);
const rows = [
  [no, yes, no],
  [no, no, yes],
  [yes, no, no],
];
/** The rows moved down by each head's number, as `roll` does. */
const perHead = Array.from({ length: 4 }, (_, head) => rows.map((_, i) => rows[(((i - head) % 3) + 3) % 3]));
const cross = [
  [3, 2, 4],
  [5, 2, 4],
];

const cases: Record<string, Case> = {
  self: multihead([[3, 2, 4]]),
  'self, heads apart': multihead([[3, 2, 4]], { averageAttnWeights: false }),
  'self, batch first': multihead([[2, 3, 4]], {}, { batchFirst: true }),
  'self, no bias': multihead([[3, 2, 4]], {}, { bias: false }),
  cross: multihead(cross),
  'cross, values of their own': multihead([...cross, [5, 2, 4]]),
  'other sizes': multihead(
    [
      [3, 2, 4],
      [5, 2, 3],
      [5, 2, 6],
    ],
    {},
    { kdim: 3, vdim: 6 },
  ),
  padding: multihead([[3, 2, 4]], { keyPaddingMask }),
  'bool mask': multihead([[3, 2, 4]], { attnMask: tensor(rows, { dtype: 'bool' }) }),
  causal: multihead([[3, 2, 4]], { isCausal: true }),
  'mask per head, padding': multihead([[3, 2, 4]], {
    attnMask: tensor(perHead, { dtype: 'bool' }),
    keyPaddingMask,
  }),
  'added mask, padding': multihead([[3, 2, 4]], { attnMask: fixed([3, 3], 0.9), keyPaddingMask }),
  additive: additive([
    [2, 2, 3],
    [2, 3, 4],
  ]),
  'additive, values': additive([
    [2, 2, 3],
    [2, 3, 4],
    [2, 3, 2],
  ]),
  'additive, padding': additive(
    [
      [2, 2, 3],
      [2, 3, 4],
    ],
    { keyPaddingMask },
  ),
};

describe('attention layers', () => {
  const golden = readGolden('attention');
  it('are all compared', () => expect(Object.keys(golden)).toEqual(Object.keys(cases)));

  for (const [label, { shapes, make, masks }] of Object.entries(cases)) {
    const run = (layer: ReturnType<typeof make>, [query, key, value]: readonly T[]) =>
      layer.forward(query, key, value, masks);
    it(`${label}: outputs, weights, gradients and names as in PyTorch`, async () => {
      const layer = make();
      setWeights(layer);
      const inputs = shapes.map((shape, i) => fixed(shape, 0.1 + 0.1 * i));
      await expectGolden(layer, inputs, run(layer, inputs), golden[label]);
    });
  }

  for (const label of ['self', 'other sizes', 'mask per head, padding', 'additive, values', 'additive, padding'])
    it(`${label}: gradients equal finite differences in float64`, async () => {
      const { shapes, make, masks } = cases[label];
      const layer = make();
      setWeights(layer);
      const inputs = shapes.map((shape, i) => fixed(shape, 0.1 + 0.1 * i));
      await checkInDouble(layer, inputs, (query, key, value) => layer.forward(query, key, value, masks));
    });

  it('give 0 for a query that may attend to nothing, and its gradient is no NaN', async () => {
    const all = ones([2, 3], { dtype: 'bool' });
    const x = fixed([2, 3, 4], 0.1);
    const layer = nn.multiheadAttention(4, 2, { batchFirst: true, bias: false });
    const additiveLayer = nn.additiveAttention(4, 4, 5);
    for (const [output, weights] of [
      layer.forward(x, x, x, { keyPaddingMask: all }),
      additiveLayer.forward(x, x, x, { keyPaddingMask: all }),
    ]) {
      const [gradient] = grad(sum(output), [x]);
      await evaluate([output, weights, gradient]);
      expect(await output.data()).toEqual(new Float32Array(24));
      expect(await weights.data()).toEqual(new Float32Array(18));
      expect(await gradient.data()).toEqual(new Float32Array(24));
    }
  });

  it('drop weights while training alone', async () => {
    manualSeed(3);
    const layer = nn.multiheadAttention(8, 2, { dropout: 0.5, batchFirst: true });
    const x = randn([4, 20, 8]);
    const weightsOf = async () => await layer.forward(x, x, x, { averageAttnWeights: false })[1].data();
    const zerosOf = (values: Float32Array) => values.filter((value) => value === 0).length / values.length;
    expect(zerosOf(await weightsOf())).toBeCloseTo(0.5, 1);
    layer.eval();
    expect(zerosOf(await weightsOf())).toBe(0);
  });

  it('compute weights only where they are used', () => {
    const layer = nn.multiheadAttention(8, 2, { batchFirst: true });
    const count = (use: (attention: nn.Attention) => unknown) =>
      compile((x: T) => use(layer.forward(x))).explain(zeros([2, 5, 8])).kernels.length;
    expect(count(([output]) => output)).toBeLessThan(count((both) => [...both]));
  });

  it('ask with one query after the other, and multiply the keys once', async () => {
    const layer = nn.additiveAttention(3, 4, 5);
    const [query, key] = [fixed([2, 2, 3], 0.1), fixed([2, 3, 4], 0.2)];
    const [together, weights] = layer.forward(query, key);
    const apart = [0, 1].map((i) => layer.forward(query.select(1, i), key));
    await evaluate([together, weights, ...apart.flat()]);
    for (const [i, [output, ofOne]] of apart.entries()) {
      expect(await output.toArray()).toEqual(await together.select(1, i).toArray());
      expect(await ofOne.toArray()).toEqual(await weights.select(1, i).toArray());
    }
    const products = (queries: number) =>
      compile((q: T, k: T) => Array.from({ length: queries }, (_, i) => layer.forward(q.select(1, i), k)[0]))
        .explain(query, key)
        .kernels.filter(({ kernel }) => kernel.startsWith('gemm')).length;
    expect(products(2)).toBe(2 * products(1) - 1);
  });

  it('refuse what does not fit', () => {
    const layer = nn.multiheadAttention(4, 2);
    const other = nn.additiveAttention(3, 4, 5);
    const x = zeros([3, 2, 4]);
    const bool = { dtype: 'bool' } as const;
    expect(() => nn.multiheadAttention(5, 2)).toThrow(/^multiheadAttention: 2 heads do not divide embedDim 5$/);
    expect(() => nn.multiheadAttention(4, 0)).toThrow(/^multiheadAttention: numHeads must be a positive integer/);
    expect(() => nn.multiheadAttention(4, 2, { dropout: 2 })).toThrow(/^multiheadAttention: dropout must lie/);
    expect(() => layer.forward(zeros([3, 2, 5]))).toThrow(
      /^multiheadAttention: query must be \[length, B, 4\], got \[3,2,5\]$/,
    );
    expect(() => layer.forward(x, zeros([5, 3, 4]))).toThrow(
      /^multiheadAttention: key must be \[length, B, 4\] with the batch of query \[3,2,4\], got \[5,3,4\]$/,
    );
    expect(() => layer.forward(x, x, zeros([5, 2, 4]))).toThrow(
      /^multiheadAttention: key \[3,2,4\] and value \[5,2,4\]/,
    );
    expect(() => layer.forward(x, x, x, { attnMask: zeros([2, 3], bool) })).toThrow(
      /^multiheadAttention: attnMask must be \[3,3\] or \[4,3,3\], got \[2,3\]$/,
    );
    expect(() => layer.forward(x, x, x, { keyPaddingMask: zeros([3, 2], bool) })).toThrow(
      /^multiheadAttention: keyPaddingMask must be \[2,3\], got \[3,2\]$/,
    );
    expect(() => layer.forward(x, x, x, { keyPaddingMask: zeros([2, 3]) as never })).toThrow(
      /^multiheadAttention: keyPaddingMask must be bool, got float32/,
    );
    expect(() => other.forward(zeros([2, 4]), zeros([2, 3, 4]))).toThrow(
      /^additiveAttention: query must be \[B, L, 3\] or \[B, 3\] with the batch of key \[2,3,4\], got \[2,4\]$/,
    );
    expect(() => other.forward(zeros([2, 3]), zeros([2, 3, 3]))).toThrow(/^additiveAttention: key must be \[B, S, 4\]/);
    expect(() => other.forward(zeros([2, 3]), zeros([2, 3, 4]), zeros([2, 4, 1]))).toThrow(
      /^additiveAttention: value must be \[2,3, features\], got \[2,4,1\]$/,
    );
  });
});
