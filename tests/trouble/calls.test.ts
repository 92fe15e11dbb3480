/**
 * Wrong calls of every family that has no table of its own (`tests/ops/errors.test.ts` has shape, index, sorting and
 * matrix ops): class, stable code, and a message that names the op and the numbers, thrown at the call.
 */
import { describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

const x = b.zeros([8, 4, 32, 32]);
const m = b.zeros([2, 3]);
const v = b.zeros([3]);
const whole = b.zeros([2, 3], { dtype: 'int32' });
const labels = b.zeros([2], { dtype: 'int64' });
const mask = b.zeros([2, 3], { dtype: 'bool' });

const shape = [b.ShapeError, 'ERR_BRAWN_SHAPE'] as const;
const argument = [b.ArgumentError, 'ERR_BRAWN_ARGUMENT'] as const;
const dtype = [b.DTypeError, 'ERR_BRAWN_DTYPE'] as const;
const memory = [b.MemoryError, 'ERR_BRAWN_MEMORY'] as const;
const gradient = [b.GradientError, 'ERR_BRAWN_GRADIENT'] as const;

type Kind = readonly [new (...args: never[]) => b.BrawnError, string];

const rows: readonly (readonly [call: () => unknown, kind: Kind, message: RegExp])[] = [
  // creation
  [() => b.zeros([2, -1]), shape, /^zeros: shape \[2,-1\] has dimension -1/],
  [() => b.ones([1.5]), shape, /^ones: shape \[1.5\] has dimension 1.5/],
  [() => b.zeros(3 as never), shape, /^zeros: shape must be an array of integers, got 3/],
  [() => b.zeros([2], { dtype: 'float16' as never }), dtype, /^zeros: unknown dtype "float16"; use one of bool/],
  [() => b.full([2], Number.NaN, { dtype: 'int32' }), argument, /^full: NaN is no value of int32/],
  [() => b.zeros([Number.MAX_SAFE_INTEGER, 2]), shape, /^zeros: shape \[9007199254740991,2\] is too large/],
  [() => b.add(b.zeros([1e8, 1]), b.zeros([1, 1e8])), shape, /^add: shapes .* broadcast to \[100000000,100000000\]/],
  [() => b.arange(0, 5, 0), argument, /^arange: step must not be 0/],
  [() => b.arange(0, 5, -1), argument, /^arange: step -1 leads away from 5 when starting at 0/],
  [() => b.arange(1e13), memory, /^arange: 10000000000000 elements of float32 need 38146972.7 MiB .* are available/],
  [() => b.linspace(0, 1, -1), argument, /^linspace: steps must be a non-negative integer, got -1/],
  [() => b.tensor([[1, 2], [3]]), shape, /^tensor: nested arrays are ragged at depth 1: expected shape \[2,2\]/],
  [() => b.tensor([1, 2, 3], { shape: [2, 2] }), shape, /^tensor: shape \[2,2\] has 4 elements but the data has 3/],
  [() => b.tensor(['a'] as never), dtype, /^tensor: elements must be numbers, bigints or booleans, got string/],
  [() => b.tensor(new Int16Array(2) as never), dtype, /^tensor: Int16Array is not supported; use Float32Array/],
  [() => b.tensor(2 ** 60, { dtype: 'int64' }), argument, /^tensor: .* is not a safe integer for int64/],
  // random
  [() => b.uniform([2], { low: 2, high: 1 }), argument, /^uniform: low 2 must not be above high 1/],
  [() => b.normal([2], { std: -1 }), argument, /^normal: std must not be negative, got -1/],
  [() => b.randn([2], { dtype: 'int32' as never }), dtype, /^randn: dtype must be float32 or float64, got "int32"/],
  [() => b.randInt(5, 5, [2]), argument, /^randInt: needs integers low < high, got 5 and 5/],
  [() => b.randPerm(-1), argument, /^randPerm: n must be a non-negative integer, got -1/],
  [() => b.bernoulli(whole as never), dtype, /^bernoulli: p must be float32 or float64, got int32/],
  [() => b.manualSeed(-1), argument, /^generator: seed must be an integer from 0 to 2\^53 - 1, got -1/],
  // elementwise
  [() => b.add(m, b.zeros([4])), shape, /^add: shapes \[2,3\] and \[4\] do not broadcast: dimension 1 is 3 .* 4/],
  [() => b.mul(m, 'a' as never), argument, /^mul: operand 1 must be a tensor, got the string a/],
  [() => b.relu([1, 2] as never), argument, /^relu: input must be a tensor, got an array; wrap it in tensor\(\)/],
  [() => b.where(m as never, m, m), dtype, /^where: .* bool/],
  [() => b.clamp(m), argument, /^clamp: needs min, max or both/],
  [() => b.cast(m, 'complex64' as never), dtype, /^cast: unknown dtype "complex64"/],
  // reductions
  [() => b.sum(m, 2), argument, /^sum: axis 2 is out of bounds for rank 2; use -2..1/],
  [() => b.mean(m, -3), argument, /^mean: axis -3 is out of bounds for rank 2/],
  [() => b.max(m, [0, 0]), argument, /^max: axes \[0,0\] name one axis twice/],
  [() => b.sum(m, 0.5), argument, /^sum: axis 0.5 is out of bounds/],
  [() => b.argMax(b.zeros([0])), shape, /^argMax: .* size 0/],
  [() => b.softmax(m, 5), argument, /^softmax: axis 5 is out of bounds for rank 2/],
  [() => b.cumSum(m, 2), argument, /^cumSum: axis 2 is out of bounds/],
  // layers
  [
    () => b.conv2d(x, b.zeros([16, 3, 3, 3])),
    shape,
    /^conv2d: weight expects 3 input channels \(dim 1\) but input \[8,4,32,32\] has 4$/,
  ],
  [() => b.conv2d(m, b.zeros([16, 3, 3, 3])), shape, /^conv2d: /],
  [() => b.conv2d(x, b.zeros([16, 4, 40, 40])), shape, /^conv2d: .*40/],
  [() => b.conv2d(x, b.zeros([16, 4, 3, 3]), undefined, { stride: 0 }), argument, /^conv2d: .*stride.*0/],
  [() => b.conv2d(x, b.zeros([16, 4, 3, 3]), b.zeros([3])), shape, /^conv2d: bias .*16.*3/],
  [
    () => b.conv2d(x, b.zeros([16, 4, 3, 3]), undefined, { groups: 3 }),
    shape,
    /^conv2d: .*groups.*3|^conv2d: .*3 groups/,
  ],
  [() => b.maxPool2d(x, 0), argument, /^maxPool2d: .*0/],
  [() => b.maxPool2d(m, 2), shape, /^maxPool2d: .*\[2,3\]/],
  [() => b.layerNorm(m, [4]), shape, /^layerNorm: .*4/],
  [() => b.groupNorm(b.zeros([2, 3, 4]), 2), shape, /^groupNorm: .*3.*2|^groupNorm: .*2.*3/],
  [() => b.dropout(m, { p: 1.5 }), argument, /^dropout: p must lie between 0 and 1, got 1.5/],
  [() => b.interpolate(x, { size: [0, 4] } as never), argument, /^interpolate: .*0/],
  // losses
  [
    () => b.crossEntropy(m, b.zeros([3], { dtype: 'int64' })),
    shape,
    /^crossEntropy: labels must be \[2\] for input \[2,3\], got \[3\]/,
  ],
  [() => b.crossEntropy(m, mask as never), dtype, /^crossEntropy: target must be int32 or int64, got bool/],
  [() => b.crossEntropy(m, labels, { reduction: 'avg' as never }), argument, /^crossEntropy: unknown reduction "avg"/],
  [() => b.crossEntropy(m, labels, { labelSmoothing: 2 }), argument, /^crossEntropy: labelSmoothing .* got 2/],
  [() => b.mseLoss(m, v), shape, /^mseLoss: input \[2,3\] and target \[3\] must have one shape/],
  // gradients
  [() => b.grad(m, [m]), shape, /^grad: output has shape \[2,3\]; reduce it to a scalar or pass gradOutput/],
  [() => b.grad(b.sum(m), [v]), gradient, /^grad: the output does not depend on input 0/],
  [() => b.grad(b.sum(whole), [m]), dtype, /^grad: output must be float32 or float64, got int64/],
  [() => b.grad(3 as never, [m]), argument, /^grad: output must be a tensor/],
  // modules and optimizers
  [() => b.nn.linear(0, 3), argument, /^linear: .*0/],
  [() => b.nn.conv2d(3, 4, -1), argument, /^conv2d: .*-1/],
  [() => b.optim.adam([]), argument, /^adam: there are no parameters to train/],
  [() => b.optim.sgd([new b.Parameter(v)], { lr: -1 }), argument, /^sgd: lr must be a non-negative number, got -1/],
  [
    () => b.optim.sgd([new b.Parameter(v, { name: 'w' })]).minimize(b.sum(m)),
    gradient,
    /^sgd: the loss depends on none/,
  ],
  // reading and runtime
  [() => m.item(), shape, /^item: needs a tensor with one element, but this one has shape \[2,3\]; use data\(\)/],
  [() => b.setThreads(0), argument, /^setThreads: needs an integer from 1 to 1024, got 0/],
  [() => b.setBackend('gpu' as never), argument, /^setBackend: unknown backend "gpu"; use native or javascript/],
  [() => b.evaluate(m as never), argument, /^evaluate: takes an array of tensors/],
  [() => b.evaluate([3] as never), argument, /^evaluate: element 0 is no tensor/],
  [() => (m as never) < 3, argument, /^tensor: JavaScript operators do not work on tensors/],
];

function thrownBy(call: () => unknown): b.BrawnError {
  try {
    call();
  } catch (error) {
    return error as b.BrawnError;
  }
  return expect.fail('nothing was thrown');
}

describe('refused at the call', () => {
  for (const [call, [kind, code], message] of rows)
    it(String(call).replace(/^\(\) => |__\w+__\./g, ''), () => {
      const error = thrownBy(call);
      expect(error).toBeInstanceOf(kind);
      expect(error).toBeInstanceOf(b.BrawnError);
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
      expect(error.name).toBe(kind.name);
    });
});

it('the first frame outside of brawn is the line of the call', () => {
  const calls = [() => b.matmul(m, m), () => m.add(b.zeros([4])), () => b.nn.linear(4, 2).forward(m), () => m.item()];
  for (const call of calls) {
    const { stack = '' } = thrownBy(call);
    const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
    const first = frames.find((frame) => !frame.includes('/src/'));
    expect(first, stack).toContain('calls.test.ts');
  }
});

it('in a compiled function too', async () => {
  const step = b.compile((a: b.Tensor<'float32'>) => b.matmul(a, a));
  const error = await step(m).then(
    () => undefined,
    (reason: b.BrawnError) => reason,
  );
  expect(error?.code).toBe('ERR_BRAWN_SHAPE');
  const frames = error?.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  expect(frames?.find((frame) => !frame.includes('/src/'))).toContain('calls.test.ts');
});
