/** Rows of the matrix products. */
import { bilinear, einsum, expand, linear, matmul, permute, relu, type Tensor, transpose } from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
type I = Tensor<'int32'>;

const f = (...shapes: number[][]): InputSpec[] => shapes.map((shape) => ({ shape }));
const i = (...shapes: number[][]): InputSpec[] => shapes.map((shape) => ({ shape, dtype: 'int32' }));
const product = (a: T, b: T): Tensor => matmul(a, b);
const sums =
  (equation: string) =>
  (...operands: T[]): Tensor =>
    einsum(equation, ...operands);
const row = (equation: string, ...shapes: number[][]) => ({
  label: equation,
  inputs: f(...shapes),
  run: sums(equation),
  torch: `torch.einsum('${equation}', ${['a', 'b', 'c', 'd'].slice(0, shapes.length).join(', ')})`,
});

export const linalgCases: CaseTable<'matmul' | 'linear' | 'einsum' | 'bilinear'> = {
  matmul: [
    { label: 'square', inputs: f([4, 4], [4, 4]), run: product, torch: 'a @ b', second: true },
    { label: 'odd', inputs: f([3, 5], [5, 7]), run: product, torch: 'a @ b' },
    { label: 'vector left', inputs: f([5], [5, 3]), run: product, torch: 'a @ b' },
    { label: 'vector right', inputs: f([2, 3, 5], [5]), run: product, torch: 'a @ b' },
    { label: 'dot', inputs: f([6], [6]), run: product, torch: 'a @ b' },
    { label: 'batch broadcast', inputs: f([2, 1, 3, 4], [3, 4, 2]), run: product, torch: 'a @ b', second: true },
    { label: 'batch times matrix', inputs: f([2, 3, 4], [4, 5]), run: product, torch: 'a @ b', second: true },
    { label: 'matrix times batch', inputs: f([3, 4], [2, 4, 2]), run: product, torch: 'a @ b' },
    {
      label: 'transposed',
      inputs: f([5, 3], [4, 5]),
      run: (a: T, b: T) => matmul(transpose(a), transpose(b)),
      torch: 'a.T @ b.T',
    },
    {
      label: 'permuted batch',
      inputs: f([3, 2, 4], [4, 3]),
      run: (a: T, b: T) => matmul(permute(a, [1, 0, 2]), b),
      torch: 'a.permute(1, 0, 2) @ b',
    },
    {
      label: 'expanded batch',
      inputs: f([1, 3, 4], [4, 2]),
      run: (a: T, b: T) => matmul(expand(a, [2, 3, 4]), b),
      torch: 'a.expand(2, 3, 4) @ b',
    },
    { label: 'one column', inputs: f([4, 3], [3, 1]), run: product, torch: 'a @ b' },
    { label: 'inner size 1', inputs: f([4, 1], [1, 3]), run: product, torch: 'a @ b' },
    { label: 'inner size 0', inputs: f([2, 0], [0, 3]), run: product, torch: 'a @ b', gradient: false },
    { label: 'no rows', inputs: f([0, 4], [4, 3]), run: product, torch: 'a @ b', gradient: false },
    { label: 'no batches', inputs: f([0, 2, 3], [3, 2]), run: product, torch: 'a @ b', gradient: false },
    { label: 'int', inputs: i([3, 4], [4, 2]), run: (a: I, b: I) => matmul(a, b), torch: 'a @ b' },
    { label: 'large', inputs: f([70, 130], [130, 90]), run: product, gradient: false },
  ],
  bilinear: [
    {
      label: 'bias',
      inputs: f([3, 2], [3, 4], [5, 2, 4], [5]),
      run: (a: T, b: T, w: T, bias: T) => bilinear(a, b, w, bias),
      torch: 'F.bilinear(a, b, c, d)',
      second: true,
    },
    {
      label: 'no bias, more dimensions',
      inputs: f([2, 2, 3], [2, 2, 1], [2, 3, 1]),
      run: (a: T, b: T, w: T) => bilinear(a, b, w),
      torch: 'F.bilinear(a, b, c)',
    },
    {
      label: 'vectors',
      inputs: f([3], [2], [4, 3, 2]),
      run: (a: T, b: T, w: T) => bilinear(a, b, w),
      torch: 'torch.einsum("i,oij,j->o", a, c, b)',
    },
  ],
  linear: [
    {
      label: 'bias',
      inputs: f([4, 3], [5, 3], [5]),
      run: (x: T, w: T, b: T) => linear(x, w, b),
      torch: 'F.linear(a, b, c)',
      second: true,
    },
    { label: 'no bias', inputs: f([4, 3], [2, 3]), run: (x: T, w: T) => linear(x, w), torch: 'F.linear(a, b)' },
    {
      label: 'vector',
      inputs: f([3], [4, 3], [4]),
      run: (x: T, w: T, b: T) => linear(x, w, b),
      torch: 'F.linear(a, b, c)',
    },
    {
      label: 'sequence, relu',
      inputs: f([2, 3, 4], [3, 4], [3]),
      run: (x: T, w: T, b: T) => relu(linear(x, w, b)),
      torch: 'F.relu(F.linear(a, b, c))',
    },
    {
      label: 'no features',
      inputs: f([2, 0], [3, 0], [3]),
      run: (x: T, w: T, b: T) => linear(x, w, b),
      torch: 'F.linear(a, b, c)',
      gradient: false,
    },
    {
      label: 'empty batch',
      inputs: f([0, 3], [2, 3], [2]),
      run: (x: T, w: T, b: T) => linear(x, w, b),
      torch: 'F.linear(a, b, c)',
      gradient: false,
    },
  ],
  einsum: [
    { ...row('ij,jk->ik', [3, 4], [4, 2]), second: true },
    row('ij,jk', [3, 4], [4, 2]),
    row('bij,bjk->bik', [2, 3, 4], [2, 4, 2]),
    { ...row('bhqd,bhkd->bhqk', [2, 2, 3, 2], [2, 2, 4, 2]), second: true },
    row('...ij,...jk->...ik', [2, 1, 2, 3], [3, 3, 2]),
    row('i,j->ij', [3], [4]),
    row('i,i->', [5], [5]),
    row('ij->ji', [2, 3]),
    row('ij->', [2, 3]),
    row('ij->j', [2, 3]),
    row('ba', [2, 3]),
    { ...row('ii->i', [4, 4]), second: true },
    row('bii->b', [2, 3, 3]),
    row('ij,ij->ij', [2, 3], [2, 3]),
    row('ij,kj,k->i', [2, 3], [4, 3], [4]),
    row('bn,anm,bm->ba', [2, 3], [2, 3, 2], [2, 2]),
    row('i...->...', [3, 2, 2]),
    row('a b, c b -> c a', [2, 3], [4, 3]),
    row('ij,jk->k', [2, 3], [3, 4]),
    row('ij,j->ij', [1, 3], [3]),
    {
      label: 'int',
      inputs: i([2, 3], [3, 2]),
      run: (a: I, b: I) => einsum('ij,jk->ik', a, b),
      torch: "torch.einsum('ij,jk->ik', a, b)",
    },
    { ...row('ij,jk->ki', [2, 0], [0, 3]), gradient: false },
  ],
};
