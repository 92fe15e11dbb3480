/** Rows of the ops that reshape, slice, join and pad. */

import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;

const one = (...shape: number[]): InputSpec[] => [{ shape }];
const ints = (...shape: number[]): InputSpec[] => [{ shape, dtype: 'int64' }];
const bytes = (...shape: number[]): InputSpec[] => [{ shape, dtype: 'uint8' }];
const bools = (...shape: number[]): InputSpec[] => [{ shape, dtype: 'bool' }];

type ViewNames = 'reshape' | 'flatten' | 'squeeze' | 'unsqueeze' | 'permute' | 'transpose' | 'expand';

const viewCases: CaseTable<ViewNames> = {
  reshape: [
    {
      label: 'infer',
      inputs: one(3, 4),
      run: (a: T) => ops.reshape(a, [2, -1]),
      torch: 'a.reshape(2, -1)',
      second: true,
    },
    { label: 'to scalar', inputs: one(1, 1), run: (a: T) => ops.reshape(a, []), torch: 'a.reshape(())' },
    {
      label: 'of a transpose',
      inputs: one(3, 4),
      run: (a: T) => ops.reshape(ops.transpose(a), [6, 2]),
      torch: 'a.T.reshape(6, 2)',
    },
    {
      label: 'splits an axis of a transpose',
      inputs: one(4, 6),
      run: (a: T) => ops.reshape(ops.transpose(a), [2, 3, 4]),
      torch: 'a.T.reshape(2, 3, 4)',
    },
    {
      label: 'empty',
      inputs: one(0, 4),
      run: (a: T) => ops.reshape(a, [2, 0]),
      torch: 'a.reshape(2, 0)',
      gradient: false,
    },
    {
      label: 'bool',
      inputs: bools(2, 3),
      run: (a: Tensor<'bool'>) => ops.reshape(a, [3, 2]),
      torch: 'a.reshape(3, 2)',
    },
  ],
  flatten: [
    { label: 'all', inputs: one(2, 3, 2), run: (a: T) => ops.flatten(a), torch: 'a.flatten()', second: true },
    { label: 'from axis 1', inputs: one(2, 3, 2), run: (a: T) => ops.flatten(a, 1), torch: 'a.flatten(1)' },
    {
      label: 'negative range',
      inputs: one(2, 3, 1, 2),
      run: (a: T) => ops.flatten(a, -3, -2),
      torch: 'a.flatten(-3, -2)',
    },
    { label: 'scalar', inputs: one(), run: (a: T) => ops.flatten(a), torch: 'a.flatten()' },
    { label: 'empty', inputs: one(2, 0, 3), run: (a: T) => ops.flatten(a, 1), torch: 'a.flatten(1)', gradient: false },
  ],
  squeeze: [
    { label: 'all', inputs: one(1, 3, 1, 2), run: (a: T) => ops.squeeze(a), torch: 'a.squeeze()', second: true },
    { label: 'one axis', inputs: one(1, 3, 1, 2), run: (a: T) => ops.squeeze(a, -2), torch: 'a.squeeze(-2)' },
    { label: 'axis of another size', inputs: one(1, 3), run: (a: T) => ops.squeeze(a, 1), torch: 'a.squeeze(1)' },
  ],
  unsqueeze: [
    { label: 'front', inputs: one(3, 2), run: (a: T) => ops.unsqueeze(a, 0), torch: 'a.unsqueeze(0)', second: true },
    { label: 'end', inputs: one(3, 2), run: (a: T) => ops.unsqueeze(a, -1), torch: 'a.unsqueeze(-1)' },
    { label: 'scalar', inputs: one(), run: (a: T) => ops.unsqueeze(a, 0), torch: 'a.unsqueeze(0)' },
  ],
  permute: [
    {
      label: 'rotate',
      inputs: one(2, 3, 4),
      run: (a: T) => ops.permute(a, [2, 0, 1]),
      torch: 'a.permute(2, 0, 1)',
      second: true,
    },
    {
      label: 'channels last',
      inputs: one(2, 3, 2, 3),
      run: (a: T) => ops.permute(a, [0, -2, -1, 1]),
      torch: 'a.permute(0, 2, 3, 1)',
    },
    {
      label: 'large',
      inputs: one(5, 33, 65),
      run: (a: T) => ops.permute(a, [2, 1, 0]),
      gradient: false,
    },
    { label: 'bytes', inputs: bytes(3, 5), run: (a: Tensor<'uint8'>) => ops.permute(a, [1, 0]), torch: 'a.T' },
  ],
  transpose: [
    {
      label: 'last axes',
      inputs: one(2, 3, 4),
      run: (a: T) => ops.transpose(a),
      torch: 'a.transpose(-2, -1)',
      second: true,
    },
    {
      label: 'first and last',
      inputs: one(2, 3, 4),
      run: (a: T) => ops.transpose(a, 0, -1),
      torch: 'a.transpose(0, -1)',
    },
    { label: 'int64', inputs: ints(40, 70), run: (a: Tensor<'int64'>) => ops.transpose(a), torch: 'a.T' },
  ],
  expand: [
    {
      label: 'new axes',
      inputs: one(3, 1),
      run: (a: T) => ops.expand(a, [2, -1, 4]),
      torch: 'a.expand(2, -1, 4)',
      second: true,
    },
    { label: 'scalar', inputs: one(), run: (a: T) => ops.expand(a, [2, 3]), torch: 'a.expand(2, 3)' },
    {
      label: 'to nothing',
      inputs: one(1, 3),
      run: (a: T) => ops.expand(a, [0, 3]),
      torch: 'a.expand(0, 3)',
      gradient: false,
    },
    { label: 'same', inputs: one(2, 3), run: (a: T) => ops.expand(a, [2, 3]), torch: 'a.expand(2, 3)' },
  ],
};

