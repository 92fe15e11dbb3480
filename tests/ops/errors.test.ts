/** What the shape, index, sorting and matrix ops refuse: at the call, or while running for positions in tensors. */
import { describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

const m = b.tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const v = b.tensor([1, 2, 3]);
const scalar = b.tensor(1);
const whole = b.tensor([[1, 2, 3]], { dtype: 'int32' });
const bytes = b.tensor([1, 2], { dtype: 'uint8' });
const double = b.tensor([1, 2, 3], { dtype: 'float64' });
const at = b.tensor([0, 1], { dtype: 'int64' });
const empty = b.tensor([], { shape: [0, 2] });

const shape = 'ERR_BRAWN_SHAPE';
const argument = 'ERR_BRAWN_ARGUMENT';
const dtype = 'ERR_BRAWN_DTYPE';

type Row = readonly [call: () => unknown, code: string, message: RegExp];

const rows: readonly Row[] = [
  [() => b.reshape(m, [4]), shape, /^reshape: \[2,3\] has 6 elements but \[4\] needs 4/],
  [() => b.reshape(m, [-1, -1]), shape, /^reshape: shape \[-1,-1\] has more than one -1/],
  [() => b.reshape(m, [4, -1]), shape, /^reshape: \[2,3\] has 6 elements, which \[4,-1\] cannot divide evenly/],
  [() => b.reshape(m, [-2, 3]), shape, /^reshape: shape \[-2,3\] has dimension -2/],
  [() => b.reshape(empty, [0, -1]), shape, /^reshape: -1 in \[0,-1\] can be anything/],
  [() => b.reshape(5 as never, [1]), argument, /^reshape: input must be a tensor, got the number 5/],
  [() => b.flatten(m, 1, 0), argument, /^flatten: startAxis 1 comes after endAxis 0 in \[2,3\]/],
  [() => b.flatten(m, 2), argument, /^flatten: axis 2 is out of bounds for rank 2/],
  [() => b.squeeze(m, 5), argument, /^squeeze: axis 5 is out of bounds for rank 2/],
  [() => b.unsqueeze(m, 4), argument, /^unsqueeze: axis 4 is out of bounds for rank 3/],
  [() => b.permute(m, [0, 0]), argument, /^permute: axes \[0,0\] must name each of the 2 axes once/],
  [() => b.permute(m, [0]), argument, /^permute: axes \[0\] must name each of the 2 axes once/],
  [() => b.scaledDotProductAttention(v, m, m), shape, /^scaledDotProductAttention: query must be \[..., length, feat/],
  [
    () => b.scaledDotProductAttention(m, b.transpose(m), m),
    shape,
    /^scaledDotProductAttention: query \[2,3\] has 3 features \(last dim\) but key \[3,2\] has 2/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, b.zeros([3, 3])),
    shape,
    /^scaledDotProductAttention: key \[2,3\] has 2 positions but value \[3,3\] has 3/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, m, { attnMask: b.zeros([2, 3]) }),
    shape,
    /^scaledDotProductAttention: shapes \[2,3\] and \[2,2\] do not broadcast/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, m, { attnMask: b.zeros([2, 2, 2]) }),
    shape,
    /^scaledDotProductAttention: attnMask \[2,2,2\] does not broadcast to \[2,2\], the scores/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, m, { attnMask: whole as never }),
    dtype,
    /^scaledDotProductAttention: attnMask must be bool or float32, got int32/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, m, { dropoutP: 2 }),
    argument,
    /^scaledDotProductAttention: dropoutP must lie between 0 and 1, got 2/,
  ],
  [
    () => b.scaledDotProductAttention(m, m, m, { scale: Number.NaN }),
    argument,
    /^scaledDotProductAttention: scale must be a finite number, got NaN/,
  ],
  [() => b.transpose(v), argument, /^transpose: axis -2 is out of bounds for rank 1/],
  [() => b.expand(m, [3, 3]), shape, /^expand: \[2,3\] cannot be broadcast to \[3,3\]/],
  [() => b.expand(m, [3]), shape, /^expand: \[2,3\] cannot be broadcast to \[3\]/],
  [() => b.expand(v, [-1, 3]), shape, /^expand: shape \[-1,3\] has dimension -1/],
  [() => b.slice(m, [null, null, null]), argument, /^slice: 3 ranges for \[2,3\], which has 2 axes/],
  [() => b.slice(m, [[0, 2, 0]]), argument, /^slice: the step of axis 0 is 0/],
  [() => b.slice(m, [[0.5]]), argument, /^slice: range \[0.5\] of axis 0 must hold integers or null/],
  [() => b.narrow(m, 1, 2, 2), argument, /^narrow: start 2 and length 2 leave axis 1 of \[2,3\]/],
  [() => b.select(m, 1, 3), argument, /^select: index 3 is out of range for axis 1 of \[2,3\]/],
  [() => b.flip(m, [0, -2]), argument, /^flip: axes \[0,-2\] name one axis twice for rank 2/],
  [() => b.roll(m, [1, 2], 0), argument, /^roll: 2 shifts for 1 axes/],
  [() => b.split(m, [1, 1], 1), shape, /^split: sizes \[1,1\] do not add up to 3, axis 1 of \[2,3\]/],
  [() => b.split(m, 0), argument, /^split: size 0 must be a positive integer/],
  [() => b.chunk(m, 0), argument, /^chunk: count 0 must be a positive integer/],
  [() => b.concat([]), argument, /^concat: needs an array of tensors/],
  [() => b.concat([m, v]), shape, /^concat: input 1 is \[3\] but input 0 is \[2,3\]; only axis 0 may differ/],
  [() => b.concat([m, b.transpose(m)], 1), shape, /^concat: input 1 is \[3,2\] but input 0 is \[2,3\]; only axis 1/],
  [() => b.concat([scalar]), argument, /^concat: axis 0 is out of bounds for a scalar/],
  [() => b.stack([m, v]), shape, /^stack: input 1 is \[3\] but input 0 is \[2,3\]; all must have one shape/],
  [() => b.tile(m, [-1]), argument, /^tile: counts \[-1\] must be non-negative integers/],
  [() => b.pad(m, [[1, 1]], { mode: 'mirror' as never }), argument, /^pad: unknown mode "mirror"; use constant/],
  [() => b.pad(m, [1, 1] as never), argument, /^pad: widths must be an array of \[before, after\] pairs/],
  [
    () =>
      b.pad(v, [
        [0, 0],
        [1, 1],
      ]),
    argument,
    /^pad: 2 pairs for \[3\], which has 1 axes/,
  ],
  [() => b.pad(m, [[3, 0]], { mode: 'reflect' }), shape, /^pad: reflect needs widths below 3, axis 1 of \[2,3\]/],
  [() => b.pad(m, [[-1, 0]], { mode: 'reflect' }), argument, /^pad: widths \[-1,0\] of axis 1 are negative/],
  [() => b.pad(m, [[-2, -2]]), shape, /^pad: widths \[-2,-2\] cut more than axis 1 of \[2,3\] has/],
  [
    () =>
      b.pad(
        empty,
        [
          [1, 0],
          [0, 0],
        ],
        { mode: 'replicate' },
      ),
    shape,
    /^pad: replicate needs elements, but axis 0/,
  ],
  [() => b.pad(m, [[4, 0]], { mode: 'circular' }), shape, /^pad: circular needs widths up to 3, axis 1/],
  [() => b.pad(whole, [[1, 1]], { value: 0.5 }), dtype, /^pad: value 0.5 is no int32/],
  [() => b.tril(v), shape, /^tril: needs at least two dimensions, got \[3\]/],
  [() => b.triu(m, 0.5), argument, /^triu: k must be an integer, got 0.5/],
  [() => b.gather(m, 0, at), shape, /^gather: index \[2\] does not fit input \[2,3\]/],
  [() => b.gather(m, 0, v as never), dtype, /^gather: index must be int32 or int64, got float32/],
  [() => b.gather(m, 2, at), argument, /^gather: axis 2 is out of bounds for rank 2/],
  [() => b.scatterAdd(v, 0, at, double as never), dtype, /^scatterAdd: input is float32 but src is float64/],
  [() => b.scatterAdd(v, 0, at, scalar), shape, /^scatterAdd: index \[2\] does not fit src \[\]/],
  [() => b.scatterAdd(bytes, 0, at, bytes), dtype, /^scatterAdd: input must be float32 or float64/],
  [() => b.indexSelect(m, 0, whole), shape, /^indexSelect: index must be one-dimensional, got \[1,3\]/],
  [() => b.indexAdd(m, 0, at, v), shape, /^indexAdd: src must be \[2,3\] for 2 positions, got \[3\]/],
  [() => b.indexSelect(empty, 0, at), 'ERR_BRAWN_INDEX', /^indexSelect: every index is out of range, as axis 0 of/],
  [() => b.embedding(v, at), shape, /^embedding: weight must be \[count, features\], got \[3\]/],
  [() => b.embedding(m, v as never), dtype, /^embedding: index must be int32 or int64, got float32/],
  [() => b.oneHot(at, 0), argument, /^oneHot: classes must be a positive integer, got 0/],
  [() => b.topK(m, 4), argument, /^topK: k is 4, but axis 1 of \[2,3\] has 3 elements/],
  [() => b.sort(m, 2), argument, /^sort: axis 2 is out of bounds for rank 2/],
  [() => b.argSort(m, -3), argument, /^argSort: axis -3 is out of bounds for rank 2/],
  [() => b.matmul(m, m), shape, /^matmul: inner dimensions differ: a \[2,3\] has 3, b \[2,3\] has 2/],
  [() => b.matmul(m, scalar), shape, /^matmul: operands need at least one dimension, got \[2,3\] and \[\]/],
  [() => b.matmul(v, double as never), dtype, /^matmul: a is float32 but b is float64; cast one of them/],
  [() => b.matmul(bytes, bytes), dtype, /^matmul: accepts float32, float64, int32, int64, got uint8/],
  [() => b.linear(m, b.transpose(m)), shape, /^linear: weight \[3,2\] expects 2 features \(last dim of x\) but x is/],
  [() => b.linear(m, v), shape, /^linear: weight must be \[out, in\], got \[3\]/],
  [() => b.linear(m, m, v), shape, /^linear: bias must be \[2\] for weight \[2,3\], got \[3\]/],
  [() => b.linear(v, b.cast(m, 'float64') as never), dtype, /^linear: x is float32 but weight is float64/],
  [() => b.einsum('ij,jk', m), argument, /^einsum: "ij,jk" names 2 operands, got 1/],
  [() => b.einsum('ij', v), shape, /^einsum: "ij" has 2 labels but operand 0 is \[3\]/],
  [() => b.einsum('i', m), shape, /^einsum: "i" has 1 labels but operand 0 is \[2,3\]/],
  [() => b.einsum('ij->ik', m), argument, /^einsum: output label "k" in "ij->ik" is in no operand/],
  [() => b.einsum('ij->ii', m), argument, /^einsum: output label "i" in "ij->ii" appears twice/],
  [() => b.einsum('i1', m), argument, /^einsum: "1" in "i1" is no label/],
  [() => b.einsum('i->j->k', v), argument, /^einsum: "i->j->k" has more than one "->"/],
  [() => b.einsum('......', m), argument, /^einsum: "\.{6}" in "\.{6}" has more than one "\.\.\."/],
  [() => b.einsum('ij,ik', m, b.transpose(m)), shape, /^einsum: label "i" in "ij,ik" has size 2 and, in operand 1/],
  [() => b.einsum('ii', m), shape, /^einsum: "i" in "ii" repeats over sizes 2 and 3|^einsum: label "i" in "ii"/],
  [() => b.einsum('i,i', v, double as never), dtype, /^einsum: operand 1 is float64 but operand 0 is float32/],
];

