/** Convolution, pooling, normalisation, dropout and losses: what they refuse, how they plan, what they remember. */
import { describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';
import { planText } from '../../src/runtime/explain.js';
import { expectClose } from './close.js';

const image = b.zeros([8, 4, 32, 32]);
const weight = b.zeros([16, 3, 3, 3]);
const fitting = b.zeros([16, 4, 3, 3]);
const scores = b.zeros([2, 3]);
const labels = b.tensor([0, 2], { dtype: 'int32' });

const shape = 'ERR_BRAWN_SHAPE';
const argument = 'ERR_BRAWN_ARGUMENT';
const dtype = 'ERR_BRAWN_DTYPE';

type Row = readonly [call: () => unknown, code: string, message: RegExp];

const rows: readonly Row[] = [
  [
    () => b.conv2d(image, weight),
    shape,
    /^conv2d: weight expects 3 input channels \(dim 1\) but input \[8,4,32,32\] has 4$/,
  ],
  [
    () => b.conv2d(image, fitting, null, { groups: 2 }),
    shape,
    /^conv2d: weight expects 8 input channels in 2 groups \(dim 1\)/,
  ],
  [
    () => b.conv2d(b.zeros([1, 9, 4, 4]), b.zeros([16, 3, 3, 3]), null, { groups: 3 }),
    shape,
    /^conv2d: weight \[16,3,3,3\] has 16 output channels \(dim 0\), which 3 groups do not divide/,
  ],
  [
    () => b.conv2d(image, fitting, b.zeros([3])),
    shape,
    /^conv2d: bias must be \[16\], one per output channel, got \[3\]/,
  ],
  [
    () => b.conv2d(b.zeros([4, 4]), fitting),
    shape,
    /^conv2d: input must be \[N, C, H, W\] or \[C, H, W\], got \[4,4\]/,
  ],
  [
    () => b.conv2d(b.zeros([1, 4, 0, 4]), fitting),
    shape,
    /^conv2d: only the batch of the input may be empty, got \[1,4,0,4\]/,
  ],
  [
    () => b.conv2d(image, b.zeros([4, 4])),
    shape,
    /^conv2d: weight must be \[O, C\/groups, ...kernel\] with 2 kernel dimensions, got \[4,4\]/,
  ],
  [
    () => b.conv2d(b.zeros([1, 4, 2, 2]), fitting),
    shape,
    /^conv2d: kernel \[3,3\] is larger than the padded input \[1,4,2,2\]/,
  ],
  [
    () => b.conv2d(b.cast(image, 'int32') as never, fitting),
    dtype,
    /^conv2d: input must be float32 or float64, got int32/,
  ],
  [
    () => b.conv2d(image, b.cast(fitting, 'float64') as never),
    dtype,
    /^conv2d: weight is float64 but input is float32/,
  ],
  [() => b.conv2d(image, fitting, null, { stride: 0 }), argument, /^conv2d: stride must be positive integers, got 0/],
  [
    () => b.conv2d(image, fitting, null, { stride: [1, 1, 1] }),
    argument,
    /^conv2d: stride must be a number or 2 numbers/,
  ],
  [() => b.conv2d(image, fitting, null, { padding: -1 }), argument, /^conv2d: padding must be non-negative integers/],
  [
    () => b.conv2d(image, fitting, null, { padding: 'same', stride: 2 }),
    argument,
    /^conv2d: padding 'same' needs stride 1/,
  ],
  [() => b.conv2d(image, fitting, null, { padding: 'full' as never }), argument, /^conv2d: unknown padding "full"/],
  [() => b.conv2d(image, fitting, null, { groups: 0 }), argument, /^conv2d: groups must be a positive integer, got 0/],
  [
    () => b.convTranspose2d(image, weight),
    shape,
    /^convTranspose2d: weight expects 16 input channels \(dim 0\) but input \[8,4,32,32\] has 4/,
  ],
  [
    () => b.convTranspose2d(b.zeros([1, 3, 4, 4]), b.zeros([3, 2, 2, 2]), null, { outputPadding: 1 }),
    argument,
    /^convTranspose2d: outputPadding \[1,1\] must be smaller/,
  ],
  [
    () => b.maxPool2d(image, 3, { padding: 2 }),
    argument,
    /^maxPool2d: padding \[2,2\] must be at most half of the kernel \[3,3\]/,
  ],
  [() => b.maxPool2d(image, 40), shape, /^maxPool2d: kernel \[40,40\] is larger than the padded input \[8,4,32,32\]/],
  [
    () => b.avgPool2d(image, 2, { divisorOverride: 0 }),
    argument,
    /^avgPool2d: divisorOverride must be a positive integer, got 0/,
  ],
  [() => b.adaptiveAvgPool2d(image, [0, 1]), argument, /^adaptiveAvgPool2d: outputSize must be positive integers/],
  [() => b.interpolate(image, {}), argument, /^interpolate: give either size or scaleFactor/],
  [() => b.interpolate(image, { size: 3, mode: 'cubic' as never }), argument, /^interpolate: unknown mode "cubic"/],
  [
    () => b.interpolate(image, { scaleFactor: 0.01 }),
    argument,
    /^interpolate: scaleFactor 0.01 leaves nothing of \[32,32\]/,
  ],
  [() => b.softmax(labels as never), dtype, /^softmax: input must be float32 or float64, got int32/],
  [() => b.softmax(scores, 2), argument, /^softmax: axis 2 is out of bounds for rank 2/],
  [() => b.batchNorm(scores), argument, /^batchNorm: runningMean and runningVar are needed when not training/],
  [
    () => b.batchNorm(b.zeros([1, 3]), { training: true }),
    shape,
    /^batchNorm: training needs more than one value per channel/,
  ],
  [
    () => b.batchNorm(scores, { weight: b.ones([2]), training: true }),
    shape,
    /^batchNorm: weight must be \[3\], got \[2\]/,
  ],
  [
    () => b.batchNorm(scores, { runningMean: b.zeros([3]), training: true }),
    argument,
    /^batchNorm: running statistics must be variables/,
  ],
  [() => b.layerNorm(scores, 2), shape, /^layerNorm: input \[2,3\] must end in normalizedShape \[2\]/],
  [() => b.groupNorm(image, 3), shape, /^groupNorm: 3 groups do not divide the 4 channels \(dim 1\)/],
  [() => b.dropout(scores, { p: 1.5 }), argument, /^dropout: p must lie between 0 and 1, got 1.5/],
  [
    () => b.crossEntropy(scores, b.tensor([0, 1, 2], { dtype: 'int32' })),
    shape,
    /^crossEntropy: labels must be \[2\] for input \[2,3\], got \[3\]/,
  ],
  [
    () => b.crossEntropy(scores, labels, { reduction: 'avg' as never }),
    argument,
    /^crossEntropy: unknown reduction "avg"/,
  ],
  [
    () => b.crossEntropy(scores, labels, { weight: b.ones([2]) }),
    shape,
    /^crossEntropy: weight must be \[3\], one per class \(dim 1\)/,
  ],
  [
    () => b.crossEntropy(scores, b.zeros([2, 2])),
    shape,
    /^crossEntropy: probabilities must be \[2,3\] like the input, got \[2,2\]/,
  ],
  [
    () => b.crossEntropy(scores, b.zeros([2, 3], { dtype: 'uint8' }) as never),
    dtype,
    /^crossEntropy: target must be int32 or int64, got uint8/,
  ],
  [() => b.mseLoss(scores, b.zeros([2])), shape, /^mseLoss: input \[2,3\] and target \[2\] must have one shape/],
];

describe('errors', () => {
  for (const [call, code, message] of rows)
    it(String(message), () => {
      expect(call).toThrow(message);
      expect(call).toThrow(expect.objectContaining({ code }));
    });

  for (const label of [-1, 3])
    it(`label ${label} of 3 classes is found while running`, async () => {
      const loss = b.crossEntropy(scores, b.tensor([label, 0], { dtype: 'int32' }));
      await expect(loss.item()).rejects.toThrow(
        new RegExp(`^crossEntropy: index ${label} is out of range for a dimension of size 3`),
      );
      await expect(loss.item()).rejects.toMatchObject({ code: 'ERR_BRAWN_INDEX' });
    });
});

const kernels = (text: string): string[] => text.split('\n').map((line) => line.split(' ')[0]);
/** Steps that only move elements, apart from those that hand over a result in the user's layout. */
const copies = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /^(elementwise|move)/.test(line) && !line.includes('{') && !line.includes('-> output'));

