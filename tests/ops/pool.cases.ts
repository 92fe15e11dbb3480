/** Rows of pooling and resizing. */
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  globalAvgPool2d,
  interpolate,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type Tensor,
} from '../../src/index.js';
import type { CaseTable, InputSpec } from './case.js';

type T = Tensor<'float32'>;
const shaped = (...shape: number[]): InputSpec[] => [{ shape }];
const distinct = (...shape: number[]): InputSpec[] => [{ shape, distinct: true }];

export const poolCases: CaseTable<
  | 'maxPool1d'
  | 'maxPool2d'
  | 'maxPool3d'
  | 'avgPool1d'
  | 'avgPool2d'
  | 'avgPool3d'
  | 'adaptiveAvgPool2d'
  | 'adaptiveMaxPool2d'
  | 'globalAvgPool2d'
  | 'interpolate'
> = {
  maxPool1d: [
    {
      label: 'plain',
      inputs: distinct(2, 3, 7),
      run: (x: T) => maxPool1d(x, 2),
      torch: 'F.max_pool1d(a, 2)',
      second: true,
    },
    {
      label: 'padded',
      inputs: distinct(1, 2, 6),
      run: (x: T) => maxPool1d(x, 3, { stride: 2, padding: 1 }),
      torch: 'F.max_pool1d(a, 3, stride=2, padding=1)',
    },
  ],
  maxPool2d: [
    {
      label: 'plain',
      inputs: distinct(2, 3, 4, 4),
      run: (x: T) => maxPool2d(x, 2),
      torch: 'F.max_pool2d(a, 2)',
      second: true,
    },
    {
      label: 'overlapping',
      inputs: distinct(1, 2, 5, 5),
      run: (x: T) => maxPool2d(x, 3, { stride: 1 }),
      torch: 'F.max_pool2d(a, 3, stride=1)',
      second: true,
    },
    {
      label: 'padding and stride',
      inputs: distinct(1, 2, 5, 6),
      run: (x: T) => maxPool2d(x, 3, { stride: 2, padding: 1 }),
      torch: 'F.max_pool2d(a, 3, stride=2, padding=1)',
    },
    {
      label: 'ceil mode',
      inputs: distinct(1, 2, 5, 4),
      run: (x: T) => maxPool2d(x, 2, { ceilMode: true }),
      torch: 'F.max_pool2d(a, 2, ceil_mode=True)',
    },
    {
      label: 'ceil mode, window in padding dropped',
      inputs: distinct(1, 1, 5, 5),
      run: (x: T) => maxPool2d(x, 3, { stride: 3, padding: 1, ceilMode: true }),
      torch: 'F.max_pool2d(a, 3, stride=3, padding=1, ceil_mode=True)',
    },
    {
      label: 'dilated, uneven',
      inputs: distinct(1, 2, 6, 4),
      run: (x: T) => maxPool2d(x, [3, 2], { stride: [1, 2], dilation: [2, 1] }),
      torch: 'F.max_pool2d(a, (3, 2), stride=(1, 2), dilation=(2, 1))',
    },
    {
      label: 'many channels',
      inputs: shaped(2, 37, 7, 6),
      run: (x: T) => maxPool2d(x, 3, { stride: 2, padding: 1 }),
      torch: 'F.max_pool2d(a, 3, stride=2, padding=1)',
      gradient: false,
    },
    { label: 'unbatched', inputs: distinct(2, 4, 4), run: (x: T) => maxPool2d(x, 2), torch: 'F.max_pool2d(a, 2)' },
    {
      label: 'empty batch',
      inputs: shaped(0, 2, 4, 4),
      run: (x: T) => maxPool2d(x, 2),
      torch: 'F.max_pool2d(a, 2)',
      gradient: false,
    },
    {
      label: 'NaN and infinity',
      inputs: [
        {
          shape: [1, 1, 2, 4],
          values: [
            1,
            Number.NaN,
            Number.NEGATIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
            3,
            4,
            Number.NEGATIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
          ],
        },
      ],
      run: (x: T) => maxPool2d(x, 2),
      torch: 'F.max_pool2d(a, 2)',
      gradient: false,
    },
  ],
  maxPool3d: [
    {
      label: 'plain',
      inputs: distinct(1, 2, 3, 4, 3),
      run: (x: T) => maxPool3d(x, 2),
      torch: 'F.max_pool3d(a, 2)',
      second: true,
    },
    {
      label: 'padded',
      inputs: distinct(1, 1, 3, 4, 4),
      run: (x: T) => maxPool3d(x, [3, 2, 3], { stride: [1, 2, 2], padding: [1, 0, 1] }),
      torch: 'F.max_pool3d(a, (3, 2, 3), stride=(1, 2, 2), padding=(1, 0, 1))',
    },
  ],
  avgPool1d: [
    {
      label: 'padded',
      inputs: shaped(2, 2, 7),
      run: (x: T) => avgPool1d(x, 3, { stride: 2, padding: 1 }),
      torch: 'F.avg_pool1d(a, 3, stride=2, padding=1)',
      second: true,
    },
  ],
  avgPool2d: [
    {
      label: 'plain',
      inputs: shaped(2, 3, 4, 4),
      run: (x: T) => avgPool2d(x, 2),
      torch: 'F.avg_pool2d(a, 2)',
      second: true,
    },
    {
      label: 'padding counted',
      inputs: shaped(1, 2, 5, 4),
      run: (x: T) => avgPool2d(x, 3, { stride: 2, padding: 1 }),
      torch: 'F.avg_pool2d(a, 3, stride=2, padding=1)',
    },
    {
      label: 'padding not counted',
      inputs: shaped(1, 2, 5, 4),
      run: (x: T) => avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false }),
      torch: 'F.avg_pool2d(a, 3, stride=2, padding=1, count_include_pad=False)',
    },
    {
      label: 'ceil mode',
      inputs: shaped(1, 2, 6, 5),
      run: (x: T) => avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true }),
      torch: 'F.avg_pool2d(a, 3, stride=2, padding=1, ceil_mode=True)',
    },
    {
      label: 'ceil mode, padding not counted',
      inputs: shaped(1, 2, 6, 5),
      run: (x: T) => avgPool2d(x, [2, 3], { stride: 2, padding: [1, 1], ceilMode: true, countIncludePad: false }),
      torch: 'F.avg_pool2d(a, (2, 3), stride=2, padding=(1, 1), ceil_mode=True, count_include_pad=False)',
    },
    {
      label: 'divisor',
      inputs: shaped(1, 2, 4, 3),
      run: (x: T) => avgPool2d(x, 2, { stride: 1, divisorOverride: 3 }),
      torch: 'F.avg_pool2d(a, 2, stride=1, divisor_override=3)',
    },
    {
      label: 'many channels',
      inputs: shaped(2, 37, 5, 6),
      run: (x: T) => avgPool2d(x, 3, { stride: 1, padding: 1 }),
      torch: 'F.avg_pool2d(a, 3, stride=1, padding=1)',
      gradient: false,
    },
  ],
  avgPool3d: [
    {
      label: 'plain',
      inputs: shaped(1, 2, 3, 4, 3),
      run: (x: T) => avgPool3d(x, 2, { stride: 1 }),
      torch: 'F.avg_pool3d(a, 2, stride=1)',
      second: true,
    },
  ],
  adaptiveAvgPool2d: [
    {
      label: 'uneven',
      inputs: shaped(1, 2, 5, 7),
      run: (x: T) => adaptiveAvgPool2d(x, [3, 2]),
      torch: 'F.adaptive_avg_pool2d(a, (3, 2))',
      second: true,
    },
    {
      label: 'to larger',
      inputs: shaped(1, 2, 2, 3),
      run: (x: T) => adaptiveAvgPool2d(x, 4),
      torch: 'F.adaptive_avg_pool2d(a, 4)',
    },
    {
      label: 'one row kept',
      inputs: shaped(2, 2, 4, 3),
      run: (x: T) => adaptiveAvgPool2d(x, [2, null]),
      torch: 'F.adaptive_avg_pool2d(a, (2, None))',
    },
    {
      label: 'to one',
      inputs: shaped(2, 3, 3, 4),
      run: (x: T) => adaptiveAvgPool2d(x, 1),
      torch: 'F.adaptive_avg_pool2d(a, 1)',
    },
  ],
  adaptiveMaxPool2d: [
    {
      label: 'uneven',
      inputs: distinct(1, 2, 5, 6),
      run: (x: T) => adaptiveMaxPool2d(x, [3, 4]),
      torch: 'F.adaptive_max_pool2d(a, (3, 4))',
      second: true,
    },
    {
      label: 'to one',
      inputs: distinct(2, 3, 3, 3),
      run: (x: T) => adaptiveMaxPool2d(x, 1),
      torch: 'F.adaptive_max_pool2d(a, 1)',
    },
  ],
  globalAvgPool2d: [
    {
      label: 'plain',
      inputs: shaped(2, 3, 3, 4),
      run: (x: T) => globalAvgPool2d(x),
      torch: 'F.adaptive_avg_pool2d(a, 1)',
      second: true,
    },
  ],
  interpolate: [
    {
      label: 'nearest by 2',
      inputs: shaped(1, 2, 3, 2),
      run: (x: T) => interpolate(x, { scaleFactor: 2 }),
      torch: 'F.interpolate(a, scale_factor=2)',
      second: true,
    },
    {
      label: 'nearest to a size',
      inputs: shaped(2, 2, 5, 3),
      run: (x: T) => interpolate(x, { size: [3, 7] }),
      torch: 'F.interpolate(a, size=(3, 7))',
    },
    {
      label: 'nearest by 1.7',
      inputs: shaped(1, 1, 4, 5),
      run: (x: T) => interpolate(x, { scaleFactor: [1.7, 0.6] }),
      torch: 'F.interpolate(a, scale_factor=(1.7, 0.6))',
    },
    {
      label: 'bilinear by 2',
      inputs: shaped(1, 2, 3, 3),
      run: (x: T) => interpolate(x, { scaleFactor: 2, mode: 'bilinear' }),
      torch: "F.interpolate(a, scale_factor=2, mode='bilinear')",
      second: true,
    },
    {
      label: 'bilinear to a size',
      inputs: shaped(2, 2, 4, 3),
      run: (x: T) => interpolate(x, { size: [3, 5], mode: 'bilinear' }),
      torch: "F.interpolate(a, size=(3, 5), mode='bilinear')",
    },
    {
      label: 'bilinear aligned',
      inputs: shaped(1, 2, 3, 4),
      run: (x: T) => interpolate(x, { size: [5, 6], mode: 'bilinear', alignCorners: true }),
      torch: "F.interpolate(a, size=(5, 6), mode='bilinear', align_corners=True)",
    },
    {
      label: 'bilinear by 1.6',
      inputs: shaped(1, 2, 4, 3),
      run: (x: T) => interpolate(x, { scaleFactor: 1.6, mode: 'bilinear' }),
      torch: "F.interpolate(a, scale_factor=1.6, mode='bilinear')",
    },
    {
      label: 'bilinear to one pixel',
      inputs: shaped(1, 1, 3, 4),
      run: (x: T) => interpolate(x, { size: 1, mode: 'bilinear', alignCorners: true }),
      torch: "F.interpolate(a, size=(1, 1), mode='bilinear', align_corners=True)",
    },
  ],
};
