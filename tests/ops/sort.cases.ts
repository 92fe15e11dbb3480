/** Rows of the sorting ops. */
import { argSort, sort, type Tensor, topK, transpose } from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;

const apart = (...shape: number[]): InputSpec[] => [{ shape, distinct: true }];
const ties = (dtype: 'int32' | 'int64' | 'uint8' | 'bool', ...shape: number[]): InputSpec[] => [{ shape, dtype }];
const special: InputSpec[] = [{ shape: [8], values: [1, Number.NaN, -Infinity, 0, Infinity, -0, Number.NaN, -2] }];

export const sortCases: CaseTable<'sort' | 'argSort' | 'topK'> = {
  sort: [
    {
      label: 'last axis',
      inputs: apart(3, 5),
      run: (a: T) => sort(a).values,
      torch: 'a.sort(stable=True).values',
      second: true,
    },
    {
      label: 'axis 0, descending',
      inputs: apart(5, 3),
      run: (a: T) => sort(a, 0, { descending: true }).values,
      torch: 'a.sort(dim=0, descending=True, stable=True).values',
    },
    {
      label: 'middle axis indices',
      inputs: apart(2, 6, 2),
      run: (a: T) => sort(a, 1).indices,
      torch: 'a.sort(dim=1, stable=True).indices',
      gradient: false,
    },
    {
      label: 'of a transpose',
      inputs: apart(4, 3),
      run: (a: T) => sort(transpose(a)).values,
      torch: 'a.T.sort(stable=True).values',
    },
    {
      label: 'special values',
      inputs: special,
      run: (a: T) => sort(a).values,
      torch: 'a.sort(stable=True).values',
      gradient: false,
    },
    {
      label: 'special positions, descending',
      inputs: special,
      run: (a: T) => sort(a, 0, { descending: true }).indices,
      torch: 'a.sort(descending=True, stable=True).indices',
      gradient: false,
    },
    {
      label: 'ties',
      inputs: ties('int32', 3, 40),
      run: (a: Tensor<'int32'>) => sort(a).indices,
      torch: 'a.sort(stable=True).indices',
    },
    {
      label: 'bytes',
      inputs: ties('uint8', 2, 70),
      run: (a: Tensor<'uint8'>) => sort(a).values,
      torch: 'a.sort().values',
    },
    { label: 'bool', inputs: ties('bool', 2, 5), run: (a: Tensor<'bool'>) => sort(a).values, torch: 'a.sort().values' },
    { label: 'scalar', inputs: apart(), run: (a: T) => sort(a).values, torch: 'a.sort().values' },
    {
      label: 'long',
      inputs: [{ shape: [2, 3000] }],
      run: (a: T) => sort(a).values,
      gradient: false,
    },
    {
      label: 'empty',
      inputs: [{ shape: [2, 0] }],
      run: (a: T) => sort(a).values,
      torch: 'a.sort().values',
      gradient: false,
    },
  ],
  argSort: [
    {
      label: 'last axis',
      inputs: apart(3, 5),
      run: (a: T) => argSort(a),
      torch: 'a.argsort(stable=True)',
      gradient: false,
    },
    {
      label: 'axis 0, ties, descending',
      inputs: ties('int64', 30, 2),
      run: (a: Tensor<'int64'>) => argSort(a, 0, { descending: true }),
      torch: 'a.argsort(dim=0, descending=True, stable=True)',
    },
  ],
  topK: [
    {
      label: 'greatest',
      inputs: apart(3, 6),
      run: (a: T) => topK(a, 2).values,
      torch: 'a.topk(2).values',
      second: true,
    },
    {
      label: 'least of axis 0',
      inputs: apart(6, 3),
      run: (a: T) => topK(a, 3, { axis: 0, largest: false }).values,
      torch: 'a.topk(3, 0, largest=False).values',
    },
    {
      label: 'positions',
      inputs: apart(4, 9),
      run: (a: T) => topK(a, 4).indices,
      torch: 'a.topk(4).indices',
      gradient: false,
    },
    { label: 'all', inputs: apart(2, 5), run: (a: T) => topK(a, 5).values, torch: 'a.topk(5).values' },
    {
      label: 'none',
      inputs: apart(2, 5),
      run: (a: T) => topK(a, 0).values,
      torch: 'a.topk(0).values',
      gradient: false,
    },
  ],
};