describe('plans', () => {
  // Weights and images of one channel lie the same in both layouts, so that every copy that is left is one too many.
  const x = b.tensor(new Float32Array(2 * 12 * 12), { shape: [2, 1, 12, 12] });
  const w = (o: number, c: number, k: number) => b.tensor(new Float32Array(o * c * k * k), { shape: [o, c, k, k] });
  const bias = b.tensor(new Float32Array(8));

  it('makes bias and activation the epilogue of a convolution', () => {
    const y = b.conv2d(x, w(1, 1, 3), b.tensor(new Float32Array(1)), { padding: 1 });
    const text = planText(b.relu(y));
    expect(kernels(text).filter((kernel) => kernel !== 'elementwise')).toEqual(['conv_planes_forward_f32']);
    expect(text.split('\n')[0]).toMatch(/add_f32.*relu_f32/);
    expect(copies(text)).toEqual([]);
  });

  it('keeps a stretch of convolutions and pools channels-last', () => {
    let y = b.maxPool2d(b.relu(b.conv2d(x, w(8, 1, 3), bias, { padding: 1 })), 2);
    y = b.relu(b.conv2d(y, w(8, 8, 1), bias));
    y = b.avgPool2d(b.add(y, b.conv2d(y, w(8, 8, 1), bias)), 2);
    const text = planText(b.globalAvgPool2d(y));
    expect(copies(text)).toEqual([]);
    expect(kernels(text).filter((kernel) => kernel !== 'elementwise')).toEqual([
      'conv_forward_f32',
      'pool_max_f32',
      'conv_forward_f32',
      'conv_forward_f32',
      'pool_avg_f32',
      'reduce_sum_f32',
    ]);
  });

  it('normalises a batch without leaving channels-last, forward and backward', () => {
    const [first, second] = [w(8, 1, 3), w(8, 8, 1)];
    const y = b.relu(b.batchNorm(b.conv2d(x, first), { weight: bias, bias, training: true }));
    const loss = b.sum(b.square(b.conv2d(y, second)));
    expect(copies(planText(loss, ...b.grad(loss, [first, second, bias])))).toEqual([]);
  });

  it('updates convolution weights in place', () => {
    const parameter = new b.Parameter(b.ones([8, 3, 3, 3]));
    const step = b.compile((input: b.Tensor<'float32'>) => {
      const loss = b.sum(b.conv2d(input, parameter));
      const [g] = b.grad(loss, [parameter]);
      parameter.assign(b.sub(parameter, b.mul(g as typeof parameter, 0.1)));
      return loss;
    });
    const steps = step
      .explain(b.zeros([2, 3, 8, 8]))
      .passes.memory.split('--- commit\n')[1]
      .split('\n');
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatch(/^elementwise .*sub_f32/);
  });
});