type SlicingNames = 'slice' | 'narrow' | 'select' | 'flip' | 'roll' | 'split' | 'chunk';

const slicingCases: CaseTable<SlicingNames> = {
  slice: [
    {
      label: 'both axes',
      inputs: one(4, 5),
      run: (a: T) =>
        ops.slice(a, [
          [1, 3],
          [-3, null],
        ]),
      torch: 'a[1:3, -3:]',
      second: true,
    },
    { label: 'steps', inputs: one(3, 7), run: (a: T) => ops.slice(a, [null, [1, null, 3]]), torch: 'a[:, 1::3]' },
    { label: 'backwards', inputs: one(7, 2), run: (a: T) => ops.slice(a, [[5, 0, -2]]), torch: 'a.flip(0)[1:6:2]' },
    { label: 'beyond the ends', inputs: one(4), run: (a: T) => ops.slice(a, [[-9, 99]]), torch: 'a[-9:99]' },
    { label: 'nothing', inputs: one(4, 2), run: (a: T) => ops.slice(a, [[3, 1]]), torch: 'a[3:1]', gradient: false },
    {
      label: 'of a permute',
      inputs: one(2, 3, 4),
      run: (a: T) => ops.slice(ops.permute(a, [2, 0, 1]), [[1, 4, 2], null, [0, 2]]),
      torch: 'a.permute(2, 0, 1)[1:4:2, :, 0:2]',
    },
    { label: 'int64', inputs: ints(6, 3), run: (a: Tensor<'int64'>) => ops.slice(a, [[0, null, 2]]), torch: 'a[::2]' },
  ],
  narrow: [
    {
      label: 'middle',
      inputs: one(5, 3),
      run: (a: T) => ops.narrow(a, 0, 1, 3),
      torch: 'a.narrow(0, 1, 3)',
      second: true,
    },
    { label: 'from the end', inputs: one(2, 5), run: (a: T) => ops.narrow(a, -1, -2, 2), torch: 'a.narrow(-1, -2, 2)' },
    {
      label: 'nothing',
      inputs: one(2, 5),
      run: (a: T) => ops.narrow(a, 1, 5, 0),
      torch: 'a.narrow(1, 5, 0)',
      gradient: false,
    },
  ],
  select: [
    { label: 'row', inputs: one(3, 4), run: (a: T) => ops.select(a, 0, 1), torch: 'a.select(0, 1)', second: true },
    {
      label: 'last of the last',
      inputs: one(2, 3, 4),
      run: (a: T) => ops.select(a, -1, -1),
      torch: 'a.select(-1, -1)',
    },
    { label: 'to scalar', inputs: one(4), run: (a: T) => ops.select(a, 0, 2), torch: 'a.select(0, 2)' },
  ],
  flip: [
    { label: 'all', inputs: one(3, 4), run: (a: T) => ops.flip(a), torch: 'a.flip(0, 1)', second: true },
    { label: 'last', inputs: one(2, 3, 5), run: (a: T) => ops.flip(a, -1), torch: 'a.flip(-1)' },
    { label: 'twice', inputs: one(5), run: (a: T) => ops.flip(ops.flip(a, 0), 0), torch: 'a' },
    { label: 'empty', inputs: one(0, 2), run: (a: T) => ops.flip(a), torch: 'a.flip(0, 1)', gradient: false },
  ],
  roll: [
    { label: 'one axis', inputs: one(2, 5), run: (a: T) => ops.roll(a, 2, 1), torch: 'a.roll(2, 1)', second: true },
    {
      label: 'two axes',
      inputs: one(3, 4),
      run: (a: T) => ops.roll(a, [-1, 6], [0, 1]),
      torch: 'a.roll((-1, 6), (0, 1))',
    },
    { label: 'flat', inputs: one(2, 3), run: (a: T) => ops.roll(a, 4), torch: 'a.roll(4)' },
    { label: 'empty', inputs: one(0, 3), run: (a: T) => ops.roll(a, 1, 0), torch: 'a.roll(1, 0)', gradient: false },
  ],
  split: [
    { label: 'even', inputs: one(4, 3), run: (a: T) => ops.split(a, 2)[1], torch: 'a.split(2)[1]', second: true },
    { label: 'rest', inputs: one(2, 5), run: (a: T) => ops.split(a, 2, 1)[2], torch: 'a.split(2, 1)[2]' },
    {
      label: 'sizes',
      inputs: one(2, 6),
      run: (a: T) => ops.concat(ops.split(a, [1, 3, 2], -1).reverse(), 1),
      torch: 'torch.cat(list(a.split([1, 3, 2], -1))[::-1], 1)',
    },
  ],
  chunk: [
    { label: 'uneven', inputs: one(7, 2), run: (a: T) => ops.chunk(a, 3)[2], torch: 'a.chunk(3)[2]', second: true },
    {
      label: 'fewer than asked',
      inputs: one(2, 5),
      run: (a: T) => ops.stack(ops.chunk(a, 9, 1), 0),
      torch: 'torch.stack(a.chunk(9, 1))',
    },
  ],
};

