/** Rows of attention. */
import { scaledDotProductAttention as attention, type Tensor } from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
type B = Tensor<'bool'>;

const f = (...shapes: number[][]): InputSpec[] => shapes.map((shape) => ({ shape }));
const kNative = 'F._scaled_dot_product_attention(a, b, c';

export const attentionCases: CaseTable<'scaledDotProductAttention'> = {
  scaledDotProductAttention: [
    {
      label: 'batches',
      inputs: f([2, 3, 4], [2, 5, 4], [2, 5, 3]),
      run: (q: T, k: T, v: T) => attention(q, k, v),
      torch: `${kNative})[0]`,
      second: true,
    },
    {
      label: 'heads, causal',
      inputs: f([2, 2, 4, 3], [2, 2, 4, 3], [2, 2, 4, 3]),
      run: (q: T, k: T, v: T) => attention(q, k, v, { isCausal: true }),
      torch: `${kNative}, is_causal=True)[0]`,
      second: true,
    },
    {
      label: 'causal, more keys than queries',
      inputs: f([2, 3, 2], [2, 5, 2], [2, 5, 2]),
      run: (q: T, k: T, v: T) => attention(q, k, v, { isCausal: true }),
      torch: `${kNative}, torch.ones(3, 5).bool().tril())[0]`,
    },
    {
      label: 'bool mask',
      inputs: [
        ...f([2, 3, 4], [2, 4, 4], [2, 4, 2]),
        { shape: [3, 4], dtype: 'bool', values: [1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1] },
      ],
      run: (q: T, k: T, v: T, mask: B) => attention(q, k, v, { attnMask: mask }),
      torch: `${kNative}, d)[0]`,
      second: true,
    },
    {
      label: 'bool mask and causal; a query without keys',
      inputs: [...f([3, 2], [3, 2], [3, 2]), { shape: [3, 3], dtype: 'bool', values: [0, 1, 1, 1, 1, 1, 0, 1, 1] }],
      run: (q: T, k: T, v: T, mask: B) => attention(q, k, v, { attnMask: mask, isCausal: true }),
      torch: 'torch.softmax((a @ b.T / math.sqrt(2)).masked_fill(~(d.tril()), -math.inf), -1).nan_to_num(0) @ c',
    },
    {
      label: 'added mask, scale',
      inputs: f([2, 2, 3, 4], [2, 1, 3, 4], [1, 2, 3, 2], [2, 1, 1, 3]),
      run: (q: T, k: T, v: T, bias: T) => attention(q, k, v, { attnMask: bias, scale: 0.3 }),
      torch: 'torch.softmax(a @ b.transpose(-2, -1) * 0.3 + d, -1) @ c',
    },
    {
      label: 'one key',
      inputs: f([4, 3], [1, 3], [1, 2]),
      run: (q: T, k: T, v: T) => attention(q, k, v),
      torch: 'torch.softmax(a @ b.T / math.sqrt(3), -1) @ c',
    },
    {
      label: 'no keys',
      inputs: f([2, 3], [0, 3], [0, 2]),
      run: (q: T, k: T, v: T) => attention(q, k, v),
      torch: 'torch.zeros(2, 2)',
      gradient: false,
    },
  ],
};