describe('refused at the call', () => {
  for (const [call, code, message] of rows)
    it(String(message), () => {
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(b.BrawnError);
      expect([(thrown as b.BrawnError).code, (thrown as b.BrawnError).message]).toEqual([
        code,
        expect.stringMatching(message),
      ]);
    });
});

describe.each(['native', 'javascript'] as const)('positions out of range, %s', (backend) => {
  const far = b.tensor([0, 7], { dtype: 'int64' });
  const negative = b.tensor([-1, 0], { dtype: 'int32' });
  const faults: readonly (readonly [name: string, result: () => b.Tensor, message: RegExp])[] = [
    ['gather', () => b.gather(v, 0, far), /^gather: index 7 is out of range for a dimension of size 3/],
    ['scatterAdd', () => b.scatterAdd(v, 0, far, v), /^scatterAdd: index 7 is out of range for a dimension of size 3/],
    ['indexSelect', () => b.indexSelect(m, 1, negative), /^indexSelect: index -1 is out of range .* size 3/],
    ['indexAdd', () => b.indexAdd(m, 0, far, m), /^indexAdd: index 7 is out of range for a dimension of size 2/],
    ['embedding', () => b.embedding(m, far), /^embedding: index 7 is out of range for a dimension of size 2/],
  ];
  for (const [name, result, message] of faults)
    it(name, async () => {
      b.setBackend(backend);
      try {
        await expect(result().data()).rejects.toMatchObject({
          code: 'ERR_BRAWN_INDEX',
          message: expect.stringMatching(message),
        });
      } finally {
        b.setBackend('native');
      }
    });
});