type JoinNames = 'concat' | 'stack' | 'tile' | 'pad' | 'tril' | 'triu';

const joinCases: CaseTable<JoinNames> = {
  concat: [
    {
      label: 'rows',
      inputs: [{ shape: [2, 3] }, { shape: [4, 3] }],
      run: (a: T, b: T) => ops.concat([a, b]),
      torch: 'torch.cat([a, b])',
      second: true,
    },
    {
      label: 'middle axis',
      inputs: [{ shape: [2, 1, 3] }, { shape: [2, 2, 3] }, { shape: [2, 3, 3] }],
      run: (a: T, b: T, c: T) => ops.concat([a, b, c], -2),
      torch: 'torch.cat([a, b, c], -2)',
    },
    {
      label: 'of views',
      inputs: [{ shape: [3, 2] }, { shape: [4] }],
      run: (a: T, b: T) => ops.concat([ops.transpose(a), ops.expand(ops.unsqueeze(b, 0), [2, 4])], 1),
      torch: 'torch.cat([a.T, b.unsqueeze(0).expand(2, 4)], 1)',
    },
    {
      label: 'of permutes',
      inputs: [{ shape: [2, 3, 2] }, { shape: [2, 3, 3] }],
      run: (a: T, b: T) => ops.concat([ops.permute(a, [0, 2, 1]), ops.permute(b, [0, 2, 1])], 1),
      torch: 'torch.cat([a.permute(0, 2, 1), b.permute(0, 2, 1)], 1)',
    },
    {
      label: 'with itself',
      inputs: one(2, 2),
      run: (a: T) => ops.concat([a, a, a], 1),
      torch: 'torch.cat([a, a, a], 1)',
    },
    {
      label: 'with nothing',
      inputs: [{ shape: [2, 0] }, { shape: [2, 3] }],
      run: (a: T, b: T) => ops.concat([a, b], 1),
      torch: 'torch.cat([a, b], 1)',
      gradient: false,
    },
    {
      label: 'promotes',
      inputs: [{ shape: [2], dtype: 'int32' }, { shape: [3] }],
      run: (a: T, b: T) => ops.concat([a, b]),
      torch: 'torch.cat([a, b])',
    },
    {
      label: 'bool',
      inputs: [...bools(2, 3), ...bools(1, 3)],
      run: (a: Tensor<'bool'>, b: Tensor<'bool'>) => ops.concat([a, b]),
      torch: 'torch.cat([a, b])',
    },
    {
      label: 'large',
      inputs: [{ shape: [3, 70, 90] }, { shape: [3, 5, 90] }],
      run: (a: T, b: T) => ops.concat([a, b], 1),
      gradient: false,
    },
  ],
  stack: [
    {
      label: 'front',
      inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
      run: (a: T, b: T) => ops.stack([a, b]),
      torch: 'torch.stack([a, b])',
      second: true,
    },
    {
      label: 'end',
      inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
      run: (a: T, b: T) => ops.stack([a, b], -1),
      torch: 'torch.stack([a, b], -1)',
    },
    {
      label: 'scalars',
      inputs: [{ shape: [] }, { shape: [] }],
      run: (a: T, b: T) => ops.stack([a, b]),
      torch: 'torch.stack([a, b])',
    },
  ],
  tile: [
    { label: 'both axes', inputs: one(2, 3), run: (a: T) => ops.tile(a, [2, 2]), torch: 'a.tile(2, 2)', second: true },
    { label: 'new axes', inputs: one(3), run: (a: T) => ops.tile(a, [2, 1, 2]), torch: 'a.tile(2, 1, 2)' },
    { label: 'last axis only', inputs: one(2, 2, 1), run: (a: T) => ops.tile(a, [4]), torch: 'a.tile(4)' },
    { label: 'never', inputs: one(2, 3), run: (a: T) => ops.tile(a, [0, 1]), torch: 'a.tile(0, 1)', gradient: false },
  ],
  pad: [
    {
      label: 'zeros',
      inputs: one(2, 3),
      run: (a: T) =>
        ops.pad(a, [
          [1, 0],
          [0, 2],
        ]),
      torch: 'F.pad(a, (0, 2, 1, 0))',
      second: true,
    },
    {
      label: 'value',
      inputs: one(2, 3),
      run: (a: T) => ops.pad(a, [[1, 2]], { value: 0.7 }),
      torch: 'F.pad(a, (1, 2), value=0.7)',
    },
    {
      label: 'minus infinity',
      inputs: one(2, 2),
      run: (a: T) => ops.pad(a, [[1, 1]], { value: -Infinity }),
      torch: 'F.pad(a, (1, 1), value=-math.inf)',
      gradient: false,
    },
    {
      label: 'cuts',
      inputs: one(3, 4),
      run: (a: T) =>
        ops.pad(a, [
          [-1, 1],
          [2, -2],
        ]),
      torch: 'F.pad(a, (2, -2, -1, 1))',
    },
    {
      label: 'of a permute',
      inputs: one(2, 3, 2),
      run: (a: T) =>
        ops.pad(ops.permute(a, [0, 2, 1]), [
          [0, 1],
          [1, 1],
        ]),
      torch: 'F.pad(a.permute(0, 2, 1), (1, 1, 0, 1))',
    },
    {
      label: 'int64',
      inputs: ints(2, 2),
      run: (a: Tensor<'int64'>) => ops.pad(a, [[1, 1]], { value: -3 }),
      torch: 'F.pad(a, (1, 1), value=-3)',
    },
    {
      label: 'of nothing',
      inputs: one(0, 2),
      run: (a: T) =>
        ops.pad(
          a,
          [
            [1, 1],
            [0, 0],
          ],
          { value: 2 },
        ),
      torch: 'F.pad(a, (0, 0, 1, 1), value=2)',
      gradient: false,
    },
    {
      label: 'reflect',
      inputs: one(1, 3, 4),
      run: (a: T) =>
        ops.pad(
          a,
          [
            [2, 1],
            [1, 3],
          ],
          { mode: 'reflect' },
        ),
      torch: "F.pad(a, (1, 3, 2, 1), mode='reflect')",
    },
    {
      label: 'replicate',
      inputs: one(1, 2, 3),
      run: (a: T) =>
        ops.pad(
          a,
          [
            [0, 2],
            [3, 1],
          ],
          { mode: 'replicate' },
        ),
      torch: "F.pad(a, (3, 1, 0, 2), mode='replicate')",
    },
    {
      label: 'circular',
      inputs: one(1, 1, 3, 3),
      run: (a: T) =>
        ops.pad(
          a,
          [
            [1, 2],
            [2, 0],
          ],
          { mode: 'circular' },
        ),
      torch: "F.pad(a, (2, 0, 1, 2), mode='circular')",
    },
  ],
  tril: [
    { label: 'square', inputs: one(3, 3), run: (a: T) => ops.tril(a), torch: 'a.tril()', second: true },
    { label: 'wide, above', inputs: one(2, 3, 5), run: (a: T) => ops.tril(a, 1), torch: 'a.tril(1)' },
    { label: 'tall, below', inputs: one(5, 3), run: (a: T) => ops.tril(a, -2), torch: 'a.tril(-2)' },
    {
      label: 'int32',
      inputs: [{ shape: [3, 4], dtype: 'int32' }],
      run: (a: Tensor<'int32'>) => ops.tril(a),
      torch: 'a.tril()',
    },
  ],
  triu: [
    { label: 'square', inputs: one(3, 3), run: (a: T) => ops.triu(a), torch: 'a.triu()', second: true },
    { label: 'wide, above', inputs: one(2, 3, 5), run: (a: T) => ops.triu(a, 2), torch: 'a.triu(2)' },
    { label: 'tall, below', inputs: one(5, 3), run: (a: T) => ops.triu(a, -1), torch: 'a.triu(-1)' },
    { label: 'empty', inputs: one(0, 3), run: (a: T) => ops.triu(a), torch: 'a.triu()', gradient: false },
  ],
};

export const shapeCases: CaseTable<ViewNames | SlicingNames | JoinNames> = {
  ...viewCases,
  ...slicingCases,
  ...joinCases,
};
