/** Rows of the ops that make tensors from nothing. */
import type { Tensor } from '../../src/index.js';
import * as ops from '../../src/index.js';
import type { CaseTable, OpCase } from './case.js';

type T = Tensor<'float32'>;
type Names = 'zeros' | 'ones' | 'full' | 'arange' | 'linspace' | 'eye' | 'zerosLike' | 'onesLike' | 'fullLike';

const made = (label: string, run: () => Tensor, torch: string): OpCase => ({ label, inputs: [], run, torch });

const likeRows = (run: (a: T) => Tensor, torch: string): OpCase[] => [
  { label: 'float', inputs: [{ shape: [2, 3] }], run, torch, gradient: false },
  { label: 'int64', inputs: [{ shape: [5], dtype: 'int64' }], run, torch },
];

export const createCases: CaseTable<Names> = {
  zeros: [
    made('matrix', () => ops.zeros([2, 3]), 'torch.zeros(2, 3)'),
    made('scalar', () => ops.zeros([]), 'torch.zeros(())'),
    made('empty', () => ops.zeros([0, 3]), 'torch.zeros(0, 3)'),
    made('bool', () => ops.zeros([3], { dtype: 'bool' }), 'torch.zeros(3, dtype=torch.bool)'),
  ],
  ones: [
    made('matrix', () => ops.ones([2, 3]), 'torch.ones(2, 3)'),
    made('int64', () => ops.ones([3], { dtype: 'int64' }), 'torch.ones(3, dtype=torch.int64)'),
  ],
  full: [
    made('float32', () => ops.full([3, 2], 0.1), 'torch.full((3, 2), 0.1)'),
    made('float64', () => ops.full([3], 0.1, { dtype: 'float64' }), 'torch.full((3,), 0.1, dtype=torch.float64)'),
    made('int32', () => ops.full([3], -7, { dtype: 'int32' }), 'torch.full((3,), -7, dtype=torch.int32)'),
    made(
      'constant modulo 256',
      () => ops.less(ops.full([3], -1, { dtype: 'uint8' }), 255),
      'torch.full((3,), -1, dtype=torch.uint8) < 255',
    ),
    made('boolean', () => ops.full([2], true), 'torch.full((2,), True)'),
    made('infinity', () => ops.full([2], Number.NEGATIVE_INFINITY), "torch.full((2,), -float('inf'))"),
  ],
  arange: [
    made('end', () => ops.arange(5), 'torch.arange(5.0)'),
    made('start and end', () => ops.arange(2, 7, { dtype: 'int64' }), 'torch.arange(2, 7)'),
    made('step', () => ops.arange(0, 1, 0.3), 'torch.arange(0, 1, 0.3)'),
    made('backwards', () => ops.arange(5, 0, -2, { dtype: 'int32' }), 'torch.arange(5, 0, -2, dtype=torch.int32)'),
    made('empty', () => ops.arange(3, 3), 'torch.arange(3.0, 3.0)'),
  ],
  linspace: [
    made('float32', () => ops.linspace(-1, 2, 7), 'torch.linspace(-1, 2, 7)'),
    made('float64', () => ops.linspace(0, 1, 4, { dtype: 'float64' }), 'torch.linspace(0, 1, 4, dtype=torch.float64)'),
    made('one', () => ops.linspace(3, 5, 1), 'torch.linspace(3, 5, 1)'),
    made('none', () => ops.linspace(3, 5, 0), 'torch.linspace(3, 5, 0)'),
  ],
  eye: [
    made('square', () => ops.eye(3), 'torch.eye(3)'),
    made('wide', () => ops.eye(2, 4, { dtype: 'int32' }), 'torch.eye(2, 4, dtype=torch.int32)'),
    made('tall', () => ops.eye(4, 2, { dtype: 'bool' }), 'torch.eye(4, 2, dtype=torch.bool)'),
  ],
  zerosLike: likeRows(ops.zerosLike, 'torch.zeros_like(a)'),
  onesLike: likeRows(ops.onesLike, 'torch.ones_like(a)'),
  fullLike: likeRows((a) => ops.fullLike(a, 3), 'torch.full_like(a, 3)'),
};