describe('state', () => {
  it('tracks the statistics of batches', async () => {
    const runningMean = new b.Variable(b.zeros([2]));
    const runningVar = new b.Variable(b.ones([2]));
    const x = b.tensor([1, 2, 3, 4, 5, 9], { shape: [3, 2] });
    const y = b.batchNorm(x, { runningMean, runningVar, training: true, momentum: 0.25 });
    await y.data();
    expectClose(await runningMean.data(), [0.25 * 3, 0.25 * 5], 1e-6);
    expectClose(await runningVar.data(), [0.75 + 0.25 * 4, 0.75 + 0.25 * 13], 1e-6);
  });

  it('draws dropout anew in every run of a compiled function', async () => {
    const run = b.compile((x: b.Tensor<'float32'>) => b.dropout(x, { p: 0.25, generator }));
    const generator = new b.Generator(3);
    const x = b.ones([100, 100]);
    const [first, second] = [await (await run(x)).data(), await (await run(x)).data()];
    expect(first).not.toEqual(second);
    const kept = first.filter((value) => value !== 0);
    expect(kept.every((value) => value === Math.fround(1 / 0.75))).toBe(true);
    expect(Math.abs(kept.length / first.length - 0.75)).toBeLessThan(0.02);
    generator.manualSeed(3);
    expect(await (await run(x)).data()).toEqual(first);
  });

  it('drops whole channels', async () => {
    const y = await b.dropout2d(b.ones([20, 30, 4]), { generator: new b.Generator(1) }).data();
    const channels = Array.from({ length: 600 }, (_, c) => [...y.slice(4 * c, 4 * c + 4)]);
    expect(channels.every((values) => values.every((value) => value === values[0]))).toBe(true);
    expect(new Set(channels.map(([value]) => value))).toEqual(new Set([0, 2]));
  });
});
