/** Rows of the convolutions. */
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, type Tensor } from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
const shapes = (...list: number[][]): InputSpec[] => list.map((shape) => ({ shape }));

export const convCases: CaseTable<'conv1d' | 'conv2d' | 'conv3d' | 'convTranspose1d' | 'convTranspose2d'> = {
  conv1d: [
    {
      label: 'plain',
      inputs: shapes([2, 3, 7], [4, 3, 3], [4]),
      run: (x: T, w: T, b: T) => conv1d(x, w, b),
      torch: 'F.conv1d(a, b, c)',
      second: true,
    },
    {
      label: 'strided',
      inputs: shapes([1, 2, 9], [3, 2, 2], [3]),
      run: (x: T, w: T, b: T) => conv1d(x, w, b, { stride: 3, padding: 1 }),
      torch: 'F.conv1d(a, b, c, stride=3, padding=1)',
    },
    {
      label: 'dilated groups',
      inputs: shapes([2, 4, 9], [6, 2, 3]),
      run: (x: T, w: T) => conv1d(x, w, null, { dilation: 2, groups: 2 }),
      torch: 'F.conv1d(a, b, dilation=2, groups=2)',
    },
    {
      label: 'unbatched',
      inputs: shapes([2, 5], [3, 2, 2]),
      run: (x: T, w: T) => conv1d(x, w),
      torch: 'F.conv1d(a, b)',
    },
    {
      label: 'same, even kernel',
      inputs: shapes([1, 2, 5], [2, 2, 4]),
      run: (x: T, w: T) => conv1d(x, w, null, { padding: 'same' }),
      torch: "F.conv1d(a, b, padding='same')",
    },
  ],
  conv2d: [
    {
      label: 'plain',
      inputs: shapes([2, 2, 4, 4], [3, 2, 2, 2], [3]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b),
      torch: 'F.conv2d(a, b, c)',
      second: true,
    },
    {
      label: 'odd, padding 1',
      inputs: shapes([1, 3, 5, 3], [2, 3, 3, 3], [2]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { padding: 1 }),
      torch: 'F.conv2d(a, b, c, padding=1)',
      second: true,
    },
    {
      label: 'stride 2',
      inputs: shapes([2, 2, 5, 5], [3, 2, 3, 3], [3]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { stride: 2, padding: 1 }),
      torch: 'F.conv2d(a, b, c, stride=2, padding=1)',
      second: true,
    },
    {
      label: 'stride 3, uneven',
      inputs: shapes([1, 2, 7, 4], [2, 2, 3, 2]),
      run: (x: T, w: T) => conv2d(x, w, null, { stride: [3, 1], padding: [0, 1] }),
      torch: 'F.conv2d(a, b, stride=(3, 1), padding=(0, 1))',
    },
    {
      label: 'dilated',
      inputs: shapes([1, 2, 7, 6], [2, 2, 3, 2]),
      run: (x: T, w: T) => conv2d(x, w, undefined, { dilation: [2, 3] }),
      torch: 'F.conv2d(a, b, dilation=(2, 3))',
      second: true,
    },
    {
      label: 'groups',
      inputs: shapes([2, 4, 3, 3], [6, 2, 2, 2], [6]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { groups: 2 }),
      torch: 'F.conv2d(a, b, c, groups=2)',
      second: true,
    },
    {
      label: 'depthwise',
      inputs: shapes([1, 5, 4, 4], [5, 1, 3, 3], [5]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { groups: 5, padding: 1 }),
      torch: 'F.conv2d(a, b, c, groups=5, padding=1)',
      second: true,
    },
    {
      label: 'depthwise stride 2',
      inputs: shapes([2, 3, 5, 5], [3, 1, 3, 3]),
      run: (x: T, w: T) => conv2d(x, w, null, { groups: 3, stride: 2, padding: 1 }),
      torch: 'F.conv2d(a, b, groups=3, stride=2, padding=1)',
    },
    {
      label: 'depthwise multiplier',
      inputs: shapes([1, 2, 4, 4], [4, 1, 3, 3]),
      run: (x: T, w: T) => conv2d(x, w, null, { groups: 2 }),
      torch: 'F.conv2d(a, b, groups=2)',
    },
    {
      label: '1x1',
      inputs: shapes([2, 3, 2, 3], [4, 3, 1, 1], [4]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b),
      torch: 'F.conv2d(a, b, c)',
    },
    {
      label: '1x1 stride 2',
      inputs: shapes([1, 3, 5, 4], [2, 3, 1, 1]),
      run: (x: T, w: T) => conv2d(x, w, null, { stride: 2 }),
      torch: 'F.conv2d(a, b, stride=2)',
    },
    {
      label: 'asymmetric kernel',
      inputs: shapes([1, 2, 3, 8], [3, 2, 1, 5]),
      run: (x: T, w: T) => conv2d(x, w, null, { padding: [0, 2] }),
      torch: 'F.conv2d(a, b, padding=(0, 2))',
    },
    {
      label: 'same',
      inputs: shapes([1, 2, 4, 5], [2, 2, 2, 3]),
      run: (x: T, w: T) => conv2d(x, w, null, { padding: 'same', dilation: [1, 2] }),
      torch: "F.conv2d(a, b, padding='same', dilation=(1, 2))",
    },
    {
      label: 'pairs of padding',
      inputs: shapes([1, 1, 4, 4], [2, 1, 3, 3]),
      run: (x: T, w: T) =>
        conv2d(x, w, null, {
          padding: [
            [0, 1],
            [2, 1],
          ],
          stride: 2,
        }),
      torch: 'F.conv2d(F.pad(a, (2, 1, 0, 1)), b, stride=2)',
    },
    {
      label: 'kernel as large as the input',
      inputs: shapes([2, 2, 3, 3], [4, 2, 3, 3]),
      run: (x: T, w: T) => conv2d(x, w),
      torch: 'F.conv2d(a, b)',
    },
    {
      label: 'unbatched',
      inputs: shapes([2, 4, 4], [3, 2, 3, 3], [3]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b),
      torch: 'F.conv2d(a, b, c)',
    },
    {
      label: 'empty batch',
      inputs: shapes([0, 2, 4, 4], [3, 2, 3, 3], [3]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b),
      torch: 'F.conv2d(a, b, c)',
    },
    {
      label: 'stem, one channel',
      inputs: shapes([2, 1, 9, 9], [5, 1, 5, 5], [5]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { padding: 2 }),
      torch: 'F.conv2d(a, b, c, padding=2)',
      gradient: false,
    },
    {
      label: 'many channels',
      inputs: shapes([2, 33, 6, 5], [35, 33, 3, 3], [35]),
      run: (x: T, w: T, b: T) => conv2d(x, w, b, { padding: 1 }),
      torch: 'F.conv2d(a, b, c, padding=1)',
      gradient: false,
    },
  ],
  conv3d: [
    {
      label: 'plain',
      inputs: shapes([1, 2, 3, 3, 3], [2, 2, 2, 2, 2], [2]),
      run: (x: T, w: T, b: T) => conv3d(x, w, b),
      torch: 'F.conv3d(a, b, c)',
      second: true,
    },
    {
      label: 'uneven',
      inputs: shapes([1, 2, 4, 3, 5], [2, 1, 3, 1, 2]),
      run: (x: T, w: T) => conv3d(x, w, null, { stride: [2, 1, 3], padding: [1, 0, 1], groups: 2 }),
      torch: 'F.conv3d(a, b, stride=(2, 1, 3), padding=(1, 0, 1), groups=2)',
    },
  ],
  convTranspose1d: [
    {
      label: 'strided',
      inputs: shapes([2, 3, 4], [3, 2, 3], [2]),
      run: (x: T, w: T, b: T) => convTranspose1d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }),
      torch: 'F.conv_transpose1d(a, b, c, stride=2, padding=1, output_padding=1)',
      second: true,
    },
  ],
  convTranspose2d: [
    {
      label: 'plain',
      inputs: shapes([2, 2, 3, 3], [2, 3, 2, 2], [3]),
      run: (x: T, w: T, b: T) => convTranspose2d(x, w, b),
      torch: 'F.conv_transpose2d(a, b, c)',
      second: true,
    },
    {
      label: 'stride 2',
      inputs: shapes([1, 2, 3, 4], [2, 2, 3, 3], [2]),
      run: (x: T, w: T, b: T) => convTranspose2d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }),
      torch: 'F.conv_transpose2d(a, b, c, stride=2, padding=1, output_padding=1)',
      second: true,
    },
    {
      label: 'stride 3, kernel 2',
      inputs: shapes([1, 2, 2, 3], [2, 1, 2, 2]),
      run: (x: T, w: T) => convTranspose2d(x, w, null, { stride: 3 }),
      torch: 'F.conv_transpose2d(a, b, stride=3)',
    },
    {
      label: 'groups, dilated',
      inputs: shapes([1, 4, 3, 3], [4, 2, 2, 2], [4]),
      run: (x: T, w: T, b: T) => convTranspose2d(x, w, b, { groups: 2, dilation: 2 }),
      torch: 'F.conv_transpose2d(a, b, c, groups=2, dilation=2)',
    },
    {
      label: 'output padding by dilation',
      inputs: shapes([1, 1, 3, 3], [1, 1, 2, 2]),
      run: (x: T, w: T) => convTranspose2d(x, w, null, { dilation: 3, outputPadding: [2, 1] }),
      torch: 'F.conv_transpose2d(a, b, dilation=3, output_padding=(2, 1))',
    },
    {
      label: 'unbatched',
      inputs: shapes([2, 3, 3], [2, 3, 2, 2]),
      run: (x: T, w: T) => convTranspose2d(x, w, undefined, { stride: [1, 2] }),
      torch: 'F.conv_transpose2d(a, b, stride=(1, 2))',
    },
  ],
};
