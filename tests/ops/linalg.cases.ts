/** Rows of the matrix products. */
import { matmul, type Tensor } from '../../src/index.js';
import type { CaseTable } from './case.js';

type T = Tensor<'float32'>;

export const linalgCases: CaseTable<'matmul'> = {
  matmul: [
    { label: 'square', inputs: [{ shape: [4, 4] }, { shape: [4, 4] }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b', second: true },
    { label: 'odd', inputs: [{ shape: [3, 5] }, { shape: [5, 7] }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b' },
    { label: 'vector left', inputs: [{ shape: [5] }, { shape: [5, 3] }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b' },
    { label: 'dot', inputs: [{ shape: [6] }, { shape: [6] }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b' },
    { label: 'batch broadcast', inputs: [{ shape: [2, 1, 3, 4] }, { shape: [3, 4, 2] }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b', second: true },
    { label: 'int', inputs: [{ shape: [3, 4], dtype: 'int32' }, { shape: [4, 2], dtype: 'int32' }], run: (a: T, b: T) => matmul(a, b), torch: 'a @ b' },
  ],
};
