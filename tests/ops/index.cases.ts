/** Rows of the ops that read and add at positions. */
import { embedding, gather, indexAdd, indexSelect, oneHot, permute, scatterAdd, type Tensor } from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
type I = Tensor<'int64'>;
type I32 = Tensor<'int32'>;

const x = (...shape: number[]): InputSpec => ({ shape });
const at = (limit: number, ...shape: number[]): InputSpec => ({ shape, dtype: 'int64', range: [0, limit - 1] });
const at32 = (limit: number, ...shape: number[]): InputSpec => ({ shape, dtype: 'int32', range: [0, limit - 1] });
const typed = (dtype: 'int64' | 'uint8' | 'bool', ...shape: number[]): InputSpec => ({ shape, dtype });

type Names = 'gather' | 'scatterAdd' | 'indexSelect' | 'indexAdd' | 'embedding' | 'oneHot';

export const indexCases: CaseTable<Names> = {
  gather: [
    {
      label: 'axis 0',
      inputs: [x(4, 3), at(4, 2, 3)],
      run: (a: T, i: I) => gather(a, 0, i),
      torch: 'a.gather(0, b)',
      second: true,
    },
    {
      label: 'last axis',
      inputs: [x(2, 3, 4), at(4, 2, 3, 5)],
      run: (a: T, i: I) => gather(a, -1, i),
      torch: 'a.gather(-1, b)',
    },
    {
      label: 'smaller index',
      inputs: [x(3, 4, 2), at(4, 2, 6, 1)],
      run: (a: T, i: I) => gather(a, 1, i),
      torch: 'a.gather(1, b)',
      second: true,
    },
    {
      label: 'int32 index',
      inputs: [x(5), at32(5, 7)],
      run: (a: T, i: I32) => gather(a, 0, i),
      torch: 'a.gather(0, b.long())',
    },
    {
      label: 'bytes',
      inputs: [typed('uint8', 3, 4), at(4, 3, 2)],
      run: (a: Tensor<'uint8'>, i: I) => gather(a, 1, i),
      torch: 'a.gather(1, b)',
    },
    {
      label: 'no index',
      inputs: [x(3, 2), at(3, 0, 2)],
      run: (a: T, i: I) => gather(a, 0, i),
      torch: 'a.gather(0, b)',
      gradient: false,
    },
  ],
  scatterAdd: [
    {
      label: 'axis 0',
      inputs: [x(4, 3), at(4, 5, 3), x(5, 3)],
      run: (a: T, i: I, s: T) => scatterAdd(a, 0, i, s),
      torch: 'a.scatter_add(0, b, c)',
      second: true,
    },
    {
      label: 'smaller index',
      inputs: [x(3, 4), at(4, 2, 3), x(3, 5)],
      run: (a: T, i: I, s: T) => scatterAdd(a, 1, i, s),
      torch: 'a.scatter_add(1, b, c[:2, :3])',
    },
    {
      label: 'int32 index',
      inputs: [x(3), at32(3, 8), x(8)],
      run: (a: T, i: I32, s: T) => scatterAdd(a, 0, i, s),
      torch: 'a.scatter_add(0, b.long(), c)',
    },
    {
      label: 'int64',
      inputs: [typed('int64', 3, 2), at(2, 3, 4), typed('int64', 3, 4)],
      run: (a: I, i: I, s: I) => scatterAdd(a, 1, i, s),
      torch: 'a.scatter_add(1, b, c)',
    },
    {
      label: 'no index',
      inputs: [x(3, 2), at(3, 0, 2), x(0, 2)],
      run: (a: T, i: I, s: T) => scatterAdd(a, 0, i, s),
      torch: 'a.scatter_add(0, b, c)',
      gradient: false,
    },
  ],
  indexSelect: [
    {
      label: 'rows',
      inputs: [x(4, 3), at(4, 6)],
      run: (a: T, i: I) => indexSelect(a, 0, i),
      torch: 'a.index_select(0, b)',
      second: true,
    },
    {
      label: 'last axis',
      inputs: [x(2, 3, 5), at(5, 2)],
      run: (a: T, i: I) => indexSelect(a, -1, i),
      torch: 'a.index_select(-1, b)',
    },
    {
      label: 'of a permute',
      inputs: [x(2, 3, 4), at(3, 5)],
      run: (a: T, i: I) => indexSelect(permute(a, [0, 2, 1]), 2, i),
      torch: 'a.permute(0, 2, 1).index_select(2, b)',
    },
    {
      label: 'int32 index',
      inputs: [x(3, 2), at32(3, 4)],
      run: (a: T, i: I32) => indexSelect(a, 0, i),
      torch: 'a.index_select(0, b)',
    },
    {
      label: 'bool',
      inputs: [typed('bool', 3, 2), at(2, 3)],
      run: (a: Tensor<'bool'>, i: I) => indexSelect(a, 1, i),
      torch: 'a.index_select(1, b)',
    },
    {
      label: 'no index',
      inputs: [x(3, 2), at(3, 0)],
      run: (a: T, i: I) => indexSelect(a, 0, i),
      torch: 'a.index_select(0, b)',
      gradient: false,
    },
  ],
  indexAdd: [
    {
      label: 'rows',
      inputs: [x(4, 3), at(4, 6), x(6, 3)],
      run: (a: T, i: I, s: T) => indexAdd(a, 0, i, s),
      torch: 'a.index_add(0, b, c)',
      second: true,
    },
    {
      label: 'middle axis',
      inputs: [x(2, 3, 2), at32(3, 2), x(2, 2, 2)],
      run: (a: T, i: I32, s: T) => indexAdd(a, 1, i, s),
      torch: 'a.index_add(1, b, c)',
    },
    {
      label: 'int64',
      inputs: [typed('int64', 3, 2), at(3, 4), typed('int64', 4, 2)],
      run: (a: I, i: I, s: I) => indexAdd(a, 0, i, s),
      torch: 'a.index_add(0, b, c)',
    },
  ],
  embedding: [
    {
      label: 'matrix of words',
      inputs: [x(5, 4), at(5, 2, 3)],
      run: (w: T, i: I) => embedding(w, i),
      torch: 'F.embedding(b, a)',
      second: true,
    },
    { label: 'one word', inputs: [x(5, 3), at(5)], run: (w: T, i: I) => embedding(w, i), torch: 'F.embedding(b, a)' },
    {
      label: 'int32',
      inputs: [x(3, 2), at32(3, 9)],
      run: (w: T, i: I32) => embedding(w, i),
      torch: 'F.embedding(b, a)',
    },
    {
      label: 'no words',
      inputs: [x(3, 2), at(3, 0, 4)],
      run: (w: T, i: I) => embedding(w, i),
      torch: 'F.embedding(b, a)',
      gradient: false,
    },
  ],
  oneHot: [
    { label: 'vector', inputs: [at(4, 6)], run: (i: I) => oneHot(i, 4), torch: 'F.one_hot(a, 4)' },
    {
      label: 'matrix as float',
      inputs: [at32(5, 2, 3)],
      run: (i: I32) => oneHot(i, 5, { dtype: 'float32' }),
      torch: 'F.one_hot(a.long(), 5).float()',
    },
    { label: 'scalar', inputs: [at(3)], run: (i: I) => oneHot(i, 3), torch: 'F.one_hot(a, 3)' },
  ],
};
